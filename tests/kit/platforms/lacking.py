"""A Python that lacks what Python on Windows, or on macOS, lacks; run in place of `python`, it runs the rest.

    python tests/kit/platforms/lacking.py windows -m verifier logs/

To the project's own modules, in this process and in all that it starts by `sys.executable`, the standard
library's modules have exactly the names that they have on that system (names.json, by typeshed); modules
that are missing there can't be imported; `sys.platform` and `os.name` are that system's; nothing is below
`/proc`. For Windows besides:

- descriptors that were opened without `O_BINARY` turn LF to CRLF, and so do text files;
- only sockets can be waited for by `select`;
- processes take no `pass_fds`, `preexec_fn` or `process_group`; a command that is one string is split;
- symbolic links need a right that the user hasn't; a file that is open can't be removed or renamed;
- the main thread doesn't wait for a thread without a timeout, for Ctrl-C would wait too;
- new processes of `multiprocessing` are spawned.

Libraries, and the standard library itself, have what this system has.
"""

from __future__ import annotations

import builtins
import errno
import io
import json
import multiprocessing
import os
import runpy
import select
import selectors
import shlex
import socket
import stat
import subprocess
import sys
import threading
from pathlib import Path
from types import ModuleType
from typing import Any

HERE = Path(__file__).resolve()
ROOT = HERE.parents[3]
PLATFORMS = {"windows": "win32", "macos": "darwin"}
ABSENT = {
    "windows": {"crypt", "curses", "fcntl", "grp", "nis", "ossaudiodev", "posix", "pty", "pwd"}
    | {"readline", "resource", "spwd", "syslog", "termios", "tty"},
    "macos": {"nis", "ossaudiodev", "spwd"},
}
"""Modules that aren't there at all."""
O_BINARY = 0x8000
EXECUTABLE = "LACKING_EXECUTABLE"


class Lacking(ModuleType):
    """A module without some of its names, and with others in their place."""

    def __init__(self, real: ModuleType, gone: set[str], given: dict[str, Any]) -> None:
        super().__init__(real.__name__)
        if real is not sys:  # whose streams may change
            self.__dict__.update({k: v for k, v in vars(real).items() if k not in gone})
        self.__dict__.update(_real=real, _gone=gone, **given)

    def __getattr__(self, name: str) -> Any:
        if name in self.__dict__["_gone"]:
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        return getattr(self.__dict__["_real"], name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self.__dict__["_real"], name, value)


def remove(system: str) -> None:
    """From here on, the project's modules see what they would see there."""
    names = json.loads(HERE.with_name("names.json").read_text(encoding="utf-8"))[system]
    given: dict[str, dict[str, Any]] = {module: {} for module in names}
    given["sys"] = {"platform": PLATFORMS[system], "executable": os.environ[EXECUTABLE]}
    hide("/proc")
    if system == "windows":
        as_on_windows(given)
    elif system == "macos":
        given["selectors"]["DefaultSelector"] = selectors.SelectSelector
    reals = {module: __import__(module) for module in given}
    stripped = {
        module: Lacking(reals[module], set(names.get(module, ())), more)
        for module, more in given.items()
    }
    original = builtins.__import__

    def import_(
        name: str,
        globals: Any = None,  # noqa: A002 -- its name
        locals: Any = None,  # noqa: A002
        fromlist: Any = (),
        level: int = 0,
    ) -> Any:
        if is_ours(globals):
            if name.partition(".")[0] in ABSENT[system]:
                raise ModuleNotFoundError(f"No module named {name!r}", name=name)
            if name in stripped:
                return stripped[name]
        return original(name, globals, locals, fromlist, level)

    builtins.__import__ = import_


def is_ours(namespace: Any) -> bool:
    """Whether a module is one of the project's, and not this one."""
    file = str((namespace or {}).get("__file__") or "")
    return file.startswith(str(ROOT)) and file != str(HERE) and "site-packages" not in file


def hide(prefix: str) -> None:
    """Let nobody find what is below a folder."""

    def without(function: Any) -> Any:
        def wrapped(path: Any, *more: Any, **named: Any) -> Any:
            if isinstance(path, str | os.PathLike) and str(path).startswith(prefix):
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
            return function(path, *more, **named)

        return wrapped

    for module, name in [(io, "open"), (builtins, "open")] + [
        (os, name) for name in ("open", "stat", "lstat", "listdir", "scandir", "readlink")
    ]:
        setattr(module, name, without(getattr(module, name)))


def as_on_windows(given: dict[str, dict[str, Any]]) -> None:
    """What differs there though the names are the same."""
    given["os"] |= {"name": "nt", "O_BINARY": O_BINARY, **TextDescriptors().functions}
    given["selectors"]["DefaultSelector"] = selectors.SelectSelector
    given["select"]["select"] = sockets_only
    selectors.SelectSelector._select = lambda _self, r, w, _, timeout=None: sockets_only(r, w, w, timeout)  # type: ignore[attr-defined]  # fmt: skip
    given["subprocess"] = {"Popen": WindowsPopen, "run": windows_run}
    given["threading"] = {"Thread": WindowsThread}
    given["socket"]["SO_EXCLUSIVEADDRUSE"] = ~socket.SO_REUSEADDR
    setattr(os, "symlink", refuse_symlink)  # noqa: B010 -- its type is another
    for name in ("unlink", "remove", "rename", "replace"):
        setattr(os, name, unless_open(getattr(os, name)))
    translate_text()
    multiprocessing.set_start_method("spawn")
    multiprocessing.set_executable(os.environ[EXECUTABLE])


class TextDescriptors:
    """`os.open` and `os.write` where a descriptor is for text unless `O_BINARY` says otherwise."""

    def __init__(self) -> None:
        self._texts: set[int] = set()
        self.functions = {"open": self._open, "write": self._write, "close": self._close}

    def _open(self, path: Any, flags: int, *more: Any, **named: Any) -> int:
        fd = os.open(path, flags & ~O_BINARY, *more, **named)
        (self._texts.discard if flags & O_BINARY else self._texts.add)(fd)
        return fd

    def _write(self, fd: int, data: Any) -> int:
        if fd not in self._texts:
            return os.write(fd, data)
        os.write(fd, bytes(data).replace(b"\n", b"\r\n"))
        return len(data)

    def _close(self, fd: int) -> None:
        self._texts.discard(fd)
        os.close(fd)


def sockets_only(reading: Any, writing: Any, failing: Any, timeout: float | None = None) -> Any:
    """`select.select`, which knows nothing else there."""
    for one in {*reading, *writing, *failing}:
        number = one if isinstance(one, int) else one.fileno()
        if not stat.S_ISSOCK(os.fstat(number).st_mode):
            raise OSError(10038, "An operation was attempted on something that is not a socket")
    return select.select(reading, writing, failing, timeout)


class WindowsPopen(subprocess.Popen[Any]):
    """Takes what it takes there."""

    def __init__(self, args: Any, **named: Any) -> None:
        for name in ("pass_fds", "preexec_fn", "process_group", "start_new_session"):
            if named.pop(name, None) and name != "start_new_session":
                raise ValueError(f"{name} is not supported on Windows platforms")
        named.pop("creationflags", None)
        if isinstance(args, str) and not named.get("shell"):
            args = shlex.split(args)
        super().__init__(args, **named)

    def send_signal(self, sig: int) -> None:
        """Nothing but an end can be sent."""
        self.kill()

    def terminate(self) -> None:
        """At once."""
        self.kill()


def windows_run(
    args: Any,
    *,
    timeout: float | None = None,
    check: bool = False,
    capture_output: bool = False,
    **named: Any,
) -> Any:
    """`subprocess.run` for what our code runs."""
    if capture_output:
        named |= {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with WindowsPopen(args, **named) as process:
        out, err = process.communicate(timeout=timeout)
    done = subprocess.CompletedProcess(args, process.returncode, out, err)
    if check:
        done.check_returncode()
    return done


class WindowsThread(threading.Thread):
    """Waiting for it without a timeout would make Ctrl-C wait."""

    def join(self, timeout: float | None = None) -> None:
        """Refuse what would."""
        if (
            timeout is None
            and self.is_alive()
            and threading.current_thread() is threading.main_thread()
        ):
            raise AssertionError("the main thread waits without a timeout: Ctrl-C would wait, too")
        super().join(timeout)


def refuse_symlink(source: Any, target: Any, *_more: Any, **_named: Any) -> None:
    """As for a user who is no developer."""
    raise OSError(errno.EPERM, "A required privilege is not held by the client", target)


def unless_open(function: Any) -> Any:
    """A file that this process has open stays where it is."""
    listdir, readlink = os.listdir.__closure__, os.readlink.__closure__  # what `hide` wrapped
    assert listdir is not None
    assert readlink is not None
    real_listdir, real_readlink = (
        next(cell.cell_contents for cell in cells if callable(cell.cell_contents))
        for cells in (listdir, readlink)
    )

    def wrapped(path: Any, *more: Any, **named: Any) -> Any:
        whole = os.path.realpath(path)
        for fd in real_listdir("/proc/self/fd"):
            try:
                if real_readlink(f"/proc/self/fd/{fd}") == whole:
                    raise PermissionError(errno.EACCES, "The file is being used by a process", path)
            except FileNotFoundError:
                continue
        return function(path, *more, **named)

    return wrapped


def translate_text() -> None:
    """Text files get CRLF where nothing else is asked for."""
    plain = io.open

    def open_(
        file: Any,
        mode: str = "r",
        buffering: int = -1,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
        *more: Any,
        **named: Any,
    ) -> Any:
        if "b" not in mode and set(mode) & set("wax+") and newline is None:
            newline = "\r\n"
        return plain(file, mode, buffering, encoding, errors, newline, *more, **named)

    io.open = builtins.open = open_


def run(arguments: list[str]) -> None:
    """Run what a command line of Python's says."""
    while arguments and arguments[0].startswith("-") and arguments[0] not in {"-c", "-m"}:
        arguments.pop(0)  # such as -I
    if arguments[0] == "-c":
        sys.argv = ["-c", *arguments[2:]]
        space = {"__name__": "__main__", "__builtins__": builtins, "__file__": str(ROOT / "-c")}
        exec(compile(arguments[1], "-c", "exec"), space)
    elif arguments[0] == "-m":
        sys.argv = arguments[1:]
        sys.path.insert(0, str(Path.cwd()))
        runpy.run_module(arguments[1], None, "__main__", alter_sys=True)
    else:
        sys.argv = arguments
        sys.path.insert(0, str(Path(arguments[0]).resolve().parent))
        runpy.run_path(arguments[0], None, "__main__")


if __name__ == "__main__":
    sys.path.pop(0)  # this folder
    remove(sys.argv[1])
    run(sys.argv[2:])

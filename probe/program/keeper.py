"""Starts one program and outlives it: when its own standard input ends, everything below it ends too.

Run as a script of its own, with one JSON argument; it imports nothing of the probe. The probe
holds the other end of the pipe. So the program under test ends with the probe, however the probe
ends (also by `kill -9`), whatever the program does: it may fork, leave its group or ignore SIGTERM.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

_SUBREAPER = 36
_PARENT_DEATH = 1
_GRACE_SECONDS = 0.4


def _prctl(option: int, value: int) -> None:
    """Linux only; elsewhere the process group must do."""
    if sys.platform == "linux":
        with suppress(Exception):
            import ctypes  # noqa: PLC0415 -- other systems have no prctl to call

            ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def _limit(name: str, value: int) -> None:
    import resource  # noqa: PLC0415 -- it is missing where there are no such limits

    with suppress(Exception):
        kind = getattr(resource, name)
        _, hard = resource.getrlimit(kind)
        if hard != resource.RLIM_INFINITY:
            value = min(value, hard)
        resource.setrlimit(kind, (value, hard))


def _become(order: dict[str, object]) -> None:
    """In the child: a group of its own, limits, output into a file, then the program."""
    os.setsid()
    _prctl(_PARENT_DEATH, signal.SIGKILL)
    for number in (signal.SIGPIPE, signal.SIGINT, signal.SIGTERM, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    _limit("RLIMIT_CORE", 0)
    _limit("RLIMIT_FSIZE", int(str(order["file_bytes"])))
    _limit("RLIMIT_CPU", int(str(order["cpu_seconds"])))
    nothing = os.open(os.devnull, os.O_RDONLY)
    output = os.open(str(order["output"]), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(nothing, 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.closerange(3, 256)
    os.chdir(str(order["cwd"]))
    words = order["words"]
    assert isinstance(words, list)
    os.execvp(words[0], words)  # noqa: S606 -- that is what it is for


def _start(order: dict[str, object]) -> int:
    child = os.fork()
    if child:
        return child
    try:
        _become(order)
    except OSError as error:
        os.write(2, f"{error.filename or order['words']}: {error.strerror}\n".encode())
    finally:
        os._exit(127)


def _descendants() -> set[int]:
    """Everything below this process, however it regrouped itself."""
    parents: dict[int, int] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError, ValueError, IndexError):
            text = stat.read_text(encoding="utf-8", errors="replace")
            parents[int(stat.parent.name)] = int(text.rpartition(")")[2].split()[1])
    found: set[int] = set()
    waiting = {os.getpid()}
    while waiting:
        waiting = {one for one, parent in parents.items() if parent in waiting} - found
        found |= waiting
    return found


def _signal_all(child: int, number: int) -> bool:
    """Signal the group and all descendants; whether anybody was there."""
    anybody = False
    with suppress(OSError):
        os.killpg(child, number)
        anybody = True
    for one in _descendants():
        with suppress(OSError):
            os.kill(one, number)
            anybody = True
    return anybody


def _reap(child: int) -> int | None:
    """Collect who ended; the program's exit status if it is among them."""
    status = None
    with suppress(ChildProcessError):
        while True:
            ended, how = os.waitpid(-1, os.WNOHANG)
            if not ended:
                break
            if ended == child:
                status = os.waitstatus_to_exitcode(how)
    return status


def _end(child: int, *, gently: bool) -> None:
    """End everything below: by SIGTERM first where asked, by SIGKILL until nobody is left."""
    if gently and _signal_all(child, signal.SIGTERM):
        end = time.monotonic() + _GRACE_SECONDS
        while time.monotonic() < end and _descendants():
            _reap(child)
            time.sleep(0.02)
    for _ in range(200):
        _signal_all(child, signal.SIGKILL)
        _reap(child)
        if not _descendants():
            return
        time.sleep(0.01)


def main() -> None:
    """Start the program, tell its end, end everything when told or left alone."""
    order = json.loads(sys.argv[1])
    if hasattr(os, "fork"):
        _keep(order)
    else:
        _keep_simply(order)


def _keep_simply(order: dict[str, Any]) -> None:
    """The same on Windows, where what the program starts is ended as far as it can still be found."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)
    output = os.open(order["output"], flags, 0o644)
    try:
        child = subprocess.Popen(
            order["words"],
            cwd=order["cwd"],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
        )
    except OSError as error:
        os.write(2, f"{error.filename or order['words']}: {error.strerror}\n".encode())
        os.write(1, b"ended 127\n")
        return
    told = threading.Event()

    def listen() -> None:
        os.read(0, 16)
        told.set()

    threading.Thread(target=listen, daemon=True).start()
    os.write(1, f"started {child.pid}\n".encode())
    is_told = False
    while not told.wait(0.05):
        if child.poll() is not None and not is_told:
            is_told = True
            os.write(1, f"ended {child.returncode}\n".encode())
    if child.poll() is None:
        with suppress(OSError):
            command = ["taskkill", "/F", "/T", "/PID", str(child.pid)]
            subprocess.run(command, capture_output=True, check=False)
        child.kill()
        child.wait()


def _keep(order: dict[str, Any]) -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE):
        signal.signal(number, signal.SIG_IGN)
    _prctl(_SUBREAPER, 1)
    wake_read, wake_write = os.pipe()
    os.set_blocking(wake_write, False)
    os.set_blocking(wake_read, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
    child = _start(order)
    with suppress(OSError):
        os.write(1, f"started {child}\n".encode())
    gently = False
    while True:
        ready, _, _ = select.select([0, wake_read], [], [], 1.0)
        if wake_read in ready:
            with suppress(OSError):
                os.read(wake_read, 512)
        status = _reap(child)
        if status is not None:
            with suppress(OSError):
                os.write(1, f"ended {status}\n".encode())
        if 0 in ready:
            word = os.read(0, 16)
            gently = word.startswith(b"T")
            break
    _end(child, gently=gently)


if __name__ == "__main__":
    main()

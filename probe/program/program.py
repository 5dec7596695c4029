"""The program under test: build it, start it below a keeper, read its last words, end it."""

from __future__ import annotations

import json
import os
import re
import shlex
import socket
import subprocess
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from probe.program.words import clean, trace_in

KEEPER = Path(__file__).with_name("keeper.py")
OUTPUT_BYTES = 8 << 20
"""Of what a program prints no more than this is kept; some never stop saying that they wait."""
FLOOD_BYTES = 64 << 20
"""A program that prints more than this between two looks is ended."""
FILE_BYTES = 256 << 20
CPU_SECONDS = 120
BUILD_SECONDS = 300
_WINDOWS_SHELL = re.compile("[|&;<>%^]")
_SHELL = re.compile(r"[|&;<>()$`*?\[\]#~=%\n]")


class ProgramError(Exception):
    """The program can't be built or started: what to tell the user."""


@dataclass(frozen=True, slots=True)
class Order:
    """What to start, and where. Paths are absolute."""

    command: str
    folder: Path
    output: Path


def words_of(command: str) -> list[str] | str:
    """The command as words; by way of the shell where it uses what only a shell has.

    On Windows programs take their words apart themselves, so that it stays as it is.
    """
    if os.name == "nt":
        return f"cmd /d /s /c {command}" if _WINDOWS_SHELL.search(command) else command
    if _SHELL.search(command):
        return ["/bin/sh", "-c", command]
    try:
        return shlex.split(command)
    except ValueError as error:
        raise ProgramError(f"the command {command!r} can't be read: {error}") from None


def build(command: str, folder: Path) -> None:
    """Run the build command in the project's folder; ProgramError with its last lines if it fails."""
    try:
        done = subprocess.run(
            f"cmd /d /s /c {command}" if os.name == "nt" else ["/bin/sh", "-c", command],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=BUILD_SECONDS,
            check=False,
            start_new_session=True,
        )
    except subprocess.TimeoutExpired:
        raise ProgramError(
            f"the build command takes longer than {BUILD_SECONDS} s: {command}"
        ) from None
    if done.returncode:
        said = done.stdout.decode(errors="replace").splitlines()[-12:]
        raise ProgramError(
            f"the build command ends with status {done.returncode}: {command}\n"
            + "\n".join(f"  {line}" for line in said)
        )


class Program:
    """One running instance."""

    def __init__(self, order: Order) -> None:
        """Start it; ProgramError where not even a keeper can be started."""
        self.order = order
        self.pid: int | None = None
        self.status: int | None = None
        self._said = b""
        self._trace: list[str] = []
        text = json.dumps(
            {
                "words": words_of(order.command),
                "cwd": str(order.folder),
                "output": str(order.output),
                "file_bytes": FILE_BYTES,
                "cpu_seconds": CPU_SECONDS,
            }
        )
        try:
            self._keeper = subprocess.Popen(
                [sys.executable, "-I", "-S", str(KEEPER), text],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                start_new_session=True,
            )
        except OSError as error:
            raise ProgramError(f"the program can't be started: {error}") from None
        assert self._keeper.stdout is not None
        self._news, far = socket.socketpair()  # a pipe can't be waited for on Windows
        self._news.settimeout(0)
        pipe = self._keeper.stdout
        self._thread = threading.Thread(target=_hand_on, args=(pipe, far), daemon=True)
        self._thread.start()

    def fileno(self) -> int:
        """Readable when there is news for `poll`."""
        return self._news.fileno()

    def poll(self) -> int | None:
        """The exit status (negative: the signal that ended it), or None while it runs."""
        with suppress(OSError):  # nothing new, or it is over
            while data := self._news.recv(4096):
                self._said += data
        for line in self._said.split(b"\n")[:-1]:
            word, _, number = line.partition(b" ")
            if word == b"started":
                self.pid = int(number)
            elif word == b"ended":
                self.status = int(number)
        return self.status

    def printed_too_much(self) -> bool:
        """Keep its output short; whether it prints faster than that can be done."""
        size = 0
        with suppress(OSError):
            size = self.order.output.stat().st_size
            if OUTPUT_BYTES < size <= FLOOD_BYTES:
                self._trace = self._trace or self.traceback()
                os.truncate(self.order.output, 0)  # it is written at its end, wherever that is
        return size > FLOOD_BYTES

    def stop(self, *, gently: bool = False) -> None:
        """End it and everything that it started; returns when nothing of it is left."""
        keeper = self._keeper
        assert keeper.stdin is not None
        if keeper.stdin.closed:
            return
        with suppress(OSError):
            if gently:
                keeper.stdin.write(b"T")
            keeper.stdin.close()
        with suppress(subprocess.TimeoutExpired):
            keeper.wait(5)
        if keeper.poll() is None:
            keeper.kill()
            keeper.wait()
        self._thread.join(1)  # all that it said has come
        self.poll()
        self._news.close()

    def last_words(self, lines: int = 6) -> list[str]:
        """The last lines that it printed, shortened, without control characters."""
        return [clean(line) for line in _tail(self.order.output).splitlines() if line.strip()][
            -lines:
        ]

    def traceback(self) -> list[str]:
        """The lines of a stack trace that it printed, or none."""
        for text in (_head(self.order.output, 1 << 20), _tail(self.order.output, 1 << 20)):
            if found := trace_in(text):
                return found
        return self._trace


def _hand_on(pipe: IO[bytes], far: socket.socket) -> None:
    """Pass on what comes, as it comes."""
    with far, pipe, suppress(OSError):
        while data := os.read(pipe.fileno(), 4096):
            far.sendall(data)


def _tail(path: Path, size: int = 65536) -> str:
    with suppress(OSError), path.open("rb") as file:
        file.seek(0, os.SEEK_END)
        file.seek(max(0, file.tell() - size))
        return file.read(size).decode(errors="replace")
    return ""


def _head(path: Path, size: int) -> str:
    with suppress(OSError), path.open("rb") as file:
        return file.read(size).decode(errors="replace")
    return ""


def listening_ports(root: int | None) -> list[int]:
    """Ports on which the program, or a process below it, listens; empty where that can't be seen."""
    if root is None or not Path("/proc/net/tcp").exists():
        return []
    inodes = set()
    for pid in _family(root):
        with suppress(OSError):
            for name in Path(f"/proc/{pid}/fd").iterdir():
                with suppress(OSError):
                    target = str(name.readlink())
                    if target.startswith("socket:["):
                        inodes.add(target[8:-1])
    ports = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with suppress(OSError):
            for row in Path(table).read_text(encoding="ascii").splitlines()[1:]:
                cells = row.split()
                if cells[3] == "0A" and cells[9] in inodes:
                    ports.add(int(cells[1].rpartition(":")[2], 16))
    return sorted(ports)


def cpu_seconds(root: int | None) -> float:
    """Processor time that the program, and the processes below it, have used so far; 0 where that can't be seen."""
    used = 0
    for pid in _family(root) if root is not None else ():
        with suppress(OSError, ValueError, IndexError):
            stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
            fields = stat.rpartition(")")[2].split()
            used += int(fields[11]) + int(fields[12])
    return used / os.sysconf("SC_CLK_TCK") if used else 0.0


def _family(root: int) -> set[int]:
    """A process and all below it."""
    parents = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError, ValueError, IndexError):
            stat = path.read_text(encoding="utf-8", errors="replace")
            parents[int(path.parent.name)] = int(stat.rpartition(")")[2].split()[1])
    found = {root}
    while more := {one for one, parent in parents.items() if parent in found} - found:
        found |= more
    return found

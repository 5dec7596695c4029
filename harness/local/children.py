"""Processes of peers: starts them, hears what they tell, and sees to it that all of them end.

However their parent ends, no peer outlives it:

- Each peer has the read end of a pipe, its lifeline, whose write end only the parent holds (see
  channels.py). When the parent dies, even by `kill -9`, that pipe ends and so do the peers.
- Each peer is the leader of a process group of its own. Ctrl-C on the terminal therefore reaches
  the parent alone, which passes it on, waits for the orderly end, and then kills the group.

Nothing but the standard library is imported: this file also runs on the hosts of a remote swarm.
"""

from __future__ import annotations

import os
import selectors
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from io import RawIOBase
from pathlib import Path
from typing import BinaryIO, Protocol, Self

from harness.local.channels import KILL, open_channels

GRACE = 8.0
"""Seconds that peers get for an orderly end: 5 of their own (spec 7.2) and some to spare."""
TICK = 0.25
"""Seconds between two looks at diagnostics and processes: as often as peers tell their status."""


class Listener(Protocol):
    """Who is told what the processes do; every call comes from a method of `Children`."""

    def on_start(self, peer_id: int, pid: int) -> None:
        """A peer's process runs."""

    def on_line(self, peer_id: int, line: bytes) -> None:
        """A peer wrote a line to its status pipe."""

    def on_diagnostic(self, line: str) -> None:
        """A peer wrote a line to its stderr."""

    def on_end(self, peer_id: int, exit_status: int) -> None:
        """A peer's process is gone; a signal N that killed it counts as 128 + N."""


@dataclass(slots=True)
class _Process:
    """One running peer and its two channels: status pipe and the file of its stderr."""

    peer_id: int
    popen: subprocess.Popen[bytes]
    status_pipe: RawIOBase
    stderr: BinaryIO
    heard: bool = False
    status_rest: bytearray = field(default_factory=bytearray)
    stderr_rest: bytearray = field(default_factory=bytearray)


class Children:
    """The peers' processes, while entered; whoever still runs on the way out is killed.

    What a peer writes to its stderr is kept in `folder/peer_ID.stderr`.
    """

    def __init__(self, folder: Path, listener: Listener) -> None:
        self._folder = folder
        self._listener = listener
        self._running: dict[int, _Process] = {}
        self._next_look = 0.0

    def __enter__(self) -> Self:
        self._selector = selectors.DefaultSelector()
        self._channels = open_channels()
        return self

    def __exit__(self, *_error: object) -> None:
        self._channels.let_go()
        self.signal_all(KILL)
        for process in list(self._running.values()):
            process.popen.wait()
            self._close(process)
        self._selector.close()
        self._channels.close()

    @property
    def running(self) -> list[int]:
        """The ids of the peers whose processes run, in start order."""
        return list(self._running)

    def start(self, peer_id: int, command: Sequence[str]) -> None:
        """Start a peer; `--lifeline-fd` and `--status-fd` are added. OSError when that fails."""
        path = self._folder / f"peer_{peer_id}.stderr"
        with path.open("wb") as output:
            popen, status_pipe = self._channels.start(command, output)
        stderr = path.open("rb", buffering=0)  # with a position of its own
        process = _Process(peer_id, popen, status_pipe, stderr)
        self._running[peer_id] = process
        self._selector.register(status_pipe, selectors.EVENT_READ, process)
        self._listener.on_start(peer_id, popen.pid)

    def also_watch(self, source: int | socket.socket, then: Callable[[], None]) -> None:
        """Call `then` in `watch` whenever `source` can be read."""
        self._selector.register(source, selectors.EVENT_READ, then)

    def forget(self, source: int) -> None:
        """Watch it no longer."""
        self._selector.unregister(source)

    def watch(self) -> bool:
        """Wait for the next news, or tick, and tell it; whether it was time for a tick."""
        for key, _events in self._selector.select(max(0.0, self._next_look - time.monotonic())):
            if not isinstance(key.data, _Process):
                key.data()
            elif self._hear(key.data) == b"":
                self._await(key.data)
        now = time.monotonic()
        if now < self._next_look:
            return False
        self._next_look = now + TICK
        for process in list(self._running.values()):
            self._read_diagnostics(process)
            self._reap(process)
        return True

    def signal_all(self, number: int) -> None:
        """Send a signal to every peer that runs.

        One that hasn't told its status yet is still being loaded, and may show a traceback at SIGINT:
        it is sent SIGTERM, which ends it all the same.
        """
        for process in self._running.values():
            is_loading = number == signal.SIGINT and not process.heard
            self._channels.signal(process.popen, signal.SIGTERM if is_loading else number)

    def _hear(self, process: _Process) -> bytes | None:
        """Take in what a peer tells; returns it: `b""` at the end of the pipe, None if nothing."""
        data: bytes | None = process.status_pipe.read(1 << 16)
        process.heard = process.heard or bool(data)
        for line in whole_lines(process.status_rest, data or b""):
            self._listener.on_line(process.peer_id, line)
        return data

    def _await(self, process: _Process) -> None:
        """The status pipe has ended, so the process has ended or is about to."""
        self._selector.unregister(process.status_pipe)
        with suppress(subprocess.TimeoutExpired):
            process.popen.wait(TICK)
        self._reap(process)

    def _read_diagnostics(self, process: _Process) -> None:
        while data := process.stderr.read(1 << 16):
            for line in whole_lines(process.stderr_rest, data):
                self._listener.on_diagnostic(line.decode(errors="replace"))

    def _reap(self, process: _Process) -> None:
        """Take leave of a process if it has ended."""
        code = process.popen.poll()
        if code is None:
            return
        self._channels.settle(process.popen)
        while self._hear(process):
            pass
        self._read_diagnostics(process)
        if process.stderr_rest:
            self._listener.on_diagnostic(process.stderr_rest.decode(errors="replace"))
        self._close(process)
        self._listener.on_end(process.peer_id, code if code >= 0 else 128 - code)

    def _close(self, process: _Process) -> None:
        del self._running[process.peer_id]
        if process.status_pipe in self._selector.get_map():
            self._selector.unregister(process.status_pipe)
        process.status_pipe.close()
        is_empty = os.fstat(process.stderr.fileno()).st_size == 0
        process.stderr.close()
        if is_empty:
            (self._folder / f"peer_{process.peer_id}.stderr").unlink()


def whole_lines(rest: bytearray, data: bytes) -> list[bytes]:
    """The lines that `data` completes; `rest` keeps what is not yet one."""
    *lines, remainder = (bytes(rest) + data).split(b"\n")
    rest[:] = remainder
    return lines

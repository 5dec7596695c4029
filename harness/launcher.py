"""Starts the peers' processes, hears what they tell, and sees to it that all of them end.

However the launcher ends, no peer outlives it:

- Each peer inherits the read end of one pipe whose write end only the launcher holds (all
  descriptors are close-on-exec unless passed on by name). When the launcher dies, even by
  `kill -9`, that pipe ends and so do the peers.
- Each peer is the leader of a process group of its own. Ctrl-C on the terminal therefore reaches
  the launcher alone, which passes it on, waits for the orderly end, and then kills the group.
"""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass, field
from io import FileIO
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from harness import status
from harness.errors import TIMED_OUT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import FrameType
    from typing import BinaryIO

    from harness.status import Status

GRACE = 8.0
"""Seconds that peers get for an orderly end: 5 of their own (spec 7.2) and some to spare."""
TICK = 0.25
"""Seconds between two looks at diagnostics and processes: as often as peers tell their status."""
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Observer(Protocol):
    """Who is told what happens; every call comes from `Launcher.run`."""

    def on_start(self, peer_id: int, pid: int) -> None:
        """A peer's process runs."""

    def on_status(self, status: Status) -> None:
        """A peer told how it stands."""

    def on_diagnostic(self, line: str) -> None:
        """A peer wrote a line to its stderr, or the launcher has something to say."""

    def on_end(self, peer_id: int, exit_status: int) -> None:
        """A peer's process is gone; a signal N that killed it counts as 128 + N."""

    def on_tick(self) -> None:
        """About four times a second: time to show what has changed."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the swarm ended: its exit status, and each peer's in the order of their ends."""

    exit_status: int
    statuses: dict[int, int]


@dataclass(slots=True)
class _Process:
    """One running peer and its two channels: status pipe and the file of its stderr."""

    peer_id: int
    popen: subprocess.Popen[bytes]
    status_pipe: FileIO
    stderr: BinaryIO
    stderr_read: int = 0
    status_rest: bytearray = field(default_factory=bytearray)
    stderr_rest: bytearray = field(default_factory=bytearray)


class Launcher:
    """Runs one command per peer until all have ended.

    `commands` maps each peer's id to its command line, in start order; `--lifeline-fd` and
    `--status-fd` are added here. What a peer writes to its stderr is kept in `folder/peer_ID.stderr`.
    """

    def __init__(
        self,
        commands: Mapping[int, Sequence[str]],
        folder: Path,
        observer: Observer,
        *,
        timeout: float,
        grace: float = GRACE,
    ) -> None:
        self._commands = commands
        self._folder = folder
        self._observer = observer
        self._timeout = timeout
        self._grace = grace
        self._running: dict[int, _Process] = {}
        self._statuses: dict[int, int] = {}
        self._verdict: int | None = None
        self._kill_at = float("inf")
        self._signals: list[int] = []
        self._selector = selectors.DefaultSelector()

    def run(self) -> Outcome:
        """Start all, wait for all; call from the main thread, which alone may handle signals.

        The exit status is 0 when every peer's was; 5 when the time was up; 130, 143 or 129 when
        SIGINT, SIGTERM or SIGHUP came; else that of the first peer that failed.
        """
        lifeline, held = os.pipe()
        wake_up, woken = os.pipe()
        os.set_blocking(woken, False)
        self._selector.register(wake_up, selectors.EVENT_READ)
        handlers = {number: signal.signal(number, self._note_signal) for number in _SIGNALS}
        # The handler only takes a note; the byte that the interpreter writes ends the wait.
        wakeup_fd = signal.set_wakeup_fd(woken, warn_on_full_buffer=False)
        try:
            for peer_id, command in self._commands.items():
                self._start(peer_id, command, lifeline)
            self._watch(wake_up, deadline=time.monotonic() + self._timeout)
        finally:
            os.close(held)
            self._kill()
            signal.set_wakeup_fd(wakeup_fd)
            for number, handler in handlers.items():
                signal.signal(number, handler)
            self._selector.close()
            for descriptor in (lifeline, wake_up, woken):
                os.close(descriptor)
        return Outcome(self._verdict or 0, self._statuses)

    def _note_signal(self, number: int, _frame: FrameType | None) -> None:
        self._signals.append(number)

    def _start(self, peer_id: int, command: Sequence[str], lifeline: int) -> None:
        reader, writer = os.pipe()
        os.set_blocking(reader, False)
        status_pipe = FileIO(reader)
        stderr = (self._folder / f"peer_{peer_id}.stderr").open("w+b")
        try:
            popen = subprocess.Popen(
                [*command, "--lifeline-fd", str(lifeline), "--status-fd", str(writer)],
                stdin=subprocess.DEVNULL,
                stdout=stderr,
                stderr=stderr,
                pass_fds=(lifeline, writer),
                process_group=0,
            )
        except OSError:
            status_pipe.close()
            stderr.close()
            raise
        finally:
            os.close(writer)
        process = _Process(peer_id, popen, status_pipe, stderr)
        self._running[peer_id] = process
        self._selector.register(status_pipe, selectors.EVENT_READ, process)
        self._observer.on_start(peer_id, popen.pid)

    def _watch(self, wake_up: int, deadline: float) -> None:
        next_tick = time.monotonic()
        while self._running:
            for key, _events in self._selector.select(max(0.0, next_tick - time.monotonic())):
                if key.fd == wake_up:
                    os.read(wake_up, 64)
                elif self._hear(key.data) == b"":
                    self._await(key.data)
            self._heed_signals()
            now = time.monotonic()
            if now >= deadline and self._verdict is None:
                self._observer.on_diagnostic(f"not finished after {self._timeout:g} s: giving up")
                self._end(TIMED_OUT, signal.SIGTERM)
            if now >= self._kill_at:
                self._signal_all(signal.SIGKILL)
            if now >= next_tick:
                next_tick = now + TICK
                for process in list(self._running.values()):
                    self._read_diagnostics(process)
                    self._reap(process)
                self._observer.on_tick()

    def _hear(self, process: _Process) -> bytes | None:
        """Take in what a peer tells; returns it: `b""` at the end of the pipe, None if nothing."""
        data: bytes | None = process.status_pipe.read(1 << 16)
        for line in _whole_lines(process.status_rest, data or b""):
            try:
                self._observer.on_status(status.parse(line))
            except ValueError:
                text = line.decode(errors="replace")
                self._observer.on_diagnostic(f"peer {process.peer_id}: unreadable status: {text}")
        return data

    def _await(self, process: _Process) -> None:
        """The status pipe has ended, so the process has ended or is about to."""
        self._selector.unregister(process.status_pipe)
        with suppress(subprocess.TimeoutExpired):
            process.popen.wait(TICK)
        self._reap(process)

    def _read_diagnostics(self, process: _Process) -> None:
        # By offset: the file's own position belongs to the peer, which writes there.
        while data := os.pread(process.stderr.fileno(), 1 << 16, process.stderr_read):
            process.stderr_read += len(data)
            for line in _whole_lines(process.stderr_rest, data):
                self._observer.on_diagnostic(line.decode(errors="replace"))

    def _reap(self, process: _Process) -> None:
        """Take leave of a process if it has ended; the first failure ends all others."""
        code = process.popen.poll()
        if code is None:
            return
        while self._hear(process):
            pass
        self._read_diagnostics(process)
        if process.stderr_rest:
            self._observer.on_diagnostic(process.stderr_rest.decode(errors="replace"))
        self._close(process)
        exit_status = code if code >= 0 else 128 - code
        self._statuses[process.peer_id] = exit_status
        self._observer.on_end(process.peer_id, exit_status)
        if exit_status != 0 and self._verdict is None:
            self._observer.on_diagnostic(
                f"peer {process.peer_id} ended with status {exit_status}: the swarm can't complete"
            )
            self._end(exit_status, signal.SIGTERM)

    def _close(self, process: _Process) -> None:
        del self._running[process.peer_id]
        if process.status_pipe in self._selector.get_map():
            self._selector.unregister(process.status_pipe)
        process.status_pipe.close()
        if os.fstat(process.stderr.fileno()).st_size == 0:
            Path(process.stderr.name).unlink()
        process.stderr.close()

    def _heed_signals(self) -> None:
        """The first signal asks the peers to end in order, a second one ends them at once."""
        while self._signals:
            number = self._signals.pop(0)
            if self._verdict is None:
                passed_on = signal.SIGINT if number == signal.SIGINT else signal.SIGTERM
                self._end(128 + number, passed_on)
            else:
                self._kill_at = 0.0

    def _end(self, verdict: int, number: signal.Signals) -> None:
        """Settle the exit status and ask all to end; who still runs after the grace is killed."""
        self._verdict = verdict
        self._kill_at = time.monotonic() + self._grace
        self._signal_all(number)

    def _signal_all(self, number: signal.Signals) -> None:
        for process in self._running.values():
            # Its group can't be another's: the process is ours until it has been waited for.
            with suppress(ProcessLookupError):
                os.killpg(process.popen.pid, number)

    def _kill(self) -> None:
        """Leave nothing behind, whatever the way out of `run` was."""
        self._signal_all(signal.SIGKILL)
        for process in list(self._running.values()):
            process.popen.wait()
            self._close(process)


def _whole_lines(rest: bytearray, data: bytes) -> list[bytes]:
    """The lines that `data` completes; `rest` keeps what is not yet one."""
    *lines, remainder = (bytes(rest) + data).split(b"\n")
    rest[:] = remainder
    return lines

"""Starts the peers' processes on this machine, tells what they do, and settles how it ended."""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from harness import records
from harness.local.children import GRACE, Children
from harness.local.shutdown import Shutdown
from peerio.status import Status


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
    """How the swarm ended: its exit status, each peer's in the order of their ends, whether we were stopped."""

    exit_status: int
    statuses: dict[int, int]
    interrupted: bool = False


class Launcher:
    """Runs one command per peer until all have ended; none of them outlives it.

    `commands` maps each peer's id to its command line, in start order; `--lifeline-fd` and
    `--status-fd` are added, and `each_tick` is called at each tick. What a peer writes to its stderr is kept in `folder/peer_ID.stderr`.
    """

    def __init__(
        self,
        commands: Mapping[int, Sequence[str]],
        folder: Path,
        observer: Observer,
        *,
        timeout: float,
        grace: float = GRACE,
        each_tick: Callable[[], None] = lambda: None,
    ) -> None:
        self._each_tick = each_tick
        self._commands = commands
        self._observer = observer
        self._statuses: dict[int, int] = {}
        self._children = Children(folder, self)
        self._ending = Shutdown(
            self._children.signal_all, observer.on_diagnostic, timeout=timeout, grace=grace
        )

    def run(self) -> Outcome:
        """Start all, wait for all; call from the main thread, which alone may handle signals.

        The exit status is 0 when every peer's was; 5 when the time was up; 130, 143 or 129 when
        SIGINT, SIGTERM or SIGHUP came; else that of the first peer that failed.
        """
        with self._ending.noting_signals() as woken, self._children as children:
            children.also_watch(woken, lambda: _drain(woken))
            for peer_id, command in self._commands.items():
                children.start(peer_id, command)
            while children.running:
                is_tick = children.watch()
                self._ending.heed()
                if is_tick:
                    self._each_tick()
                    self._observer.on_tick()
        return Outcome(self._ending.status or 0, self._statuses, self._ending.interrupted)

    # What the children's listener is told.

    def on_start(self, peer_id: int, pid: int) -> None:
        """Pass it on."""
        self._observer.on_start(peer_id, pid)

    def on_line(self, peer_id: int, line: bytes) -> None:
        """Pass on what it says."""
        tell(self._observer, peer_id, line)

    def on_diagnostic(self, line: str) -> None:
        """Pass it on."""
        self._observer.on_diagnostic(line)

    def on_end(self, peer_id: int, exit_status: int) -> None:
        """Pass it on, and end the others if it is a failure."""
        self._statuses[peer_id] = exit_status
        self._observer.on_end(peer_id, exit_status)
        self._ending.on_end(peer_id, exit_status)


def tell(observer: Observer, peer_id: int, line: bytes) -> None:
    """Tell what a peer's status line says; one that is none is a diagnostic."""
    try:
        observer.on_status(records.read_status(line))
    except ValueError:
        text = records.printable(line.decode(errors="replace"))
        observer.on_diagnostic(f"peer {peer_id}: unreadable status: {text}")


def _drain(woken: socket.socket) -> None:
    with suppress(BlockingIOError):
        woken.recv(64)

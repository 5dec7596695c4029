"""All hosts of a swarm: work on them side by side, failures kept apart by host."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Generic, Self, TypeVar

from rich.console import Console
from rich.table import Table

from core.config import SwarmConfig
from harness.errors import HostError
from harness.remote.session import Host, Session
from harness.watch.console import say

Item = TypeVar("Item")
Value = TypeVar("Value")


def hosts_of(config: SwarmConfig) -> list[Host]:
    """The hosts that PeerInfo.cfg names, in its order, each with its peers."""
    names = dict.fromkeys(peer.host for peer in config.peers)
    return [Host(name, tuple(p for p in config.peers if p.host == name)) for name in names]


class Outcomes(Generic[Value]):
    """What came of some work on each host, by the host's name: a value or an error."""

    def __init__(self, outcomes: Mapping[str, Value | HostError]) -> None:
        self.values = {
            n: value for n, value in outcomes.items() if not isinstance(value, HostError)
        }
        self.errors = {
            n: str(error) for n, error in outcomes.items() if isinstance(error, HostError)
        }
        self._names = list(outcomes)

    @property
    def problems(self) -> list[str]:
        """A line for each host that failed."""
        return [f"{name}: {error}" for name, error in self.errors.items()]

    def show(
        self, console: Console, headings: Sequence[str], row: Callable[[str, Value], Sequence[str]]
    ) -> None:
        """Print a table with a row for each host, and what failed below it."""
        table = Table(box=None, padding=(0, 1))
        for heading in ("Host", *headings):
            table.add_column(heading)
        for name in self._names:
            cells = row(name, self.values[name]) if name in self.values else ["failed, see below"]
            table.add_row(name, *cells)
        console.print(table)
        for problem in self.problems:
            say(console, problem, style="red")


class Fleet:
    """Sessions with all hosts, while entered; a host that can't be reached fails in all work."""

    def __init__(self, hosts: Iterable[Host], connect: Callable[[Host], Session]) -> None:
        self._hosts = list(hosts)
        self._connect = connect
        self._sessions: dict[str, Session] = {}
        self._unreachable: dict[str, HostError] = {}

    def __enter__(self) -> Self:
        try:
            errors = side_by_side(self._hosts, self._open)
        except BaseException:
            self._close()
            raise
        for host, error in zip(self._hosts, errors, strict=True):
            if isinstance(error, HostError):
                self._unreachable[host.name] = error
        return self

    def __exit__(self, *_error: object) -> None:
        self._close()

    @property
    def sessions(self) -> dict[str, Session]:
        """Those that were reached, by the host's name."""
        return self._sessions

    def each(self, work: Callable[[Session], Value]) -> Outcomes[Value]:
        """Do some work on all hosts at once."""
        sessions = list(self._sessions.values())
        outcomes: dict[str, Value | HostError] = {}
        for session, value in zip(sessions, side_by_side(sessions, work), strict=True):
            outcomes[session.host.name] = value
        outcomes |= self._unreachable
        return Outcomes({host.name: outcomes[host.name] for host in self._hosts})

    def _open(self, host: Host) -> None:
        self._sessions[host.name] = self._connect(host)

    def _close(self) -> None:
        side_by_side(list(self._sessions.values()), Session.close)


def side_by_side(items: Sequence[Item], work: Callable[[Item], Value]) -> list[Value | HostError]:
    """Do some work on all items at once; each one's value or HostError.

    Any other error is raised, at once. The threads don't keep the program from ending.
    """
    done: queue.SimpleQueue[tuple[int, Value | BaseException]] = queue.SimpleQueue()

    def run(number: int, item: Item) -> None:
        try:
            done.put((number, work(item)))
        except BaseException as error:  # noqa: BLE001 -- raised again where it is waited for
            done.put((number, error))

    for number, item in enumerate(items):
        threading.Thread(target=run, args=(number, item), daemon=True).start()
    found: dict[int, Value | HostError] = {}
    while len(found) < len(items):
        try:
            number, value = done.get(timeout=1.0)  # without end, Ctrl-C would wait too on Windows
        except queue.Empty:
            continue
        if isinstance(value, BaseException) and not isinstance(value, HostError):
            raise value
        found[number] = value
    return [found[number] for number in range(len(items))]

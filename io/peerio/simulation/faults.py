"""What goes wrong in a simulated swarm: faults of the wire, and of hosts."""

from __future__ import annotations

import errno
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

from core.piecemap import PieceMap
from peerio.simulation.life import Life
from peerio.simulation.scenario import Faults, Scenario
from peerio.simulation.sockets import FakeSocket
from peerio.simulation.wire import Bytes, Machine, Path, Wire
from peerio.simulation.world import World

OFTEN = 0.3
"""How many of the reads, writes and arrivals are cut, where any are."""
LONGEST_SHORTAGE, LONGEST_HOLDUP, LONGEST_DEAFNESS = 3.0, 4.0, 40.0
NOTICED = 75.0
"""Seconds after the last fault when all of them have been noticed, and connections are there again."""


UNNOTICED = 30.0
"""Seconds that a connection may be dead before its ends know (spec 2.9)."""


@dataclass(frozen=True, slots=True)
class Disturbance:
    """A fault that logs can show the effect of, but not the cause: whom it concerns, from when until when.

    A slow one holds up all that goes to a peer, or between the two; a silent one is a loss of which neither
    end is told.
    """

    peers: frozenset[int]
    begin: float
    end: float
    slow: bool
    silent: bool


class FaultyWire(Wire):
    """A wire whose sockets don't do all at once, and sometimes have no descriptor."""

    def __init__(self, world: World, scenario: Scenario) -> None:
        super().__init__(
            world, delay=scenario.delay, jitter=scenario.jitter, upload=scenario.upload
        )
        self.window = scenario.window
        self.faults = scenario.faults
        self._short_until: dict[Machine, float] = {}

    def _some(self, size: int) -> int:
        rng = self.world.rng
        return rng.randint(1, size) if size > 1 and rng.random() < OFTEN else size

    def sent(self, size: int) -> int:
        """Any part, where writes may be short."""
        return self._some(size) if self.faults.short_writes else size

    def read(self, size: int) -> int:
        """Any part, often a few bytes, where reads may be short."""
        if not self.faults.short_reads or self.world.rng.random() >= OFTEN:
            return size
        return self.world.rng.randint(1, min(size, self.world.rng.choice([1, 10, 1000])))

    def parts(self, pieces: list[Bytes]) -> list[list[Bytes]]:
        """Often in two parts, where that may be."""
        if not self.faults.divided or self.world.rng.random() >= OFTEN:
            return [pieces]
        whole = memoryview(b"".join(pieces))
        first = self.world.rng.randint(0, len(whole))
        return [[part] for part in (whole[:first], whole[first:]) if part]

    def backlog(self, size: int) -> int:
        """A shorter queue, where there is one."""
        return size if self.faults.backlog is None else self.faults.backlog + 1

    def shortage(self, host: Machine) -> int:
        """EMFILE, as long as it lasts."""
        return errno.EMFILE if self.world.now < self._short_until.get(host, 0.0) else 0

    def fall_short(self, host: Machine, seconds: float) -> None:
        """A host has no descriptors for so long."""
        self._short_until[host] = self.world.now + seconds


class Troubles:
    """Has a scenario's faults befall whoever runs at that time."""

    def __init__(
        self,
        wire: FaultyWire,
        scenario: Scenario,
        rng: Random,
        lives: Callable[[], list[Life]],
        start: Callable[[int], None],
        resume: Callable[[int], None],
    ) -> None:
        self._wire, self._world = wire, wire.world
        self._scenario = scenario
        self._rng = rng
        self._lives = lives
        self.disturbances: list[Disturbance] = []
        """What has befallen whom so far."""
        self._start = start
        self._resume = resume

    def schedule(self) -> None:
        """Choose when."""
        faults = self._scenario.faults
        for times, befall in (
            (faults.resets, self._reset),
            (self._scenario.crashes, self._crash),
            (self._scenario.resumes, self._interrupt),
            (faults.cuts, self._cut),
            (faults.half_open, self._half_open),
            (faults.vanishings, self._vanish),
            (faults.deaf_spells, self._deafen),
            (faults.holdups, self._hold_up),
            (faults.shortages, self._fall_short),
        ):
            for _ in range(times):
                self._world.at(self._rng.uniform(0.2, self._scenario.horizon), befall)

    def _path(self, *, noticed: bool = False) -> tuple[FakeSocket, Path] | None:
        """One end of any connection, and what is between it and the other.

        Not one that winds down: whoever has half-closed makes no new connection (spec 7.2), so what is
        lost then stays lost, and the other end waits for status 3. Nor, where an end is `told`, one
        both of whose ends are complete, to whom a reset is the connection's normal end (spec 3.6).
        Nor one whose handshakes may be under way: where a single end logs a connection, logs alone
        don't tell which of the others' connections answer which.
        """
        shaken = self._world.now - 5 * (self._scenario.delay + self._scenario.jitter)
        lives = self._lives()
        running: dict[Machine, PieceMap] = {
            life.host: life.runtime.core.state.own for life in lives
        }
        found = [
            (sock, sock.path)
            for life in lives
            for sock in life.host.connections()
            if sock.path is not None and sock.path.made_at < shaken
            if sock.mate is not None and sock.mate.alive
            if (other := running.get(sock.mate.host)) is not None
            and not (noticed and running[life.host].complete and other.complete)
        ]
        return self._rng.choice(found) if found else None

    def _reset(self) -> None:
        if found := self._path(noticed=True):
            found[1].reset()

    def _note(self, hosts: Sequence[Machine], seconds: float, *, slow: bool, silent: bool) -> None:
        """Note a disturbance that begins now; whoever isn't running any more has no part in it."""
        peers = {life.peer_id for life in self._lives() if life.host in hosts}
        now = self._world.now
        self.disturbances.append(Disturbance(frozenset(peers), now, now + seconds, slow, silent))

    def _note_loss(self, sock: FakeSocket) -> None:
        """Note that a connection is gone, and that not both of its ends know."""
        assert sock.mate is not None
        self._note([sock.host, sock.mate.host], UNNOTICED, slow=False, silent=True)

    def _cut(self) -> None:
        if found := self._path():
            self._note_loss(found[0])
            found[1].cut()

    def _half_open(self) -> None:
        if found := self._path(noticed=True):
            sock, path = found
            self._note_loss(sock)
            path.cut()
            sock.fail(errno.ECONNRESET)

    def _hold_up(self) -> None:
        if found := self._path():
            sock, path = found
            assert sock.mate is not None
            seconds = self._rng.uniform(0, LONGEST_HOLDUP)
            path.held_until = self._world.now + seconds
            self._note([sock.host, sock.mate.host], seconds, slow=True, silent=False)

    def _fall_short(self) -> None:
        if lives := self._lives():
            life = self._rng.choice(lives)
            self._wire.fall_short(life.host, self._rng.uniform(0, LONGEST_SHORTAGE))

    def _deafen(self) -> None:
        if lives := self._lives():
            host = self._rng.choice(lives).host
            seconds = self._rng.uniform(0, LONGEST_DEAFNESS)
            host.deafen(seconds)
            self._note([host], seconds, slow=True, silent=False)
            # Its neighbors may drop it, of which it hears later.
            self._note([life.host for life in lives], seconds, slow=False, silent=True)

    def _crash(self) -> None:
        """One leecher that isn't complete is killed, and comes back with nothing."""
        life = self._victim()
        if life is not None:
            life.kill()
            self._start_again(life)

    def _interrupt(self) -> None:
        """One leecher is killed, and comes back with what it has."""
        leechers = [life for life in self._lives() if not life.is_seed]
        if leechers:
            life = self._rng.choice(leechers)
            life.kill()
            pause = self._rng.uniform(0.1, 3) * self._scenario.p
            self._world.after(pause, lambda: self._resume(life.peer_id))

    def _vanish(self) -> None:
        life = self._victim()
        if life is not None:
            everybody = [one.host for one in self._lives()]
            self._note(everybody, UNNOTICED, slow=False, silent=True)
            life.kill(silently=True)
            self._start_again(life)

    def _victim(self) -> Life | None:
        victims = [life for life in self._lives() if not life.runtime.core.state.own.complete]
        return self._rng.choice(victims) if victims else None

    def _start_again(self, life: Life) -> None:
        pause = self._rng.uniform(0.1, 3) * self._scenario.p
        self._world.after(pause, lambda: self._start(life.peer_id))


def first_safe(faults: Faults, scenario: Scenario) -> float:
    """From when on a swarm may end: the last joiner comes then."""
    if faults.silent:
        return scenario.horizon + NOTICED
    # A complete peer that comes back must find somebody.
    return scenario.horizon + 4 * scenario.p if scenario.resumes else 0.0

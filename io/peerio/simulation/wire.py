"""The one device that all simulated sockets are attached to, and what connects two of them.

A `Wire` says how long something takes and how much is done at once. Where there are faults, another
one stands in its place (`peerio.simulation.faults`).
"""

from __future__ import annotations

import errno
from itertools import count
from typing import Any, Protocol

from peerio.simulation.world import World

Bytes = bytes | memoryview


class End(Protocol):
    """One end of a connection: a socket."""

    def fail(self, error: int) -> None:
        """The connection is gone."""

    def expect_silence(self) -> None:
        """Nothing will ever come from the other end."""


class Machine:
    """What sockets need of the host that they are on (`peerio.simulation.hosts`)."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.sockets: dict[Any, None] = {}
        self.free_at = 0.0
        """When the upload capacity is free."""
        self.deaf_until = 0.0
        """Until then the process is given nothing that has come, as if it never asked."""

    def touch(self, sock: Any) -> None:
        """A socket may be ready."""


class Wire:
    """The one device between all hosts: delay, jitter, and each host's upload capacity.

    Only pieces' content takes capacity, as with the program's own limit on uploads. Whoever wants
    faults overrides the questions that its sockets ask.
    """

    window = 64 * 1024
    """Bytes that one end takes which the other hasn't read."""

    def __init__(
        self, world: World, *, delay: float, jitter: float = 0.0, upload: float | None = None
    ) -> None:
        self.world = world
        self.delay, self.jitter, self.upload = delay, jitter, upload
        self.ports = count(10_000)
        """Ports of those who dial; none is used twice, as if the system had enough of them."""
        self.listeners: dict[tuple[int, int], Any] = {}
        """Who listens, by family and port."""

    def transit(self) -> float:
        """Seconds that something takes from one end to the other."""
        return self.delay + self.world.rng.random() * self.jitter if self.jitter else self.delay

    def leaves_at(self, host: Machine, size: int) -> float:
        """When content of this size has left its host, whose connections share its capacity."""
        if self.upload is None:
            return self.world.now
        host.free_at = max(host.free_at, self.world.now) + size / self.upload
        return host.free_at

    def parts(self, pieces: list[Bytes]) -> list[list[Bytes]]:
        """What was sent at once, in the parts that arrive each for itself."""
        return [pieces]

    def sent(self, size: int) -> int:
        """How much of what there is room for is taken at once: at least 1."""
        return size

    def read(self, size: int) -> int:
        """How much of what is there, or fits, is given at once: at least 1."""
        return size

    def backlog(self, size: int) -> int:
        """How long an accept queue really is."""
        return size

    def shortage(self, host: Machine) -> int:  # noqa: ARG002 -- no host of this wire's ever lacks any
        """An error number if the host has no descriptor left for another socket, else 0."""
        return 0


class Path:
    """What both directions of a connection go through."""

    def __init__(self, wire: Wire, ends: tuple[End, End]) -> None:
        self.wire = wire
        self.ends = ends
        self.made_at = wire.world.now
        self.dead = False
        """Nothing gets through any more, and nobody is told."""
        self.held_until = 0.0
        """Nothing arrives before this time."""

    def cut(self) -> None:
        """From now on nothing gets through; each end finds out when it was silent for too long."""
        if not self.dead:
            self.dead = True
            for end in self.ends:
                end.expect_silence()

    def reset(self) -> None:
        """Both ends are told that the connection is gone, and what was under way is lost."""
        self.dead = True
        for end in self.ends:
            end.fail(errno.ECONNRESET)

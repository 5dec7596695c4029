"""One simulated connection: order, delay, jitter, and a share of the sender's upload capacity."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from core.messages import Message
from peerio.contract import Tap
from peerio.simulation.world import World


@dataclass(frozen=True)
class Conditions:
    """What the links are like: one-way delay and its jitter in seconds, upload in bytes a second."""

    delay: float = 0.005
    jitter: float = 0.0
    upload: float | None = None


class Host(Protocol):
    """What a connection's end needs of the peer that holds it."""

    world: World
    conditions: Conditions
    tap: Tap | None
    alive: bool

    def occupy_upload(self, start: float, size: int) -> tuple[float, float]:
        """Use the upload capacity: from when to when."""

    def turn(self, call: Callable[[], None]) -> None:
        """One turn of the peer."""

    def open(self, end: End) -> None:
        """Both handshakes are here."""

    def take(self, end: End, message: Message) -> None:
        """A message is here."""

    def begin_piece(self, end: End, piece: int) -> None:
        """The first byte of a piece is here."""

    def end_piece(self, end: End, piece: int, size: int) -> None:
        """The last byte of a piece is here."""

    def see_eof(self, end: End) -> None:
        """The other end sends nothing more."""

    def reset(self, end: End) -> None:
        """The other end is gone."""

    def drop(self, end: End, cause: str) -> None:
        """The connection is gone at this end."""


class End:
    """One end of a connection. What it sends arrives at `other`, in order."""

    def __init__(self, network: Host, neighbor: int, name: str, *, incoming: bool) -> None:
        self.network = network
        self.neighbor = neighbor
        self.name = name
        self.incoming = incoming
        self.other: End | None = None
        self.state = "handshaking"
        self.eof_sent = False
        self.mseq_in = self.mseq_out = 0
        self.free_at = 0.0
        """When all that was sent is on its way."""
        self._arrival = 0.0

    def send(
        self,
        size: int,
        deliver: Callable[[End], None],
        *,
        begin: Callable[[End], None] | None = None,
    ) -> float:
        """Put something on the wire; `deliver` is called at the other end when it is there whole.

        Returns when it has left. Only what has a `begin`, a piece, takes upload capacity; `begin` is
        called when its first byte is there.
        """
        network, world = self.network, self.network.world
        start = max(world.now, self.free_at)
        if begin is not None:
            start, self.free_at = network.occupy_upload(start, size)
        else:
            self.free_at = start
        if begin is not None:
            self._deliver_at(start, begin)
        self._deliver_at(self.free_at, deliver)
        return self.free_at

    def _deliver_at(self, sent: float, deliver: Callable[[End], None]) -> None:
        conditions, world = self.network.conditions, self.network.world
        delay = conditions.delay + world.rng.uniform(0, conditions.jitter)
        self._arrival = max(self._arrival, sent + delay)
        other = self.other
        assert other is not None
        world.at(self._arrival, partial(other.arrive, deliver))

    def arrive(self, deliver: Callable[[End], None]) -> None:
        """Something the other end sent is here."""
        if self.state != "closed" and self.network.alive:
            self.network.turn(partial(deliver, self))

    def record(self, way: str, kind: str, size: int, fields: dict[str, Any]) -> None:
        """Tell the trace of a message."""
        tap = self.network.tap
        if tap is None:
            return
        if way == "out":
            mseq, self.mseq_out = self.mseq_out, self.mseq_out + 1
        else:
            mseq, self.mseq_in = self.mseq_in, self.mseq_in + 1
        tap.message(way, self.name, self.neighbor, mseq, kind, size, fields)

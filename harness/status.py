"""What a running peer tells about itself: one JSON line on its status pipe."""

from __future__ import annotations

from dataclasses import dataclass, field

from harness import records


@dataclass(frozen=True, slots=True)
class Status:
    """One status line of a peer.

    `up` and `down` are content bytes of pieces, `messages` those sent and received so far. The
    last four are known from the last line only (`state` is `ended`): the exit status and its
    reason, seconds of user and system time in all and up to the first unchoke that the peer sent
    or received, and the moment of that unchoke on the monotonic clock.
    """

    peer: int
    state: str
    pieces: int
    of: int
    up: int
    down: int
    messages: int
    neighbors: dict[int, str] = field(default_factory=dict)
    status: int | None = None
    reason: str | None = None
    cpu: float | None = None
    first_unchoke: float | None = None
    cpu_at_first_unchoke: float | None = None

    @property
    def complete(self) -> bool:
        """Whether the peer has every piece."""
        return self.pieces == self.of


def parse(line: bytes) -> Status:
    """The status that a line holds; ValueError when it is none."""
    return records.read(Status, records.parse(line))

"""Facts that the world reports to a peer's core. Names are in the past or passive."""

from __future__ import annotations

from enum import IntEnum

from core.interface.messages import Message
from core.interface.values import value


class Timer(IntEnum):
    """The clocks that a core asks for with `SetTimer`."""

    RESELECTION = 0
    """A reselection of preferred neighbors or of the optimistic one is due (spec 4.7)."""
    OVERDUE = 1
    """A request or a piece may have waited too long (spec 6.6)."""
    MISSING = 2
    """The clock of spec 7.3 and 7.4 may have run out."""
    TELLING = 3
    """The wait for those who weren't told our last piece is over (spec 7.2)."""
    WAITING = 4
    """Nothing may have moved for so long that people are told (spec 7.5)."""


@value
class Started:
    """The peer listens; its schedule begins now."""


@value
class NeighborConnected:
    """A connection's handshakes were both accepted (spec 2.2, 2.3)."""

    neighbor: int
    incoming: bool


@value
class MessageReceived:
    """A whole message, other than a have or a piece, arrived; its form is checked (spec 3.5)."""

    neighbor: int
    message: Message


@value
class HavesReceived:
    """Have messages arrived one after the other: at least one (spec 5.2)."""

    neighbor: int
    pieces: list[int]


@value
class PieceOffered:
    """A piece's header arrived, and none of its content: `AcceptPiece` or `SkipPiece` (spec 6.5).

    `PieceReceived` or `PieceSkipped` follows, unless the connection is lost before.
    """

    neighbor: int
    piece: int


@value
class UnknownReceived:
    """A message of an unknown type arrived and was skipped (spec 3.4)."""

    neighbor: int


@value
class PieceProgressed:
    """`size` bytes of an accepted piece's content have arrived, the last at `at` (spec 6.6).

    Need be told only before `TimerFired(Timer.OVERDUE)`.
    """

    neighbor: int
    piece: int
    size: int
    at: float


@value
class PieceReceived:
    """The content of an accepted piece is whole and written."""

    neighbor: int
    piece: int


@value
class PieceSkipped:
    """The content of a piece has passed by: it wasn't accepted, or couldn't be written."""

    neighbor: int
    piece: int


@value
class PieceSent:
    """The piece in a neighbor's send queue was handed to the network whole (spec 4.9)."""

    neighbor: int


@value
class StreamEnded:
    """Everything that the neighbor sent has been handled; nothing more will come (spec 3.6)."""

    neighbor: int


@value
class NeighborLost:
    """The connection is gone, for whatever reason (spec 2.8)."""

    neighbor: int


@value
class DialRefused:
    """Nobody listens where the neighbor should be (spec 7.2)."""

    neighbor: int


@value
class TimerFired:
    """A clock asked for with `SetTimer` is due."""

    timer: Timer


@value
class LocalFailure:
    """Our own storage or log failed (spec 7.4, status 4).

    `serves` tells whether what we have can still be read, and so be served.
    """

    reason: str
    serves: bool = True


@value
class StopRequested:
    """Somebody wants the peer to end in order now (spec 7.4)."""

    status: int
    reason: str


@value
class TurnEnded:
    """All facts of this turn are told: what was put off until they are known is decided (spec 6.2)."""


Event = (
    Started
    | NeighborConnected
    | MessageReceived
    | HavesReceived
    | PieceOffered
    | UnknownReceived
    | PieceProgressed
    | PieceReceived
    | PieceSkipped
    | PieceSent
    | StreamEnded
    | NeighborLost
    | DialRefused
    | TimerFired
    | LocalFailure
    | StopRequested
    | TurnEnded
)

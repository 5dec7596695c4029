"""Orders that a peer's core gives to the world. Names are imperatives.

They are carried out in the order given. A line that is logged is on disk before any message that
follows it reaches the network (spec 8.4).
"""

from __future__ import annotations

from typing import Any

from core.interface.events import Timer
from core.interface.messages import Message
from core.interface.values import value
from core.interface.words import LogEvent, NoteKind


@value
class Send:
    """Queue a message to one neighbor."""

    neighbor: int
    message: Message


@value
class Broadcast:
    """Queue a message to all connected neighbors."""

    message: Message


@value
class SendPiece:
    """Queue a piece, content from the file, to one neighbor; `PieceSent` tells when it is out."""

    neighbor: int
    piece: int


@value
class AcceptPiece:
    """Keep the content of the piece that a neighbor has begun to send (spec 6.5)."""

    neighbor: int
    piece: int


@value
class SkipPiece:
    """Let the content of the piece that a neighbor has begun to send pass by (spec 6.5)."""

    neighbor: int
    piece: int


@value
class Log:
    """Write one of the eleven lines (spec 8.1)."""

    event: LogEvent
    fields: dict[str, Any]


@value
class Note:
    """Write a record that only the trace has (docs/trace.md); given only where tracing is on."""

    kind: NoteKind
    fields: dict[str, Any]


@value
class Warn:
    """Tell people on stderr, never in the log (spec 8.2)."""

    text: str


@value
class SetTimer:
    """Report `TimerFired` at a time in seconds on the clock that `now` is read from.

    A timer has one due time: a new one replaces the old, None clears it.
    """

    timer: Timer
    at: float | None


@value
class Dial:
    """Connect to a predecessor until it answers (spec 2.5); at once, if a pause is running."""

    neighbor: int


@value
class CloseConnection:
    """Send what is queued if `flush`, then close; `NeighborLost` follows."""

    neighbor: int
    flush: bool


@value
class Punish:
    """The neighbor broke the protocol: close its connection, tell people why, and keep it away for a
    pause (spec 3.5); `NeighborLost` follows.
    """

    neighbor: int
    reason: str


@value
class CompleteFile:
    """Give the file its real name (spec 9.2)."""


@value
class Finish:
    """End in order: flush, half-close, drain (spec 7.2), then exit with this status (spec 7.4)."""

    status: int
    reason: str


Effect = (
    Send
    | Broadcast
    | SendPiece
    | AcceptPiece
    | SkipPiece
    | Log
    | Note
    | Warn
    | SetTimer
    | Dial
    | CloseConnection
    | Punish
    | CompleteFile
    | Finish
)

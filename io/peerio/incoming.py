"""What a decoder tells besides messages, and where it puts content (`peerio.protocol.Decoder`)."""

from __future__ import annotations

from typing import Protocol

from core.messages import Message
from core.values import value


@value
class HaveRun:
    """Haves that came one after the other: at least one."""

    pieces: list[int]


@value
class PieceStart:
    """A piece's header came: call `Decoder.accept` now to keep the content."""

    piece: int


@value
class PieceEnd:
    """A piece's content is whole: in the sink that was given, or skipped."""

    piece: int


@value
class UnknownFrame:
    """A message of an unknown type was skipped (spec 3.4). `length` counts type and payload."""

    kind: int
    length: int


Incoming = Message | HaveRun | PieceStart | PieceEnd | UnknownFrame


class Sink(Protocol):
    """Where a piece's content goes."""

    def write(self, data: memoryview, /) -> None:
        """Take the next bytes; the memory may be used again after the call."""

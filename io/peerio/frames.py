"""Frames: the message types, what frames may look like (spec 3.5), and what a decoder makes of them.

No byte is packed here.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Protocol

from core.config import SwarmConfig
from core.errors import RemoteProtocolError
from core.interface.messages import (
    Bitfield,
    Choke,
    Have,
    Interested,
    Message,
    NotInterested,
    Piece,
    Request,
    Unchoke,
)
from core.interface.values import value
from peerio import dialects

INDEXED_LENGTH = 5
"""Length of a frame that holds nothing but a type and an index (spec 3.1)."""
_PREFIX = 4
"""Bytes of a frame's length, which doesn't count them (spec 3.1)."""
EMPTY_FRAME = bytes(_PREFIX)
"""A frame without even a type, which mustn't be."""


class MessageType(IntEnum):
    """The type byte (spec 3.2)."""

    CHOKE = 0
    UNCHOKE = 1
    INTERESTED = 2
    NOT_INTERESTED = 3
    HAVE = 4
    BITFIELD = 5
    REQUEST = 6
    PIECE = 7


def type_name(kind: int) -> str:
    """The name of a message type as people write it: `not interested`, `unknown 9`."""
    if kind > MessageType.PIECE:
        return f"unknown {kind}"
    return MessageType(kind).name.lower().replace("_", " ")


class FrameRules:
    """What frames may look like under one configuration (spec 3.5)."""

    def __init__(self, config: SwarmConfig) -> None:
        self.pieces = config.piece_count
        self._full = config.piece_size
        self._last = config.piece_length(config.piece_count - 1)
        sizes = {self.piece_length(0), self._last}
        bitfield = 1 + -(-self.pieces // 8)
        self._lengths: dict[int, frozenset[int]] = {
            MessageType.CHOKE: frozenset({1}),
            MessageType.UNCHOKE: frozenset({1}),
            MessageType.INTERESTED: frozenset({1}),
            MessageType.NOT_INTERESTED: frozenset({1}),
            MessageType.HAVE: frozenset({INDEXED_LENGTH}),
            MessageType.BITFIELD: frozenset({1, bitfield}),
            MessageType.REQUEST: frozenset({INDEXED_LENGTH}),
            MessageType.PIECE: frozenset(INDEXED_LENGTH + size for size in sizes),
        }
        self._longest = INDEXED_LENGTH + max(sizes)

    def check_start(self, data: bytes | memoryview) -> None:
        """Raise RemoteProtocolError for a length of 0 without waiting for a type (spec 3.5)."""
        if data == EMPTY_FRAME:
            raise RemoteProtocolError(
                "frame of length 0, expected at least a type "
                "(does the length leave out the type byte, or is the handshake too long?)",
                clause="3.1",
            )

    def check(self, length: int, kind: int) -> None:
        """Raise RemoteProtocolError unless a frame of this length (type and payload) may be."""
        if not length:
            self.check_start(EMPTY_FRAME)
        allowed = self._lengths.get(kind)
        if allowed is not None:
            if length in allowed:
                return
            expected = " or ".join(map(str, sorted(allowed)))
        else:
            if length <= self._longest:
                return
            expected = f"at most {self._longest}"
        hint = dialects.of_frame(length, kind, self._lengths, self.pieces)
        shown = f" ({hint})" if hint else ""
        raise RemoteProtocolError(
            f"{type_name(kind)} of length {length}, expected {expected}{shown}", clause="3.5"
        )

    def explain_type(self, kind: int, length: int) -> str:
        """What a message of an unknown type is, which is skipped; "" if that isn't known."""
        return dialects.of_type(kind, length, self._lengths)

    def piece_length(self, piece: int) -> int:
        """Content bytes of a piece."""
        return self._last if piece == self.pieces - 1 else self._full

    def check_index(self, piece: int) -> None:
        """Raise RemoteProtocolError unless there is such a piece."""
        if piece >= self.pieces:
            hint = dialects.of_index(piece, self.pieces)
            shown = f" ({hint})" if hint else ""
            raise RemoteProtocolError(
                f"piece index {piece}, expected 0 to {self.pieces - 1}{shown}", clause="3.5"
            )

    def check_piece(self, piece: int, size: int) -> None:
        """Raise RemoteProtocolError unless the piece exists and has this size."""
        if size == self._full and piece < self.pieces - 1:
            return  # as nearly all are
        self.check_index(piece)
        if size != self.piece_length(piece):
            raise RemoteProtocolError(
                f"piece {piece} of {size} bytes, expected {self.piece_length(piece)}", clause="3.5"
            )


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


_KINDS: dict[type, str] = {
    kind: type_name(value)
    for value, kind in enumerate(
        (Choke, Unchoke, Interested, NotInterested, Have, Bitfield, Request, Piece)
    )
}


def describe(message: Message) -> tuple[str, int | None, dict[str, int]]:
    """A message as the trace has it: its type, its piece, and other fields; its length where it may vary."""
    kind = _KINDS[type(message)]
    match message:
        case Request(piece) | Have(piece):
            return kind, piece, {}
        case Bitfield(flags):
            size = _PREFIX + 1 + -(-len(flags) // 8)
            return kind, None, {"len": size, "count": flags.count(1)}
        case Piece(piece, content):
            return kind, piece, {"len": _PREFIX + INDEXED_LENGTH + len(content)}
        case _:
            return kind, None, {}

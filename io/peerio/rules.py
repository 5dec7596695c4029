"""What frames may look like: the message types, and the checks of spec 3.5. No byte is packed here."""

from __future__ import annotations

from enum import IntEnum

from core.config import SwarmConfig
from core.errors import RemoteProtocolError
from peerio import dialects

INDEXED_LENGTH = 5
"""Length of a frame that holds nothing but a type and an index (spec 3.1)."""
EMPTY_FRAME = bytes(4)
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

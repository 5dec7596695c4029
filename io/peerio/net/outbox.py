"""One neighbor's send queue: small messages joined into one send, at most one piece from the file."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass


@dataclass(slots=True)
class PieceSegment:
    """Content of a piece that is still to be sent."""

    piece: int
    offset: int
    """Bytes of the piece that are out."""
    left: int
    """Bytes of it that aren't."""


class Outbox:
    """What is queued, in order (spec 4.9). Knows no socket."""

    __slots__ = ("items",)

    def __init__(self) -> None:
        self.items: deque[bytearray | PieceSegment] = deque()

    def __bool__(self) -> bool:
        return bool(self.items)

    def put(self, data: bytes) -> None:
        """Queue bytes, joined to those that are last in the queue."""
        if self.items and type(last := self.items[-1]) is bytearray:
            last += data
        else:
            self.items.append(bytearray(data))

    def put_piece(self, header: bytes, piece: int, size: int) -> None:
        """Queue a piece: its header's bytes, then its content from the file."""
        self.put(header)
        self.items.append(PieceSegment(piece, 0, size))

    def clear(self) -> None:
        """Nothing of it can be sent any more."""
        self.items.clear()

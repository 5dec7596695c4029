"""Which pieces somebody has."""

from __future__ import annotations


class PieceMap:
    """The pieces that one peer has, a byte a piece: lookups and changes cost the same at any size.

    (The bits of the wire's bitfield are `peerio.protocol`'s business.)
    """

    __slots__ = ("_flags", "count")

    def __init__(self, size: int, *, full: bool = False) -> None:
        self._flags = bytearray(b"\1" * size if full else size)
        self.count = size if full else 0

    def __contains__(self, piece: int) -> bool:
        return self._flags[piece] == 1

    def __len__(self) -> int:
        """The number of pieces of the file (not of those that are there: that is `count`)."""
        return len(self._flags)

    @property
    def complete(self) -> bool:
        """Whether every piece is there."""
        return self.count == len(self._flags)

    def add(self, piece: int) -> bool:
        """Note that a piece is there; whether that is news. IndexError if out of range."""
        if self._flags[piece]:
            return False
        self._flags[piece] = 1
        self.count += 1
        return True

    def news(self, flags: bytes) -> list[int]:
        """The pieces in `flags` (a byte a piece, or empty for none) that aren't in this map."""
        if not flags:
            return []
        return [
            piece
            for piece, (theirs, mine) in enumerate(zip(flags, self._flags, strict=True))
            if theirs > mine
        ]

    def flags(self) -> bytes:
        """A snapshot, one byte a piece, as `core.messages.Bitfield` carries it."""
        return bytes(self._flags)

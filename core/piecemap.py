"""Which pieces somebody has."""

from __future__ import annotations


class PieceMap:
    """The pieces that one peer has, a byte a piece: lookups and changes cost the same at any size.

    (The bits of the wire's bitfield are `peerio.protocol`'s business.)
    """

    __slots__ = ("count", "has")

    def __init__(self, size: int, *, full: bool = False) -> None:
        self.has = bytearray(b"\1" * size if full else size)
        """1 for each piece that is there, 0 for the others: to be looked at, but changed only here."""
        self.count = size if full else 0

    def __contains__(self, piece: int) -> bool:
        return self.has[piece] == 1

    def __len__(self) -> int:
        """The number of pieces of the file (not of those that are there: that is `count`)."""
        return len(self.has)

    @property
    def complete(self) -> bool:
        """Whether every piece is there."""
        return self.count == len(self.has)

    def add(self, piece: int) -> bool:
        """Note that a piece is there; whether that is news. IndexError if out of range."""
        if self.has[piece]:
            return False
        self.has[piece] = 1
        self.count += 1
        return True

    def add_all(self, pieces: list[int]) -> list[int]:
        """Note that pieces are there; which of them are news. IndexError if one is out of range."""
        has = self.has
        news = []
        for piece in pieces:
            if not has[piece]:
                has[piece] = 1
                news.append(piece)
        self.count += len(news)
        return news

    def news(self, flags: bytes) -> list[int]:
        """The pieces in `flags` (a byte a piece, or empty for none) that aren't in this map."""
        if not flags:
            return []
        return [
            piece
            for piece, (theirs, mine) in enumerate(zip(flags, self.has, strict=True))
            if theirs > mine
        ]

    def flags(self) -> bytes:
        """A snapshot, one byte a piece, as `core.interface.messages.Bitfield` carries it."""
        return bytes(self.has)

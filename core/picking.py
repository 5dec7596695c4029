"""Choosing a piece at random (spec 6.1), at a cost that doesn't grow with the number of pieces."""

from __future__ import annotations

from array import array
from collections.abc import Collection
from random import Random
from typing import NamedTuple


class Pick(NamedTuple):
    """A choice together with what it was drawn from, as the trace records it."""

    piece: int
    draw: int
    """The random index, 0 ≤ draw < candidates."""
    candidates: int
    """How many pieces there were to choose from."""


class CandidateSet:
    """Pieces that may be requested from one neighbor.

    Members stand in an array in any order; another array knows each one's place in it. So adding,
    discarding (the last member moves into the gap) and drawing each take the same few steps however
    many pieces there are, and the memory is eight bytes a piece.
    """

    __slots__ = ("_members", "_position")

    def __init__(self, size: int) -> None:
        self._members = array("i")
        self._position = array("i", [-1]) * size

    def __len__(self) -> int:
        return len(self._members)

    def __contains__(self, piece: int) -> bool:
        return self._position[piece] >= 0

    def add(self, piece: int) -> None:
        """Add a piece; nothing happens if it is there."""
        if self._position[piece] < 0:
            self._position[piece] = len(self._members)
            self._members.append(piece)

    def discard(self, piece: int) -> None:
        """Take a piece out; nothing happens if it isn't there."""
        position = self._position[piece]
        if position < 0:
            return
        last = self._members.pop()
        if last != piece:
            self._members[position] = last
            self._position[last] = position
        self._position[piece] = -1

    def pick(self, rng: Random, last: Collection[int] = ()) -> Pick | None:
        """Draw one member uniformly at random, which stays a member; None if there is none.

        One of `last` is drawn only where there are no others (spec 9.3).
        """
        candidates = len(self._members)
        if not candidates:
            return None
        others = not last or candidates > sum(piece in self for piece in last)
        while True:
            draw = int(rng.random() * candidates)  # about half the cost of `randrange`
            piece = self._members[draw]
            if not (last and others and piece in last):
                return Pick(piece, draw, candidates)

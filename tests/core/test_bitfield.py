"""`core.piecemap`: which pieces somebody has (spec 5.2)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.piecemap import PieceMap


@given(st.integers(1, 60).flatmap(lambda n: st.tuples(st.just(n), st.lists(st.integers(0, n - 1)))))
def test_against_a_set(case: tuple[int, list[int]]) -> None:
    """A map is the set of the pieces added to it; adding one again is no news (spec 3.4: repeated haves)."""
    size, pieces = case
    known: set[int] = set()
    there = PieceMap(size)
    for piece in pieces:
        assert there.add(piece) == (piece not in known)
        known.add(piece)
        assert there.count == len(known)
        assert there.complete == (len(known) == size)
    assert {piece for piece in range(size) if piece in there} == known
    assert there.flags() == bytes(piece in known for piece in range(size))
    assert len(there) == size


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1))
def test_news(pairs: list[tuple[bool, bool]]) -> None:
    """The news in a bitfield are the pieces in it that weren't known (spec 3.4: a second one is merged)."""
    mine = PieceMap(len(pairs))
    for piece, (known, _) in enumerate(pairs):
        if known:
            mine.add(piece)
    theirs = bytes(told for _, told in pairs)
    assert mine.news(theirs) == [i for i, (known, told) in enumerate(pairs) if told and not known]
    assert mine.news(b"") == []


def test_full_map() -> None:
    """A seed's map is complete from the start (spec 1.3)."""
    full = PieceMap(9, full=True)
    assert full.complete
    assert full.count == 9
    assert full.flags() == b"\1" * 9
    assert not full.add(8)


def test_no_such_piece() -> None:
    """An index that doesn't exist raises, it never grows the map (spec 3.5)."""
    there = PieceMap(4)
    with pytest.raises(IndexError):
        there.add(4)
    assert there.count == 0


def test_flags_are_a_snapshot() -> None:
    """What was sent in a bitfield doesn't change with what comes later (spec 8.3)."""
    there = PieceMap(2)
    before = there.flags()
    there.add(1)
    assert before == b"\0\0"

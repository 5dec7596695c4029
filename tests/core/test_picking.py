"""`core.picking`: one piece uniformly at random among those that can be asked for (spec 6.1)."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.picking import CandidateSet

SIZE = 12
Change = tuple[bool, int]


def members(candidates: CandidateSet) -> set[int]:
    return {piece for piece in range(SIZE) if piece in candidates}


@given(st.lists(st.tuples(st.booleans(), st.integers(0, SIZE - 1))), st.integers())
def test_against_a_set(changes: list[Change], seed: int) -> None:
    """Whatever is added and discarded, in whatever order, the candidates are what a set would hold (spec 6.1)."""
    candidates, model = CandidateSet(SIZE), set[int]()
    rng = Random(seed)
    for adds, piece in changes:
        if adds:
            candidates.add(piece)
            model.add(piece)
        else:
            candidates.discard(piece)
            model.discard(piece)
        assert members(candidates) == model
        assert len(candidates) == len(model)
        pick = candidates.pick(rng)
        if model:
            assert pick is not None
            assert pick.piece in model
            assert pick.candidates == len(model)
            assert 0 <= pick.draw < pick.candidates
            assert members(candidates) == model, "a pick stays a member"
        else:
            assert pick is None


@pytest.mark.parametrize("discarded", [(), (0,), (3, 7), (11, 10, 9), (0, 11, 5, 6)])
def test_uniform(discarded: tuple[int, ...]) -> None:
    """Each candidate is as likely as any other, also after others have gone (spec 6.1: not rarest first)."""
    candidates = CandidateSet(SIZE)
    for piece in range(SIZE):
        candidates.add(piece)
    for piece in discarded:
        candidates.discard(piece)
    rng, draws = Random(6), 6000
    counts = dict.fromkeys(members(candidates), 0)
    for _ in range(draws):
        pick = candidates.pick(rng)
        assert pick is not None
        counts[pick.piece] += 1
    expected = draws / len(counts)
    chi_square = sum((count - expected) ** 2 / expected for count in counts.values())
    assert (
        chi_square < 33
    )  # 11 degrees of freedom: beyond it once in 2000 seeds, and the seed is fixed


def test_the_same_chance_gives_the_same_choice() -> None:
    """All chance comes from the generator that is given, so that a run can be repeated (design 5.1)."""
    candidates = CandidateSet(SIZE)
    for piece in (2, 5, 11):
        candidates.add(piece)
    one, other = Random(4), Random(4)
    assert [candidates.pick(one) for _ in range(20)] == [candidates.pick(other) for _ in range(20)]


def test_what_comes_last_is_drawn_where_there_is_nothing_else() -> None:
    """A piece that was sent wrong is drawn only where there is no other (spec 9.3)."""
    candidates, rng = CandidateSet(SIZE), Random(5)
    for piece in (2, 5, 7, 11):
        candidates.add(piece)
    drawn = {pick.piece for _ in range(100) if (pick := candidates.pick(rng, {2, 5, 6}))}
    assert drawn == {7, 11}
    for piece in drawn:
        candidates.discard(piece)
    drawn = {pick.piece for _ in range(100) if (pick := candidates.pick(rng, {2, 5, 6}))}
    assert drawn == {2, 5}

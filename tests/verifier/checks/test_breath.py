"""Choke and unchoke that fall due together: both are sent, or neither, and the verifier takes both (spec 4.7)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch

import pytest

from core.repeats import Repeats
from core.state import State
from core.uploads import Uploads
from peerio.simulation.scenario import Scenario
from peerio.simulation.swarm import Swarm
from tests.kit.verifier.judging import faults, fired, judge
from verifier.reading.sentences import Kind

SWARM = Scenario(peers=5, pieces=60, k=1, p=0.5, m=1.0, upload=3000.0, wait=5.0)


class TellsEachChoice(Uploads):
    """Sends what follows from one choice before the other is made, as we did, and others do."""

    def _give_preferred(self, chosen: frozenset[int]) -> None:
        super()._give_preferred(chosen)
        self._tell_turned()

    def _reselect_optimistic(self) -> None:
        super()._reselect_optimistic()
        self._tell_turned()


def some_of_each(state: State, repeats: Repeats) -> Uploads:
    """Peers of both kinds in one swarm."""
    kind = Uploads if state.peer_id % 2 else TellsEachChoice
    return kind(state, repeats)


@pytest.mark.parametrize("uploads", [Uploads, TellsEachChoice, some_of_each])
def test_both_ways_are_right(uploads: Callable[[State, Repeats], Uploads], tmp_path: Path) -> None:
    """Whether choke and unchoke in one breath are sent or not, nobody is blamed (spec 4.7)."""
    for seed in range(1, 4):
        with patch("core.peer.Uploads", uploads):
            outcome = Swarm(SWARM, seed).run()
        assert outcome.ok
        folder = tmp_path / str(seed)
        folder.mkdir()
        outcome.write(folder)
        verdict = judge(folder)
        assert faults(verdict) == []
        case = verdict.case
        backs = [
            one.back
            for life in case.lives
            for owed in case.choking(life).owed.values()
            for one in owed
        ]
        assert any(backs), "it never happened"


def test_half_of_it_is_wrong(tmp_path: Path) -> None:
    """A choke that is taken back at once and heard without its unchoke is an error, as any other (spec 4.5)."""
    with patch("core.peer.Uploads", TellsEachChoice):
        outcome = Swarm(SWARM, 1).run()
    outcome.write(tmp_path)
    case = judge(tmp_path).case
    life, number, line = next(
        (life, number, one.line)
        for life in case.lives
        for number in range(len(life.columns.conns))
        for one in case.owed(life, number) or ()
        if one.back
    )
    matching = case.chokes(life, number)
    assert matching is not None
    row = next(row for row, cause in matching.pairs if cause == line)
    assert life.columns.events.kinds[row] == Kind.UNCHOKED
    path = life.file.path
    lines = path.read_text().splitlines(keepends=True)
    del lines[life.columns.events.lines[row] - 1]
    path.write_text("".join(lines))
    for trace in tmp_path.glob("trace*"):
        trace.unlink()
    assert "K09" in fired(judge(tmp_path))

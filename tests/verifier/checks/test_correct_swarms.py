"""Swarms that keep the specification are never blamed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.kit.verifier.judging import faults, judge, random_shape
from tests.kit.verifier.simulator import Shape, Swarm


@pytest.mark.parametrize("seed", [*range(60), 637])
def test_no_false_alarm(seed: int, tmp_path: Path) -> None:
    """Correct swarms of any shape, with cuts, late joiners and restarts, get no finding at all."""
    swarm = Swarm(random_shape(seed), seed).run()
    assert faults(judge(swarm.write(tmp_path))) == []


@pytest.mark.thorough
@pytest.mark.timeout(900)
def test_no_false_alarm_in_many(tmp_path: Path) -> None:
    """The same over a thousand swarms; statistical checks share one level for false alarms."""
    blamed = {}
    for seed in range(100, 1100):
        found = faults(judge(Swarm(random_shape(seed), seed).run().write(tmp_path / str(seed))))
        if found:
            blamed[seed] = found
    assert blamed == {}


def test_default_swarm_exercises(tmp_path: Path) -> None:
    """A usual swarm exercises the checks of choking and choice, so that their silence means something."""
    shape = Shape(leechers=5, pieces=150, rate=8000, p=0.5, m=1)
    verdict = judge(Swarm(shape, 3).run().write(tmp_path))
    exercised = {result.check.id for result in verdict.results if result.tally.exercised}
    assert {"K01", "K02", "K05", "K06", "K08", "K09", "K10", "K13", "K14", "D12"} <= exercised
    assert faults(verdict) == []


def test_earlier_life_is_taken_in(tmp_path: Path) -> None:
    """The log of a killed peer belongs to the run if others tell of more connections (invariants 1.7)."""
    shape = Shape(leechers=3, pieces=60, kills=[(2.0, 1004, 1.0)])
    verdict = judge(Swarm(shape, 2).run().write(tmp_path))
    labels = [life.file.label for life in verdict.case.lives]
    assert "log_peer_1004.log.1" in labels
    assert faults(verdict) == []


def test_stale_life_is_left_out(tmp_path: Path) -> None:
    """A moved-aside log of an earlier run is named and left out (invariants 1.7)."""
    Swarm(Shape(leechers=2), 1).run().write(tmp_path)
    other = Swarm(Shape(leechers=2), 2).run().write(tmp_path / "old")
    (tmp_path / "log_peer_1002.log.1").write_text((other / "log_peer_1002.log").read_text())
    verdict = judge(tmp_path)
    assert [note.split(" ")[0] for note in verdict.notes] == ["log_peer_1002.log.1"]
    assert faults(verdict) == []


def test_life_that_only_an_earlier_life_met_is_taken_in(tmp_path: Path) -> None:
    """A process that only another earlier life has met belongs to the run too (invariants 1.7)."""
    kills = [(0.9, 1003, 2.0), (1.5, 1002, 1.0)]
    shape = Shape(leechers=3, pieces=60, late={1004: 1.0, 1001: 2.6}, kills=kills)
    verdict = judge(Swarm(shape, 2).run().write(tmp_path))
    labels = [life.file.label for life in verdict.case.lives]
    assert {"log_peer_1002.log.1", "log_peer_1003.log.1"} <= set(labels)
    assert faults(verdict) == []

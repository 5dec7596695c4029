"""One log is lost: what it would have shown is unknown, and nobody else is blamed for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from peerio.simulation.scenario import Faults, Scenario
from peerio.simulation.swarm import Swarm
from tests.kit.verifier.judging import faults, fired, good_run, judge
from tests.kit.verifier.simulator import Shape
from tests.kit.verifier.simulator import Swarm as SimulatedLogs
from verifier.findings import Severity
from verifier.judge import UNKNOWN, VIOLATION


@pytest.mark.parametrize("peer", [1001, 1002, 1003, 1004])
def test_only_the_missing_log_is_told(tmp_path: Path, peer: int) -> None:
    """F01 tells of the missing log, and no other check turns its absence into somebody's fault."""
    run = good_run()
    del run.files[f"log_peer_{peer}.log"]
    verdict = judge(run.write(tmp_path))
    assert fired(verdict) == {"F01"}
    assert verdict.status in {VIOLATION, UNKNOWN}


@pytest.mark.parametrize("seed", range(8))
def test_a_returning_peers_log_is_missing(tmp_path: Path, seed: int) -> None:
    """Without its log nobody knows what a late joiner's or a restarted peer's bitfield said (T02)."""
    scenario = Scenario(peers=5, pieces=40, late=1, crashes=1, faults=Faults(resets=1))
    outcome = Swarm(scenario, seed).run()
    assert outcome.ok
    outcome.write(tmp_path)
    for log in tmp_path.glob(f"log_peer_{1002 + seed % 4}.log*"):
        log.unlink()
    assert fired(judge(tmp_path)) == {"F01"}


@pytest.mark.parametrize("seed", range(6))
def test_a_restarted_peer_has_overwritten_its_log(tmp_path: Path, seed: int) -> None:
    """A program that opens its log anew loses that of its earlier life: the connections that others
    tell of are matched by what came over them, and nobody is blamed (invariants 1.7).
    """
    shape = Shape(leechers=3, pieces=60, kills=[(1.5 + seed / 5, 1003, 1.0)])
    folder = SimulatedLogs(shape, seed).run().write(tmp_path)
    old = folder / "log_peer_1003.log.1"
    assert "downloaded" in old.read_text()
    old.unlink()
    verdict = judge(folder, lenient=True)
    assert not fired(verdict, Severity.ERROR)
    (life,) = (one for one in verdict.case.lives if one.file.peer_id == 1003)
    for mate in life.mates:
        assert mate is not None
        other = verdict.case.lives[mate[0]]
        assert [conn.other for conn in other.columns.conns].count(life.owner) == 2
        assert other.latest(life.owner) == mate[1]


def test_killed_before_its_first_line(tmp_path: Path) -> None:
    """A peer that was killed before it logged anything, and came back, breaks no rule (F01)."""
    folder = good_run().write(tmp_path)
    (folder / "log_peer_1003.log.1").touch()
    assert "F01" not in fired(judge(folder))
    (folder / "log_peer_1003.log").write_text("")
    assert "F01" in fired(judge(folder))


def test_a_seed_alone_has_nothing_to_log(tmp_path: Path) -> None:
    """A swarm of one seed is valid (spec 1.5): its empty log breaks no rule."""
    outcome = Swarm(Scenario(peers=1), 1).run()
    assert outcome.ok
    outcome.write(tmp_path)
    assert not faults(judge(tmp_path))

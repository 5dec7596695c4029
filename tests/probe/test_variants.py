"""The matrix: variants of a right peer, each wrong in one way, and what the probe says of them."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import probe.cases
import probe.sessions  # noqa: F401 -- registers the sessions
from probe import engine
from probe.conversation.stage import Stage
from probe.model import Outcome
from probe.registry import CASES, PLANS
from probe.settings import Settings
from tests.kit.probe.variants import matrix
from tests.kit.probe.variants.kit import VARIANTS
from tests.kit.probe.variants.program import RIGHT
from tests.reference.habits import HABITS

LEAST_ALONE = 0.55
SAME = 0.98


def test_each_case_has_a_variant() -> None:
    """Whatever can fail a program, or warn it, has a variant that was made for it."""
    tried = {one.case for one in VARIANTS.values()}
    assert {case for case, one in CASES.items() if one.level != "i"} == tried
    assert len(VARIANTS) >= 45


def test_the_matrix_shows_every_variant() -> None:
    """Every variant is reported by its own case, most by that alone, and the right peer by none."""
    rows = matrix.committed()
    assert rows.keys() == {RIGHT, *VARIANTS}
    assert not rows.pop(RIGHT).cells
    assert not [row.name for row in rows.values() if row.case not in row.bad]
    assert [row.case for row in rows.values()] == [VARIANTS[name].case for name in rows]
    assert sum(row.alone for row in rows.values()) >= LEAST_ALONE * len(rows)


QUICK = (
    "haves-in-place-of-a-bitfield",
    "idle-until-the-next-unchoke",
    "only-one-seed",
    "split-at-each-blank",
)
"""Variants whose cases are answered within a second or two."""


@pytest.mark.swarm
def test_part_of_the_matrix() -> None:
    """What the matrix says of some variants and their cases is what comes of probing them."""
    kept = matrix.committed()
    with ThreadPoolExecutor(len(QUICK)) as pool:
        rows = list(pool.map(lambda name: matrix.hold(name, VARIANTS[name].case), QUICK))
    for row in rows:
        assert row.cells[row.case] == kept[row.name].cells[row.case], row


@pytest.mark.swarm
@pytest.mark.thorough
@pytest.mark.timeout(3600)
def test_the_whole_matrix() -> None:
    """Probed anew, every variant is reported by its case, the right peer by none, and nearly all cells are the same."""
    kept = matrix.committed()
    with ThreadPoolExecutor(2) as pool:
        rows = list(pool.map(matrix.hold, sorted(kept)))
    assert not [str(row) for row in rows if row.case not in row.bad and row.name != RIGHT]
    assert not [str(row) for row in rows if row.name == RIGHT and row.bad]
    differing = [cell for row in rows for cell in matrix.unlike(kept[row.name], row)]
    assert len(differing) <= (1 - SAME) * len(rows) * len(CASES), differing


LAWFUL = ("no-bitfield", "slow-writer", "handshake-wait", "abrupt-close", "abrupt-close-early", "cut-once")  # fmt: skip
NAMED = {
    "empty-bitfield": {"BF-02"},
    "zero-bitfield": {"BF-01"},
    "bitfield-twice": {"BF-04"},
    "have-before-bitfield": {"BF-04"},
    "bitfield-late": {"BF-04", "IN-06", "CH-07"},
    "repeated-interested": {"IN-06", "CH-07"},
    "repeated-have": {"HV-03"},
    "unknown-type": {"FR-05"},
    "unasked-piece": {"SV-04"},
    "pipelined-requests": {"RQ-03"},
    "never-closes": {"EN-09"},
}
"""Habits that a case is there to name: they are tolerated by our peer, not allowed by the assignment."""


def test_every_habit_is_expected() -> None:
    """Each habit of the reference peer is either lawful, or what some cases are there to name."""
    assert {*LAWFUL, *NAMED} == HABITS.keys()
    assert not set(LAWFUL) & NAMED.keys()


@pytest.mark.swarm
@pytest.mark.thorough
@pytest.mark.timeout(200)
@pytest.mark.parametrize("habit", HABITS)
def test_a_habit_is_named_and_nothing_else(habit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The reference peer with a habit is blamed for that habit at most."""
    command = matrix.command_of(RIGHT) + f" --habit {habit}"
    monkeypatch.setattr(matrix, "command_of", lambda name: command)
    assert matrix.hold(RIGHT).bad == NAMED.get(habit, set())


class Lagging(Stage):
    """A stage whose own loop is late once a second."""

    paused = 0.0

    def _turn(self, end: float) -> None:
        if self.now() - self.paused > 1.0:
            self.paused = self.now()
            self.after(0.0, lambda: time.sleep(0.15))
        super()._turn(end)


@pytest.mark.swarm
@pytest.mark.thorough
def test_a_late_probe_blames_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the probe's own loop is late, a timing case is repeated alone, and then undecided, not broken (rule 5)."""
    monkeypatch.setenv("PYTHONPATH", str(matrix.ROOT))
    monkeypatch.setattr(engine, "Stage", Lagging)
    settings = Settings(command=matrix.command_of("k-is-not-looked-at"), copy="none")
    run = engine.Engine(settings, tmp_path, lambda *_: None).run(["slots"])
    record = next(one for one in run.records if one.plan is PLANS["slots"])
    assert record.alone
    assert record.lag > engine.MOST_LAG
    found = {one.case: one.outcome for one in record.findings}
    assert found["CH-02"] is Outcome.UNDECIDED
    assert Outcome.BROKEN not in {found[case] for case in found if CASES[case].timing}

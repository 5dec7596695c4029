"""The kill matrix: what each mutant of the program is found by (tests/verifier/matrix)."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from tests.verifier.matrix.mutants import MUTANTS
from tests.verifier.matrix.running import CONTROL, Result, graded, judge, judge_all, render, search

PAGE = Path(__file__).parents[1] / "matrix" / "kill_matrix.md"
pytestmark = pytest.mark.timeout(900)
"""The mutants run once, in one worker; on a busy machine they take minutes."""


@cache
def results() -> list[Result]:
    """All mutants, run once."""
    return judge_all()


def test_matrix_is_as_expected() -> None:
    """Every mutant is found by the same checks as in the committed page."""
    assert render(results()).splitlines() == PAGE.read_text(encoding="utf-8").splitlines()


def test_mutants_are_killed_by_their_checks() -> None:
    """Each mutant is reported by every check that is there for it, or seen in the way it names."""
    missed = {
        one.mutant.name: lacking
        for one in results()
        if (
            lacking := set(one.mutant.kills)
            - {*one.fired, one.outcome, one.found.partition(" ")[0]}
        )
    }
    assert missed == {}


def test_every_check_is_killed() -> None:
    """Every check of errors and warnings kills at least one mutant that is made for it."""
    killed = {name for one in results() for name in one.mutant.kills if name in one.fired}
    assert [name for name in graded() if name not in killed] == []


def test_many_are_found_without_logs() -> None:
    """At least twelve wrong variants show themselves in simulated swarms whose logs nobody reads."""
    assert sum(one.found not in {"", "-"} for one in results()) >= 12


def test_the_program_itself_is_not_found() -> None:
    """In the swarms that are searched for mutants the program as it is ends well."""
    assert search(CONTROL) == "-"


def test_the_program_itself_is_not_blamed() -> None:
    """In the mutants' own swarms the program as it is ends well, and no check reports anything."""
    controls = {
        repr((one.scenario, one.seed, one.starts)): replace(
            CONTROL, scenario=one.scenario, seed=one.seed, starts=one.starts
        )
        for one in MUTANTS.values()
    }
    blamed = {}
    for control in controls.values():
        result = judge(control)
        if result.outcome or result.fired:
            blamed[str(control.scenario)] = (result.outcome, result.fired)
    assert blamed == {}

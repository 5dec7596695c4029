"""The kill matrix: what each mutant of the program is found by (tests/verifier/matrix)."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from tests.verifier.matrix.mutants import MUTANTS, BrokenSwarm
from tests.verifier.matrix.running import (
    CONTROL,
    Result,
    graded,
    judge_all,
    judged,
    render,
    run,
    search,
)

PAGE = Path(__file__).parent / "matrix" / "kill_matrix.md"
NEVER_ENDS = {"one piece an unchoke"}
"""Mutants whose own swarm is too slow for anybody."""


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


@pytest.mark.parametrize("name", [name for name in MUTANTS if name not in NEVER_ENDS])
def test_the_program_itself_is_not_blamed(name: str) -> None:
    """In a mutant's own swarm the program as it is ends well, and no check reports anything."""
    mutant = MUTANTS[name]
    control = replace(CONTROL, scenario=mutant.scenario, seed=mutant.seed, starts=mutant.starts)
    way, outcome = run(BrokenSwarm(control, mutant.scenario, mutant.seed), control)
    assert (way, outcome is not None) == ("", True)
    with tempfile.TemporaryDirectory() as folder:
        assert outcome is not None
        outcome.write(Path(folder))
        assert judged(Path(folder)) == ()

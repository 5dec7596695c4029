"""`invoke grade`: the verifier's grading, with the options of a task."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.errors import HarnessError
from harness.grading import Options, run_grade
from tests.kit.verifier.judging import good_run
from tests.kit.verifier.pages import broken_run


def test_options_reach_the_verifier(tmp_path: Path) -> None:
    """Folder, results, rubric, strictness, processes and time are those that the task was given."""
    broken_run(tmp_path / "in" / "alice")
    rubric = tmp_path / "ours.toml"
    rubric.write_text('[[part]]\nname = "haves"\npoints = 5\ngives = ["H01"]\n')
    options = Options(
        tmp_path / "in", tmp_path / "out", rubric, None, strict=True, jobs=1, timeout=60.0
    )
    assert run_grade(options) == 0
    found = json.loads((tmp_path / "out" / "grades.json").read_text())
    assert (found["strict"], found["most"], found["submissions"][0]["score"]) == (True, 5, 0)


def test_configuration_is_handed_on(tmp_path: Path) -> None:
    """A submission without a configuration is judged by the one that is named, and is told without it."""
    run = good_run().write(tmp_path / "run")
    (tmp_path / "in" / "alice").mkdir(parents=True)
    for log in run.glob("*.log"):
        log.rename(tmp_path / "in" / "alice" / log.name)
    assert run_grade(Options(tmp_path / "in", tmp_path / "out")) == 3
    assert run_grade(Options(tmp_path / "in", tmp_path / "out", config=run)) == 0


def test_a_folder_must_be_named() -> None:
    """Without a folder the task says how to name one, and grades nothing."""
    with pytest.raises(HarnessError, match="name the folder of submissions with --dir") as caught:
        run_grade(Options())
    assert caught.value.status == 2

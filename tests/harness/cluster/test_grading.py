"""Grading by the workers of a cluster: the same grades, and a word where they don't see the folders."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from harness.grading import Options, run_grade
from tests.kit.verifier.judging import good_run
from tests.kit.workers.cluster import WITHOUT_DASK, Cluster
from verifier.grading import pool
from verifier.grading.grader import Settings
from verifier.grading.rubric import load
from verifier.grading.submissions import Submission

pytest.importorskip("distributed", reason=WITHOUT_DASK)


def grades(out: Path) -> list[dict[str, str]]:
    """The rows of a table of grades, without how long each took."""
    with (out / "grades.csv").open(newline="") as file:
        return [
            {key: value for key, value in row.items() if key != "seconds"}
            for row in csv.DictReader(file)
        ]


def test_workers_grade_as_processes_here(dask: Cluster, tmp_path: Path) -> None:
    """Workers that see the same folders give the same grades and write the same pages, and leave nothing behind."""
    work = tmp_path / "in"
    for name in ("ann", "bob"):
        good_run().write(work / name)
    (work / "bob" / "log_peer_1002.log").unlink()
    (work / "empty").mkdir()
    dask.have(1)
    statuses = [
        run_grade(Options(folder=work, out=tmp_path / out, on=on))
        for out, on in (("here", None), ("there", dask.address))
    ]
    assert statuses == [3, 3]
    assert grades(tmp_path / "there") == grades(tmp_path / "here")
    here, there = (
        sorted(path.relative_to(tmp_path / out) for path in (tmp_path / out).rglob("*"))
        for out in ("here", "there")
    )
    assert here == there


def test_a_machine_that_does_not_see_the_folders(tmp_path: Path) -> None:
    """A submission whose machine doesn't see it, or not the results' folder, isn't judged there, and it is told why."""
    (tmp_path / "ann").mkdir()
    mark = tmp_path / "mark"
    settings = Settings(load(None), tmp_path)
    ann = Submission("ann", "ann", tmp_path / "ann")
    gone = Submission("bob", "bob", tmp_path / "bob")
    for submission in (ann, gone):  # first there is no mark
        told = pool._work_there(submission, settings, 10.0, mark)
        assert isinstance(told, str)
        assert "doesn't see" in told
        mark.touch()

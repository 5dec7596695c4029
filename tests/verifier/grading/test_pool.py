"""Processes: one that hangs, crashes or asks too much costs only its own submission, and none is left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.kit.grading import grade
from tests.kit.verifier.judging import good_run
from tests.kit.workers.processes import started_below
from verifier.grading import archives, grader, pool
from verifier.grading.grader import Settings
from verifier.grading.pool import run_all
from verifier.grading.rubric import load
from verifier.grading.submissions import Submission, find_submissions
from verifier.work.handing import Progress

ROOT = Path(__file__).parents[3]


def hang(_folder: Path) -> None:
    """Wait until somebody ends this."""
    subprocess.run([sys.executable, "-c", "import time; time.sleep(600)"], check=False)


def crash(_folder: Path) -> None:
    """Die without a word."""
    os.kill(os.getpid(), signal.SIGKILL)


def swallow(_folder: Path) -> None:
    """Ask for more memory than there may be."""
    bytearray(pool.MEMORY * 2)


def stumble(_folder: Path) -> None:
    """A mistake of ours."""
    raise KeyError("x")


FAULTS: dict[str, tuple[Callable[[Path], None], str]] = {
    "crashes": (crash, "the process that judged it ended by SIGKILL"),
    "hangs": (hang, "judging it takes longer than 2 s: stopped"),
    "stumbles": (stumble, "internal error: KeyError: 'x' (test_pool.py:"),
    "swallows": (swallow, "judging it takes more than 4 GiB of memory: stopped"),
}
"""Submissions whose processes come to nothing, and what is said of them."""


@pytest.fixture
def submissions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Good submissions, and one for each fault."""
    work = tmp_path / "in"
    for name in ("alice", *FAULTS, "zoe"):
        good_run().write(work / name)
    unpack = archives.unpack

    def broken(path: Path, *rest: object) -> list[str]:
        if path.name in FAULTS:
            FAULTS[path.name][0](path)
        return unpack(path, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(grader, "unpack", broken)
    return work


def test_a_fault_costs_only_itself(
    submissions: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    """Of submissions that hang, crash, eat memory or meet a mistake of ours the reason is told, the others are judged, and nothing is left."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    before = started_below(os.getpid())
    graded = grade(tmp_path / "out", submissions, "--timeout", "2")
    assert graded.status == 3
    for name, (_, reason) in FAULTS.items():
        row = graded.row(name)
        assert (row["verdict"], row["score"]) == ("NOT JUDGED", 0.0)
        assert row["remarks"][0].startswith(reason)
        assert (tmp_path / "out" / "submissions" / f"{name}.html").exists()
    assert [graded.row(name)["score"] for name in ("alice", "zoe")] == [100.0, 100.0]
    assert list(scratch.iterdir()) == []
    assert started_below(os.getpid()) <= before


def test_an_interrupt_leaves_nothing(tmp_path: Path) -> None:
    """Interrupted or terminated, a grading ends with the signal's status, and neither process nor folder stays."""
    for name in "abcdef":
        good_run().write(tmp_path / "in" / name)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    # Its work says that it began, and then waits for ever.
    program = (
        "import os, runpy, signal, sys; from verifier.grading import grader;"
        "begin = lambda *_: (open(os.environ['BEGAN'], 'wb').write(b'x'), signal.pause());"
        "grader.unpack = begin; sys.argv[0] = 'verifier';"
        "runpy.run_module('verifier', run_name='__main__')"
    )
    for number, status in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
        began = tmp_path / f"began{status}"
        os.mkfifo(began)
        process = subprocess.Popen(
            [sys.executable, "-c", program, "grade", str(tmp_path / "in"), "--jobs", "2", "--out",
             str(tmp_path / "out")],
            cwd=ROOT, env=os.environ | {"TMPDIR": str(scratch), "BEGAN": str(began)}, stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )  # fmt: skip
        with began.open("rb") as file:
            assert file.read(1) == b"x"
        workers = started_below(process.pid)
        assert len(workers) >= 1
        process.send_signal(number)
        _, errors = process.communicate(timeout=20)
        assert process.returncode == status, errors
        assert b"Traceback" not in errors
        assert not [one for one in workers if Path(f"/proc/{one}").exists()]
        assert list(scratch.iterdir()) == []


def test_grades_come_in_order_with_progress(tmp_path: Path) -> None:
    """Grades come in the order of the names, whichever is done first, and progress ends with all but those that are at work."""
    for name in "abcde":
        good_run().write(tmp_path / "in" / name)
    (tmp_path / "out" / "submissions").mkdir(parents=True)
    told: list[Progress[Submission]] = []
    settings = Settings(load(None), tmp_path / "out")
    found = find_submissions([tmp_path / "in"]).submissions
    grades = list(run_all(found, settings, jobs=3, timeout=60, told=told.append))
    assert [one.name for one in grades] == list("abcde")
    assert (told[0].done, told[0].left, len(told[0].running)) == (0, None, 3)
    assert [one.done for one in told] == sorted(one.done for one in told)
    assert told[-1].done >= 2
    assert all(one.left is not None and one.left >= 0 for one in told if one.done)


def test_what_is_handed_back_is_small(tmp_path: Path) -> None:
    """A result doesn't grow with the logs, or with the remarks and broken rules of a submission."""
    from verifier.grading.grade import LONGEST_REMARK, MOST_REMARKS, cut  # noqa: PLC0415

    kept = cut([f"{number} " + "x" * 10_000 for number in range(10_000)])
    assert len(kept) == MOST_REMARKS + 1
    assert max(map(len, kept)) <= LONGEST_REMARK + 3
    assert kept[-1] == f"and {10_000 - MOST_REMARKS} more remarks"

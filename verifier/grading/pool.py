"""Grades submissions, each in a process of its own, some at a time.

A submission that hangs, crashes or eats memory costs only itself: what happened is its remark, and its
work folder is removed. Processes hand back a small result each; everything large they write themselves.
"""

from __future__ import annotations

import shutil
import tempfile
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from verifier.grading.grader import Settings, failed, grade
from verifier.showing import shown
from verifier.work.handing import Answer, LostError, Progress, hand_out
from verifier.work.processes import Limits, Processes, told_of

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from verifier.grading.grade import Grade
    from verifier.grading.submissions import Submission
    from verifier.work.handing import Workers

    Told = Callable[[Progress[Submission]], None]

MEMORY = 4 << 30
"""Bytes of address space that a submission's process may have."""
LARGEST_FILE = 1 << 29
"""Bytes of a file that it may write: its results, or one of what it unpacks."""
TRIES = 3
"""Other machines that may die while they have a submission before it counts as not judged."""


def run_all(
    submissions: list[Submission],
    settings: Settings,
    *,
    jobs: int,
    timeout: float,
    workers: Workers | None = None,
    told: Told = lambda _: None,
) -> Generator[Grade]:
    """The grades in the order of the submissions, each as soon as all before it are there.

    However it ends, no process and no work folder is left behind. `workers` on other machines that see the
    same folders do it instead of `jobs` processes here.
    """
    if workers is None:
        yield from _here(submissions, settings, jobs, timeout, told)
    else:
        yield from _elsewhere(submissions, settings, workers, timeout, told)


def _elsewhere(
    submissions: list[Submission],
    settings: Settings,
    workers: Workers,
    timeout: float,
    told: Told,
) -> Generator[Grade]:
    """By workers that see the same folders, as they find out by a mark that is made for it."""
    parts = [replace(one, path=one.path.resolve()) for one in submissions]
    with tempfile.NamedTemporaryFile(prefix=".grading-", dir=settings.out) as mark:
        work = partial(_work_there, settings=settings, timeout=timeout, mark=Path(mark.name))
        answers = hand_out(workers, work, parts, len(parts), tries=TRIES, told=told)
        with closing(answers):
            for submission, answer in answers:
                yield _result(submission, settings, answer)


def _work_there(
    submission: Submission, settings: Settings, timeout: float, mark: Path
) -> Grade | str:
    """On another machine: grade one submission as is done here, in a process with the same limits."""
    for path in (mark.parent, submission.path):
        if not path.exists() or not mark.exists():
            return f"the machine that was to judge it doesn't see {shown(path)}, where results and submissions are"
    (grade,) = _here([submission], settings, 1, timeout, lambda _: None)
    return grade


def _here(
    submissions: list[Submission],
    settings: Settings,
    jobs: int,
    timeout: float,
    told: Told,
) -> Generator[Grade]:
    """By processes on this machine."""
    scratch = Path(tempfile.mkdtemp(prefix="grading-"))
    processes = Processes(jobs, Limits(timeout, MEMORY, LARGEST_FILE))
    work = partial(_work, scratch=scratch, settings=settings)
    try:
        with closing(
            hand_out(processes, work, submissions, len(submissions), told=told)
        ) as answers:
            for submission, answer in answers:
                shutil.rmtree(scratch / submission.slug, ignore_errors=True)
                yield _result(submission, settings, answer)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _work(submission: Submission, scratch: Path, settings: Settings) -> Grade | str:
    """In a process: grade one submission in a folder of its own, or say what went wrong."""
    work = scratch / submission.slug
    work.mkdir()
    try:
        return grade(submission, work, settings)
    except MemoryError:
        return f"judging it takes more than {MEMORY >> 30} GiB of memory: stopped"
    except RecursionError:
        return "it is nested too deeply to be read: stopped"
    except Exception as error:  # noqa: BLE001  # whatever it is, the other submissions go on
        return f"internal error: {told_of(error)}"
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _result(submission: Submission, settings: Settings, answer: Answer[Grade | str]) -> Grade:
    """What a process handed back; else a grade that says what became of it."""
    if isinstance(answer, TimeoutError):
        answer = f"judging {answer}: stopped"
    elif isinstance(answer, LostError):
        answer = f"the process that judged it {answer}"
    return failed(submission, settings, answer) if isinstance(answer, str) else answer

"""Grades submissions, each in a process of its own, some at a time.

A submission that hangs, crashes or eats memory costs only itself: what happened is its remark, and its
work folder is removed. Processes hand back a small result each; everything large they write themselves.
"""

from __future__ import annotations

import shutil
import tempfile
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from verifier.grading.grader import Settings, failed, grade
from verifier.work.handing import Answer, LostError, Progress, hand_out
from verifier.work.processes import Limits, Processes, told_of

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from verifier.grading.grade import Grade
    from verifier.grading.submissions import Submission

MEMORY = 4 << 30
"""Bytes of address space that a submission's process may have."""
LARGEST_FILE = 1 << 29
"""Bytes of a file that it may write: its results, or one of what it unpacks."""


def run_all(
    submissions: list[Submission],
    settings: Settings,
    *,
    jobs: int,
    timeout: float,
    told: Callable[[Progress[Submission]], None] = lambda _: None,
) -> Generator[Grade]:
    """The grades in the order of the submissions, each as soon as all before it are there.

    However it ends, no process and no work folder is left behind.
    """
    scratch = Path(tempfile.mkdtemp(prefix="grading-"))
    workers = Processes(jobs, Limits(timeout, MEMORY, LARGEST_FILE))
    work = partial(_work, scratch=scratch, settings=settings)
    try:
        with closing(hand_out(workers, work, submissions, len(submissions), told=told)) as answers:
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

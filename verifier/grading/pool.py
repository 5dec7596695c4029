"""Runs a process for each submission, some at a time, and ends those that take too long.

A submission that hangs, crashes or eats memory costs only itself: its process group is killed, its work
folder removed, and what happened is its remark. Processes hand back a small result each; everything
large they write themselves.
"""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import time
import traceback
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import wait
from pathlib import Path
from typing import TYPE_CHECKING

from verifier.grading.grader import Settings, failed, grade
from verifier.showing import shown

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from multiprocessing.connection import Connection as Pipe
    from multiprocessing.process import BaseProcess

    from verifier.grading.grade import Grade
    from verifier.grading.submissions import Submission

MEMORY = 4 << 30
"""Bytes of address space that a submission's process may have."""
LARGEST_FILE = 1 << 29
"""Bytes of a file that it may write: its results, or one of what it unpacks."""
BLINK = 1.0
"""Seconds after which progress is told, whatever happens."""


_ENDING = {signal.SIGINT, signal.SIGTERM}
"""Signals that end the program."""


@dataclass(slots=True)
class Worker:
    """A process at work: on which submission, since and until when, and where."""

    number: int
    submission: Submission
    process: BaseProcess
    pipe: Pipe
    deadline: float
    work: Path


@dataclass(frozen=True, slots=True)
class Progress:
    """How far all is: `left` are seconds, None before anything is known."""

    done: int
    running: list[str]
    of: int
    left: float | None


def run_all(
    submissions: list[Submission],
    settings: Settings,
    *,
    jobs: int,
    timeout: float,
    told: Callable[[Progress], None] = lambda _: None,
) -> Generator[Grade]:
    """The grades in the order of the submissions, each as soon as all before it are there.

    However it ends, no process and no work folder is left behind.
    """
    waiting = list(enumerate(submissions))[::-1]
    workers: list[Worker] = []
    ready: dict[int, Grade] = {}
    begun, given = time.monotonic(), 0
    scratch = Path(tempfile.mkdtemp(prefix="grading-"))
    try:
        while waiting or workers:
            while waiting and len(workers) < jobs:
                with _undisturbed():  # a process that is started but not yet noted would stay
                    workers.append(_start(*waiting.pop(), settings, timeout, scratch))
            done = given + len(ready)
            spent = time.monotonic() - begun
            left = spent / done * (len(submissions) - done) if done else None
            told(Progress(done, [one.submission.name for one in workers], len(submissions), left))
            for worker in _ended(workers):
                workers.remove(worker)
                ready[worker.number] = _result(worker, settings, timeout)
            while given in ready:
                yield ready.pop(given)
                given += 1
    finally:
        for worker in workers:
            _kill(worker)
        shutil.rmtree(scratch, ignore_errors=True)


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Within, signals that end the program wait."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _start(
    number: int, submission: Submission, settings: Settings, timeout: float, scratch: Path
) -> Worker:
    """Start the process of a submission, in a folder of its own."""
    work = scratch / str(number)
    work.mkdir()
    context = get_context()
    mine, theirs = context.Pipe(duplex=False)
    arguments = (theirs, submission, work, settings, timeout)
    process = context.Process(target=_work, args=arguments, name=f"grading {submission.slug}")
    process.start()
    theirs.close()
    return Worker(number, submission, process, mine, time.monotonic() + timeout, work)


def _work(
    pipe: Pipe, submission: Submission, work: Path, settings: Settings, timeout: float
) -> None:
    """A process: grade one submission and hand back the result, or what went wrong."""
    _confine(timeout)
    try:
        pipe.send(grade(submission, work, settings))
    except MemoryError:
        pipe.send(f"judging it takes more than {MEMORY >> 30} GiB of memory: stopped")
    except RecursionError:
        pipe.send("it is nested too deeply to be read: stopped")
    except Exception as error:  # noqa: BLE001  # whatever it is, the other submissions go on
        place = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{Path(place.filename).name}:{place.lineno}"
        pipe.send(f"internal error: {type(error).__name__}: {shown(error)} ({where})")


def _confine(timeout: float) -> None:
    """Lead a process group of its own, with limits; ended by the system should ours be gone."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(
        signal.SIGINT, signal.SIG_IGN
    )  # a Ctrl-C is the parent's, which ends this process
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDING)  # they waited while it was started
    if not hasattr(os, "setsid"):
        return
    import resource  # noqa: PLC0415  # only where there are such limits

    os.setsid()
    signal.alarm(int(timeout) + 10)
    for limit, value in ((resource.RLIMIT_AS, MEMORY), (resource.RLIMIT_FSIZE, LARGEST_FILE)):
        with suppress(OSError, ValueError):
            resource.setrlimit(limit, (value, resource.getrlimit(limit)[1]))


def _ended(workers: list[Worker]) -> list[Worker]:
    """Those that have ended, have something to say, or are out of time; after a blink at most."""
    soonest = min(worker.deadline for worker in workers) - time.monotonic()
    seen = wait([one.pipe for one in workers], max(0.0, min(BLINK, soonest)))
    now = time.monotonic()
    return [one for one in workers if one.pipe in seen or now >= one.deadline]


def _result(worker: Worker, settings: Settings, timeout: float) -> Grade:
    """What a process handed back; else a grade that says what became of it."""
    answer: Grade | str
    try:
        if worker.pipe.poll():
            answer = worker.pipe.recv()
        else:
            answer = f"judging it takes longer than {timeout:g} s: stopped"
    except (EOFError, OSError):
        worker.process.join(5)
        answer = f"the process that judged it ended {_how(worker.process.exitcode)}"
    finally:
        _kill(worker)
    return failed(worker.submission, settings, answer) if isinstance(answer, str) else answer


def _how(code: int | None) -> str:
    if code is not None and code < 0:
        with suppress(ValueError):
            return f"by {signal.Signals(-code).name}"
    return f"with status {code}"


def _kill(worker: Worker) -> None:
    """End a process and all that it started, and remove its folder."""
    group = worker.process.pid
    if group is not None and hasattr(os, "killpg"):
        with suppress(OSError):
            os.killpg(group, signal.SIGKILL)
    worker.process.kill()
    worker.process.join()
    worker.process.close()
    worker.pipe.close()
    shutil.rmtree(worker.work, ignore_errors=True)

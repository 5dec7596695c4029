"""Does each part of the work in a process of its own, some at a time.

A part that hangs, crashes or eats memory costs only itself: its process group is killed, and what happened
is its future's exception. Nobody who waits needs a thread: processes are started and looked after while
`wait` is called.
"""

from __future__ import annotations

import os
import signal
import threading
import time
import traceback
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import connection, get_context, parent_process
from pathlib import Path
from typing import TYPE_CHECKING, Any

from verifier.showing import shown
from verifier.work.handing import LostError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator
    from multiprocessing.connection import Connection as Pipe
    from multiprocessing.process import BaseProcess

_ENDING = {signal.SIGINT, signal.SIGTERM}
"""Signals that end the program."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one part may take: seconds, bytes of address space, bytes of a file; None is no limit."""

    seconds: float | None = None
    memory: int | None = None
    file: int | None = None


@dataclass(slots=True)
class _Running:
    """A process at work."""

    process: BaseProcess
    pipe: Pipe
    deadline: float


class Processes:
    """Workers on this machine: a new process for each part."""

    def __init__(self, jobs: int, limits: Limits = Limits()) -> None:
        self._jobs = jobs
        self._limits = limits
        self._running: dict[Future[Any], _Running] = {}

    def places(self) -> int:
        """As many as processes may run at a time."""
        return self._jobs

    def state(self) -> str:
        """There is nothing to say of them."""
        return ""

    def submit(self, work: Callable[[Any], Any], part: Any) -> Future[Any]:
        """Start a process for it."""
        future: Future[Any] = Future()
        future.set_running_or_notify_cancel()
        with _undisturbed():  # a process that is started but not yet noted would stay
            self._running[future] = self._start(work, part)
        return future

    def _start(self, work: Callable[[Any], Any], part: Any) -> _Running:
        context = get_context()
        mine, theirs = context.Pipe(duplex=False)
        process = context.Process(target=_work, args=(theirs, work, part, self._limits))
        process.start()
        theirs.close()
        seconds = self._limits.seconds
        deadline = time.monotonic() + seconds if seconds is not None else float("inf")
        return _Running(process, mine, deadline)

    def wait(self, futures: Collection[Future[Any]], seconds: float) -> None:
        """See what the processes say; those that are out of time are ended."""
        now = time.monotonic()
        running = {future: self._running[future] for future in futures if future in self._running}
        soonest = min((one.deadline for one in running.values()), default=now) - now
        pipes = [one.pipe for one in running.values()]
        seen = connection.wait(pipes, max(0.0, min(seconds, soonest)))
        now = time.monotonic()
        for future, one in running.items():
            if one.pipe in seen or now >= one.deadline:
                self._finish(future, one)

    def _finish(self, future: Future[Any], one: _Running) -> None:
        """Hand over what a process said, or say what became of it."""
        try:
            if one.pipe.poll():
                result, wrong = one.pipe.recv()
                error: Exception | None = RuntimeError(wrong) if wrong else None
            else:
                error = TimeoutError(f"it takes longer than {self._limits.seconds:g} s")
        except (EOFError, OSError):
            one.process.join(5)
            error = LostError(f"ended {_how(one.process.exitcode)}")
        finally:
            del self._running[future]
            _kill(one)
        if error is None:
            future.set_result(result)
        else:
            future.set_exception(error)

    def close(self) -> None:
        """End all processes."""
        while self._running:
            _kill(self._running.popitem()[1])


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


def _work(pipe: Pipe, work: Callable[[Any], Any], part: Any, limits: Limits) -> None:
    """A process: do one part, and hand back its result or what was raised."""
    _confine(limits)
    try:
        pipe.send((work(part), ""))
    except Exception as error:  # noqa: BLE001  # whatever it is, the parent has to know
        pipe.send((None, told_of(error)))


def told_of(error: BaseException) -> str:
    """An exception that nobody expected, in one line, with the place that raised it."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{Path(place.filename).name}:{place.lineno}"
    return f"{type(error).__name__}: {shown(error)} ({where})"


def _confine(limits: Limits) -> None:
    """Lead a process group of its own, with limits; it ends when the process that began it is gone."""
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
    threading.Thread(target=_end_with_parent, daemon=True).start()
    if limits.seconds is not None:
        signal.alarm(int(limits.seconds) + 10)
    for limit, value in ((resource.RLIMIT_AS, limits.memory), (resource.RLIMIT_FSIZE, limits.file)):
        if value is not None:
            with suppress(OSError, ValueError):
                resource.setrlimit(limit, (value, resource.getrlimit(limit)[1]))


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os.killpg(0, signal.SIGKILL)


def _how(code: int | None) -> str:
    if code is not None and code < 0:
        with suppress(ValueError):
            return f"by {signal.Signals(-code).name}"
    return f"with status {code}"


def _kill(one: _Running) -> None:
    """End a process and all that it started."""
    group = one.process.pid
    if group is not None and hasattr(os, "killpg"):
        with suppress(OSError):
            os.killpg(group, signal.SIGKILL)
    one.process.kill()
    one.process.join()
    one.process.close()
    one.pipe.close()

"""Hands out work in parts, and hands back the results: the one owner of that.

It decides which part is next, which is run again because whoever had it died, in which order results come,
and how far all is. Who does the work is somebody's else: `processes.py` here, a cluster, or any executor
of the standard library.
"""

from __future__ import annotations

import time
from collections import deque
from concurrent.futures import FIRST_COMPLETED, wait
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Generator, Sequence
    from concurrent.futures import Executor, Future

Part = TypeVar("Part")
Result = TypeVar("Result")

BLINK = 1.0
"""Seconds after which progress is told, whatever happens."""


class LostError(Exception):
    """Whoever had a part died before it was done; `str(e)` says how: `ended by SIGKILL`."""


class Workers(Protocol):
    """Who does the work."""

    def places(self) -> int:
        """How many parts they should have at a time."""

    def state(self) -> str:
        """What people should know of them while they wait; usually nothing."""

    def submit(self, work: Callable[[Any], Any], part: Any) -> Future[Any]:
        """Begin `work(part)`; the future fails with `LostError` if whoever does it dies."""

    def wait(self, futures: Collection[Future[Any]], seconds: float) -> None:
        """Return when one of these is done, or after so many seconds."""

    def close(self) -> None:
        """Stop all work, and leave nothing behind."""


class ExecutorWorkers:
    """Any executor of the standard library's interface as workers."""

    def __init__(self, executor: Executor, places: int) -> None:
        self._executor = executor
        self._places = places

    def places(self) -> int:
        """As many as was said."""
        return self._places

    def state(self) -> str:
        """Nothing is known of them."""
        return ""

    def submit(self, work: Callable[[Any], Any], part: Any) -> Future[Any]:
        """Let the executor begin."""
        return self._executor.submit(work, part)

    def wait(self, futures: Collection[Future[Any]], seconds: float) -> None:
        """Wait as the standard library does."""
        wait(futures, seconds, FIRST_COMPLETED)

    def close(self) -> None:
        """Begin nothing more."""
        self._executor.shutdown(wait=False)


@dataclass(frozen=True, slots=True)
class Progress(Generic[Part]):
    """How far all is: `left` are seconds, None before anything is known; `state` is of the workers."""

    done: int
    running: list[Part]
    of: int
    left: float | None
    state: str = ""


@dataclass(slots=True)
class _Handing(Generic[Part, Result]):
    """What is where: parts are known by their numbers."""

    parts: Sequence[Part]
    weigh: Callable[[Part], int]
    waiting: deque[int]
    running: dict[Future[Result], int] = field(default_factory=dict)
    ready: dict[int, Result | LostError | TimeoutError] = field(default_factory=dict)
    losses: dict[int, int] = field(default_factory=dict)
    given: int = 0
    done: int = 0
    begun: float = field(default_factory=time.monotonic)
    all: int = 0

    def __post_init__(self) -> None:
        self.all = sum(map(self.weigh, self.parts))

    def progress(self, state: str) -> Progress[Part]:
        """How far all is."""
        of = self.all
        spent = time.monotonic() - self.begun
        left = spent / self.done * (of - self.done) if self.done else None
        running = [self.parts[number] for number in self.running.values()]
        return Progress(self.done, running, of, left, state)

    def take_back(self, future: Future[Result], tries: int) -> None:
        """Note what became of a part; whether it is tried again."""
        number = self.running.pop(future)
        try:
            self.ready[number] = future.result()
        except TimeoutError as error:
            self.ready[number] = error
        except LostError as error:
            self.losses[number] = self.losses.get(number, 0) + 1
            if self.losses[number] < tries:
                self.waiting.appendleft(number)
                return
            self.ready[number] = error
        self.done += self.weigh(self.parts[number])


def hand_out(
    workers: Workers,
    work: Callable[[Part], Result],
    parts: Sequence[Part],
    *,
    tries: int = 1,
    weigh: Callable[[Part], int] = lambda _: 1,
    told: Callable[[Progress[Part]], None] = lambda _: None,
) -> Generator[Result | LostError | TimeoutError]:
    """`work` of each part, in the order of the parts, each as soon as all before it are there.

    A part whose worker died is handed out again, until `tries` workers died of it: then its result is the
    `LostError`. One that took too long for the workers' limit has a `TimeoutError`. What `work` itself
    raises is raised. Progress counts what `weigh` says of each part. However it ends, the workers are closed.
    """
    all_ = _Handing[Part, Result](parts, weigh, deque(range(len(parts))))
    try:
        while all_.waiting or all_.running:
            while all_.waiting and len(all_.running) < workers.places():
                number = all_.waiting.popleft()
                all_.running[workers.submit(work, parts[number])] = number
            told(all_.progress(workers.state()))
            workers.wait(list(all_.running), BLINK)
            for future in [one for one in all_.running if one.done()]:
                all_.take_back(future, tries)
            while all_.given in all_.ready:
                yield all_.ready.pop(all_.given)
                all_.given += 1
    finally:
        workers.close()

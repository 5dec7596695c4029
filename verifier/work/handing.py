"""Hands out work in parts, and hands back the results: the one owner of that.

It decides which part is next, which is run again because whoever had it died, in which order results come,
and how far all is. Who does it is told apart: `Workers` are the processes of `processes.py` here, or a cluster.
"""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeAlias, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Generator, Iterable, Iterator
    from concurrent.futures import Future

Part = TypeVar("Part")
Result = TypeVar("Result")

BLINK = 1.0
"""Seconds after which progress is told, whatever happens."""


class LostError(Exception):
    """Whoever had a part died before it was done; `str(e)` says how: `ended by SIGKILL`."""


Answer: TypeAlias = Result | LostError | TimeoutError
"""What becomes of a part."""


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


@dataclass(frozen=True, slots=True)
class Progress(Generic[Part]):
    """How far all is: `left` are seconds, None before anything is known; `state` is of the workers.

    `again` says how many times a part was handed out again.
    """

    done: int
    running: list[Part]
    of: int
    left: float | None
    state: str = ""
    again: int = 0


@dataclass(slots=True)
class _Item(Generic[Part]):
    """A part that was handed out, and how many of those who had it died."""

    number: int
    part: Part
    losses: int = 0


class _Handing(Generic[Part, Result]):
    """What is where."""

    def __init__(self, parts: Iterable[Part], of: int, weigh: Callable[[Part], int]) -> None:
        self.running: dict[Future[Result], _Item[Part]] = {}
        self._unseen = map(_Item, count(), parts)
        self._again: deque[_Item[Part]] = deque()
        self._ready: dict[int, tuple[Part, Answer[Result]]] = {}
        self._weigh = weigh
        self._done, self._of, self._given, self._losses = 0, of, 0, 0
        self._begun = time.monotonic()

    def next(self) -> _Item[Part] | None:
        """What is to be handed out: first what was lost; None when there is nothing."""
        return self._again.popleft() if self._again else next(self._unseen, None)

    def progress(self, state: str) -> Progress[Part]:
        """How far all is."""
        spent, left = time.monotonic() - self._begun, self._of - self._done
        return Progress(
            self._done,
            [item.part for item in self.running.values()],
            self._of,
            spent / self._done * left if self._done else None,
            state,
            self._losses,
        )

    def take_back(self, future: Future[Result], tries: int) -> None:
        """Note what became of a part, or that it is to be tried again."""
        item = self.running.pop(future)
        answer: Answer[Result]
        try:
            answer = future.result()
        except TimeoutError as error:
            answer = error
        except LostError as error:
            item.losses += 1
            if item.losses < tries:
                self._losses += 1
                self._again.append(item)
                return
            answer = error
        self._done += self._weigh(item.part)
        self._ready[item.number] = item.part, answer

    def answered(self) -> Iterator[tuple[Part, Answer[Result]]]:
        """Those whose turn it is."""
        while self._given in self._ready:
            yield self._ready.pop(self._given)
            self._given += 1


def hand_out(
    workers: Workers,
    work: Callable[[Part], Result],
    parts: Iterable[Part],
    of: int,
    *,
    tries: int = 1,
    weigh: Callable[[Part], int] = lambda _: 1,
    told: Callable[[Progress[Part]], None] = lambda _: None,
) -> Generator[tuple[Part, Answer[Result]]]:
    """Each part with what `work` makes of it, in the order of the parts, as soon as all before it are done.

    A part whose worker died is handed out again, until `tries` workers died of it: then its answer is the
    `LostError`. One that took too long for the workers' limit has a `TimeoutError`. What `work` itself
    raises is raised. Progress counts what `weigh` says of each part, `of` in all; a part is taken from
    `parts` when somebody is there for it. However it ends, the workers are closed.
    """
    handing = _Handing[Part, Result](parts, of, weigh)
    try:
        while True:
            while len(handing.running) < workers.places() and (item := handing.next()):
                handing.running[workers.submit(work, item.part)] = item
            if not handing.running:
                return
            told(handing.progress(workers.state()))
            workers.wait(list(handing.running), BLINK)
            for future in [one for one in handing.running if one.done()]:
                handing.take_back(future, tries)
            yield from handing.answered()
    finally:
        workers.close()

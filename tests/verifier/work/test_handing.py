"""Handing out work: order, repetition, progress, and that nothing is left."""

from __future__ import annotations

from collections.abc import Callable, Collection
from concurrent.futures import Future
from typing import Any

import pytest

from verifier.work.handing import LostError, Progress, hand_out


class Scripted:
    """Workers of which a script says what becomes of each part; the last that was begun is done first."""

    def __init__(self, places: int, losses: dict[int, int]) -> None:
        self._places = places
        self._losses = losses
        self.begun: list[int] = []
        self.most = 0
        self.closed = False
        self._waiting: list[tuple[Future[Any], Callable[[], Any], int]] = []

    def places(self) -> int:
        return self._places

    def state(self) -> str:
        return "scripted"

    def submit(self, work: Callable[[Any], Any], part: Any) -> Future[Any]:
        future: Future[Any] = Future()
        self.begun.append(part)
        self._waiting.append((future, lambda: work(part), part))
        self.most = max(self.most, len(self._waiting))
        return future

    def wait(self, futures: Collection[Future[Any]], seconds: float) -> None:
        future, work, part = self._waiting.pop()
        if self._losses.get(part, 0):
            self._losses[part] -= 1
            future.set_exception(LostError("ended by SIGKILL"))
            return
        try:
            future.set_result(work())
        except Exception as error:  # noqa: BLE001 -- as an executor does
            future.set_exception(error)

    def close(self) -> None:
        self.closed = True


def double(part: int) -> int:
    return 2 * part


def test_results_come_in_order() -> None:
    """Whoever is done first, results come in the order of the parts, and no more are out than there are places."""
    workers = Scripted(3, {})
    assert list(hand_out(workers, double, range(10), 10)) == [(n, 2 * n) for n in range(10)]
    assert workers.most == 3
    assert workers.closed


def test_a_lost_part_is_done_again() -> None:
    """A part whose worker died is handed out again before new ones, and only that part."""
    workers = Scripted(2, {4: 2})
    told: list[Progress[int]] = []
    answers = hand_out(workers, double, range(8), 8, tries=3, told=told.append)
    assert list(answers) == [(n, 2 * n) for n in range(8)]
    assert workers.begun.count(4) == 3
    assert len(workers.begun) == 10
    assert told[-1].again == 2


def test_a_part_that_kills_its_workers_is_given_up() -> None:
    """After so many deaths a part's answer is how the last of its workers died; the others go on."""
    answers = dict(hand_out(Scripted(2, {1: 99}), double, range(4), 4, tries=3))
    assert [answers[n] for n in (0, 2, 3)] == [0, 4, 6]
    assert isinstance(answers[1], LostError)
    assert str(answers[1]) == "ended by SIGKILL"


def test_what_work_raises_is_raised() -> None:
    """An error of the work itself ends all, with the workers closed."""
    workers = Scripted(2, {})
    with pytest.raises(ZeroDivisionError):
        list(hand_out(workers, lambda part: 1 // part, range(4), 4))
    assert workers.closed


def test_ending_early_closes_the_workers() -> None:
    """Whoever takes no more results leaves no worker behind."""
    workers = Scripted(1, {})
    answers = hand_out(workers, double, range(100), 100)
    next(answers)
    answers.close()
    assert workers.closed
    assert workers.begun == [0]


def test_parts_are_taken_when_they_are_needed() -> None:
    """A part is made when a place is free, so that its size may depend on what is known by then."""
    made: list[int] = []

    def parts():
        for number in range(6):
            made.append(number)
            yield number

    answers = hand_out(Scripted(1, {}), double, parts(), 6)
    next(answers)
    assert made == [0]
    assert len(list(answers)) == 5


def test_progress_counts_weights() -> None:
    """Progress is told before anything is known, counts what each part weighs, and says what is at work."""
    told: list[Progress[int]] = []
    parts = [1, 2, 3]
    list(hand_out(Scripted(1, {}), double, parts, 6, weigh=lambda part: part, told=told.append))
    assert [(one.done, one.running, one.of) for one in told] == [
        (0, [1], 6),
        (1, [2], 6),
        (3, [3], 6),
    ]
    assert told[0].left is None
    assert all(one.left is not None for one in told[1:])
    assert told[0].state == "scripted"

"""Whom to unchoke: pure functions of plain values (spec 4).

They know no neighbor objects, no clock and no network, so that each rule can be tested with numbers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random
from typing import NamedTuple


class PreferredChoice(NamedTuple):
    """Chosen preferred neighbors, and the random order that they were chosen by."""

    chosen: frozenset[int]
    draw: tuple[int, ...]
    """The candidates in random order: it breaks ties, and alone decides when we are complete."""


def choose_preferred(
    rates: Mapping[int, int], k: int, *, complete: bool, rng: Random
) -> PreferredChoice:
    """Choose at most k of the interested neighbors (spec 4.2, 4.3).

    `rates` maps each interested neighbor to the content bytes that counted from it since the last
    reselection. The highest rates win and ties fall at random; a peer that is complete chooses at
    random outright.
    """
    draw = sorted(rates)
    rng.shuffle(draw)
    ranked = draw if complete else sorted(draw, key=lambda neighbor: -rates[neighbor])
    return PreferredChoice(frozenset(ranked[:k]), tuple(draw))


class OptimisticChoice(NamedTuple):
    """The optimistically unchoked neighbor, and the index it was drawn by."""

    chosen: int
    draw: int


def choose_optimistic(candidates: Sequence[int], rng: Random) -> OptimisticChoice | None:
    """Draw one of the neighbors that are choked and interested (spec 4.5); None without any."""
    if not candidates:
        return None
    draw = rng.randrange(len(candidates))
    return OptimisticChoice(candidates[draw], draw)


class Ticks:
    """A schedule that doesn't drift: start + n·period, n = 1, 2, … (spec 4.7).

    Times are seconds on the monotonic clock that `now` is read from.
    """

    __slots__ = ("_period", "_start", "tick")

    def __init__(self, start: float, period: float) -> None:
        self._start = start
        self._period = period
        self.tick = 1
        """The number of the next tick."""

    @property
    def due(self) -> float:
        """When the next tick is due."""
        return self.time_of(self.tick)

    def time_of(self, tick: int) -> float:
        """When a tick is due, missed or not."""
        return self._start + tick * self._period

    def take(self, now: float) -> int:
        """Take the tick that is due; return how many were missed before it (they are skipped).

        A tick that comes late happens once, and the next one is in the future.
        """
        last = int((now - self._start) / self._period)
        # Division rounds; the schedule itself (start + n·period) is what counts.
        while self._start + (last + 1) * self._period <= now:
            last += 1
        while last > self.tick and self._start + last * self._period > now:
            last -= 1
        last = max(last, self.tick)
        missed = last - self.tick
        self.tick = last + 1
        return missed

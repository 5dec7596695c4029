"""One time axis for all logs: each log's times, corrected by the estimated offset of its clock.

Offsets are known as intervals (`verifier.history.offsets`). A clock whose interval contains 0 may be right, so
it stays as it is; another is moved by the middle of its interval, which is what a reader of both logs
would do by hand. The page shows interval and correction, and nothing is judged by it.

A log that tells whole seconds, or minutes, gives many lines one time. They are spread over that second
in their order, or nothing could be told apart; the page says so.
"""

from __future__ import annotations

from bisect import bisect_right
from itertools import groupby
from math import ceil, inf, isfinite, log10

from verifier.history.case import Case
from verifier.history.lives import Life

STEPS = 1e7
"""Ticks of the axis' clock in a run: what is finer than that part of a run isn't told apart."""
FEW_STEPS = 1e5
"""The same where the page would be too large."""
COARSE = 1.0
"""Seconds: times that are told no finer than this are spread."""
FINEST = 1e-6
"""Seconds; no log is written more finely."""


def correction(least: float, most: float) -> float:
    """Seconds by which a clock is set back, given how far it is ahead (spec 8.1 leaves it free)."""
    if least <= 0 <= most:
        return 0.0
    if isfinite(least) and isfinite(most):
        return (least + most) / 2
    return least if isfinite(least) else most


class Axis:
    """Where on the axis a line of a log stands.

    `unit` is `s`, seconds since the first line of any log; or `lines`, each log's own line numbers,
    where no log has times. Logs without times among others with times can't be placed. `corrections`
    are seconds for each log, `span` the length of the axis and `tick` its step, in the unit.
    """

    def __init__(self, case: Case) -> None:
        lives = case.lives
        timed = [life for life in lives if life.columns.timed]
        self.unit = "s" if timed else "lines"
        self.corrections = [correction(*case.clocks.interval(0, life.index)) for life in lives]
        self._groups = {
            life.index: _groups(life) for life in timed if life.columns.resolution >= COARSE
        }
        begins = [life.columns.first_time - self.corrections[life.index] for life in timed]
        self._zero = min(begins, default=0.0)
        self.span = max((self._end(life) for life in lives if self.placed(life)), default=0.0)
        self.tick = self._tick(STEPS)

    def coarsen(self) -> None:
        """Tell times less finely: numbers with fewer digits, for a page that would be too large."""
        self.tick = self._tick(FEW_STEPS)

    def _tick(self, steps: float) -> float:
        exponent = ceil(log10(self.span / steps)) if self.span > 0 else -inf
        return 1.0 if self.unit == "lines" else max(FINEST, 10.0**exponent)

    def placed(self, life: Life) -> bool:
        """Whether a log's lines have a place on the axis."""
        return self.unit == "lines" or life.columns.timed

    def spread(self, life: Life) -> bool:
        """Whether lines of this log that tell the same time are spread over its second or minute."""
        return life.index in self._groups

    def at(self, life: Life, time: float, line: int) -> float:
        """The place of a line with this time."""
        if self.unit == "lines":
            return float(line)
        moment = time - self.corrections[life.index] - self._zero
        if self.spread(life):
            moment += self._within(life, time, line)
        return moment

    def _within(self, life: Life, time: float, line: int) -> float:
        """Seconds from the beginning of a line's second to the line."""
        firsts, times = self._groups[life.index]
        group = bisect_right(firsts, line) - 1
        if group < 0 or group + 1 == len(firsts) or times[group] != time:
            return 0.0
        part = (line - firsts[group]) / (firsts[group + 1] - firsts[group])
        return part * life.columns.resolution

    def _end(self, life: Life) -> float:
        columns = life.columns
        latest = max(columns.last_time, max(columns.events.times, default=columns.last_time))
        step = columns.resolution if self.spread(life) else 0.0
        return self.at(life, latest, columns.line_count) + step

    def ticks(self, moment: float) -> int:
        """A place as a whole number of ticks."""
        return round(moment / self.tick)


def _groups(life: Life) -> tuple[list[int], list[float]]:
    """The lines at which another time begins, with that time; at the end the line after the last."""
    events = life.columns.events
    firsts: list[int] = []
    times: list[float] = []
    rows = zip(events.times, events.lines, strict=True)
    for time, group in groupby(rows, key=lambda row: row[0]):
        times.append(time)
        firsts.append(next(group)[1])
    return [*firsts, life.columns.line_count + 1], [*times, float("inf")]

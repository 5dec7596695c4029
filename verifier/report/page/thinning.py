"""Less detail where the charts' data would make a page too large: things are joined and counted, and a remark says so.

What stands out stays: first and last moments, the ends of lines and their peaks, the smallest and the
largest share.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any, NamedTuple

from verifier.report.page.axis import Axis
from verifier.report.page.intervals import Interval, Lane

DRAWN = ("connections", "preferred", "optimistic", "unchoked")
"""The kinds of intervals that the timeline draws."""
MOST_PAIRS = 3000
"""Pairs up to which the fairness chart draws a dot for each, as `charts.js` has it."""


@dataclass(frozen=True, slots=True)
class Detail:
    """How much of a run goes into its page: downloads and intervals in all, points of a line, shares of a chooser."""

    downloads: int = 400_000
    intervals: int = 250_000
    points: int = 2000
    shares: int | None = None

    def less(self, part: float, drawn: Sequence[Lane]) -> Detail:
        """The part of it, or of what there is."""
        downloads = sum(len(lane.times) for lane in drawn)
        intervals = sum(len(lane.intervals(kind)) for lane in drawn for kind in DRAWN)
        return Detail(
            max(1, int(part * min(self.downloads, downloads))),
            max(1, int(part * min(self.intervals, intervals))),
            max(20, int(part * self.points)),
            15,
        )


def joined(intervals: Iterable[Interval], gap: float) -> list[Interval]:
    """Intervals in order, those of one neighbor with gaps of at most `gap` as one."""
    latest: dict[int, int] = {}
    made: list[Interval] = []
    for interval in intervals:
        at = latest.get(interval.other)
        if at is not None and interval.begin - made[at].end <= gap:
            end = max(interval.end, made[at].end)
            made[at] = made[at]._replace(end=end)
        else:
            latest[interval.other] = len(made)
            made.append(interval)
    return made


def few_intervals(
    drawn: Sequence[Lane], axis: Axis, most: int, remarks: list[str]
) -> dict[str, list[list[Interval]]]:
    """The intervals of each kind and lane: joined over as long gaps as it takes, then of fewer peers."""
    intervals = {kind: [lane.intervals(kind) for lane in drawn] for kind in DRAWN}
    gap = 0.0
    while gap < axis.span and _total(intervals) > most:
        gap = max(2 * gap, axis.span / 100_000)
        intervals = {kind: [joined(one, gap) for one in lists] for kind, lists in intervals.items()}
    if gap:
        remarks.append(f"bars of a pair that are less than {gap:.3g} {axis.unit} apart are one bar")
    total = _total(intervals)
    if total > most:
        kept = _spread_out(drawn, int(len(drawn) * most / total))
        intervals = {
            kind: [one if index in kept else [] for index, one in enumerate(lists)]
            for kind, lists in intervals.items()
        }
        remarks.append(
            f"the timeline has the bars of {len(kept)} peers, from the first to the last one to complete"
        )
    return intervals


def _total(intervals: dict[str, list[list[Interval]]]) -> int:
    return sum(len(one) for lists in intervals.values() for one in lists)


def _spread_out(drawn: Sequence[Lane], number: int) -> set[int]:
    """So many lanes, at least two, evenly spread over the order in which their peers completed."""
    order = sorted(
        range(len(drawn)), key=lambda index: min(drawn[index].complete, default=float("inf"))
    )
    return set(evenly(order, max(2, number)))


def evenly(things: Sequence[Any], most: int) -> list[Any]:
    """At most so many, two or more, in order: the first, the last, and some evenly between."""
    if len(things) <= most:
        return list(things)
    step = (len(things) - 1) / (most - 1)
    return [things[round(number * step)] for number in range(most)]


class Download(NamedTuple):
    """One entry of the timeline: `number` downloads from a source, the first at `time`."""

    time: float
    source: int
    piece: int
    number: int


def few_downloads(drawn: Sequence[Lane], most: int, remarks: list[str]) -> list[list[Download]]:
    """Each lane's downloads; where a run has very many, several in a row of one source as one."""
    group = ceil(sum(len(lane.times) for lane in drawn) / most)
    if group > 1:
        remarks.append(
            f"up to {group} downloads in a row from one neighbor are one mark, at the first's time"
        )
    return [_grouped(lane, group) for lane in drawn]


def _grouped(lane: Lane, group: int) -> list[Download]:
    latest: dict[int, int] = {}
    made: list[Download] = []
    for time, source, piece in zip(lane.times, lane.sources, lane.pieces, strict=True):
        at = latest.get(source)
        if at is not None and made[at].number < group:
            made[at] = made[at]._replace(number=made[at].number + 1)
        else:
            latest[source] = len(made)
            made.append(Download(time, source, piece, 1))
    return made


def few_points(points: Sequence[Any], most: int, height: Callable[[Any], float]) -> list[Any]:
    """Every so manieth point of a line, the last, and both ends of each fall."""
    every = ceil(len(points) / most)
    if every <= 1:
        return list(points)
    kept = set(range(0, len(points), every)) | {len(points) - 1}
    for number in range(1, len(points)):
        if height(points[number]) < height(points[number - 1]):
            kept |= {number - 1, number}
    return [points[number] for number in sorted(kept)]


def few_shares(rows: list[list[Any]], most: int | None, remarks: list[str]) -> list[list[Any]]:
    """Rows of chooser, neighbor, time interested and time served: of each chooser at most so many.

    They go from the smallest share to the largest. Where each pair has a dot of its own, all are kept.
    """
    if most is None or len(rows) <= MOST_PAIRS:
        return rows
    by_chooser: dict[int, list[list[Any]]] = {}
    for row in rows:
        by_chooser.setdefault(row[0], []).append(row)
    remarks.append(
        f"fairness is drawn from {most} neighbors of each peer, from the smallest share to the largest"
    )
    return [
        row
        for ones in by_chooser.values()
        for row in evenly(sorted(ones, key=lambda row: row[3] / row[2]), most)
    ]

"""The data behind each chart, as plain values: whole numbers and short lists, compact as JSON.

Times are ticks (`Axis.tick`), each as the difference to the one before it. What would be too
much for a page is aggregated, never dropped, and `aggregated` says so in words.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import ceil
from typing import Any, NamedTuple

from verifier.judge import Verdict
from verifier.report.page.axis import Axis
from verifier.report.page.intervals import Interval, Lane, lanes, overlap

MOST_DOWNLOADS = 400_000
"""Downloads of a run that are all in the page; of more, several of one source become one entry."""
MOST_INTERVALS = 250_000
"""Intervals of a run that are all in the page; of more, those of a pair with short gaps become one."""
MOST_STEPS = 2000
"""Points of a line over time."""
DRAWN = ("connections", "preferred", "optimistic", "unchoked")
"""The kinds of intervals that the timeline draws."""


def chart_data(verdict: Verdict, axis: Axis) -> dict[str, Any]:
    """Everything that the page's charts are drawn from; peers are counted from 0."""
    case = verdict.case
    drawn = lanes(case, axis)
    remarks: list[str] = []
    intervals = _few_intervals(drawn, axis, remarks)
    entries = _few_downloads(drawn, remarks)
    least = case.config.unchoking if axis.unit == "s" else 0.0
    peers = [
        {
            "id": peer.peer_id,
            "seed": peer.has_file,
            "lives": [[axis.ticks(one) for one in life] for life in lane.lives],
            "complete": [axis.ticks(one) for one in lane.complete],
            **{kind: _columns(intervals[kind][index], axis) for kind in DRAWN},
            "downloads": _downloads(entries[index], axis),
            "steps": _steps(lane, axis, remarks),
        }
        for index, (peer, lane) in enumerate(zip(case.config.peers, drawn, strict=True))
    ]
    return {
        "unit": axis.unit,
        "tick": axis.tick,
        "span": axis.ticks(axis.span),
        "pieces": case.config.pieces,
        "pieceSize": case.config.piece_size,
        "slots": case.config.preferred + 1,
        "peers": peers,
        "copies": _copies(verdict, drawn, axis, remarks),
        "uploads": uploads(verdict),
        "fairness": fairness(drawn, least),
        "aggregated": list(dict.fromkeys(remarks)),
    }


def _differences(axis: Axis, times: Iterable[float]) -> list[int]:
    """Rising times as ticks, each less the one before."""
    ticks = list(map(axis.ticks, times))
    return [one - before for one, before in zip(ticks, [0, *ticks], strict=False)]


def _columns(intervals: Sequence[Interval], axis: Axis) -> dict[str, list[int]]:
    """Intervals as columns: beginnings (differences), lengths, neighbors."""
    return {
        "begin": _differences(axis, (interval.begin for interval in intervals)),
        "length": [axis.ticks(one.end) - axis.ticks(one.begin) for one in intervals],
        "other": [interval.other for interval in intervals],
    }


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


def _few_intervals(
    drawn: Sequence[Lane], axis: Axis, remarks: list[str]
) -> dict[str, list[list[Interval]]]:
    """The intervals of each kind and lane, joined over as long gaps as it takes to be few enough."""
    intervals = {kind: [lane.intervals(kind) for lane in drawn] for kind in DRAWN}
    gap = 0.0
    while (
        gap < axis.span
        and sum(len(o) for kind in intervals.values() for o in kind) > MOST_INTERVALS
    ):
        gap = max(2 * gap, axis.span / 100_000)
        intervals = {kind: [joined(one, gap) for one in lists] for kind, lists in intervals.items()}
    if gap:
        remarks.append(f"bars of a pair that are less than {gap:.3g} {axis.unit} apart are one bar")
    return intervals


class Download(NamedTuple):
    """One entry of the timeline: `number` downloads from a source, the first at `time`."""

    time: float
    source: int
    piece: int
    number: int


def _few_downloads(drawn: Sequence[Lane], remarks: list[str]) -> list[list[Download]]:
    """Each lane's downloads; where a run has very many, several in a row of one source as one."""
    group = ceil(sum(len(lane.times) for lane in drawn) / MOST_DOWNLOADS)
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


def _downloads(entries: Sequence[Download], axis: Axis) -> dict[str, list[int]]:
    columns = {
        "time": _differences(axis, (one.time for one in entries)),
        "other": [one.source for one in entries],
        "piece": [one.piece for one in entries],
    }
    if any(one.number > 1 for one in entries):
        columns["count"] = [one.number for one in entries]
    return columns


def _steps(lane: Lane, axis: Axis, remarks: list[str]) -> dict[str, list[int]]:
    """How many pieces a peer has, from when on: a new life begins with none."""
    points: list[tuple[float, int]] = []
    begins = [begin for begin, _ in lane.lives]
    now = 0
    for time, fresh in zip(lane.times, lane.fresh, strict=True):
        while begins and begins[0] <= time:
            now = 0
            points.append((begins.pop(0), 0))
        now += fresh
        points.append((time, now))
    points += [(begin, 0) for begin in begins]
    every = ceil(len(points) / MOST_STEPS)
    if every > 1:
        remarks.append(f"lines of pieces over time have at most {MOST_STEPS} points")
        points = points[:-1:every] + points[-1:]
    return {
        "time": _differences(axis, (time for time, _ in points)),
        "count": [count for _, count in points],
    }


def _copies(
    verdict: Verdict, drawn: Sequence[Lane], axis: Axis, remarks: list[str]
) -> dict[str, list[Any]]:
    """Least, mean and most copies of a piece over time; who starts anew has none, and a seed that
    downloads has no more than before.
    """
    config = verdict.case.config
    seeds = sum(peer.has_file for peer in config.peers)
    copies = [seeds] * config.pieces
    having = [0] * (len(config.peers) + 1)
    having[seeds] = config.pieces  # by number of copies: how many pieces have so many
    leechers = (lane for lane, peer in zip(drawn, config.peers, strict=True) if not peer.has_file)
    changes = sorted(change for lane in leechers for change in _changes(lane))
    every = max(1, ceil(len(changes) / MOST_STEPS))
    if every > 1:
        remarks.append(f"copies are counted at {MOST_STEPS} moments of the run")
    rows = [(0.0, *_spread(having))]
    for number, (time, change, piece) in enumerate(changes, start=1):
        having[copies[piece]] -= 1
        copies[piece] += change
        having[copies[piece]] += 1
        if number % every == 0 or number == len(changes):
            rows.append((time, *_spread(having)))
    return {
        "time": _differences(axis, (row[0] for row in rows)),
        "min": [row[1] for row in rows],
        "mean": [round(row[2], 4) for row in rows],
        "max": [row[3] for row in rows],
    }


def _spread(having: Sequence[int]) -> tuple[int, float, int]:
    """Least, mean and most copies, given how many pieces have so many."""
    present = [number for number, pieces in enumerate(having) if pieces]
    total = sum(number * having[number] for number in present)
    return present[0], total / sum(having), present[-1]


def _changes(lane: Lane) -> Iterable[tuple[float, int, int]]:
    """When a lane gets a copy of a piece (+1) and loses it with a life's end (-1)."""
    held: list[int] = []
    later = [begin for begin, _ in lane.lives[1:]]
    for time, piece, fresh in zip(lane.times, lane.pieces, lane.fresh, strict=True):
        while later and later[0] <= time:
            begin = later.pop(0)
            yield from ((begin, -1, one) for one in held)
            held = []
        if fresh:
            held.append(piece)
            yield (time, 1, piece)
    if later:
        yield from ((later[0], -1, one) for one in held)


def uploads(verdict: Verdict) -> list[list[int | None]]:
    """Pieces by sender (row) and receiver (column), as in the metrics; None on the diagonal."""
    ids = [peer.peer_id for peer in verdict.case.config.peers]
    table = verdict.metrics.uploads
    return [
        [None if one == other else table.get(one, {}).get(other, 0) for other in ids] for one in ids
    ]


def fairness(drawn: Sequence[Lane], least: float) -> list[list[Any]]:
    """For each chooser and neighbor: how long it was interested, and unchoked while it was.

    Pairs whose neighbor was interested for less than `least` are left out: no choice need have
    fallen into so short a time.
    """
    rows: list[list[Any]] = []
    for chooser, lane in enumerate(drawn):
        granted: dict[int, list[Interval]] = {}
        wanted: dict[int, list[Interval]] = {}
        for interval in sorted(lane.preferred + lane.optimistic):
            granted.setdefault(interval.other, []).append(interval)
        for interval in lane.interested:
            wanted.setdefault(interval.other, []).append(interval)
        for other, intervals in sorted(wanted.items()):
            time = sum(interval.end - interval.begin for interval in intervals)
            if time <= 0 or time < least:
                continue
            served = overlap(intervals, granted.get(other, ()))
            rows.append([chooser, other, round(time, 6), round(served, 6)])
    return rows

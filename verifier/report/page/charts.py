"""The data behind each chart, as plain values: whole numbers and short lists, compact as JSON.

Times are ticks (`Axis.tick`), each as the difference to the one before it. What would be too
much for a page is aggregated (thinning.py), and `aggregated` says so in words.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from math import ceil
from typing import Any

from verifier.judge import Verdict
from verifier.report.page.axis import Axis
from verifier.report.page.intervals import Interval, Lane, overlap
from verifier.report.page.thinning import (
    DRAWN,
    Detail,
    Download,
    few_downloads,
    few_intervals,
    few_points,
    few_shares,
)


def chart_data(
    verdict: Verdict, axis: Axis, drawn: Sequence[Lane], detail: Detail
) -> dict[str, Any]:
    """Everything that the page's charts are drawn from, in so much detail; peers are counted from 0."""
    case = verdict.case
    remarks: list[str] = []
    intervals = few_intervals(drawn, axis, detail.intervals, remarks)
    entries = few_downloads(drawn, detail.downloads, remarks)
    least = case.config.unchoking if axis.unit == "s" else 0.0
    peers = [
        {
            "id": peer.peer_id,
            "seed": peer.has_file,
            "lives": [[axis.ticks(one) for one in life] for life in lane.lives],
            "complete": [axis.ticks(one) for one in lane.complete],
            **{kind: _columns(intervals[kind][index], axis) for kind in DRAWN},
            "downloads": _downloads(entries[index], axis),
            "steps": _steps(lane, axis, detail.points, remarks),
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
        "copies": _copies(verdict, drawn, axis, detail.points, remarks),
        "uploads": uploads(verdict),
        "fairness": few_shares(fairness(drawn, least), detail.shares, remarks),
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


def _downloads(entries: Sequence[Download], axis: Axis) -> dict[str, list[int]]:
    columns = {
        "time": _differences(axis, (one.time for one in entries)),
        "other": [one.source for one in entries],
        "piece": [one.piece for one in entries],
    }
    if any(one.number > 1 for one in entries):
        columns["count"] = [one.number for one in entries]
    return columns


def _steps(lane: Lane, axis: Axis, most: int, remarks: list[str]) -> dict[str, list[int]]:
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
    if len(points) > most:
        remarks.append(f"lines of pieces over time have about {most} points")
        points = few_points(points, most, lambda point: point[1])
    return {
        "time": _differences(axis, (time for time, _ in points)),
        "count": [count for _, count in points],
    }


def _copies(
    verdict: Verdict, drawn: Sequence[Lane], axis: Axis, most: int, remarks: list[str]
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
    every = max(1, ceil(len(changes) / most))
    if every > 1:
        remarks.append(f"copies are counted at about {most} moments of the run")
    turns = {
        number
        for number, (one, next_one) in enumerate(pairwise(changes), start=1)
        if one[1] != next_one[1]
    }
    """The changes before which copies only rose and after which they fall, or the reverse."""
    rows = [(0.0, *_spread(having))]
    for number, (time, change, piece) in enumerate(changes, start=1):
        having[copies[piece]] -= 1
        copies[piece] += change
        having[copies[piece]] += 1
        if number % every == 0 or number in turns or number == len(changes):
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

"""The data behind each chart, as plain values: whole numbers and short lists, compact as JSON.

Times are ticks (`Moments.tick`), each as the difference to the one before it. What would be too
much for a page is aggregated, never dropped, and `aggregated` says so in words.
"""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, Any, NamedTuple

from verifier.report.page.spells import Spell, lanes, overlap

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from verifier.judge import Verdict
    from verifier.report.page.moments import Moments
    from verifier.report.page.spells import Lane

MOST_DOWNLOADS = 400_000
"""Downloads of a run that are all in the page; of more, several of one source become one entry."""
MOST_SPELLS = 250_000
"""Spells of a run that are all in the page; of more, those of a pair with short gaps become one."""
MOST_STEPS = 2000
"""Points of a line over time."""
DRAWN = ("connections", "preferred", "optimistic", "unchoked")
"""The kinds of spells that the timeline draws."""


def chart_data(verdict: Verdict, moments: Moments) -> dict[str, Any]:
    """Everything that the page's charts are drawn from; peers are counted from 0."""
    case = verdict.case
    drawn = lanes(case, moments)
    told: list[str] = []
    spells = _few_spells(drawn, moments, told)
    entries = _few_downloads(drawn, told)
    least = case.config.unchoking if moments.unit == "s" else 0.0
    peers = [
        {
            "id": peer.peer_id,
            "seed": peer.has_file,
            "lives": [[moments.ticks(one) for one in life] for life in lane.lives],
            "complete": [moments.ticks(one) for one in lane.complete],
            **{kind: _columns(spells[kind][index], moments) for kind in DRAWN},
            "downloads": _downloads(entries[index], moments),
            "steps": _steps(lane, moments, told),
        }
        for index, (peer, lane) in enumerate(zip(case.config.peers, drawn, strict=True))
    ]
    return {
        "unit": moments.unit,
        "tick": moments.tick,
        "span": moments.ticks(moments.span),
        "pieces": case.config.pieces,
        "pieceSize": case.config.piece_size,
        "slots": case.config.preferred + 1,
        "peers": peers,
        "copies": _copies(verdict, drawn, moments, told),
        "uploads": uploads(verdict),
        "fairness": fairness(drawn, least),
        "aggregated": list(dict.fromkeys(told)),
    }


def _differences(moments: Moments, times: Iterable[float]) -> list[int]:
    """Rising times as ticks, each less the one before."""
    ticks = list(map(moments.ticks, times))
    return [one - before for one, before in zip(ticks, [0, *ticks], strict=False)]


def _columns(spells: Sequence[Spell], moments: Moments) -> dict[str, list[int]]:
    """Spells as columns: beginnings (differences), lengths, neighbors."""
    return {
        "begin": _differences(moments, (spell.begin for spell in spells)),
        "length": [moments.ticks(one.end) - moments.ticks(one.begin) for one in spells],
        "other": [spell.other for spell in spells],
    }


def joined(spells: Iterable[Spell], gap: float) -> list[Spell]:
    """Spells in order, those of one neighbor with gaps of at most `gap` as one."""
    latest: dict[int, int] = {}
    made: list[Spell] = []
    for spell in spells:
        place = latest.get(spell.other)
        if place is not None and spell.begin - made[place].end <= gap:
            end = max(spell.end, made[place].end)
            made[place] = made[place]._replace(end=end)
        else:
            latest[spell.other] = len(made)
            made.append(spell)
    return made


def _few_spells(
    drawn: Sequence[Lane], moments: Moments, told: list[str]
) -> dict[str, list[list[Spell]]]:
    """The spells of each kind and lane, joined over as long gaps as it takes to be few enough."""
    spells = {kind: [lane.spells(kind) for lane in drawn] for kind in DRAWN}
    gap = 0.0
    while (
        gap < moments.span and sum(len(o) for kind in spells.values() for o in kind) > MOST_SPELLS
    ):
        gap = max(2 * gap, moments.span / 100_000)
        spells = {kind: [joined(one, gap) for one in lists] for kind, lists in spells.items()}
    if gap:
        told.append(f"bars of a pair that are less than {gap:.3g} {moments.unit} apart are one bar")
    return spells


class Download(NamedTuple):
    """One entry of the timeline: `number` downloads from a source, the first at `time`."""

    time: float
    source: int
    piece: int
    number: int


def _few_downloads(drawn: Sequence[Lane], told: list[str]) -> list[list[Download]]:
    """Each lane's downloads; where a run has very many, several in a row of one source as one."""
    group = ceil(sum(len(lane.times) for lane in drawn) / MOST_DOWNLOADS)
    if group > 1:
        told.append(
            f"up to {group} downloads in a row from one neighbor are one mark, at the first's time"
        )
    return [_grouped(lane, group) for lane in drawn]


def _grouped(lane: Lane, group: int) -> list[Download]:
    latest: dict[int, int] = {}
    made: list[Download] = []
    for time, source, piece in zip(lane.times, lane.sources, lane.pieces, strict=True):
        place = latest.get(source)
        if place is not None and made[place].number < group:
            made[place] = made[place]._replace(number=made[place].number + 1)
        else:
            latest[source] = len(made)
            made.append(Download(time, source, piece, 1))
    return made


def _downloads(entries: Sequence[Download], moments: Moments) -> dict[str, list[int]]:
    columns = {
        "time": _differences(moments, (one.time for one in entries)),
        "other": [one.source for one in entries],
        "piece": [one.piece for one in entries],
    }
    if any(one.number > 1 for one in entries):
        columns["count"] = [one.number for one in entries]
    return columns


def _steps(lane: Lane, moments: Moments, told: list[str]) -> dict[str, list[int]]:
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
        told.append(f"lines of pieces over time have at most {MOST_STEPS} points")
        points = points[:-1:every] + points[-1:]
    return {
        "time": _differences(moments, (time for time, _ in points)),
        "count": [count for _, count in points],
    }


def _copies(
    verdict: Verdict, drawn: Sequence[Lane], moments: Moments, told: list[str]
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
        told.append(f"copies are counted at {MOST_STEPS} moments of the run")
    rows = [(0.0, *_spread(having))]
    for number, (time, change, piece) in enumerate(changes, start=1):
        having[copies[piece]] -= 1
        copies[piece] += change
        having[copies[piece]] += 1
        if number % every == 0 or number == len(changes):
            rows.append((time, *_spread(having)))
    return {
        "time": _differences(moments, (row[0] for row in rows)),
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
        granted: dict[int, list[Spell]] = {}
        wanted: dict[int, list[Spell]] = {}
        for spell in sorted(lane.preferred + lane.optimistic):
            granted.setdefault(spell.other, []).append(spell)
        for spell in lane.interested:
            wanted.setdefault(spell.other, []).append(spell)
        for other, spells in sorted(wanted.items()):
            time = sum(spell.end - spell.begin for spell in spells)
            if time <= 0 or time < least:
                continue
            served = overlap(spells, granted.get(other, ()))
            rows.append([chooser, other, round(time, 6), round(served, 6)])
    return rows

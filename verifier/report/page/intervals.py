"""What each peer's logs show over time: who was connected, unchoked and interested when, downloads.

Only the logs' sentences are used, no trace and no have; so it works for any program's logs.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from verifier.history.case import Case
from verifier.history.lives import Life
from verifier.history.replay import Walk
from verifier.reading.columns import NOBODY
from verifier.reading.sentences import Kind
from verifier.report.page.axis import Axis

BEGINNINGS = (Kind.MAKES, Kind.CONNECTED_FROM)
KINDS = ("connections", "preferred", "optimistic", "unchoked", "interested")
"""The kinds of intervals, named as the fields of `Lane`."""


class Interval(NamedTuple):
    """From when to when something held between a peer and a neighbor; places on the axis."""

    begin: float
    end: float
    other: int


@dataclass(slots=True)
class Lane:
    """One peer in the timeline: the intervals and downloads of all its lives, in order.

    `preferred` and `optimistic` are those whom it unchokes, by its own decisions (spec 4.4, 4.5; who is
    both counts as preferred); `unchoked` those who unchoke it, as it was told; `interested` those that
    told it so. A connection lasts to the pair's next one or to the log's end, as no line tells of it.
    `times`, `sources`, `pieces` and `fresh` are its downloads, `fresh` telling the first of a piece.
    """

    lives: list[tuple[float, float]] = field(default_factory=list)
    connections: list[Interval] = field(default_factory=list)
    preferred: list[Interval] = field(default_factory=list)
    optimistic: list[Interval] = field(default_factory=list)
    unchoked: list[Interval] = field(default_factory=list)
    interested: list[Interval] = field(default_factory=list)
    complete: list[float] = field(default_factory=list)
    times: array[float] = field(default_factory=lambda: array("d"))
    sources: array[int] = field(default_factory=lambda: array("i"))
    pieces: array[int] = field(default_factory=lambda: array("i"))
    fresh: bytearray = field(default_factory=bytearray)

    def intervals(self, kind: str) -> list[Interval]:
        """Those of a kind of `KINDS`."""
        found: list[Interval] = getattr(self, kind)
        return found


def lanes(case: Case, axis: Axis) -> list[Lane]:
    """A lane for each peer of the configuration; empty where its log is missing."""
    made = []
    for lives in case.swarm.by_peer:
        lane = Lane()
        for index in lives:
            if axis.placed(case.lives[index]):
                _Walk(lane, case.lives[index], axis).walk()
        for kind in KINDS:
            lane.intervals(kind).sort()
        made.append(lane)
    return made


class _Walk:
    """One life, line by line; `open` are the intervals that go on, with their beginning."""

    def __init__(self, lane: Lane, life: Life, axis: Axis) -> None:
        self.lane = lane
        self.life = life
        self.axis = axis
        self.open: dict[tuple[str, int], float] = {}
        self.state = Walk(life)
        self.granted: dict[int, str] = {}
        first = axis.at(life, life.columns.first_time, life.window[0])
        self.begin = self.now = max([first, *(end for _, end in lane.lives)])

    def walk(self) -> None:
        """Take in all lines. A clock that was set back stands still, so that order is kept."""
        columns, lane = self.life.columns, self.lane
        for conn in columns.conns:
            if conn.implicit:
                self._open("connections", conn.other)
        pieces = columns.events.pieces
        for row, kind, line, time, other, _, decision in self.state.steps():
            self.now = max(self.now, self.axis.at(self.life, time, line))
            if kind == Kind.DOWNLOADED:
                if pieces[row] >= 0:
                    self._download(line, other, pieces[row])
            elif kind == Kind.COMPLETE:
                lane.complete.append(self.now)
            elif kind in BEGINNINGS:
                self._connect(other)
            elif decision is not None:
                self._grant()
            elif kind in {Kind.UNCHOKED, Kind.INTERESTED}:
                self._open("unchoked" if kind == Kind.UNCHOKED else "interested", other)
            elif kind in {Kind.CHOKED, Kind.NOT_INTERESTED}:
                self._close("unchoked" if kind == Kind.CHOKED else "interested", other)
        self.now = max(self.now, self.axis.at(self.life, columns.last_time, columns.line_count))
        for name, neighbor in list(self.open):
            self._close(name, neighbor)
        lane.lives.append((self.begin, self.now))

    def _open(self, kind: str, other: int) -> None:
        self.open.setdefault((kind, other), self.now)

    def _close(self, kind: str, other: int) -> None:
        begin = self.open.pop((kind, other), None)
        if begin is not None:
            self.lane.intervals(kind).append(Interval(begin, self.now, other))

    def _connect(self, other: int) -> None:
        """A new connection begins choked and not interested (spec 2.7, 2.8)."""
        for kind in KINDS:
            self._close(kind, other)
        self.granted.pop(other, None)
        self._open("connections", other)

    def _grant(self) -> None:
        """A decision: intervals of those that were dropped end, of those that were chosen begin."""
        wanted = dict.fromkeys({self.state.optimistic} - {NOBODY}, "optimistic")
        wanted |= dict.fromkeys(self.state.preferred, "preferred")
        for other in self.granted.keys() | wanted.keys():
            before, after = self.granted.get(other), wanted.get(other)
            if before is not None and before != after:
                self._close(before, other)
            if after is not None:
                self._open(after, other)
        self.granted = wanted

    def _download(self, line: int, other: int, piece: int) -> None:
        lane = self.lane
        lane.times.append(self.now)
        lane.sources.append(other)
        lane.pieces.append(piece)
        lane.fresh.append(self.life.line_of[piece] == line)


def overlap(one: Iterable[Interval], other: Iterable[Interval]) -> float:
    """How long intervals of both hold at once; each in order and without overlaps of its own."""
    mine, theirs, total = list(one), list(other), 0.0
    i = j = 0
    while i < len(mine) and j < len(theirs):
        begin = max(mine[i].begin, theirs[j].begin)
        end = min(mine[i].end, theirs[j].end)
        total += max(0.0, end - begin)
        if mine[i].end < theirs[j].end:
            i += 1
        else:
            j += 1
    return total

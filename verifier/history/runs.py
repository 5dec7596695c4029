"""Several runs appended to one file: where each log begins anew, and which parts belong together.

A program that starts again loses all its connections. So a further run begins, in a log, at a connection
line that repeats an earlier one, where none of the other old connections is heard of again before its own
line is repeated; and something must tell it from a reconnect (spec 2.5): the count of pieces falls, or an
hour passes. Where most logs show that, it is enough that another neighbor connects again too; and what one
log shows, its neighbors' logs may not: the other end of a connection that begins a run begins one too, if
nothing there speaks against it.

Parts of different logs belong to one run when a connection joins them: the n-th line of a pair in one
log and the n-th in the other are the two ends of one connection. A log of another run, left or brought
among these, shows by its times and by what came over its connections, together: a wrong clock alone
changes no piece, and a wrong program no time.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import islice, pairwise
from typing import NamedTuple

from verifier.reading.columns import NEVER, LogColumns
from verifier.reading.sentences import Kind

HOUR = 3600.0
NEAR = 60.0
"""Seconds within which two lines can be the two ends of one connection, where their number differs."""
DAY = 86400.0
MOST_STARTS = 200
"""A log that seems to begin anew more often isn't split: nobody appends so many runs."""
MOST_LOOKS = 2_000_000
"""Connections of a log that are looked at, so that none can cost much time."""
HEARD = 4
"""Pieces that must have been heard of on a connection to tell that it is of another run."""
STRANGE = 2
"""How many of the first pieces heard, in another order or not downloaded at all, tell it."""

Part = tuple[int, int]
"""A log's number and one of its parts' number."""


class Run(NamedTuple):
    """One run: for each log that took part, its number and its range of lines, in the logs' order."""

    windows: list[tuple[int, tuple[int, int]]]


class _Log:
    """One log's connections, and where a further run begins in it."""

    def __init__(self, columns: LogColumns) -> None:
        self.columns = columns
        self.conns = [number for number, conn in enumerate(columns.conns) if not conn.implicit]
        self.conns.sort(key=self.line)
        self._places = {number: place for place, number in enumerate(self.conns)}
        self._looked = 0
        self.by_other: dict[int, list[int]] = {}
        for number in self.conns:
            self.by_other.setdefault(columns.conns[number].other, []).append(number)
        self.last = [max(conn.line, conn.last_have) for conn in columns.conns]
        events = columns.events
        for kind, line, number in zip(events.kinds, events.lines, events.conns, strict=True):
            if number >= 0 and kind != Kind.OPTIMISTIC:
                self.last[number] = max(self.last[number], line)
        self.starts: list[int] = []
        self.begins: list[float] = []
        """When each part begins; empty until that is asked for."""
        rows = enumerate(zip(events.kinds, events.pieces, strict=True))
        self.place = {piece: row for row, (kind, piece) in rows if kind == Kind.DOWNLOADED}
        self.find_starts(alone=True)

    def line(self, conn: int) -> int:
        """Where a connection begins."""
        return self.columns.conns[conn].line

    def late(self, conn: int) -> bool:
        """Whether a connection's line stands below its first events."""
        return self.columns.conns[conn].opened > 0

    def is_of_another_run(self, conn: int, other: _Log) -> bool:
        """Whether a connection can't be one of those that its neighbor's log tells: it begins a minute and
        more outside that log's times, and the pieces heard on it aren't those downloaded there.
        """
        mine, theirs = self.columns, other.columns
        heard, time = mine.conns[conn].first_pieces, mine.conns[conn].time
        if len(heard) < HEARD or not (mine.timed and theirs.timed):
            return False
        places = [other.place.get(piece, -1) for piece in heard]
        strange = sum(after <= before for before, after in pairwise([-1, *places]))
        apart = max(theirs.first_time - time, time - theirs.last_time)
        return apart > NEAR and strange >= STRANGE

    def part_of(self, line: int) -> int:
        """The number of the part that a line is in."""
        return bisect_right(self.starts, line)

    def parts(self) -> list[tuple[int, int]]:
        """The ranges of lines that the starts cut it into."""
        firsts = [1, *self.starts]
        return list(
            zip(
                firsts,
                [*(start - 1 for start in self.starts), self.columns.line_count],
                strict=True,
            )
        )

    def way(self, conn: int) -> tuple[int, int]:
        """The neighbor of a connection and who made it: a restart repeats both.

        Some programs share two connections, one each way.
        """
        return self.columns.conns[conn].other, self.columns.conns[conn].kind

    def may_start(self, conn: int) -> bool:
        """Whether a connection line repeats one of its part, and all others there are silent from then on."""
        line = self.line(conn)
        part = self.part_of(line)
        begin = self.starts[part - 1] if part else 1
        if line == begin:
            return False
        repeats, heard = False, {self.columns.conns[conn].other}
        for number in self._above(conn):
            peer = self.columns.conns[number].other
            if self.line(number) < begin or (repeats and len(heard) == len(self.by_other)):
                break
            if peer not in heard and self.last[number] >= line:
                return False
            heard.add(peer)
            repeats = repeats or self.way(number) == self.way(conn)
        return repeats

    def _above(self, conn: int) -> Iterator[int]:
        """The connections above one, the latest first; none once too many were asked for."""
        for place in range(self._places[conn] - 1, -1, -1):
            self._looked += 1
            if self._looked > MOST_LOOKS:
                return
            yield self.conns[place]

    def find_starts(self, *, alone: bool) -> None:
        """Find where runs begin, in one walk; `alone` by what no reconnect explains, whatever others show."""
        self.starts = []
        events = self.columns.events
        begins = {self.line(number): number for number in self.conns if not self.late(number)}
        counted, complete, unsettled = 0, False, 0
        known = {self.way(number) for number in self.conns if self.late(number)}
        before, following = self.columns.first_time, self._following_counts()
        rows = zip(events.kinds, events.lines, events.times, events.counts, strict=True)
        for row, (kind, line, time, number) in enumerate(rows):
            if line in begins and kind in (Kind.MAKES, Kind.CONNECTED_FROM):
                conn = begins[line]
                if self.way(conn) in known:
                    again = following[row] <= 2 and (complete or counted > following[row] + 1)
                    late = abs(time - before) > HOUR
                    if late or (
                        (again or (not alone and self._others_return(conn, known)))
                        and self.may_start(conn)
                    ):
                        self.starts.append(line)
                        known, counted, complete, unsettled = set(), 0, False, 0
                    elif not unsettled:
                        unsettled = line
                known.add(self.way(conn))
            elif kind == Kind.DOWNLOADED and number >= 0:
                if unsettled and number <= 2 and counted > number + 1:
                    self.starts.append(unsettled)
                    known = {
                        self.way(one) for one in self.conns if unsettled <= self.line(one) < line
                    }
                    complete = False
                counted, unsettled = number, 0
            elif kind == Kind.COMPLETE:
                complete = True
            before = time
        if len(self.starts) > MOST_STARTS:
            self.starts = []

    def _following_counts(self) -> list[int]:
        """For each event the next count of pieces, which is low where a beginner follows."""
        events, found, count = self.columns.events, list[int](), NEVER
        for kind, number in zip(reversed(events.kinds), reversed(events.counts), strict=True):
            count = number if kind == Kind.DOWNLOADED and number >= 0 else count
            found.append(count)
        return found[::-1]

    def _others_return(self, conn: int, known: set[tuple[int, int]]) -> bool:
        """Whether another neighbor connects again before this one does once more."""
        for number in islice(self.conns, self._places[conn] + 1, None):
            if self.way(number) == self.way(conn):
                return False
            if self.way(number) in known:
                return True
        return False


def find_runs(logs: Sequence[LogColumns]) -> list[Run]:
    """The runs that these logs hold, in the order of time; one at least."""
    read = [_Log(columns) for columns in logs]
    mates, strangers = _mates(read)
    if _began_together(read):
        for log in read:
            log.find_starts(alone=False)
        _spread(read, mates)
    if not strangers and not any(log.starts for log in read):
        return [Run([(number, log.parts()[0]) for number, log in enumerate(read)])]
    _leave_reconnects(read, mates)
    _cut_by_time(read)
    groups = _groups(read, mates, strangers)
    return [
        Run([(log, read[log].parts()[part]) for log, part in sorted(group)])
        for group in _in_order(read, groups)
    ]


def _mates(
    logs: list[_Log],
) -> tuple[dict[tuple[int, int], tuple[int, int]], set[tuple[int, int]]]:
    """The two ends of each connection as (log, connection), n-th with n-th, or nearest in time; and the
    pairs of logs, both ways, that aren't of one run.
    """
    number_of = {log.columns.owner: number for number, log in enumerate(logs)}
    mates: dict[tuple[int, int], tuple[int, int]] = {}
    strangers = set[tuple[int, int]]()
    for number, log in enumerate(logs):
        for other, mine in log.by_other.items():
            there = number_of.get(other, -1)
            if there <= number:
                continue
            theirs = logs[there].by_other.get(log.columns.owner, [])
            for one, two in _pairs(log, mine, logs[there], theirs):
                if log.is_of_another_run(one, logs[there]) or logs[there].is_of_another_run(
                    two, log
                ):
                    strangers |= {(number, there), (there, number)}
                    continue
                mates[number, one] = (there, two)
                mates[there, two] = (number, one)
    return mates, strangers


def _pairs(log: _Log, mine: list[int], there: _Log, theirs: list[int]) -> list[tuple[int, int]]:
    """Which connection of one end is which of the other's."""
    if len(mine) == len(theirs):
        return list(zip(mine, theirs, strict=True))
    if not (log.columns.timed and there.columns.timed):
        return []
    pairs = []
    left = list(theirs)
    for one in mine:
        time = log.columns.conns[one].time
        near = min(left, key=lambda two: abs(there.columns.conns[two].time - time), default=None)
        if near is not None and abs(there.columns.conns[near].time - time) <= NEAR:
            pairs.append((one, near))
            left = left[left.index(near) + 1 :]
    return pairs


def _began_together(logs: list[_Log]) -> bool:
    """Whether most logs show a further run; else one peer was started again while the others went on."""
    beginning = sum(bool(log.starts) for log in logs)
    telling = sum(Kind.DOWNLOADED in log.columns.events.kinds for log in logs)
    return beginning > 0 and 2 * beginning >= telling


def _spread(logs: list[_Log], mates: dict[tuple[int, int], tuple[int, int]]) -> None:
    """Let the other ends of connections that begin a run begin one too, until nothing changes."""
    changed = True
    while changed:
        changed = False
        for (number, conn), (there, mate) in mates.items():
            begins = logs[number].line(conn) in logs[number].starts
            if begins and logs[there].may_start(mate):
                logs[there].starts = sorted({*logs[there].starts, logs[there].line(mate)})
                changed = True


def _leave_reconnects(logs: list[_Log], mates: dict[tuple[int, int], tuple[int, int]]) -> None:
    """Leave to the run above what looks like a run's first connection and is its last reconnect: its
    other end is in an earlier part of that log than the other end of the next one of the pair.
    """
    for number, log in enumerate(logs):
        begun: dict[int, list[int]] = {}
        for one in log.conns:
            begun.setdefault(log.part_of(log.line(one)), []).append(one)
        for part, conns in begun.items():
            if not part:
                continue
            pair = [one for one in conns if log.way(one) == log.way(conns[0])]
            ends = [mates.get((number, one)) for one in pair[:2]]
            parts = [logs[end[0]].part_of(logs[end[0]].line(end[1])) for end in ends if end]
            if len(parts) == 2 and parts[0] < parts[1]:
                log.starts[part - 1] = log.line(conns[1])


def _cut_by_time(logs: list[_Log]) -> None:
    """Cut logs that have no connection lines at all where the others begin anew."""
    dated = [log for log in logs if log.starts and log.columns.timed]
    if not dated:
        return
    begins = sorted(
        min(_time_of(log, start) for log in dated if start in log.starts)
        for start in {start for log in dated for start in log.starts}
    )
    for log in logs:
        if log.conns or not log.columns.timed:
            continue
        lines, times = log.columns.events.lines, log.columns.events.times
        for begin in begins:
            at = next((row for row, time in enumerate(times) if time >= begin), 0)
            if at and lines[at] not in log.starts:
                log.starts.append(lines[at])


def _time_of(log: _Log, line: int) -> float:
    return next(conn.time for conn in log.columns.conns if conn.line == line)


def _groups(
    logs: list[_Log],
    mates: dict[tuple[int, int], tuple[int, int]],
    strangers: set[tuple[int, int]],
) -> list[set[Part]]:
    """Parts that connections join; a part that none joins goes to the run that it fits by time or order."""
    group_of: dict[Part, set[Part]] = {}
    for number, log in enumerate(logs):
        for part in range(len(log.starts) + 1):
            group_of[number, part] = {(number, part)}
    for (number, conn), (there, mate) in mates.items():
        one = group_of[number, logs[number].part_of(logs[number].line(conn))]
        two = group_of[there, logs[there].part_of(logs[there].line(mate))]
        if one is not two:
            one |= two
            for moved in two:
                group_of[moved] = one
    groups = list({id(group): group for group in group_of.values()}.values())
    joined = [group for group in groups if len(group) > 1]
    for group in [group for group in groups if len(group) == 1]:
        (lonely,) = group
        others = {log for number, log in strangers if number == lonely[0]}
        home = _home(logs, lonely, [one for one in joined if others.isdisjoint(dict(one))])
        if home is None:
            joined.append(group)
        else:
            home.add(lonely)
    return joined


def _home(logs: list[_Log], lonely: Part, groups: list[set[Part]]) -> set[Part] | None:
    """The run without this log that a part fits: the nearest in time, else the one in its place."""
    number, part = lonely
    free = [group for group in groups if all(log != number for log, _ in group)]
    if not free:
        return None
    if logs[number].columns.timed:
        mine = _begin(logs, lonely)
        near = min(free, key=lambda group: min(abs(_begin(logs, one) - mine) for one in group))
        return near if min(abs(_begin(logs, one) - mine) for one in near) < HOUR else None
    return min(free, key=lambda group: min(abs(at - part) for _, at in group))


def _begin(logs: list[_Log], part: Part) -> float:
    """The time of a part's first event, once all parts are found."""
    log = logs[part[0]]
    if not log.begins:
        columns = log.columns
        for first, _ in log.parts():
            at = bisect_right(columns.events.lines, first - 1)
            log.begins += columns.events.times[at : at + 1] or [columns.first_time]
        for number in log.conns:
            place = log.part_of(log.line(number))
            log.begins[place] = min(log.begins[place], columns.conns[number].time)
    return log.begins[part[1]]


def _in_order(logs: list[_Log], groups: list[set[Part]]) -> list[set[Part]]:
    """The runs in the order of their beginnings; without readable times, of their places in the logs."""
    if all(log.columns.timed for log in logs):
        return sorted(groups, key=lambda group: min(_begin(logs, part) for part in group))
    ordered: list[set[Part]] = []
    left = list(groups)
    while left:
        first = next(
            (
                group
                for group in left
                if not any(
                    log == other and earlier < part
                    for log, part in group
                    for rest in left
                    if rest is not group
                    for other, earlier in rest
                )
            ),
            left[0],
        )
        ordered.append(first)
        left.remove(first)
    return ordered

"""What one log's haves tell, worked out beside the log so that no have need travel further.

A `View` is a whole log, haves included, seen with the downloads of all peers; `Facts` are the few
numbers for each connection and event that the checks across logs need of it.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from verifier.history.changes import Change, changes_of_haves
from verifier.history.delays import delays
from verifier.history.replay import MESSAGES
from verifier.reading.columns import NEVER, LogColumns, floats, ints

if TYPE_CHECKING:
    from verifier.history.lives import Life, Swarm

SHOWN = 20
"""Pieces of one connection that are named one by one."""


@dataclass(slots=True)
class Haves:
    """The haves of a connection beside the downloads that its mate logs.

    The mate's downloads from place `base` to `owed` must be announced. `gaps` are places of those
    that weren't although a later one was (up to `SHOWN`, of `gap_count`); `tail` more are missing
    at the end. `early` are pieces that the bitfield may have told although the mate writes their
    lines below the connection's, `known` how many pieces only the bitfield can have told.
    """

    base: int
    owed: int
    gaps: list[int]
    gap_count: int
    tail: int
    early: frozenset[int]
    known: int


@dataclass(slots=True)
class Untrue:
    """Haves for pieces that their sender's log never tells of."""

    pieces: array[int] = field(default_factory=ints)
    lines: array[int] = field(default_factory=ints)
    times: array[float] = field(default_factory=floats)


@dataclass(slots=True)
class ConnectionFacts:
    """What the haves of one connection tell.

    `changes` are the owner's changes of interest, None where the start is unknown. `shortest` and
    `longest` are the least and most seconds between a download at the mate and its have here,
    by both clocks; the most, without a silence that one of the two may have been stopped for. `heard` is the mate's line of the last download that was announced here;
    `complete_at` the owner's line at which the neighbor was known to be complete, `certain_at` the
    line by which it certainly was (a bitfield comes some time after the connection line),
    `certain_time` when. `first_heard` is the owner's line of the first message after the bitfield,
    NEVER if none, `heard_after` the seconds from the connection line to it, 0 if none.
    `haves` compares its haves with the mate's downloads, None where one of the two isn't known;
    `untrue` are haves for pieces that the mate never logs, `accounted` the owner's lines of the first
    and the last have for a piece that it does.
    """

    changes: list[Change] | None
    shortest: float
    longest: float
    longest_line: int
    heard: int
    complete_at: int
    certain_at: int
    certain_time: float
    first_heard: int
    heard_after: float
    haves: Haves | None = None
    untrue: Untrue = field(default_factory=Untrue)
    accounted: tuple[int, int] = (NEVER, 0)


@dataclass(slots=True)
class Facts:
    """What a log's haves tell; `low` and `high` bound, for each message received, the line in the
    sender's log at which it was sent: between the downloads announced before and after it.
    """

    low: array[int] = field(default_factory=ints)
    high: array[int] = field(default_factory=ints)
    conns: list[ConnectionFacts] = field(default_factory=list)


class View:
    """One whole log in its swarm."""

    def __init__(self, swarm: Swarm, life: Life, columns: LogColumns) -> None:
        self.swarm = swarm
        self.life = life
        self.columns = columns
        self.config = swarm.config
        self._aligned = [self._align(number) for number in range(len(columns.conns))]
        self._first_rows = self._first_other_lines()
        self._found: dict[int, tuple[array[int] | None, int, array[int]]] = {}

    def mate(self, conn: int) -> Life | None:
        """The log at the other end of a connection."""
        mate = self.life.mates[conn]
        return None if mate is None else self.swarm.lives[mate[0]]

    def full(self, conn: int) -> bool:
        """Whether the neighbor has the file from the start."""
        return self.config.peers[self.columns.conns[conn].other].has_file

    def _align(self, number: int) -> bool:
        """Whether the haves are exactly the mate's downloads in order, from the bitfield on."""
        mate, base = self.mate(number), self.life.bases[number]
        pieces = self.columns.conns[number].pieces
        if mate is None or base is None or self.full(number):
            return not pieces
        return mate.seq[base : base + len(pieces)] == pieces

    def aligned(self, conn: int) -> bool:
        """Whether the haves of a connection are exactly what the mate's downloads owe, so far."""
        return self._aligned[conn]

    def in_bitfield(self, conn: int, piece: int) -> bool | None:
        """Whether the neighbor's bitfield told this piece; None where that can't be known."""
        if self.full(conn):
            return True
        mate, base = self.mate(conn), self.life.bases[conn]
        if mate is None or base is None:
            return None
        if self.life.unopened(conn) and mate.place[piece] >= base:
            return None  # its have may have stood above the first line
        return mate.place[piece] < base

    def have_line(self, conn: int, piece: int) -> int:
        """The line of the have for a piece on a connection; NEVER where there is none."""
        if (found := self._found.get(conn)) is None:
            found = self._found[conn] = self._finder(conn)
        places, base, lines = found
        place = (places[piece] if places is not None else piece) - base
        return lines[place] if 0 <= place < len(lines) else NEVER

    def _finder(self, conn: int) -> tuple[array[int] | None, int, array[int]]:
        """What finds the haves of a connection fast: by the mate's downloads, or piece by piece."""
        connection, mate = self.columns.conns[conn], self.mate(conn)
        if self._aligned[conn] and mate is not None and not self.full(conn):
            return mate.place, self.life.bases[conn] or 0, connection.lines
        lines = array("i", [NEVER]) * self.config.pieces
        for piece, line in zip(connection.pieces, connection.lines, strict=True):
            lines[piece] = line
        return None, 0, lines

    def have_at(self, line: int) -> tuple[int, float] | None:
        """Whom the have at a line is from, and its time; a repeat has the time of the have above."""
        for conn in self.columns.conns:
            row = bisect_left(conn.lines, line)
            if row < len(conn.lines) and conn.lines[row] == line:
                return conn.other, conn.times[row]
            if any(at == line for at, _ in conn.repeats.first):
                return conn.other, conn.times[row - 1] if row else conn.time
        return None

    def next_line(self, conn: int) -> int:
        """The first line about a neighbor after the connection line."""
        haves = self.columns.conns[conn].lines
        return min([*haves[:1], self._first_rows.get(conn, NEVER)])

    def _time_of_next(self, conn: int) -> float:
        """When that line was written; the connection's own time if there is none."""
        connection, events, line = (
            self.columns.conns[conn],
            self.columns.events,
            self.next_line(conn),
        )
        if line in connection.lines[:1]:
            return connection.times[0]
        return connection.time if line == NEVER else events.times[bisect_left(events.lines, line)]

    def _first_other_lines(self) -> dict[int, int]:
        """The first line of each connection that is neither its beginning nor a have."""
        events, found = self.columns.events, dict[int, int]()
        for conn, line in zip(events.conns, events.lines, strict=True):
            if conn >= 0 and conn not in found and line > self.columns.conns[conn].line:
                found[conn] = line
        return found

    def facts(self) -> Facts:
        """All that other logs' checks need of this one."""
        facts = Facts(conns=[self._connection(number) for number in range(len(self.columns.conns))])
        events = self.columns.events
        facts.low = array("i", bytes(4 * len(events)))
        facts.high = array("i", [NEVER]) * len(events)
        for row, (kind, line, conn) in enumerate(
            zip(events.kinds, events.lines, events.conns, strict=True)
        ):
            if kind in MESSAGES and conn >= 0:
                facts.low[row], facts.high[row] = self._bounds(conn, line)
        return facts

    def _bounds(self, conn: int, line: int) -> tuple[int, int]:
        """Between which lines of the mate a message received at `line` was sent (FIFO)."""
        mate = self.mate(conn)
        number = self.life.mates[conn]
        if mate is None or number is None:
            return 0, NEVER
        start = mate.columns.conns[number[1]].line
        pieces = self.columns.conns[conn].pieces
        before = bisect_left(self.columns.conns[conn].lines, line)
        low = mate.line_of[pieces[before - 1]] if before else start
        high = mate.line_of[pieces[before]] if before < len(pieces) else NEVER
        return (start if low == NEVER else max(low, start)), min(high, mate.ends[number[1]])

    def _connection(self, number: int) -> ConnectionFacts:
        connection, mate = self.columns.conns[number], self.mate(number)
        base = self.life.bases[number] if self._aligned[number] else None
        shortest, longest, longest_line = delays(self.columns, connection, mate, base)
        complete_at = self._complete_at(number)
        heard = 0
        if mate is not None and connection.pieces:
            lines = map(mate.line_of.__getitem__, connection.pieces[-3:])
            heard = max((line for line in lines if line < NEVER), default=0)
        first_heard = self.next_line(number)
        heard_after = self._time_of_next(number) - connection.time
        untrue, accounted = self._untrue(number)
        return ConnectionFacts(
            self._changes(number),
            shortest,
            longest,
            longest_line,
            heard,
            complete_at,
            first_heard if complete_at == connection.line else complete_at,
            connection.times[-1] if connection.times else connection.time + heard_after,
            first_heard,
            heard_after,
            self._haves(number),
            untrue,
            accounted,
        )

    def owing(self, number: int) -> tuple[Life, int, int] | None:
        """The mate of a connection, and from which to which of its downloads it owes haves.

        None where the neighbor has the file, and where its log or its bitfield isn't known. What was
        announced above the first line of a log that lost its beginning isn't owed below it.
        """
        mate, base = self.mate(number), self.life.bases[number]
        there = self.life.mates[number]
        if mate is None or there is None or base is None or self.full(number):
            return None
        owed = bisect_left(mate.seq_lines, mate.ends[there[1]])
        if self.life.unopened(number):
            places = map(mate.place.__getitem__, self.columns.conns[number].pieces)
            base = max(base, min((place for place in places if place != NEVER), default=owed))
        return mate, base, owed

    def missing(self, number: int) -> tuple[list[int], int]:
        """The places in the mate's downloads that were never announced, and how many of them are
        a tail: after them nothing was announced.
        """
        if (owing := self.owing(number)) is None:
            return [], 0
        mate, base, owed = owing
        pieces = self.columns.conns[number].pieces
        if self._aligned[number]:
            announced = base + len(pieces)
            return list(range(announced, owed)), max(0, owed - announced)
        have = set(pieces)
        lacking = [place for place in range(base, owed) if mate.seq[place] not in have]
        last = max((mate.place[piece] for piece in have if mate.place[piece] != NEVER), default=-1)
        return lacking, sum(1 for place in lacking if place > last)

    def early(self, number: int) -> frozenset[int]:
        """With --lenient, what the mate's bitfield may have told before the mate wrote it down.

        Not what may have been announced where a log that was cut off had no line any more.
        """
        mate, there = self.mate(number), self.life.mates[number]
        if not self.swarm.lenient or mate is None or there is None or mate.seed:
            return frozenset()
        begun = mate.columns.conns[there[1]]
        if begun.implicit:
            return frozenset()
        pieces = self.columns.conns[number].pieces
        pending = mate.unannounced(begun.line, begun.time, pieces)
        if not self.columns.form.truncated:
            return pending
        last = max((mate.place[piece] for piece in pieces if mate.place[piece] < NEVER), default=-1)
        return frozenset(piece for piece in pending if mate.place[piece] < last)

    def _haves(self, number: int) -> Haves | None:
        if (owing := self.owing(number)) is None:
            return None
        mate, base, owed = owing
        missing, tail = self.missing(number)
        gaps = missing[: len(missing) - tail]
        pieces = () if self._aligned[number] else self.columns.conns[number].pieces
        late = sum(1 for piece in pieces if mate.place[piece] < base)
        return Haves(base, owed, gaps[:SHOWN], len(gaps), tail, self.early(number), base - late)

    def _untrue(self, number: int) -> tuple[Untrue, tuple[int, int]]:
        """Haves that the mate's log doesn't explain, and the lines of the first and last that it does."""
        connection, mate, found = self.columns.conns[number], self.mate(number), Untrue()
        full = self.full(number)
        if not connection.lines or (mate is None and not full):
            return found, (NEVER, 0)
        if self._aligned[number]:
            return found, (connection.lines[0], connection.lines[-1])
        first, last = NEVER, 0
        for piece, line, time in zip(
            connection.pieces, connection.lines, connection.times, strict=True
        ):
            if not full and mate is not None and mate.place[piece] != NEVER:
                first, last = min(first, line), line
                continue
            found.pieces.append(piece)
            found.lines.append(line)
            found.times.append(time)
        return found, (first, last)

    def _complete_at(self, number: int) -> int:
        """The line at which a neighbor was known to be complete, NEVER if it wasn't."""
        connection, base = self.columns.conns[number], self.life.bases[number]
        if self.full(number):
            return connection.line
        if base is None:
            base = 0
        if not connection.lines:
            return connection.line if base >= self.config.pieces else NEVER
        announced = len(connection.pieces)
        if not self._aligned[number]:
            mate = self.mate(number)
            places = mate.place if mate is not None else None
            announced = sum(
                1 for piece in connection.pieces if places is None or places[piece] >= base
            )
        return connection.lines[-1] if base + announced >= self.config.pieces else NEVER

    def _changes(self, number: int) -> list[Change] | None:
        """Replay the owner's interest in a neighbor from what that neighbor told."""
        life = self.life
        connection, mate, base = self.columns.conns[number], self.mate(number), life.bases[number]
        if life.seed:
            return []
        unknown = life.headless or life.unopened(number)
        if unknown or (base is None and not self.full(number)):
            return None
        start, line_of = connection.line, life.line_of
        certain = self._bitfield_until(number, mate, base or 0)
        until = max([certain, *map(line_of.__getitem__, self.early(number))])
        if connection.lines:
            spans = changes_of_haves(connection, line_of, until)
        else:
            lost = start < until < NEVER
            spans = [Change(until, on=False, latest=until)] if lost else []
        changes: list[Change] = []
        if until > start:
            latest = self.next_line(number)
            skipped = until < latest or certain <= start
            begun = connection.time
            changes.append(Change(start, on=True, latest=latest, optional=skipped, time=begun))
            if skipped and spans:
                spans[0] = spans[0]._replace(optional=True)
        changes += spans
        end = life.ends[number]
        return [change for change in changes if change.line < end]

    def _bitfield_until(self, number: int, mate: Life | None, base: int) -> int:
        """The owner's line at which it has all that a neighbor's bitfield told."""
        life = self.life
        if self.full(number):
            whole = len(life.seq) >= self.config.pieces
            return life.seq_lines[-1] if whole else NEVER
        if mate is None or not base:
            return 0
        return max(map(life.line_of.__getitem__, mate.seq[:base]))

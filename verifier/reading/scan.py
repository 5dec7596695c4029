"""Reads one log into columns: prescribed lines by the block, all others one at a time.

Nearly every line of a big log is a prescribed `have` line, so one regular expression takes a whole
block apart and the fields are turned into numbers column by column. What it doesn't match goes,
alone, to the reader of dialects. The form of the time is free, so the expression is made anew for
each block from the block's first prescribed line.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import compress, count
from math import isnan
from operator import lt, not_, sub
from pathlib import Path

from verifier.reading.beginnings import TORN, begins_torn, opens, order_of, reclaim
from verifier.reading.columns import LATE, NOBODY, SILENCE, STRANGER, Connection, LogColumns
from verifier.reading.encodings import decode
from verifier.reading.expressions import (
    HAVE,
    Indices,
    Readings,
    Rows,
    Seconds,
    Shape,
    shape_like,
    shape_of,
)
from verifier.reading.files import Block, blocks
from verifier.reading.phrases import OTHERWISE
from verifier.reading.sentences import BEGINNINGS, Kind, Sentence
from verifier.reading.words import topics

OUT_OF_RANGE = -2
TABLE = 1 << 16
"""Piece numbers looked up by their text; larger ones are computed."""
MOST_SAME = 10_000
"""So often, and as often again for each piece, may one event of one neighbor be repeated."""
MOST_HAVES = 1_000_000
"""So many haves of one connection may be repeated: they cost less."""
MOST_SLOW_HAVES = 200_000
"""The same where they aren't in the prescribed form."""
MOST_UNREAD = 1_000_000
"""So many lines may state no event."""
MOST_CONNECTIONS = 1000
"""So often may a pair connect."""
MOST_ALL_CONNECTIONS = 20_000
EARLY = 200
"""Lines at a block's beginning among which one tells how its haves are written."""
HALF_DAY, DAY = 43200.0, 86400.0


class _FloodError(Exception):
    """A log repeats something beyond all measure: what follows is not read."""

    def __init__(self, line: int, text: str) -> None:
        super().__init__(f"read up to line {line} only: {text}")
        self.line = line


class Scanner:
    """Reads the log of one peer; `peers` are the ids in start order, `pieces` their number."""

    def __init__(self, owner: int, peers: Sequence[int], pieces: int) -> None:
        self.log = LogColumns(peers.index(owner) if owner in peers else STRANGER)
        self._owner_id = owner
        # The owner is nobody's neighbor, least of all its own.
        neighbors = {b"%d" % peer: index for index, peer in enumerate(peers) if peer != owner}
        self._peer = Indices(neighbors, STRANGER)
        self._by_id = {peer: index for index, peer in enumerate(peers)}
        table = {b"%d" % piece: piece for piece in range(min(pieces, TABLE))}
        self._piece = Indices({**table, b"": 0}, OUT_OF_RANGE)
        self._pieces = pieces
        self._current: dict[int, int] = {}
        self._reworded: dict[int, int] = {}
        """Connections of which only other words than the prescribed ones told so far, by neighbor."""
        self._seconds: dict[str, Seconds] = {}
        self._order: str | None = None
        self._time: float | None = None
        self._above: float | None = None
        self._days = 0.0
        self._torn = 0
        self._same: Counter[tuple[int, int]] = Counter()
        self._readings = Readings()
        self._have = re.compile(b": Peer %d %b" % (owner, HAVE))
        self._words: Shape | None = None
        """How haves are written in other words than those prescribed."""

    def read(self, path: Path) -> LogColumns:
        """The whole file as columns; InputError when it can't be read."""
        log = self.log
        try:
            for found in blocks(path):
                block = found if log.line_count else self._first(found)
                if not log.line_count:
                    self._order = self._readings.order = order_of(path, block)
                if block.truncated:
                    self._torn = log.line_count + block.data.count(b"\n")
                self._take(block)
        except _FloodError as flood:
            log.line_count = flood.line
            log.form.flood = str(flood)
        reclaim(log)
        log.settle(self._pieces)
        log.last_time = self._time or 0.0
        return log

    def _first(self, block: Block) -> Block:
        """A file's first block; a first line that lost its beginning is noted and taken out."""
        if not begins_torn(block.data):
            return block
        text, newline, rest = block.data.partition(b"\n")
        self.log.form.behead(topics(decode(text)))
        return replace(block, data=newline + rest)

    def _take(self, block: Block) -> None:
        first = self.log.line_count + 1
        for text in block.deviations:
            self.log.form.deviation(text, first)
        self.log.form.truncated |= block.truncated
        data = block.data[:-1]
        plain = shape_of(data, b"%d" % self._owner_id) if data else None
        shape = None if block.truncated else self._shape(data, plain)  # a torn line is alone
        if shape is not None:
            self._quickly(shape, plain, data, first)
        elif data.strip(b"\n"):
            self._singly(data, first)
        self.log.line_count += block.data.count(b"\n")

    def _singly(self, data: bytes, first: int) -> None:
        """A block each of whose lines is read on its own."""
        for line, one in enumerate(data.split(b"\n"), first):
            self._slowly(one, line)

    def _shape(self, data: bytes, plain: Shape | None) -> Shape | None:
        """How a block writes its haves: as prescribed, else in the words of an earlier or an early line."""
        if plain is not None and self._have.search(data):
            return plain
        early = data.split(b"\n", EARLY)[:EARLY]
        if self._words is None or not any(map(self._words.fits, early)):
            shapes = (self._shape_like(line) for line in early if b" " in line)
            self._words = next(filter(None, shapes), None)
        return self._words or plain

    def _shape_like(self, line: bytes) -> Shape | None:
        return shape_like(line, self._readings.read(line).reading, self._owner_id, self._order)

    def _quickly(self, shape: Shape, plain: Shape | None, data: bytes, first: int) -> None:
        """A block whose haves mostly are of one shape; other lines may be prescribed all the same."""
        seconds = self._reader_of(shape)
        others_seconds = self._reader_of(plain or shape)
        table = shape.table(data, seconds)
        if shape.deviations and isnan(sum(table.times)):  # a time that doesn't exist deviates, too
            self._singly(data, first)
            return
        self.log.resolution = shape.resolution
        others = list(map(self._peer.__getitem__, table.ids))
        block = Rows(others, self._numbers(table.pieces), table, first, shape)
        begin = 0
        for row in compress(count(), map(not_, table.ids)):
            found = plain.other(table.odd[row], others_seconds) if plain else None
            if found is None:
                self._haves(block, begin, row)
                self._slowly(table.odd[row], first + row)
                begin = row + 1
                continue
            others[row] = NOBODY
            table.times[row], event = found
            if event.kind in BEGINNINGS:
                self._haves(block, begin, row)
                self._above, begin = self._time, row
            self._event(event, first + row, table.times[row] + self._days)
        self._haves(block, begin, len(others))

    def _reader_of(self, shape: Shape) -> Seconds:
        """What reads the times of a shape; each text is read once."""
        seconds = self._seconds.setdefault(shape.tail, Seconds(shape.tail, self._order))
        seconds[b""] = self._time or 0.0
        return seconds

    def _numbers(self, texts: Sequence[bytes]) -> list[int]:
        """Piece numbers of a block's haves, OUT_OF_RANGE for those that don't exist."""
        if self._pieces <= TABLE:
            return list(map(self._piece.__getitem__, texts))
        numbers = [int(text or b"0") for text in texts]
        return [number if number < self._pieces else OUT_OF_RANGE for number in numbers]

    def _haves(self, block: Rows, begin: int, end: int) -> None:
        """Take the haves among rows that lie between two lines that need a closer look."""
        if begin >= end:
            return
        first = block.first + begin
        others, pieces = block.others[begin:end], block.pieces[begin:end]
        times = block.table.times[begin:end]
        times = self._clock(times, first, time_only=block.shape.time_only)
        self.log.form.sentences += end - begin
        if block.shape.deviations:
            self.log.resolution = block.shape.resolution
            lines = [line for line, other in enumerate(others, first) if other != NOBODY]
            for name in block.shape.deviations:
                self.log.form.deviate(name, lines)
        if STRANGER in others or OUT_OF_RANGE in pieces:
            ids, texts = block.table.ids[begin:end], block.table.pieces[begin:end]
            for row, text in enumerate(ids):
                if text:
                    have = Sentence(Kind.HAVE, None, int(text), int(texts[row]))
                    self._event(have, first + row, times[row])
            return
        rows: dict[int, list[int]] = {other: [] for other in dict.fromkeys(others)}
        adds = {other: found.append for other, found in rows.items()}
        for row, other in enumerate(others):
            adds[other](row)
        rows.pop(NOBODY, None)
        for other, found in rows.items():
            conn = self._conn(other, first + found[0], times[found[0]])
            conn.pieces.fromlist([pieces[row] for row in found])
            conn.lines.fromlist([first + row for row in found])
            conn.times.fromlist([times[row] for row in found])
            if len(conn.pieces) > 2 * self._pieces:
                self._compact(conn, first + end - begin - 1, MOST_HAVES)

    def _compact(self, conn: Connection, line: int, most: int) -> None:
        """Count the repeated haves of a connection; stop where they are more than that."""
        conn.compact(self._pieces)
        if conn.repeats.count > most:
            raise _FloodError(line, f"{conn.repeats.count} haves are repeated")

    def _clock(self, times: list[float], first: int, *, time_only: bool) -> list[float]:
        """Look through consecutive times for falls and silences; times without a date go on over midnight."""
        if isnan(sum(times)):  # one at least is of a time that doesn't exist
            previous = self._time or 0.0
            for row, time in enumerate(times):
                times[row] = previous = time if time == time else previous  # noqa: PLR0124  # the same
        if self._days:
            times = [time + self._days for time in times]
        before = times[0] if self._time is None else self._time
        if self._time is None:
            self.log.first_time = times[0]
        fall = times[0] < before or times != sorted(times)
        if fall:
            for row in list(compress(count(), map(lt, times, [before, *times]))):
                previous = times[row - 1] if row else before
                if time_only and times[row] < previous - HALF_DAY:
                    self._days += DAY
                    times[row:] = [time + DAY for time in times[row:]]
                elif times[row] < previous:
                    self.log.form.clock_back.add(first + row, f"{previous - times[row]:.6g}")
        if fall or times[-1] - before > SILENCE:
            pauses = map(sub, times, [before, *times])
            for row in compress(count(), map(SILENCE.__lt__, pauses)):
                self.log.silences.append((times[row - 1] if row else before, times[row]))
        self._time = times[-1]
        return times

    def _slowly(self, data: bytes, line: int) -> None:
        """A line that isn't in the prescribed form: what the reader of dialects makes of it."""
        if not data.strip():
            if data:
                self.log.form.deviation("blank line", line)
            return
        form, self._above = self.log.form, self._time
        reading, about = self._readings.read(data)
        if line == self._torn and "no-full-stop" in reading.deviations:
            # Its last number may lack digits, so it is not believed.
            form.unreadable(line, TORN, topics(decode(data)))
            return
        for name in reading.deviations if reading.events or reading.continued is not None else ():
            form.deviation(name, line)
        if reading.stamp is not None:
            known = reading.stamp.form in {"time-only", "hour-minute"}
            time = self._clock([reading.stamp.seconds], line, time_only=known)[0]
            self.log.resolution = reading.stamp.resolution
        else:
            time = self._time or 0.0
            form.timeless += len(reading.events)
        if reading.continued is not None:
            self._continue(reading.continued)
        if reading.problem is not None:
            form.opening = form.opening or (not form.sentences and opens(data))
            form.unreadable(line, reading.problem, about)
            self._limit(form.unread.count, MOST_UNREAD, line, "of its lines state no event")
        for event in reading.events:
            form.sentences += 1
            if OTHERWISE in reading.deviations:
                self._connected(event, line, time)
            else:
                self._event(event, line, time)

    def _connected(self, event: Sentence, line: int, time: float) -> None:
        """A line that tells of a connection in other words, maybe beside the prescribed sentence.

        It doesn't say who made it: those listed below connect to those above (spec 2.1).
        """
        other = self._by_id.get(event.other or 0, STRANGER)
        number = self._current.get(other)
        conn = None if number is None else self.log.conns[number]
        if conn is None or conn.implicit or time - conn.time > LATE:
            kind = Kind.MAKES if other < self.log.owner else Kind.CONNECTED_FROM
            self._event(event._replace(kind=kind), line, time)
            self._reworded[other] = self._current.get(other, -1)

    def _count(self, kind: int, other: int, line: int) -> None:
        """Stop at an event that is repeated beyond all measure."""
        self._same[kind, other] += 1
        most = MOST_CONNECTIONS if kind in BEGINNINGS else MOST_SAME + self._pieces
        self._limit(self._same[kind, other], most, line - 1, "of its lines state the same event")

    def _limit(self, number: int, most: int, line: int, what: str) -> None:
        """Stop where there are more than that."""
        if number > most:
            raise _FloodError(line, f"more than {most} {what}")

    def _continue(self, number: int) -> None:
        """The count of the download above, written on a line of its own."""
        events = self.log.events
        if events.kinds and events.kinds[-1] == Kind.DOWNLOADED and events.counts[-1] < 0:
            events.counts[-1] = min(number, 2**31 - 1)
            self.log.form.counts_apart = True

    def _index(self, peer_id: int | None, line: int, *, chosen: bool = False) -> int:
        """A peer's index; strangers are noted, and in a choice what stands for nobody."""
        if peer_id is None:
            return NOBODY
        index = self._by_id.get(peer_id, STRANGER)
        if index in {STRANGER, self.log.owner}:
            own = index == self.log.owner
            self.log.form.no_neighbor(line, peer_id, own=own, chosen=chosen)
            return STRANGER
        return index

    def _conn(self, other: int, line: int, time: float) -> Connection:
        """The present connection with a neighbor; one without a line is made when none is."""
        number = self._current.get(other)
        if number is None:
            number = self._current[other] = len(self.log.conns)
            self.log.conns.append(Connection(other, -1, 0, time, opened=line))
        conn = self.log.conns[number]
        if conn.kind < 0 and line < conn.opened:  # haves are taken after other lines of their block
            conn.opened, conn.time = line, time
        return conn

    def _begin(self, kind: Kind, other: int, line: int, time: float) -> None:
        """A connection begins, unless it is the one whose first events stand right above its line."""
        number = self._current.get(other)
        if number is not None and number == self._reworded.pop(other, -1):
            conn = self.log.conns[number]
            if time - conn.time <= LATE:
                conn.kind = kind
                return
        if number is not None and self.log.conns[number].opens_late(line, time, self.log.timed):
            conn = self.log.conns[number]
            conn.kind, conn.line = kind, conn.opened
            return
        self._current[other] = len(self.log.conns)
        self.log.conns.append(Connection(other, kind, line, time, above=self._above or time))
        self._limit(len(self.log.conns), MOST_ALL_CONNECTIONS, line, "connections begin in it")

    def _event(self, event: Sentence, line: int, time: float) -> None:
        """One sentence becomes a row, or a have of its connection."""
        log = self.log
        if event.subject not in {None, self._owner_id}:
            log.form.foreign_subject.add(line, str(event.subject))
            return
        if event.kind is Kind.PREFERRED:
            self._count(event.kind, NOBODY, line)
            ids = tuple(self._index(peer_id, line, chosen=True) for peer_id in event.ids)
            named = [peer_id for peer_id in event.ids if peer_id]
            if len(set(named)) < len(named):
                log.form.bad_list.add(line)
            log.events.lists[len(log.events)] = tuple(i for i in dict.fromkeys(ids) if i >= 0)
            log.events.add(event.kind, line, time, NOBODY, -1, -1, -1)
            return
        other = self._index(event.other, line, chosen=event.kind is Kind.OPTIMISTIC)
        piece = -1 if event.piece is None else event.piece
        if piece >= self._pieces:
            log.form.no_piece(line, piece)
            return
        if other == STRANGER or (other == NOBODY and event.kind is not Kind.COMPLETE):
            return
        if event.kind is not Kind.HAVE:
            self._count(event.kind, other, line)
        if event.kind in BEGINNINGS:
            self._begin(event.kind, other, line, time)
        conn = None if other == NOBODY else self._conn(other, line, time)
        if event.kind is Kind.HAVE:
            if piece >= 0 and conn is not None:
                conn.pieces.append(piece)
                conn.lines.append(line)
                conn.times.append(time)
                if len(conn.pieces) > 2 * self._pieces:
                    self._compact(conn, line, MOST_SLOW_HAVES)
            return
        number = -1 if event.count is None else min(event.count, 2**31 - 1)
        where = -1 if conn is None else self._current[other]
        log.events.add(event.kind, line, time, other, piece, number, where)

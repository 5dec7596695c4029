"""A log as columns: one row for each event but `have`, and the haves of each connection apart.

Haves are nearly all of a log, so each costs four numbers in arrays and no object. A repeated have
is counted and its first examples are kept; so memory grows with connections times pieces, however
often a log repeats itself.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from dataclasses import dataclass, field, replace
from math import inf

EXAMPLES = 20
"""How many lines of one fault are remembered for each log."""

LATE = 1.0
"""Seconds by which a program with several threads may write a line after those that follow from it."""
LATE_LINES = 50
"""The same in lines: where more stand in between, it is another connection."""

FIRST = 8
"""How many pieces a connection is known by without its haves."""
SILENCE = 1.0
"""Seconds without a line after which a log's process may have been stopped in between (SIGSTOP)."""

NOBODY = -1
"""No other peer is named in this event."""

STRANGER = -2
"""The other peer's id isn't in PeerInfo.cfg."""

EXAMPLE_FIELDS = (
    "unread",
    "foreign_subject",
    "stranger",
    "own_id",
    "no_id",
    "placeholder",
    "out_of_range",
    "bad_list",
    "clock_back",
)

NEVER = 2**31 - 1
"""A line number above all lines: it didn't happen."""


def ints() -> array[int]:
    """An empty column of numbers."""
    return array("i")


def floats() -> array[float]:
    """An empty column of times."""
    return array("d")


@dataclass(slots=True)
class Examples:
    """How often something was seen, and where first: lines, with a word on each."""

    count: int = 0
    first: list[tuple[int, str]] = field(default_factory=list)

    def add(self, line: int, text: str = "") -> None:
        """One more, at this line."""
        self.count += 1
        if len(self.first) < EXAMPLES:
            self.first.append((line, text))

    def add_all(self, lines: list[int]) -> None:
        """More, at these lines."""
        self.count += len(lines)
        self.first += [(line, "") for line in lines[: max(0, EXAMPLES - len(self.first))]]

    def cut(self, first: int, last: int) -> Examples:
        """Those in a range of lines; all that aren't examples count as inside if the last is."""
        inside = [(line, text) for line, text in self.first if first <= line <= last]
        beyond = self.count - len(self.first) if inside and inside[-1] == self.first[-1] else 0
        return Examples(len(inside) + beyond, inside)


@dataclass(slots=True)
class Connection:
    """One connection as one end logged it, from its line to the next one of the pair.

    `kind` is `Kind.MAKES`, `Kind.CONNECTED_FROM`, or -1 where no line tells that it began;
    `line` is then 0. `opened` is the line of its first event where that stands above the line that
    tells of it, or no line does. The three arrays hold the haves received, each piece once; what is
    left of them where they are left behind is their number, the last line and the first pieces.
    """

    other: int
    kind: int
    line: int
    time: float
    pieces: array[int] = field(default_factory=ints)
    lines: array[int] = field(default_factory=ints)
    times: array[float] = field(default_factory=floats)
    repeats: Examples = field(default_factory=Examples)
    haves: int = 0
    last_have: int = 0
    first_pieces: tuple[int, ...] = ()
    opened: int = 0
    above: float = 0.0
    """The time of the line above its own: the end of a run that it may follow."""

    @property
    def implicit(self) -> bool:
        """No line tells that it began."""
        return self.kind < 0

    def opens_late(self, line: int, time: float, timed: bool) -> bool:  # noqa: FBT001  # a value
        """Whether a line tells of it although its first events stand right above."""
        soon = not timed or time - self.time <= LATE
        return self.implicit and soon and line - self.opened <= LATE_LINES

    def compact(self, pieces: int) -> None:
        """Keep the first have of each piece and count the others as repeats."""
        seen = bytearray(pieces)
        kept = Connection(self.other, self.kind, self.line, self.time)
        for piece, line, time in zip(self.pieces, self.lines, self.times, strict=True):
            if seen[piece]:
                self.repeats.add(line, str(piece))
            else:
                seen[piece] = 1
                kept.pieces.append(piece)
                kept.lines.append(line)
                kept.times.append(time)
        self.pieces, self.lines, self.times = kept.pieces, kept.lines, kept.times

    def settle(self, pieces: int) -> None:
        """Drop repeats and note what stays when the haves themselves are left behind."""
        if len(set(self.pieces)) < len(self.pieces):
            self.compact(pieces)
        self.haves = len(self.lines)
        self.last_have = self.lines[-1] if self.lines else 0
        self.first_pieces = tuple(self.pieces[:FIRST])

    def cut(self, first: int, last: int) -> Connection:
        """The part of it in a range of lines."""
        begin, end = bisect_left(self.lines, first), bisect_left(self.lines, last + 1)
        repeats = [(line, text) for line, text in self.repeats.first if first <= line <= last]
        whole = first <= self.line and self.last_have <= last
        count = self.repeats.count if whole else len(repeats)
        lines = self.lines[begin:end]
        return replace(
            self,
            pieces=self.pieces[begin:end],
            lines=lines,
            times=self.times[begin:end],
            repeats=Examples(count, repeats),
            haves=len(lines) or (self.haves if whole else 0),
            last_have=lines[-1] if lines else (self.last_have if whole else 0),
            first_pieces=tuple(self.pieces[begin:end][:FIRST]) or self.first_pieces * whole,
            opened=self.opened if first <= self.opened <= last else 0,
        )

    def without_haves(self) -> Connection:
        """The connection without its columns, cheap to send to another process."""
        return replace(self, pieces=ints(), lines=ints(), times=floats(), repeats=Examples())


@dataclass(slots=True)
class Events:
    """All events but haves, in line order; one array per field.

    `others` are indices of peers (or NOBODY, STRANGER), `conns` indices of connections or -1.
    `lists` holds, by row, the peers of each preferred list.
    """

    kinds: array[int] = field(default_factory=lambda: array("b"))
    lines: array[int] = field(default_factory=ints)
    times: array[float] = field(default_factory=floats)
    others: array[int] = field(default_factory=ints)
    pieces: array[int] = field(default_factory=ints)
    counts: array[int] = field(default_factory=ints)
    conns: array[int] = field(default_factory=ints)
    lists: dict[int, tuple[int, ...]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.kinds)

    def add(
        self, kind: int, line: int, time: float, other: int, piece: int, count: int, conn: int
    ) -> None:
        """One more row."""
        self.kinds.append(kind)
        self.lines.append(line)
        self.times.append(time)
        self.others.append(other)
        self.pieces.append(piece)
        self.counts.append(count)
        self.conns.append(conn)

    def cut(self, first: int, last: int, conns: dict[int, int]) -> Events:
        """The rows in a range of lines, with connections renumbered."""
        begin, end = bisect_left(self.lines, first), bisect_left(self.lines, last + 1)
        rows = slice(begin, end)
        return Events(
            self.kinds[rows],
            self.lines[rows],
            self.times[rows],
            self.others[rows],
            self.pieces[rows],
            self.counts[rows],
            array("i", [conns.get(conn, -1) for conn in self.conns[rows]]),
            {row - begin: ids for row, ids in self.lists.items() if begin <= row < end},
        )


@dataclass(slots=True)
class Form:
    """What was seen of a log's form: each kind of fault with its count and first lines.

    `highest_piece` is the highest index beyond the file that is named, -1 where none is.
    """

    deviations: dict[str, Examples] = field(default_factory=dict)
    unread: Examples = field(default_factory=Examples)
    foreign_subject: Examples = field(default_factory=Examples)
    stranger: Examples = field(default_factory=Examples)
    own_id: Examples = field(default_factory=Examples)
    no_id: Examples = field(default_factory=Examples)
    placeholder: Examples = field(default_factory=Examples)
    out_of_range: Examples = field(default_factory=Examples)
    bad_list: Examples = field(default_factory=Examples)
    clock_back: Examples = field(default_factory=Examples)
    unread_about: dict[str, Examples] = field(default_factory=dict)
    highest_piece: int = -1
    sentences: int = 0
    timeless: int = 0
    truncated: bool = False
    beheaded: bool = False
    """Whether its first line is the end of one that began above the file's beginning."""
    opening: bool = False
    """Whether a line above its first event tells that the program starts: nothing stood above that."""
    counts_apart: bool = False
    """Whether the count of a download stands on a line of its own, below it."""
    flood: str = ""
    """Why the log was read no further than its last line here: what it repeats beyond all measure."""

    def cut(self, first: int, last: int) -> Form:
        """What concerns a range of lines; counts beyond the examples can't be told apart."""
        part = Form(sentences=self.sentences, timeless=self.timeless, truncated=self.truncated)
        part.counts_apart = self.counts_apart
        part.opening = self.opening and first <= 1
        part.beheaded = self.beheaded and first <= 1
        part.flood = self.flood
        part.highest_piece = self.highest_piece
        part.deviations = {text: seen.cut(first, last) for text, seen in self.deviations.items()}
        part.deviations = {text: seen for text, seen in part.deviations.items() if seen.count}
        about = {topic: seen.cut(first, last) for topic, seen in self.unread_about.items()}
        part.unread_about = {topic: seen for topic, seen in about.items() if seen.count}
        for name in EXAMPLE_FIELDS:
            setattr(part, name, getattr(self, name).cut(first, last))
        return part

    def unreadable(self, line: int, problem: str, topics: tuple[str, ...]) -> None:
        """A line that states no event which could be read, and what it mentions all the same."""
        self.unread.add(line, problem)
        for topic in topics:
            self.unread_about.setdefault(topic, Examples()).add(line)

    def behead(self, topics: tuple[str, ...]) -> None:
        """The first line is the end of one that began above the file's beginning."""
        self.beheaded = True
        self.unreadable(1, "the file begins in the middle of it", topics)

    def no_neighbor(self, line: int, peer_id: int, *, own: bool, chosen: bool) -> None:
        """An id that is no neighbor's: the writer's own, a stranger's, or nobody's (spec 1.3)."""
        if own:
            self.own_id.add(line)
        elif peer_id:
            self.stranger.add(line, str(peer_id))
        else:
            (self.placeholder if chosen else self.no_id).add(line)

    def no_piece(self, line: int, piece: int) -> None:
        """A piece beyond the file."""
        self.out_of_range.add(line)
        self.highest_piece = max(self.highest_piece, piece)

    def deviate(self, text: str, lines: list[int]) -> None:
        """The same of several lines, in their order."""
        if lines:
            self.deviations.setdefault(text, Examples()).add_all(lines)

    def deviation(self, text: str, line: int) -> None:
        """A line that departs from the prescribed form in this way."""
        self.deviations.setdefault(text, Examples()).add(line)


@dataclass(slots=True)
class LogColumns:
    """One log file, read. `silences` are the spells of more than a second without a line, by their
    first and last moment: a process that was stopped leaves one, and catches up at its end.
    """

    owner: int
    events: Events = field(default_factory=Events)
    conns: list[Connection] = field(default_factory=list)
    form: Form = field(default_factory=Form)
    line_count: int = 0
    have_count: int = 0
    first_time: float = 0.0
    last_time: float = 0.0
    resolution: float = 1e-6
    silences: list[tuple[float, float]] = field(default_factory=list)

    @property
    def timed(self) -> bool:
        """Whether its lines carry times that could be read."""
        return self.form.sentences > self.form.timeless

    def cut(self, first: int, last: int) -> LogColumns:
        """The part of it in a range of lines (one run of several in a file)."""
        if first <= 1 and last >= self.line_count:
            return self
        kept: list[Connection] = []
        renumbered: dict[int, int] = {}
        for number, conn in enumerate(self.conns):
            begun = not conn.implicit and first <= conn.line <= last
            # Told by what every copy has, with or without its columns, so that all number alike.
            spans = conn.line < first and (conn.implicit or conn.last_have >= first)
            if begun or spans:
                part = conn.cut(first, last)
                if not begun:
                    part.kind, part.line = -1, 0
                renumbered[number] = len(kept)
                kept.append(part)
        events = self.events.cut(first, last, renumbered)
        times = [*events.times[:1], *events.times[-1:]] or [self.first_time]
        haves = [time for conn in kept for time in (*conn.times[:1], *conn.times[-1:])]
        haves += [c.above for c in self.conns if c.line == last + 1 and c.above >= times[-1]]
        haves += [self.last_time] if last >= self.line_count else []
        return replace(
            self,
            events=events,
            conns=kept,
            form=self.form.cut(first, last),
            line_count=last,
            have_count=sum(conn.haves for conn in kept),
            first_time=min(times + haves),
            last_time=max(times + haves),
        )

    def settle(self, pieces: int) -> None:
        """Drop repeated haves, and note what stays where the haves are left behind."""
        for conn in self.conns:
            conn.settle(pieces)
        self.have_count = sum(conn.haves + conn.repeats.count for conn in self.conns)

    def without_haves(self) -> LogColumns:
        """All but the haves, cheap to send to another process."""
        return replace(self, conns=[conn.without_haves() for conn in self.conns])

    def silence_within(self, begin: float, end: float) -> float:
        """Seconds of the longest silence between two lines, 0 without one."""
        first = bisect_left(self.silences, (begin, -inf))
        last = bisect_left(self.silences, (end, -inf))
        return max((until - since for since, until in self.silences[first:last]), default=0.0)

    def silence_before(self, time: float) -> float:
        """Seconds of the silence that ended shortly before a line, 0 without one."""
        place = bisect_left(self.silences, (time, -inf)) - 1
        since, until = self.silences[place] if place >= 0 else (0.0, -inf)
        return until - since if time - SILENCE <= until <= time else 0.0

    def silence_after(self, time: float) -> float:
        """Seconds of the silence that began shortly after a line, 0 without one."""
        place = bisect_left(self.silences, (time, -inf))
        since, until = self.silences[place] if place < len(self.silences) else (inf, 0.0)
        return until - since if since <= time + SILENCE else 0.0

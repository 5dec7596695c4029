"""Replays a log: who was connected, interested and unchoked when, what decisions owed to whom, and
which message received is which that was sent.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from functools import reduce
from itertools import chain, repeat
from typing import TYPE_CHECKING, NamedTuple

from verifier.reading.columns import NEVER, NOBODY
from verifier.reading.sentences import MESSAGES, Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from verifier.history.changes import Change
    from verifier.history.facts import Facts, View
    from verifier.history.lives import Life


CHOICES = frozenset({Kind.PREFERRED, Kind.OPTIMISTIC})
BREATH = 0.01
"""Most seconds between two decisions on adjacent lines that may have been made together (spec 4.7)."""


LAST = 8
"""How many of the chokes taken back last are asked for another explanation."""


class Owed(NamedTuple):
    """A choke or unchoke that a decision owes to a neighbor (spec 4.4, 4.5)."""

    kind: Kind
    line: int
    time: float
    back: bool = False
    """It is an unchoke that takes back the choke before it, which fell due with it: both are sent, or
    neither (spec 4.7)."""


@dataclass(frozen=True, slots=True)
class Decision:
    """One preferred or optimistic line and the state just before it (spec 4.2 to 4.5).

    `preferred` and `optimistic` are as they were before, without neighbors that came back since.
    `interested` are all whose last word is interested, `sure` those of them that were heard of
    later on the same connection, so that it certainly stood.
    """

    kind: Kind
    line: int
    time: float
    chosen: tuple[int, ...]
    preferred: frozenset[int]
    optimistic: int
    interested: frozenset[int]
    sure: frozenset[int]
    connected: frozenset[int]
    complete: bool
    first: bool

    @property
    def unchoked(self) -> frozenset[int]:
        """Those unchoked before the decision."""
        return self.preferred | ({self.optimistic} - {NOBODY})

    @property
    def unchoked_after(self) -> frozenset[int]:
        """Those unchoked by it."""
        if self.kind == Kind.PREFERRED:
            return frozenset(self.chosen) | ({self.optimistic} - {NOBODY})
        return self.preferred | frozenset(self.chosen)


class Step(NamedTuple):
    """One event of a log, and the decision that it is, if it is one."""

    row: int
    kind: int
    line: int
    time: float
    other: int
    conn: int
    decision: Decision | None


class Walk:
    """A peer and its neighbors as the lines of its log go by: the one replay of who is what when.

    `conn` are the present connections, `interested` the neighbors whose last word is interested,
    `preferred` and `optimistic` those whom the peer unchokes, `open` the connections on which it is
    unchoked (one of which no line tells the beginning may be), `complete` whether it has the file.
    A new connection starts choked and not interested (spec 2.7, 2.8).
    """

    def __init__(self, life: Life) -> None:
        self._life = life
        self._seen: set[int] = set()
        self.conn: dict[int, int] = {}
        self.interested: set[int] = set()
        self.preferred: frozenset[int] = frozenset()
        self.optimistic = NOBODY
        self.open = {
            number
            for number, conn in enumerate(life.columns.conns)
            if conn.implicit or life.unopened(number)
        }
        self.complete = life.seed or life.done_line == 0

    @property
    def unchoked(self) -> frozenset[int]:
        """Whom the peer unchokes."""
        return self.preferred | ({self.optimistic} - {NOBODY})

    def steps(self) -> Iterator[Step]:
        """Each event, after it has changed what it changes."""
        events = self._life.columns.events
        lists, done = events.lists, self._life.done_line
        rows = zip(
            events.kinds, events.lines, events.times, events.others, events.conns, strict=True
        )
        for row, (kind, line, time, other, conn) in enumerate(rows):
            decision = None
            if conn >= 0 and self.conn.get(other) != conn:
                self._connect(other, conn)
            if kind in MESSAGES:
                self._hear(kind, other, conn)
            elif line >= done:
                self.complete = True
            if kind in CHOICES:
                chosen = lists.get(row, ()) if kind == Kind.PREFERRED else (other,)
                decision = self._decide(Kind(kind), line, time, chosen)
            yield Step(row, kind, line, time, other, conn, decision)

    def _hear(self, kind: int, other: int, conn: int) -> None:
        """A neighbor chokes or unchokes, or says whether it is interested."""
        if kind == Kind.INTERESTED:
            self.interested.add(other)
        elif kind == Kind.NOT_INTERESTED:
            self.interested.discard(other)
        elif kind == Kind.UNCHOKED:
            self.open.add(conn)
        else:
            self.open.discard(conn)

    def _connect(self, other: int, conn: int) -> None:
        self.conn[other] = conn
        if self._life.unopened(conn):
            return  # it began above the first line
        self.interested.discard(other)
        self.preferred -= {other}
        if self.optimistic == other:
            self.optimistic = NOBODY

    def _decide(self, kind: Kind, line: int, time: float, chosen: tuple[int, ...]) -> Decision:
        """The decision with the state before it; the state moves on."""
        last = self._life.last_lines
        decision = Decision(
            kind,
            line,
            time,
            chosen,
            self.preferred,
            self.optimistic,
            frozenset(self.interested),
            frozenset(
                one for one in self.interested if one in self.conn and last[self.conn[one]] > line
            ),
            frozenset(self.conn),
            self.complete,
            kind not in self._seen,
        )
        self._seen.add(kind)
        if kind == Kind.PREFERRED:
            self.preferred = frozenset(chosen)
        elif chosen:
            self.optimistic = chosen[0]
        return decision


@dataclass(slots=True)
class Choking:
    """All decisions of a life, and what they owed on each connection, in order."""

    decisions: list[Decision] = field(default_factory=list)
    owed: dict[int, list[Owed]] = field(default_factory=dict)


def choking(life: Life) -> Choking:
    """A life's decisions, and the chokes and unchokes that they owe."""
    walk, result = Walk(life), Choking()
    for step in walk.steps():
        decision = step.decision
        if decision is None:
            continue
        last = result.decisions[-1] if result.decisions else None
        result.decisions.append(decision)
        before = decision.unchoked
        for one in sorted(before ^ walk.unchoked):
            owed = Kind.CHOKED if one in before else Kind.UNCHOKED
            if one in walk.conn:
                messages = result.owed.setdefault(walk.conn[one], [])
                back = owed == Kind.UNCHOKED and _together(last, decision)
                back = back and bool(messages) and messages[-1].line == step.line - 1
                messages.append(Owed(owed, step.line, step.time, back))
    return result


def _together(first: Decision | None, second: Decision) -> bool:
    """Whether both choices may have been made before anything was sent."""
    return (
        first is not None
        and first.kind != second.kind
        and first.line + 1 == second.line
        and not abs(second.time - first.time) > BREATH  # not a number where there are no times
    )


@dataclass(slots=True)
class Matching:
    """Sends matched with receives on one connection, in order.

    `pairs` are (receiver's row, sender's line); `vague` are rows that several lines may explain, with
    the first and the last of them; `extra` rows that nothing explains, `missing` sender's lines
    whose message should have come and didn't, `tail` how many are missing at the end, where the
    connection may have ended first.
    """

    pairs: list[tuple[int, int]] = field(default_factory=list)
    vague: dict[int, tuple[int, int]] = field(default_factory=dict)
    extra: list[int] = field(default_factory=list)
    missing: list[int] = field(default_factory=list)
    tail: int = 0

    @property
    def faults(self) -> int:
        """How many messages don't fit."""
        return len(self.extra) + len(self.missing)

    def spans(self) -> dict[int, tuple[int, int]]:
        """For each row that is explained, the first and the last line that may explain it."""
        return self.vague | {row: (line, line) for row, line in self.pairs}

    def agreed(self, other: Matching) -> Matching:
        """What another matching of the same messages says too."""
        mine, theirs = self.spans(), other.spans()
        spans = {
            row: (min(first, theirs[row][0]), max(last, theirs[row][1]))
            for row, (first, last) in mine.items()
            if row in theirs
        }
        return Matching(
            [(row, first) for row, (first, last) in sorted(spans.items()) if first == last],
            {row: span for row, span in spans.items() if span[0] < span[1]},
            [row for row in self.extra if row in other.extra],
            [line for line in self.missing if line in other.missing],
        )


def match(
    sent: list[tuple[bool, int, int]], received: list[tuple[bool, int]], facts: Facts, heard: int
) -> Matching:
    """Match what was sent (kind, line, latest line) with what was received (kind, row), in order.

    Where the kinds differ, the haves around a message decide: if the mate's next send must have
    arrived before it, that one is missing; else the received one is extra.
    """
    result = Matching()
    at = 0
    for kind, row in received:
        while (
            at < len(sent)
            and sent[at][0] != kind
            and (sent[at][2] < facts.low[row] or _fits(sent, at + 1, kind, facts.high[row]))
        ):
            result.missing.append(sent[at][1])
            at += 1
        if at < len(sent) and sent[at][0] == kind and sent[at][1] <= facts.high[row]:
            result.pairs.append((row, sent[at][1]))
            heard = max(heard, sent[at][1])
            at += 1
        else:
            result.extra.append(row)
    late = [line for _, line, latest in sent[at:] if latest < heard]
    result.missing += late
    result.tail = len(sent) - at - len(late)
    return result


def _fits(sent: list[tuple[bool, int, int]], at: int, kind: bool, high: int) -> bool:  # noqa: FBT001  # a value
    return at < len(sent) and sent[at][0] == kind and sent[at][1] <= high


def match_chokes(
    owed: list[Owed],
    received: list[tuple[bool, int]],
    facts: Facts,
    heard: int,
    *,
    times: Sequence[float],
    cut: bool,
) -> Matching:
    """Match what decisions owe with what was received; of the chokes that were taken back at once each
    may be told or not, whichever explains more.

    Several ways may explain all but what is missing at the end, where the connection may have
    ended first: then the way counts in which the messages took about the same time each, by the
    `times` of the rows, and where several do, only what all of these say is sure. Where the
    receiver's log was `cut` off, what is missing at its end explains nothing.
    """
    backs = [at for at, one in enumerate(owed) if one.back]
    every = set(range(len(owed)))
    pairs = {at for back in backs for at in (back - 1, back)}

    def matched(chosen: set[int]) -> Matching:
        sent = [(owed[n].kind == Kind.UNCHOKED, owed[n].line, owed[n].line) for n in sorted(chosen)]
        return match(sent, received, facts, heard)

    if not backs:
        return matched(every)
    ways = [(matched(chosen), chosen) for chosen in (every, every - pairs)]
    if cut:
        return reduce(Matching.agreed, [one for one, _ in ways])
    best, chosen = min(ways, key=_unexplained)
    for at, back in enumerate(reversed(backs)):
        if best.faults == 0 and at >= LAST:
            break
        other = chosen ^ {back - 1, back}
        ways.append((matched(other), other))
        best, chosen = min((best, chosen), ways[-1], key=_unexplained)
    return reduce(
        Matching.agreed, _steady([one for one, _ in ways if one.faults == best.faults], owed, times)
    )


def _steady(ways: list[Matching], owed: list[Owed], times: Sequence[float]) -> list[Matching]:
    """Of several ways to match the same messages, those in which the delays differ least; all of
    them where there are no times.
    """
    when = {one.line: one.time for one in owed}
    spreads = []
    for way in ways:
        delays = [times[row] - when[line] for row, line in way.pairs] or [0.0]
        spreads.append(max(delays) - min(delays))
    most = 2 * min(spreads) + BREATH
    return [way for way, spread in zip(ways, spreads, strict=True) if not spread > most]


def _unexplained(one: tuple[Matching, set[int]]) -> tuple[int, int]:
    """What a matching leaves open: faults, and messages that are missing at the end."""
    return one[0].faults, one[0].tail


def match_interest(
    changes: list[Change], received: Iterable[tuple[bool, int]], facts: Facts, heard: int
) -> Matching:
    """Match changes of interest with the messages received, repeats and a leading
    `not interested` dropped; of several explanations the best one.
    """
    changed: list[tuple[bool, int]] = []
    state = False
    for on, row in received:
        if on != state:
            changed.append((on, row))
            state = on
    every = [(change.on, change.line, change.latest) for change in changes]
    result = match(every, changed, facts, heard)
    if any(change.optional for change in changes):
        fewer = [(c.on, c.line, c.latest) for c in changes if not c.optional]
        other = match(fewer, changed, facts, heard)
        result = min(result, other, key=lambda matching: matching.faults)
    return result


def requirements(view: View) -> tuple[array[int], array[int], array[int]]:
    """For the exact replay: at which lines a have needs which line of which other log."""
    lines, logs, needs = array("i"), array("i"), array("i")
    pairs = (
        zip(
            conn.lines,
            repeat(mate.index, len(conn.lines)),
            map(mate.line_of.__getitem__, conn.pieces),
            strict=True,
        )
        for number, conn in enumerate(view.columns.conns)
        if (mate := view.mate(number)) is not None and not view.full(number)
    )
    for line, log, need in sorted(chain.from_iterable(pairs)):
        if need != NEVER:
            lines.append(line)
            logs.append(log)
            needs.append(need)
    return lines, logs, needs

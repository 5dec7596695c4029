"""Replays a log's decisions: who was preferred and optimistic when, and what that owed to whom."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from verifier.reading.columns import NOBODY
from verifier.reading.sentences import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable

    from verifier.history.facts import Change, Facts
    from verifier.history.lives import Life


class Owed(NamedTuple):
    """A choke or unchoke that a decision owes to a neighbor (spec 4.4, 4.5)."""

    kind: Kind
    line: int
    time: float


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


@dataclass(slots=True)
class Choking:
    """All decisions of a life, and what they owed on each connection, in order."""

    decisions: list[Decision] = field(default_factory=list)
    owed: dict[int, list[Owed]] = field(default_factory=dict)


class _State:
    """A peer's choking as its log tells it."""

    def __init__(self, life: Life, complete: bool) -> None:  # noqa: FBT001  # a fact, not a switch
        self.life = life
        self.preferred: frozenset[int] = frozenset()
        self.optimistic = NOBODY
        self.conn: dict[int, int] = {}
        self.interested: set[int] = set()
        self.complete = complete
        self.seen: set[int] = set()

    def connect(self, other: int, conn: int) -> None:
        """A new connection starts choked and not interested (spec 2.7, 2.8)."""
        self.conn[other] = conn
        self.interested.discard(other)
        self.preferred -= {other}
        if self.optimistic == other:
            self.optimistic = NOBODY

    def decide(self, kind: Kind, line: int, time: float, chosen: tuple[int, ...]) -> Decision:
        """The decision with the state before it; the state moves on."""
        last = self.life.last_lines
        sure = {y for y in self.interested if y in self.conn and last[self.conn[y]] > line}
        decision = Decision(
            kind,
            line,
            time,
            chosen,
            self.preferred,
            self.optimistic,
            frozenset(self.interested),
            frozenset(sure),
            frozenset(self.conn),
            self.complete,
            kind not in self.seen,
        )
        self.seen.add(kind)
        if kind == Kind.PREFERRED:
            self.preferred = frozenset(chosen)
        elif chosen:
            self.optimistic = chosen[0]
        return decision

    @property
    def unchoked(self) -> frozenset[int]:
        return self.preferred | ({self.optimistic} - {NOBODY})


def choking(life: Life, *, complete: bool) -> Choking:
    """Replay a life's decisions; `complete` tells whether it has the file from the start."""
    state, result = _State(life, complete), Choking()
    events = life.columns.events
    rows = zip(events.kinds, events.lines, events.times, events.others, events.conns, strict=True)
    for row, (kind, line, time, other, conn) in enumerate(rows):
        if conn >= 0 and state.conn.get(other) != conn:
            state.connect(other, conn)
        if kind == Kind.INTERESTED:
            state.interested.add(other)
        elif kind == Kind.NOT_INTERESTED:
            state.interested.discard(other)
        elif line >= life.done_line:
            state.complete = True
        if kind in {Kind.PREFERRED, Kind.OPTIMISTIC}:
            chosen = events.lists.get(row, ()) if kind == Kind.PREFERRED else (other,)
            before = state.unchoked
            result.decisions.append(state.decide(Kind(kind), line, time, chosen))
            for one in sorted(before ^ state.unchoked):
                owed = Kind.CHOKED if one in before else Kind.UNCHOKED
                if one in state.conn:
                    result.owed.setdefault(state.conn[one], []).append(Owed(owed, line, time))
    return result


@dataclass(slots=True)
class Matching:
    """Sends matched with receives on one connection, in order.

    `pairs` are (receiver's row, sender's line); `extra` rows that nothing explains, `missing`
    sender's lines whose message should have come and didn't, `tail` how many are missing at the
    end, where the connection may have ended first.
    """

    pairs: list[tuple[int, int]] = field(default_factory=list)
    extra: list[int] = field(default_factory=list)
    missing: list[int] = field(default_factory=list)
    tail: int = 0

    @property
    def faults(self) -> int:
        """How many messages don't fit."""
        return len(self.extra) + len(self.missing)


def match(
    sent: list[tuple[bool, int, int]], received: list[tuple[bool, int]], facts: Facts, heard: int
) -> Matching:
    """Match what was sent (kind, line, latest line) with what was received (kind, row), in order.

    Where the kinds differ, the haves around a message decide: if the mate's next send must have
    arrived before it, that one is missing; else the received one is extra.
    """
    result = Matching()
    place = 0
    for kind, row in received:
        while (
            place < len(sent)
            and sent[place][0] != kind
            and (sent[place][2] < facts.low[row] or _fits(sent, place + 1, kind, facts.high[row]))
        ):
            result.missing.append(sent[place][1])
            place += 1
        if place < len(sent) and sent[place][0] == kind and sent[place][1] <= facts.high[row]:
            result.pairs.append((row, sent[place][1]))
            heard = max(heard, sent[place][1])
            place += 1
        else:
            result.extra.append(row)
    late = [line for _, line, latest in sent[place:] if latest < heard]
    result.missing += late
    result.tail = len(sent) - place - len(late)
    return result


def _fits(sent: list[tuple[bool, int, int]], place: int, kind: bool, high: int) -> bool:  # noqa: FBT001  # a value
    return place < len(sent) and sent[place][0] == kind and sent[place][1] <= high


def match_interest(
    changes: list[Change], received: Iterable[tuple[bool, int]], facts: Facts, heard: int
) -> Matching:
    """Match changes of interest with the messages received, repeats and a leading
    `not interested` dropped; of several explanations the best one.
    """
    told: list[tuple[bool, int]] = []
    state = False
    for on, row in received:
        if on != state:
            told.append((on, row))
            state = on
    every = [(change.on, change.line, change.latest) for change in changes]
    result = match(every, told, facts, heard)
    if any(change.optional for change in changes):
        fewer = [(c.on, c.line, c.latest) for c in changes if not c.optional]
        other = match(fewer, told, facts, heard)
        result = min(result, other, key=lambda matching: matching.faults)
    return result

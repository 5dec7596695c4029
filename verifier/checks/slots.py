"""K12, K17, K19: how many are unchoked at a time, and who waits for it (spec 4.1, 4.5)."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from itertools import pairwise
from typing import TYPE_CHECKING

from verifier.checks.registry import check
from verifier.findings import Severity
from verifier.history.replay import Walk
from verifier.reading.columns import NOBODY
from verifier.reading.sentences import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from verifier.findings import Tally
    from verifier.history.case import Case
    from verifier.history.lives import Life

    Wait = tuple[int, int, float, int, float]
    """Neighbor, first line and its time, last line and its time."""

WARNING, INFO = Severity.WARNING, Severity.INFO
CHOICES = (Kind.PREFERRED, Kind.OPTIMISTIC)
BEGINNINGS = (Kind.MAKES, Kind.CONNECTED_FROM)
CHANGES = frozenset({*CHOICES, *BEGINNINGS, Kind.INTERESTED, Kind.NOT_INTERESTED})


def crowds(case: Case, most: int) -> Iterator[tuple[Life, int, int]]:
    """Moments at which certainly more neighbors than `most` were unchoked: (life, line, number).

    A neighbor counts from the decision that unchoked it to the one that choked it; where no choke
    reached it, to the last piece that it still got, by its clock and the offset's bounds.
    """
    for life in case.lives:
        if not life.columns.timed or life.index in case.clocks.unreliable:
            continue
        spans = [
            span
            for mate in life.mates
            if mate is not None
            for span in _served(case, life, case.lives[mate[0]], mate[1])
        ]
        changes = [(end, -1, line) for begin, end, line in spans if end > begin]
        changes += [(begin, 1, line) for begin, end, line in spans if end > begin]
        now, worst, where = 0, most, 0
        for _, change, line in sorted(changes):
            now += change
            if now > worst:
                worst, where = now, line
        if worst > most:
            yield life, where, worst


def _served(case: Case, life: Life, other: Life, conn: int) -> Iterator[tuple[float, float, int]]:
    """Spells during which a log's owner certainly had a neighbor unchoked: by the owner's clock,
    with the line of the decision that began it.
    """
    matching = case.chokes(other, conn)
    if matching is None or not other.columns.timed or other.columns.form.truncated:
        return
    events = other.columns.events
    when = {one.line: one.time for one in case.owed(other, conn) or ()}
    sent = matching.spans()
    begin: int | None = None
    for row in case.rows(other, conn)[0]:
        earliest, latest = sent.get(row, (None, begin))
        if events.kinds[row] == Kind.UNCHOKED:
            begin = latest
        elif begin is not None:
            if earliest is not None:
                yield when[begin], when[earliest], begin
            begin = None
    places = other.came_over(conn)
    if begin is not None and places and other.index not in case.clocks.unreliable:
        ahead = case.clocks.interval(life.index, other.index)[1]
        yield when[begin], other.seq_times[places[-1]] - ahead, begin


@check(
    "K12",
    "slots",
    WARNING,
    clause="4.1",
    rule="No more than k preferred and one optimistic neighbor are unchoked at a time.",
    order="Tg",
    needs="all logs, times",
    example="a neighbor that was dropped is never choked and goes on downloading.",
    reads="choke choice",
)
def slots(case: Case, tally: Tally) -> None:
    """From what the neighbors heard, by the chooser's clock."""
    tally.saw(sum(len(case.choking(life).decisions) for life in case.lives))
    for life, line, now in crowds(case, case.config.preferred + 1):
        tally.report(
            f"{now} neighbors are unchoked at once, k is {case.config.preferred}",
            case.at(life, line),
        )


def _waits(case: Case, life: Life) -> list[Wait]:
    """The spells of `_find_waits`, found once."""
    if life.index not in case.waits:
        case.waits[life.index] = list(_find_waits(life))
    return case.waits[life.index]


def _find_waits(life: Life) -> Iterator[Wait]:
    """Spells during which a neighbor is certainly interested, choked and there.

    Where a connection is replaced, and at the log's end, a wait ended when its neighbor was last
    heard of.
    """
    walk = Walk(life)
    since: dict[int, tuple[int, float]] = {}
    latest: dict[int, tuple[int, float]] = {}
    chosen: set[int] = set()
    for step in walk.steps():
        kind, line, time, other = step.kind, step.line, step.time, step.other
        if kind in BEGINNINGS and other in since:
            begun = since.pop(other)
            yield other, *begun, *latest.get(other, begun)
        if other != NOBODY and kind != Kind.OPTIMISTIC:
            latest[other] = (line, time)
        if step.decision:
            chosen.add(kind)
        # Above the first line of a log that lost its beginning anybody may have been unchoked.
        if kind in CHANGES and (not life.lost_start or len(chosen) == len(CHOICES)):
            waiting = walk.interested - walk.unchoked
            for one in [one for one in since if one not in waiting]:
                yield one, *since.pop(one), line, time
            for one in waiting:
                since.setdefault(one, (line, time))
    for one, begun in since.items():
        end = latest.get(one, begun)
        if end[0] > begun[0]:
            yield one, *begun, *end


@check(
    "K17",
    "optimistic-happens",
    WARNING,
    clause="4.5",
    rule="While a neighbor is interested and choked, one is optimistically unchoked every m seconds.",
    order="Tl",
    needs="one log, times",
    example="peer 1003 is interested and choked for minutes, and no optimistic neighbor is chosen.",
    reads="choice choke interest",
)
def optimistic_happens(case: Case, tally: Tally) -> None:
    """Long waits during which no optimistic choice falls."""
    interval = case.config.optimistic
    for life in case.lives:
        if not life.columns.timed:
            continue
        slack = max(1.0, interval) + life.columns.resolution
        choices = [d for d in case.choking(life).decisions if d.kind == Kind.OPTIMISTIC]
        lines = [choice.line for choice in choices]
        for other, first, begin, last, end in _waits(case, life):
            begun, ended = bisect_left(lines, first), bisect_right(lines, last)
            inside = [choice.time for choice in choices[begun:ended]]
            tally.saw(int(end - begin > interval))
            moments = [begin, *inside, end]
            # A process that was stopped chooses nothing, and writes nothing.
            gap = max(b - a - life.columns.silence_within(a, b) for a, b in pairwise(moments))
            if gap > interval + slack:
                tally.report(
                    f"{case.name(other)} is interested and choked for {gap:.1f} s without a choice, m is {interval:g}",
                    case.at(life, first),
                    case.at(life, last),
                )


@check(
    "K19",
    "starvation",
    INFO,
    clause="4.5",
    rule="Nobody stays interested and choked for very long.",
    order="Tl",
    needs="one log, times",
    example="peer 1003 waits for ten minutes.",
    reads="choice interest",
)
def starvation(case: Case, tally: Tally) -> None:
    """Only measured: the specification gives no bound."""
    for life in case.lives:
        if life.columns.timed:
            tally.saw(len(_waits(case, life)))


def longest_wait(case: Case) -> tuple[float, Life, int] | None:
    """The longest time that a neighbor was interested and choked: seconds, by whom, who (K19)."""
    waits = [
        (end - begin, life, other)
        for life in case.lives
        if life.columns.timed
        for other, _, begin, _, end in _waits(case, life)
    ]
    return max(waits, key=lambda wait: wait[0], default=None)

"""I: interest. Each peer's interest is replayed from its own log and compared with what its
neighbors heard (spec 5).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from itertools import pairwise

from verifier.checks.registry import check
from verifier.findings import Severity, Tally
from verifier.history.case import Case
from verifier.history.changes import Change
from verifier.history.early import (
    certainly_told,
    may_have_all,
    may_have_news,
    own_change,
    told_early,
)
from verifier.history.ends import DRAIN
from verifier.history.lives import Life
from verifier.reading.columns import NEVER
from verifier.reading.sentences import Kind

ERROR, WARNING, INFO = Severity.ERROR, Severity.WARNING, Severity.INFO
LATE = 1.0
"""Seconds that a peer may take to tell a change of interest, by its own clock."""


def _told(case: Case) -> Iterator[tuple[Life, int, Life, int, list[int], list[Change] | None]]:
    """Each connection whose both ends are there: the hearer's rows of interest, the teller's
    changes of interest.
    """
    for life, number, _, mate, there, _ in case.links():
        if mate is not None and _speaks(case, life):
            changes = case.facts[mate.index].conns[there].changes
            yield life, number, mate, there, case.rows(life, number)[1], changes


def _speaks(case: Case, life: Life) -> bool:
    """Whether a log tells of interest at all; with `--lenient` one that never does is not judged."""
    return not case.swarm.lenient or life.writes(Kind.INTERESTED)


def _may_lack_interest(changes: list[Change], low: int, high: int) -> bool:
    """Whether a peer can have been without interest somewhere between two of its lines."""
    begin = 0
    for change in changes:
        if change.on and begin <= high and change.latest >= low:
            return True
        begin = NEVER if change.on else change.line
    return begin <= high


def _must_have_answer(case: Case, life: Life, number: int, mate: Life, there: int) -> bool:
    """Whether the mate's answer to a bitfield must have come: something did that was sent after it.

    A bitfield isn't logged; the mate's first line of a later message tells that it came. What
    either end had under way when it was killed or cut off is owed by nobody.
    """
    if number in life.sources:
        return True  # a piece came, so a request was answered that followed the bitfield
    came = case.facts[mate.index].conns[there].first_heard
    if case.heard(life, number) > came:
        return True
    again = any(conn.other == mate.owner for conn in life.columns.conns[:number])
    if case.facts[mate.index].conns[there].heard_after > DRAIN:
        return False  # so slow that nobody had to wait for it at the end
    lasting = life.ends[number] == NEVER and life.last and not again
    return lasting and _ended_in_order(case, life)


def _ended_in_order(case: Case, life: Life) -> bool:
    """Whether a peer had the file and knew everybody else to have it, so that it read to the end."""
    if not life.seed and life.done_line == NEVER:
        return False
    others = (peer for peer in range(len(case.config.peers)) if peer != life.owner)
    last = (case.latest(life, peer) for peer in others)
    return all(facts is not None and facts.complete_at != NEVER for facts in last)


@check(
    "I01",
    "answers-bitfield",
    ERROR,
    clause="5.1",
    rule="A bitfield with pieces is answered: with `interested` if it has one that the peer needs.",
    order="L,F",
    needs="both logs",
    example="peer 1001 has the file, but peer 1002 never says whether it is interested.",
    reads="interest download connection",
)
def answers_bitfield(case: Case, tally: Tally) -> None:
    """The first word on each connection over which a bitfield with pieces went."""
    for life, number, mate, there, rows, changes in _told(case):
        base = certainly_told(case, life, mate, there)
        if not base or life.columns.conns[number].implicit:
            continue
        if not rows and not _must_have_answer(case, life, number, mate, there):
            continue
        if not rows and changes and changes[0].latest > mate.done_line:
            continue  # it was complete before the bitfield came, and may have been ending
        start = mate.columns.conns[there].line
        needed = changes and changes[0].line <= start and not changes[0].optional
        if not rows and not needed and case.swarm.lenient and not life.writes(Kind.NOT_INTERESTED):
            tally.unsure(f"{life.file.label} never tells of `not interested`")
            continue
        tally.saw()
        line = life.columns.conns[number].line
        if not rows:
            tally.report(
                f"{case.name(mate.owner)} never answers the bitfield of {case.name(life.owner)}",
                case.at(life, line),
                lacking=mate.index,
            )
            continue
        first = life.columns.events.kinds[rows[0]] == Kind.INTERESTED
        if needed and not first and not may_have_all(case, life, mate, there):
            tally.report(
                f"{case.name(mate.owner)} needs pieces of that bitfield, but isn't interested",
                case.at(life, line),
                case.at(mate, start),
                case.at(life, life.columns.events.lines[rows[0]]),
            )


@check(
    "I02",
    "justified-interest",
    ERROR,
    clause="5.1",
    rule="A peer says `interested` only if the other has a piece that it needs.",
    order="H",
    needs="both logs",
    example="a complete peer says `interested`.",
    reads="download connection",
)
def justified_interest(case: Case, tally: Tally) -> None:
    """Each `interested` against what its sender had at least when it sent it."""
    for life, number, mate, _, rows, changes in _told(case):
        facts, events = case.facts[life.index], life.columns.events
        unknown = life.headless or mate.headless or case.unopened(life, number)
        if unknown or life.columns.conns[number].implicit:
            continue
        if case.swarm.lenient and not (life.seed or life.seq):
            tally.unsure(f"{life.file.label} never logs downloads")
            continue
        for row in rows:
            if events.kinds[row] != Kind.INTERESTED:
                continue
            tally.saw()
            low, line = facts.low[row], events.lines[row]
            if not mate.seed and _has_news(case, life, line, mate, low):
                continue
            paired = own_change(case, life, number, row, changes)
            if paired is None:
                tally.report(
                    f"{case.name(mate.owner)} already has every piece of {case.name(life.owner)}",
                    case.at(mate, low),
                    case.at(life, line),
                    severity=WARNING if may_have_news(case, life, number, row, mate) else None,
                )
                continue
            early = told_early(life, row, mate, low, paired)
            tally.report(
                f"{case.name(life.owner)} had told {case.name(mate.owner)} of piece {early}"
                " before it wrote its line"
                if early is not None
                else f"{case.name(mate.owner)} became interested before it wrote lines of earlier"
                " downloads",
                case.at(mate, paired.line),
                case.at(life, line),
                *(case.at(life, life.line_of[piece]) for piece in [early] if piece is not None),
                severity=WARNING,
            )


def _has_news(case: Case, life: Life, line: int, mate: Life, low: int) -> bool:
    """Whether a log has, at a line, a piece that the other lacked at its line `low`."""
    had = bisect_right(mate.seq_lines, low)
    if life.seed:
        return had < case.config.pieces
    mine = life.had_before(line)
    if mine > had:
        return True
    return any(mate.line_of[piece] > low for piece in life.seq[:mine])


@check(
    "I03",
    "justified-disinterest",
    ERROR,
    lenient=WARNING,
    clause="5.1, 5.3",
    rule="A peer says `not interested` only if it has every piece that it knows the other to have.",
    order="H",
    needs="both logs",
    example="peer 1002 says `not interested` to peer 1001, which has pieces that it needs.",
    reads="download have interest",
)
def justified_disinterest(case: Case, tally: Tally) -> None:
    """Each `not interested` against the sender's replayed interest between the bounds that the
    haves around it give.
    """
    for life, _, mate, _, rows, changes in _told(case):
        if changes is None or mate.seed:
            continue
        facts, events = case.facts[life.index], life.columns.events
        for row in rows:
            if events.kinds[row] != Kind.NOT_INTERESTED:
                continue
            tally.saw()
            low, high = facts.low[row], facts.high[row]
            if not _may_lack_interest(changes, low, high):
                tally.report(
                    f"{case.name(mate.owner)} then needs a piece that it knows"
                    f" {case.name(life.owner)} to have",
                    case.at(mate, low),
                    case.at(life, events.lines[row]),
                )


@check(
    "I04",
    "interest-replay",
    ERROR,
    lenient=WARNING,
    clause="5.1, 5.3",
    rule="What a neighbor hears of a peer's interest are the changes that the peer's own log implies.",
    order="L,F",
    needs="both logs",
    example="peer 1002 completes all that peer 1001 has and never says `not interested`.",
    reads="download have interest connection",
)
def interest_replay(case: Case, tally: Tally) -> None:
    """Changes of interest matched with messages; only messages at the end may be missing, also at a log's lost end."""
    for life, number, mate, _, _, changes in _told(case):
        matching = case.interests(life, number)
        if matching is None or changes is None:
            tally.unsure(
                case.unopened(life, number)
                or f"what {case.name(mate.owner)} knew at a connection's start isn't logged"
            )
            continue
        words = {change.line: "interested" if change.on else "not interested" for change in changes}
        tally.saw(len(matching.pairs) + matching.faults)
        for line in matching.missing:
            tally.report(
                f"{case.name(life.owner)} should hear `{words[line]}` for this and doesn't",
                case.at(mate, line),
                lacking=life.index,
            )
        for row in matching.extra:
            if excuse := case.excuse(mate, life, number, row):
                tally.unsure(excuse)
                continue
            on = life.columns.events.kinds[row] == Kind.INTERESTED
            tally.report(
                f"nothing in the log of {case.name(mate.owner)} makes it"
                f" {'interested' if on else 'lose interest'} here",
                case.at(mate, case.facts[life.index].low[row]),
                case.at(life, life.columns.events.lines[row]),
            )


@check(
    "I05",
    "no-repeats",
    INFO,
    clause="5.1",
    rule="Interest is announced when it changes, and not again.",
    order="L",
    needs="one log",
    example="`interested` from peer 1002 twice in a row.",
)
def no_repeats(case: Case, tally: Tally) -> None:
    """Equal words in a row on one connection."""
    for life in case.lives:
        events = life.columns.events
        for number in range(len(life.columns.conns)):
            rows = case.rows(life, number)[1]
            tally.saw(max(0, len(rows) - 1))
            for before, row in pairwise(rows):
                if events.kinds[before] == events.kinds[row]:
                    tally.report(
                        f"{case.name(events.others[row])} says the same again",
                        case.at(life, events.lines[before]),
                        case.at(life, events.lines[row]),
                    )


@check(
    "I06",
    "finally-uninterested",
    WARNING,
    clause="5.3",
    rule="A peer that has the complete file ends up not interested in anybody.",
    order="F",
    needs="both logs",
    example="peer 1002 is complete, and its last word to peer 1003 is `interested`.",
    reads="interest download",
)
def finally_uninterested(case: Case, tally: Tally) -> None:
    """The last word of each complete peer on its last connection with each neighbor."""
    finals = [case.swarm.final(peer) for peer in range(len(case.config.peers))]
    last = {
        life.index
        for life in finals
        if life is not None and not life.seed and _ended_last(case, life, finals)
    }
    for life, number, mate, _, rows, _ in _told(case):
        latest = life.ends[number] == NEVER and life.last and mate.last
        if not latest or mate.done_line == NEVER or not rows or mate.index in last:
            continue
        tally.saw()
        if life.columns.events.kinds[rows[-1]] != Kind.INTERESTED:
            continue
        if lost := case.ends.lost(life):
            tally.unsure(lost)
        else:
            tally.report(
                f"{case.name(mate.owner)} is complete and never takes its interest back",
                case.at(life, life.columns.events.lines[rows[-1]]),
                case.at(mate, mate.done_line),
            )


def _ended_last(case: Case, life: Life, finals: list[Life | None]) -> bool:
    """Whether nobody certainly completes after this peer: its haves end every log."""
    if life.done_line == NEVER:
        return False
    for other in finals:
        if other is None or other.seed or other is life:
            continue
        facts = case.latest(life, other.owner)
        known = NEVER if facts is None else facts.complete_at
        if known == NEVER or known > life.done_line:
            return False
    return True


@check(
    "I07",
    "late-interest",
    WARNING,
    clause="5.1",
    rule="A change of interest is announced at once.",
    order="F,Tl",
    needs="both logs, times",
    example="peer 1002 learns of a piece that it needs, completes others for seconds, and only then says `interested`.",
    reads="download have",
)
def late_interest(case: Case, tally: Tally) -> None:
    """A change that is heard after a have for a piece that was completed seconds after it."""
    for life, number, mate, there, _, changes in _told(case):
        matching = case.interests(life, number)
        if matching is None or not changes or not mate.columns.timed:
            continue
        slack = LATE + mate.columns.resolution
        facts = case.facts[life.index]
        conn = mate.columns.conns[there]
        heard = case.facts[mate.index].conns[there].first_heard
        for row, change in matching.pairs:
            line, low = change, facts.low[row]
            if line <= conn.line and heard != NEVER:
                line = heard  # the bitfield that changed it may have come as late as that
            if low <= max(line, conn.line):
                tally.saw()
                continue
            tally.saw()
            place = bisect_right(mate.seq_lines, line)
            after = mate.seq_times[place] if place < len(mate.seq_times) else None
            until = mate.seq_times[bisect_right(mate.seq_lines, low) - 1]
            if after is not None and until - after > slack:
                tally.report(
                    f"{case.name(mate.owner)} announced a piece {until - after:.1f} s later before it told this",
                    case.at(mate, line),
                    case.at(mate, low),
                    case.at(life, life.columns.events.lines[row]),
                )

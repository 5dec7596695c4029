"""K01 to K12, K17, K19: choking. Decisions against interest and clock, and what was heard of them
(spec 4).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from verifier.checks.registry import check
from verifier.columns import NOBODY
from verifier.findings import Severity
from verifier.sentences import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from verifier.case import Case
    from verifier.findings import Tally
    from verifier.history import Life
    from verifier.replay import Decision

ERROR, WARNING, INFO = Severity.ERROR, Severity.WARNING, Severity.INFO
CHOICES = (Kind.PREFERRED, Kind.OPTIMISTIC)
BEGINNINGS = (Kind.MAKES, Kind.CONNECTED_FROM)


def _decisions(case: Case, kind: Kind) -> Iterator[tuple[Life, Decision]]:
    """All decisions of one kind in all logs."""
    for life in case.lives:
        for decision in case.choking(life).decisions:
            if decision.kind == kind:
                yield life, decision


def _told_not_interested(case: Case, life: Life, other: int, line: int) -> list[int]:
    """Lines that show a neighbor's interest before a line: its last word, if there is one."""
    events = life.columns.events
    rows = [
        at
        for kind, at, who in zip(events.kinds, events.lines, events.others, strict=True)
        if who == other and at < line and kind in {Kind.INTERESTED, Kind.NOT_INTERESTED}
    ]
    return rows[-1:]


@check(
    "K01",
    "at-most-k",
    ERROR,
    clause="4.1",
    rule="At most k neighbors are preferred.",
    order="-",
    needs="one log",
    example="three preferred neighbors where NumberOfPreferredNeighbors is 2.",
)
def at_most_k(case: Case, tally: Tally) -> None:
    """The length of each preferred list."""
    for life, decision in _decisions(case, Kind.PREFERRED):
        tally.saw()
        if len(decision.chosen) > case.config.preferred:
            tally.report(
                f"{len(decision.chosen)} preferred neighbors, k is {case.config.preferred}",
                case.at(life, decision.line),
            )


@check(
    "K02",
    "preferred-interested",
    ERROR,
    lenient=WARNING,
    clause="4.2",
    rule="Preferred neighbors are interested.",
    order="L",
    needs="one log",
    example="peer 1003 is preferred though it never said `interested`.",
)
def preferred_interested(case: Case, tally: Tally) -> None:
    """The last word of each preferred neighbor."""
    for life, decision in _decisions(case, Kind.PREFERRED):
        if case.swarm.lenient and not life.writes(Kind.INTERESTED):
            tally.unsure(f"{life.file.label} never tells of interest")
            continue
        for other in decision.chosen:
            tally.saw()
            if other not in decision.interested:
                lines = _told_not_interested(case, life, other, decision.line)
                tally.report(
                    f"{case.name(other)} isn't interested then",
                    *(case.at(life, line) for line in lines),
                    case.at(life, decision.line),
                )


@check(
    "K03",
    "preferred-full",
    ERROR,
    lenient=WARNING,
    clause="4.2",
    rule="As many neighbors are preferred as k allows and are interested.",
    order="L",
    needs="one log",
    example="one preferred neighbor where k is 2 and three are interested.",
)
def preferred_full(case: Case, tally: Tally) -> None:
    """The length of each list against those interested; a neighbor that may be lost may lack."""
    for life, decision in _decisions(case, Kind.PREFERRED):
        tally.saw()
        least = min(case.config.preferred, len(decision.sure))
        if len(set(decision.chosen) & decision.interested) < least and len(decision.chosen) < least:
            passed = sorted(decision.sure - set(decision.chosen))
            tally.report(
                f"{len(decision.chosen)} chosen, k is {case.config.preferred}, and "
                + ", ".join(case.name(other) for other in passed[:3])
                + " is interested too",
                *(
                    case.at(life, line)
                    for other in passed[:1]
                    for line in _told_not_interested(case, life, other, decision.line)
                ),
                case.at(life, decision.line),
            )


@check(
    "K04",
    "logged-on-change",
    WARNING,
    clause="8.1",
    rule="Preferred and optimistic neighbors are logged when they change.",
    order="L",
    needs="one log",
    example="the same preferred list at each interval.",
)
def logged_on_change(case: Case, tally: Tally) -> None:
    """Each line against the state that the lines above left."""
    for life in case.lives:
        latest: dict[Kind, int] = {}
        for decision in case.choking(life).decisions:
            tally.saw()
            same = (
                decision.preferred == frozenset(decision.chosen)
                if decision.kind == Kind.PREFERRED
                else decision.chosen == (decision.optimistic,)
            )
            if same:
                tally.report(
                    "nothing has changed",
                    case.at(life, latest.get(decision.kind, 0)),
                    case.at(life, decision.line),
                )
            latest[decision.kind] = decision.line


def _period(case: Case, tally: Tally, kind: Kind, interval: float) -> None:
    """Decisions come no faster than the interval allows; one overdue may be followed early."""
    for life in case.lives:
        columns = life.columns
        if not columns.timed or interval <= 0:
            continue
        slack = max(1.0, interval) + (1.0 if columns.resolution >= 1 else columns.resolution)
        ahead, number, before, first = float("-inf"), 0, float("-inf"), 0
        for decision in case.choking(life).decisions:
            if decision.kind != kind:
                continue
            if decision.time < before:
                ahead, number = float("-inf"), 0
            phase = decision.time - number * interval
            if number:
                tally.saw()
            early = ahead - phase - slack
            if early > 0:
                tally.report(
                    f"{early + slack:.1f} s too early for one every {interval:g} s",
                    case.at(life, first),
                    case.at(life, decision.line),
                    severity=ERROR if early > interval else WARNING,
                )
            if phase > ahead:
                ahead, first = phase, decision.line
            number, before = number + 1, decision.time


@check(
    "K05",
    "preferred-period",
    WARNING,
    clause="4.2, 4.7",
    rule="Preferred neighbors are chosen every p seconds, not more often.",
    order="Tl",
    needs="one log, times",
    example="new preferred neighbors every second where p is 5.",
)
def preferred_period(case: Case, tally: Tally) -> None:
    """A warning; an error when it is broken by more than p."""
    _period(case, tally, Kind.PREFERRED, case.config.unchoking)


@check(
    "K06",
    "optimistic-period",
    WARNING,
    clause="4.5, 4.7",
    rule="The optimistically unchoked neighbor is chosen every m seconds, not more often.",
    order="Tl",
    needs="one log, times",
    example="a new one every 5 seconds where m is 15.",
)
def optimistic_period(case: Case, tally: Tally) -> None:
    """A warning; an error when it is broken by more than m."""
    _period(case, tally, Kind.OPTIMISTIC, case.config.optimistic)


@check(
    "K07",
    "optimistic-interested",
    ERROR,
    lenient=WARNING,
    clause="4.5",
    rule="The optimistically unchoked neighbor is interested.",
    order="L",
    needs="one log",
    example="peer 1003 is chosen though its last word is `not interested`.",
)
def optimistic_interested(case: Case, tally: Tally) -> None:
    """The last word of the one chosen."""
    for life, decision in _decisions(case, Kind.OPTIMISTIC):
        if case.swarm.lenient and not life.writes(Kind.INTERESTED):
            tally.unsure(f"{life.file.label} never tells of interest")
            continue
        tally.saw()
        other = decision.chosen[0]
        if other not in decision.interested:
            lines = _told_not_interested(case, life, other, decision.line)
            tally.report(
                f"{case.name(other)} isn't interested then",
                *(case.at(life, line) for line in lines),
                case.at(life, decision.line),
            )


@check(
    "K08",
    "optimistic-was-choked",
    ERROR,
    lenient=WARNING,
    clause="4.5",
    rule="The optimistically unchoked neighbor is chosen among those choked at that moment.",
    order="L",
    needs="one log",
    example="peer 1003 is preferred and then chosen as the optimistically unchoked neighbor.",
)
def optimistic_was_choked(case: Case, tally: Tally) -> None:
    """The one chosen was neither preferred nor the last one chosen."""
    for life, decision in _decisions(case, Kind.OPTIMISTIC):
        tally.saw()
        other = decision.chosen[0]
        if other in decision.unchoked:
            why = "preferred" if other in decision.preferred else "optimistically unchoked"
            tally.report(f"{case.name(other)} is {why} already", case.at(life, decision.line))


def _silent(case: Case, life: Life, mate: Life) -> str | None:
    """Why chokes can't be compared with `--lenient`: a log that never tells of them."""
    if not case.swarm.lenient:
        return None
    if not life.writes(Kind.UNCHOKED):
        return f"{life.file.label} never tells of being unchoked"
    if not mate.writes(Kind.PREFERRED) and not mate.writes(Kind.OPTIMISTIC):
        return f"{mate.file.label} never tells whom it chose"
    return None


@check(
    "K09",
    "unchoke-replay",
    ERROR,
    lenient=WARNING,
    clause="4.4, 4.5",
    rule="What a neighbor hears, unchoke and choke, are the changes that the chooser's decisions imply.",
    order="L,F",
    needs="both logs",
    example="peer 1002 leaves the preferred list of peer 1001 and is never choked by it.",
)
def unchoke_replay(case: Case, tally: Tally) -> None:
    """(Un)chokes matched with decisions; only a tail may lack."""
    for life, number, _, mate, _, _ in case.links():
        matching = case.chokes(life, number)
        if matching is None or mate is None:
            continue
        reason = _silent(case, life, mate)
        if reason is not None:
            tally.unsure(reason)
            continue
        owed = {one.line: one.kind for one in case.owed(life, number) or ()}
        tally.saw(len(matching.pairs) + matching.faults)
        for line in matching.missing:
            word = "unchoked" if owed[line] == Kind.UNCHOKED else "choked"
            tally.report(
                f"{case.name(life.owner)} should be {word} for this and isn't", case.at(mate, line)
            )
        for row in matching.extra:
            tally.report(
                f"no decision of {case.name(mate.owner)} causes this",
                case.at(mate, case.facts[life.index].low[row]),
                case.at(life, life.columns.events.lines[row]),
            )
    if case.swarm.lenient:
        for life, line, now in _crowds(case, case.config.preferred + 2):
            tally.report(
                f"{now} neighbors are unchoked at once, k is {case.config.preferred}",
                case.at(life, line),
                severity=ERROR,
            )


@check(
    "K10",
    "choke-has-cause",
    ERROR,
    lenient=WARNING,
    clause="4.4",
    rule="Who is choked left the preferred and the optimistic place by a logged decision.",
    order="F",
    needs="both logs",
    example="peer 1002 is choked by peer 1001 while it is its optimistically unchoked neighbor.",
)
def choke_has_cause(case: Case, tally: Tally) -> None:
    """Each choke heard has its decision."""
    for life, number, _, mate, _, _ in case.links():
        matching = case.chokes(life, number)
        if matching is None or mate is None or _silent(case, life, mate) is not None:
            continue
        kinds = life.columns.events.kinds
        tally.saw(sum(1 for row, _ in matching.pairs if kinds[row] == Kind.CHOKED))
        for row in matching.extra:
            if kinds[row] == Kind.CHOKED:
                tally.saw()
                tally.report(
                    f"{case.name(mate.owner)} logs no decision that chokes {case.name(life.owner)}",
                    case.at(life, life.columns.events.lines[row]),
                )


@check(
    "K11",
    "alternate",
    WARNING,
    clause="4.4",
    rule="Unchoke and choke from a neighbor alternate, beginning with unchoke.",
    order="L",
    needs="one log",
    example="choked twice in a row by peer 1002.",
)
def alternate(case: Case, tally: Tally) -> None:
    """A repeated unchoke is information, a choke without unchoke a warning."""
    for life in case.lives:
        events = life.columns.events
        for number, conn in enumerate(life.columns.conns):
            state, before = Kind.CHOKED, conn.line
            if conn.implicit:
                state = Kind.HAVE
            for row in case.rows(life, number)[0]:
                kind = Kind(events.kinds[row])
                tally.saw()
                if kind == state:
                    again = kind == Kind.UNCHOKED
                    tally.report(
                        f"{'unchoked' if again else 'choked'} by {case.name(conn.other)} while it was so already",
                        case.at(life, before),
                        case.at(life, events.lines[row]),
                        severity=INFO if again else None,
                    )
                state, before = kind, events.lines[row]


def _crowds(case: Case, most: int) -> Iterator[tuple[Life, int, int]]:
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
    if matching is None or not other.columns.timed:
        return
    events = other.columns.events
    when = {one.line: one.time for one in case.owed(other, conn) or ()}
    sent = dict(matching.pairs)
    begin: int | None = None
    for row in case.rows(other, conn)[0]:
        if events.kinds[row] == Kind.UNCHOKED:
            begin = sent.get(row, begin)
        elif begin is not None and row in sent:
            yield when[begin], when[sent[row]], begin
            begin = None
    downloads = [
        time for time, source in zip(other.seq_times, other.sources, strict=True) if source == conn
    ]
    if begin is not None and downloads and other.index not in case.clocks.unreliable:
        ahead = case.clocks.interval(life.index, other.index)[1]
        yield when[begin], downloads[-1] - ahead, begin


@check(
    "K12",
    "slots",
    WARNING,
    clause="4.1",
    rule="No more than k preferred and one optimistic neighbor are unchoked at a time.",
    order="Tg",
    needs="all logs, times",
    example="a neighbor that was dropped is never choked and goes on downloading.",
)
def slots(case: Case, tally: Tally) -> None:
    """From what the neighbors heard, by the chooser's clock."""
    tally.saw(sum(len(case.choking(life).decisions) for life in case.lives))
    for life, line, now in _crowds(case, case.config.preferred + 1):
        tally.report(
            f"{now} neighbors are unchoked at once, k is {case.config.preferred}",
            case.at(life, line),
        )


def _waits(case: Case, life: Life) -> list[tuple[int, int, float, int, float]]:
    """The spells of `_find_waits`, found once."""
    if life.index not in case.waits:
        case.waits[life.index] = list(_find_waits(case, life))
    return case.waits[life.index]


def _find_waits(case: Case, life: Life) -> Iterator[tuple[int, int, float, int, float]]:
    """Spells during which a neighbor is certainly interested, choked and there:
    (neighbor, first line, its time, last line, its time).
    """
    events = life.columns.events
    since: dict[int, tuple[int, float]] = {}
    unchoked: frozenset[int] = frozenset()
    interested: set[int] = set()
    decisions = {decision.line: decision for decision in case.choking(life).decisions}
    latest: dict[int, tuple[int, float]] = {}
    rows = zip(events.kinds, events.lines, events.times, events.others, strict=True)
    for kind, line, time, other in rows:
        heard = latest.get(other, (line, time))
        if other != NOBODY and kind != Kind.OPTIMISTIC:
            latest[other] = (line, time)
        if kind == Kind.INTERESTED:
            interested.add(other)
        elif kind == Kind.NOT_INTERESTED:
            interested.discard(other)
        elif kind in BEGINNINGS:
            interested.discard(other)
            unchoked -= {other}
            if other in since:
                yield other, *since.pop(other), *heard
        elif kind in CHOICES:
            decision = decisions[line]
            if kind == Kind.PREFERRED:
                unchoked = frozenset(decision.chosen) | ({decision.optimistic} - {NOBODY})
            else:
                unchoked = decision.preferred | frozenset(decision.chosen)
        else:
            continue
        waiting = interested - unchoked
        for one in [one for one in since if one not in waiting]:
            yield one, *since.pop(one), line, time
        for one in waiting:
            since.setdefault(one, (line, time))
    for one, (line, time) in since.items():
        end = latest.get(one, (line, time))
        if end[0] > line:
            yield one, line, time, *end


@check(
    "K17",
    "optimistic-happens",
    WARNING,
    clause="4.5",
    rule="While a neighbor is interested and choked, one is optimistically unchoked every m seconds.",
    order="Tl",
    needs="one log, times",
    example="peer 1003 is interested and choked for minutes, and no optimistic neighbor is chosen.",
)
def optimistic_happens(case: Case, tally: Tally) -> None:
    """Long waits during which no optimistic choice falls."""
    interval = case.config.optimistic
    for life in case.lives:
        if not life.columns.timed:
            continue
        slack = max(1.0, interval) + life.columns.resolution
        choices = [d for d in case.choking(life).decisions if d.kind == Kind.OPTIMISTIC]
        for other, first, begin, last, end in _waits(case, life):
            inside = [d.time for d in choices if first <= d.line <= last]
            tally.saw(int(end - begin > interval))
            moments = [begin, *inside, end]
            gap = max(b - a for a, b in zip(moments, moments[1:], strict=False))
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

"""K01 to K11: choking. Decisions against interest and clock, and what was heard of them
(spec 4).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator

from verifier.checks.registry import check
from verifier.checks.slots import crowds
from verifier.findings import Severity, Tally
from verifier.history.case import Case
from verifier.history.lives import Life
from verifier.history.replay import Decision
from verifier.reading.sentences import Kind

ERROR, WARNING, INFO = Severity.ERROR, Severity.WARNING, Severity.INFO


def _decisions(case: Case, kind: Kind) -> Iterator[tuple[Life, Decision]]:
    """All decisions of one kind in all logs."""
    for life in case.lives:
        for decision in case.choking(life).decisions:
            if decision.kind == kind:
                yield life, decision


def _last_word(case: Case, life: Life, other: int, line: int) -> list[int]:
    """The line of a neighbor's last word on its interest before a line, if there is one."""
    lines = case.words(life).get(other, [])
    place = bisect_left(lines, line)
    return lines[place - 1 : place] if place else []


def _interest(case: Case, tally: Tally, kind: Kind) -> None:
    """Whether all that decisions of a kind chose were interested."""
    for life, decision in _decisions(case, kind):
        if case.swarm.lenient and not life.writes(Kind.INTERESTED):
            tally.unsure(f"{life.file.label} never logs interest")
            continue
        for other in decision.chosen:
            tally.saw()
            if other in decision.interested:
                continue
            lines = _last_word(case, life, other, decision.line)
            if life.lost_start and not lines:
                tally.unsure(life.lost_start)  # it may have stood above the log's first line
                continue
            tally.report(
                f"{case.name(other)} isn't interested then",
                *(case.at(life, line) for line in lines),
                case.at(life, decision.line),
            )


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
    reads="interest",
)
def preferred_interested(case: Case, tally: Tally) -> None:
    """The last word of each preferred neighbor."""
    _interest(case, tally, Kind.PREFERRED)


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
    reads="interest choice",
)
def preferred_full(case: Case, tally: Tally) -> None:
    """The length of each list against those interested; a neighbor that may be lost may be missing."""
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
                    for line in _last_word(case, life, other, decision.line)
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
    reads="choice",
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
            if same and not (decision.first and life.lost_start):
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
                    severity=ERROR if early > interval and not case.swarm.lenient else WARNING,
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
    reads="interest",
)
def optimistic_interested(case: Case, tally: Tally) -> None:
    """The last word of the one chosen."""
    _interest(case, tally, Kind.OPTIMISTIC)


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
    reads="choice",
)
def optimistic_was_choked(case: Case, tally: Tally) -> None:
    """The one chosen was neither preferred nor the last one chosen."""
    for life, decision in _decisions(case, Kind.OPTIMISTIC):
        tally.saw()
        other = decision.chosen[0]
        if other in decision.unchoked:
            why = "preferred" if other in decision.preferred else "optimistically unchoked"
            tally.report(f"{case.name(other)} is {why} already", case.at(life, decision.line))


def _silent(case: Case, life: Life, conn: int, mate: Life) -> str | None:
    """Why chokes can't be compared with `--lenient`: one of the logs never tells of them."""
    if not case.swarm.lenient:
        return None
    if case.owed(life, conn) and not life.writes(Kind.UNCHOKED):
        return f"{life.file.label} never logs being unchoked"
    mute = not mate.writes(Kind.PREFERRED) and not mate.writes(Kind.OPTIMISTIC)
    if case.rows(life, conn)[0] and mute:
        return f"{mate.file.label} never tells whom it chose"
    return None


@check(
    "K09",
    "unchoke-replay",
    ERROR,
    lenient=WARNING,
    clause="4.4, 4.5, 4.7",
    rule="What a neighbor hears, unchoke and choke, are the changes that the chooser's decisions imply; a choke and an unchoke that fall due together are both sent or neither.",
    order="L,F",
    needs="both logs",
    example="peer 1002 leaves the preferred list of peer 1001 and is never choked by it.",
    reads="choke choice",
)
def unchoke_replay(case: Case, tally: Tally) -> None:
    """(Un)chokes matched with decisions; only those at the end may be missing."""
    for life, number, _, mate, _, _ in case.links():
        matching = case.chokes(life, number)
        if unopened := case.unopened(life, number):
            tally.unsure(unopened)
        if matching is None or mate is None:
            continue
        reason = _silent(case, life, number, mate)
        if reason is not None:
            tally.unsure(reason)
            continue
        owed = {one.line: one.kind for one in case.owed(life, number) or ()}
        tally.saw(len(matching.pairs) + matching.faults)
        for line in matching.missing:
            word = "unchoked" if owed[line] == Kind.UNCHOKED else "choked"
            tally.report(
                f"{case.name(life.owner)} should be {word} for this and isn't",
                case.at(mate, line),
                lacking=life.index,
            )
        for row in matching.extra:
            if excuse := case.excuse(mate, life, number, row):
                tally.unsure(excuse)
                continue
            tally.report(
                f"no decision of {case.name(mate.owner)} causes this",
                case.at(mate, case.facts[life.index].low[row]),
                case.at(life, life.columns.events.lines[row]),
            )
    if case.swarm.lenient:
        for life, line, now in crowds(case, case.config.preferred + 2):
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
    rule="A neighbor that is choked lost its preferred or optimistic place by a logged decision.",
    order="F",
    needs="both logs",
    example="peer 1002 is choked by peer 1001 while it is its optimistically unchoked neighbor.",
    reads="choice",
)
def choke_has_cause(case: Case, tally: Tally) -> None:
    """Each choke heard has its decision."""
    for life, number, _, mate, _, _ in case.links():
        matching = case.chokes(life, number)
        if matching is None or mate is None or _silent(case, life, number, mate) is not None:
            continue
        kinds = life.columns.events.kinds
        tally.saw(sum(1 for row, _ in matching.pairs if kinds[row] == Kind.CHOKED))
        for row in matching.extra:
            if kinds[row] != Kind.CHOKED:
                continue
            tally.saw()
            if excuse := case.excuse(mate, life, number, row):
                tally.unsure(excuse)
            else:
                tally.report(
                    f"{case.name(mate.owner)} logs no decision that chokes {case.name(life.owner)}",
                    case.at(life, life.columns.events.lines[row]),
                    lacking=mate.index,
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
    reads="choke",
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

"""G: order and clocks. Causes precede effects, connections keep order, clocks can be reconciled."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from verifier.checks.registry import check
from verifier.findings import Severity
from verifier.reading.columns import NEVER

if TYPE_CHECKING:
    from verifier.findings import Tally
    from verifier.history.case import Case
    from verifier.history.lives import Life

    Need = tuple[int, int, int]

PATIENCE = 1.0
"""Seconds that the network may take beyond the least delay seen."""
ERROR, WARNING, INFO = Severity.ERROR, Severity.WARNING, Severity.INFO


def _needs(case: Case) -> list[list[Need]]:
    """For each log, in line order: this line needs that line (number) of that log."""
    needs: list[list[Need]] = [list(zip(*columns, strict=True)) for columns in case.requirements()]
    for life in case.lives:
        mine = needs[life.index]
        events = life.columns.events
        for number, mate in enumerate(life.mates):
            if mate is None:
                continue
            for matching in (case.chokes(life, number), case.interests(life, number)):
                if matching is not None:
                    mine += [(events.lines[row], mate[0], line) for row, line in matching.pairs]
        for piece, line, conn in zip(life.seq, life.seq_lines, life.sources, strict=True):
            mate = life.mates[conn] if conn >= 0 else None
            if mate is not None and case.lives[mate[0]].line_of[piece] != NEVER:
                mine.append((line, mate[0], case.lives[mate[0]].line_of[piece]))
        mine.sort()
    return needs


def _stuck(needs: list[list[Need]]) -> list[Need | None]:
    """Advance every log whose next line has its cause; what each log waits for when none can."""
    done = [0] * len(needs)
    place = [0] * len(needs)
    waiting: list[Need | None] = [None] * len(needs)
    moving = True
    while moving:
        moving = False
        for log, mine in enumerate(needs):
            blocked = waiting[log]
            if blocked is not None and done[blocked[1]] < blocked[2]:
                continue
            at = place[log]
            end = len(mine)
            while at < end and done[mine[at][1]] >= mine[at][2]:
                at += 1
            waiting[log] = mine[at] if at < end else None
            reached = mine[at][0] - 1 if at < end else NEVER
            moving = moving or at > place[log] or reached > done[log]
            place[log], done[log] = at, reached
    return waiting


@check(
    "G01",
    "acyclic",
    ERROR,
    lenient=WARNING,
    clause="8.4",
    rule="Causes and effects across all logs form no circle.",
    order="H",
    needs="all logs",
    example="peer 1002 hears of a piece of peer 1003 above the line that peer 1003's download needs.",
)
def acyclic(case: Case, tally: Tally) -> None:
    """Proven by the clocks where they allow it, else by replaying all logs together."""
    tally.saw(sum(life.columns.have_count + len(life.seq) for life in case.lives))
    if case.clocks.certain():
        return
    waiting = _stuck(_needs(case))
    told: set[int] = set()
    for start in range(len(waiting)):
        path: list[int] = []
        log = start
        while (need := waiting[log]) is not None and log not in path and log not in told:
            path.append(log)
            log = need[1]
        if log in path and log not in told:
            _tell(case, tally, waiting, path[path.index(log) :])
        told.update(path)


def _tell(case: Case, tally: Tally, waiting: list[Need | None], circle: list[int]) -> None:
    """Print a circle as its witnesses, cause before effect."""
    witnesses = []
    words = []
    for log in reversed(circle):
        need = waiting[log]
        assert need is not None
        life, cause = case.lives[log], case.lives[need[1]]
        witnesses += [case.at(cause, need[2]), case.at(life, need[0])]
        words.append(f"{life.file.label}:{need[0]} needs {cause.file.label}:{need[2]}")
    tally.report("; ".join(words) + ": a circle", *witnesses)


@check(
    "G02",
    "fifo",
    ERROR,
    lenient=WARNING,
    clause="2.1",
    rule="On a connection all messages together arrive in the order in which they were sent.",
    order="F",
    needs="both logs",
    example="a choke arrives after the have of a piece that was completed after the decision.",
)
def fifo(case: Case, tally: Tally) -> None:
    """Each matched message lies between the downloads announced before and after it."""
    for life, number, _, mate, there, _ in case.links():
        chokes, interests = case.chokes(life, number), case.interests(life, number)
        if mate is None or chokes is None:
            continue
        facts, lines = case.facts[life.index], life.columns.events.lines
        changes = case.facts[mate.index].conns[there].changes or ()
        spread = {change.line: change.latest for change in changes}
        # What may never have happened needn't be what the message tells: that may be lost.
        doubtful = {change.line for change in changes if change.optional and case.swarm.lenient}
        pairs = [(row, line, line) for row, line in chokes.pairs]
        if interests is not None:
            pairs += [(row, line, spread.get(line, line)) for row, line in interests.pairs]
        pairs.sort()
        tally.saw(len(pairs))
        for row, line, latest in pairs:
            if latest < facts.low[row] and line in doubtful:
                tally.unsure(f"{mate.file.label} may lack what makes its peer interested")
            elif latest < facts.low[row]:
                tally.report(
                    f"a have for a later download of {case.name(mate.owner)} arrives first",
                    case.at(mate, line),
                    case.at(mate, facts.low[row]),
                    case.at(life, lines[row]),
                )
            elif line > facts.high[row]:
                tally.report(
                    f"it arrives before a have for an earlier download of {case.name(mate.owner)}",
                    case.at(mate, facts.high[row]),
                    case.at(mate, line),
                    case.at(life, lines[row]),
                )
        for (row, line, _), (after, _, latest) in pairwise(pairs):
            if latest < line:
                tally.report(
                    f"{case.name(mate.owner)} sent them in the other order",
                    case.at(life, lines[row]),
                    case.at(life, lines[after]),
                )


@check(
    "G03",
    "offsets-exist",
    WARNING,
    clause="8.1",
    rule="Some offsets of the clocks let every message arrive after it was sent.",
    order="Tg",
    needs="all logs, times",
    example="a clock was set back by a minute during the run.",
)
def offsets_exist(case: Case, tally: Tally) -> None:
    """Least delays both ways; a pair that can't be reconciled has a stepped or drifting clock."""
    clocks = case.clocks
    for life in case.lives:
        pairs = [other for other in case.lives if other.index > life.index]
        tally.saw(sum(1 for other in pairs if clocks.least[life.index][other.index] < float("inf")))
    for log in sorted(clocks.suspects):
        life = case.lives[log]
        tally.report(
            f"the clock of {case.name(life.owner)} was stepped or drifts: no offset fits all its messages",
            *(case.at(life, line) for line, _ in life.columns.form.clock_back.first[:2]),
        )


@check(
    "H06",
    "have-delay",
    INFO,
    clause="5.3",
    rule="A piece is announced at once.",
    order="Tg",
    needs="both logs, times",
    example="haves come in batches, seconds after their downloads.",
)
def have_delay(case: Case, tally: Tally) -> None:
    """The longest delay of each connection by corrected clocks; a warning beyond p and the time
    that pieces of that neighbor take, behind which a have may have to wait.
    """
    for life, _, conn, mate, _, facts in case.links():
        if mate is None or not conn.haves or facts.shortest == float("inf"):
            continue
        tally.saw(conn.haves)
        most = case.clocks.interval(mate.index, life.index)[1]
        delay = facts.longest - most
        if delay > case.config.unchoking + PATIENCE + _piece_time(case, mate):
            tally.report(
                f"a have of {case.name(mate.owner)} takes at least {delay:.1f} s",
                case.at(life, facts.longest_line),
                severity=WARNING,
            )


def _piece_time(case: Case, life: Life) -> float:
    """Seconds that a piece of this peer may take: the longest pause between two that it sent."""
    if life.index not in case.piece_times:
        longest = 0.0
        for other in case.lives:
            for number, conn in enumerate(other.columns.conns):
                if conn.other == life.owner:
                    times = map(other.seq_times.__getitem__, other.came_over(number))
                    pauses = (after - before for before, after in pairwise(times))
                    longest = max(longest, max(pauses, default=0.0))
        case.piece_times[life.index] = longest
    return case.piece_times[life.index]

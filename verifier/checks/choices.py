"""K13, K14, K15, K16, K18: who is chosen, by rate or by a draw (spec 4.2, 4.3, 4.5).

A draw can't be proven random, only shown not to be: each check asks how likely fair draws are to
drift so far towards low or high ids, or to stay so often as they were. All statistical checks
share one level (invariants 1.10).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from itertools import accumulate
from math import comb

from verifier.checks.registry import check
from verifier.checks.statistics import LEVEL, Drift, Stays, rank_draw, subset_draw
from verifier.findings import Severity, Tally
from verifier.history.case import Case
from verifier.history.lives import Life
from verifier.history.replay import Decision, Walk
from verifier.reading.columns import NEVER
from verifier.reading.sentences import Kind

WARNING = Severity.WARNING
CHANGES = frozenset(
    {Kind.PREFERRED, Kind.INTERESTED, Kind.NOT_INTERESTED, Kind.MAKES, Kind.CONNECTED_FROM}
)
MOST_STAYS = 2000
"""Unlogged choices of one log that are looked at; more would add no power."""


def level(case: Case) -> float:
    """The level of one statistical test: all tests of the run share `LEVEL` (invariants 1.10)."""
    return LEVEL / max(1, 6 * len(case.lives) + 6)


def _candidates(decision: Decision) -> list[int] | None:
    """The interested neighbors in id order; None where one of them may have been lost."""
    if decision.sure != decision.interested:
        return None
    return sorted(decision.interested)


def _verdict(case: Case, tally: Tally, drift: Drift, stays: Stays, life: Life, what: str) -> None:
    """Judge a log's draws: too few are unknown, unlikely ones a finding."""
    if not drift.draws and not stays.chances:
        return
    tally.saw(drift.draws + len(stays.chances))
    p_value = min(1.0, 2 * min(drift.p_value(), stays.p_value()))
    if p_value < level(case):
        lines = [d.line for d in case.choking(life).decisions][-2:]
        tally.report(
            f"{case.name(life.owner)}: {what}; a fair draw does so with p < {p_value:.1e}"
            f" ({drift.draws} choices, {stays.stays} of {len(stays.chances)} times the same)",
            *(case.at(life, line) for line in lines),
        )


def _complete_choices(case: Case, life: Life, after: int) -> tuple[Drift, Stays]:
    """A complete peer's choices below a line among more interested neighbors than it may prefer."""
    drift, stays = Drift(), Stays()
    k = case.config.preferred
    preferred = [d for d in case.choking(life).decisions if d.kind == Kind.PREFERRED]
    for decision in preferred:
        among = _candidates(decision)
        if not decision.complete or decision.line <= after or among is None:
            continue
        if len(among) <= k or len(decision.chosen) != k or not set(decision.chosen) <= set(among):
            continue
        before = decision.preferred
        known = before <= set(among) and len(before) == k
        past = [among.index(one) for one in before] if known else None
        ranks = [among.index(one) for one in decision.chosen]
        drift.add(*subset_draw(ranks, len(among), past))
        stays.chances.append(1 / comb(len(among), k) if known else 0.0)
    for begin, end, there, chosen in _spells(life):
        if begin > after and len(there) > k and len(chosen) == k and chosen <= there:
            quiet = _quiet(case, life, begin, end)
            stays.chances += [1 / comb(len(there), k)] * quiet
            stays.stays += quiet
    return drift, stays


def _quiet(case: Case, life: Life, begin: int, end: int) -> int:
    """How many choices certainly fell between two lines without being logged.

    None falls while the process is stopped, which shows as a silence.
    """
    columns = life.columns
    times = dict(zip(columns.events.lines, columns.events.times, strict=True))
    since, until = times[begin], times[end]
    seconds = until - since - columns.resolution - columns.silence_within(since, until)
    return max(0, min(MOST_STAYS, int(seconds / case.config.unchoking - 1)))


def _spells(life: Life) -> Iterator[tuple[int, int, frozenset[int], frozenset[int]]]:
    """Spells of a complete peer without any change: first and last line, who is interested, who is
    preferred. A neighbor that may be lost ends them.
    """
    walk, leaving = Walk(life), set(life.last_lines)
    interested: frozenset[int] = frozenset()
    preferred: frozenset[int] = frozenset()
    heard = NEVER
    """The line up to which each of the interested was heard of on its connection."""
    begin = 0
    for step in walk.steps():
        kind, line = step.kind, step.line
        if kind not in CHANGES and line not in leaving:
            continue
        if begin and heard >= line:
            yield begin, line, interested, preferred
        interested, preferred = frozenset(walk.interested), walk.preferred
        heard = min((life.last_lines[walk.conn[one]] for one in interested), default=NEVER)
        begin = line if life.seed or line >= life.done_line else 0


@check(
    "K14",
    "seed-random",
    WARNING,
    clause="4.3",
    rule="A peer that has the file prefers at random among the interested.",
    order="L,Tl",
    needs="one log, many choices",
    example="a seed always prefers the neighbors with the lowest ids.",
    reads="interest choice",
)
def seed_random(case: Case, tally: Tally) -> None:
    """The choices of complete peers."""
    for life in case.lives:
        drift, stays = _complete_choices(case, life, 0)
        _verdict(case, tally, drift, stays, life, "its choices among the interested are skewed")


@check(
    "K18",
    "completes-switch",
    WARNING,
    clause="4.3",
    rule="Once complete, a leecher prefers at random, no longer by rate.",
    order="L,Tl",
    needs="one log, many choices",
    example="a peer that became complete goes on preferring the same neighbors.",
    reads="interest choice",
)
def completes_switch(case: Case, tally: Tally) -> None:
    """The choices of leechers after their completion."""
    for life in case.lives:
        if not life.seed and life.done_line != NEVER:
            drift, stays = _complete_choices(case, life, life.done_line)
            _verdict(case, tally, drift, stays, life, "its choices since it is complete are skewed")


@check(
    "K15",
    "ties-random",
    WARNING,
    clause="4.2",
    rule="Ties between equal rates are broken at random.",
    order="Tl",
    needs="all logs, times",
    example="of several neighbors that sent nothing the lowest ids are always preferred.",
    reads="download",
)
def ties_random(case: Case, tally: Tally) -> None:
    """Neighbors that sent nothing at all tie; which of them are chosen, by id and by connection."""
    by_id, by_age = Drift(), Drift()
    lines = []
    for life in case.lives:
        sent: set[int] = set()
        age = {conn.other: n for n, conn in enumerate(life.columns.conns)}
        downloads = list(zip(life.seq_lines, life.sources, strict=True))
        place = 0
        for decision in case.choking(life).decisions:
            while place < len(downloads) and downloads[place][0] < decision.line:
                source = downloads[place][1]
                sent.add(life.columns.conns[source].other if source >= 0 else -1)
                place += 1
            among = _candidates(decision)
            if decision.kind != Kind.PREFERRED or decision.complete or among is None:
                continue
            tied = [one for one in among if one not in sent]
            chosen = [one for one in tied if one in decision.chosen]
            if not 0 < len(chosen) < len(tied) or len(decision.chosen) != case.config.preferred:
                continue
            rest = set(decision.chosen) - set(chosen)
            past = [one for one in decision.preferred if one in tied]
            excluded = (
                past
                if decision.preferred - set(past) == rest and len(past) == len(chosen)
                else None
            )
            for drift, key in ((by_id, list(tied)), (by_age, sorted(tied, key=age.__getitem__))):
                old = None if excluded is None else [key.index(one) for one in excluded]
                drift.add(*subset_draw([key.index(one) for one in chosen], len(key), old))
            lines.append(case.at(life, decision.line))
    tally.saw(by_id.draws)
    for drift, what in ((by_id, "id"), (by_age, "connection")):
        p_value = drift.p_value()
        if p_value < level(case):
            tally.report(
                f"ties go by order of {what}; a fair draw does so with p < {p_value:.1e}"
                f" ({drift.draws} ties)",
                *lines[:5],
            )


@check(
    "K16",
    "optimistic-random",
    WARNING,
    clause="4.5",
    rule="The optimistically unchoked neighbor is drawn at random among the candidates.",
    order="L",
    needs="all logs, many choices",
    example="the candidate with the lowest id is always chosen.",
    reads="choice",
)
def optimistic_random(case: Case, tally: Tally) -> None:
    """The ranks of those chosen among the interested and choked."""
    drift = Drift()
    lines = []
    for life in case.lives:
        for decision in case.choking(life).decisions:
            among = _candidates(decision)
            if decision.kind != Kind.OPTIMISTIC or among is None:
                continue
            choked = [one for one in among if one not in decision.unchoked]
            if len(choked) < 2 or decision.chosen[0] not in choked:
                continue
            drift.add(*rank_draw(choked.index(decision.chosen[0]), len(choked)))
            lines.append(case.at(life, decision.line))
    tally.saw(drift.draws)
    p_value = drift.p_value()
    if p_value < level(case):
        tally.report(
            f"optimistic choices go by id; a fair draw does so with p < {p_value:.1e}"
            f" ({drift.draws} choices)",
            *lines[:5],
        )


def _received(case: Case, life: Life) -> dict[int, tuple[list[float], list[int], list[int]]]:
    """What each neighbor sent: times, lines, and bytes added up so far."""
    table: dict[int, tuple[list[float], list[int], list[int]]] = {}
    for piece, line, time, source in zip(
        life.seq, life.seq_lines, life.seq_times, life.sources, strict=True
    ):
        if source >= 0:
            other = life.columns.conns[source].other
            times, lines, sizes = table.setdefault(other, ([], [], []))
            times.append(time)
            lines.append(line)
            sizes.append(case.config.piece_length(piece))
    return {other: (a, b, list(accumulate(c, initial=0))) for other, (a, b, c) in table.items()}


@check(
    "K13",
    "rank-by-rate",
    WARNING,
    clause="4.2",
    rule="No neighbor is passed over for one that sent certainly less since the last choice.",
    order="Tl",
    needs="one log, times",
    example="peer 1003 sent 40 pieces in the last interval, peer 1002 none, and peer 1002 is preferred.",
    reads="download",
)
def rank_by_rate(case: Case, tally: Tally) -> None:
    """Bytes of the last p seconds, with slack of a piece and of a late timer."""
    for life in case.lives:
        if life.columns.timed:
            received = _received(case, life)
            for decision in case.choking(life).decisions:
                if decision.kind == Kind.PREFERRED and not decision.complete:
                    _judge_rates(case, tally, life, decision, received)


def _judge_rates(
    case: Case,
    tally: Tally,
    life: Life,
    decision: Decision,
    received: dict[int, tuple[list[float], list[int], list[int]]],
) -> None:
    passed = decision.sure - set(decision.chosen)
    if not passed or not decision.chosen:
        return
    interval = case.config.unchoking
    slack = max(0.25, 0.1 * interval) + life.columns.resolution
    if life.lost_start and decision.time - interval - slack < life.columns.first_time:
        return

    def total(other: int, seconds: float) -> int:
        times, lines, sums = received.get(other, ([], [], [0]))
        end = bisect_right(lines, decision.line)
        begin = min(end, bisect_right(times, decision.time - seconds))
        return sums[end] - sums[begin]

    tally.saw()
    best = max((total(other, interval - slack), other) for other in passed)
    worst = min((total(other, interval + slack), other) for other in decision.chosen)
    if worst[0] + case.config.piece_size < best[0]:
        tally.report(
            f"{case.name(worst[1])} sent at most {worst[0]} bytes in the last {interval:g} s and is preferred;"
            f" {case.name(best[1])} sent at least {best[0]} and isn't",
            case.at(life, decision.line),
        )

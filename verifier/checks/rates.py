"""K13: preferred neighbors are those that sent most (spec 4.2)."""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate
from typing import TYPE_CHECKING

from verifier.checks.registry import check
from verifier.findings import Severity
from verifier.sentences import Kind

if TYPE_CHECKING:
    from verifier.case import Case
    from verifier.findings import Tally
    from verifier.history import Life
    from verifier.replay import Decision


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
    Severity.WARNING,
    clause="4.2",
    rule="No neighbor is passed over for one that sent certainly less since the last choice.",
    order="Tl",
    needs="one log, times",
    example="peer 1003 sent 40 pieces in the last interval, peer 1002 none, and peer 1002 is preferred.",
)
def rank_by_rate(case: Case, tally: Tally) -> None:
    """Bytes of the last p seconds, with slack of a piece and of a late timer."""
    for life in case.lives:
        if life.columns.timed:
            received = _received(case, life)
            for decision in case.choking(life).decisions:
                if decision.kind == Kind.PREFERRED and not decision.complete:
                    _judge(case, tally, life, decision, received)


def _judge(
    case: Case,
    tally: Tally,
    life: Life,
    decision: Decision,
    received: dict[int, tuple[list[float], list[int], list[int]]],
) -> None:
    passed = decision.sure - set(decision.chosen)
    if not passed or not decision.chosen:
        return
    tally.saw()
    interval = case.config.unchoking
    slack = max(0.25, 0.1 * interval) + life.columns.resolution

    def total(other: int, seconds: float) -> int:
        times, lines, sums = received.get(other, ([], [], [0]))
        end = bisect_right(lines, decision.line)
        begin = min(end, bisect_right(times, decision.time - seconds))
        return sums[end] - sums[begin]

    best = max((total(other, interval - slack), other) for other in passed)
    worst = min((total(other, interval + slack), other) for other in decision.chosen)
    if worst[0] + case.config.piece_size < best[0]:
        tally.report(
            f"{case.name(worst[1])} sent at most {worst[0]} bytes in the last {interval:g} s and is preferred;"
            f" {case.name(best[1])} sent at least {best[0]} and isn't",
            case.at(life, decision.line),
        )

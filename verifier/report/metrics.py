"""M01 to M10: figures of a run that no rule bounds; they never make it fail."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from statistics import fmean

from verifier.checks.slots import longest_wait
from verifier.history.case import Case
from verifier.history.lives import Life
from verifier.reading.columns import NEVER
from verifier.reading.sentences import Kind


@dataclass(slots=True)
class Metrics:
    """Seconds, pieces or shares by peer id; None where the logs can't tell.

    `completion` and `first_piece` are seconds from the peer's first line (M01, M08); `uploads`
    pieces by sender and receiver (M02); `fairness` Jain's index of the leechers' uploads (M03);
    `reciprocation` the correlation of pieces given and got among leechers (M04); `optimistic_share`
    of pieces that came through an optimistic unchoke alone (M05); `copies` least, mean and most
    copies of a piece at quarters of the run (M06); `churn` changes of a peer's unchoked set for
    each decision (M07); `seed_share` of a seed's unchoked time by neighbor (M09); `longest_wait`
    seconds that a neighbor was interested and choked (M10).
    """

    completion: dict[int, float] = field(default_factory=dict)
    first_piece: dict[int, float] = field(default_factory=dict)
    uploads: dict[int, dict[int, int]] = field(default_factory=dict)
    fairness: float | None = None
    reciprocation: float | None = None
    optimistic_share: float | None = None
    copies: list[tuple[int, float, int]] = field(default_factory=list)
    churn: dict[int, float] = field(default_factory=dict)
    seed_share: dict[int, dict[int, float]] = field(default_factory=dict)
    longest_wait: float | None = None


def measure(case: Case) -> Metrics:
    """All metrics of a run."""
    metrics = Metrics()
    for peer in range(len(case.config.peers)):
        life = case.swarm.final(peer)
        if life is not None:
            _own(case, life, metrics)
    leechers = [peer.peer_id for peer in case.config.peers if not peer.has_file]
    sent = [sum(metrics.uploads.get(one, {}).values()) for one in leechers]
    if sum(sent):
        metrics.fairness = sum(sent) ** 2 / (len(sent) * sum(number**2 for number in sent))
    metrics.reciprocation = _reciprocation(metrics, leechers)
    metrics.optimistic_share = _optimistic_share(case)
    metrics.copies = _copies(case)
    wait = longest_wait(case)
    metrics.longest_wait = None if wait is None else wait[0]
    return metrics


def _own(case: Case, life: Life, metrics: Metrics) -> None:
    """What one log tells of its owner."""
    me = case.swarm.peer_id(life.owner)
    begun = life.columns.first_time
    if len(life.seq) > life.begun and life.columns.timed:
        metrics.first_piece[me] = life.seq_times[life.begun] - begun
        if life.done_line != NEVER:
            metrics.completion[me] = life.seq_times[-1] - begun
    for source in life.sources[life.begun :]:
        other = case.swarm.peer_id(life.columns.conns[source].other)
        table = metrics.uploads.setdefault(other, {})
        table[me] = table.get(me, 0) + 1
    decisions = case.choking(life).decisions
    if decisions:
        owed = sum(len(changes) for changes in case.choking(life).owed.values())
        metrics.churn[me] = owed / len(decisions)
    if life.seed:
        metrics.seed_share[me] = _seed_share(case, life)


def _seed_share(case: Case, life: Life) -> dict[int, float]:
    """Each neighbor's share of the time that a seed had neighbors unchoked."""
    spans: dict[int, float] = {}
    for conn, owed in case.choking(life).owed.items():
        other = case.swarm.peer_id(life.columns.conns[conn].other)
        begun: float | None = None
        for one in owed:
            if one.kind == Kind.UNCHOKED:
                begun = one.time
            elif begun is not None:
                spans[other] = spans.get(other, 0.0) + one.time - begun
                begun = None
        if begun is not None:
            spans[other] = spans.get(other, 0.0) + life.columns.last_time - begun
    total = sum(spans.values())
    return {other: span / total for other, span in sorted(spans.items())} if total > 0 else {}


def _reciprocation(metrics: Metrics, leechers: list[int]) -> float | None:
    """Correlation of pieces given and got over pairs of leechers."""
    number = len(leechers) * (len(leechers) - 1)
    if number < 4:
        return None
    among = set(leechers)
    given = {
        (a, b): count
        for a in leechers
        for b, count in metrics.uploads.get(a, {}).items()
        if b in among and a != b
    }
    # Each pair stands in both orders, so that what is given and what is got have the same mean and spread.
    total = sum(given.values())
    spread = number * sum(count * count for count in given.values()) - total * total
    both = sum(count * given.get((b, a), 0) for (a, b), count in given.items())
    return (number * both - total * total) / spread if spread else None


def _optimistic_share(case: Case) -> float | None:
    """Share of pieces whose sender had the receiver as optimistic neighbor only."""
    optimistic = total = 0
    for life in case.lives:
        for conn, mate in enumerate(life.mates):
            matching = case.chokes(life, conn)
            if mate is None or matching is None:
                continue
            giver = case.choking(case.lives[mate[0]]).decisions
            kinds = {decision.line: decision.kind for decision in giver}
            lines = life.columns.events.lines
            begins = [(lines[row], kinds.get(line)) for row, line in matching.pairs]
            marks = [line for line, _ in begins]
            for line in map(life.seq_lines.__getitem__, life.came_over(conn)):
                place = bisect_right(marks, line) - 1
                total += place >= 0
                optimistic += place >= 0 and begins[place][1] == Kind.OPTIMISTIC
    return optimistic / total if total else None


def _copies(case: Case) -> list[tuple[int, float, int]]:
    """Least, mean and most copies of a piece after a quarter, half, three quarters and all of the
    downloads of each log.
    """
    seeds = sum(peer.has_file for peer in case.config.peers)
    rows = []
    for quarter in (1, 2, 3, 4):
        copies = [seeds] * case.config.pieces
        for peer in range(len(case.config.peers)):
            life = case.swarm.final(peer)
            for piece in life.seq[: len(life.seq) * quarter // 4] if life else ():
                copies[piece] += 1
        rows.append((min(copies), fmean(copies), max(copies)))
    return rows

"""D12 to D15: which piece is picked, and that picking goes on (spec 6.1, 6.3)."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from itertools import pairwise
from statistics import median

from verifier.checks.registry import Scope, check
from verifier.checks.statistics import LEVEL, Drift, rank_draw, spread_p_value
from verifier.findings import Severity, Tally, Witness
from verifier.history.facts import View
from verifier.reading.columns import NEVER
from verifier.reading.sentences import Kind

WARNING, INFO = Severity.WARNING, Severity.INFO
SAMPLES = 400
"""Picks of one log that are looked at; more would only cost time."""
FEWEST = 5
"""Candidates below which a pick tells nothing."""
COMPARED, BUDGET = 16, 20_000
"""Candidates whose copies are counted for one pick, and counts for one log."""
IDLE = 30.0
"""Seconds without a piece after which an unchoked, interested peer is called idle (spec 6.6)."""


def _candidates(view: View, conn: int, line: int) -> list[int]:
    """The pieces that a neighbor has told at a line and that are lacking then."""
    line_of = view.life.line_of
    if view.full(conn):
        return [piece for piece, had in enumerate(line_of) if had > line]
    connection, mate, base = view.columns.conns[conn], view.mate(conn), view.life.bases[conn]
    told = connection.pieces[: bisect_left(connection.lines, line)].tolist()
    if mate is not None and base:
        told += mate.seq[:base].tolist()
    return [piece for piece in told if line_of[piece] > line]


def _picks(view: View, most: int) -> Iterator[tuple[int, int, list[int]]]:
    """Downloads with the candidates when they were asked for: line, piece, candidates.

    A piece is asked for when the neighbor unchokes or its last piece came, whichever is later.
    """
    events = view.columns.events
    asked: dict[int, int] = {}
    found: list[tuple[int, int, int, int]] = []
    rows = zip(events.kinds, events.lines, events.pieces, events.conns, strict=True)
    for kind, line, piece, conn in rows:
        if kind == Kind.DOWNLOADED and piece >= 0:
            if conn in asked:
                found.append((line, piece, conn, asked[conn]))
            asked[conn] = line
        elif kind == Kind.UNCHOKED:
            asked[conn] = line
        elif kind == Kind.CHOKED:
            asked.pop(conn, None)
    step = max(1, len(found) // most)
    for line, piece, conn, since in found[::step]:
        candidates = _candidates(view, conn, since)
        if len(candidates) >= FEWEST and piece in candidates:
            yield line, piece, candidates


def _sample(view: View, most: int) -> int:
    """How many picks to look at, so that many pieces don't cost much time."""
    lives, pieces = max(1, len(view.swarm.lives)), view.config.pieces
    return max(20, min(most, 5_000_000 // (lives * pieces)))


@check(
    "D12",
    "random-pick",
    WARNING,
    clause="6.1",
    rule="Pieces are picked at random among those that the neighbor has and the peer needs.",
    order="L",
    needs="one log, many downloads",
    example="pieces come in the order of their index.",
    scope=Scope.LOG,
)
def random_pick(view: View, tally: Tally) -> None:
    """The ranks of the pieces picked among their candidates: their drift and their spread."""
    drift, values, grain = Drift(), [], 0.0
    last: list[int] = []
    for line, piece, candidates in _picks(view, _sample(view, SAMPLES)):
        rank = sum([other < piece for other in candidates])
        drift.add(*rank_draw(rank, len(candidates)))
        values.append((rank + 0.5) / len(candidates))
        grain += 0.5 / len(candidates)
        last = [*last[-4:], line]
    tally.saw(len(values))
    if not values:
        return
    p_value = min(1.0, 2 * min(drift.p_value(), spread_p_value(values, grain / len(values))))
    if p_value < LEVEL / (6 * len(view.swarm.lives) + 6):
        tally.report(
            f"the picks go by index; fair draws do so with p < {p_value:.1e} ({len(values)} picks)",
            *(Witness(view.life.index, line) for line in last),
        )


@check(
    "D13",
    "not-rarest-first",
    INFO,
    clause="6.1",
    rule="Picks don't go by how many neighbors have a piece.",
    order="L",
    needs="one log, many downloads",
    example="the piece that the fewest neighbors have is always picked.",
    scope=Scope.LOG,
)
def not_rarest_first(view: View, tally: Tally) -> None:
    """The ranks of the pieces picked by the number of copies that the peer knew."""
    conns = range(len(view.columns.conns))
    drift = Drift()
    most = max(5, min(60, BUDGET // (COMPARED * (len(conns) + 1))))
    for line, piece, every in _picks(view, most):
        others = [one for one in every if one != piece]
        candidates = [piece, *others[:: len(others) // COMPARED + 1]]
        copies = [sum([view.have_line(conn, one) < line for conn in conns]) for one in candidates]
        mine = copies[0]
        below = sum(1 for number in copies if number < mine)
        same = copies.count(mine)
        if same == len(copies):
            continue
        middle = (below + (same - 1) / 2) / (len(copies) - 1)
        drift.add(middle - 0.5, 1 / 12 + 1 / len(copies), 0.5)
    tally.saw(drift.draws)
    p_value = drift.p_value()
    if p_value < LEVEL:
        way = "rare" if drift.total < 0 else "frequent"
        tally.report(f"{way} pieces are preferred (p < {p_value:.1e}, {drift.draws} picks)")


def _spells(view: View) -> Iterator[tuple[int, list[tuple[int, float]]]]:
    """Spells of being unchoked by a neighbor: its connection, and (line, time) of the unchoke, of
    each piece from it, and of the end.
    """
    events = view.columns.events
    begun: dict[int, list[tuple[int, float]]] = {}
    rows = zip(events.kinds, events.lines, events.times, events.conns, strict=True)
    for kind, line, time, conn in rows:
        if kind == Kind.UNCHOKED:
            begun.setdefault(conn, [(line, time)])
        elif kind == Kind.DOWNLOADED and conn in begun:
            begun[conn].append((line, time))
        elif kind == Kind.CHOKED and conn in begun:
            yield conn, [*begun.pop(conn), (line, time)]
    for conn, moments in begun.items():
        end = view.life.last_lines[conn]
        connection = view.columns.conns[conn]
        if end > moments[-1][0] and connection.lines and connection.lines[-1] == end:
            moments.append((end, connection.times[-1]))
        yield conn, moments


@check(
    "D14",
    "idle-while-unchoked",
    WARNING,
    clause="6.1, 6.3",
    rule="An unchoked peer goes on downloading while the neighbor has something that nobody else sends.",
    order="Tl",
    needs="one log, times",
    example="unchoked for a minute by a neighbor with plenty to give, and no piece comes.",
    scope=Scope.LOG,
)
def idle_while_unchoked(view: View, tally: Tally) -> None:
    """Long gaps with more candidates than neighbors that may be sending one."""
    if not view.columns.timed:
        return
    spells = list(_spells(view))
    gaps = [b[1] - a[1] for _, moments in spells for a, b in pairwise(moments)]
    slack = IDLE + 10 * (median(gaps) if gaps else 0.0)
    for conn, moments in spells:
        for (line, time), (after, until) in pairwise(moments):
            tally.saw()
            if until - time <= slack:
                continue
            candidates = _candidates(view, conn, line)
            left = sum(1 for piece in candidates if view.life.line_of[piece] >= after)
            if left > len(view.columns.conns):
                other = view.swarm.peer_id(view.columns.conns[conn].other)
                tally.report(
                    f"no piece from peer {other} for {until - time:.0f} s, though it has {left} that are lacking",
                    Witness(view.life.index, line),
                    Witness(view.life.index, after),
                )


@check(
    "D15",
    "next-request-goes",
    INFO,
    clause="6.2",
    rule="The next piece from a neighbor follows without a long pause.",
    order="Tl",
    needs="one log, times",
    example="each piece comes ten times as late as the usual one.",
    scope=Scope.LOG,
)
def next_request_goes(view: View, tally: Tally) -> None:
    """Gaps between pieces of one spell against their median."""
    for conn, moments in _spells(view) if view.columns.timed else ():
        gaps = [b[1] - a[1] for a, b in pairwise(moments)][1:-1]
        tally.saw(len(gaps))
        if len(gaps) < FEWEST:
            continue
        usual = max(median(gaps), view.columns.resolution)
        worst = max(range(len(gaps)), key=gaps.__getitem__)
        line, after = moments[worst + 1][0], moments[worst + 2][0]
        left = any(view.life.line_of[piece] >= after for piece in _candidates(view, conn, line))
        if gaps[worst] > max(1.0, 10 * usual) and left and view.life.line_of.count(NEVER) >= 0:
            tally.report(
                f"a pause of {gaps[worst]:.1f} s, usual are {usual:.3f} s",
                Witness(view.life.index, line),
                Witness(view.life.index, after),
            )

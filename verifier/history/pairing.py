"""Which connection of one log is which of another one: the n-th of a pair with the n-th, where all are told.

Where some are told by one end only, what was heard first decides: haves name pieces in the order in
which the other end downloaded them.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from verifier.reading.columns import NEVER

if TYPE_CHECKING:
    from collections.abc import Callable

    from verifier.history.lives import Swarm
    from verifier.reading.columns import Connection

    End = tuple[int, int]
    """A life's index, and the number of one of its connections."""

STRANGE = 3
"""So many of its first pieces heard in another order than the other end has them: it is another connection."""
MOST_COMPARED = 10_000
"""Pairs of connections that are compared for one pair of peers, so that no log can cost much time."""


def join(swarm: Swarm, inherit: Callable[[Swarm], None]) -> None:
    """Order the lives of each peer and match the connections of each pair, n-th with n-th.

    `inherit` gives lives the pieces that they begin with, once their connections are matched.
    """
    peers = len(swarm.config.peers)
    swarm.by_peer = [[] for _ in range(peers)]
    oldest_first = sorted(  # .1 is the oldest, 0 the current one
        swarm.lives, key=lambda life: (life.file.generation == 0, life.file.generation)
    )
    for life in oldest_first:
        swarm.by_peer[life.owner].append(life.index)
    swarm.missing = [peer for peer in range(peers) if swarm.final(peer) is None]
    ends: dict[tuple[int, int], list[End]] = {}
    for lives in swarm.by_peer:
        for number in lives:
            life = swarm.lives[number]
            life.last = number == lives[-1]
            for conn, connection in enumerate(life.columns.conns):
                ends.setdefault((life.owner, connection.other), []).append((number, conn))
    for (owner, other), mine in ends.items():
        theirs = ends.get((other, owner), [])
        if owner < other or not theirs:
            _match(swarm, mine, theirs)
    inherit(swarm)
    for life in swarm.lives:
        for conn, connection in enumerate(life.columns.conns):
            life.bases[conn] = _base(swarm, life.mates[conn], connection)


def _idle(swarm: Swarm, end: End) -> bool:
    """Whether nothing more was heard on a connection after its line (invariants 1.7)."""
    life = swarm.lives[end[0]]
    conn = life.columns.conns[end[1]]
    return not conn.implicit and life.last_lines[end[1]] <= conn.line


def _front_is_lost(swarm: Swarm, ends: list[End]) -> bool:
    """Whether a peer's logs of a pair's connections lack the first ones."""
    oldest = swarm.lives[swarm.by_peer[swarm.lives[ends[0][0]].owner][0]]
    return bool(oldest.lost_start) or (swarm.lenient and oldest.empty)


def _match(swarm: Swarm, mine: list[End], theirs: list[End]) -> None:
    """Match two ends' connections; those on which nothing happened may stay alone."""
    mine, theirs = list(mine), list(theirs)
    for longer, shorter in ((mine, theirs), (theirs, mine)):
        if shorter and _front_is_lost(swarm, shorter):
            continue
        for end in [end for end in longer if _idle(swarm, end)]:
            if len(longer) > len(shorter):
                longer.remove(end)
                swarm.unmatched.append((*end, True))
    pairs = _shifted(swarm, mine, theirs)
    matched = {end for pair in pairs for end in pair}
    swarm.unmatched.extend((*end, False) for end in mine + theirs if end not in matched)
    for one, other in pairs:
        swarm.lives[one[0]].mates[one[1]] = other
        swarm.lives[other[0]].mates[other[1]] = one


def _shifted(swarm: Swarm, mine: list[End], theirs: list[End]) -> list[tuple[End, End]]:
    """The connections of two ends in pairs; where one has more of them, those that fit best."""
    if not (mine and theirs):
        return []
    lost = _front_is_lost(swarm, mine) or _front_is_lost(swarm, theirs)
    implicit = any(swarm.lives[log].columns.conns[n].implicit for log, n in (mine[0], theirs[0]))
    more = len(mine) - len(theirs)
    shifts = range(abs(more), -1, -1) if lost or implicit else range(abs(more) + 1)
    if len(shifts) * min(len(mine), len(theirs)) > MOST_COMPARED:
        shifts = shifts[:1]
    ways = [
        list(
            zip(mine[shift if more > 0 else 0 :], theirs[shift if more < 0 else 0 :], strict=False)
        )
        for shift in shifts
    ]
    best = ways[0]
    if len(ways) > 1:
        best = min(ways, key=lambda way: sum(_strange(swarm, *pair) for pair in way))
    if swarm.lenient and lost and _restarted(swarm, mine, theirs):
        return [pair for pair in best if _is_sure(swarm, *pair)]
    return best


def _is_sure(swarm: Swarm, one: End, other: End) -> bool:
    """Whether two ends are of one connection, though one may be of another life of its peer."""
    told = not any(swarm.lives[log].columns.conns[number].implicit for log, number in (one, other))
    return told and _strange(swarm, one, other) < STRANGE


def _restarted(swarm: Swarm, *sides: list[End]) -> bool:
    """Whether one of two peers has several lives, so that a connection may be that of another one."""
    return any(len(swarm.by_peer[swarm.lives[ends[0][0]].owner]) > 1 for ends in sides)


def _strange(swarm: Swarm, one: End, other: End) -> int:
    """How many of the pieces first heard at two ends don't follow each other in the other end's log."""
    return _disorder(swarm, one, other) + _disorder(swarm, other, one)


def _disorder(swarm: Swarm, hearer: End, teller: End) -> int:
    """The same of one end; the first piece should be the teller's first one on this connection."""
    heard, life = swarm.lives[hearer[0]].columns.conns[hearer[1]], swarm.lives[teller[0]]
    if life.seed:
        return 0
    places = [place for piece in heard.first_pieces if (place := life.place[piece]) != NEVER]
    begun = life.columns.conns[teller[1]]
    start = [] if begun.implicit else [life.had_before(begun.line) - 1]
    gap = bool(places and start) and places[0] != start[0] + 1
    return gap + sum(after < before for before, after in pairwise(start + places))


def _base(swarm: Swarm, mate: End | None, conn: Connection) -> int | None:
    """How many of the mate's downloads were in the bitfield of a connection."""
    if swarm.config.peers[conn.other].has_file:
        return 0
    if mate is None:
        return None
    life = swarm.lives[mate[0]]
    if life.headless:
        return None
    connection = life.columns.conns[mate[1]]
    if connection.implicit:
        first = life.seq_lines[0] if life.seq else NEVER
        events = life.columns.events
        rows = zip(events.lines, events.conns, strict=True)
        heard = next((line for line, number in rows if number == mate[1]), NEVER)
        return 0 if heard < first else None
    return life.had_before(connection.line)

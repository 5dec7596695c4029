"""C: connections. Who connects to whom, once, and before anything else (spec 2, 8.3)."""

from __future__ import annotations

from itertools import islice, pairwise

from verifier.checks.registry import check
from verifier.findings import Severity, Tally
from verifier.history.case import Case
from verifier.history.lives import Life
from verifier.reading.columns import NOBODY
from verifier.reading.sentences import Kind

ERROR, WARNING, INFO = Severity.ERROR, Severity.WARNING, Severity.INFO
WORDS = {Kind.MAKES: "makes a connection to", Kind.CONNECTED_FROM: "is connected from"}
SHOWN = 20
"""Pairs that are named one by one."""
START_SLACK = 1.0
"""Seconds by which peers may start out of order before it is told."""


@check(
    "C01",
    "direction",
    ERROR,
    lenient=WARNING,
    clause="2.1",
    rule="A peer connects to those listed above it and is connected from those listed below it.",
    order="-",
    needs="one log",
    example="peer 1001 makes a connection to peer 1002, which is listed below it.",
)
def direction(case: Case, tally: Tally) -> None:
    """Connection lines against the order of PeerInfo.cfg."""
    for life, _, conn, _, _, _ in case.links():
        if conn.implicit:
            continue
        tally.saw()
        if (conn.kind == Kind.MAKES) != (conn.other < life.owner):
            where = "above" if conn.other < life.owner else "below"
            tally.report(
                f"{case.name(conn.other)} is listed {where} {case.name(life.owner)}",
                case.at(life, conn.line),
            )


@check(
    "C02",
    "both-ends",
    ERROR,
    lenient=WARNING,
    clause="8.1, 8.3",
    rule="Each connection is logged once at both ends: made at one, connected from at the other.",
    order="-",
    needs="both logs",
    example="peer 1002 makes a connection to peer 1001, whose log doesn't tell it.",
    reads="connection",
)
def both_ends(case: Case, tally: Tally) -> None:
    """Connection lines without their counterpart; one that led to nothing may stay alone."""
    for life, conn_number, conn, mate, there, _ in case.links():
        if mate is None:
            continue
        tally.saw()
        other = mate.columns.conns[there]
        if reason := case.unopened(life, conn_number):
            tally.unsure(reason)
        elif conn.implicit and not other.implicit:
            tally.report(
                f"{case.name(life.owner)} doesn't log this connection",
                case.at(mate, other.line),
                lacking=life.index,
            )
        elif not conn.implicit and conn.kind == other.kind and life.owner < conn.other:
            tally.report(
                "both ends log it in the same way",
                case.at(life, conn.line),
                case.at(mate, other.line),
            )
        elif conn.implicit and life.owner < conn.other:
            tally.report(f"neither {case.name(life.owner)} nor {case.name(conn.other)} logs it")
    for log, number, harmless in case.swarm.unmatched:
        life = case.lives[log]
        conn = life.columns.conns[number]
        if not case.swarm.by_peer[conn.other]:
            continue
        tally.saw()
        latest = case.lives[case.swarm.by_peer[conn.other][-1]]
        oldest = case.lives[case.swarm.by_peer[conn.other][0]]
        if lost := oldest.lost_start or case.ends.lost(latest):
            tally.unsure(lost)
        else:
            tally.report(
                f"{case.name(conn.other)} doesn't log this connection",
                case.at(life, conn.line),
                severity=INFO if harmless else None,
                lacking=latest.index,
            )


@check(
    "C03",
    "full-mesh",
    ERROR,
    lenient=WARNING,
    clause="2.1",
    rule="Each pair of peers is connected at least once.",
    order="-",
    needs="all logs",
    example="no log tells a connection of peers 1002 and 1004.",
    reads="connection",
)
def full_mesh(case: Case, tally: Tally) -> None:
    """Pairs that no connection line names."""
    joined = {
        frozenset((life.owner, conn.other))
        for life in case.lives
        for conn in life.columns.conns
        if not conn.implicit
    }
    peers = range(len(case.config.peers))
    tally.saw(len(peers) * (len(peers) - 1) // 2)
    doubtful = {peer: doubt for peer in peers if (doubt := _doubt(case, tally, peer))}
    sure = [peer for peer in peers if peer not in doubtful]
    apart = (
        (one, other)
        for place, one in enumerate(sure)
        for other in sure[:place]
        if frozenset((one, other)) not in joined
    )
    for one, other in islice(apart, SHOWN):
        tally.report(f"{case.name(other)} and {case.name(one)} were never connected")
    met = sum(1 for pair in joined if not pair & doubtful.keys())
    more = len(sure) * (len(sure) - 1) // 2 - met - SHOWN
    if more > 0:
        tally.report("and more pairs", times=more)
    for peer, doubt in islice(doubtful.items(), SHOWN):
        if any(one != peer and frozenset((one, peer)) not in joined for one in peers):
            tally.unsure(doubt)


def _doubt(case: Case, tally: Tally, peer: int) -> str | None:
    """Why a peer's connections can't be seen."""
    life = case.swarm.final(peer)
    if life is None:
        return f"the log of {case.name(peer)} is missing"
    oldest = case.lives[case.swarm.by_peer[peer][0]]
    return oldest.lost_start or tally.doubts.get(life.index) or case.ends.lost(life)


@check(
    "C04",
    "connect-first",
    ERROR,
    lenient=WARNING,
    clause="8.3",
    rule="Nothing about a neighbor is logged before its connection, and only connected neighbors are chosen.",
    order="L",
    needs="one log",
    example="peer 1001 receives a have from peer 1002 and only then is connected from it.",
    reads="connection",
)
def connect_first(case: Case, tally: Tally) -> None:
    """Events of connections that no line began, and choices among strangers."""
    for life in case.lives:
        events = life.columns.events
        for number, conn in enumerate(life.columns.conns):
            tally.saw()
            if life.unopened(number):
                tally.unsure(life.lost_start)
            elif conn.implicit or conn.opened:
                rows = [row for row, which in enumerate(events.conns) if which == number]
                first = events.lines[rows[0]] if rows else conn.last_have
                tally.report(
                    f"no line of a connection with {case.name(conn.other)} stands above",
                    case.at(life, first),
                )
        for decision in case.choking(life).decisions:
            tally.saw()
            for other in decision.chosen:
                if other not in decision.connected and not life.lost_start:
                    tally.report(
                        f"{case.name(other)} is chosen but not connected",
                        case.at(life, decision.line),
                    )


@check(
    "C05",
    "single-connection",
    ERROR,
    lenient=WARNING,
    clause="2.1, 2.4",
    rule="A pair shares one connection, made by one side only; a second line means a reconnect.",
    order="-",
    needs="both logs",
    example="peer 1001's log says both that it makes a connection to peer 1002 and that it is connected from it.",
)
def single_connection(case: Case, tally: Tally) -> None:
    """Connections in both directions; second lines are told as information."""
    for life in case.lives:
        seen: dict[int, int] = {}
        kinds: dict[int, int] = {}
        for conn in life.columns.conns:
            if conn.implicit or conn.other == NOBODY:
                continue
            tally.saw()
            if kinds.setdefault(conn.other, conn.kind) != conn.kind:
                tally.report(
                    f"{case.name(life.owner)} and {case.name(conn.other)} connect in both directions",
                    case.at(life, seen[conn.other]),
                    case.at(life, conn.line),
                )
            elif conn.other in seen:
                tally.report(
                    f"{case.name(conn.other)} is connected again; the first connection must be lost",
                    case.at(life, seen[conn.other]),
                    case.at(life, conn.line),
                    severity=INFO,
                )
            seen[conn.other] = conn.line


@check(
    "C06",
    "start-order",
    INFO,
    clause="1.3",
    rule="Peers start in the order of PeerInfo.cfg.",
    order="Tg",
    needs="all logs, times",
    example="peer 1002's first line is minutes older than peer 1001's.",
)
def start_order(case: Case, tally: Tally) -> None:
    """First lines, corrected by the clock offsets."""
    firsts = [case.swarm.lives[lives[0]] for lives in case.swarm.by_peer if lives]
    for earlier, later in pairwise(firsts):
        if not (earlier.columns.timed and later.columns.timed):
            continue
        tally.saw()
        least, _ = case.clocks.interval(earlier.index, later.index)
        early = earlier.columns.first_time - (later.columns.first_time - least)
        if early > START_SLACK and _logged(earlier) and _logged(later):
            tally.report(
                f"{case.name(later.owner)} logs {early:.1f} s before {case.name(earlier.owner)}",
                case.at(later, 1),
                case.at(earlier, 1),
            )


def _logged(life: Life) -> bool:
    return life.columns.line_count > 0

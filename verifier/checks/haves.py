"""H: have. Each piece is announced to everyone, once, in order, and truly (spec 3.3, 5.3, 8.3)."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

from verifier.checks.registry import Scope, check
from verifier.findings import Severity, Witness
from verifier.reading.columns import NEVER

if TYPE_CHECKING:
    from collections.abc import Iterator

    from verifier.findings import Tally
    from verifier.history.facts import View
    from verifier.history.lives import Life

ERROR, WARNING, INFO = Severity.ERROR, Severity.WARNING, Severity.INFO
SHOWN = 20
"""Pieces of one connection that are told one by one."""


def _links(view: View) -> Iterator[tuple[int, Life, int, int]]:
    """Connections with a leecher whose log is there: number, its log, bitfield, downloads owed.

    What is owed are the neighbor's downloads from the bitfield on, up to its next connection.
    """
    for number, mate in enumerate(view.life.mates):
        base = view.life.bases[number]
        if mate is None or base is None or view.full(number):
            continue
        life = view.swarm.lives[mate[0]]
        yield number, life, base, bisect_left(life.seq_lines, life.ends[mate[1]])


def _lasting(view: View, number: int, mate: Life) -> bool:
    """Whether nothing but the end of the run came after a connection, so that no have may lack."""
    there = view.life.mates[number]
    return (
        view.life.last
        and mate.last
        and view.life.ends[number] == NEVER
        and there is not None
        and mate.ends[there[1]] == NEVER
    )


def _missing(view: View, number: int, mate: Life, base: int, owed: int) -> tuple[list[int], int]:
    """The places in the mate's downloads that were never announced, and how many of them are a
    tail: after them nothing was announced.
    """
    connection = view.columns.conns[number]
    if view.aligned(number):
        told = base + len(connection.pieces)
        return list(range(told, owed)), max(0, owed - told)
    have = set(connection.pieces)
    lacking = [place for place in range(base, owed) if mate.seq[place] not in have]
    last = max((mate.place[piece] for piece in have if mate.place[piece] != NEVER), default=-1)
    return lacking, sum(1 for place in lacking if place > last)


def _mute(view: View) -> bool:
    """With --lenient a log that never tells of haves, though some are owed, is not judged by them."""
    owing = any(owed > base for _, _, base, owed in _links(view))
    return view.swarm.lenient and not view.columns.have_count and owing


@check(
    "H01",
    "announced-to-all",
    ERROR,
    clause="5.3",
    rule="Each piece is announced to every neighbor, unless its bitfield told it.",
    order="L",
    needs="both logs",
    example="peer 1002 downloads piece 5, and peer 1003 never hears of it.",
    scope=Scope.LOG,
)
def announced_to_all(view: View, tally: Tally) -> None:
    """Downloads without a have; where the connection ended, a tail may lack."""
    if _mute(view):
        tally.unsure(f"{view.life.file.label} never tells of haves")
        return
    for number, mate, base, owed in _links(view):
        connection = view.columns.conns[number]
        missing, tail = _missing(view, number, mate, base, owed)
        excused = 0 if _lasting(view, number, mate) else tail
        tally.saw(max(0, owed - base))
        if view.columns.form.truncated and tail:
            tally.unsure(f"{view.life.file.label} lacks its end")
            excused = tail
        blamed = missing[: len(missing) - excused]
        mild = WARNING if view.swarm.lenient else None
        for place in blamed[:SHOWN]:
            at_end = place >= owed - tail
            tally.report(
                f"{view.life.file.label} has no have for piece {mate.seq[place]} from peer"
                f" {view.swarm.peer_id(connection.other)}",
                Witness(mate.index, mate.seq_lines[place]),
                Witness(view.life.index, connection.line),
                severity=mild if at_end else None,
            )
        rest = len(blamed) - SHOWN
        if rest > 0:
            tally.report(
                "and more on that connection",
                times=rest,
                severity=mild if tail >= len(blamed) else None,
            )


@check(
    "H02",
    "announced-true",
    ERROR,
    clause="5.3",
    rule="A have tells of a piece that its sender downloaded; seeds send none.",
    order="H",
    needs="both logs",
    example="peer 1003 hears that peer 1002 has piece 5, which peer 1002 never logs.",
    scope=Scope.LOG,
)
def announced_true(view: View, tally: Tally) -> None:
    """Haves against the sender's downloads, and against the order of causes."""
    for number, connection in enumerate(view.columns.conns):
        tally.saw(len(connection.pieces))
        mate = view.mate(number)
        if view.aligned(number) or (mate is None and not view.full(number)):
            continue
        name = f"peer {view.swarm.peer_id(connection.other)}"
        if mate is not None and view.swarm.lenient and not mate.seq and not mate.seed:
            tally.unsure(f"{mate.file.label} never tells of downloads")
            continue
        for piece, line in zip(connection.pieces, connection.lines, strict=True):
            if view.full(number):
                tally.report(f"{name} has the file from the start", Witness(view.life.index, line))
            elif mate is not None and mate.place[piece] == NEVER:
                tally.report(f"{name} never has piece {piece}", Witness(view.life.index, line))


@check(
    "H03",
    "announced-once",
    WARNING,
    clause="5.3",
    rule="A piece is announced once on a connection.",
    order="L",
    needs="one log",
    example="two haves for piece 5 from peer 1002.",
    scope=Scope.LOG,
)
def announced_once(view: View, tally: Tally) -> None:
    """Repeated haves on one connection."""
    for number, connection in enumerate(view.columns.conns):
        tally.saw(len(connection.pieces))
        repeats = connection.repeats
        name = f"peer {view.swarm.peer_id(connection.other)}"
        for line, piece in repeats.first[:SHOWN]:
            first = view.have_line(number, int(piece))
            tally.report(
                f"{name} announces piece {piece} again",
                Witness(view.life.index, first),
                Witness(view.life.index, line),
            )
        if repeats.count > SHOWN:
            tally.report("and more on that connection", times=repeats.count - SHOWN)


@check(
    "H04",
    "bitfield-is-prefix",
    ERROR,
    lenient=WARNING,
    clause="3.3, 8.3",
    rule="The pieces that a neighbor doesn't announce are those that it had when it was connected.",
    order="L",
    needs="both logs",
    example="peer 1002 announces a piece that it had downloaded above the line of the connection.",
    scope=Scope.LOG,
)
def bitfield_is_prefix(view: View, tally: Tally) -> None:
    """Haves for pieces of the bitfield, and pieces outside it that were never announced."""
    if _mute(view):
        tally.unsure(f"{view.life.file.label} never tells of haves")
        return
    for number, mate, base, owed in _links(view):
        tally.saw()
        if view.aligned(number):
            continue
        connection = view.columns.conns[number]
        name = f"peer {view.swarm.peer_id(connection.other)}"
        there = view.life.mates[number]
        begun = mate.columns.conns[there[1]].line if there else 0
        for piece, line in zip(connection.pieces, connection.lines, strict=True):
            if mate.place[piece] < base:
                tally.report(
                    f"{name} had piece {piece} when it was connected",
                    Witness(mate.index, mate.line_of[piece]),
                    Witness(mate.index, begun),
                    Witness(view.life.index, line),
                )
        missing, tail = _missing(view, number, mate, base, owed)
        for place in missing[: len(missing) - tail][:SHOWN]:
            tally.report(
                f"{name} got piece {mate.seq[place]} after it was connected and doesn't announce it",
                Witness(mate.index, begun),
                Witness(mate.index, mate.seq_lines[place]),
            )


@check(
    "H05",
    "have-order",
    ERROR,
    lenient=WARNING,
    clause="5.3, 8.4",
    rule="Haves come in the order of the downloads that they announce.",
    order="L,F",
    needs="both logs",
    example="piece 5 is announced before piece 4, which was downloaded first.",
    scope=Scope.LOG,
)
def have_order(view: View, tally: Tally) -> None:
    """Places in the sender's downloads must go up along the haves of a connection."""
    for number, mate, _, _ in _links(view):
        connection = view.columns.conns[number]
        tally.saw(max(0, len(connection.pieces) - 1))
        if view.aligned(number):
            continue
        before, above = -1, 0
        for piece, line in zip(connection.pieces, connection.lines, strict=True):
            place = mate.place[piece]
            if place == NEVER:
                continue
            if place < before:
                tally.report(
                    f"peer {view.swarm.peer_id(connection.other)} downloaded piece {piece} earlier",
                    Witness(mate.index, mate.seq_lines[place]),
                    Witness(mate.index, mate.seq_lines[before]),
                    Witness(view.life.index, above),
                    Witness(view.life.index, line),
                )
            else:
                before, above = place, line


@check(
    "T05",
    "no-sudden-loss",
    ERROR,
    clause="7.2",
    rule="No peer's end costs a neighbor the last haves that it is owed.",
    order="H",
    needs="all logs",
    example="peer 1003's log ends before the last have of peer 1002.",
    scope=Scope.LOG,
)
def no_sudden_loss(view: View, tally: Tally) -> None:
    """Haves that lack at the end of the last connection of a pair."""
    if _mute(view):
        tally.unsure(f"{view.life.file.label} never tells of haves")
        return
    for number, mate, base, owed in _links(view):
        if not _lasting(view, number, mate):
            continue
        tally.saw()
        _, tail = _missing(view, number, mate, base, owed)
        if view.columns.form.truncated and tail:
            tally.unsure(f"{view.life.file.label} lacks its end")
        elif tail:
            tally.report(
                f"{tail} haves of peer {view.swarm.peer_id(view.columns.conns[number].other)} never arrive",
                Witness(mate.index, mate.seq_lines[owed - tail]),
                Witness(view.life.index, view.columns.line_count),
                severity=WARNING if view.swarm.lenient else None,
            )

"""H: have. Each piece is announced to everyone, once, in order, and truly (spec 3.3, 5.3, 8.3)."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator

from verifier.checks.registry import Scope, check
from verifier.findings import Severity, Tally, Witness
from verifier.history.case import Case
from verifier.history.facts import SHOWN, Haves, View
from verifier.history.lives import LAG, Life
from verifier.reading.columns import NEVER

ERROR, WARNING, INFO = Severity.ERROR, Severity.WARNING, Severity.INFO
SILENCE = 20.0
"""Seconds after which a have that never came is no lost tail, if both logs go on."""


def _links(view: View) -> Iterator[tuple[int, Life, int, int]]:
    """Connections with a leecher whose log is there: number, its log, bitfield, downloads owed.

    What is owed are the neighbor's downloads from the bitfield on, up to its next connection.
    """
    for number in range(len(view.columns.conns)):
        owing = view.owing(number)
        if owing is not None:
            yield number, *owing


def _owing(case: Case) -> Iterator[tuple[Life, int, Life, Haves]]:
    """Connections with a leecher whose log is there: the hearer's end, its mate, what it heard."""
    for life, number, _, mate, _, facts in case.links():
        if mate is None or facts.haves is None:
            continue
        yield life, number, mate, facts.haves


def _lasting(case: Case, life: Life, number: int, mate: Life) -> bool:
    """Whether nothing but the end of the run came after a connection, so that no have may lack."""
    there = life.mates[number]
    return (
        life.last
        and mate.last
        and life.ends[number] == NEVER
        and there is not None
        and case.lives[mate.index].ends[there[1]] == NEVER
    )


def _silent(case: Case, life: Life) -> bool:
    """With --lenient a log that never logs haves, though some are owed, is not judged by them."""
    if not case.swarm.lenient or life.columns.have_count:
        return False
    facts = case.facts[life.index].conns
    return any(one.haves is not None and one.haves.owed > one.haves.base for one in facts)


def _overdue(case: Case, life: Life, mate: Life, haves: Haves) -> int:
    """How many haves of a tail were due for `SILENCE` while both logs went on."""
    if not (life.columns.timed and mate.columns.timed):
        return 0
    most = case.clocks.interval(mate.index, life.index)[1]
    until = min(mate.columns.last_time, life.columns.last_time - most) - SILENCE
    first = haves.owed - haves.tail
    return bisect_right(mate.seq_times, until, first, haves.owed) - first


def _mute(view: View) -> bool:
    """With --lenient a log that never logs haves, though some are owed, is not judged by them."""
    owing = any(owed > base for _, _, base, owed in _links(view))
    return view.swarm.lenient and not view.columns.have_count and owing


@check(
    "H01",
    "announced-to-all",
    ERROR,
    clause="5.3",
    rule="Each piece is announced to every neighbor, unless the bitfield already contained it.",
    order="L",
    needs="both logs",
    example="peer 1002 downloads piece 5, and peer 1003 never hears of it.",
    reads="have download connection",
)
def announced_to_all(case: Case, tally: Tally) -> None:
    """Downloads without a have. At the end of a connection haves may be missing; with --lenient they may
    be missing unless both peers live on, and the bitfield may have held what is written right below.
    """
    for life, number, mate, haves in _owing(case):
        if _silent(case, life):
            tally.unsure(f"{life.file.label} never logs haves")
            continue
        tally.saw(max(0, haves.owed - haves.base))
        above = ""
        for place in haves.gaps:
            above = _above_the_start(case, life, number, mate, place)
            excuse = above or _excuse(case, life, number, mate, haves, place)
            _unheard(case, tally, life, number, mate, place, excuse)
        if haves.gap_count > len(haves.gaps):
            tally.report(
                "and more on that connection",
                case.at(life, life.columns.conns[number].line),
                times=haves.gap_count - len(haves.gaps),
                severity=WARNING if above else None,
                lacking=mate.index,
            )
        if haves.tail and _lasting(case, life, number, mate):
            _tail(case, tally, life, number, mate, haves)


def _excuse(case: Case, life: Life, number: int, mate: Life, haves: Haves, place: int) -> str:
    """Why a have needn't stand in a log though a later one does; empty where it must."""
    if mate.seq[place] in haves.early:
        return "; the bitfield may have told it before its line was written"
    if _at_the_end(case, life, number, mate, haves, place):
        return "; the connection may have ended before it was told"
    return ""


def _unheard(
    case: Case,
    tally: Tally,
    life: Life,
    number: int,
    mate: Life,
    place: int,
    excuse: str,
) -> None:
    """One download that a neighbor never heard of."""
    piece = mate.seq[place]
    tally.report(
        f"{life.file.label} has no have for piece {piece} from {case.name(mate.owner)}{excuse}",
        case.at(mate, mate.seq_lines[place]),
        case.at(life, life.columns.conns[number].line),
        severity=WARNING if excuse else None,
    )


def _above_the_start(case: Case, life: Life, number: int, mate: Life, place: int) -> str:
    """With --lenient, that a have may have come before the first line of a log that never tells of the
    connection, as it may have lost its beginning; empty where it came later.
    """
    silent = (
        life.columns.conns[number].implicit and not life.lost_start
    )  # else it isn't owed at all
    if not (case.swarm.lenient and silent):
        return ""
    most = case.clocks.interval(life.index, mate.index)[1]
    timed = life.columns.timed and mate.columns.timed
    if timed and mate.seq_times[place] - most > life.columns.first_time + LAG:
        return ""
    return "; it may have come before that log's first line"


def _at_the_end(case: Case, life: Life, number: int, mate: Life, haves: Haves, place: int) -> bool:
    """With --lenient, whether a download belongs to the lost end of a connection, though a line that
    is written late makes one stand below it that was announced.
    """
    ended = not _lasting(case, life, number, mate) or case.ends.lost(life)
    if not (case.swarm.lenient and ended and mate.columns.timed):
        return False
    last = mate.seq_times[haves.owed - haves.tail - 1]
    return mate.seq_times[place] >= last - LAG - mate.columns.resolution


def _tail(case: Case, tally: Tally, life: Life, number: int, mate: Life, haves: Haves) -> None:
    """What a neighbor owes at the end of the last connection of a pair."""
    lost = case.ends.lost(life)
    if lost:
        tally.unsure(lost)
        return
    first = haves.owed - haves.tail
    overdue = haves.tail
    if case.swarm.lenient:
        # One way alone may be a neighbor that stopped reading: its own fault, not the sender's.
        there = life.mates[number]
        back = there and case.facts[there[0]].conns[there[1]].haves
        silent = back and _overdue(case, mate, life, back)
        overdue = _overdue(case, life, mate, haves) if silent else 0
    for severity, begin, end in (
        (None, first, first + overdue),
        (WARNING, first + overdue, haves.owed),
    ):
        for place in range(begin, min(end, begin + SHOWN)):
            tally.report(
                f"{life.file.label} has no have for piece {mate.seq[place]} from"
                f" {case.name(mate.owner)}",
                case.at(mate, mate.seq_lines[place]),
                case.at(life, life.columns.conns[number].line),
                severity=severity,
            )
        if end - begin > SHOWN:
            tally.report(
                "and more on that connection",
                case.at(life, life.columns.conns[number].line),
                times=end - begin - SHOWN,
                severity=severity,
                lacking=mate.index,
            )


@check(
    "H02",
    "announced-true",
    ERROR,
    clause="5.3",
    rule="A have names a piece that its sender downloaded; seeds send none.",
    order="H",
    needs="both logs",
    example="peer 1003 hears that peer 1002 has piece 5, which peer 1002 never logs.",
    reads="download connection",
)
def announced_true(case: Case, tally: Tally) -> None:
    """Haves against the sender's downloads; a sender's log that has lost its end can't show it."""
    for life, number, connection, mate, _, facts in case.links():
        tally.saw(connection.haves)
        untrue = facts.untrue
        if not untrue.lines:
            continue
        name = case.name(connection.other)
        if case.config.peers[connection.other].has_file:
            for line in untrue.lines:
                tally.report(f"{name} has the file from the start", case.at(life, line))
            continue
        assert mate is not None
        if case.swarm.lenient and not mate.seq:
            tally.unsure(f"{mate.file.label} never logs downloads")
            continue
        for piece, line, time in zip(untrue.pieces, untrue.lines, untrue.times, strict=True):
            excuse = case.ends.excuse(mate, life, number, line, time, piece=True)
            if excuse:
                tally.unsure(excuse)
                continue
            tally.report(f"{name} never has piece {piece}", case.at(life, line), lacking=mate.index)


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
    reads="have download connection",
)
def bitfield_is_prefix(view: View, tally: Tally) -> None:
    """Haves for pieces of the bitfield, and pieces outside it that were never announced."""
    if _mute(view):
        tally.unsure(f"{view.life.file.label} never logs haves")
        return
    for number, mate, base, _ in _links(view):
        tally.saw()
        if view.aligned(number):
            continue
        if view.life.unopened(number):
            tally.unsure(view.life.lost_start)
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
        missing, tail = view.missing(number)
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
    lenient=WARNING,
    clause="7.2",
    rule="No peer's end costs a neighbor the last haves that it is owed.",
    order="H",
    needs="all logs",
    example="peer 1003's log ends before the last have of peer 1002.",
    reads="have download connection",
)
def no_sudden_loss(case: Case, tally: Tally) -> None:
    """Haves that are missing at the end of the last connection of a pair."""
    for life, number, mate, haves in _owing(case):
        if _silent(case, life):
            tally.unsure(f"{life.file.label} never logs haves")
            continue
        if not _lasting(case, life, number, mate):
            continue
        tally.saw()
        if haves.tail and case.ends.lost(life):
            tally.unsure(case.ends.lost(life) or "")
        elif haves.tail:
            tally.report(
                f"{haves.tail} haves of {case.name(mate.owner)} never arrive",
                case.at(mate, mate.seq_lines[haves.owed - haves.tail]),
                case.at(life, life.columns.line_count),
            )

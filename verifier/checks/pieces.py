"""D01 to D09: what each peer downloaded, and whether it may have (spec 4.8, 5, 6, 8.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from verifier.checks.registry import Scope, check
from verifier.findings import Severity, Witness
from verifier.history.replay import Walk
from verifier.reading.columns import NEVER
from verifier.reading.sentences import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from verifier.findings import Tally
    from verifier.history.case import Case
    from verifier.history.facts import View
    from verifier.history.lives import Life

ERROR, WARNING, INFO = Severity.ERROR, Severity.WARNING, Severity.INFO
CHOKES = {Kind.UNCHOKED, Kind.CHOKED}


def downloads(life: Life) -> Iterator[tuple[int, int, int, int, int]]:
    """All download lines, repeated ones too: row, line, piece, count, connection."""
    events = life.columns.events
    rows = zip(events.kinds, events.lines, events.pieces, events.counts, events.conns, strict=True)
    for row, (kind, line, piece, number, conn) in enumerate(rows):
        if kind == Kind.DOWNLOADED and piece >= 0:
            yield row, line, piece, number, conn


@check(
    "D01",
    "counts-up",
    ERROR,
    lenient=WARNING,
    clause="8.1",
    rule="The number of pieces goes up by one with each download, from 1, or from what an earlier life left.",
    order="L",
    needs="one log",
    example="`Now the number of pieces it has is 7.` follows a 5.",
    reads="download",
)
def counts_up(case: Case, tally: Tally) -> None:
    """Each count against the one before it in the same life."""
    for life in case.lives:
        before, above = life.begun, 0
        for _, line, _, number, _ in downloads(life):
            if number < 0:
                tally.unsure(f"{life.file.label}: downloads without their number of pieces")
                continue
            if above or not life.headless:
                tally.saw()
                if number != before + 1:
                    tally.report(
                        f"{number} follows {before}", case.at(life, above), case.at(life, line)
                    )
            before, above = number, line


def _raced(life: Life, piece: int, row: int) -> bool:
    """Whether a second download can be a request that a choke crossed (spec 6.4): its sender, or
    the first one's, choked the peer before.
    """
    events = life.columns.events
    first = life.sources[life.place[piece]]
    second = events.conns[row]
    return first != second and any(
        events.kinds[before] == Kind.CHOKED and events.conns[before] in {first, second}
        for before in range(row)
    )


@check(
    "D02",
    "no-piece-twice",
    ERROR,
    clause="6.5",
    rule="No piece is downloaded twice.",
    order="L",
    needs="one log",
    example="piece 12 is downloaded from peer 1001 and again from peer 1003.",
)
def no_piece_twice(case: Case, tally: Tally) -> None:
    """With --lenient a duplicate that a choke explains is a warning."""
    for life in case.lives:
        for row, line, piece, _, _ in downloads(life):
            tally.saw()
            if line != life.line_of[piece]:
                mild = case.swarm.lenient and _raced(life, piece, row)
                tally.report(
                    f"piece {piece} was there already",
                    case.at(life, life.line_of[piece]),
                    case.at(life, line),
                    severity=WARNING if mild else None,
                )


@check(
    "D03",
    "count-is-set",
    ERROR,
    lenient=WARNING,
    clause="8.1",
    rule="The number of pieces is the number of different pieces downloaded.",
    order="L",
    needs="one log",
    example="the number goes up with a piece that was there already.",
    reads="download",
)
def count_is_set(case: Case, tally: Tally) -> None:
    """Each count against the pieces above it."""
    for life in case.lives:
        if life.headless:
            tally.unsure(f"what {life.file.label} began with isn't known")
            continue
        have = life.begun
        for _, line, piece, number, _ in downloads(life):
            have += line == life.line_of[piece]
            if number >= 0:
                tally.saw()
                if number != have:
                    tally.report(f"it has {have} pieces then, not {number}", case.at(life, line))


@check(
    "D04",
    "seeds-silent",
    ERROR,
    clause="1.3",
    rule="A peer that starts with the file downloads nothing and never completes.",
    order="-",
    needs="one log",
    example="a seed logs that it has downloaded the complete file.",
)
def seeds_silent(case: Case, tally: Tally) -> None:
    """With --lenient a completion line alone is a warning."""
    for life in case.lives:
        if not life.seed:
            continue
        tally.saw()
        events = life.columns.events
        for kind, line in zip(events.kinds, events.lines, strict=True):
            if kind == Kind.DOWNLOADED:
                tally.report("it starts with the file", case.at(life, line))
            elif kind == Kind.COMPLETE:
                mild = WARNING if case.swarm.lenient else None
                tally.report("it starts with the file", case.at(life, line), severity=mild)


@check(
    "D06",
    "knew-it",
    ERROR,
    lenient=WARNING,
    clause="6.1",
    rule="A piece is requested from a neighbor that announced it, by have or bitfield on this connection.",
    order="L",
    needs="both logs",
    example="piece 5 is downloaded from peer 1002 above its have for piece 5.",
    scope=Scope.LOG,
    reads="have connection",
)
def knew_it(view: View, tally: Tally) -> None:
    """Each download against the haves and the bitfield of its connection."""
    life = view.life
    for _, line, piece, _, conn in downloads(life):
        if view.have_line(conn, piece) < line:
            tally.saw()
            continue
        told = view.in_bitfield(conn, piece)
        mute = view.swarm.lenient and not view.columns.have_count
        if told is None or (mute and not told):
            unopened = life.lost_start if life.unopened(conn) else ""
            tally.unsure(unopened or "what was told at a connection's start isn't logged")
            continue
        tally.saw()
        if not told:
            other = view.swarm.peer_id(view.columns.conns[conn].other)
            later = view.have_line(conn, piece)
            tally.report(
                f"peer {other} hasn't told piece {piece} then",
                Witness(life.index, line),
                Witness(life.index, later if later != NEVER else 0),
            )


@check(
    "D07",
    "was-interested",
    ERROR,
    lenient=WARNING,
    clause="5.1, 6.1",
    rule="A peer that downloads from another has said `interested` to it before.",
    order="F",
    needs="both logs",
    example="peer 1002 downloads from peer 1001, to which it never said `interested`.",
    scope=Scope.LOG,
    reads="interest",
)
def was_interested(view: View, tally: Tally) -> None:
    """Each have that tells of a piece served: its sender was interested since its have before."""
    life = view.life
    mute = view.swarm.lenient and not life.writes(Kind.INTERESTED)
    events = view.columns.events
    words: dict[int, list[tuple[int, bool]]] = {}
    for kind, line, conn in zip(events.kinds, events.lines, events.conns, strict=True):
        if kind in {Kind.INTERESTED, Kind.NOT_INTERESTED}:
            words.setdefault(conn, []).append((line, kind == Kind.INTERESTED))
    for number, connection in enumerate(view.columns.conns):
        mate = life.mates[number]
        if mate is None or connection.implicit:
            continue
        there = view.swarm.lives[mate[0]]
        served = [
            (view.have_line(number, piece), piece)
            for piece in map(there.seq.__getitem__, there.came_over(mate[1]))
        ]
        told = [item for item in sorted(served) if item[0] != NEVER]
        if told and mute:
            tally.unsure(f"{life.file.label} never logs interest")
            return
        tally.saw(len(told))
        for have, piece in _uninterested(told, words.get(number, [])):
            tally.report(
                f"peer {view.swarm.peer_id(connection.other)} got piece {piece} without being interested",
                Witness(there.index, there.line_of[piece]),
                Witness(life.index, have),
            )


def _uninterested(
    told: list[tuple[int, int]], words: list[tuple[int, bool]]
) -> Iterator[tuple[int, int]]:
    """Haves of pieces served such that no `interested` stood between the last one and it."""
    place, state = 0, False
    for have, piece in told:
        was = state
        while place < len(words) and words[place][0] < have:
            state = words[place][1]
            was = was or state
            place += 1
        if not was:
            yield have, piece


@check(
    "D08",
    "not-while-choked",
    ERROR,
    clause="4.8",
    rule="No piece comes from a neighbor that has the peer choked.",
    order="L",
    needs="one log",
    example="choked by peer 1001, then a piece from peer 1001.",
    reads="choke",
)
def not_while_choked(case: Case, tally: Tally) -> None:
    """With --lenient one piece for each choke is a warning."""
    for life in case.lives:
        mute = not life.writes(Kind.UNCHOKED)
        if case.swarm.lenient and mute and life.seq:
            tally.unsure(f"{life.file.label} never logs being unchoked")
            continue
        choked_at = [0 if conn.implicit and not mute else conn.line for conn in life.columns.conns]
        since = [0] * len(life.columns.conns)
        walk = Walk(life)
        for _, kind, line, _, _, conn, _ in walk.steps():
            if kind in CHOKES:
                choked_at[conn], since[conn] = line, 0
            elif kind == Kind.DOWNLOADED:
                tally.saw()
                if mute or conn not in walk.open:
                    since[conn] += 1
                    once = case.swarm.lenient and since[conn] == 1
                    tally.report(
                        f"{case.name(life.columns.conns[conn].other)} has it choked",
                        case.at(life, choked_at[conn]),
                        case.at(life, line),
                        severity=WARNING if once else None,
                    )


@check(
    "D09",
    "complete-once",
    ERROR,
    lenient=WARNING,
    clause="8.1",
    rule="A leecher logs once that it has the complete file, right after its last piece.",
    order="L",
    needs="one log",
    example="the line of completion comes before the last piece.",
    reads="download",
)
def complete_once(case: Case, tally: Tally) -> None:
    """Completion lines against the piece that makes the file whole."""
    for life in case.lives:
        if life.seed:
            continue
        events = life.columns.events
        done = [
            line
            for kind, line in zip(events.kinds, events.lines, strict=True)
            if kind == Kind.COMPLETE
        ]
        whole = len(life.seq) >= case.config.pieces
        last = life.seq_lines[-1] if life.seq else 0
        if (not whole and (life.headless or not done)) or life.begun >= case.config.pieces:
            continue
        tally.saw()
        if not whole:
            tally.report(
                f"{len(life.seq)} of {case.config.pieces} pieces are there", case.at(life, done[0])
            )
        elif not done and case.ends.lost_after(life, last):
            tally.unsure(case.ends.lost_after(life, last))
        elif not done:
            tally.report("all pieces are there and it isn't told", case.at(life, last))
        elif not _right_below(life, last, done[0]):
            tally.report(
                "not right after the last piece", case.at(life, last), case.at(life, done[0])
            )
        for line in done[1:]:
            tally.report("told again", case.at(life, done[0]), case.at(life, line))
        late = [line for _, line, _, _, _ in downloads(life) if done and line > done[0]]
        if late and whole:
            tally.report(
                "downloads go on", case.at(life, done[0]), case.at(life, late[0]), times=len(late)
            )


def _right_below(life: Life, piece: int, done: int) -> bool:
    """Whether nothing stands between the lines of a piece and of completion but the piece's count."""
    return done == piece + 1 or (life.columns.form.counts_apart and done == piece + 2)

"""D: pieces. What each peer downloaded, from whom, and whether it may have (spec 4.8, 5, 6, 9)."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from verifier.checks.registry import Scope, check
from verifier.columns import NEVER
from verifier.findings import Severity, Witness
from verifier.sentences import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from verifier.case import Case
    from verifier.facts import View
    from verifier.findings import Tally
    from verifier.history import Life

ERROR, WARNING, INFO = Severity.ERROR, Severity.WARNING, Severity.INFO
CHOKES = {Kind.UNCHOKED, Kind.CHOKED}


def _downloads(life: Life) -> Iterator[tuple[int, int, int, int, int]]:
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
    rule="The number of pieces goes up by one with each download, from 1.",
    order="L",
    needs="one log",
    example="`Now the number of pieces it has is 7.` follows a 5.",
)
def counts_up(case: Case, tally: Tally) -> None:
    """Each count against the one before it in the same life."""
    for life in case.lives:
        before, above = 0, 0
        for _, line, _, number, _ in _downloads(life):
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
        for row, line, piece, _, _ in _downloads(life):
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
)
def count_is_set(case: Case, tally: Tally) -> None:
    """Each count against the pieces above it."""
    for life in case.lives:
        if life.headless:
            tally.unsure(f"{life.file.label} lacks its beginning")
            continue
        have = 0
        for _, line, piece, number, _ in _downloads(life):
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
    "D05",
    "source-had-it",
    ERROR,
    clause="6.1",
    rule="A piece comes from a peer that has it.",
    order="H",
    needs="all logs",
    example="peer 1003 downloads piece 5 from peer 1002, which never gets it.",
)
def source_had_it(case: Case, tally: Tally) -> None:
    """Each download against the source's own; that it isn't later is G01's to see."""
    for life in case.lives:
        for _, line, piece, _, conn in _downloads(life):
            other = life.columns.conns[conn].other
            if case.config.peers[other].has_file:
                tally.saw()
                continue
            lives = case.swarm.by_peer[other]
            if not lives:
                tally.unsure(f"the log of {case.name(other)} is missing")
                continue
            mute = all(not case.lives[number].seq for number in lives)
            if case.swarm.lenient and mute:
                tally.unsure(f"{case.name(other)} never tells of downloads")
                continue
            tally.saw()
            mate = life.mates[conn]
            sources = lives if mate is None else [mate[0]]
            if all(case.lives[number].line_of[piece] == NEVER for number in sources):
                tally.report(f"{case.name(other)} never has piece {piece}", case.at(life, line))


@check(
    "D06",
    "knew-it",
    ERROR,
    lenient=WARNING,
    clause="6.1",
    rule="A piece is requested from a neighbor that told it: by have or bitfield on this connection.",
    order="L",
    needs="both logs",
    example="piece 5 is downloaded from peer 1002 above its have for piece 5.",
    scope=Scope.LOG,
)
def knew_it(view: View, tally: Tally) -> None:
    """Each download against the haves and the bitfield of its connection."""
    life = view.life
    events = view.columns.events
    for _, line, piece, _, conn in _downloads(life):
        if view.have_line(conn, piece) < line:
            tally.saw()
            continue
        told = view.in_bitfield(conn, piece)
        if told is None or (view.swarm.lenient and not view.columns.have_count):
            tally.unsure("what was told at a connection's start isn't logged")
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
    del events


@check(
    "D07",
    "was-interested",
    ERROR,
    lenient=WARNING,
    clause="5.1, 6.1",
    rule="Who downloads from a peer has told it `interested` before.",
    order="F",
    needs="both logs",
    example="peer 1002 downloads from peer 1001, to which it never said `interested`.",
    scope=Scope.LOG,
)
def was_interested(view: View, tally: Tally) -> None:
    """Each have that tells of a piece served: its sender was interested since its have before."""
    life = view.life
    if view.swarm.lenient and not life.writes(Kind.INTERESTED):
        tally.unsure(f"{life.file.label} never tells of interest")
        return
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
            for piece, source in zip(there.seq, there.sources, strict=True)
            if source == mate[1]
        ]
        told = [item for item in sorted(served) if item[0] != NEVER]
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
    place, state, before = 0, False, 0
    for have, piece in told:
        was = state
        while place < len(words) and words[place][0] < have:
            state = words[place][1]
            was = was or state
            place += 1
        if not was:
            yield have, piece
        before = have
    del before


@check(
    "D08",
    "not-while-choked",
    ERROR,
    clause="4.8",
    rule="No piece comes from a neighbor that has the peer choked.",
    order="L",
    needs="one log",
    example="choked by peer 1001, then a piece from peer 1001.",
)
def not_while_choked(case: Case, tally: Tally) -> None:
    """With --lenient one piece for each choke is a warning."""
    for life in case.lives:
        events = life.columns.events
        mute = not life.writes(Kind.UNCHOKED)
        if case.swarm.lenient and mute and life.seq:
            tally.unsure(f"{life.file.label} never tells of being unchoked")
            continue
        choked_at = [0 if conn.implicit and not mute else conn.line for conn in life.columns.conns]
        open_ = [conn.implicit and not mute for conn in life.columns.conns]
        since = [0] * len(life.columns.conns)
        rows = zip(events.kinds, events.lines, events.conns, strict=True)
        for kind, line, conn in rows:
            if kind in CHOKES:
                open_[conn] = kind == Kind.UNCHOKED
                choked_at[conn], since[conn] = line, 0
            elif kind == Kind.DOWNLOADED:
                tally.saw()
                if not open_[conn]:
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
    rule="A leecher tells once that it has the complete file, right after its last piece.",
    order="L",
    needs="one log",
    example="the line of completion stands above the last piece.",
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
        if not whole and (life.headless or not done):
            continue
        tally.saw()
        if not whole:
            tally.report(
                f"{len(life.seq)} of {case.config.pieces} pieces are there", case.at(life, done[0])
            )
        elif not done:
            tally.report("all pieces are there and it isn't told", case.at(life, last))
        elif done[0] != last + 1:
            tally.report(
                "not right after the last piece", case.at(life, last), case.at(life, done[0])
            )
        for line in done[1:]:
            tally.report("told again", case.at(life, done[0]), case.at(life, line))
        late = [line for _, line, _, _, _ in _downloads(life) if done and line > done[0]]
        if late and whole:
            tally.report(
                "downloads go on", case.at(life, done[0]), case.at(life, late[0]), times=len(late)
            )


@check(
    "D10",
    "conservation",
    ERROR,
    clause="6.3, 7.1",
    rule="Each leecher's log tells of as many downloads as there are pieces.",
    order="-",
    needs="all logs",
    example="305 download lines where there are 306 pieces.",
)
def conservation(case: Case, tally: Tally) -> None:
    """Lines of downloads in each leecher's last life."""
    for peer, info in enumerate(case.config.peers):
        life = case.swarm.final(peer)
        if info.has_file:
            continue
        if life is None:
            tally.unsure(f"the log of {case.name(peer)} is missing")
            continue
        number = sum(1 for _ in _downloads(life))
        if life.headless or (case.swarm.lenient and not number):
            tally.unsure(f"{life.file.label} doesn't tell all its downloads")
            continue
        tally.saw(number)
        different = len(life.seq) == case.config.pieces and case.swarm.lenient
        if number != case.config.pieces and not different:
            tally.report(
                f"{case.name(peer)} logs {number} downloads of {case.config.pieces} pieces",
                case.at(life, life.seq_lines[-1] if life.seq else 1),
            )


@check(
    "D11",
    "provenance-forest",
    ERROR,
    clause="6.1",
    rule="Followed back from peer to peer, each piece comes from a seed.",
    order="-",
    needs="all logs",
    example="peers 1002 and 1003 each say that they got piece 5 from the other.",
)
def provenance(case: Case, tally: Tally) -> None:
    """For each piece, who got it from whom, without going in circles."""
    rooted: list[bytearray] = [bytearray(case.config.pieces) for _ in case.lives]
    for start in case.lives:
        for piece in start.seq:
            path: list[int] = []
            log: int | None = start.index
            while log is not None and not rooted[log][piece] and log not in path:
                path.append(log)
                log = _origin(case, case.lives[log], piece)
            if log is not None and log in path:
                circle = [case.lives[one] for one in path[path.index(log) :]]
                tally.report(
                    f"piece {piece} goes in a circle",
                    *(case.at(life, life.line_of[piece]) for life in circle),
                )
            for one in path:
                rooted[one][piece] = 1
            tally.saw()


def _origin(case: Case, life: Life, piece: int) -> int | None:
    """The log of the peer that a piece came from; None at a seed, or where the trail ends."""
    place = life.place[piece]
    conn = life.sources[place] if place != NEVER else -1
    if conn < 0 or case.config.peers[life.columns.conns[conn].other].has_file:
        return None
    mate = life.mates[conn]
    if mate is None or case.lives[mate[0]].place[piece] == NEVER:
        return None
    return mate[0]


@check(
    "D16",
    "file-equal",
    ERROR,
    clause="9.1, 9.2",
    rule="Every complete peer's file equals the seed's, byte for byte.",
    order="-",
    needs="the folders peer_[id]",
    example="peer_1003/TheFile.dat differs from peer_1001/TheFile.dat.",
)
def file_equal(case: Case, tally: Tally) -> None:
    """Files are compared where the folders are beside the logs."""
    digests: dict[int, str] = {}
    paths: dict[int, Path] = {}
    for peer in range(len(case.config.peers)):
        life = case.swarm.final(peer)
        path = case.swarm.folder / f"peer_{case.swarm.peer_id(peer)}" / case.config.file_name
        complete = life is not None and (life.seed or life.done_line != NEVER)
        if not complete or not path.is_file():
            continue
        try:
            with path.open("rb") as file:
                digests[peer] = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            tally.unsure(f"{path.name} of {case.name(peer)}: {error.strerror}")
            continue
        paths[peer] = path
    seeds = [peer for peer in digests if case.config.peers[peer].has_file]
    for peer, digest in digests.items():
        if not seeds or peer == seeds[0]:
            continue
        tally.saw()
        size = paths[peer].stat().st_size
        if digest != digests[seeds[0]]:
            tally.report(
                f"the file of {case.name(peer)} ({size} bytes) isn't that of {case.name(seeds[0])}"
            )
    for peer in seeds[:1]:
        tally.saw()
        size = paths[peer].stat().st_size
        if size != case.config.file_size:
            tally.report(
                f"the seed's file has {size} bytes, Common.cfg says {case.config.file_size}"
            )

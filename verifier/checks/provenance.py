"""D05, D10, D11, D16: where pieces come from, and that all arrive (spec 6, 7.1, 9)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from verifier.checks.pieces import downloads
from verifier.checks.registry import check
from verifier.findings import Severity, Tally
from verifier.history.case import Case
from verifier.history.lives import Life
from verifier.reading.columns import NEVER
from verifier.showing import shown

ERROR = Severity.ERROR
MOST_READ = 1 << 33
"""Bytes of copies that are read to be compared."""


@check(
    "D05",
    "source-had-it",
    ERROR,
    clause="6.1",
    rule="A piece comes from a peer that has it.",
    order="H",
    needs="all logs",
    example="peer 1003 downloads piece 5 from peer 1002, which never gets it.",
    reads="download connection",
)
def source_had_it(case: Case, tally: Tally) -> None:
    """Each download against the source's own; that it isn't later is G01's to see."""
    for life in case.lives:
        for row, line, piece, _, conn in downloads(life):
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
                tally.unsure(f"{case.name(other)} never logs downloads")
                continue
            tally.saw()
            mate = life.mates[conn]
            sources = lives if mate is None else [mate[0]]
            if any(case.lives[number].line_of[piece] != NEVER for number in sources):
                continue
            source = case.lives[sources[-1]]
            excuse = _may_lack(case, sources) or case.ends.excuse(
                source, life, conn, line, life.columns.events.times[row], piece=True
            )
            if other in case.swarm.missing:  # only earlier logs of it are there
                excuse = f"the log of {case.name(other)} is missing"
            if excuse:
                tally.unsure(excuse)
                continue
            tally.report(
                f"{case.name(other)} never has piece {piece}",
                case.at(life, line),
                lacking=source.index,
            )


def _may_lack(case: Case, sources: Sequence[int]) -> str:
    """Why one of some logs may not tell all that its peer had; empty where each does."""
    for life in (case.lives[number] for number in sources):
        if life.empty:
            return f"{life.file.label} is empty"
        if life.headless:
            return life.lost_start or f"what {life.file.label} began with isn't known"
    return ""


@check(
    "D10",
    "conservation",
    ERROR,
    clause="6.3, 7.1",
    rule="Each leecher's log has as many downloads as there are pieces, less those that an earlier life left.",
    order="-",
    needs="all logs",
    example="305 download lines where there are 306 pieces.",
    reads="download",
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
        number = sum(1 for _ in downloads(life))
        if life.headless or (case.swarm.lenient and not number):
            tally.unsure(life.lost_start or f"{life.file.label} doesn't tell all its downloads")
            continue
        lost = case.ends.lost(life)
        if lost and number < case.config.pieces:
            tally.unsure(lost)
            continue
        tally.saw(number)
        different = len(life.seq) == case.config.pieces and case.swarm.lenient
        owed = case.config.pieces - life.begun
        if number != owed and not different:
            tally.report(
                f"{case.name(peer)} logs {number} downloads of {owed} pieces",
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
    reads="download connection",
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
    if mate is None or case.lives[mate[0]].place[piece] == NEVER or case.lives[mate[0]].headless:
        return None
    return mate[0]


@check(
    "D17",
    "resumed-from-earlier",
    Severity.WARNING,
    clause="1.3, 9.2",
    rule="Who begins with pieces got them in an earlier life: logs tell it, but for those that were under way when it was killed.",
    order="-",
    needs="the logs of earlier lives",
    example="peer 1003 resumes with 40 pieces, and its earlier logs tell of 12.",
)
def resumed_from_earlier(case: Case, tally: Tally) -> None:
    """Pieces at the start against earlier downloads; each neighbor may have been sending one more."""
    for life in case.lives:
        if not life.begun:
            continue
        if not life.lives_before:
            tally.unsure(
                f"{life.file.label} begins with pieces, and no log of an earlier life is here"
            )
            continue
        tally.saw(life.begun)
        under_way = (len(case.config.peers) - 1) * life.lives_before
        if life.unlogged > under_way:
            tally.report(
                f"{life.unlogged} of the {life.begun} pieces that {case.name(life.owner)} begins"
                " with are in no earlier log",
                case.at(life, 1),
            )


@check(
    "D16",
    "file-equal",
    ERROR,
    clause="9.1, 9.2",
    rule="Every complete peer's file is there and equals the seed's, byte for byte.",
    order="-",
    needs="the folders peer_[id]",
    example="peer_1003/TheFile.dat differs from peer_1001/TheFile.dat.",
)
def file_equal(case: Case, tally: Tally) -> None:
    """Files are compared where the folders are beside the logs."""
    name = case.config.file_name
    if Path(name).name != name or name == "..":
        tally.unsure(f"FileName {shown(name)} is no plain name")
        return
    paths, missing = _copies(case)
    sizes = {peer: size for peer, path in paths.items() if (size := _size(path)) is not None}
    seeds = [peer for peer in sizes if case.config.peers[peer].has_file]
    for peer in seeds[:1]:
        tally.saw()
        if sizes[peer] != case.config.file_size:
            tally.report(
                f"the seed's file has {sizes[peer]} bytes, Common.cfg says {case.config.file_size}"
            )
    same = [peer for peer in sizes if seeds and sizes[peer] == sizes[seeds[0]]]
    digests = _digests(
        case, tally, {peer: paths[peer] for peer in same}, sum(sizes[peer] for peer in same)
    )
    for peer, size in sizes.items():
        if not seeds or peer == seeds[0] or (peer in same and not {peer, seeds[0]} <= set(digests)):
            continue
        tally.saw()
        if peer not in same or digests[peer] != digests[seeds[0]]:
            tally.report(
                f"the file of {case.name(peer)} ({size} bytes) isn't that of {case.name(seeds[0])}"
            )
    _report_missing(case, tally, paths, missing)


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None


def _digests(case: Case, tally: Tally, paths: dict[int, Path], size: int) -> dict[int, bytes]:
    """What the contents of files come to; none where there is only one, or too much to read."""
    if len(paths) < 2:
        return {}
    if size > MOST_READ:
        tally.unsure(f"the files are too large to be compared: more than {MOST_READ >> 30} GiB")
        return {}
    found: dict[int, bytes] = {}
    for peer, path in paths.items():
        try:
            with path.open("rb") as file:
                found[peer] = hashlib.file_digest(file, "sha256").digest()
        except OSError as error:
            tally.unsure(f"{shown(path.name)} of {case.name(peer)}: {error.strerror}")
    return found


def _copies(case: Case) -> tuple[dict[int, Path], dict[int, Path]]:
    """Where the complete peers' files are, and where those of leechers should be, but aren't."""
    there: dict[int, Path] = {}
    missing: dict[int, Path] = {}
    for peer, info in enumerate(case.config.peers):
        life = case.swarm.final(peer)
        path = case.swarm.folder / f"peer_{case.swarm.peer_id(peer)}" / case.config.file_name
        complete = life is not None and (life.seed or life.done_line != NEVER)
        if complete and is_file(path):
            there[peer] = path
        elif complete and not info.has_file:
            missing[peer] = path
    return there, missing


def is_file(path: Path) -> bool:
    """Whether a file is there, and can be seen."""
    try:
        return path.is_file()
    except OSError:  # in a folder that may not be entered
        return False


def _report_missing(
    case: Case, tally: Tally, there: dict[int, Path], missing: dict[int, Path]
) -> None:
    """A file under its name for what isn't complete is proof; that other leechers' are there, a hint.

    Without either, the files were removed after the run, or their folders never copied here.
    """
    kept = [peer for peer in there if not case.config.peers[peer].has_file]
    for peer, path in missing.items():
        life = case.swarm.final(peer)
        assert life is not None, "it told its completion"
        witness = case.at(life, life.done_line)
        part = path.with_name(f"{path.name}.part")
        name = shown(path.name)
        if is_file(part):
            tally.saw()
            tally.report(f"{case.name(peer)} is complete, and has {name}.part only", witness)
        elif kept and (path.parent.is_dir() or len(missing) == 1):
            tally.saw()
            tally.report(
                f"{case.name(peer)} is complete, and {name} isn't in its folder, "
                f"as it is in that of {case.name(kept[0])}",
                witness,
                severity=Severity.WARNING,
            )

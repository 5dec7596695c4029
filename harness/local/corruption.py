"""Where copies differ: in which pieces, and from whom each peer got those first."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

from core.config import SwarmConfig
from harness.local.copies import Copy, first_seed
from harness.remote.host.place import piece_sums
from verifier.api import Report
from verifier.history.case import Case
from verifier.reading.columns import NEVER

_SHOWN = 8
"""Pieces that are named one by one."""


@dataclass(frozen=True, slots=True)
class Wrong:
    """A piece of a peer's copy that isn't the seed's: from whom it came, None where no log tells."""

    peer: int
    piece: int
    source: int | None


def suspects(copies: Mapping[int, Copy], config: SwarmConfig) -> list[int]:
    """The seed, and whose copies differ from its file: the peers whose pieces are compared."""
    seed = first_seed(config.peers)
    differing = [one for one, copy in copies.items() if copy.sha256 and not copy.identical]
    return [seed, *differing] if differing and copies[seed].sha256 else []


def hashes_here(copies: Mapping[int, Copy], config: SwarmConfig) -> dict[int, list[str]]:
    """The hashes of the pieces of the copies to compare, by peer; without those that can't be read."""
    found = {}
    for peer_id in suspects(copies, config):
        with suppress(OSError):
            found[peer_id] = piece_sums(copies[peer_id].path, config.piece_size)
    return found


def explain(folder: Path, hashes: Mapping[int, Sequence[str]], report: Report) -> list[str]:
    """Lines for people, from the hashes of pieces of copies that differ and of the seed's, by peer, and
    from the logs in a run's folder; empty where no copy differs.
    """
    if not report.verdicts:
        return []
    case = report.verdicts[-1].case
    seed = first_seed(case.config.peers)
    lines, wrong = [], list[Wrong]()
    for peer_id in sorted(hashes.keys() - {seed}) if seed in hashes else ():
        pairs = zip_longest(hashes[peer_id], hashes[seed])
        pieces = [piece for piece, (one, other) in enumerate(pairs) if other not in {one, None}]
        found = [Wrong(peer_id, piece, _source(case, peer_id, piece)) for piece in pieces]
        wrong += found
        lines.append(_told(folder, case, found, hashes[seed]))
    return lines + _origins(wrong)


def _source(case: Case, peer_id: int, piece: int) -> int | None:
    """Whom a peer downloaded a piece from, in the life that did."""
    owner = [peer.peer_id for peer in case.config.peers].index(peer_id)
    for number in reversed(case.swarm.by_peer[owner]):
        life = case.lives[number]
        place = life.place[piece]
        if place != NEVER and life.sources[place] >= 0:
            return case.swarm.peer_id(life.columns.conns[life.sources[place]].other)
    return None


def _told(folder: Path, case: Case, wrong: Sequence[Wrong], right: Sequence[str]) -> str:
    """One peer's copy in one line; `right` are the hashes of the seed's pieces."""
    peer = wrong[0].peer if wrong else 0
    seed = first_seed(case.config.peers)
    words = (
        f"peer {peer}'s copy differs from peer {seed}'s in {_pieces(one.piece for one in wrong)}"
    )
    sources = Counter(one.source for one in wrong)
    unknown = (
        "it had from the start" if _is_seed(case, peer) else "of which no log tells the source"
    )
    words += ": " + ", ".join(
        f"{number} from peer {source}" if source else f"{number} {unknown}"
        for source, number in sources.most_common()
    )
    damaged = _damaged_here(folder, wrong, right)
    if damaged:
        words += f"; by its trace {_pieces(damaged)} came right, and changed here afterwards"
    return words


def _is_seed(case: Case, peer_id: int) -> bool:
    return any(peer.peer_id == peer_id and peer.has_file for peer in case.config.peers)


def _pieces(pieces: Iterable[int]) -> str:
    """Pieces in words: how many, and the first."""
    found = sorted(pieces)
    names = ", ".join(map(str, found[:_SHOWN])) + (", …" if len(found) > _SHOWN else "")
    return f"{len(found)} piece{'' if len(found) == 1 else 's'} ({names})"


def _damaged_here(folder: Path, wrong: Sequence[Wrong], right: Sequence[str]) -> list[int]:
    """The pieces that were right when they came, as a peer's trace has it."""
    pieces = {one.piece for one in wrong}
    received: dict[int, str] = {}
    for one in wrong[:1]:
        try:
            with (folder / f"trace_peer_{one.peer}.jsonl").open(encoding="utf-8") as trace:
                for line in trace:
                    if '"kind":"in piece"' in line and '"kept":true' in line:
                        record = json.loads(line)
                        if record["piece"] in pieces:
                            received[record["piece"]] = str(record.get("sha"))
        except (OSError, ValueError, LookupError):
            return []
    return [piece for piece, sha in received.items() if sha == right[piece]]


def _origins(wrong: Sequence[Wrong]) -> list[str]:
    """Who sent on what it had right, or who began it: a sender whose own copy of the piece is right."""
    bad = {(one.peer, one.piece) for one in wrong}
    first: dict[int, list[int]] = {}
    for one in wrong:
        if one.source is not None and (one.source, one.piece) not in bad:
            first.setdefault(one.source, []).append(one.piece)
    return [
        f"wrong first from peer {source}, whose own copy of them is right: {_pieces(set(pieces))}"
        for source, pieces in sorted(first.items())
    ]

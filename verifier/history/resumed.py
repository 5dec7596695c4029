"""Lives that begin with pieces: a peer that was started again with `--resume` (spec 9.2).

Its log tells no piece that it begins with. How many there are follows from its first count, and which
ones from its trace's `start` record; without a trace, from what it lacks: all that it doesn't download
before it is complete, or else the downloads of its earlier lives. A life without any download is
complete from the start if it tells a seed that it isn't interested. Nobody resumes without piece
hashes, so without their file, or a trace that says so, a life begins with nothing.
"""

from __future__ import annotations

import gzip
import json
from array import array
from collections.abc import Collection, Sequence
from pathlib import Path

from verifier.history.lives import Life, Swarm
from verifier.reading.columns import NEVER, LogColumns
from verifier.reading.finding import LogFile
from verifier.reading.sentences import Kind

HASHES = "pieces.sha256"
_LONGEST_RECORD = 1 << 24
"""Bytes of a first record above which a file is no trace."""


class Earlier:
    """What there is to know of earlier lives: all logs of a folder, also those of other runs."""

    def __init__(
        self,
        files: Sequence[LogFile],
        logs: Sequence[LogColumns],
        traces: Sequence[LogFile],
        *,
        resumable: bool,
    ) -> None:
        self.resumable = resumable
        self._downloads: dict[tuple[int, int], frozenset[int]] = {}
        for file, columns in zip(files, logs, strict=True):
            events = columns.events
            self._downloads[file.peer_id, file.generation] = frozenset(
                piece
                for kind, piece in zip(events.kinds, events.pieces, strict=True)
                if kind == Kind.DOWNLOADED and piece >= 0
            )
        self._traces = {(file.peer_id, file.generation): file.path for file in traces}

    def lives(self, life: Life) -> list[frozenset[int]]:
        """What each life of the same peer before this one downloaded."""
        mine = life.file
        return [
            downloads
            for (peer_id, generation), downloads in self._downloads.items()
            if peer_id == mine.peer_id
            and generation
            and (not mine.generation or generation < mine.generation)
        ]

    def traced(self, life: Life, pieces: int) -> list[int] | None:
        """What the trace of a life says that it begins with; None without such a record."""
        path = self._traces.get((life.file.peer_id, life.file.generation))
        return None if path is None else _told(path, pieces)


def _told(path: Path, pieces: int) -> list[int] | None:
    """The pieces of a trace's first record."""
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            record = json.loads(file.readline(_LONGEST_RECORD))
        spans = record["resumed"]
        found = [n for first, last in spans for n in range(first, min(last + 1, pieces))]
    except (OSError, EOFError, ValueError, LookupError, TypeError, RecursionError):
        return None
    return sorted(set(found)) if all(n >= 0 for n in found) else None


def inherit(swarm: Swarm, earlier: Earlier) -> None:
    """Give each life the pieces that it begins with, before connections' bitfields are worked out."""
    for life in swarm.lives:
        if life.seed or life.headless or life.window[0] > 1:
            continue
        pieces: Collection[int] | None = earlier.traced(life, swarm.config.pieces)
        if pieces is None and earlier.resumable:
            pieces = _concluded(swarm, life, earlier)
        if pieces:
            _begin_with(life, pieces, swarm.config.pieces)
            before = earlier.lives(life)
            life.lives_before = len(before)
            life.unlogged = len(set(pieces).difference(*before))


def _concluded(swarm: Swarm, life: Life, earlier: Earlier) -> Collection[int] | None:
    """What a life without a trace begins with; a life of which that isn't known is marked so."""
    every = set(range(swarm.config.pieces))
    mine = set(life.seq)
    if not mine:
        if _tells_a_seed_that_it_has_all(swarm, life):
            return sorted(every)
        if life.writes(Kind.INTERESTED):  # somebody wants what it has, and it downloaded nothing
            life.headless = True
        return None
    events = life.columns.events
    first = next(
        (
            count
            for kind, piece, count in zip(events.kinds, events.pieces, events.counts, strict=True)
            if kind == Kind.DOWNLOADED and piece >= 0
        ),
        -1,
    )
    if first <= 1:
        return None
    begun = first - 1
    if begun + len(mine) == len(every):
        return sorted(every - mine)
    known = set[int]().union(*earlier.lives(life)) - mine
    if begun == len(known):
        return sorted(known)
    life.headless = True
    return None


def _tells_a_seed_that_it_has_all(swarm: Swarm, life: Life) -> bool:
    """Whether its first word to somebody who has everything is that it isn't interested."""
    for mate in life.mates:
        if mate is None or not swarm.lives[mate[0]].seed:
            continue
        events = swarm.lives[mate[0]].columns.events
        words = [
            kind
            for kind, conn in zip(events.kinds, events.conns, strict=True)
            if conn == mate[1] and kind in {Kind.INTERESTED, Kind.NOT_INTERESTED}
        ]
        if words:
            return words[0] == Kind.NOT_INTERESTED
    return False


def _begin_with(life: Life, pieces: Collection[int], every: int) -> None:
    """Put pieces in front of a life's downloads, as if their lines stood above the first."""
    begun = array("i", pieces)
    had = set(begun)
    kept = [row for row, piece in enumerate(life.seq) if piece not in had]
    count = life.begun = len(begun)
    time = life.columns.first_time
    life.seq = begun + array("i", [life.seq[row] for row in kept])
    life.seq_lines = array("i", bytes(4 * count)) + array("i", [life.seq_lines[r] for r in kept])
    life.seq_times = array("d", [time] * count) + array("d", [life.seq_times[r] for r in kept])
    life.sources = array("i", [-1] * count) + array("i", [life.sources[row] for row in kept])
    life.place = array("i", [NEVER]) * every
    for place, piece in enumerate(life.seq):
        life.place[piece] = place
    for piece in begun:
        life.line_of[piece] = 0
    if len(life.seq) >= every:
        life.done_line = min(life.done_line, life.seq_lines[-1])

"""All traces of a run put together: lives, and the two ends of each connection matched by name."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from verifier.findings import Witness
from verifier.traces.columns import Code
from verifier.traces.reader import find_traces, read_trace

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from verifier.history.case import Case
    from verifier.traces.columns import Link, TraceLife


class Traces:
    """What the checks of traces are given; the files are read when the first of them asks."""

    def __init__(self, case: Case, paths: list[Path], told: Callable[[str], object] = str) -> None:
        self.case = case
        self.config = case.config
        self._paths = paths
        self._told = told

    @cached_property
    def lives(self) -> list[TraceLife]:
        """The traces that belong to a log under judgement, each peer's oldest first."""
        case = self.case
        order = {index: n for n, index in enumerate(i for ids in case.swarm.by_peer for i in ids)}
        logs = {(life.file.peer_id, life.file.generation): life for life in case.lives}
        lives: list[TraceLife] = []
        files = find_traces(case.swarm.folder, self._paths)
        for number, file in enumerate(files, 1):
            self._told(f"reading trace {number} of {len(files)}, {file.size:,} bytes: {file.label}")
            life = logs.pop((file.peer_id, file.generation), None)
            if life is None or life.window != (1, life.columns.line_count):
                case.swarm.notes.append(f"{file.label} is left out: it goes with no log in use")
                continue
            trace = read_trace(file, life, len(case.lives) + len(case.traces))
            case.traces.append(file)
            if self._foreign(trace):
                case.swarm.notes.append(f"{file.label} is left out: it is of another configuration")
                continue
            lives.append(trace)
        lives.sort(key=lambda trace: order[trace.life.index])
        _match(lives)
        return lives

    def _foreign(self, trace: TraceLife) -> bool:
        """Whether a trace tells of another file."""
        start, config = trace.start, self.config
        if start is None:
            return False
        return (start.file_size, start.piece_size) != (config.file_size, config.piece_size)

    @cached_property
    def whole(self) -> set[int]:
        """Ids of the peers of which every life has an undamaged trace."""
        found: dict[int, int] = {}
        for trace in self.lives:
            found[trace.peer] = found.get(trace.peer, 0) + (trace.damage is None)
        by_peer = self.case.swarm.by_peer
        ids = {self.case.swarm.peer_id(n): len(lives) for n, lives in enumerate(by_peer) if lives}
        return {peer for peer, count in ids.items() if found.get(peer) == count}

    def must_know(self, trace: TraceLife, link: Link) -> bool:
        """Whether the neighbor's traces would show this connection, had it been there.

        Behind a relay or address translation the two ends see different ports, so a connection
        with this peer that the neighbor knows by a name of its own may be the same.
        """
        return link.neighbor in self.whole and not any(
            other.peer == link.neighbor and end.neighbor == trace.peer and end.mate is None
            for other in self.lives
            for end in other.ends
        )

    def at(self, trace: TraceLife, row: int) -> Witness:
        """A record as a witness."""
        return Witness(trace.log, trace.lines[row])

    def known_of(self, trace: TraceLife, link: Link, count: int) -> bytearray | None:
        """The pieces that the neighbor's bitfield of so many told, a byte each; None if unsure."""
        pieces = self.config.pieces
        if count in {0, pieces}:
            return bytearray([count > 0]) * pieces
        second = [trace.codes[row] for row in link.ins.rows[1:2]]
        if link.mate is None or second != [Code.IN_BITFIELD]:
            return None
        mate, end = link.mate
        if end.had < 0:
            return None
        known = bytearray(pieces)
        for piece in mate.downloads[: end.had]:
            if piece < pieces:
                known[piece] = 1
        return known


def _match(lives: list[TraceLife]) -> None:
    """Join the ends of each connection: the n-th of a name at one peer with the n-th at the other."""
    seen: dict[tuple[int, str], int] = {}
    ends: dict[tuple[str, int, int, int], tuple[TraceLife, Link]] = {}
    for trace in lives:
        for link in trace.ends:
            number = seen[trace.peer, link.name] = seen.get((trace.peer, link.name), 0) + 1
            other = ends.pop((link.name, number, link.neighbor, trace.peer), None)
            if other is None:
                ends[link.name, number, trace.peer, link.neighbor] = (trace, link)
            else:
                link.mate, other[1].mate = other, (trace, link)

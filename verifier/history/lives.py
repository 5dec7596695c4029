"""From logs to one history: runs within a file, lives of a peer, connections matched end to end.

A *life* is one run of a peer's process, one log. A *connection* is the n-th one of a pair, matched
with the n-th one at its other end. What a peer told on a connection follows from its own log: the
bitfield is what it had downloaded above its line of that connection, the haves are its downloads
after that line, in order. So a bitfield needs no set, only a number: how many downloads came before.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING

from verifier.reading.columns import LATE, NEVER, LogColumns
from verifier.reading.sentences import Kind
from verifier.reading.words import TOPICS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from verifier.reading.config import Config
    from verifier.reading.finding import LogFile

LAG = LATE
"""Seconds by which a program with several threads may act on a piece before its line is written."""


@dataclass(slots=True)
class Life:
    """One log under judgement and what follows from its downloads alone.

    `seq` are its pieces in the order of their first download, `seq_lines` and `seq_times` where
    and when; `place` tells a piece's index in `seq` and `line_of` its line (NEVER where it has
    none). It began with the first `begun` pieces of `seq`, which an earlier life left: their line is 0,
    their source -1; `unlogged` of them none of the `lives_before` logs of earlier lives tells.
    `lost_start` tells why what stood above its first line isn't known, empty where nothing is missing;
    `headless` tells that what it began with isn't known; `empty` tells that the log holds no line although there are neighbors; `sources` the connection that each piece of `seq` came over. `ends` holds for each
    connection the line at which the next one of that pair begins; `mates` the other end of each
    connection as (life, connection); `bases` how many of the mate's downloads its bitfield told,
    None where that can't be known.
    """

    index: int
    file: LogFile
    window: tuple[int, int]
    columns: LogColumns
    seed: bool
    last: bool = True
    seq: array[int] = field(default_factory=lambda: array("i"))
    seq_lines: array[int] = field(default_factory=lambda: array("i"))
    seq_times: array[float] = field(default_factory=lambda: array("d"))
    sources: array[int] = field(default_factory=lambda: array("i"))
    place: array[int] = field(default_factory=lambda: array("i"))
    line_of: array[int] = field(default_factory=lambda: array("i"))
    done_line: int = NEVER
    empty: bool = False
    lost_start: str = ""
    headless: bool = False
    begun: int = 0
    lives_before: int = 0
    unlogged: int = 0
    ends: list[int] = field(default_factory=list)
    last_lines: list[int] = field(default_factory=list)
    mates: list[tuple[int, int] | None] = field(default_factory=list)
    bases: list[int | None] = field(default_factory=list)
    _came: dict[int, list[int]] = field(default_factory=dict)
    _kinds: set[int] = field(default_factory=set)

    def came_over(self, conn: int) -> Sequence[int]:
        """The places in `seq` of the pieces that came over a connection, in order."""
        if not self._came:
            for place, source in enumerate(self.sources):
                self._came.setdefault(source, []).append(place)
        return self._came.get(conn, ())

    @property
    def owner(self) -> int:
        """The peer's index in PeerInfo.cfg."""
        return self.columns.owner

    def unopened(self, conn: int) -> bool:
        """Whether a connection may have begun above the first line of a log that lost its beginning."""
        # What looks like a line that is written late may be the next connection's.
        return bool(self.lost_start) and self.columns.conns[conn].opened > 0

    def had_before(self, line: int) -> int:
        """How many pieces it had downloaded above a line."""
        return bisect_left(self.seq_lines, line)

    def pending(self, line: int, time: float) -> list[int]:
        """Pieces that it may have had at a line although their lines stand below it.

        A program with several threads can announce a piece before it writes its line. So a download
        below counts if it is written soon after; without times, the first one of each neighbor.
        """
        columns = self.columns
        begin = self.had_before(line)
        if columns.timed:
            until = time + LAG + columns.resolution
            late = takewhile(
                lambda place: self.seq_times[place] <= until, range(begin, len(self.seq))
            )
            return [self.seq[place] for place in late]
        found: dict[int, int] = {}
        for place in range(begin, len(self.seq)):
            if len(found) == len(columns.conns):
                break
            found.setdefault(self.sources[place], self.seq[place])
        return list(found.values())

    def unannounced(self, line: int, time: float, told: Iterable[int]) -> frozenset[int]:
        """Of those pieces, what haves don't tell, nor anything that its thread wrote before it."""
        announced, stopped, found = set(told), set[int](), set[int]()
        for piece in self.pending(line, time):
            source = self.sources[self.place[piece]]
            if piece in announced:
                stopped.add(source)
            elif source not in stopped:
                found.add(piece)
        return frozenset(found)

    def latest(self, other: int) -> int | None:
        """The last connection with a neighbor."""
        numbers = [n for n, conn in enumerate(self.columns.conns) if conn.other == other]
        return numbers[-1] if numbers else None

    def writes(self, kind: int) -> bool:
        """Whether a sentence of this kind occurs at all."""
        if kind == Kind.HAVE:
            return self.columns.have_count > 0
        if not self._kinds:
            self._kinds.update(self.columns.events.kinds)
        return kind in self._kinds


@dataclass(slots=True)
class Swarm:
    """All lives of a run, the configuration, and how they hang together.

    `unmatched` are connections without another end: (life, connection, whether nothing happened
    on it). `missing` are peers without a log, `elsewhere` those of them whose log holds other runs
    only, `strangers` logs without a peer, `unusable` what is there of some instead of a log, by id,
    `runs` the lines at which further runs begin in each file.
    """

    config: Config
    lives: list[Life]
    lenient: bool = False
    by_peer: list[list[int]] = field(default_factory=list)
    unmatched: list[tuple[int, int, bool]] = field(default_factory=list)
    missing: list[int] = field(default_factory=list)
    elsewhere: set[int] = field(default_factory=set)
    strangers: list[str] = field(default_factory=list)
    unusable: dict[int, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    runs: dict[str, list[int]] = field(default_factory=dict)
    folder: Path = field(default_factory=Path)

    def peer_id(self, index: int) -> int:
        """A peer's id."""
        return self.config.peers[index].peer_id

    def doubts(self, topics: frozenset[str]) -> dict[int, str]:
        """Logs that can't be judged by what they lack on these topics, and why.

        An empty log shows nothing. With --lenient neither does one of which lines that mention a
        topic couldn't be read.
        """
        found = {}
        untold = {self.lives[log].columns.conns[conn].other for log, conn, _ in self.unmatched}
        for life in self.lives:
            unread = life.columns.form.unread_about if self.lenient else {}
            told = all(not conn.opened for conn in life.columns.conns) and life.owner not in untold
            # No line on a connection is missing where the log tells of each.
            about = (topics - {"connection"} if told else topics) & unread.keys()
            lines = [(unread[topic].first[0][0], topic) for topic in about]
            if life.empty:
                found[life.index] = f"{life.file.label} is empty"
            elif lines:
                line, topic = min(lines)
                found[life.index] = (
                    f"{life.file.label}:{line} can't be read and mentions {TOPICS[topic]}"
                )
        return found

    def final(self, peer: int) -> Life | None:
        """A peer's last life; None when its log is missing, though earlier ones may be there."""
        life = self.lives[self.by_peer[peer][-1]] if self.by_peer[peer] else None
        return life if life is not None and not life.file.generation else None


def make_life(
    index: int, file: LogFile, window: tuple[int, int], columns: LogColumns, config: Config
) -> Life:
    """A life with everything that follows from its own downloads."""
    seed = config.peers[columns.owner].has_file
    life = Life(index, file, window, columns, seed)
    life.empty = columns.line_count < window[0] and len(config.peers) > 1
    life.place = array("i", [NEVER]) * config.pieces
    life.line_of = array("i", [NEVER]) * config.pieces
    events = columns.events
    rows = zip(events.kinds, events.lines, events.times, events.pieces, events.conns, strict=True)
    for kind, line, time, piece, conn in rows:
        if kind == Kind.DOWNLOADED and piece >= 0 and life.place[piece] == NEVER:
            life.place[piece] = len(life.seq)
            life.line_of[piece] = line
            life.seq.append(piece)
            life.seq_lines.append(line)
            life.seq_times.append(time)
            life.sources.append(conn)
        elif kind == Kind.COMPLETE:
            life.done_line = min(line, life.done_line)
    if len(life.seq) >= config.pieces:
        life.done_line = min(life.done_line, life.seq_lines[-1])
    life.ends = [NEVER] * len(columns.conns)
    latest: dict[int, int] = {}
    for number, connection in enumerate(columns.conns):
        if connection.other in latest:
            life.ends[latest[connection.other]] = connection.line
        latest[connection.other] = number
    life.last_lines = [max(conn.line, conn.last_have) for conn in columns.conns]
    for row, conn in enumerate(events.conns):
        if conn >= 0 and events.kinds[row] != Kind.OPTIMISTIC:
            life.last_lines[conn] = max(life.last_lines[conn], events.lines[row])
    life.mates = [None] * len(columns.conns)
    life.bases = [None] * len(columns.conns)
    return life

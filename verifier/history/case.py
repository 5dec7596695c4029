"""What the checks across logs work on: the swarm, each log's facts, and what was matched."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING

from verifier.findings import Witness
from verifier.history.ends import Ends
from verifier.history.offsets import Clocks
from verifier.history.replay import Choking, Matching, Owed, choking, match_chokes, match_interest
from verifier.reading.columns import NEVER
from verifier.reading.sentences import Kind

if TYPE_CHECKING:
    from array import array
    from collections.abc import Callable, Iterator

    from verifier.history.facts import ConnectionFacts, Facts
    from verifier.history.lives import Life, Swarm
    from verifier.reading.columns import Connection, LogColumns
    from verifier.reading.finding import LogFile

    Requirements = Callable[[], list[tuple[array[int], array[int], array[int]]]]

CHOKES = (Kind.UNCHOKED, Kind.CHOKED)
INTERESTS = (Kind.INTERESTED, Kind.NOT_INTERESTED)


class Case:
    """A swarm with everything that can be derived across its logs, each worked out once."""

    def __init__(self, swarm: Swarm, facts: list[Facts], requirements: Requirements) -> None:
        self.swarm = swarm
        self.config = swarm.config
        self.lives = swarm.lives
        self.facts = facts
        self.traces: list[LogFile] = []
        """The traces under judgement; witnesses count them on from the logs."""
        self.haves: dict[tuple[int, int], tuple[int, float]] = {}
        """Of witnesses that are haves, by log and line: whom they are from, and when they came."""
        self.requirements = requirements
        self._choking: dict[int, Choking] = {}
        self._rows: dict[int, dict[int, tuple[list[int], list[int]]]] = {}
        self._words: dict[int, dict[int, list[int]]] = {}
        self._chokes: dict[tuple[int, int], Matching | None] = {}
        self._interests: dict[tuple[int, int], Matching | None] = {}
        self._clocks: Clocks | None = None
        self._ends: Ends | None = None
        self.piece_times: dict[int, float] = {}
        self.waits: dict[int, list[tuple[int, int, float, int, float]]] = {}

    def name(self, peer: int) -> str:
        """A peer as people call it."""
        return f"peer {self.swarm.peer_id(peer)}"

    def at(self, life: Life, line: int) -> Witness:
        """A line of a log as a witness."""
        return Witness(life.index, line if line != NEVER else 0)

    def source(self, number: int) -> LogFile:
        """The file that a witness stands in, a log or a trace."""
        logs = len(self.lives)
        return self.lives[number].file if number < logs else self.traces[number - logs]

    def choking(self, life: Life) -> Choking:
        """A life's decisions."""
        if life.index not in self._choking:
            self._choking[life.index] = choking(life)
        return self._choking[life.index]

    def rows(self, life: Life, conn: int) -> tuple[list[int], list[int]]:
        """A connection's rows of (un)choke lines and of (not) interested lines."""
        if life.index not in self._rows:
            table: dict[int, tuple[list[int], list[int]]] = {}
            events = life.columns.events
            for row, (kind, number) in enumerate(zip(events.kinds, events.conns, strict=True)):
                if kind in CHOKES:
                    table.setdefault(number, ([], []))[0].append(row)
                elif kind in INTERESTS:
                    table.setdefault(number, ([], []))[1].append(row)
            self._rows[life.index] = table
        return self._rows[life.index].get(conn, ([], []))

    def words(self, life: Life) -> dict[int, list[int]]:
        """The lines at which each neighbor told its interest, or that it lost it."""
        if life.index not in self._words:
            table: dict[int, list[int]] = {}
            events = life.columns.events
            for kind, line, other in zip(events.kinds, events.lines, events.others, strict=True):
                if kind in INTERESTS:
                    table.setdefault(other, []).append(line)
            self._words[life.index] = table
        return self._words[life.index]

    def links(self) -> Iterator[tuple[Life, int, Connection, Life | None, int, ConnectionFacts]]:
        """Each connection as each end logged it, with its other end (log, number) and facts."""
        for life in self.lives:
            for number, conn in enumerate(life.columns.conns):
                mate = life.mates[number]
                other = None if mate is None else self.lives[mate[0]]
                there = -1 if mate is None else mate[1]
                yield life, number, conn, other, there, self.facts[life.index].conns[number]

    def latest(self, life: Life, peer: int) -> ConnectionFacts | None:
        """What a log tells of its last connection with a peer; None where it never had one."""
        conn = life.latest(peer)
        return None if conn is None else self.facts[life.index].conns[conn]

    def unopened(self, life: Life, conn: int) -> str:
        """Why not all that went over a connection is known: it began above a log's first line."""
        mate = life.mates[conn]
        there = None if mate is None else self.lives[mate[0]]
        if life.unopened(conn):
            return life.lost_start
        return there.lost_start if mate and there and there.unopened(mate[1]) else ""

    def heard(self, life: Life, conn: int) -> int:
        """The mate's line up to which everything it sent on a connection must have come."""
        return self.facts[life.index].conns[conn].heard

    def owed(self, life: Life, conn: int) -> list[Owed] | None:
        """The chokes and unchokes that the mate's decisions owe on a connection."""
        mate = life.mates[conn]
        if mate is None:
            return None
        return self.choking(self.lives[mate[0]]).owed.get(mate[1], [])

    def chokes(self, life: Life, conn: int) -> Matching | None:
        """(Un)chokes received on a connection matched with what the mate's decisions owe."""
        key = (life.index, conn)
        if key not in self._chokes:
            owed = None if self.unopened(life, conn) else self.owed(life, conn)
            self._chokes[key] = None if owed is None else self._match_chokes(life, conn, owed)
        return self._chokes[key]

    def _match_chokes(self, life: Life, conn: int, owed: list[Owed]) -> Matching:
        kinds = life.columns.events.kinds
        received = [(kinds[row] == Kind.UNCHOKED, row) for row in self.rows(life, conn)[0]]
        if self.swarm.lenient:
            states = [False, *(on for on, _ in received)]
            received = [
                item for item, before in zip(received, states, strict=False) if item[0] != before
            ]
        return match_chokes(
            owed,
            received,
            self.facts[life.index],
            self.heard(life, conn),
            times=life.columns.events.times,
            cut=life.columns.form.truncated,
        )

    def interests(self, life: Life, conn: int) -> Matching | None:
        """Interest received on a connection matched with the mate's changes of interest."""
        key = (life.index, conn)
        if key not in self._interests:
            mate = life.mates[conn]
            known = mate is not None and not self.unopened(life, conn)
            changes = self.facts[mate[0]].conns[mate[1]].changes if mate and known else None
            if changes is None:
                self._interests[key] = None
            else:
                kinds = life.columns.events.kinds
                rows = self.rows(life, conn)[1]
                sender = self.lives[mate[0]] if mate else life
                # What a log tells no more makes nothing of what it tells wrong.
                received = [
                    (kinds[row] == Kind.INTERESTED, row)
                    for row in rows
                    if not (self.swarm.lenient and self.excuse(sender, life, conn, row))
                ]
                facts = self.facts[life.index]
                self._interests[key] = match_interest(
                    changes, received, facts, self.heard(life, conn)
                )
        return self._interests[key]

    @property
    def clocks(self) -> Clocks:
        """How far the logs' clocks are apart."""
        if self._clocks is None:
            columns = [life.columns for life in self.lives]
            self._clocks = Clocks(
                self._least_delays(),
                [one.resolution for one in columns],
                [_back(one) for one in columns],
            )
        return self._clocks

    @property
    def ends(self) -> Ends:
        """Which logs lack their end."""
        if self._ends is None:
            self._ends = Ends(self.swarm, self.facts, self.clocks)
        return self._ends

    def excuse(self, mate: Life, life: Life, conn: int, row: int) -> str | None:
        """Why a log needn't have the cause of another one's row: its end is lost, or with --lenient may
        be, and the row may be later.
        """
        line, time = life.columns.events.lines[row], life.columns.events.times[row]
        reason = self.ends.excuse(mate, life, conn, line, time)
        timed = mate.columns.timed and life.columns.timed
        if reason is None and self.swarm.lenient and timed:
            most = self.clocks.interval(mate.index, life.index)[1]
            if time - most > mate.columns.last_time:
                return f"{mate.file.label} may have lost its end: {life.file.label}:{line} is later"
        return reason

    def _least_delays(self) -> list[list[float]]:
        """The least delay of the matched messages from each log to each; infinite without any."""
        least = [[inf] * len(self.lives) for _ in self.lives]
        for life in self.lives:
            if life.columns.timed:
                for number, mate in enumerate(life.mates):
                    if mate is not None and self.lives[mate[0]].columns.timed:
                        row = least[mate[0]]
                        row[life.index] = min(row[life.index], *self._delays(life, number, mate))
                for sender, delay in self._piece_delays(life):
                    least[sender][life.index] = min(least[sender][life.index], delay)
        return least

    def _delays(self, life: Life, number: int, mate: tuple[int, int]) -> list[float]:
        """Seconds that haves and (un)chokes took on a connection, by two clocks."""
        delays = [self.facts[life.index].conns[number].shortest]
        sent = self.choking(self.lives[mate[0]]).owed.get(mate[1], [])
        when = {one.line: one.time for one in sent}
        matching = self.chokes(life, number)
        if matching is not None:
            times = life.columns.events.times
            delays += [times[row] - when[line] for row, line in matching.pairs if line in when]
        return delays

    def _piece_delays(self, life: Life) -> Iterator[tuple[int, float]]:
        """Seconds from a sender's own download of a piece to its download here, with that log."""
        for line, time, piece, conn in zip(
            life.seq_lines, life.seq_times, life.seq, life.sources, strict=True
        ):
            mate = life.mates[conn] if conn >= 0 else None
            if mate is not None and line != NEVER:
                source = self.lives[mate[0]]
                if source.columns.timed and source.line_of[piece] != NEVER:
                    yield mate[0], time - source.seq_times[source.place[piece]]


def _back(columns: LogColumns) -> float:
    """The seconds by which a log's times fall, at most; 0 where they never do."""
    return max((float(seconds) for _, seconds in columns.form.clock_back.first), default=0.0)

"""Which logs lack their end or their beginning, and what may have happened there.

A program that is killed loses what its log's stream still held: the file ends at a line's end, and
nothing in it shows that more happened. The other logs do: they go on hearing of pieces that it
never logs. With `--lenient` such a log is not judged by what it lacks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from verifier.history.lives import LAG
from verifier.reading.columns import NEVER

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from verifier.history.facts import Facts
    from verifier.history.lives import Life, Swarm
    from verifier.history.offsets import Clocks

DRAIN = 5.0
"""Seconds that all connections have for flush and drain (spec 7.2)."""


class Ends:
    """The ends of all logs of a swarm."""

    def __init__(self, swarm: Swarm, facts: Sequence[Facts], clocks: Clocks) -> None:
        self._swarm = swarm
        self._facts = facts
        self._clocks = clocks
        self._lost = {life.index: reason for life in swarm.lives if (reason := _cut(life))}
        if swarm.lenient:
            for hearer in swarm.lives:
                for number, line, time in self._unexplained(hearer):
                    self._hear(hearer, number, line, time)
            for log, number, harmless in swarm.unmatched:
                if not harmless:
                    self._miss(swarm.lives[log], number)

    def lost(self, life: Life) -> str | None:
        """Why a log may have lost its end; None if nothing suggests that."""
        return self._lost.get(life.index)

    def lost_after(self, life: Life, line: int) -> str:
        """Why what follows right below a line needn't be there: it is the log's last one."""
        if not self._swarm.lenient or line < life.columns.line_count:
            return ""
        return self.lost(life) or f"{life.file.label} may have lost its end below its last piece"

    def may_follow(
        self, life: Life, hearer: Life, conn: int, line: int, time: float, *, loosely: bool = False
    ) -> bool:
        """Whether a message that another log has at a line may have been sent after a log's end; `loosely`
        also if a later have is of a piece that the log has, as with programs that write lines late.
        """
        earlier = line < self._facts[hearer.index].conns[conn].accounted[1]
        timed = life.columns.timed and hearer.columns.timed
        if not timed or (earlier and not loosely):
            return not earlier
        least = self._clocks.interval(life.index, hearer.index)[0]
        latest = time + hearer.columns.resolution - least
        return latest >= life.columns.last_time - LAG

    def may_precede(self, life: Life, hearer: Life, conn: int, line: int) -> bool:
        """Whether a message that another log has at a line may have been sent above a log's first line."""
        mate = hearer.mates[conn]
        begun = mate is not None and mate[0] == life.index and not life.unopened(mate[1])
        begun = begun and not hearer.unopened(conn)
        # An earlier have is of a piece that the log has: only programs that announce a piece twice tell of
        # an older one below it.
        later = line > self._facts[hearer.index].conns[conn].accounted[0]
        twice = self._swarm.lenient and life.headless
        return bool(life.lost_start) and not begun and (twice or not later)

    def excuse(
        self, life: Life, hearer: Life, conn: int, line: int, time: float, *, piece: bool = False
    ) -> str | None:
        """Why a log needn't tell of what another one has at a line, the download of a `piece` or another
        event; None where it must.
        """
        reason, loosely = self.lost(life), piece and self._swarm.lenient
        if reason and self.may_follow(life, hearer, conn, line, time, loosely=loosely):
            return reason
        return life.lost_start if self.may_precede(life, hearer, conn, line) else None

    def _unexplained(self, hearer: Life) -> Iterator[tuple[int, int, float]]:
        """What a log tells of pieces that another one lacks: connection, line, time."""
        for number, facts in enumerate(self._facts[hearer.index].conns):
            for line, time in zip(facts.untrue.lines, facts.untrue.times, strict=True):
                yield number, line, time
        mates = [None if mate is None else self._swarm.lives[mate[0]] for mate in hearer.mates]
        for piece, line, time, source in zip(
            hearer.seq, hearer.seq_lines, hearer.seq_times, hearer.sources, strict=True
        ):
            mate = mates[source] if source >= 0 else None
            if mate is not None and mate.place[piece] == NEVER:
                yield source, line, time

    def _hear(self, hearer: Life, number: int, line: int, time: float) -> None:
        """Note a log of which another one tells later than its last line."""
        mate = hearer.mates[number]
        life = None if mate is None else self._swarm.lives[mate[0]]
        if life is None or life.seed or life.index in self._lost:
            return
        if self.may_precede(life, hearer, number, line):
            return
        if self.may_follow(life, hearer, number, line, time):
            self._lose(life, hearer)

    def _miss(self, hearer: Life, number: int) -> None:
        """Note a log that tells nothing of a connection that another one tells, later than its last line."""
        conn = hearer.columns.conns[number]
        lives = self._swarm.by_peer[conn.other]
        life = self._swarm.lives[lives[-1]] if lives else None
        timed = life is not None and life.columns.timed and hearer.columns.timed
        if life is None or life.index in self._lost or not timed:
            return
        if self.may_follow(life, hearer, number, NEVER, conn.time):
            self._lose(life, hearer)

    def _lose(self, life: Life, hearer: Life) -> None:
        self._lost[life.index] = (
            f"{life.file.label} may have lost its end: {hearer.file.label} has later lines about its peer"
        )


def _cut(life: Life) -> str | None:
    """What a log's own form says of its end."""
    if life.empty:
        return f"{life.file.label} is empty"
    form = life.columns.form
    if form.flood:
        return f"{life.file.label} is {form.flood}"
    if form.truncated:
        return f"{life.file.label} ends in the middle of a line; the rest is missing"
    return None

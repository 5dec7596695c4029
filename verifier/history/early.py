"""What programs with several threads do before they write it down, so that it is no proof (--lenient)."""

from __future__ import annotations

from verifier.history.case import Case
from verifier.history.changes import Change
from verifier.history.lives import LAG, Life
from verifier.reading.columns import NEVER


def certainly_told(case: Case, life: Life, mate: Life, there: int) -> int:
    """How many pieces a bitfield told for sure, to the mate's connection `there`."""
    if life.seed:
        return case.config.pieces
    haves = case.facts[mate.index].conns[there].haves
    if case.swarm.lenient and haves is not None:
        return haves.known
    return mate.bases[there] or 0


def may_have_all(case: Case, life: Life, mate: Life, there: int) -> bool:
    """With --lenient, whether a peer may have had all of a bitfield before it wrote that down."""
    base = mate.bases[there]
    if not case.swarm.lenient or base is None:
        return False
    begun = mate.columns.conns[there]
    had = set(mate.pending(begun.line, begun.time))
    told = range(case.config.pieces) if life.seed else life.seq[:base]
    return all(mate.line_of[piece] < begun.line or piece in had for piece in told)


def own_change(
    case: Case, life: Life, number: int, row: int, changes: list[Change] | None
) -> Change | None:
    """With --lenient, the change in the sender's own log that an `interested` tells of.

    One of two logs has its lines late then, which is no proof against the sender.
    """
    matching = case.interests(life, number) if case.swarm.lenient else None
    line = None if matching is None else dict(matching.pairs).get(row)
    mate = life.mates[number]
    change = next((one for one in changes or () if one.on and one.line == line), None)
    if change is None or mate is None:
        return None
    least = case.clocks.interval(mate[0], life.index)[0]
    heard = life.columns.events.times[row] + LAG + life.columns.resolution
    return None if change.time + least > heard else change  # never where there are no times


def told_early(life: Life, row: int, mate: Life, low: int, change: Change) -> int | None:
    """A piece that explains an `interested`, though its line stands below that."""
    line, time = life.columns.events.lines[row], life.columns.events.times[row]
    if change.piece >= 0 and line < life.line_of[change.piece] < NEVER:
        return change.piece
    return next((one for one in life.pending(line, time) if mate.line_of[one] > low), None)


def may_have_news(case: Case, life: Life, number: int, row: int, mate: Life) -> bool:
    """With --lenient, whether a peer may have lacked one of a neighbor's pieces when it said
    `interested`, if both write their lines late.
    """
    mine, theirs, there = life.columns, mate.columns, life.mates[number]
    if mate.seed or not (case.swarm.lenient and mine.timed and theirs.timed and there):
        return False  # a peer that began with the whole file never lacked any
    line, low = mine.events.lines[row], case.facts[life.index].low[row]
    begun = theirs.conns[there[1]]
    had = mate.had_before(low + 1)
    said = max(begun.time, mate.seq_times[had - 1] if had else begun.time)
    until = said - LAG - theirs.resolution
    if life.seed:
        return sum(1 for time in mate.seq_times[:had] if time < until) < case.config.pieces
    told = (*life.seq[: life.had_before(line)], *life.pending(line, mine.events.times[row]))
    return any(
        mate.line_of[piece] > low or mate.seq_times[mate.place[piece]] >= until for piece in told
    )

"""How long a connection's haves took: the least and the most, by the clocks of both logs."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from operator import sub

from verifier.history.lives import Life
from verifier.reading.columns import NEVER, Connection, LogColumns


def delays(
    columns: LogColumns, connection: Connection, mate: Life | None, base: int | None
) -> tuple[float, float, int]:
    """Least and most seconds from a download at the mate to its have here, and the latter's line.

    `base` is the first of the mate's downloads that the haves tell of, if they are just those. A
    process that is stopped hears haves late, and sends late what it was about to send. So a silence
    just before a have's line, or just after its download's, isn't part of the most.
    """
    if mate is None or not connection.pieces or not (mate.columns.timed and columns.timed):
        return inf, 0.0, 0
    found, rows = _each(connection, mate, base)
    if not found:
        return inf, 0.0, 0
    if not (columns.silences or mate.columns.silences):
        most = max(found)
        return min(found), most, connection.lines[rows[found.index(most)]]
    most, line = -inf, 0
    for delay, row in sorted(zip(found, rows, strict=True), reverse=True):
        if delay <= most:
            break
        heard = connection.times[row]
        sent = heard - delay
        stopped = max(columns.silence_before(heard), mate.columns.silence_after(sent))
        if delay - stopped > most:
            most, line = delay - stopped, connection.lines[row]
    return min(found), most, line


def _each(
    connection: Connection, mate: Life, base: int | None
) -> tuple[list[float], Sequence[int]]:
    """The delays, and the rows of their haves."""
    if base is not None:
        found = list(map(sub, connection.times, mate.seq_times[base:]))
        return found, range(len(found))
    places = list(map(mate.place.__getitem__, connection.pieces))
    rows = [row for row, place in enumerate(places) if place != NEVER]
    return [connection.times[row] - mate.seq_times[places[row]] for row in rows], rows

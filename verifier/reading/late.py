"""Connections whose line stands below their first messages, though its time is before theirs.

A program with several threads may write a connection's line when messages of it are written already.
Where it is the first one of a neighbor, the scanner sees it, as nothing else explains these messages;
else they look like messages of the connection before.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING

from verifier.reading.columns import LATE_LINES

if TYPE_CHECKING:
    from verifier.reading.columns import Connection, LogColumns


def reclaim(log: LogColumns) -> None:
    """Give each connection what stands above its line and has a later time."""
    latest: dict[int, int] = {}
    for number, conn in enumerate(log.conns):
        before = latest.get(conn.other)
        if before is not None and not conn.implicit and conn.time < conn.above:
            lines = _messages(log, before, number) + _haves(log.conns[before], conn)
            if lines:
                conn.line = conn.opened = min(lines)
        latest[conn.other] = number


def _messages(log: LogColumns, before: int, number: int) -> list[int]:
    """Move the other lines, all but haves; their numbers."""
    events, conn, moved = log.events, log.conns[number], []
    first = bisect_left(events.lines, conn.line - LATE_LINES)
    for row in range(first, bisect_left(events.lines, conn.line)):
        if events.conns[row] == before and events.times[row] > conn.time:
            events.conns[row] = number
            moved.append(events.lines[row])
    return moved


def _haves(before: Connection, conn: Connection) -> list[int]:
    """Move the haves; the numbers of their lines."""
    first = bisect_left(before.lines, conn.line - LATE_LINES)
    first = bisect_right(before.times, conn.time, first)
    moved = list(before.lines[first:])
    conn.pieces, conn.lines, conn.times = (
        before.pieces[first:] + conn.pieces,
        before.lines[first:] + conn.lines,
        before.times[first:] + conn.times,
    )
    del before.pieces[first:], before.lines[first:], before.times[first:]
    return moved

"""Which logs lost their beginning: rotated, or cut from the front.

A torn first line shows it. Where the cut fell between two lines, with `--lenient` what can't come first
shows it: a neighbor is heard of whose connection the log never tells, although it tells others and the
neighbor's own log tells this one; or the first count of pieces says that some were there before. What
stood above the first line is unknown then, and no check concludes from its absence.
"""

from __future__ import annotations

from bisect import bisect_left
from math import inf
from typing import TYPE_CHECKING

from verifier.reading.columns import LATE
from verifier.reading.sentences import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from verifier.history.lives import Life, Swarm
    from verifier.reading.columns import Connection

    Told = dict[tuple[int, int], list[tuple[Life, Connection]]]
    """The connections that each peer's logs tell, by both peers."""


def find_lost_starts(swarm: Swarm) -> None:
    """Mark the lives whose log lost its beginning, before their connections are matched."""
    told = _told(swarm)
    # A further run of a file begins where it begins.
    first = [life for life in swarm.lives if life.window[0] <= 1 and not life.empty]
    for life in first:
        life.lost_start = _reason(life) if _lost(swarm, life, told) else ""
    if swarm.lenient and any(life.lost_start for life in first):
        for life in first:  # logs that are rotated together lose their beginnings together
            silent = [conn for conn in life.columns.conns if conn.implicit]
            together = any(_is_usual(told, life, conn.other) for conn in silent)
            if not life.lost_start and together and not life.columns.form.opening:
                life.lost_start = _reason(life)
    for life in first:
        life.headless = bool(life.lost_start) and not (life.seed or _counts_from_one(swarm, life))


def _reason(life: Life) -> str:
    if life.columns.form.beheaded:
        return f"{life.file.label} begins in the middle of a line; what stood above is missing"
    return f"{life.file.label} may have lost its beginning: its first lines need earlier ones"


def _told(swarm: Swarm) -> Told:
    """The connections that each peer's logs tell, by both peers."""
    told: Told = {}
    for life in swarm.lives:
        for conn in life.columns.conns:
            if not conn.implicit:
                told.setdefault((life.owner, conn.other), []).append((life, conn))
    return told


def _lost(swarm: Swarm, life: Life, told: Told) -> bool:
    """Whether a log lost its beginning."""
    conns = life.columns.conns
    silent = [conn for conn in conns if conn.implicit]
    late = any(conn.opened for conn in conns)
    more = {
        owner: theirs
        for (owner, other), theirs in told.items()
        if other == life.owner and len(theirs) > len(told.get((life.owner, owner), ()))
    }
    if not (silent or more or late or _completes_first(life)):
        return False
    if life.columns.form.beheaded:
        return True
    if not swarm.lenient or _tears(life) or life.columns.form.opening:
        return False
    if _counts_on(swarm, life) or _cannot_come_first(life) or _completes_first(life):
        return True
    return _heard_before_told(life, silent, told) or _was_met(life, silent, more, told)


def _heard_before_told(life: Life, silent: list[Connection], told: Told) -> bool:
    """Whether a neighbor is heard of above the first line of a connection, which the log never tells
    of this one, though it does of others.
    """
    lines = [conn.line for conn in life.columns.conns if not conn.implicit]
    usual = [conn.opened for conn in silent if _is_usual(told, life, conn.other)]
    return bool(usual and lines) and min(usual) < min(lines)


def _was_met(
    life: Life,
    silent: list[Connection],
    more: dict[int, list[tuple[Life, Connection]]],
    told: Told,
) -> bool:
    """Whether neighbors tell of connections with a peer before its own log's first line."""
    if not (more and life.columns.conns):
        return False
    first, exact = life.columns.first_time, life.columns.resolution < 1
    if all(conn.implicit for conn in life.columns.conns):
        # It may be a program that never tells them: then other lives of the peer don't either.
        known = any(owner == life.owner for owner, _ in told)
        return known or _outlasted(life, more)
    if _on_time(life, told):
        return any(time < first or (exact and time == first) for time in _unmet(life, more, told))
    met, heard = {conn.other for conn in life.columns.conns}, {conn.other for conn in silent}
    return any(
        _is_usual(told, life, other) and (other not in met or other in heard) for other in more
    )


def _tears(life: Life) -> bool:
    """Whether lines on connections couldn't be read: they may be those that are missing."""
    unread = life.columns.form.unread_about.get("connection")
    return unread is not None and any(line > 1 for line, _ in unread.first)


def _is_usual(told: Told, life: Life, other: int) -> bool:
    """Whether any log tells connections of the kind that one with this peer is (spec 2.1)."""
    kind = Kind.MAKES if other < life.owner else Kind.CONNECTED_FROM
    return any(conn.kind == kind for ends in told.values() for _, conn in ends)


def _first_count(life: Life) -> int:
    """The count of the first download; -1 where there is none."""
    events = life.columns.events
    rows = zip(events.kinds, events.counts, strict=True)
    return next((count for kind, count in rows if kind == Kind.DOWNLOADED), -1)


def _counts_from_one(swarm: Swarm, life: Life) -> bool:
    """Whether all its downloads are there."""
    return 0 <= _first_count(life) <= 1 or len(life.seq) >= swarm.config.pieces


def _counts_on(swarm: Swarm, life: Life) -> bool:
    """Whether the first count tells of downloads that there is room for beside those that are there."""
    before = _first_count(life) - 1
    return before >= 1 and before + len(life.seq) <= swarm.config.pieces


def _cannot_come_first(life: Life) -> bool:
    """Whether the first event is a download or a choke in a log that tells of unchokes."""
    events = life.columns.events
    first = events.kinds[0] if events.kinds else -1
    return first in {Kind.DOWNLOADED, Kind.CHOKED} and life.writes(Kind.UNCHOKED)


def _completes_first(life: Life) -> bool:
    """Whether a leecher's log begins with its completion."""
    return not life.seed and list(life.columns.events.kinds[:1]) == [Kind.COMPLETE]


def _on_time(life: Life, told: Told) -> bool:
    """Whether the connections that a log tells have about the same times at their other ends."""
    gaps = list(_gaps(life, told))
    return bool(gaps) and max(gaps) < LATE


def _gaps(life: Life, told: Told) -> Iterator[float]:
    """Seconds from each connection to the nearest one that its other end tells."""
    if not life.columns.timed:
        return
    times: dict[int, list[float]] = {}
    for conn in life.columns.conns:
        if conn.other not in times:
            theirs = told.get((conn.other, life.owner), [])
            times[conn.other] = sorted(one.time for other, one in theirs if other.columns.timed)
        if times[conn.other] and not conn.implicit:
            yield _nearest(times[conn.other], conn.time)


def _nearest(times: list[float], time: float) -> float:
    """Seconds from a time to the nearest one of these, which are in order; infinity where there is none."""
    place = bisect_left(times, time)
    return min((abs(one - time) for one in times[max(0, place - 1) : place + 1]), default=inf)


def _outlasted(life: Life, more: dict[int, list[tuple[Life, Connection]]]) -> bool:
    """Whether a neighbor tells of a peer for longer than its own log lasts, by the neighbor's clock."""
    length = life.columns.last_time - life.columns.first_time
    for theirs in more.values():
        for other, conn in theirs:
            events = other.columns.events
            rows = zip(events.kinds, events.times, events.others, strict=True)
            times = [
                time for kind, time, one in rows if one == life.owner and kind != Kind.OPTIMISTIC
            ]
            if times and other.columns.timed and times[-1] - conn.time > length + LATE:
                return True
    return False


def _unmet(
    life: Life, more: dict[int, list[tuple[Life, Connection]]], told: Told
) -> Iterator[float]:
    """When neighbors were connected with a peer whose logs tell nothing of it."""
    for other, theirs in more.items():
        mine = sorted(conn.time for _, conn in told.get((life.owner, other), []))
        for _, conn in theirs:
            if _nearest(mine, conn.time) > LATE:
                yield conn.time

"""Where the timeline shows a witness: its peer, its moment, the neighbor that its line is about."""

from __future__ import annotations

import json
import re
from bisect import bisect_left
from typing import Any, NamedTuple

from verifier.history.case import Case
from verifier.history.lives import Life
from verifier.reading.times import parse_time
from verifier.report.page.axis import Axis

CONNECTION = re.compile(r"(\d{1,18}):\d+>(\d{1,18})")
"""A connection's name in a trace (docs/trace.md)."""


class TimelinePoint(NamedTuple):
    """Peers are counted from 0; `moment` is None where nothing tells it, `other` where nobody is
    named.
    """

    peer: int
    moment: float | None
    other: int | None


def place(case: Case, axis: Axis, log: int, line: int, text: str) -> TimelinePoint | None:
    """The place of a witness; `text` is a trace's record. None for a trace that goes with no log in use."""
    if log < len(case.lives):
        return _of_line(case, axis, case.lives[log], line)
    file = case.source(log)
    for life in case.lives:
        if (life.file.peer_id, life.file.generation) == (file.peer_id, file.generation):
            return _of_record(case, axis, life, text)
    return None


def _peer(case: Case, peer_id: object) -> int | None:
    ids = [peer.peer_id for peer in case.config.peers]
    return ids.index(peer_id) if peer_id in ids else None


def _of_line(case: Case, axis: Axis, life: Life, line: int) -> TimelinePoint:
    """A line of a log, as it was read; one that is no sentence came right after the one above."""
    events = life.columns.events
    row = bisect_left(events.lines, line)
    if row < len(events) and events.lines[row] == line:
        other, time = events.others[row], events.times[row]
    else:
        before = events.times[row - 1] if row else life.columns.first_time
        other, time = case.haves.get((life.index, line), (-1, before))
    moment = axis.at(life, time, line) if axis.placed(life) else None
    return TimelinePoint(life.owner, moment, other if other >= 0 else None)


def _of_record(case: Case, axis: Axis, life: Life, text: str) -> TimelinePoint:
    """A record of a trace, as far as it can be read."""
    try:
        record = json.loads(text)
    except ValueError:
        record = {}
    if not isinstance(record, dict):
        record = {}
    stamp = parse_time(str(record.get("t_wall", "")))
    known = stamp is not None and life.columns.timed
    moment = axis.at(life, stamp.seconds, 0) if stamp is not None and known else None
    return TimelinePoint(life.owner, moment, _peer(case, _neighbor(record, life.file.peer_id)))


def _neighbor(record: dict[str, Any], own: int) -> object:
    """Whom a record is about: it says so, or its connection's name does, which both ends' ids are in."""
    ends = CONNECTION.fullmatch(str(record.get("conn", "")))
    if "neighbor" in record or ends is None:
        return record.get("neighbor")
    dialler, listener = map(int, ends.groups())
    return listener if dialler == own else dialler

"""How a log implies that its owner's interest in a neighbor changes (spec 5.1, 5.3)."""

from __future__ import annotations

from array import array
from itertools import accumulate, compress, count
from math import nan
from operator import le
from typing import NamedTuple

from verifier.reading.columns import NEVER, Connection


class Change(NamedTuple):
    """The owner's interest in a neighbor changes, as its own log implies (spec 5.1, 5.3).

    It happens at `line`, or as late as `latest` where the log leaves that open (the neighbor's
    bitfield comes somewhere between the connection line and the next line about the neighbor).
    `optional`: it may have been skipped, because it was over before the bitfield came. `piece` is
    the one whose have causes it, -1 where something else does; `time` is the line's, by the owner's
    clock, where it turns interest on.
    """

    line: int
    on: bool
    latest: int
    optional: bool = False
    piece: int = -1
    time: float = nan


def changes_of_haves(connection: Connection, line_of: array[int], until: int) -> list[Change]:
    """Changes of interest that haves cause: each piece is of interest from its have to its
    download, and interest is the union of these spans and of the bitfield's, which ends at
    `until`.
    """
    starts = connection.lines
    ends = list(map(line_of.__getitem__, connection.pieces))
    # A piece that was here before its have is of no interest. Its end may stay in the reach all the same:
    # it lies no lower than this have and all that follow, so no beginning of interest is passed over.
    reach = accumulate(ends, max, initial=until if until > connection.line else -1)
    changes: list[Change] = []
    last, seen = (until if until > connection.line else -1), 0
    for row in compress(count(), map(le, reach, starts)):
        if ends[row] <= starts[row]:
            continue
        last, seen = _latest_end(starts, ends, last, seen, row), row
        if last >= starts[row]:
            continue
        if last >= 0:
            changes.append(Change(last, on=False, latest=last))
        piece, time = connection.pieces[row], connection.times[row]
        changes.append(Change(starts[row], on=True, latest=starts[row], piece=piece, time=time))
    last = _latest_end(starts, ends, last, seen, len(ends))
    if last >= 0 and last != NEVER:
        changes.append(Change(last, on=False, latest=last))
    return changes


def _latest_end(starts: array[int], ends: list[int], last: int, first: int, until: int) -> int:
    """The last end of the spans of these rows, and of those before, whose last end is given."""
    latest = max(ends[first:until], default=-1)
    if (
        latest > last and latest <= starts[until - 1]
    ):  # it may be of a piece that was of no interest
        rows = zip(ends[first:until], starts[first:until], strict=True)
        latest = max((end for end, start in rows if end > start), default=-1)
    return max(last, latest)

"""How a log implies that its owner's interest in a neighbor changes (spec 5.1, 5.3)."""

from __future__ import annotations

from array import array
from itertools import accumulate, compress, count
from math import nan
from operator import lt
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
    ends = [
        end if end > start else -1
        for end, start in zip(map(line_of.__getitem__, connection.pieces), starts, strict=True)
    ]
    reach = list(accumulate(ends, max, initial=until if until > connection.line else -1))
    changes: list[Change] = []
    for row in compress(count(), map(lt, reach, starts)):
        if ends[row] < 0:
            continue
        if reach[row] >= 0:
            changes.append(Change(reach[row], on=False, latest=reach[row]))
        piece, time = connection.pieces[row], connection.times[row]
        changes.append(Change(starts[row], on=True, latest=starts[row], piece=piece, time=time))
    if reach[-1] >= 0 and reach[-1] != NEVER:
        changes.append(Change(reach[-1], on=False, latest=reach[-1]))
    return changes

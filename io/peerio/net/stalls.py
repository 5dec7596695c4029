"""Send queues that stand still: how a silent neighbor is noticed where the system doesn't watch.

Reads no clock and touches no socket (spec 2.9).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from peerio.net.alarms import Alarms
from peerio.net.link import Link
from peerio.net.liveness import SILENCE


class Stalls:
    """Notices connections of whose send queue the system takes nothing for `SILENCE` seconds.

    Each has one alarm at most, which isn't set anew whenever something moves, but finds out how long to
    wait on when it rings: a busy connection is blocked many times a second.
    """

    def __init__(self, alarms: Alarms, on_stall: Callable[[Link], None]) -> None:
        self._alarms = alarms
        self._on_stall = on_stall

    def blocked(self, link: Link, now: float) -> None:
        """The system has begun to take nothing of its queue."""
        link.moved_at = now
        if not link.stall_watched:
            link.stall_watched = True
            self._look_at(link, now + SILENCE)

    def _look_at(self, link: Link, at: float) -> None:
        self._alarms.set(("stall", link), at, partial(self._look, link, at))

    def _look(self, link: Link, at: float) -> None:
        due = link.moved_at + SILENCE
        if link.closed or not link.write_blocked:
            link.stall_watched = False
        elif due > at:
            self._look_at(link, due)
        else:
            self._on_stall(link)

"""The virtual clock: what happens when, in an order that one random seed decides."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from itertools import count
from random import Random


class World:
    """Makes calls at their virtual times; equal times go in the order in which they were asked for.

    `now` is in seconds since the simulation began.
    """

    def __init__(self, rng: Random) -> None:
        self.now = 0.0
        self.rng = rng
        self.steps = 0
        """Calls made so far."""
        self.stopped = False
        """Set by whoever sees that nothing more is to happen."""
        self._queue: list[tuple[float, int, Callable[[], None]]] = []
        self._serial = count()

    def at(self, time: float, call: Callable[[], None]) -> None:
        """Make a call at a time, or now if that has passed."""
        heapq.heappush(self._queue, (max(time, self.now), next(self._serial), call))

    def after(self, delay: float, call: Callable[[], None]) -> None:
        """Make a call some seconds from now."""
        self.at(self.now + delay, call)

    def run(self, *, until: float) -> bool:
        """Make calls until `stopped`; False if time is up before, or nothing is left to happen."""
        while self._queue and not self.stopped:
            time, _, call = heapq.heappop(self._queue)
            if time > until:
                return False
            self.now = time
            self.steps += 1
            call()
        return self.stopped

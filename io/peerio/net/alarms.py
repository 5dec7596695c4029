"""Many due times, one next one: the loop's alarm clock."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Hashable
from itertools import count


class Alarms:
    """Calls to be made at given times, each under a key; times are seconds on the loop's clock."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Hashable]] = []
        self._calls: dict[Hashable, tuple[int, Callable[[], None]]] = {}
        self._serial = count()

    def set(self, key: Hashable, at: float, call: Callable[[], None]) -> None:
        """Make the call at a time; replaces an earlier one of the same key."""
        serial = next(self._serial)
        self._calls[key] = (serial, call)
        heapq.heappush(self._heap, (at, serial, key))

    def clear(self, key: Hashable) -> None:
        """Forget a call; nothing happens if there is none."""
        self._calls.pop(key, None)

    def next_due(self) -> float | None:
        """When the next call is due."""
        while self._heap:
            at, serial, key = self._heap[0]
            if self._calls.get(key, (None,))[0] == serial:
                return at
            heapq.heappop(self._heap)  # replaced or cleared
        return None

    def run(self, now: float) -> None:
        """Make all calls that are due, in the order of their times."""
        while (due := self.next_due()) is not None and due <= now:
            _, _, key = heapq.heappop(self._heap)
            self._calls.pop(key)[1]()

"""The event loop of the network thread: readiness, due times, and calls from other threads.

It knows nothing of peers. A turn: wait until something is ready or due; take the time once; make the
calls; `settle`.
"""

from __future__ import annotations

import heapq
import os
import selectors
import socket
from collections import deque
from collections.abc import Callable, Hashable
from contextlib import suppress
from itertools import count

from peerio.net.system import System

READ = selectors.EVENT_READ
WRITE = selectors.EVENT_WRITE
_let_others_run: Callable[[], None] = getattr(os, "sched_yield", lambda: None)
"""Where all peers share a machine, what the others do meanwhile is then ready in one turn, and a turn
for two messages costs hardly more than one for one. Where nobody waits it returns at once."""
LONGEST_SLEEP = 3600.0
"""Seconds: a selector refuses what doesn't fit its clock, and an interval may be a million years."""


class Loop:
    """Calls what is ready, then what is due, then what was posted, then `settle`."""

    def __init__(self, system: System | None = None) -> None:
        self._system = system = system or System()
        self.now = system.now()
        """The time of the present turn, in seconds on the monotonic clock."""
        self.alarms = Alarms()
        self._selector = system.selector()
        self._posted: deque[Callable[[], None]] = deque()
        self._unwatched: set[socket.socket] = set()
        """Sockets that are watched no more since this turn began: their events count no more."""
        self._wake_out, self._wake_in = system.pair()
        self._wake_out.settimeout(0)
        self._wake_in.settimeout(0)
        self.stopped = False
        self.watch(self._wake_in, READ, self._woken)

    def watch(self, sock: socket.socket, events: int, call: Callable[[int], None]) -> None:
        """Call with the ready events whenever the socket is ready for one of `events`."""
        self._selector.register(sock, events, call)

    def rewatch(self, sock: socket.socket, events: int) -> None:
        """Watch a socket for other events."""
        self._selector.modify(sock, events, self._selector.get_key(sock).data)

    def unwatch(self, sock: socket.socket) -> None:
        """Watch a socket no more, also where it is ready in this very turn."""
        self._selector.unregister(sock)
        self._unwatched.add(sock)

    def post(self, call: Callable[[], None]) -> None:
        """Make this call in the loop's thread, soon; from any thread."""
        self._posted.append(call)
        with suppress(OSError):  # full: it is awake anyway; closed: it has ended
            self._wake_out.send(b"\0")

    def run(self, settle: Callable[[], bool]) -> None:
        """Turn until `stop`. `settle` ends each turn; True if it has more to do at once."""
        again = settle()
        while not self.stopped:
            _let_others_run()
            again = self.turn(settle, 0.0 if again else self._patience())

    def turn(self, settle: Callable[[], bool], patience: float) -> bool:
        """Wait at most so many seconds until something is ready, make all calls, and settle."""
        ready = self._selector.select(patience)
        self.now = self._system.now()
        self._unwatched.clear()
        for key, events in ready:
            if key.fileobj not in self._unwatched:  # a call before may have closed it
                key.data(events)
        self.alarms.run(self.now)
        while self._posted:
            self._posted.popleft()()
        return settle()

    def _patience(self) -> float:
        due = self.alarms.next_due()
        if due is None:
            return LONGEST_SLEEP
        return min(max(0.0, due - self._system.now()), LONGEST_SLEEP)

    def stop(self) -> None:
        """End `run` after this turn."""
        self.stopped = True

    def close(self) -> None:
        """Give back what the loop itself holds."""
        self._selector.close()
        self._wake_out.close()
        self._wake_in.close()

    def _woken(self, _events: int) -> None:
        with suppress(BlockingIOError):
            while self._wake_in.recv(4096):
                pass


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

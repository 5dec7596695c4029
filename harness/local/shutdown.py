"""How a swarm comes to its end, and with which exit status: the same on one machine and on many."""

from __future__ import annotations

import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from core.exits import ExitStatus
from harness.local.channels import KILL
from harness.local.children import GRACE

_WORDS = {"SIGINT": "interrupted", "SIGTERM": "terminated", "SIGHUP": "hung up"}
_NAMES: dict[int, str] = {
    getattr(signal, name): word for name, word in _WORDS.items() if hasattr(signal, name)
}
"""What the signals that end a run do to it; Windows has no SIGHUP."""
_SIGNALS = tuple(_NAMES)


class Shutdown:
    """Asks all peers to end when there is a reason to, and kills those that don't.

    `end_all` sends a signal to every peer that runs, `tell` takes a line for people. `status` is
    the swarm's exit status as soon as it is settled: 5 when the time was up; 130, 143 or 129 when
    SIGINT, SIGTERM or SIGHUP came; else that of the first peer that failed. `interrupted` tells
    that one of these signals settled it.
    """

    def __init__(
        self,
        end_all: Callable[[int], None],
        tell: Callable[[str], None],
        *,
        timeout: float,
        grace: float = GRACE,
    ) -> None:
        self.status: int | None = None
        self.interrupted = False
        self._end_all = end_all
        self._tell = tell
        self._timeout = timeout
        self._grace = grace
        self._deadline = float("inf")
        self._kill_at: float | None = None
        self._signals: list[int] = []

    @contextmanager
    def noting_signals(self) -> Iterator[socket.socket]:
        """The time runs from here; signals are noted, and the socket can be read after one.

        For the main thread, which alone may handle signals.
        """
        self._deadline = time.monotonic() + self._timeout
        woken, wake = socket.socketpair()  # a pipe can't be waited for on Windows
        woken.settimeout(0)
        wake.settimeout(0)
        handlers = {number: signal.signal(number, self._note) for number in _SIGNALS}
        # The handler only takes a note; the byte that the interpreter writes ends the wait.
        wakeup_fd = signal.set_wakeup_fd(wake.fileno(), warn_on_full_buffer=False)
        try:
            yield woken
        finally:
            signal.set_wakeup_fd(wakeup_fd)
            for number, handler in handlers.items():
                signal.signal(number, handler)
            woken.close()
            wake.close()

    def _note(self, number: int, _frame: FrameType | None) -> None:
        self._signals.append(number)

    @property
    def is_overdue(self) -> bool:
        """Whether everybody should be gone by now, having been killed half a grace ago."""
        return self._kill_at is not None and time.monotonic() >= self._kill_at + self._grace / 2

    def on_end(self, peer_id: int, exit_status: int) -> None:
        """A peer has ended; the first failure ends all others."""
        if exit_status != 0 and self.status is None:
            self._tell(f"peer {peer_id} ended with status {exit_status}: the swarm can't complete")
            self.begin(exit_status, signal.SIGTERM)

    def heed(self) -> None:
        """See to signals, time-out and grace; to be called at least at each tick.

        The first signal asks the peers to end in order, a second one ends them at once.
        """
        while self._signals:
            number = self._signals.pop(0)
            if self._kill_at is None:
                self.interrupted = self.status is None
                self._tell(f"{_NAMES[number]}: asking all peers to end")
                passed_on = signal.SIGINT if number == signal.SIGINT else signal.SIGTERM
                self.begin(128 + number, passed_on)
            else:
                self._kill_at = min(self._kill_at, time.monotonic())
        now = time.monotonic()
        if now >= self._deadline and self._kill_at is None:
            self._tell(f"not finished after {self._timeout:g} s: giving up")
            self.begin(ExitStatus.TIMED_OUT, signal.SIGTERM)
        if self._kill_at is not None and now >= self._kill_at:
            self._end_all(KILL)

    def begin(self, status: int, number: signal.Signals) -> None:
        """Settle the exit status and ask all to end; who still runs after the grace is killed."""
        if self.status is None:
            self.status = status
        self._kill_at = time.monotonic() + self._grace
        self._end_all(number)

"""SIGINT and SIGTERM, from the first moment of a peer to its last (spec 7.4).

The peer's other modules take half a second to import. So this one imports next to nothing, and
`peerProcess.py` makes its `Signals` before it imports anything else. A signal that comes early is kept
until somebody can act on it.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from types import FrameType

from core.exits import ExitStatus

Stop = Callable[[ExitStatus, str], None]
"""Asks for the orderly end, with its status and the reason."""

_REASONS = {
    signal.SIGINT: (ExitStatus.INTERRUPTED, "interrupted"),
    signal.SIGTERM: (ExitStatus.TERMINATED, "terminated"),
}


class Signals:
    """Handles both signals from here on: the first ends in order, the same again at once.

    To be made, and used, on the main thread.
    """

    def __init__(self) -> None:
        self.came: tuple[ExitStatus, str] | None = None
        """Status and reason of the first signal."""
        self._stop: Stop | None = None
        self._seen: set[int] = set()
        for number in _REASONS:
            signal.signal(number, self._handle)

    def on_stop(self, stop: Stop) -> None:
        """Call `stop` at the first signal, or at once if it has come."""
        self._stop = stop
        if self.came is not None:
            stop(*self.came)

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        status, reason = _REASONS[signal.Signals(number)]
        if number in self._seen:
            os._exit(status)
        self._seen.add(number)
        if self.came is None:
            self.came = status, reason
        if self._stop is not None:
            self._stop(status, reason)


def ignore() -> None:
    """The exit status is decided, and the interpreter ends: signals change nothing any more."""
    for number in _REASONS:
        signal.signal(number, signal.SIG_IGN)

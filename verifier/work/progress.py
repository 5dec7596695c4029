"""Tells people how far handed-out work is."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from verifier.work.handing import Progress

SILENCE = 5.0
"""Seconds between two lines of progress where it isn't shown on a terminal."""
WIDEST = 100
"""Characters of a line on a terminal."""


class ProgressLine:
    """Tells how far work is: rewrites one line of a terminal, else writes one now and then.

    `done` says what is counted: `graded`, `swarms judged`.
    """

    def __init__(self, stream: TextIO | None, done: str) -> None:
        self._stream = stream
        self._done = done
        self._terminal = stream is not None and stream.isatty()
        self._begun = self._last = time.monotonic()

    def tell(self, progress: Progress[Any]) -> None:
        """Show it, where it is time."""
        now = time.monotonic()
        if self._stream is None or (not self._terminal and now - self._last < SILENCE):
            return
        self._last = now
        text = f"{progress.done} of {progress.of} {self._done}, {duration(now - self._begun)}"
        if progress.left is not None:
            text += f", about {duration(progress.left)} left"
        if progress.state:
            text += f"; {progress.state}"
        elif progress.running:
            text += f"; at work: {', '.join(map(str, progress.running[:2]))}"[:60]
        text = f"\r{text[:WIDEST]}\x1b[K" if self._terminal else f"{text}\n"
        self._write(text)

    def clear(self) -> None:
        """Make room for another line."""
        if self._terminal:
            self._write("\r\x1b[K")

    def _write(self, text: str) -> None:
        """Write; nobody's wish to see it must end the work."""
        if self._stream is not None:
            with suppress(OSError):
                self._stream.write(text)
                self._stream.flush()


def duration(seconds: float) -> str:
    """Seconds as people say them: `95 s`, `34 min`, `3.4 h`."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"

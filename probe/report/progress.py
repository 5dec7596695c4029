"""What is told while the sessions run: one line that changes, on stderr."""

from __future__ import annotations

import sys
import threading
import time
from typing import TextIO

from probe.model import Outcome, Record


class Progress:
    """Counts sessions; on a terminal in one line, elsewhere a line a session that found something."""

    def __init__(self, total: int, stream: TextIO | None = None, *, quiet: bool = False) -> None:
        self.total = total
        self.stream = stream or sys.stderr
        self.quiet = quiet
        self.began = time.monotonic()
        self.running: list[str] = []
        self.done = 0
        self.live = self.stream.isatty()
        self._lock = threading.Lock()

    def __call__(self, name: str, record: Record | None) -> None:
        """A session begins (without a record) or is over."""
        with self._lock:
            if record is None:
                self.running.append(name)
            else:
                self.running.remove(name)
                self.done += 1
            if self.quiet:
                return
            if self.live:
                text = f"{self.done}/{self.total} conversations, {time.monotonic() - self.began:.0f} s: {' '.join(self.running)}"
                self.stream.write(f"\r\x1b[K{text[:100]}")
            elif record is not None:
                bad = [
                    one.case
                    for one in record.findings
                    if one.outcome in {Outcome.BROKEN, Outcome.WARNED}
                ]
                if bad:
                    self.stream.write(f"{name}: {' '.join(dict.fromkeys(bad))}\n")
            self.stream.flush()

    def end(self) -> None:
        """Clear the line."""
        if self.live and not self.quiet:
            self.stream.write("\r\x1b[K")
            self.stream.flush()

"""What a peer tells people, on stderr (never in the log, spec 8.2). It never stops or delays the peer.

stderr may be a full disk, a closed pipe, or a pipe that nobody reads. So a thread of its own writes it,
from a queue with limits. Lines that don't fit, or can't be written, are dropped, and their number is
told as soon as a line can be written again.
"""

from __future__ import annotations

import os
import threading
import time
from collections import Counter, deque
from collections.abc import Sequence

ROOM = 256 * 1024
"""Characters that may wait to be written."""
DRAIN_TIMEOUT = 1.0
"""Seconds that lines get at the end, where nobody may be reading."""
RETRY_PAUSE = 0.05
"""Seconds between two attempts to write to a descriptor that doesn't block, and is full."""
REMEMBERED_WARNINGS = 1000
"""Different warnings among which repetitions are noticed."""
STDERR = 2


class Outlet:
    """Writes lines to a descriptor without ever making the caller wait. Any thread may use it."""

    def __init__(self, fd: int, *, name: str = "") -> None:
        self._fd = fd
        self._name = name
        self._changed = threading.Condition()
        self._waiting: deque[str | _Gap] = deque()
        self._size = 0
        self._closed = False
        self._thread: threading.Thread | None = None
        self._unwritten = 0
        self._torn = False
        self._line = ""
        self._shown = ""

    def put(self, line: str) -> None:
        """Write a line, given without its end, as soon as that is possible; or drop it."""
        with self._changed:
            if self._size + len(line) > ROOM:
                if not isinstance(self._waiting[-1], _Gap):
                    self._waiting.append(_Gap())
                self._waiting[-1].lines += 1  # type: ignore[union-attr]  # the line above
                return
            self._waiting.append(line)
            self._size += len(line)
            self._changed.notify_all()
            if not self._start():  # the system has no thread left: this one must do
                self._write_waiting()

    def renew(self, line: str) -> None:
        """Show a line below all others, in place of the one that was shown last; on a terminal."""
        with self._changed:
            self._line = line
            self._changed.notify_all()
            self._start()

    def _start(self) -> bool:
        """Let the thread run; whether there is one."""
        if self._thread is None:
            thread = threading.Thread(target=self._run, name="outlet", daemon=True)
            try:
                thread.start()
            except RuntimeError:
                return False
            self._thread = thread
        return True

    def close(self, timeout: float = DRAIN_TIMEOUT) -> None:
        """Write what waits, for at most so many seconds; nothing may be put afterwards."""
        with self._changed:
            self._line = ""
            self._closed = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join(timeout)

    def _run(self) -> None:
        while self._next_is_there():
            self._write_waiting()
            self._show_line()
        self._tell_unwritten()

    def _next_is_there(self) -> bool:
        with self._changed:
            while not self._waiting and not self._closed and self._line == self._shown:
                self._changed.wait()
            return bool(self._waiting) or self._line != self._shown

    def _show_line(self) -> None:
        """Write the line that renews itself over the one before; a blank one erases it."""
        line, before = self._line, len(self._shown)
        if line == self._shown:
            return
        self._shown = line
        end = f"\r{line}" if line else "\r"
        self._write_bytes(f"\r{' ' * before}{end}".encode(errors="backslashreplace"))

    def _write_waiting(self) -> None:
        while self._waiting:
            with self._changed:
                entry = self._waiting.popleft()
                if isinstance(entry, str):
                    self._size -= len(entry)
            if isinstance(entry, _Gap):
                self._unwritten += entry.lines
            elif not self._tell_unwritten() or not self._write(entry):
                self._unwritten += 1

    def _tell_unwritten(self) -> bool:
        """Tell how many lines were dropped before; False if that can't be written either."""
        if self._unwritten:
            lines = "1 line" if self._unwritten == 1 else f"{self._unwritten} lines"
            if not self._write(f"{self._name}{lines} dropped here, which couldn't be written"):
                return False
            self._unwritten = 0
        return True

    def _write(self, line: str) -> bool:
        """Write a line; whether that was possible. Waits as long as nobody reads."""
        text = f"{line}\n"
        if self._shown:
            text = f"\r{' ' * len(self._shown)}\r{text}"
            self._shown = ""
        data = text.encode(errors="backslashreplace")
        return self._write_bytes(b"\n" + data if self._torn else data)

    def _write_bytes(self, data: bytes) -> bool:
        while data:
            try:
                written = os.write(self._fd, data)
            except BlockingIOError:  # whoever shares it with us made it non-blocking
                time.sleep(RETRY_PAUSE)
            except OSError:
                return False
            else:
                data = data[written:]
                self._torn = bool(data)
        return True


class _Gap:
    """Lines that weren't queued for lack of room."""

    def __init__(self) -> None:
        self.lines = 0


class Diagnostics:
    """Tells people something of a peer: each line begins with whose it is.

    What is told again and again (by a neighbor that hammers at the door) is told the 1st, 10th, 100th
    time, and so on. Calls may come from any thread and never wait.
    """

    def __init__(self, peer_id: int, fd: int = STDERR) -> None:
        self._name = f"peer {peer_id}: "
        self._outlet = Outlet(fd, name=self._name)
        self._told: Counter[str] = Counter()

    def __call__(self, text: str) -> None:
        """Tell it, a line each."""
        if len(self._told) > REMEMBERED_WARNINGS:
            self._told.clear()
        self._told[text] += 1
        times = self._told[text]
        if times > 1 and str(times).strip("0") != "1":
            return
        again = f" ({times} times)" if times > 1 else ""
        for line in (text + again).splitlines():
            self._outlet.put(self._name + line)

    def line(self, text: str) -> None:
        """Tell how the peer stands, in a line of its own."""
        self._outlet.put(self._name + text)

    def renew(self, words: Sequence[str], width: int) -> None:
        """Tell the same on a terminal so many columns wide: as many of the words as fit, in one line.

        It takes the place of the line before, so that the last column stays free for the cursor.
        """
        line = self._name + words[0]
        for word in words[1:]:
            if len(line) + 2 + len(word) >= width:
                break
            line += f", {word}"
        self._outlet.renew(line[: width - 1])

    def show(self, text: str) -> None:
        """Tell it as it stands, such as a traceback."""
        for line in text.splitlines():
            self._outlet.put(line)

    def close(self) -> None:
        """Write what is left, within a second."""
        self._outlet.close()

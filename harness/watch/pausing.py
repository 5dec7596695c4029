"""Ctrl-Z while a live table is shown: the shell gets the terminal as it was, and `fg` brings the table back."""

from __future__ import annotations

import os
import signal
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ENTER = b"\x1b[?1049h\x1b[?25l"
"""Takes the terminal's second screen and hides the cursor."""
LEAVE = b"\x1b[H\x1b[2J\x1b[?1049l\x1b[?25h"
"""Gives both back."""


@contextmanager
def pausing(descriptor: int) -> Iterator[None]:
    """Within, the process leaves the terminal's second screen before Ctrl-Z stops it, and takes it again then.

    Where nothing can be stopped, as on Windows or where the shell ignores Ctrl-Z, nothing changes.
    """
    stop = getattr(signal, "SIGTSTP", None)
    in_main = threading.current_thread() is threading.main_thread()
    if stop is None or not in_main or signal.getsignal(stop) is not signal.SIG_DFL:
        yield
        return

    def pause(_number: int, _frame: object) -> None:
        _write(descriptor, LEAVE)
        signal.signal(stop, signal.SIG_DFL)
        # To this thread, so that it stops here; another could take a signal to the process later.
        signal.pthread_kill(threading.get_ident(), stop)
        signal.signal(stop, pause)
        _write(descriptor, ENTER)

    signal.signal(stop, pause)
    try:
        yield
    finally:
        signal.signal(stop, signal.SIG_DFL)


def _write(descriptor: int, text: bytes) -> None:
    """Past Python's buffer, which may be in use when a signal comes."""
    with suppress(OSError):
        os.write(descriptor, text)

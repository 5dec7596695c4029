"""The project's commands: `invoke --list` names them, `invoke NAME --help` explains one."""

import os
import signal
import threading


def _end(number: int, _frame: object) -> None:
    """End with the signal's status, without the traceback of a half-done import."""
    os._exit(128 + number)


_first = threading.current_thread() is threading.main_thread()  # which alone may handle signals
_handler = signal.signal(signal.SIGINT, _end) if _first else None

from harness import cli  # noqa: E402 -- it takes long enough for a Ctrl-C

namespace = cli.tasks()
if _handler is not None:
    signal.signal(signal.SIGINT, _handler)

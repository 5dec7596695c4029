"""What a peer settles with the system around it: signals, scheduling, standard descriptors."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def signals_for_main_thread_only() -> Iterator[None]:
    """Threads that are started within, and those that they start, are never handed a signal.

    Python runs handlers on the main thread; a signal that the system hands to another thread doesn't
    wake it, and would wait until the peer ends by itself.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def prefer_throughput() -> None:
    """Where the system has it, be scheduled as a batch: to wake up interrupts nobody.

    A peer that finishes what it does before another one runs finds more to do at once when its turn
    comes, and does it for less.
    """
    with contextlib.suppress(
        AttributeError, OSError
    ):  # another system; or not allowed in a container
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


def fill_standard_descriptors() -> None:
    """Give descriptors 0 to 2 to the null device if they are closed: a log would get them otherwise.

    What is meant for stderr would then go into that log.
    """
    for fd in range(3):
        try:
            os.fstat(fd)
        except OSError:
            with contextlib.suppress(OSError):
                os.open(os.devnull, os.O_RDWR)  # the lowest number that is free: this one

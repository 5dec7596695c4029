"""Whether the system gives a peer what it needs: file descriptors, threads, memory (spec 7.4).

What is short is told before the peer starts, in one message that says what and how much.
"""

from __future__ import annotations

import errno
import math
from contextlib import suppress

try:
    import resource
except ImportError:  # Windows has no such limits
    resource = None  # type: ignore[assignment]  # looked at below

OWN_DESCRIPTORS = 24
"""What a peer opens beside its connections: standard streams, pipes, file, log, trace, port, names."""
STRANGERS = 128
"""Descriptors for unfinished handshakes (spec 2.4) and attempts to connect."""
_SHORTAGES = {
    errno.EMFILE: "this process may open no more files (`ulimit -n`)",
    errno.ENFILE: "this system has too many open files",
    errno.ENOMEM: "this system gives no more memory",
    errno.ENOBUFS: "this system gives no more memory for sockets",
}


class LimitError(Exception):
    """The system's limits are too low; `str()` is the whole message."""


def ensure_descriptors(connections: int) -> None:
    """Raise the limit of open files so that there are enough for so many neighbors, and strangers.

    LimitError if it can't be raised as far as the neighbors need.
    """
    if resource is None:
        return
    needed = OWN_DESCRIPTORS + connections
    soft = _open_files(needed + STRANGERS)
    if soft < needed:
        raise LimitError(
            f"only {soft} open files are allowed: expected at least {needed}, which is "
            f"{OWN_DESCRIPTORS} and one for each of {connections} peers; raise the limit (`ulimit -n`)"
        )


def _open_files(wanted: int) -> float:
    """How many files may be open, after the attempt to raise that to `wanted`."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return math.inf
    if soft < wanted:
        if hard != resource.RLIM_INFINITY:
            wanted = min(wanted, hard)
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
            return wanted
    return soft


def explain_shortage(error: BaseException | None) -> str | None:
    """What to tell if it is the system that gives too little; None if it is something else."""
    if isinstance(error, MemoryError):
        return (
            "not enough memory for this configuration: use larger pieces or fewer peers, "
            "or raise the limit (`ulimit -v`)"
        )
    if isinstance(error, RuntimeError) and "start new thread" in str(error):
        return "this system starts no more threads: raise the limit (`ulimit -u`, `ulimit -v`)"
    if isinstance(error, OSError) and error.errno in _SHORTAGES:
        return f"can't start: {_SHORTAGES[error.errno]}; raise that limit or end other programs"
    return None

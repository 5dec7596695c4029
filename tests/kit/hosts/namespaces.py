"""Linux namespaces of other processes, entered and looked into. Needs root."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_libc = ctypes.CDLL(None, use_errno=True)
ANY_KIND = 0
"""For setns: whatever kind of namespace the descriptor is of."""


@contextmanager
def inside(namespace: str) -> Iterator[None]:
    """Have this thread be in a namespace, such as `/proc/7/ns/net`, and then again where it was.

    For a PID namespace, `/proc/7/ns/pid_for_children`, it is where the processes are born which it
    starts meanwhile; it may start no thread then. Raises OSError where that isn't allowed.
    """
    home = os.open(f"/proc/thread-self/ns/{Path(namespace).name}", os.O_RDONLY | os.O_CLOEXEC)
    there = os.open(namespace, os.O_RDONLY | os.O_CLOEXEC)
    try:
        _enter(there)
        try:
            yield
        finally:
            _enter(home)
    finally:
        os.close(there)
        os.close(home)


def _enter(namespace: int) -> None:
    if _libc.setns(namespace, ANY_KIND):  # os.setns came with Python 3.12
        number = ctypes.get_errno()
        raise OSError(number, f"can't enter a namespace: {os.strerror(number)}")


def processes_in(namespace: str) -> dict[int, str]:
    """Command lines of the living in this PID namespace (as its link reads), by their id here."""
    found = {}
    for entry in Path("/proc").iterdir():
        with suppress(OSError):  # no process, one that has ended meanwhile, or none of ours
            if entry.name.isdigit() and str((entry / "ns/pid").readlink()) == namespace:
                words = (entry / "cmdline").read_bytes().split(b"\0")
                if command := b" ".join(words).decode(errors="replace").strip():
                    found[int(entry.name)] = command
    return found

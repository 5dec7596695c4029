"""Free ports, below those that the system hands out by itself, no two sessions the same."""

from __future__ import annotations

import os
import random
import socket
import sys
import threading
from contextlib import suppress

FIRST, LAST = 20000, 32000
_lock = threading.Lock()
_taken: dict[int, socket.socket | None] = {}
"""Ports in use here, each with what keeps other probes on this machine from it."""
_random = random.Random(f"{os.getpid()} {random.random()}")


def addresses() -> list[tuple[int, str]]:
    """Family and loopback address of each family that this machine has."""
    found = [(int(socket.AF_INET), "127.0.0.1")]
    with suppress(OSError), socket.socket(socket.AF_INET6) as probe:
        probe.bind(("::1", 0))
        found.append((int(socket.AF_INET6), "::1"))
    return found


def bind(port: int) -> list[socket.socket]:
    """Sockets bound to a port on each loopback address; OSError if it isn't free on one of them."""
    made: list[socket.socket] = []
    try:
        for family, address in addresses():
            one = socket.socket(family)
            made.append(one)
            one.settimeout(0)
            one.bind((address, port))
    except OSError:
        for one in made:
            one.close()
        raise
    return made


def _reserve(port: int) -> socket.socket | None:
    """A name that only one process may have: the program's port is free until it listens there.

    OSError where another probe has it. Only Linux has such names; elsewhere chance must do.
    """
    if sys.platform != "linux":
        return None
    one = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        one.bind(f"\0probe of port {port}")
    except OSError:
        one.close()
        raise
    return one


def take() -> tuple[int, list[socket.socket]]:
    """A port that nobody has, and the sockets that hold it until somebody listens."""
    for _ in range(2000):
        with _lock:
            port = _random.randint(FIRST, LAST)
            if port in _taken:
                continue
            with suppress(OSError):
                reserved = _reserve(port)
                with socket.socket() as probe:
                    probe.bind(("", port))  # a program may listen on all addresses
                held = bind(port)
                _taken[port] = reserved
                return port, held
    raise OSError(f"no free port between {FIRST} and {LAST}")


def give_back(port: int) -> None:
    """The session that had it is over."""
    with _lock:
        reserved = _taken.pop(port, None)
        if reserved:
            reserved.close()

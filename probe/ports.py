"""Free ports, below those that the system hands out by itself, no two sessions the same."""

from __future__ import annotations

import os
import random
import socket
import threading
from contextlib import suppress

FIRST, LAST = 20000, 32000
_lock = threading.Lock()
_taken: set[int] = set()
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
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            one.settimeout(0)
            one.bind((address, port))
    except OSError:
        for one in made:
            one.close()
        raise
    return made


def take() -> tuple[int, list[socket.socket]]:
    """A port that nobody has, and the sockets that hold it until somebody listens."""
    for _ in range(2000):
        with _lock:
            port = _random.randint(FIRST, LAST)
            if port in _taken:
                continue
            with suppress(OSError):
                with socket.socket() as probe:
                    probe.bind(("", port))  # a program may listen on all addresses
                held = bind(port)
                _taken.add(port)
                return port, held
    raise OSError(f"no free port between {FIRST} and {LAST}")


def give_back(port: int) -> None:
    """The session that had it is over."""
    with _lock:
        _taken.discard(port)

"""What the network thread asks of the operating system: sockets, names, readiness and the time.

`System` is the real one. The simulator gives the same code another (`peerio.simulation.sockets`).
"""

from __future__ import annotations

import selectors
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

Address = tuple[socket.AddressFamily, Any]
"""A family and what its sockets connect to."""


class System:
    """The operating system's sockets and clock."""

    def now(self) -> float:
        """The time in seconds on a monotonic clock."""
        return time.monotonic()

    def selector(self) -> selectors.BaseSelector:
        """A new selector."""
        return selectors.DefaultSelector()

    def pair(self) -> tuple[socket.socket, socket.socket]:
        """Two sockets that are connected to each other."""
        return socket.socketpair()

    def open(self, family: socket.AddressFamily) -> socket.socket:
        """A new TCP socket; OSError where there is none of this family, or none left."""
        return socket.socket(family, socket.SOCK_STREAM)

    def resolve(self, host: str, port: int, answer: Callable[[list[Address], str], None]) -> None:
        """Have `answer` called with a host's addresses, or with none and the reason.

        It is called from a helper thread: a name may take many seconds to resolve.
        """

        def run() -> None:
            try:
                # As bytes: Python would load its codec for international names otherwise.
                name = host.encode() if host.isascii() else host
                found = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)
            except (OSError, UnicodeError) as error:
                answer([], str(error))
                return
            answer([(family, address) for family, _, _, _, address in found], "")

        try:
            threading.Thread(target=run, name=f"resolve {host}", daemon=True).start()
        except RuntimeError:  # for the moment, perhaps: it is tried again
            answer([], "this system starts no more threads, see `ulimit -u`")

"""Where a peer listens, and how it accepts (spec 2.1, 2.6)."""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable
from functools import partial

from peerio.net.addresses import bind_to, listening_addresses
from peerio.net.allowance import SHARE, Allowance
from peerio.net.link import Route
from peerio.net.loop import READ, Loop
from peerio.net.system import System

BACKLOG = 128
ACCEPTS_A_TURN = 16
CONNECTION_WORK = 0.002
"""Seconds of work that a connection makes, from the accept to the end: what the allowance is charged."""
CONNECTIONS_AT_ONCE = 64
"""So many are accepted one after the other; then as many as the allowance lets (spec 3.7)."""
EXHAUSTED_PAUSE = 0.5
"""Seconds without accepting where the system has no file descriptor left."""


class NetworkError(Exception):
    """The peer can't listen; the message says where, why, and what to do."""


def bind(host: str, port: int, system: System | None = None) -> list[socket.socket]:
    """Bind all addresses of a host that the machine has; NetworkError if it can't.

    Nobody can connect before a `Listener` listens. But the port is taken: whoever has it knows that no
    other peer of this line of `PeerInfo.cfg` runs here, whose files could be in use.
    """
    system = system or System()
    sockets: list[socket.socket] = []
    for family, address in listening_addresses(host):
        try:
            sockets.append(_bind(system.open(family), family, address, port))
        except OSError as error:
            if family == socket.AF_INET6 and sockets and error.errno in _NO_IPV6:
                continue
            for sock in sockets:
                sock.close()
            raise NetworkError(_explain(error, port)) from error
    return sockets


_NO_IPV6 = {errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL, errno.EPROTONOSUPPORT}


def _bind(
    sock: socket.socket, family: socket.AddressFamily, address: str, port: int
) -> socket.socket:
    try:
        bind_to(sock, family, address, port)
        sock.settimeout(0)
    except OSError:
        sock.close()
        raise
    return sock


def _explain(error: OSError, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"port {port} is in use: another program (or an earlier peer) listens there; "
            "end it or give this peer another port in PeerInfo.cfg"
        )
    if error.errno == errno.EACCES:
        return (
            f"port {port} isn't allowed to this user: choose one above 1023 for this peer "
            "in PeerInfo.cfg"
        )
    return f"can't listen on port {port}: {error.strerror}; check this peer's line in PeerInfo.cfg"


class Listener:
    """A peer's listening sockets on the loop."""

    def __init__(
        self,
        loop: Loop,
        sockets: list[socket.socket],
        on_accepted: Callable[[Route], None],
        on_warning: Callable[[str], None],
    ) -> None:
        self._loop = loop
        self._sockets = sockets
        self._on_accepted = on_accepted
        self._on_warning = on_warning
        self._watching = False
        self._allowance = Allowance(loop.now, burst=CONNECTIONS_AT_ONCE * CONNECTION_WORK)
        for sock in sockets:
            sock.listen(BACKLOG)
        self._watch()

    def _watch(self) -> None:
        self._watching = True
        for sock in self._sockets:
            self._loop.watch(sock, READ, partial(self._accept, sock))

    def _unwatch(self) -> None:
        if self._watching:
            self._watching = False
            for sock in self._sockets:
                self._loop.unwatch(sock)

    def _accept(self, listening: socket.socket, _events: int) -> None:
        self._allowance.refill(self._loop.now)
        for _ in range(ACCEPTS_A_TURN):
            if not self._watching:
                return
            try:
                sock, remote = listening.accept()
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno in _EXHAUSTED:
                    self._on_warning(f"can't accept connections for the moment: {error.strerror}")
                    self._pause(self._loop.now + EXHAUSTED_PAUSE)
                    return
                continue  # that connection ended before it was accepted
            self._on_accepted(Route(sock, remote))
            if self._allowance.take(CONNECTION_WORK):
                self._pause(self._loop.now + CONNECTION_WORK / SHARE)

    def _pause(self, until: float) -> None:
        """Nobody is accepted now; those who knock wait in the system's queue."""
        self._unwatch()
        self._loop.alarms.set("listen", until, self._watch)

    def close(self) -> None:
        """Accept nobody any more."""
        self._loop.alarms.clear("listen")
        self._unwatch()
        for sock in self._sockets:
            sock.close()
        self._sockets = []


_EXHAUSTED = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}

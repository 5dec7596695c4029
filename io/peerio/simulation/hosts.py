"""The system under one peer's process in a simulation: its sockets, names, readiness and clock."""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable
from functools import partial
from selectors import BaseSelector, SelectorKey
from typing import Any, cast

from peerio.net.system import Address, System
from peerio.simulation.sockets import FakeSocket
from peerio.simulation.wire import Machine, Wire

LOOPBACK = {socket.AF_INET: "127.0.0.1", socket.AF_INET6: "::1"}


class Host(Machine, System):
    """The system under one peer's process: its sockets and its clock."""

    def __init__(self, wire: Wire, *, ipv6: bool = False) -> None:
        super().__init__(wire)
        self.ipv6 = ipv6
        self.ready = Ready(self)
        self.on_ready: Callable[[], None] = lambda: None
        """Called when something may be ready: whoever drives the loop has it turn soon."""

    def touch(self, sock: FakeSocket) -> None:
        """A socket may be ready."""
        self.ready.touch(sock)

    def now(self) -> float:
        """The virtual time."""
        return self.wire.world.now

    def selector(self) -> BaseSelector:
        """Of whoever is called next."""
        return cast("BaseSelector", self.ready)

    def pair(self) -> tuple[socket.socket, socket.socket]:
        """Two sockets of this host, without a wire between them."""
        one, other = FakeSocket(self, socket.AF_INET), FakeSocket(self, socket.AF_INET)
        one.join(other, None)
        return cast("socket.socket", one), cast("socket.socket", other)

    def open(self, family: socket.AddressFamily) -> socket.socket:
        """A new socket; OSError where there is no such family, or no descriptor left."""
        if family == socket.AF_INET6 and not self.ipv6:
            raise OSError(errno.EAFNOSUPPORT, "Address family not supported by protocol")
        if error := self.wire.shortage(self):
            raise OSError(error, "Too many open files")
        return cast("socket.socket", FakeSocket(self, family))

    def resolve(self, host: str, port: int, answer: Callable[[list[Address], str], None]) -> None:  # noqa: ARG002 -- all hosts are this one
        """All names are the loopback's; the answer comes a moment later."""
        found: list[Address] = [(socket.AF_INET, (LOOPBACK[socket.AF_INET], port))]
        if self.ipv6:
            found.insert(0, (socket.AF_INET6, (LOOPBACK[socket.AF_INET6], port, 0, 0)))
        self.wire.world.at(self.now(), partial(answer, found, ""))

    def connections(self) -> list[FakeSocket]:
        """The sockets that are connected to another host and haven't failed."""
        return [sock for sock in self.sockets if sock.path is not None and sock.alive]

    def deafen(self, seconds: float) -> None:
        """Give the process nothing for so long."""
        self.deaf_until = max(self.deaf_until, self.now() + seconds)
        self.wire.world.at(self.deaf_until, self._hear)

    def _hear(self) -> None:
        for sock in self.sockets:
            sock.touch()

    def end(self) -> None:
        """The process is gone: the system closes what it had open, and sends what it had taken."""
        for sock in list(self.sockets):
            sock.close()

    def vanish(self) -> None:
        """The host is gone without a word, as without power."""
        for sock in list(self.sockets):
            if sock.path is not None:
                sock.path.cut()
            sock.close()


class Ready:
    """A selector that is told what may be ready, so that a turn costs nothing for all others."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._keys: dict[FakeSocket, SelectorKey] = {}
        self._touched: dict[FakeSocket, None] = {}

    def register(self, sock: FakeSocket, events: int, data: Any) -> None:
        """Watch a socket."""
        assert sock not in self._keys
        self._keys[sock] = SelectorKey(sock, 0, events, data)
        self.touch(sock)

    def unregister(self, sock: FakeSocket) -> None:
        """Watch it no more; KeyError if it isn't watched."""
        del self._keys[sock]
        self._touched.pop(sock, None)

    def modify(self, sock: FakeSocket, events: int, data: Any) -> None:
        """Watch it for other events."""
        self.unregister(sock)
        self.register(sock, events, data)

    def get_key(self, sock: FakeSocket) -> SelectorKey:
        """What it is watched for."""
        return self._keys[sock]

    def touch(self, sock: FakeSocket) -> None:
        """A socket may be ready."""
        if sock in self._keys:
            self._touched[sock] = None
            self._host.on_ready()

    def select(self, _timeout: float) -> list[tuple[SelectorKey, int]]:
        """Who is ready now, in the order in which it came about."""
        ready = []
        for sock in list(self._touched):
            key = self._keys[sock]
            if events := key.events & sock.events():
                ready.append((key, events))
            else:
                del self._touched[sock]
        return ready

    def waits(self) -> bool:
        """Whether somebody is still ready."""
        touched = self._touched
        while touched:
            sock = next(iter(touched))
            if self._keys[sock].events & sock.events():
                return True
            del touched[sock]
        return False

    def close(self) -> None:
        """Nobody is watched any more."""
        self._keys.clear()
        self._touched.clear()

"""Sockets in virtual time: what the real networking runs on in a simulated swarm.

They behave as a system's TCP sockets do where networking can tell: each direction keeps its order and
has a window, what came before a reset can still be read, an error is told once, a connection that is
silent for too long fails if its options ask for it.
"""

from __future__ import annotations

import errno
import socket
from collections import deque
from collections.abc import Callable
from functools import partial
from math import ceil
from selectors import EVENT_READ, EVENT_WRITE
from typing import Any

from peerio.net.liveness import SILENCE
from peerio.simulation.wire import Bytes, Machine, Path

SYN_AGAIN = (1.0, 3.0)
"""Seconds after which a connection that an accept queue had no room for is asked for again."""
SYN_SPREAD = 0.05
"""Seconds by which that may be later: those who were refused together don't come together again."""
TICKS = 1000
"""Times a second at which a host is told what has come, as a network card gathers it: so a turn of a
busy peer has more to do, and there are fewer."""
NOTICED_WITHIN = 5.0
"""Seconds that a system may need beyond `SILENCE` to notice that a connection is silent."""


class FakeSocket:
    """One TCP socket. Whatever it has in common with a real one, networking calls it by."""

    def __init__(self, host: Machine, family: int) -> None:
        self.host, self.family = host, family
        self.wire, self.world = host.wire, host.wire.world
        self.address: tuple[Any, ...] = ("", 0)
        self.mate: FakeSocket | None = None
        self.path: Path | None = None
        self.queue: deque[FakeSocket] | None = None
        """Where it listens: connections that nobody has accepted yet."""
        self.room = 0
        """How many those may be."""
        self.options: dict[tuple[int, int], Any] = {}
        self.closed = self.reset = self.eof = self.shut = False
        self.error = 0
        """The error that is told next, once."""
        self.unread = 0
        """Bytes that it took and the other end hasn't read."""
        self.starved = False
        """It had no room for something: networking waits until there is some."""
        self.moved_at = 0.0
        """When the other end last read something."""
        self._inbox: deque[Bytes] = deque()
        self._held: list[bytes] = []
        """What waits for more to follow (MSG_MORE)."""
        self._arrival = 0.0
        """When the last of what it sent arrives."""
        self._watching = False
        host.sockets[self] = None

    def join(self, other: FakeSocket, path: Path | None) -> None:
        """These two are the ends of one connection."""
        self.mate, other.mate = other, self
        self.path = other.path = path

    @property
    def alive(self) -> bool:
        """Whether it is connected, as far as its own system knows."""
        return self.mate is not None and not self.closed and not self.reset

    # What any socket has.

    def settimeout(self, value: float) -> None:
        """None of them ever waits."""
        assert value == 0

    def setsockopt(self, level: int, option: int, value: Any) -> None:
        """Remember an option."""
        self.options[level, option] = value

    def getsockopt(self, level: int, option: int) -> int:
        """Tell the error that is to be told, or an option."""
        return self._tell_error() if option == socket.SO_ERROR else self.options[level, option]

    def getsockname(self) -> tuple[Any, ...]:
        """Its own address."""
        return self.address

    def fileno(self) -> int:
        """It has no descriptor: content goes by `send_content`."""
        return -1

    def close(self) -> None:
        """Give it back. Whoever sends to it, or sent what nobody has read, is told by a reset."""
        if self.closed:
            return
        self.closed = True
        del self.host.sockets[self]
        if self.queue is not None:
            for waiting in self.queue:
                waiting.abort()
            self.wire.listeners = {
                name: sock for name, sock in self.wire.listeners.items() if sock is not self
            }
        elif self.path is not None and not self.reset:
            if self._inbox:
                self.abort()
            else:
                self._finish()

    def abort(self) -> None:
        """Tell the other end, behind what was sent, that the connection is gone."""
        self._schedule(partial(self._reach, FakeSocket.fail, errno.ECONNRESET), self.world.now)

    # Listening and dialling.

    def bind(self, address: tuple[Any, ...]) -> None:
        """Take a port; OSError if another one has it."""
        if (self.family, address[1]) in self.wire.listeners:
            raise OSError(errno.EADDRINUSE, "Address already in use")
        self.address = address
        self.wire.listeners[self.family, address[1]] = self

    def listen(self, backlog: int) -> None:
        """Accept connections."""
        self.queue = deque()
        self.room = self.wire.backlog(backlog)

    def accept(self) -> tuple[FakeSocket, tuple[Any, ...]]:
        """The next connection and where it comes from."""
        assert self.queue is not None
        if not self.queue:
            raise BlockingIOError(errno.EAGAIN, "nobody is there")
        if error := self.wire.shortage(self.host):
            raise OSError(error, "Too many open files")
        accepted = self.queue.popleft()
        assert accepted.mate is not None
        return accepted, accepted.mate.address

    def connect_ex(self, address: tuple[Any, ...]) -> int:
        """Begin to connect."""
        local = (address[0], next(self.wire.ports))
        self.address = local + address[2:]
        self.world.after(self.wire.transit(), partial(self._knock, address[1], SYN_AGAIN))
        return errno.EINPROGRESS

    def _knock(self, port: int, again: tuple[float, ...]) -> None:
        if self.closed:
            return
        listener: FakeSocket | None = self.wire.listeners.get((self.family, port))
        if listener is None or listener.queue is None:
            self.world.after(self.wire.transit(), partial(self.fail, errno.ECONNREFUSED))
        elif len(listener.queue) < listener.room:
            accepted = FakeSocket(listener.host, self.family)
            accepted.address = listener.address
            path = Path(self.wire, (self, accepted))
            accepted.mate, accepted.path = self, path
            listener.queue.append(accepted)
            listener.touch()
            delay = self.wire.transit()
            accepted._arrival = self.world.now + delay
            self.world.after(delay, partial(self._connected, accepted, path))
        elif again:
            pause = again[0] + self.world.rng.uniform(0, SYN_SPREAD)
            self.world.after(pause, partial(self._knock, port, again[1:]))

    def _connected(self, accepted: FakeSocket, path: Path) -> None:
        if self.closed:
            accepted.fail(errno.ECONNRESET)
        else:
            self.mate, self.path = accepted, path
            self.touch()

    # Sending.

    def send(self, data: bytes | bytearray, flags: int = 0) -> int:
        """Take as many of the bytes as there is room for; with a flag (MSG_MORE) hold them back."""
        size = self._takes(len(data))
        part = bytes(data) if size == len(data) else bytes(data[:size])
        if flags and size == len(data) and self.unread < self.wire.window:
            self._held.append(part)
        else:
            self._transmit(part, self.world.now)
        return size

    def send_content(self, data: memoryview) -> int:
        """Take as many bytes of a piece as there is room for; the memory isn't copied."""
        size = self._takes(len(data))
        self._transmit(data[:size], self.wire.leaves_at(self.host, size))
        return size

    def _takes(self, size: int) -> int:
        if self.error or self.reset or self.shut:
            raise OSError(self._tell_error() or errno.EPIPE, "can't be sent")
        room = self.wire.window - self.unread
        if room <= 0:
            self._starve()
            raise BlockingIOError(errno.EAGAIN, "no room")
        taken = self.wire.sent(min(size, room))
        self.unread += taken
        if taken < size and taken == room:
            self._starve()
        return taken

    def _transmit(self, data: Bytes, left: float) -> None:
        pieces = [data]
        if self._held:
            pieces = [*self._held, data]
            self._held = []
        if self.path is None:
            assert self.mate is not None
            self.mate.take(pieces)
            return
        for part in self.wire.parts(pieces):
            self._schedule(partial(self._reach, FakeSocket.take, part), left)

    def _schedule(self, call: Callable[[], None], left: float) -> None:
        """Have something that leaves then reach the other end, behind all that was sent before."""
        arrival = ceil((left + self.wire.transit()) * TICKS) / TICKS
        path = self.path
        if path is not None and arrival < path.held_until:
            arrival = path.held_until
        arrival = max(arrival, self._arrival)
        self._arrival = arrival
        self.world.at(arrival, call)

    def _reach(self, deliver: Callable[..., None], *what: Any) -> None:
        """Something that was sent is at the other end, unless the way there is gone."""
        mate, path = self.mate, self.path
        assert mate is not None
        if path is not None and path.dead:
            return
        if not mate.closed:
            deliver(mate, *what)
        elif not self.closed:  # its system knows of no such connection any more
            self.world.after(self.wire.transit(), partial(self.fail, errno.ECONNRESET))

    def shutdown(self, how: int) -> None:
        """Send the end of the stream."""
        assert how == socket.SHUT_WR
        if self.reset:
            raise OSError(errno.ENOTCONN, "not connected")
        self._finish()

    def _finish(self) -> None:
        if not self.shut:
            if self._held:
                self._transmit(self._held.pop(), self.world.now)
            self.shut = True
            self._schedule(partial(self._reach, FakeSocket.take_end), self.world.now)

    # Receiving.

    def recv(self, size: int) -> bytes:
        """The next bytes, at most so many; none at the end of the stream."""
        buffer = bytearray(size)
        return bytes(buffer[: self.recv_into(memoryview(buffer))])

    def recv_into(self, buffer: memoryview) -> int:
        """Put the next bytes into a buffer; 0 at the end of the stream."""
        inbox = self._inbox
        if not inbox:
            if self.error:
                raise OSError(self._tell_error(), "the connection is gone")
            if self.eof or self.reset:
                return 0
            raise BlockingIOError(errno.EAGAIN, "nothing is there")
        limit, at = self.wire.read(len(buffer)), 0
        while inbox and at < limit:
            part = inbox.popleft()
            size = len(part)
            if at + size > limit:
                size = limit - at
                inbox.appendleft(memoryview(part)[size:])
                part = memoryview(part)[:size]
            buffer[at : at + size] = part
            at += size
        self._was_read(at)
        return at

    def _was_read(self, size: int) -> None:
        mate = self.mate
        assert mate is not None
        mate.unread -= size
        mate.moved_at = self.world.now
        if mate.starved:
            mate.starved = False
            self.world.after(0 if self.path is None else self.wire.transit(), mate.touch)

    def take(self, parts: list[Bytes]) -> None:
        """These bytes have come."""
        if not self.reset:
            self._inbox.extend(parts)
            self.host.touch(self)

    def take_end(self) -> None:
        """The end of the stream has come."""
        self.eof = True
        self.touch()

    # Errors and readiness.

    def fail(self, error: int) -> None:
        """The connection is gone, or didn't come about; what has come can still be read."""
        if not self.closed and not self.reset:
            self.reset, self.error = True, error
            self._held = []
            self.touch()
            if self.mate is not None and self.mate.alive:
                self.mate.expect_silence()  # it isn't told, and may never send

    def _tell_error(self) -> int:
        error, self.error = self.error, 0
        return error

    def _starve(self) -> None:
        """Networking waits for room; after a time without any the system gives up."""
        self.starved = True
        if not self._watching:
            self._watching = True
            self.moved_at = self.world.now
            self.world.after(SILENCE, self._still_starved)

    def _still_starved(self) -> None:
        due = self.moved_at + SILENCE
        if not self.starved or not self.alive:
            self._watching = False
        elif due > self.world.now:
            self.world.at(due, self._still_starved)
        elif self._is_watched():
            self.fail(errno.ETIMEDOUT)

    def expect_silence(self) -> None:
        """Nothing will ever come from the other end: the system asks, and finds that out."""
        pause = SILENCE + self.world.rng.uniform(0, NOTICED_WITHIN)
        self.world.after(pause, self._found_silent)

    def _found_silent(self) -> None:
        if self.alive and self._is_watched():
            dead = self.path is not None and self.path.dead
            self.fail(errno.ETIMEDOUT if dead else errno.ECONNRESET)

    def _is_watched(self) -> bool:
        """Whether its options ask the system to notice silence."""
        return (socket.SOL_SOCKET, socket.SO_KEEPALIVE) in self.options

    def touch(self) -> None:
        """It may be ready now."""
        self.host.touch(self)

    def events(self) -> int:
        """What it is ready for."""
        readable = bool(self._inbox or self.eof or self.queue or self.reset)
        if readable and self.world.now < self.host.deaf_until:
            readable = self.path is None and self.queue is None
        writable = self.reset or (self.mate is not None and self.unread < self.wire.window)
        return (EVENT_READ if readable else 0) | (EVENT_WRITE if writable else 0)

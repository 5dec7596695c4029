"""One connection: what both ends told on it, and the thread that writes to it (spec 2.7, 4.9, 7.2)."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import random
import socket
import struct
import termios
import threading
import time
from collections import deque
from collections.abc import Callable

from tests.reference.habits import chunks

TCP_CLOSED = 7  # the kernel's number of that state, first byte of TCP_INFO


class Link:
    """A connection after both handshakes. Its fields are touched under the peer's lock only."""

    def __init__(
        self,
        sock: socket.socket,
        host: str,
        peer_id: int,
        lock: threading.Lock,
        habits: frozenset[str],
    ) -> None:
        """Everything starts afresh: both ends choked, not interested, nothing known (spec 2.7)."""
        self.sock = sock
        self.host = host
        self.peer_id = peer_id
        self.habits = habits
        self.pieces: set[int] = set()
        self.chokes_us = True
        self.choked = True
        self.interested = False
        self.told_interest: bool | None = None
        self.asked: set[int] = set()
        self.open: set[int] = set()
        self.unanswered = 0
        self.rate = 0
        self.handled = 0
        self.last_byte = time.monotonic()
        self.waiting: list[int] = []
        self.outbox: deque[bytes] = deque()
        self.ending = ""  # how it ends once all is written: "half-close" or "reset"
        self.gone = False
        self.written = False
        self.work = threading.Condition(lock)

    def receive(self, count: int) -> bytes:
        """Receive up to `count` bytes and note the time (spec 6.6)."""
        data = self.sock.recv(min(count, 65536))
        self.last_byte = time.monotonic()
        return data

    def put(self, data: bytes) -> None:
        """Queue a message for the writer, unless the end was ordered."""
        if not self.ending:
            self.outbox.append(data)
        self.work.notify_all()

    def end(self, how: str) -> None:
        """Order the end of our direction, behind everything queued."""
        self.ending = self.ending or how
        self.work.notify_all()

    def drop(self) -> None:
        """Give the connection up at once; its reader then meets the end of the stream."""
        self.gone = True
        self.work.notify_all()
        if self.ending != "reset":  # the writer resets it; an end of stream must not come first
            with contextlib.suppress(OSError):  # the other end was faster
                self.sock.shutdown(socket.SHUT_RDWR)

    def write(self, next_piece: Callable[[Link], bytes]) -> None:
        """The writer thread: messages first, then a piece somebody waits for, then the end.

        A failed send ends the writing only: what the other end sent before still counts (spec 3.6).
        """
        with contextlib.suppress(OSError):
            while data := self.next_data(next_piece):
                self.send(data)
            if self.ending == "half-close":
                self.sock.shutdown(socket.SHUT_WR)
        if self.ending == "reset":
            reset_behind(self.sock)
        with self.work:
            self.written = True
            self.work.notify_all()

    def next_data(self, next_piece: Callable[[Link], bytes]) -> bytes:
        """Wait for something to write; nothing when the writing is over."""
        with self.work:
            self.work.wait_for(lambda: self.outbox or self.waiting or self.ending or self.gone)
            if self.gone:
                return b""
            if self.outbox:
                return self.outbox.popleft()
            return b"" if self.ending else next_piece(self)

    def send(self, data: bytes) -> None:
        """Write one message, in one go or in tiny chunks."""
        if "slow-writer" not in self.habits:
            self.sock.sendall(data)
            return
        for chunk in chunks(data, random.Random(len(data))):
            self.sock.sendall(chunk)
            time.sleep(0.0002)  # long enough for the other end to see the chunk alone


def start(function: Callable[..., object], *arguments: object) -> None:
    """Start a daemon thread."""
    threading.Thread(target=function, args=arguments, daemon=True).start()


def follow_lifeline(descriptor: int) -> None:
    """Thread: end at once when whoever started this process is gone."""
    os.read(descriptor, 1)
    os._exit(1)


def listen(host: str, port: int) -> list[socket.socket]:
    """Listen on loopback for a loopback host, else on all interfaces (spec 2.6)."""
    local = host in ("localhost", "::1") or host.startswith("127.")
    listeners: list[socket.socket] = []
    for family, kind, _, _, address in socket.getaddrinfo(
        host if local else None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    ):
        sock = socket.socket(family, kind)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        try:
            sock.bind(address)
        except OSError as error:
            if error.errno != errno.EADDRNOTAVAIL:  # a machine may lack ::1
                raise
            sock.close()
            continue
        sock.listen()
        listeners.append(sock)
    return listeners


def send(sock: socket.socket, data: bytes) -> None:
    """Send; who doesn't receive any more may still have sent something, so reading goes on."""
    with contextlib.suppress(OSError):
        sock.sendall(data)


def outstanding(sock: socket.socket) -> int:
    """How many bytes written to a socket haven't been acknowledged (SIOCOUTQ, alias TIOCOUTQ).

    Zero when the other end has reset the connection: nothing will be acknowledged any more.
    """
    if sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] == TCP_CLOSED:
        return 0
    answer = fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, bytes(4))
    return int.from_bytes(answer, "little")


def reset(sock: socket.socket) -> None:
    """Close a socket with SO_LINGER 0, which sends a reset instead of an end of stream.

    A thread that is receiving keeps a closed socket alive: SHUT_RD wakes it and sends nothing.
    """
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    with contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_RD)
    sock.close()


def reset_behind(sock: socket.socket) -> None:
    """Reset a connection once the other end's kernel has all bytes: they must not be lost."""
    deadline = time.monotonic() + 2
    with contextlib.suppress(OSError):
        while outstanding(sock) and time.monotonic() < deadline:
            time.sleep(0.001)
        reset(sock)

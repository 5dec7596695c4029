"""One connection between the program and a played peer: bytes in and out, and what was said on it."""

from __future__ import annotations

import selectors
import socket
from collections import deque
from contextlib import suppress
from functools import partial
from typing import Protocol

from probe.conversation import wire
from probe.conversation.scene import Scene
from probe.conversation.wire import Frame, Reader
from probe.model import Event

_CHUNK = 65536
APART = 0.02
"""Seconds between two messages: many programs take what one read gives for one message. FR-03 and FR-07 ask for that."""


class Owner(Protocol):
    """The played peer, as its connections see it."""

    peer_id: int
    stage: Scene

    def on_handshake(self, link: Link) -> None:
        """The program's handshake came."""

    def on_garbled(self, link: Link) -> None:
        """Bytes came that can't be read."""

    def on_end(self, link: Link) -> None:
        """The program closed its side."""

    def on_message(self, link: Link, frame: Frame) -> None:
        """A message came."""


class Link:
    """Both directions of one connection, as the played peer sees them."""

    def __init__(self, neighbor: Owner, sock: socket.socket, *, dialled: bool) -> None:
        """`dialled`: the played peer made it; otherwise the program did."""
        self.neighbor = neighbor
        self.stage = neighbor.stage
        self.sock = sock
        self.dialled = dialled
        self.number = next(self.stage.links)
        plan = self.stage.plan
        self.reader = Reader(16 + max(plan.piece_size, plan.pieces * 4) * 4)
        self.out: deque[bytes] = deque()
        self.free_at = 0.0
        """When the next message may go out, in seconds since the program's start."""
        self._later: deque[bytes] = deque()
        self.greeted = False
        """Whether our handshake went out."""
        self.greeted_by: int | None = None
        """The id in the program's handshake."""
        self.garbled = ""
        self.eof = False
        """Whether the program ended its side, in order or by a reset."""
        self.closed = False
        self.closing = False
        self.slow = 0
        """Bytes a second that are read at most; 0 for no limit."""
        # What we said.
        self.announced: set[int] = set()
        self.told = False
        """Whether a bitfield was sent."""
        self.choking = True
        self.unchoked_at = 0.0
        """When we last unchoked the program, in seconds since its start."""
        self.interested = False
        self.asked: int | None = None
        # What the program said.
        self.has: set[int] = set()
        self.choked_by = True
        self.interest: bool | None = None
        self.open: list[int] = []
        """Its requests that are unanswered and were not made void by a choke."""
        self.stage.selector.register(sock, selectors.EVENT_READ, self)
        self.note("connection", sent=dialled)

    # -- bytes ---------------------------------------------------------------------------------------

    def ready(self, mask: int) -> None:
        """The loop says that the socket can be read or written."""
        if mask & selectors.EVENT_READ and not self.closed:
            self._receive()
        if mask & selectors.EVENT_WRITE and not self.closed:
            self._send()

    def _receive(self) -> None:
        try:
            data = self.sock.recv(2048 if self.slow else _CHUNK)
        except BlockingIOError:
            return
        except OSError:
            self._ended("reset")
            return
        if not data:
            self._ended("end of stream")
            return
        self._acknowledge()
        had = self.reader.handshake
        for frame in self.reader.feed(data):
            if had is None:
                had = self._take_handshake()
            self._take(frame)
        if had is None and self.reader.handshake:
            self._take_handshake()
        if self.reader.problem and not self.garbled:
            self.garbled = self.reader.problem
            self.note("bytes", data=bytes(self.reader.buffer[:64] or data[:64]), note=self.garbled)
            self.neighbor.on_garbled(self)
        if self.slow and not self.closed:
            self._pause(len(data) / self.slow)

    def _acknowledge(self) -> None:
        """At once: a program that leaves Nagle's algorithm on would send nothing for 40 ms."""
        if hasattr(socket, "TCP_QUICKACK"):
            with suppress(OSError):
                self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)

    def _take_handshake(self) -> bytes:
        data = self.reader.handshake
        assert data is not None
        self.greeted_by = int.from_bytes(data[28:], "big")
        self.note("handshake", index=self.greeted_by, data=data)
        self.neighbor.on_handshake(self)
        return data

    def _pause(self, seconds: float) -> None:
        self._watch(selectors.EVENT_WRITE if self.out else 0)
        self.stage.after(seconds, lambda: self._watch(selectors.EVENT_READ))

    def _watch(self, mask: int) -> None:
        if self.closed:
            return
        selector = self.stage.selector
        if self.out:
            mask |= selectors.EVENT_WRITE
        known = self.sock in selector.get_map()
        if not mask:
            if known:
                selector.unregister(self.sock)
        elif known:
            selector.modify(self.sock, mask, self)
        else:
            selector.register(self.sock, mask, self)

    def put(self, data: bytes, apart: float = APART) -> None:
        """Send bytes as they are, in one write if the system takes them, and the next ones `apart` from them."""
        if self.closed or self.closing:
            return
        now = self.stage.now()
        at = max(now, self.free_at)
        self.free_at = at + apart
        self._later.append(data)
        if at > now or len(self._later) > 1:
            self.stage.after(at - now, self._put)
        else:
            self._put()

    def _put(self) -> None:
        data = self._later.popleft()  # in order, whichever timer comes first
        if not self.closed:
            self.out.append(data)
            self._send()

    def put_slowly(self, data: bytes, size: int, pause: float = 0.01) -> float:
        """Send in pieces of `size` bytes with pauses between; the seconds that it takes."""
        parts = [data[at : at + size] for at in range(0, len(data), size)]
        for number, part in enumerate(parts):
            self.stage.after(number * pause, partial(self.put, part, 0.0))
        return len(parts) * pause

    def _send(self) -> None:
        while self.out:
            try:
                sent = self.sock.send(self.out[0])
            except BlockingIOError:
                break
            except OSError:
                self.out.clear()
                break  # what the program sent before is still to be read
            if sent < len(self.out[0]):
                self.out[0] = self.out[0][sent:]
            else:
                self.out.popleft()
        if self.closing and not self.out and not self._later:
            with suppress(OSError):
                self.sock.shutdown(socket.SHUT_WR)
        if self.sock in self.stage.selector.get_map():
            self._watch(selectors.EVENT_READ)

    def finish(self) -> None:
        """End our side in order, once everything is sent."""
        if not self.closing and not self.closed:
            self.note("end of stream", sent=True)
            self.closing = True
            self._send()

    def reset(self) -> None:
        """End both sides at once."""
        with suppress(OSError):
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.note("reset", sent=True)
        self.close()

    def close(self) -> None:
        """Give the socket back."""
        if not self.closed:
            self.closed = True
            with suppress(KeyError, ValueError):
                self.stage.selector.unregister(self.sock)
            with suppress(OSError):
                self.sock.close()

    def _ended(self, how: str) -> None:
        self.eof = True
        self.note(how)
        self.open.clear()
        self.neighbor.on_end(self)
        if how == "reset":
            self.close()
        else:
            self._watch(0)

    # -- messages --------------------------------------------------------------------------------------

    def note(
        self,
        kind: str,
        *,
        sent: bool = False,
        index: int | None = None,
        data: bytes = b"",
        size: int = 0,
        note: str = "",
    ) -> None:
        """Remember what happened here."""
        self.stage.note(
            Event(
                self.stage.now(), self.neighbor.peer_id, sent, kind, index, data, size, self.number, note
            )
        )  # fmt: skip

    def _take(self, frame: Frame) -> None:
        """One message of the program: what it changes, then what the played peer does about it."""
        index, kind = frame.index, frame.kind
        if kind == wire.PIECE and index is not None:
            body = frame.payload[4:]
            right = body == self.stage.content_of(index)
            self.note("piece", index=index, data=b"" if right else body[:32], size=len(body), note="" if right else "wrong content")  # fmt: skip
        else:
            rest = frame.payload if index is None else frame.payload[4:]
            self.note(frame.name, index=index, data=rest[:4096])
        if kind in {wire.CHOKE, wire.UNCHOKE}:
            self.choked_by = kind == wire.CHOKE
            if kind == wire.CHOKE:
                self.asked = None
        elif kind in {wire.INTERESTED, wire.NOT_INTERESTED}:
            self.interest = kind == wire.INTERESTED
        elif kind == wire.HAVE and index is not None:
            self.has.add(index)
        elif kind == wire.BITFIELD:
            self.has |= {
                one for one in wire.pieces_of(frame.payload) if one < self.stage.plan.pieces
            }
        elif kind == wire.REQUEST and index is not None and not self.choking:
            self.open.append(index)
        elif kind == wire.PIECE and index == self.asked:
            self.asked = None
        self.neighbor.on_message(self, frame)

    def greet(self, peer_id: int | None = None, header: bytes = wire.HEADER) -> None:
        """Send our handshake."""
        said = self.neighbor.peer_id if peer_id is None else peer_id
        self.greeted = True
        self.note(
            "handshake",
            sent=True,
            index=said,
            note="" if header == wire.HEADER else header.decode(),
        )
        self.put(wire.handshake(said, header))

    def say(self, kind: int) -> None:
        """Send choke, unchoke, interested or not interested."""
        if kind in {wire.CHOKE, wire.UNCHOKE}:
            self.choking = kind == wire.CHOKE
            if kind == wire.CHOKE:
                self.open.clear()
            else:
                self.unchoked_at = self.stage.now()
        else:
            self.interested = kind == wire.INTERESTED
        self.note(wire.NAMES[kind], sent=True)
        self.put(wire.frame(kind))

    def announce(self, has: set[int]) -> None:
        """Send a bitfield."""
        self.put(self.bitfield(has))

    def bitfield(self, has: set[int]) -> bytes:
        """The bytes of a bitfield, noted as sent."""
        self.announced |= has
        self.told = True
        bits = wire.bits_of(has, self.stage.plan.pieces)
        self.note("bitfield", sent=True, data=bits)
        return wire.frame(wire.BITFIELD, bits)

    def have(self, index: int) -> None:
        """Send a have."""
        self.put(self.have_bytes(index))

    def have_bytes(self, index: int) -> bytes:
        """The bytes of a have, noted as sent."""
        self.announced.add(index)
        self.note("have", sent=True, index=index)
        return wire.indexed(wire.HAVE, index)

    def ask(self, index: int) -> None:
        """Send a request."""
        self.asked = index
        self.put(self.request_bytes(index))

    def request_bytes(self, index: int) -> bytes:
        """The bytes of a request, noted as sent."""
        self.note("request", sent=True, index=index)
        return wire.indexed(wire.REQUEST, index)

    def piece(self, index: int, *, at_once: bool = True) -> bytes:
        """Answer a request, or only note it and give the bytes."""
        if index in self.open:
            self.open.remove(index)
        body = self.stage.content_of(index)
        self.note("piece", sent=True, index=index, size=len(body))
        data = wire.indexed(wire.PIECE, index, body)
        if at_once:
            self.put(data)
        return data

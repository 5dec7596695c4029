"""One TCP connection: its socket, machine, decoder and send queue; and what is asked of its owner."""

from __future__ import annotations

import errno
import socket
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Literal, Protocol

from core.errors import RemoteProtocolError
from core.interface.values import record, value
from core.machines import Connection, Machines
from core.machines.connection import State
from peerio.net.admission import Origin
from peerio.net.allowance import Allowance, TokenBucket
from peerio.net.liveness import watch_for_silence
from peerio.protocol import HANDSHAKE_SIZE, Decoder, check_header, decode_handshake

if TYPE_CHECKING:
    from peerio.contract import CloseCause, PieceSink


@record
class PieceSegment:
    """Content of a piece that is still to be sent."""

    piece: int
    offset: int
    """Bytes of the piece that are out."""
    left: int
    """Bytes of it that aren't."""


class Outbox:
    """What is queued, in order (spec 4.9). Knows no socket."""

    __slots__ = ("items",)

    def __init__(self) -> None:
        self.items: deque[bytearray | PieceSegment] = deque()

    def __bool__(self) -> bool:
        return bool(self.items)

    def put(self, data: bytes) -> None:
        """Queue bytes, joined to those that are last in the queue."""
        if self.items and type(last := self.items[-1]) is bytearray:
            last += data
        else:
            self.items.append(bytearray(data))

    def put_piece(self, header: bytes, piece: int, size: int) -> None:
        """Queue a piece: its header's bytes, then its content from the file."""
        self.put(header)
        self.items.append(PieceSegment(piece, 0, size))

    def clear(self) -> None:
        """Nothing of it can be sent any more."""
        self.items.clear()


MSG_MORE = getattr(socket, "MSG_MORE", 0)

Flushed = Literal["empty", "blocked", "throttled", "sent"]
"""How a flush ended: nothing is left; the system, or the upload limit, takes no more; a piece is out."""
OnFlushed = Literal["", "half-close", "close"]

Address = tuple[Any, ...]
"""Host, port, and what else its family has."""


class PieceSource(Protocol):
    """Where pieces are sent from; `peerio.storage` is one."""

    def send_piece(self, sock: socket.socket, index: int, offset: int, count: int, /) -> int:
        """Hand content to the socket; how many bytes it took."""


@value
class Route:
    """A connected socket, and the addresses that it connects.

    The addresses are taken when the connection comes about: a socket that the other end has reset
    knows them no more, but what came on it before can still be read, and counts (spec 3.6).
    """

    sock: socket.socket
    remote: Address
    local: Address = ("", 0)
    """Ours; of no interest where the other end dialled."""


def configure(sock: socket.socket) -> None:
    """Non-blocking, no delay for small messages, and noticed when it dies without a word."""
    sock.settimeout(0)
    with suppress(OSError):  # some systems refuse options on a socket that was reset already
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    watch_for_silence(sock)


class Link:
    """A connection, from the dial or the accept on. Its owner decides; it knows how.

    `neighbor` is 0 until an accepted connection's handshake names it. `mseq_in` and `mseq_out` are
    the numbers of the next messages (docs/trace.md), the handshakes being 0.
    """

    __slots__ = (
        "allowance",
        "closed",
        "decoder",
        "explained",
        "handshake",
        "haves_told",
        "heard",
        "incoming",
        "machine",
        "moved_at",
        "mseq_in",
        "mseq_out",
        "name",
        "neighbor",
        "number",
        "on_flushed",
        "outbox",
        "reading",
        "remote_host",
        "resting",
        "route",
        "send_error",
        "sink",
        "sock",
        "stall_watched",
        "takes_messages",
        "watched",
        "write_blocked",
    )

    def __init__(
        self, route: Route, machines: Machines, decoder: Decoder, *, own_id: int, neighbor: int = 0
    ) -> None:
        configure(route.sock)
        self.route = route
        self.sock = route.sock
        self.neighbor = neighbor
        self.incoming = neighbor == 0
        self.number = 0
        """In the order in which connections came about, as its owner counts them."""
        self.decoder = decoder
        self.machine = Connection(neighbor)
        machines.add(self.machine)
        self.closed = False
        self.takes_messages = False
        """It is open and its sends haven't failed; the machine's state, where it is asked most."""
        self.outbox = Outbox()
        self.sink: PieceSink | None = None
        # A connection's name needs both ids: an accepted one gets it with its handshake.
        self.name = f"{own_id}:{route.local[1]}>{neighbor}" if neighbor else ""
        self.remote_host = str(route.remote[0])
        self.mseq_in = self.mseq_out = 0
        self.heard = False
        """Something came behind its handshake."""
        self.explained = False
        """Why its messages are skipped was told."""
        self.reading = True
        """Its end of stream wasn't seen."""
        self.allowance = Allowance(0.0)
        """What it may make us do."""
        self.resting = False
        """It used up its allowance; it isn't received from for a while."""
        self.haves_told = 0
        """How many of the haves that wait for company it was told already (`peerio.net.sender`)."""
        self.write_blocked = False
        self.moved_at = 0.0
        """When the system last took something of the queue, or began to take nothing."""
        self.stall_watched = False
        """An alarm of `peerio.net.sender` is set for it."""
        self.send_error: OSError | None = None
        """What ended its sends, which the system tells once only."""
        self.watched = 0
        """The events that the loop watches it for."""
        self.on_flushed: OnFlushed = ""
        """What follows when the queue is empty."""
        self.handshake = b""
        """What came of its handshake."""

    @property
    def state(self) -> State:
        """Its machine's state."""
        return self.machine.state

    @property
    def origin(self) -> Origin:
        """Whom its protocol errors are charged to."""
        return self.neighbor, self.remote_host if self.incoming else ""

    def named(self, own_id: int, neighbor: int) -> None:
        """An accepted connection's handshake told who it is."""
        self.neighbor = self.machine.neighbor = neighbor
        self.name = f"{neighbor}:{self.route.remote[1]}>{own_id}"

    def receive_handshake(self) -> int | None:
        """Read what there is of the other's handshake; its id once whole, None before.

        Raises RemoteProtocolError at the first wrong byte of the header, EOFError at the end of the
        stream, BlockingIOError or OSError as the socket does.
        """
        data = self.sock.recv(HANDSHAKE_SIZE - len(self.handshake))
        if not data:
            raise EOFError(f"closed after {len(self.handshake)} bytes of its handshake")
        self.handshake += data
        check_header(self.handshake)
        if len(self.handshake) < HANDSHAKE_SIZE:
            return None
        return decode_handshake(self.handshake)

    def flush(self, source: PieceSource, bucket: TokenBucket | None, now: float) -> Flushed:
        """Send what can be sent: the queue is then "empty" or "blocked", or its head "throttled".

        "sent" tells that a piece is out; call again. A send that fails ends nothing (spec 3.6): the
        queue is dropped, and the reading side will tell. Raises StorageError if our file fails.
        """
        items = self.outbox.items
        while items:
            head = items[0]
            try:
                if type(head) is bytearray:
                    # Held back until the piece's content follows, so that both leave in one segment.
                    count = self.sock.send(head, MSG_MORE if len(items) > 1 else 0)
                    self.moved_at = now
                    if bucket:
                        bucket.charge(count)
                    if count < len(head):
                        del head[:count]
                        return "blocked"
                elif (outcome := self._send_content(head, source, bucket, now)) != "sent":  # type: ignore[arg-type]  # mypy doesn't narrow on type()
                    return outcome
                items.popleft()
            except BlockingIOError:
                return "blocked"
            except OSError as error:
                self.send_error = error
                self.takes_messages = False
                self.outbox.clear()
                return "empty"
            if type(head) is PieceSegment:
                return "sent"
        return "empty"

    def _send_content(
        self, segment: PieceSegment, source: PieceSource, bucket: TokenBucket | None, now: float
    ) -> Flushed:
        wanted = segment.left if bucket is None else bucket.grant(segment.left, now)
        if not wanted:
            return "throttled"
        count = source.send_piece(self.sock, segment.piece, segment.offset, wanted)
        self.moved_at = now
        if bucket:
            bucket.charge(count)
        segment.offset += count
        segment.left -= count
        if not segment.left:
            return "sent"
        return "throttled" if count == wanted else "blocked"

    def half_close(self) -> None:
        """Send the end of our stream; what the other still sends can be read."""
        try:
            self.sock.shutdown(socket.SHUT_WR)
        except OSError as error:
            if error.errno != errno.ENOTCONN:  # the other end has reset it: reading will tell
                raise


class Owner(Protocol):
    """Decides on the ends of connections."""

    open: dict[int, Link]
    """Connections whose handshakes were accepted, by neighbor."""

    def watch(self, link: Link) -> None:
        """Have the loop watch for what this connection waits for."""

    def drop(self, link: Link, cause: CloseCause) -> None:
        """The connection is gone."""

    def stream_ended(self, link: Link, error: OSError | None) -> None:
        """Nothing more will come: the end of the stream, or an error on reading."""

    def fell_silent(self, link: Link) -> None:
        """The neighbor, or the way to it, is gone without a word (spec 2.9)."""

    def broke_protocol(self, link: Link, error: RemoteProtocolError) -> None:
        """The neighbor sent what can't be (spec 3.5)."""

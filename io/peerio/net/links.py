"""All connections of a peer: their handshakes, what they receive, what they send, their ends."""

from __future__ import annotations

import socket
from collections import deque
from functools import partial
from typing import Any

from core.errors import RemoteProtocolError
from core.machines import Machines
from core.messages import Have, Message, Request
from peerio.contract import Callbacks, Tap
from peerio.net.admission import Admission, RefusedError
from peerio.net.bucket import TokenBucket
from peerio.net.dialling import Dialler
from peerio.net.link import Link, PieceSource
from peerio.net.loop import READ, WRITE, Loop
from peerio.protocol import (
    HANDSHAKE_SIZE,
    PIECE_HEADER_SIZE,
    Decoder,
    FrameRules,
    HaveRun,
    Incoming,
    PieceEnd,
    PieceStart,
    UnknownFrame,
    describe,
    encode_handshake,
    encode_haves,
    type_name,
)
from peerio.storage import StorageError

HANDSHAKE_TIMEOUT = 10.0
"""Seconds for a handshake to be complete (spec 2.4)."""
UNFINISHED_HANDSHAKES = 64
"""So many accepted connections may be without a handshake; the oldest goes (spec 2.4)."""
GOOD_BEHAVIOUR = 60.0
"""Seconds without a protocol error after which earlier ones are forgotten (spec 3.5)."""
RECEIVES_A_TURN = 4
"""How often one neighbor is received from before the others have their turn."""
PIECES_A_FLUSH = 8
"""How many pieces one neighbor is sent before the others have their turn."""
HAVE_PAUSE = 0.01
"""Seconds for which a have may wait for others, if one was sent to that neighbor just before."""
RESETS = (ConnectionResetError, ConnectionAbortedError, BrokenPipeError)


class Links:
    """The table of connections, and what happens on them."""

    def __init__(
        self,
        peer_id: int,
        loop: Loop,
        callbacks: Callbacks,
        source: PieceSource,
        rules: FrameRules,
        admission: Admission,
        *,
        scratch: memoryview,
        bucket: TokenBucket | None,
        tap: Tap | None,
    ) -> None:
        self._peer_id = peer_id
        self._loop = loop
        self._callbacks = callbacks
        self._source = source
        self._rules = rules
        self._admission = admission
        self._scratch = scratch
        self._bucket = bucket
        self._tap = tap
        self._machines = Machines()
        self._throttled: deque[Link] = deque()
        self.open: dict[int, Link] = {}
        """Connections whose handshakes were accepted, by neighbor."""
        self.pending: dict[Link, None] = {}
        """Connections whose handshakes weren't, the oldest first."""
        self.dirty: dict[Link, None] = {}
        """Connections that have something to send now."""
        self.dialler: Dialler | None = None
        """Told how the connections end that it made."""
        self._gathering = False
        self.messages = 0
        """Messages queued and taken in so far."""

    # Handshakes (spec 2.2 to 2.4).

    def add(self, sock: socket.socket, dialled: int = 0) -> None:
        """Take over a connected socket: dialled to that peer, or accepted (0)."""
        decoder = Decoder(self._rules, self._scratch)
        try:
            link = Link(sock, self._machines, decoder, neighbor=dialled)
            link.established(self._peer_id)
        except OSError:  # it is gone again already
            sock.close()
            if dialled and self.dialler:
                self.dialler.retry(dialled)
            return
        self.pending[link] = None
        link.watched = READ
        self._loop.watch(sock, READ, partial(self._on_ready, link))
        if link.dialled_itself():
            self._drop(link, "loss")
            return
        link.outbox.put(encode_handshake(self._peer_id))
        self.dirty[link] = None
        self._loop.alarms.set(
            link,
            self._loop.now + HANDSHAKE_TIMEOUT,
            partial(
                self._refuse, link, f"no handshake within {HANDSHAKE_TIMEOUT:.0f} s (spec 2.4)"
            ),
        )
        waiting = [other for other in self.pending if other.incoming]
        if len(waiting) > UNFINISHED_HANDSHAKES:
            self._refuse(waiting[0], "too many unfinished handshakes, it was the oldest (spec 2.4)")

    def _shake(self, link: Link) -> None:
        try:
            claimed = link.receive_handshake()
            if claimed is None:
                return
            if link.incoming:
                other = self.open.get(claimed)
                host = other.remote_host if other else None
                self._admission.check_accepted(claimed, link.remote_host, host, self._loop.now)
                link.named(self._peer_id, claimed)
            else:
                self._admission.check_dialled(link.neighbor, claimed)
        except BlockingIOError:
            return
        except (RemoteProtocolError, RefusedError, EOFError, OSError) as error:
            self._refuse(link, str(error))
            return
        self._open(link)

    def _refuse(self, link: Link, reason: str) -> None:
        whom = f"from {link.remote_host}" if link.incoming else f"to peer {link.neighbor}"
        self._callbacks.on_warning(f"connection {whom} refused: {reason}")
        self._drop(link, "loss")

    def _open(self, link: Link) -> None:
        """The neighbor exists from here on."""
        peer_id = link.neighbor
        if peer_id in self.open:
            self._drop(self.open[peer_id], "replaced")
        del self.pending[link]
        self._loop.alarms.clear(link)
        link.machine.accepted()
        link.takes_messages = True
        self.open[peer_id] = link
        if not link.incoming and self.dialler:
            self.dialler.established(peer_id)
        self._record(link, "out", "handshake", HANDSHAKE_SIZE, {"id": self._peer_id})
        self._record(link, "in", "handshake", HANDSHAKE_SIZE, {"id": peer_id})
        if self._tap:
            self._tap.connection(link.name, peer_id, "open", {"incoming": link.incoming})
        if self._admission.penalties.holds(peer_id):
            forgive = partial(self._admission.penalties.forgive, peer_id)
            self._loop.alarms.set(("good", peer_id), self._loop.now + GOOD_BEHAVIOUR, forgive)
        self._callbacks.on_peer_connected(peer_id, link.incoming)

    # Receiving.

    def _on_ready(self, link: Link, events: int) -> None:
        if events & WRITE:
            self.dirty[link] = None
        if events & READ and not link.closed:
            if link.state == "handshaking":
                self._shake(link)
            else:
                self._receive(link)

    def _receive(self, link: Link) -> None:
        for _ in range(RECEIVES_A_TURN):
            buffer = link.decoder.get_buffer()
            try:
                count = link.sock.recv_into(buffer)
            except BlockingIOError:
                return
            except RESETS:
                self._stream_ended(link, dead=True)
                return
            except OSError as error:
                self._callbacks.on_warning(
                    f"connection with peer {link.neighbor} lost: {error.strerror}"
                )
                self._drop(link, "loss")
                return
            if not count:
                self._stream_ended(link, dead=False)
                return
            try:
                for incoming in link.decoder.buffer_updated(count):
                    self._deliver(link, incoming)
                    if link.closed:
                        return
            except RemoteProtocolError as error:
                self._punish(link, error)
                return
            if count < len(buffer):
                return

    def _deliver(self, link: Link, incoming: Incoming) -> None:
        match incoming:
            case HaveRun(pieces):
                self._take_haves(link, pieces)
            case PieceStart(piece):
                link.sink = self._callbacks.on_piece_start(link.neighbor, piece)
                if link.sink is not None:
                    link.decoder.accept(link.sink)
            case PieceEnd(piece):
                self._piece_ended(link, piece)
            case UnknownFrame(kind, length):
                self._record(link, "in", type_name(kind), 4 + length, {})
            case _:
                self._take_message(link, incoming)

    def _take_haves(self, link: Link, pieces: list[int]) -> None:
        self.messages += len(pieces)
        if self._tap:
            for piece in pieces:
                kind, size, fields = describe(Have(piece))
                self._record(link, "in", kind, size, fields)
        self._callbacks.on_haves(link.neighbor, pieces)

    def _take_message(self, link: Link, message: Message) -> None:
        self.messages += 1
        if self._tap:
            kind, size, fields = describe(message)
            self._record(link, "in", kind, size, fields)
        self._callbacks.on_message(link.neighbor, message)

    def _piece_ended(self, link: Link, piece: int) -> None:
        self.messages += 1
        sink, link.sink = link.sink, None
        if sink is not None:
            self._admission.penalties.forgive(link.neighbor)
        if self._tap:
            size = PIECE_HEADER_SIZE + self._rules.piece_length(piece)
            fields: dict[str, Any] = {"piece": piece, "kept": sink is not None}
            if sink is not None:
                fields["sha"] = sink.hexdigest()
            self._record(link, "in", "piece", size, fields)
        self._callbacks.on_piece_end(link.neighbor, piece)

    def _punish(self, link: Link, error: RemoteProtocolError) -> None:
        pause = self._admission.penalties.punish(link.neighbor, self._loop.now)
        self._callbacks.on_warning(
            f"connection with peer {link.neighbor} closed: it broke the protocol: {error}; "
            f"it may come back after {pause:.0f} s"
        )
        self._drop(link, "protocol error")

    # Ends.

    def _stream_ended(self, link: Link, *, dead: bool) -> None:
        """All that the neighbor sent was handled (spec 3.6). `dead`: nothing can be sent either."""
        link.reading = False
        if link.state == "open":
            self._callbacks.on_stream_end(link.neighbor)
        elif dead or not link.outbox:
            self._drop(link, "end")
        else:
            link.on_flushed = "close"
        if not link.closed:
            if dead:
                self._drop(link, "end")
            else:
                self._watch(link)

    def close(self, link: Link, *, flush: bool, timeout: float) -> None:
        """Send what is queued if `flush`, then close."""
        if not flush:
            self._drop(link, "loss")
        elif link.state == "open":
            self._wind_down(link, "close")
            self.dirty[link] = None
            self._loop.alarms.set(link, self._loop.now + timeout, partial(self._drop, link, "end"))

    def wind_down(self) -> None:
        """Flush and half-close all connections; each is closed at its end of stream (spec 7.2)."""
        for link in list(self.pending):
            self._drop(link, "shutdown")
        for link in self.open.values():
            if link.state == "open":
                self._wind_down(link, "half-close")
            self.dirty[link] = None

    def _wind_down(self, link: Link, on_flushed: str) -> None:
        """Queue nothing new; what is queued still goes out, what comes is still read."""
        if link.outbox.gathered:
            self._release_haves(link)
        link.machine.wind_down()
        link.takes_messages = False
        link.on_flushed = on_flushed

    def drop_all(self) -> None:
        """Close whatever is left."""
        for link in [*self.open.values(), *self.pending]:
            self._drop(link, "shutdown")

    def _drop(self, link: Link, cause: str) -> None:
        """The connection is gone."""
        if link.closed:
            return
        link.closed = True
        link.takes_messages = False
        was_open = link.state in ("open", "closing")
        link.machine.lost()
        self._machines.remove(link.machine)
        self._loop.alarms.clear(link)
        if link.watched:
            self._loop.unwatch(link.sock)
        link.sock.close()
        link.outbox.clear()
        self.dirty.pop(link, None)
        if was_open:
            del self.open[link.neighbor]
            self._loop.alarms.clear(("good", link.neighbor))
            if self._tap:
                self._tap.connection(link.name, link.neighbor, "closed", {"cause": cause})
            self._callbacks.on_peer_disconnected(link.neighbor)
        else:
            self.pending.pop(link, None)
            if not link.incoming and self.dialler:
                self.dialler.retry(link.neighbor)

    # Sending.

    def queue(self, link: Link, data: bytes, message: Message) -> None:
        """Queue a message's bytes, unless nothing more is sent on this connection.

        It goes behind the haves that were gathered before it, so that what the logs of both ends show
        keeps its order; a request, which no log shows, need not wait for them.
        """
        if not link.takes_messages:
            return
        if link.outbox.gathered and type(message) is not Request:
            self._release_haves(link)
        link.outbox.put(data)
        self.messages += 1
        self.dirty[link] = None
        if self._tap:
            kind, size, fields = describe(message)
            self._record(link, "out", kind, size, fields)

    def queue_have(self, piece: int, exclude: set[int] | None) -> None:
        """Queue a have to all neighbors; it may wait for company, at most `HAVE_PAUSE`.

        Most of what a busy swarm sends is haves, and one send costs as much as a hundred of them.
        """
        now = self._loop.now
        for link in self.open.values():
            if link.takes_messages and not (exclude and link.neighbor in exclude):
                link.outbox.gathered.append(piece)
                if now - link.haves_at >= HAVE_PAUSE:
                    self._release_haves(link)
                elif not self._gathering:
                    self._gathering = True
                    self._loop.alarms.set("haves", now + HAVE_PAUSE, self._send_gathered)

    def _send_gathered(self) -> None:
        self._gathering = False
        for link in self.open.values():
            if link.outbox.gathered:
                self._release_haves(link)

    def _release_haves(self, link: Link) -> None:
        """Put gathered haves into the queue."""
        pieces, link.outbox.gathered = link.outbox.gathered, []
        link.haves_at = self._loop.now
        link.outbox.put(encode_haves(pieces))
        self.messages += len(pieces)
        self.dirty[link] = None
        if self._tap:
            for piece in pieces:
                kind, size, fields = describe(Have(piece))
                self._record(link, "out", kind, size, fields)

    def queue_piece(self, link: Link, header: bytes, piece: int, size: int) -> None:
        """Queue a piece, unless nothing more is sent on this connection."""
        if link.takes_messages:
            link.outbox.put_piece(header, piece, size)
            self.messages += 1
            self.dirty[link] = None
            self._record(link, "out", "piece", len(header) + size, {"piece": piece})

    def flush(self, link: Link) -> None:
        """Send what can be sent now, and see to it that the rest follows."""
        if link.closed:
            return
        outcome = "sent"
        try:
            for _ in range(PIECES_A_FLUSH):
                outcome = link.flush(self._source, self._bucket, self._loop.now)
                if outcome != "sent":
                    break
                self._callbacks.on_piece_sent(link.neighbor)
        except StorageError as error:
            self._callbacks.on_local_failure(str(error))
            self._drop(link, "loss")
            return
        blocked = outcome == "blocked"
        if blocked != link.write_blocked:
            link.write_blocked = blocked
            self._watch(link)
        if outcome == "sent":
            self.dirty[link] = None
        elif outcome == "throttled":
            self._throttle(link)
        elif outcome == "empty" and link.on_flushed:
            self._flushed(link)

    def _flushed(self, link: Link) -> None:
        """A connection that winds down has sent everything."""
        if link.on_flushed == "close":
            self._drop(link, "end")
        else:
            link.on_flushed = ""
            link.half_close()

    def _throttle(self, link: Link) -> None:
        """Wait for the upload limit, behind those that wait already."""
        assert self._bucket is not None
        if link not in self._throttled:
            self._throttled.append(link)
        at = self._bucket.ready_at(self._loop.now)
        self._loop.alarms.set("bucket", at, self._unthrottle)

    def _unthrottle(self) -> None:
        waiting = list(self._throttled)
        self._throttled.clear()
        self.dirty.update(dict.fromkeys(waiting))

    def _watch(self, link: Link) -> None:
        """Have the loop watch for what this connection waits for."""
        wanted = (READ if link.reading else 0) | (WRITE if link.write_blocked else 0)
        if wanted == link.watched:
            return
        if not wanted:
            self._loop.unwatch(link.sock)
        elif link.watched:
            self._loop.rewatch(link.sock, wanted)
        else:
            self._loop.watch(link.sock, wanted, partial(self._on_ready, link))
        link.watched = wanted

    def _record(self, link: Link, way: str, kind: str, size: int, fields: dict[str, Any]) -> None:
        if self._tap is None:
            return
        if way == "out":
            mseq = link.mseq_out
            link.mseq_out += 1
        else:
            mseq = link.mseq_in
            link.mseq_in += 1
        self._tap.message(way, link.name, link.neighbor, mseq, kind, size, fields)

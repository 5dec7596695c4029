"""All connections of a peer: their handshakes and their ends."""

from __future__ import annotations

from functools import partial
from itertools import count
from typing import TYPE_CHECKING

from core.errors import RemoteProtocolError
from core.machines import Machines
from peerio.net.admission import Admission, RefusedError
from peerio.net.allowance import TokenBucket
from peerio.net.dialling import Dialler
from peerio.net.link import Link, OnFlushed, PieceSource, Route
from peerio.net.liveness import describe, is_silence
from peerio.net.loop import READ, WRITE, Loop
from peerio.net.receiver import Receiver
from peerio.net.recorder import Recorder
from peerio.net.sender import Sender
from peerio.protocol import (
    HANDSHAKE_SIZE,
    Decoder,
    FrameRules,
    encode_handshake,
    explain_handshake,
)

if TYPE_CHECKING:
    from peerio.contract import Callbacks, CloseCause, Tap

HANDSHAKE_TIMEOUT = 10.0
"""Seconds for a handshake to be complete (spec 2.4)."""
UNFINISHED_HANDSHAKES = 64
"""So many accepted connections may be without a handshake; the oldest goes (spec 2.4)."""
GOOD_BEHAVIOUR = 60.0
"""Seconds without a protocol error after which earlier ones are forgotten (spec 3.5)."""
WRONG_CONTENT = "9.3"
"""The clause that is broken by content alone."""
RESETS = (ConnectionResetError, ConnectionAbortedError, BrokenPipeError)


class Links:
    """The table of connections. What they receive and send is `receiver`'s and `sender`'s business."""

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
        self._rules = rules
        self._admission = admission
        self._scratch = scratch
        self._recorder = recorder = Recorder(tap)
        self._machines = Machines()
        self._numbers = count()
        self.open: dict[int, Link] = {}
        """Connections whose handshakes were accepted, by neighbor."""
        self.pending: dict[Link, None] = {}
        """Connections whose handshakes weren't, the oldest first."""
        self.dialler: Dialler | None = None
        """Told how the connections end that it made."""
        self.sender = Sender(self, loop, callbacks, source, recorder, bucket)
        self.receiver = Receiver(self, loop, callbacks, rules, admission.penalties, recorder)

    @property
    def messages(self) -> int:
        """Messages queued and taken in so far."""
        return self.sender.messages + self.receiver.messages

    # Handshakes (spec 2.2 to 2.4).

    def add(self, route: Route, dialled: int = 0) -> None:
        """Take over a connected socket: dialled to that peer, or accepted (0)."""
        decoder = Decoder(self._rules, self._scratch)
        link = Link(route, self._machines, decoder, own_id=self._peer_id, neighbor=dialled)
        link.allowance = self.receiver.allowance()
        link.number = next(self._numbers)
        link.machine.connected()
        self.pending[link] = None
        link.watched = READ
        self._loop.watch(link.sock, READ, partial(self._on_ready, link))
        if route.local == route.remote:  # a loopback port that connects to itself (spec 2.5)
            self.drop(link, "loss")
            return
        link.outbox.put(encode_handshake(self._peer_id))
        self.sender.dirty[link] = None
        self._loop.alarms.set(
            link,
            self._loop.now + HANDSHAKE_TIMEOUT,
            partial(self._late, link),
        )
        waiting = [other for other in self.pending if other.incoming]
        if len(waiting) > UNFINISHED_HANDSHAKES:
            self._give_up(
                waiting[0], "given up: too many unfinished handshakes, it was the oldest (spec 2.4)"
            )

    def _shake(self, link: Link) -> None:
        try:
            claimed = link.receive_handshake()
            if claimed is None:
                return
            if link.incoming:
                other = self.open.get(claimed)
                host = other.remote_host if other else None
                self._admission.check_accepted(claimed, link.remote_host, host, self._loop.now)
                if other and other.number > link.number:
                    raise RefusedError(f"peer {claimed} has made a newer connection (spec 2.4)")
                link.named(self._peer_id, claimed)
            else:
                self._admission.check_dialled(link.neighbor, claimed)
        except BlockingIOError:
            return
        except RefusedError as error:
            hint = explain_handshake(link.handshake, self._admission.ids)
            self._give_up(link, f"refused: {error}" + (f": {hint}" if hint else ""))
        except RemoteProtocolError as error:
            self._give_up(link, f"refused: {error}")
        except (EOFError, *RESETS) as error:
            reset = isinstance(error, RESETS) or isinstance(link.send_error, RESETS)
            what = "reset it before the handshakes were done" if reset else str(error)
            self._give_up(link, f"ended: the other side {what}")
        except OSError as error:
            self._give_up(link, f"lost: {error.strerror}")
        else:
            self._open(link)

    def _late(self, link: Link) -> None:
        """The handshake isn't complete in time."""
        came = f"{len(link.handshake)} of its {HANDSHAKE_SIZE} bytes came"
        self._give_up(
            link, f"given up: no handshake within {HANDSHAKE_TIMEOUT:.0f} s: {came} (spec 2.4)"
        )

    def _give_up(self, link: Link, what: str) -> None:
        whom = f"from {link.remote_host}" if link.incoming else f"to peer {link.neighbor}"
        self._callbacks.on_warning(f"connection {whom} {what}")
        self.drop(link, "loss")

    def _open(self, link: Link) -> None:
        """The neighbor exists from here on."""
        peer_id = link.neighbor
        if peer_id in self.open:
            self._replace(self.open[peer_id], link)
        del self.pending[link]
        self._loop.alarms.clear(link)
        link.machine.accepted()
        self.sender.open(link)
        self.open[peer_id] = link
        if not link.incoming and self.dialler:
            self.dialler.established(peer_id)
        shake = {"neighbor": peer_id, "len": HANDSHAKE_SIZE}
        self._recorder.frame(link, "out", "handshake", None, {**shake, "id": self._peer_id})
        self._recorder.frame(link, "in", "handshake", None, {**shake, "id": peer_id})
        self._recorder.connection(link, "open", {"incoming": link.incoming})
        if self._admission.penalties.holds(link.origin):
            forgive = partial(self._admission.penalties.forgive, link.origin)
            self._loop.alarms.set(("good", peer_id), self._loop.now + GOOD_BEHAVIOUR, forgive)
        self._callbacks.on_peer_connected(peer_id, link.incoming)

    def _replace(self, old: Link, new: Link) -> None:
        """Who dials again has given the old connection up; nobody else keeps the listed host out."""
        if new.remote_host != old.remote_host:
            self._callbacks.on_warning(
                f"peer {new.neighbor} connects from {new.remote_host}, an address of its host in "
                f"PeerInfo.cfg: the connection from {old.remote_host} is closed: "
                f"is peer {new.neighbor} started on two machines? (spec 2.4)"
            )
        self.drop(old, "replaced")

    def _on_ready(self, link: Link, events: int) -> None:
        if events & WRITE:
            self.sender.dirty[link] = None
        if events & READ and not link.closed:
            if link.takes_messages or link.state != "handshaking":
                self.receiver.receive(link)
            else:
                self._shake(link)

    # Ends.

    def broke_protocol(self, link: Link, error: RemoteProtocolError) -> None:
        """The neighbor sent what can't be: it may come back later (spec 3.5)."""
        content = error.clause == WRONG_CONTENT
        pause = self._admission.penalties.punish(link.origin, self._loop.now, content=content)
        self._callbacks.on_warning(
            f"connection with peer {link.neighbor} closed: it broke the protocol: {error}; "
            f"it may come back after {pause:.0f} s"
        )
        self.drop(link, "protocol error")

    def stream_ended(self, link: Link, error: OSError | None) -> None:
        """All that the neighbor sent was handled (spec 3.6); after an error nothing can be sent."""
        if any(failed and is_silence(failed) for failed in (error, link.send_error)):
            self.fell_silent(link)
            return
        if error is not None and not isinstance(error, RESETS):
            self._callbacks.on_warning(
                f"connection with peer {link.neighbor} lost: {error.strerror}"
            )
            self.drop(link, "loss")
            return
        if not link.incoming and not link.heard and link.state == "open":
            self._callbacks.on_warning(
                f"peer {link.neighbor} closed the connection right after the handshakes: if it "
                f"refuses this peer, its own messages say why: is peer {self._peer_id} started on "
                "two machines, or is PeerInfo.cfg not the same on both?"
            )
        dead = error is not None
        link.reading = False
        if link.state == "open":
            self._callbacks.on_stream_end(link.neighbor)
        elif dead or not link.outbox:
            self.drop(link, "end")
        else:
            link.on_flushed = "close"
        if not link.closed:
            if dead:
                self.drop(link, "end")
            else:
                self.watch(link)

    def fell_silent(self, link: Link) -> None:
        """Nothing tells that the neighbor is still there (spec 2.9); it may come back at once."""
        self._callbacks.on_warning(describe(link.neighbor))
        self.drop(link, "loss")

    def close(self, link: Link, *, flush: bool, timeout: float) -> None:
        """Send what is queued if `flush`, then close."""
        if not flush:
            self.drop(link, "loss")
        elif link.state == "open":
            self._wind_down(link, "close")
            self.sender.dirty[link] = None
            self._loop.alarms.set(link, self._loop.now + timeout, partial(self.drop, link, "end"))

    def wind_down(self) -> None:
        """Flush and half-close all connections; each is closed at its end of stream (spec 7.2)."""
        for link in list(self.pending):
            self.drop(link, "shutdown")
        for link in self.open.values():
            if link.state == "open":
                self._wind_down(link, "half-close")
            self.sender.dirty[link] = None

    def _wind_down(self, link: Link, on_flushed: OnFlushed) -> None:
        """Queue nothing new; what is queued still goes out, what comes is still read."""
        self.sender.queue_gathered(link)
        link.machine.wind_down()
        link.takes_messages = False
        link.on_flushed = on_flushed

    def drop_all(self) -> None:
        """Close whatever is left."""
        for link in [*self.open.values(), *self.pending]:
            self.drop(link, "shutdown")

    def drop(self, link: Link, cause: CloseCause) -> None:
        """The connection is gone."""
        if link.closed:
            return
        link.closed = True
        link.takes_messages = False
        was_open = link.state in ("open", "closing")
        link.machine.lost()
        self._machines.remove(link.machine)
        self._loop.alarms.clear(link)
        self._loop.alarms.clear(("rest", link))
        if link.watched:
            self._loop.unwatch(link.sock)
        link.sock.close()
        link.outbox.clear()
        self.sender.dirty.pop(link, None)
        if was_open:
            del self.open[link.neighbor]
            self._loop.alarms.clear(("good", link.neighbor))
            self._recorder.connection(link, "closed", {"cause": cause})
            self._callbacks.on_peer_disconnected(link.neighbor)
        else:
            self.pending.pop(link, None)
            if not link.incoming and self.dialler:
                self.dialler.retry(link.neighbor)

    def watch(self, link: Link) -> None:
        """Have the loop watch for what this connection waits for."""
        reads = link.reading and not link.resting
        wanted = (READ if reads else 0) | (WRITE if link.write_blocked else 0)
        if wanted == link.watched:
            return
        if not wanted:
            self._loop.unwatch(link.sock)
        elif link.watched:
            self._loop.rewatch(link.sock, wanted)
        else:
            self._loop.watch(link.sock, wanted, partial(self._on_ready, link))
        link.watched = wanted

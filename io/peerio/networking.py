"""The network thread: sockets, loops and lifecycles, and nothing that decides (spec 2, 3.6, 7.2).

One thread does accept, connect, handshake, receive, send and timers for all neighbors, and calls the
peer back on that thread. So that thread is the actor: all state is touched by it alone, without locks.
Other threads hand it calls with `post`.

A turn of the loop: take in what is there, a bounded amount from each neighbor; let the peer write the
lines that follow from it (`on_turn_end`); then send what was queued. So a line is on disk before any
message that it causes is on the wire (spec 8.4). A neighbor that causes more work than its
allowance is not received from for a while (spec 3.7), so the others have their turns meanwhile.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from random import Random
from typing import TYPE_CHECKING

from core.config import PeerInfo, SwarmConfig
from core.errors import RemoteProtocolError
from core.interface.events import Timer
from core.interface.messages import Have, Message
from peerio.net.admission import Admission
from peerio.net.allowance import TokenBucket
from peerio.net.dialling import Dialler
from peerio.net.hosts import Hosts
from peerio.net.link import PieceSource, Route
from peerio.net.links import Links
from peerio.net.listening import Listener, NetworkError, bind
from peerio.net.loop import Loop
from peerio.net.system import System
from peerio.protocol import FrameRules, encode

if TYPE_CHECKING:
    from peerio.contract import Callbacks, Tap

__all__ = ["BoundPort", "NetworkError", "Networking"]

DRAIN_TIMEOUT = 5.0
"""Seconds for flush and drain of all connections together (spec 7.2)."""
HURRIED_DRAIN = 1.0
"""The same after a signal: who stops a peer is waiting."""
SETTLE_ROUNDS = 4
"""How often the sends of one turn may lead to more sends before others have their turn."""
SCRATCH = (64 * 1024, 256 * 1024)
"""Least and most bytes of the receive buffer for content; between them a whole piece fits."""
SCRATCH_MARGIN = 4096
"""Bytes more, for the piece's header and the small messages before it: else its end would come alone."""


class BoundPort:
    """A peer's port, taken before anything of its files is touched; NetworkError if it can't be had."""

    def __init__(self, peer: PeerInfo, system: System | None = None) -> None:
        self.sockets = bind(peer.host, peer.port, system)


class Networking:
    """The contract's `Network`. `rate` limits the upload, in bytes a second.

    `system` has the sockets and the clock: the operating system's, or the simulator's.
    """

    def __init__(
        self,
        config: SwarmConfig,
        peer_id: int,
        callbacks: Callbacks,
        source: PieceSource,
        *,
        rng: Random,
        rate: float | None = None,
        tap: Tap | None = None,
        port: BoundPort | None = None,
        system: System | None = None,
    ) -> None:
        self._config = config
        self._me = config.peer(peer_id)
        self._callbacks = callbacks
        self._system = system = system or System()
        self._loop = self.clock = Loop(system)
        self._hosts = Hosts(config, self._loop, system)
        self._admission = Admission(config, peer_id, self._hosts.listed)
        size = min(max(config.piece_size, SCRATCH[0]), SCRATCH[1]) + SCRATCH_MARGIN
        self._links = Links(
            peer_id,
            self._loop,
            callbacks,
            source,
            FrameRules(config),
            self._admission,
            scratch=memoryview(bytearray(size)),
            bucket=TokenBucket(rate, self._loop.now) if rate else None,
            tap=tap,
        )
        self._sender = self._links.sender
        self._dialler = self._links.dialler = Dialler(self._loop, self, rng, system)
        self._listener: Listener | None = None
        self._port = port
        self._draining = False
        self._thread = threading.Thread(target=self._run, name="network", daemon=True)
        self.failure: BaseException | None = None
        """What ended the loop, if it was a bug of ours."""

    @property
    def messages(self) -> int:
        """Messages queued and taken in so far."""
        return self._links.messages

    # The contract's calls.

    def start_server(self) -> None:
        """Listen and start the network thread; NetworkError if the port can't be had."""
        self.listen()
        self._thread.start()

    def listen(self) -> None:
        """Listen; NetworkError if the port can't be had."""
        peers = self._config.peers
        for peer in peers[peers.index(self._me) + 1 :]:
            self._hosts.ask(peer.peer_id)
        port = self._port or BoundPort(self._me, self._system)
        self._listener = Listener(
            self._loop, port.sockets, self._links.add, self._callbacks.on_warning
        )

    def join(self) -> None:
        """Wait for the end of the network thread."""
        while self._thread.is_alive():  # without end, Ctrl-C would wait too on Windows
            self._thread.join(1.0)

    def post(self, call: Callable[[], None]) -> None:
        """Have the network thread make this call; from any thread."""
        self._loop.post(call)

    def connect_to_peer(self, remote_peer_id: int, host: str, port: int) -> None:
        """Dial until it answers (spec 2.5)."""
        if remote_peer_id not in self._links.open:
            self._dialler.dial(remote_peer_id, host, port)

    def send_message(self, remote_peer_id: int, message: Message) -> None:
        """Queue a message."""
        link = self._links.open.get(remote_peer_id)
        if link is not None:
            self._sender.queue(link, encode(message), message)

    def broadcast_message(self, message: Message, exclude: set[int] | None = None) -> None:
        """Queue a message to all neighbors but those excluded."""
        if type(message) is Have and not exclude:
            self._sender.gather_have(message.piece)
            return
        data = encode(message)
        for peer_id, link in self._links.open.items():
            if not exclude or peer_id not in exclude:
                self._sender.queue(link, data, message)

    def send_piece(self, remote_peer_id: int, piece: int) -> None:
        """Queue a piece, content from the file."""
        link = self._links.open.get(remote_peer_id)
        if link is not None:
            self._sender.queue_piece(link, piece, self._config.piece_length(piece))

    def close_connection(self, remote_peer_id: int, *, flush: bool) -> None:
        """Send what is queued if `flush`, within 5 s, then close."""
        link = self._links.open.get(remote_peer_id)
        if link is not None:
            self._links.close(link, flush=flush, timeout=DRAIN_TIMEOUT)

    def punish(self, remote_peer_id: int, reason: str, clause: str) -> None:
        """Close a connection whose neighbor broke this clause, and keep it away (spec 3.5)."""
        link = self._links.open.get(remote_peer_id)
        if link is not None:
            self._links.broke_protocol(link, RemoteProtocolError(reason, clause=clause))

    def forgive_content(self) -> None:
        """Let those come back who are kept away for wrong content (spec 9.3)."""
        self._admission.penalties.forgive_content()

    def set_timer(self, timer: Timer, at: float | None) -> None:
        """Call `on_timer` at this time; None clears it."""
        if at is None:
            self._loop.alarms.clear(timer)
        elif not self._draining:
            self._loop.alarms.set(timer, at, partial(self._callbacks.on_timer, timer))

    def call_at(self, key: str, at: float, call: Callable[[], None]) -> None:
        """Make a call at a time, for whoever watches the peer; replaces an earlier one of the key."""
        self._loop.alarms.set(("call", key), at, call)

    def shutdown(self) -> None:
        """Flush, half-close and drain all connections within 5 s, then end the loop (spec 7.2)."""
        if self._draining:
            return
        self._draining = True
        self._dialler.stop()
        if self._listener is not None:
            self._listener.close()
        for timer in Timer:
            self._loop.alarms.clear(timer)
        self._links.wind_down()
        self._loop.alarms.set("drain", self._loop.now + DRAIN_TIMEOUT, self._links.drop_all)

    def hasten(self) -> None:
        """Let what is left of the end take 1 s at most: a signal asked for it (spec 7.2)."""
        if self._draining:
            self._loop.alarms.set("drain", self._loop.now + HURRIED_DRAIN, self._links.drop_all)

    # The network thread.

    def _run(self) -> None:
        try:
            self._callbacks.on_started()
            self._loop.run(self.settle)
        except BaseException as error:  # noqa: BLE001 -- whatever it is, the main thread reports it
            self.failure = error
        finally:
            self.close()

    def settle(self) -> bool:
        """Write the lines of this turn, then send what was queued, which may lead to more."""
        sender = self._sender
        self._callbacks.on_turn_end()
        for _ in range(SETTLE_ROUNDS):
            if not sender.dirty:
                break
            dirty, sender.dirty = sender.dirty, {}
            for link in dirty:
                sender.flush(link)
            self._callbacks.on_turn_end()
        if self._draining and not self._links.open:
            self._loop.stop()
        return bool(sender.dirty)

    def close(self) -> None:
        """Give back all sockets, once the loop has ended."""
        self._dialler.stop()
        if self._listener is not None:
            self._listener.close()
        for link in [*self._links.open.values(), *self._links.pending]:
            link.sock.close()
        self._loop.close()

    # What the dialler tells.

    def on_dialled(self, peer_id: int, route: Route) -> None:
        """TCP is connected: the handshakes follow."""
        self._links.add(route, peer_id)

    def on_refused(self, peer_id: int) -> None:
        """Nobody listens there."""
        self._callbacks.on_dial_refused(peer_id)

    def on_unreachable(self, text: str) -> None:
        """A host can't be resolved or reached."""
        self._callbacks.on_warning(text)

    def allowed_at(self, peer_id: int) -> float:
        """From when on a neighbor that broke the protocol may be dialled (spec 3.5)."""
        return self._admission.penalties.allowed_at((peer_id, ""))

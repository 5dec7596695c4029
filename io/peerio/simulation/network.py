"""The contract's `Network` in virtual time: links with delay, jitter and bandwidth.

What is modelled: TCP's order on each connection, one upload capacity a peer, dials that are refused
while nobody listens, connections that end in order, by reset, or without a word, and the drain of spec
7.2. What isn't: bytes. Messages travel as values, so `peerio.protocol` is tested elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from core.config import SwarmConfig
from core.events import Timer
from core.messages import Have, Message
from peerio.contract import Callbacks, PieceSink, Tap
from peerio.protocol import HANDSHAKE_SIZE, PIECE_HEADER_SIZE, describe
from peerio.simulation.wire import Conditions, End
from peerio.simulation.world import World

DRAIN_TIMEOUT = 5.0
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 2.0


class SimulatedNetwork:
    """Networking for one peer's life."""

    def __init__(
        self,
        world: World,
        config: SwarmConfig,
        peer_id: int,
        directory: dict[int, SimulatedNetwork],
        conditions: Conditions,
    ) -> None:
        self.world = self.clock = world
        self.conditions = conditions
        self.peer_id = peer_id
        self.callbacks: Callbacks
        self.tap: Tap | None = None
        self.alive = True
        self.ended = False
        self.on_end: Callable[[], None] = _nothing
        """Called when the peer ends in order."""
        self.draining = False
        self._config = config
        self._directory = directory
        self._ends: dict[int, End] = {}
        self._pauses: dict[int, float] = {}
        self._dialling: set[int] = set()
        self._timers: dict[Timer, int] = {}
        self._serial = 0
        self._upload_free_at = 0.0
        self._sinks: dict[int, PieceSink | None] = {}

    # The contract's calls.

    def start_server(self) -> None:
        """Be there for those who dial, and start."""
        self._directory[self.peer_id] = self
        self.world.at(self.world.now, partial(self.turn, self.callbacks.on_started))

    def post(self, call: Callable[[], None]) -> None:
        """Make this call in a turn of its own."""
        self.world.at(self.world.now, partial(self.turn, call))

    def connect_to_peer(self, remote_peer_id: int, host: str, port: int) -> None:  # noqa: ARG002 -- there is only one place to dial
        """Dial until it answers."""
        if remote_peer_id not in self._ends and remote_peer_id not in self._dialling:
            self._dialling.add(remote_peer_id)
            self._dial(remote_peer_id)

    def send_message(self, remote_peer_id: int, message: Message) -> None:
        """Queue a message."""
        end = self._ends.get(remote_peer_id)
        if end is not None and end.state == "open":
            if self.tap is not None:
                kind, size, fields = describe(message)
                end.record("out", kind, size, fields)
            end.send(0, partial(_take, message=message))

    def broadcast_message(self, message: Message, exclude: set[int] | None = None) -> None:
        """Queue a message to all neighbors but those excluded."""
        for peer_id in self._ends:
            if exclude is None or peer_id not in exclude:
                self.send_message(peer_id, message)

    def send_piece(self, remote_peer_id: int, piece: int) -> None:
        """Queue a piece."""
        end = self._ends.get(remote_peer_id)
        if end is not None and end.state == "open":
            size = PIECE_HEADER_SIZE + self._config.piece_length(piece)
            end.record("out", "piece", size, {"piece": piece})
            left = end.send(
                size,
                partial(_end_piece, piece=piece, size=size),
                begin=partial(_begin_piece, piece=piece),
            )
            self.world.at(left, partial(self._piece_left, end))

    def _piece_left(self, end: End) -> None:
        if end.state in ("open", "closing"):
            self.turn(partial(self.callbacks.on_piece_sent, end.neighbor))

    def close_connection(self, remote_peer_id: int, *, flush: bool) -> None:
        """Send what is queued if `flush`, then close."""
        end = self._ends.get(remote_peer_id)
        if end is None:
            return
        if not flush:
            self.drop(end, "loss")
        elif end.state == "open":
            self._wind_down(end)
            self.world.at(end.free_at, lambda: self.turn(lambda: self.drop(end, "end")))

    def punish(self, remote_peer_id: int, reason: str) -> None:  # noqa: ARG002 -- nobody reads it
        """Close a connection whose neighbor broke the protocol; no pause follows here."""
        end = self._ends.get(remote_peer_id)
        if end is not None:
            self.drop(end, "protocol error")

    def set_timer(self, timer: Timer, at: float | None) -> None:
        """Call `on_timer` at this time; None clears it."""
        self._serial += 1
        serial = self._timers[timer] = self._serial
        if at is not None:
            self.world.at(at, partial(self._fire, timer, serial))

    def _fire(self, timer: Timer, serial: int) -> None:
        if self._timers[timer] == serial and not self.draining:
            self.turn(partial(self.callbacks.on_timer, timer))

    def shutdown(self) -> None:
        """Flush, half-close and drain all connections within 5 s, then end."""
        if self.draining:
            return
        self.draining = True
        self._directory.pop(self.peer_id, None)
        for end in list(self._ends.values()):
            if end.state == "open":
                self._wind_down(end)
        self.world.after(DRAIN_TIMEOUT, self._end)
        self._end_if_drained()

    def _wind_down(self, end: End) -> None:
        end.state = "closing"
        end.eof_sent = True
        end.send(0, _see_eof)

    def _end_if_drained(self) -> None:
        if self.draining and not self._ends:
            self._end()

    def _end(self) -> None:
        if not self.ended:
            for end in list(self._ends.values()):
                self.turn(partial(self.drop, end, "shutdown"))
            self.ended = True
            self.alive = False
            self.on_end()

    # Connections.

    def turn(self, call: Callable[[], None]) -> None:
        """One turn: something happens, and its lines are written."""
        if self.alive:
            call()
            self.callbacks.on_turn_end()

    def _dial(self, peer_id: int) -> None:
        self.world.after(self.conditions.delay, partial(self._knock, peer_id))

    def _knock(self, peer_id: int) -> None:
        """A dial reaches where the neighbor should be."""
        if not self.alive or self.draining or peer_id not in self._dialling:
            return
        target = self._directory.get(peer_id)
        if target is None or target.draining:
            self.world.after(self.conditions.delay, partial(self._refused, peer_id))
            return
        name = f"{self.peer_id}:{next(self.world.ports)}>{peer_id}"
        mine = End(self, peer_id, name, incoming=False)
        theirs = End(target, self.peer_id, name, incoming=True)
        mine.other, theirs.other = theirs, mine
        self.world.after(self.conditions.delay, partial(target.open, theirs))

    def _refused(self, peer_id: int) -> None:
        if not self.alive or self.draining:
            return
        pause = self._pauses.get(peer_id, FIRST_PAUSE)
        self._pauses[peer_id] = min(2 * pause, LONGEST_PAUSE)
        self.world.after(pause * self.world.rng.uniform(0.75, 1.25), partial(self._dial, peer_id))
        self.turn(partial(self.callbacks.on_dial_refused, peer_id))

    def open(self, end: End) -> None:
        """Both handshakes are here: the neighbor exists, unless one side is gone meanwhile."""
        assert end.other is not None
        if end.incoming:  # its handshake is on the way back, ahead of all that it sends now
            self.world.after(self.conditions.delay, partial(end.other.network.open, end.other))
        else:
            self._dialling.discard(end.neighbor)
        if not self.alive or self.draining or end.other.state == "closed":
            end.state = "closed"
            self._redial(end)
            if end.other.state == "open":
                self.world.after(self.conditions.delay, partial(end.other.network.reset, end.other))
            return
        self._pauses.pop(end.neighbor, None)
        self.turn(partial(self._open, end))

    def _open(self, end: End) -> None:
        old = self._ends.get(end.neighbor)
        if old is not None:
            self.drop(old, "replaced")
        end.state = "open"
        self._ends[end.neighbor] = end
        end.record("out", "handshake", HANDSHAKE_SIZE, {"id": self.peer_id})
        end.record("in", "handshake", HANDSHAKE_SIZE, {"id": end.neighbor})
        if self.tap is not None:
            self.tap.connection(end.name, end.neighbor, "open", {"incoming": end.incoming})
        self.callbacks.on_peer_connected(end.neighbor, end.incoming)

    def _redial(self, end: End) -> None:
        """A dial that didn't come to anything is tried again."""
        if not end.incoming and self.alive and not self.draining:
            self._dialling.add(end.neighbor)
            self.world.after(FIRST_PAUSE, partial(self._dial, end.neighbor))

    def drop(self, end: End, cause: str) -> None:
        """The connection is gone at this end; the other finds out by a reset."""
        if end.state == "closed":
            return
        was_open = end.state in ("open", "closing")
        end.state = "closed"
        other = end.other
        assert other is not None
        if other.state != "closed" and not end.eof_sent:
            self.world.after(self.conditions.delay, partial(other.network.reset, other))
        if was_open and self._ends.get(end.neighbor) is end:
            del self._ends[end.neighbor]
            self._sinks.pop(end.neighbor, None)
            if self.tap is not None:
                self.tap.connection(end.name, end.neighbor, "closed", {"cause": cause})
            self.callbacks.on_peer_disconnected(end.neighbor)
        self._end_if_drained()

    def reset(self, end: End) -> None:
        """The other end is gone: what came before was handled."""
        self.turn(partial(self._reset, end))

    def _reset(self, end: End) -> None:
        if end.state == "open":
            self.callbacks.on_stream_end(end.neighbor)
        self.drop(end, "end")

    def lose(self, neighbor: int) -> None:
        """The connection dies without a word, as when a cable is pulled (for faults)."""
        end = self._ends.get(neighbor)
        if end is not None and end.other is not None:
            other = end.other
            end.eof_sent = other.eof_sent = True  # nobody can send a reset
            self.turn(partial(self.drop, end, "loss"))
            other.network.turn(partial(other.network.drop, other, "loss"))

    def crash(self) -> None:
        """The process is killed: nothing more is written, and the system resets its connections."""
        self.alive = False
        self.ended = True
        self._directory.pop(self.peer_id, None)
        for end in self._ends.values():
            end.state = "closed"
            other = end.other
            if other is not None:
                self.world.after(self.conditions.delay, partial(other.network.reset, other))

    @property
    def neighbors(self) -> list[int]:
        """Who is connected."""
        return list(self._ends)

    def occupy_upload(self, start: float, size: int) -> tuple[float, float]:
        """Use the upload capacity, which all connections share: from when to when."""
        if self.conditions.upload is None:
            return start, start
        start = max(start, self._upload_free_at)
        self._upload_free_at = start + size / self.conditions.upload
        return start, self._upload_free_at

    # What arrives.

    def take(self, end: End, message: Message) -> None:
        """A message is here."""
        if self.tap is not None:
            kind, size, fields = describe(message)
            end.record("in", kind, size, fields)
        if isinstance(message, Have):
            self.callbacks.on_haves(end.neighbor, [message.piece])
        else:
            self.callbacks.on_message(end.neighbor, message)

    def begin_piece(self, end: End, piece: int) -> None:
        """The first byte of a piece is here."""
        self._sinks[end.neighbor] = self.callbacks.on_piece_start(end.neighbor, piece)

    def end_piece(self, end: End, piece: int, size: int) -> None:
        """The last byte of a piece is here."""
        sink = self._sinks.pop(end.neighbor, None)
        fields: dict[str, Any] = {"piece": piece, "kept": sink is not None}
        if sink is not None:
            fields["sha"] = sink.hexdigest()
        end.record("in", "piece", size, fields)
        self.callbacks.on_piece_end(end.neighbor, piece)

    def see_eof(self, end: End) -> None:
        """The other end sends nothing more."""
        if end.state == "open":
            self.callbacks.on_stream_end(end.neighbor)
        elif end.eof_sent:
            self.drop(end, "end")


def _nothing() -> None:
    pass


def _take(end: End, message: Message) -> None:
    end.network.take(end, message)


def _begin_piece(end: End, piece: int) -> None:
    end.network.begin_piece(end, piece)


def _end_piece(end: End, piece: int, size: int) -> None:
    end.network.end_piece(end, piece, size)


def _see_eof(end: End) -> None:
    end.network.see_eof(end)

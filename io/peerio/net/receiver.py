"""What neighbors send: received, decoded, and told to the peer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from core.errors import RemoteProtocolError
from core.messages import Have, Message
from peerio.contract import Callbacks
from peerio.net.link import Link
from peerio.net.loop import Loop
from peerio.net.owner import Owner
from peerio.net.penalties import Penalties
from peerio.net.recorder import Recorder
from peerio.protocol import (
    PIECE_HEADER_SIZE,
    FrameRules,
    HaveRun,
    Incoming,
    PieceEnd,
    PieceStart,
    UnknownFrame,
    type_name,
)

RECEIVES_A_TURN = 4
"""How often one neighbor is received from before the others have their turn (spec 3.7)."""
MESSAGES_A_TURN = 32
"""How many messages of one neighbor are handled before the others have their turn, and"""
FEW_MESSAGES, LONGEST_SHARE = 8, 0.0005
"""how many if they take longer than that, in seconds."""
HAVES_A_MESSAGE = 4
"""A have that comes with others is less work than another message."""
DEFERRED_BYTES = 8192
"""So much is received at once of a neighbor that sends more than is handled in a turn."""


class _Share:
    """What one neighbor may have done in a turn: so many messages, fewer if they take long."""

    __slots__ = ("_began", "_done", "_loop")

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._began = loop.time()
        self._done = 0

    def used_up(self, incoming: Incoming) -> bool:
        """One more was handled: whether that is enough."""
        self._done += len(incoming.pieces) // HAVES_A_MESSAGE if type(incoming) is HaveRun else 1
        if self._done < FEW_MESSAGES:
            return False
        late = self._loop.time() - self._began > LONGEST_SHARE
        return late or self._done >= MESSAGES_A_TURN


class Receiver:
    """The receiving half of all connections."""

    def __init__(
        self,
        owner: Owner,
        loop: Loop,
        callbacks: Callbacks,
        rules: FrameRules,
        penalties: Penalties,
        recorder: Recorder,
    ) -> None:
        self._owner = owner
        self._loop = loop
        self._callbacks = callbacks
        self._rules = rules
        self._penalties = penalties
        self._recorder = recorder
        self._takers: dict[type, Callable[[Link, Any], None]] = {
            HaveRun: self._take_haves,
            PieceStart: self._piece_started,
            PieceEnd: self._piece_ended,
            UnknownFrame: self._take_unknown,
        }
        self.messages = 0
        """Messages taken in so far."""
        self.deferred: dict[Link, None] = {}
        """Neighbors that had sent more than their share of a turn, the one that is next first."""

    def receive(self, link: Link) -> None:
        """Take in what is there, a bounded amount; not from those whose turn comes later."""
        if link not in self.deferred:
            self._receive(link, None)

    def receive_deferred(self) -> bool:
        """Take in a share from one of those that sent more than theirs; whether there are others.

        To be called once a turn, after all that the others led to was sent: so whoever floods delays
        nobody by more than one share.
        """
        if self.deferred:
            link = next(iter(self.deferred))
            del self.deferred[link]
            self._receive(link, DEFERRED_BYTES)
        return bool(self.deferred)

    def _receive(self, link: Link, most: int | None) -> None:
        decoder = link.decoder
        share = _Share(self._loop)
        for _ in range(RECEIVES_A_TURN):
            count, wanted = 0, 0
            buffer = decoder.get_buffer()
            if not decoder.paused:
                buffer = buffer[:most]
                wanted = len(buffer)
                try:
                    count = link.sock.recv_into(buffer)
                except BlockingIOError:
                    return
                except OSError as error:
                    self._owner.stream_ended(link, error)
                    return
                if not count:
                    self._owner.stream_ended(link, None)
                    return
            if not self._decode(link, count, share):
                return
            if decoder.paused:
                self.deferred[link] = None
                return
            if count < wanted:
                return

    def _decode(self, link: Link, count: int, share: _Share) -> bool:
        """Handle what these bytes complete, as far as the share goes; False where that was the end."""
        decoder, takers = link.decoder, self._takers
        try:
            for incoming in decoder.buffer_updated(count):
                takers.get(type(incoming), self._take_message)(link, incoming)
                if link.closed:
                    return False
                if share.used_up(incoming):
                    decoder.pause()
        except RemoteProtocolError as error:
            self._owner.broke_protocol(link, error)
            return False
        return True

    def _take_message(self, link: Link, message: Message) -> None:
        self.messages += 1
        if self._recorder:
            self._recorder.message(link, "in", message)
        self._callbacks.on_message(link.neighbor, message)

    def _take_haves(self, link: Link, run: HaveRun) -> None:
        self.messages += len(run.pieces)
        if self._recorder:
            for piece in run.pieces:
                self._recorder.message(link, "in", Have(piece))
        self._callbacks.on_haves(link.neighbor, run.pieces)

    def _take_unknown(self, link: Link, frame: UnknownFrame) -> None:
        self._recorder.frame(link, "in", type_name(frame.kind), 4 + frame.length, {})

    def _piece_started(self, link: Link, start: PieceStart) -> None:
        link.sink = self._callbacks.on_piece_start(link.neighbor, start.piece)
        if link.sink is not None:
            link.decoder.accept(link.sink)

    def _piece_ended(self, link: Link, end: PieceEnd) -> None:
        self.messages += 1
        sink, link.sink = link.sink, None
        if sink is not None:
            self._penalties.forgive(link.neighbor)
        if self._recorder:
            size = PIECE_HEADER_SIZE + self._rules.piece_length(end.piece)
            fields: dict[str, Any] = {"piece": end.piece, "kept": sink is not None}
            if sink is not None:
                fields["sha"] = sink.hexdigest()
            self._recorder.frame(link, "in", "piece", size, fields)
        self._callbacks.on_piece_end(link.neighbor, end.piece)

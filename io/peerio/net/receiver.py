"""What neighbors send: received, decoded, and told to the peer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from core.errors import RemoteProtocolError
from core.messages import Have, Message
from peerio.contract import Callbacks
from peerio.net.link import Link
from peerio.net.owner import Owner
from peerio.net.penalties import Penalties
from peerio.net.recorder import Recorder
from peerio.protocol import (
    PIECE_HEADER_SIZE,
    FrameRules,
    HaveRun,
    PieceEnd,
    PieceStart,
    UnknownFrame,
    type_name,
)

RECEIVES_A_TURN = 4
"""How often one neighbor is received from before the others have their turn."""


class Receiver:
    """The receiving half of all connections."""

    def __init__(
        self,
        owner: Owner,
        callbacks: Callbacks,
        rules: FrameRules,
        penalties: Penalties,
        recorder: Recorder,
    ) -> None:
        self._owner = owner
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

    def receive(self, link: Link) -> None:
        """Take in what is there, a bounded amount."""
        decoder, takers = link.decoder, self._takers
        for _ in range(RECEIVES_A_TURN):
            buffer = decoder.get_buffer()
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
            try:
                for incoming in decoder.buffer_updated(count):
                    takers.get(type(incoming), self._take_message)(link, incoming)
                    if link.closed:
                        return
            except RemoteProtocolError as error:
                self._owner.broke_protocol(link, error)
                return
            if count < len(buffer):
                return

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
        self._callbacks.on_unknown(link.neighbor)

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

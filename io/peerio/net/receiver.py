"""What neighbors send: received, decoded, and told to the peer."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from core.errors import RemoteProtocolError
from core.interface.messages import Bitfield, Message, Request
from peerio.net.admission import Penalties
from peerio.net.allowance import Allowance
from peerio.net.link import Link, Owner
from peerio.net.loop import Loop
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

if TYPE_CHECKING:
    from peerio.contract import Callbacks

RECEIVES_A_TURN = 4
"""How often one neighbor is received from before the others have their turn (spec 3.7)."""
CHANGE_WORK = 100e-6
"""What a neighbor's allowance is charged, in seconds, for a choke, an unchoke, or a word of interest;"""
MESSAGE_WORK, HAVE_WORK = 20e-6, 5e-6
"""for a request or an unknown message, and for a have;"""
FLAG_WORK, SKIPPED_WORK = 0.3e-6, 4e-9
"""for each piece that a bitfield tells of, and for each byte that nobody asked for. All is what it takes
on a common machine, or more; a busy neighbor that keeps the protocol stays far below its allowance."""


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
        self._takers: dict[type, Callable[[Link, Any], float]] = {
            Bitfield: self._take_bitfield,
            HaveRun: self._take_haves,
            PieceStart: self._piece_started,
            PieceEnd: self._piece_ended,
            UnknownFrame: self._take_unknown,
        }
        self.messages = 0
        """Messages taken in so far."""

    def allowance(self) -> Allowance:
        """What a neighbor may cause; its first bitfield is free."""
        return Allowance(self._loop.now, extra=FLAG_WORK * self._rules.pieces)

    def receive(self, link: Link) -> None:
        """Take in what is there, a bounded amount."""
        decoder = link.decoder
        link.allowance.refill(self._loop.now)
        for _ in range(RECEIVES_A_TURN):
            buffer = decoder.get_buffer()
            count = wanted = 0
            if not decoder.paused:
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
                link.heard = True
            if not self._decode(link, count) or count < wanted:
                return

    def _decode(self, link: Link, count: int) -> bool:
        """Handle what these bytes complete, as far as the allowance goes; False where it ends there."""
        takers, take_allowance = self._takers, link.allowance.take
        try:
            for incoming in link.decoder.buffer_updated(count):
                work = takers.get(type(incoming), self._take_message)(link, incoming)
                if link.closed:
                    return False
                if work and take_allowance(work):
                    link.decoder.pause()
        except RemoteProtocolError as error:
            self._owner.broke_protocol(link, error)
            return False
        if link.decoder.paused:
            self._rest(link)
        return not link.decoder.paused

    def _rest(self, link: Link) -> None:
        """Receive nothing more of a neighbor until it may cause work again."""
        link.resting = True
        self._owner.watch(link)
        at = link.allowance.rested_at(self._loop.now)
        self._loop.alarms.set(("rest", link), at, partial(self._go_on, link))

    def _go_on(self, link: Link) -> None:
        link.resting = False
        self.receive(link)
        if not link.closed:
            self._owner.watch(link)

    def _take_message(self, link: Link, message: Message) -> float:
        self.messages += 1
        if self._recorder.on:
            self._recorder.message(link, "in", message)
        self._callbacks.on_message(link.neighbor, message)
        return MESSAGE_WORK if type(message) is Request else CHANGE_WORK

    def _take_bitfield(self, link: Link, bitfield: Bitfield) -> float:
        return self._take_message(link, bitfield) + FLAG_WORK * self._rules.pieces

    def _take_haves(self, link: Link, run: HaveRun) -> float:
        self.messages += len(run.pieces)
        if self._recorder.on:
            self._recorder.haves_came(link, run.pieces)
        self._callbacks.on_haves(link.neighbor, run.pieces)
        return HAVE_WORK * len(run.pieces)

    def _take_unknown(self, link: Link, frame: UnknownFrame) -> float:
        size = 4 + frame.length
        self._recorder.frame(link, "in", type_name(frame.kind), None, {"len": size})
        self._callbacks.on_unknown(link.neighbor)
        hint = self._rules.explain_type(frame.kind, frame.length)
        if hint and not link.explained:
            link.explained = True
            self._callbacks.on_warning(
                f"peer {link.neighbor} sends messages of type {frame.kind}, which are skipped: "
                f"{hint} (spec 3.4)"
            )
        return MESSAGE_WORK + SKIPPED_WORK * frame.length

    def _piece_started(self, link: Link, start: PieceStart) -> float:
        link.sink = self._callbacks.on_piece_start(link.neighbor, start.piece)
        if link.sink is None:
            return MESSAGE_WORK + SKIPPED_WORK * self._rules.piece_length(start.piece)
        link.decoder.accept(link.sink)
        return 0.0  # it was asked for

    def _piece_ended(self, link: Link, end: PieceEnd) -> float:
        self.messages += 1
        sink, link.sink = link.sink, None
        right = sink is not None and sink.is_right()
        if right and self._penalties:
            self._penalties.forgive(link.origin)
        if self._recorder.on:
            size = PIECE_HEADER_SIZE + self._rules.piece_length(end.piece)
            fields: dict[str, Any] = {"len": size, "kept": right}
            if sink is not None:
                fields["sha"] = sink.hexdigest()
            self._recorder.frame(link, "in", "piece", end.piece, fields)
        self._callbacks.on_piece_end(link.neighbor, end.piece)
        return 0.0

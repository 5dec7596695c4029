"""A peer: facts come in, orders go out, and nothing else is known of the world.

`Peer.handle` is the interface: one event and the time, and what is to be done about it. One table has
all causes on one screen; what follows from each is in the part that its handler calls:
`core.downloads` (spec 5, 6), `core.uploads` (spec 4), `core.ending` and `core.waiting` (spec 7);
`core.repeats` counts what changes nothing. They
compose the machines of `core.machines`, one set for each connected neighbor.

A peer that has ordered `Finish` decides nothing more, but goes on logging what its neighbors said
before they closed (spec 7.2).
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any, assert_never

from core.config import SwarmConfig
from core.downloads import Downloads
from core.ending import Ending
from core.errors import LocalProtocolError
from core.interface.effects import CloseConnection, Dial, Effect, SkipPiece
from core.interface.events import (
    DialRefused,
    Event,
    HavesReceived,
    LocalFailure,
    MessageReceived,
    NeighborConnected,
    NeighborLost,
    PieceOffered,
    PieceProgressed,
    PieceReceived,
    PieceSent,
    PieceSkipped,
    Started,
    StopRequested,
    StreamEnded,
    Timer,
    TimerFired,
    TurnEnded,
    UnknownReceived,
)
from core.interface.messages import (
    Bitfield,
    Choke,
    Have,
    Interested,
    Message,
    NotInterested,
    Piece,
    Request,
    Unchoke,
)
from core.repeats import Repeats
from core.state import Neighbor, State
from core.uploads import Uploads
from core.waiting import Waiting


class Peer:
    """The decisions of one peer, sans-IO.

    `rng` is where all chance comes from. `wait` sets both waits of spec 7.3, in seconds (None: 60 and
    600; 0: don't wait; infinity: never give up). With `tracing` it also orders the records that only
    the trace has (`Note`).
    """

    def __init__(
        self,
        config: SwarmConfig,
        peer_id: int,
        rng: Random,
        *,
        wait: float | None = None,
        tracing: bool = False,
    ) -> None:
        self.state = State(config, peer_id, rng, tracing=tracing)
        self.downloads = Downloads(self.state)
        self.repeats = Repeats(self.state)
        self.uploads = Uploads(self.state, self.repeats)
        self.waiting = Waiting(self.state)
        self.ending = Ending(self.state, self.waiting, wait)
        self._causes: dict[type[Event], Callable[[Any], None]] = {
            HavesReceived: self._on_haves,
            UnknownReceived: self._on_unknown,
            MessageReceived: self._on_message,
            PieceOffered: self._on_piece_offered,
            PieceProgressed: self._on_piece_progressed,
            PieceReceived: self._on_piece_received,
            PieceSkipped: self._on_piece_skipped,
            PieceSent: self._on_piece_sent,
            TimerFired: self._on_timer,
            NeighborConnected: self._on_connected,
            StreamEnded: self._on_stream_ended,
            NeighborLost: self._on_lost,
            DialRefused: self._on_refused,
            Started: self._on_started,
            LocalFailure: self._on_local_failure,
            StopRequested: self._on_stop_requested,
            TurnEnded: self._on_turn_ended,
        }

    def handle(self, event: Event, now: float) -> list[Effect]:
        """Take in a fact that happened at `now`, in seconds on a monotonic clock; return the orders.

        Raises LocalProtocolError for a fact that can't be, such as a message of nobody.
        """
        state = self.state
        state.now = now
        if self.ending.finished:
            self._handle_after_finish(event)
        else:
            self._causes[type(event)](event)
        orders, state.out = state.out, []
        return orders

    def _on_haves(self, event: HavesReceived) -> None:
        neighbor = self._neighbor(event.neighbor)
        self.state.log("received_have", neighbor=event.neighbor, pieces=event.pieces)
        before = neighbor.pieces.count
        news = self.downloads.haves_received(neighbor, event.pieces)
        self._on_learned(neighbor, news=news)
        if repeated := len(event.pieces) - (neighbor.pieces.count - before):
            self.repeats.count(neighbor, "'have'", repeated)

    def _on_unknown(self, event: UnknownReceived) -> None:
        self.repeats.count(self._neighbor(event.neighbor), "one of an unknown type")

    def _on_message(self, event: MessageReceived) -> None:
        """Log what is prescribed, also for a message that changes nothing (spec 3.4), then act."""
        neighbor = self._neighbor(event.neighbor)
        log = self.state.log
        match event.message:
            case Request(piece):
                self.uploads.requested(neighbor, piece)
            case Unchoke():
                log("unchoked", neighbor=neighbor.peer_id)
                self.downloads.unchoked(neighbor)
                self.repeats.choking(neighbor, "'unchoke'")
            case Choke():
                log("choked", neighbor=neighbor.peer_id)
                self.downloads.choked(neighbor)
                self.repeats.choking(neighbor, "'choke'")
            case Interested():
                log("received_interested", neighbor=neighbor.peer_id)
                self.repeats.interest(neighbor, told=True)
                if not neighbor.interested:
                    neighbor.its_interest.told_interested()
            case NotInterested():
                log("received_not_interested", neighbor=neighbor.peer_id)
                self.repeats.interest(neighbor, told=False)
                if neighbor.its_interest.state != "not_interested":
                    neighbor.its_interest.told_not_interested()
            case Bitfield(flags):
                self._on_bitfield(neighbor, flags)
            case Have() | Piece():
                raise LocalProtocolError("haves come as HavesReceived, pieces never as messages")
            case message:
                assert_never(message)

    def _on_bitfield(self, neighbor: Neighbor, flags: bytes) -> None:
        news = self.downloads.bitfield_received(neighbor, flags)
        self._on_learned(neighbor, news=news)
        if neighbor.greeted and not news:
            self.repeats.count(neighbor, "'bitfield'")
        neighbor.greeted = True

    def _on_piece_offered(self, event: PieceOffered) -> None:
        self.downloads.offered(self._neighbor(event.neighbor), event.piece)

    def _on_piece_progressed(self, event: PieceProgressed) -> None:
        neighbor = self._neighbor(event.neighbor)
        self.downloads.progressed(neighbor, event.piece, event.size, event.at)

    def _on_piece_received(self, event: PieceReceived) -> None:
        self.downloads.received(self._neighbor(event.neighbor), event.piece)
        self.ending.piece_received()
        self.ending.evaluate()

    def _on_piece_skipped(self, event: PieceSkipped) -> None:
        neighbor = self._neighbor(event.neighbor)
        asked = event.piece in neighbor.asked
        self.downloads.skipped(neighbor, event.piece)
        if not asked:
            self.repeats.count(neighbor, "a piece that wasn't asked for")

    def _on_piece_sent(self, event: PieceSent) -> None:
        """The way to the neighbor is free: first for what we ask, then for what it asked."""
        neighbor = self._neighbor(event.neighbor)
        self.uploads.sent(neighbor)
        self.downloads.ask_now(neighbor)
        self.uploads.serve(neighbor)

    def _on_turn_ended(self, _event: TurnEnded) -> None:
        """Ask and grant by all that is known now: what a later fact overtook was never ordered."""
        self.downloads.end_turn()
        self.uploads.end_turn()

    def _on_learned(self, neighbor: Neighbor, *, news: bool) -> None:
        if news and neighbor.spoke:  # what it says first, it had before
            self.ending.moved()
        if not neighbor.spoke or neighbor.pieces.complete or (news and self.ending.clock_runs):
            self.ending.learned(neighbor)
            self.ending.evaluate()

    def _on_started(self, _event: Started) -> None:
        """Begin the schedule, dial those listed before (spec 2.1), and see whether anything is left."""
        state = self.state
        self.uploads.start()
        state.out.extend(Dial(peer.peer_id) for peer in state.config.predecessors(state.peer_id))
        self.ending.evaluate()
        if not self.ending.finished:
            self.waiting.start()

    def _on_connected(self, event: NeighborConnected) -> None:
        """Log the connection and, in the same step, send what we have (spec 8.3)."""
        state, peer_id, incoming = self.state, event.neighbor, event.incoming
        if peer_id in state.neighbors:
            raise LocalProtocolError(f"peer {peer_id} is connected twice")
        neighbor = Neighbor(
            state,
            peer_id,
            incoming=incoming,
            on_choke=self.uploads.turned,
            on_unchoke=self.uploads.turned,
        )
        for machine in neighbor.machines:
            state.machines.add(machine)
        state.neighbors[peer_id] = neighbor
        state.log("was_connected" if incoming else "made_connection", neighbor=peer_id)
        state.send(peer_id, Bitfield(state.own.flags()))
        self.waiting.connected(neighbor)
        self.ending.connected(neighbor)
        self.ending.evaluate()

    def _on_stream_ended(self, event: StreamEnded) -> None:
        neighbor = self._neighbor(event.neighbor)
        self.ending.stream_ended(neighbor)
        self.state.out.append(CloseConnection(event.neighbor, flush=neighbor.ended_in_order))

    def _on_lost(self, event: NeighborLost) -> None:
        """Forget all that a connection stood for (spec 2.7, 2.8)."""
        neighbor = self._neighbor(event.neighbor)
        del self.state.neighbors[neighbor.peer_id]
        for machine in neighbor.machines:
            self.state.machines.remove(machine)
        self.uploads.lost(neighbor)
        self.downloads.lost(neighbor)
        self.waiting.lost(neighbor)
        self.ending.lost(neighbor)
        self.ending.evaluate()

    def _on_refused(self, event: DialRefused) -> None:
        self.ending.refused(event.neighbor)
        self.ending.evaluate()

    def _on_timer(self, event: TimerFired) -> None:
        match event.timer:
            case Timer.RESELECTION:
                self.uploads.tick()
            case Timer.OVERDUE:
                self.downloads.check_overdue()
            case Timer.MISSING:
                self.ending.evaluate()
            case Timer.WAITING:
                self.waiting.check()
            case Timer.TELLING:
                self.ending.give_up_telling()
                self.ending.evaluate()
            case timer:
                assert_never(timer)

    def _on_local_failure(self, event: LocalFailure) -> None:
        """Stop requesting, serve on if possible (spec 7.4); a piece being written is still lacking."""
        self.state.failed = True
        self.ending.failed(event.reason, serves=event.serves)
        self.ending.evaluate()

    def _on_stop_requested(self, event: StopRequested) -> None:
        self.ending.finish(event.status, event.reason)

    def _handle_after_finish(self, event: Event) -> None:
        """Log what neighbors still say; decide nothing but when it is too much (spec 7.2, 3.5)."""
        match event:
            case HavesReceived(peer_id, pieces):
                self.state.log("received_have", neighbor=peer_id, pieces=pieces)
                self.repeats.count(self._neighbor(peer_id), "'have'", len(pieces))
            case MessageReceived(peer_id, message):
                self._log_late(peer_id, message)
                self.repeats.count(self._neighbor(peer_id), "one that comes after our end")
            case PieceOffered(peer_id, piece):
                self.state.out.append(SkipPiece(peer_id, piece))
            case NeighborLost(peer_id):
                self.state.neighbors.pop(peer_id, None)
            case _:
                pass

    def _log_late(self, peer_id: int, message: Message) -> None:
        log = self.state.log
        match message:
            case Unchoke():
                log("unchoked", neighbor=peer_id)
            case Choke():
                log("choked", neighbor=peer_id)
            case Interested():
                log("received_interested", neighbor=peer_id)
            case NotInterested():
                log("received_not_interested", neighbor=peer_id)
            case _:
                pass  # nothing is prescribed for the others

    def _neighbor(self, peer_id: int) -> Neighbor:
        try:
            return self.state.neighbors[peer_id]
        except KeyError:
            raise LocalProtocolError(f"peer {peer_id} isn't connected") from None

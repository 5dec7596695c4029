"""What can happen to a peer, as one method each: the model takes it in, then the referee plays it."""

from __future__ import annotations

from collections.abc import Sequence

from core.interface.effects import (
    AcceptPiece,
    Broadcast,
    CloseConnection,
    CompleteFile,
    Dial,
    Effect,
    Send,
    SendPiece,
    SkipPiece,
)
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
    StopRequested,
    StreamEnded,
    Timer,
    TimerFired,
    TurnEnded,
    UnknownReceived,
)
from core.interface.messages import CHOKE, INTERESTED, UNCHOKE, Bitfield, Have, Message, Request
from tests.kit.stateful.model import DRIP, Side
from tests.kit.stateful.referee import LOGGED, Line, Referee


class Life(Referee):
    """A peer's life. What the network can't do (talk without a connection) isn't asked for."""

    def begin(self) -> None:
        """Nothing is on its way yet."""
        self.coming: dict[int, tuple[int, bool, int, float]] = {}
        """Whose piece is coming: which, is it kept, its bytes so far, and when the last one came."""
        self.mute: set[int] = set()
        """Whose stream ended."""

    @property
    def ended(self) -> bool:
        """Whether the peer has ordered its end."""
        return self.model.finished is not None

    def may_talk(self, peer_id: int) -> bool:
        """Whether a message can come from it now: not in the middle of a piece."""
        return (
            peer_id in self.model.sides and peer_id not in self.coming and peer_id not in self.mute
        )

    def go_on_in_one_turn(self, late: float) -> None:
        """A turn begins that takes in all that follows, until time passes; it may begin late."""
        self.end_turn()
        self.now += late
        self.held = True

    def end_turn(self) -> None:
        """The turn is over: now is decided what was put off."""
        if self.held:
            self.held = False
            self.play(TurnEnded())

    # Connections.

    def connect(self, peer_id: int) -> None:
        """Both handshakes are accepted."""
        model, incoming = self.model, peer_id not in self.model.dialled
        model.sides[peer_id] = Side(incoming, since=self.now)
        model.known_complete.discard(peer_id)
        model.seen.setdefault(peer_id, self.now)
        if model.complete:
            model.told.add(peer_id)
        flags = bytes(piece in model.own for piece in sorted(model.pieces))
        self.play(
            NeighborConnected(peer_id, incoming),
            [Send(peer_id, Bitfield(flags))],
            [("was_connected" if incoming else "made_connection", {"neighbor": peer_id})],
        )

    def lose(self, peer_id: int) -> None:
        """The connection is gone."""
        self.coming.pop(peer_id, None)
        self.mute.discard(peer_id)
        side = self.model.lose(peer_id)
        redial = peer_id in self.model.dialled and not side.in_order
        self.play(NeighborLost(peer_id), [Dial(peer_id)] if redial else [])

    def end_stream(self, peer_id: int) -> None:
        """Nothing more will come; unless both are complete, the network closes at once."""
        model, side = self.model, self.model.sides[peer_id]
        self.coming.pop(peer_id, None)
        self.mute.add(peer_id)
        if self.ended:
            self.play(StreamEnded(peer_id))
            return
        side.in_order = model.complete and side.has == model.pieces
        self.play(StreamEnded(peer_id), [CloseConnection(peer_id, flush=side.in_order)])
        if not side.in_order:
            self.lose(peer_id)

    def refuse(self, peer_id: int) -> None:
        """A dial finds nobody."""
        if self.model.telling:
            self.model.given_up.add(peer_id)
        self.play(DialRefused(peer_id))

    # Messages.

    def _hear(self, peer_id: int, pieces: set[int]) -> None:
        model, side = self.model, self.model.sides[peer_id]
        if side.spoke and pieces - side.has:
            model.moved(self.now)
        side.has |= pieces
        if not side.spoke:
            side.spoke, model.clock = True, None
        if side.has == model.pieces:
            model.known_complete.add(peer_id)

    def heard(self, peer_id: int, event: Event, lines: Sequence[Line] = ()) -> None:
        """Play a message that was taken in; whoever sent too many that change nothing is lost."""
        self.play(event, lines=lines)
        side = self.model.sides.get(peer_id)
        if side is not None and side.punished:
            self.lose(peer_id)

    def say_unknown(self, peer_id: int) -> None:
        """A message of an unknown type comes."""
        if not self.ended:
            self.model.sides[peer_id].idle += 1
        self.heard(peer_id, UnknownReceived(peer_id))

    def say_bitfield(self, peer_id: int, pieces: set[int], *, empty: bool = False) -> None:
        """A bitfield comes; an empty one has no bytes at all (spec 3.4)."""
        side = self.model.sides[peer_id]
        side.idle += self.ended or (side.had_bitfield and (empty or pieces <= side.has))
        if not self.ended:
            self._hear(peer_id, set() if empty else pieces)
            self.model.sides[peer_id].had_bitfield = True
        flags = b"" if empty else bytes(piece in pieces for piece in sorted(self.model.pieces))
        self.heard(peer_id, MessageReceived(peer_id, Bitfield(flags)))

    def say_haves(self, peer_id: int, pieces: list[int]) -> None:
        """Haves come."""
        news = set() if self.ended else set(pieces) - self.model.sides[peer_id].has
        self.model.sides[peer_id].idle += len(pieces) - len(news)
        if not self.ended:
            self._hear(peer_id, set(pieces))
        line = ("received_have", {"neighbor": peer_id, "pieces": pieces})
        self.heard(peer_id, HavesReceived(peer_id, pieces), [line])

    def say(self, peer_id: int, message: Message) -> None:
        """One of the four messages without payload comes."""
        side = self.model.sides[peer_id]
        if not self.ended:
            if message in (CHOKE, UNCHOKE):
                config = self.config
                p, m = config.unchoking_interval, config.optimistic_interval
                side.hear_choking(self.now, p, m)
            if message == CHOKE:
                side.unchokes_us, side.request = False, None
            elif message == UNCHOKE:
                side.unchokes_us = True
            else:
                told = message == INTERESTED
                both = len(self.model.own) + len(side.has)
                side.hear_interest(told=told, first=side.knew < 0, both_have=both)
                side.is_interested = told
        else:
            side.idle += 1
        line = (LOGGED[message], {"neighbor": peer_id})
        self.heard(peer_id, MessageReceived(peer_id, message), [line])

    def ask(self, peer_id: int, piece: int) -> None:
        """A request comes (spec 4.8, 4.9)."""
        model, side = self.model, self.model.sides[peer_id]
        known = piece in side.waiting or piece == side.sending
        if not self.ended and side.unchoked and piece in model.own and not known:
            side.waiting.append(piece)
        else:
            side.idle += self.ended or side.unchoked or not side.may_cross
        if not self.ended:
            side.may_cross = False
        self.heard(peer_id, MessageReceived(peer_id, Request(piece)))

    # Pieces.

    def begin_piece(self, peer_id: int, piece: int) -> None:
        """A piece's header comes."""
        model, side = self.model, self.model.sides[peer_id]
        wanted = model.wants(peer_id, piece)
        side.waits_since = self.now
        if wanted:
            model.writer[piece] = peer_id
            model.parts[peer_id] = (self.now, 0)
        self.coming[peer_id] = (piece, wanted, 0, self.now)
        order = AcceptPiece if wanted else SkipPiece
        self.play(PieceOffered(peer_id, piece), [order(peer_id, piece)])

    def more_of_piece(self, peer_id: int) -> None:
        """Some content comes."""
        piece, wanted, size, _ = self.coming[peer_id]
        if size < self.config.piece_length(piece) - 1:
            self.coming[peer_id] = (piece, wanted, size + 1, self.now)

    def end_piece(self, peer_id: int, *, written: bool = True) -> None:
        """The last byte of a piece comes; after a failure of ours it may not be written."""
        model = self.model
        piece, wanted, _, _ = self.coming.pop(peer_id)
        kept = wanted and (written or not model.failed)
        event: Event = PieceReceived(peer_id, piece) if kept else PieceSkipped(peer_id, piece)
        if self.ended:
            self.play(event)
            return
        if wanted:
            del model.writer[piece]
        model.sides[peer_id].idle += piece not in model.sides[peer_id].owes
        model.answered(peer_id, piece, self.now)
        if not kept:
            self.heard(peer_id, event)
            return
        model.own.add(piece)
        model.moved(self.now)
        model.rates[peer_id] = model.rates.get(peer_id, 0) + self.config.piece_length(piece)
        fields = {"piece": piece, "neighbor": peer_id, "count": len(model.own)}
        lines: list[Line] = [("downloaded_piece", fields)]
        owed: list[Effect] = [Broadcast(Have(piece))]
        if model.complete:
            model.told |= set(model.sides)
            lines.append(("completed", {}))
            owed.append(CompleteFile())
        self.play(event, owed, lines)

    def piece_out(self, peer_id: int) -> None:
        """The piece in its send queue is out."""
        side = self.model.sides[peer_id]
        owed: list[Effect] = []
        if not self.ended:
            side.sending = None
            owed = [SendPiece(peer_id, piece) for piece in side.waiting[:1]]
        self.play(PieceSent(peer_id), owed)

    # Time.

    def wait_for(self, seconds: float, *, late: bool = False) -> None:
        """Time passes; timers that are due fire at their time, or all late at the end of it.

        Those that are due already belong to the present turn, behind what was received in it.
        """
        while self.held and not self.ended and min(self.timers.values(), default=1e9) <= self.now:
            self._fire(min(self.timers, key=lambda one: (self.timers[one], one)))
        self.end_turn()
        until = self.now + seconds
        if late:
            self.now = until
        while not self.ended and self.timers:
            timer = min(self.timers, key=lambda one: (self.timers[one], one))
            if self.timers[timer] > until:
                break
            self.now = max(self.now, self.timers[timer])
            self._fire(timer)
        self.now = until

    def _fire(self, timer: Timer) -> None:
        model, event = self.model, TimerFired(timer)
        if timer is Timer.RESELECTION:
            del self.timers[timer]
            self.tick(event)
            return
        if timer is Timer.OVERDUE:
            self._tell_progress()
            self._give_up_requests()
        if timer is Timer.TELLING and model.telling:
            model.given_up |= model.others
        del self.timers[timer]
        stalled = self._stalled() if timer is Timer.OVERDUE else []
        self.play(event, [CloseConnection(peer_id, flush=False) for peer_id in stalled])
        for peer_id in stalled:
            self.lose(peer_id)

    def _tell_progress(self) -> None:
        model = self.model
        for peer_id, (piece, wanted, size, at) in self.coming.items():
            if wanted:
                since, before = model.parts[peer_id]
                if (size - before) * 64 >= self.config.piece_length(piece):
                    since, before = at, size
                model.parts[peer_id] = (since, before)
                self.play(PieceProgressed(peer_id, piece, size, at))

    def _give_up_requests(self) -> None:
        """Those that nobody answers are free, and their neighbors may be asked again (spec 6.6)."""
        for peer_id, side in self.model.sides.items():
            due = self.due_of(peer_id)
            if due is not None and due <= self.now and peer_id not in self.model.writer.values():
                side.request = None
                side.unanswered += 1

    def _stalled(self) -> list[int]:
        """Who brings next to nothing of a piece that it alone may write (spec 6.5, 6.6)."""
        return [n for n, (since, _) in self.model.parts.items() if since + DRIP <= self.now]

    # Ourselves.

    def fail(self, *, serves: bool = True) -> None:
        """Our storage fails: nothing more is requested, and perhaps nothing served (spec 7.4)."""
        model = self.model
        if not model.failed:
            model.failed_at = self.now
        model.failed, model.serves = True, model.serves and serves
        self.play(LocalFailure("disk full", serves))

    def stop(self) -> None:
        """Somebody ends us."""
        self.play(StopRequested(143, "terminated"))

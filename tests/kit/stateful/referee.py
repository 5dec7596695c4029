"""Plays events to a core and to the model at once, and checks each order that the core gives."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from random import Random
from typing import Any

from core.config import SwarmConfig
from core.interface.effects import (
    AcceptPiece,
    Broadcast,
    CloseConnection,
    CompleteFile,
    Dial,
    Effect,
    Finish,
    Log,
    Note,
    Punish,
    Send,
    SendPiece,
    SetTimer,
    SkipPiece,
    Warn,
)
from core.interface.events import (
    Event,
    MessageReceived,
    NeighborConnected,
    NeighborLost,
    PieceOffered,
    PieceReceived,
    PieceSent,
    Started,
    StopRequested,
    StreamEnded,
    Timer,
    TimerFired,
    TurnEnded,
)
from core.interface.messages import (
    CHOKE,
    INTERESTED,
    NOT_INTERESTED,
    UNCHOKE,
    Bitfield,
    Have,
    Message,
    Request,
)
from core.peer import Peer
from tests.kit.stateful.model import ANSWER, DRIP, PeerModel, Side

LOGGED = {
    UNCHOKE: "unchoked",
    CHOKE: "choked",
    INTERESTED: "received_interested",
    NOT_INTERESTED: "received_not_interested",
}
Line = tuple[str, dict[str, Any]]


class Referee:
    """One core, its model, and the timers that it asked for."""

    def __init__(
        self,
        config: SwarmConfig,
        me: int,
        seed: int,
        *,
        wait: float | None = None,
        core: type[Peer] = Peer,
    ) -> None:
        self.config, self.me = config, me
        self.core = core(config, me, Random(seed), wait=wait, tracing=bool(seed % 2))
        self.model = PeerModel(config, me, wait)
        if seed % 4 == 3:
            self.core.repeats.limit = 8
        self.limit = self.core.repeats.limit
        self.now = 0.0
        self.timers: dict[Timer, float] = {}
        self.held = False
        """The present turn goes on: more facts come before it ends."""
        self.ticks = (1, 1)  # the next preferred and optimistic reselection
        self.play(Started(), [Dial(peer_id) for peer_id in self.model.dialled])

    # One step.

    def play(self, event: Event, owed: Iterable[Effect] = (), lines: Sequence[Line] = ()) -> None:
        """Give the core an event that the model has taken in already.

        `lines` are exactly what must be logged, before anything is ordered; `owed` is what must be
        ordered at least. What else is ordered must be allowed.
        """
        model, ended, telling = self.model, self.model.finished is not None, self.model.telling
        effects = self.core.handle(event, self.now)
        if not self.held:
            effects += self.core.handle(TurnEnded(), self.now)
        logs = [effect for effect in effects if isinstance(effect, Log)]
        if not isinstance(event, TimerFired):
            assert [(log.event, log.fields) for log in logs] == list(lines), event
            assert [e for e in effects if not isinstance(e, Note)][: len(logs)] == logs, event
        due = None if ended else self._due_end(event)
        must = [] if ended else list(owed)
        if model.telling and not telling:  # whoever wasn't told is dialled once more (spec 7.2)
            must += [Dial(peer_id) for peer_id in (model.others - model.told) & model.dialled]
        for effect in effects:
            if isinstance(effect, Log):
                if isinstance(event, TimerFired):
                    self._take_choice(effect.event, effect.fields)
            elif not isinstance(effect, Note):
                self._check(event, effect, due)
        missing = [effect for effect in must if effect not in effects]
        assert not missing, f"{event}: not ordered: {missing}"
        if due is not None and (not model.by_clock or event == TimerFired(Timer.MISSING)):
            assert model.finished == due, f"{event}: not ended with {due}"
        if event == TimerFired(Timer.RESELECTION) and not ended:
            self._end_tick()
        self.check_rest()

    def _due_end(self, event: Event) -> int | None:
        if isinstance(event, StopRequested):
            return event.status
        quiet = (Timer.RESELECTION, Timer.OVERDUE, Timer.WAITING)
        if isinstance(event, TimerFired) and event.timer in quiet:
            return None
        return self.model.due_end(self.now)

    # Orders, one by one.

    def _check(self, event: Event, effect: Effect, due: int | None) -> None:
        model = self.model
        if isinstance(effect, SkipPiece | AcceptPiece):
            assert event == PieceOffered(effect.neighbor, effect.piece)
            keeps = model.finished is None and model.writer.get(effect.piece) == effect.neighbor
            assert isinstance(effect, AcceptPiece) == keeps, f"{event}: {effect}"
            return
        late = model.finished is not None and not isinstance(effect, Punish)
        assert not late, f"{event} after the end: {effect}"
        match effect:
            case Send(neighbor, message):
                self._check_send(event, neighbor, model.sides[neighbor], message)
            case Broadcast(Have(piece)):
                assert event == PieceReceived(getattr(event, "neighbor", 0), piece)
            case SendPiece(neighbor, piece):
                self._check_piece(model.sides[neighbor], piece)
            case SetTimer(timer, None):
                self.timers.pop(timer, None)
            case SetTimer(timer, float() as at):
                self.timers[timer] = at
            case Dial(neighbor):
                assert neighbor in model.dialled
                assert isinstance(event, Started) or neighbor not in model.sides
            case Finish(status):
                assert status == due, f"{event}: ended with {status}, expected {due}"
                model.finished = status
            case CloseConnection(neighbor):
                stalled = event == TimerFired(Timer.OVERDUE) and neighbor in model.writer.values()
                assert stalled or event == StreamEnded(neighbor)
            case Punish(neighbor):
                assert not model.sides[neighbor].punished
                model.sides[neighbor].punished = True
            case CompleteFile():
                assert isinstance(event, PieceReceived)
                assert model.complete
            case Warn():
                told = (TimerFired(Timer.OVERDUE), TimerFired(Timer.WAITING))
                assert isinstance(event, MessageReceived | NeighborLost) or event in told
            case _:
                raise AssertionError(f"{event}: {effect}")

    def _check_send(self, event: Event, peer_id: int, side: Side, message: Message) -> None:
        model = self.model
        match message:
            case Bitfield(flags):
                assert isinstance(event, NeighborConnected)
                assert {piece for piece, flag in enumerate(flags) if flag} == model.own
            case Request(piece):
                assert not self.held or isinstance(event, PieceSent), "it may yet be overtaken"
                assert side.sending is None, "behind a piece, where it may be overtaken"
                assert side.unchokes_us, f"request to {peer_id}, which chokes us"
                assert side.request is None, f"second request to {peer_id}"
                assert piece in model.may_ask(side), f"piece {piece} asked of {peer_id}"
                side.request, side.waits_since = piece, self.now
                side.owes.add(piece)
            case _ if message in (INTERESTED, NOT_INTERESTED):
                told = message == INTERESTED
                assert side.told_interest is not told, f"{message} said twice to {peer_id}"
                side.told_interest = told
            case _:
                assert message in (CHOKE, UNCHOKE)
                assert isinstance(event, TimerFired)
                places = model.preferred | {model.optimistic}
                assert side.unchoked == (message == CHOKE), f"{message} said twice to {peer_id}"
                assert peer_id not in self._told, f"choke and unchoke in one breath to {peer_id}"
                self._told.add(peer_id)
                side.unchoked = message == UNCHOKE
                assert side.unchoked == (peer_id in places), "sent before the choice is logged"
                if not side.unchoked:
                    side.waiting.clear()
                    side.may_cross = True

    def _check_piece(self, side: Side, piece: int) -> None:
        assert side.unchoked, "a piece for a choked neighbor"
        assert side.sending is None, "a second piece in its queue"
        assert piece in self.model.own
        assert side.waiting, "a piece that nobody waits for"
        assert side.waiting.pop(0) == piece, "out of order"
        side.sending = piece

    # Reselections (spec 4.2 to 4.7).

    def tick(self, event: TimerFired) -> None:
        """A reselection's clock is due."""
        model, config = self.model, self.config
        periods = (config.unchoking_interval, config.optimistic_interval)
        self._due = [n * period <= self.now for n, period in zip(self.ticks, periods, strict=True)]
        self._chosen: set[str] = set()
        self._told: set[int] = set()
        if model.finished is None:
            for place in (0, 1):
                if self._due[place]:
                    late = int(self.now // periods[place]) + 1
                    self.ticks = (late, self.ticks[1]) if place == 0 else (self.ticks[0], late)
        self._rated = False
        self.play(event)

    def _end_tick(self) -> None:
        """What wasn't chosen anew must have been right as it was."""
        model, config = self.model, self.config
        periods = (config.unchoking_interval, config.optimistic_interval)
        due = min(n * period for n, period in zip(self.ticks, periods, strict=True))
        assert self.timers[Timer.RESELECTION] == due, "the schedule drifts"
        if self._due[0]:
            self._judge_preferred(model.preferred)
        if self._due[1] and "optimistic_neighbor" not in self._chosen:
            choked = {n for n, s in model.sides.items() if s.is_interested and not s.unchoked}
            assert not choked, f"{choked} could have been picked optimistically"

    def _take_choice(self, event: str, fields: dict[str, Any]) -> None:
        model = self.model
        self._chosen.add(event)
        if event == "preferred_neighbors":
            assert self._due[0], "reselected before it was due"
            chosen = set(fields["neighbors"])
            assert fields["neighbors"] == sorted(chosen)
            assert chosen != model.preferred, "logged without a change"
            self._judge_preferred(chosen)
            model.preferred = chosen
        else:
            assert self._due[1], "picked before it was due"
            chosen_one = fields["neighbor"]
            if self._due[0] and not self._rated:
                self._judge_preferred(model.preferred)
            side = model.sides[chosen_one]
            assert side.is_interested
            assert chosen_one not in model.preferred | {model.optimistic}
            model.optimistic = chosen_one

    def _judge_preferred(self, chosen: set[int]) -> None:
        """At most k of the interested, and none left out that was faster (spec 4.2, 4.3)."""
        if self._rated:
            return
        self._rated = True
        sides = self.model.sides
        interested = {n for n, side in sides.items() if side.is_interested}
        assert chosen <= interested
        assert len(chosen) == min(self.config.preferred_neighbors, len(interested))
        if not self.model.complete and chosen and chosen != interested:
            rates = self.model.rates
            worst = min(rates.get(n, 0) for n in chosen)
            assert worst >= max(rates.get(n, 0) for n in interested - chosen)
        self.model.rates.clear()

    # What holds after every step.

    def check_rest(self) -> None:
        """The invariants, each recomputed from scratch."""
        model, core = self.model, self.core
        assert set(core.state.neighbors) == set(model.sides)
        for peer_id, side in model.sides.items():
            assert side.punished == (side.idle > self.limit), f"{peer_id}: {side.idle} too many?"
        unchoked = {n for n, side in model.sides.items() if side.unchoked}
        assert len(unchoked) <= self.config.preferred_neighbors + 1
        if model.finished is not None:
            return
        places = model.preferred | ({model.optimistic} - {None})
        assert unchoked == places, f"unchoked {unchoked}, places {places}"
        asked = [s.request for s in model.sides.values() if s.request is not None]
        assert len(asked) == len(set(asked)), "a piece asked of two at once"
        for peer_id, side in model.sides.items():
            self._check_side(peer_id, side)
        if model.missing() and not model.failed and not model.all_complete():
            assert model.clock is not None
            assert self.timers[Timer.MISSING] == model.patience_ends(model.clock)
        if model.failed and model.by_clock:
            assert self.timers[Timer.MISSING] == model.useless_at()
        assert Timer.WAITING in self.timers, "nobody is told if nothing moves"
        due = [self.due_of(n) for n in model.sides if n not in model.writer.values()]
        due += [since + DRIP for since, _ in model.parts.values() if since + DRIP > self.now]
        first = min((at for at in due if at is not None), default=None)
        assert first is None or self.timers[Timer.OVERDUE] <= first, "nobody watches"

    def due_of(self, peer_id: int) -> float | None:
        """When the request open to a neighbor that isn't sending a piece is given up (spec 6.6)."""
        side = self.model.sides[peer_id]
        if side.request is None:
            return None
        return side.waits_since + ANSWER * 2.0**side.unanswered

    def _check_side(self, peer_id: int, side: Side) -> None:
        model, neighbor = self.model, self.core.state.neighbors[peer_id]
        useful = model.useful(side)
        if side.told_interest is None:
            assert not useful, f"not told of interest: {peer_id}"
            assert not side.had_bitfield, f"a bitfield of {peer_id} wasn't answered"
        else:
            assert side.told_interest == bool(useful), f"interest told to {peer_id} isn't true"
        assert neighbor.useful == len(useful)
        candidates = {piece for piece in model.pieces if piece in neighbor.candidates}
        assert len(neighbor.candidates) == len(candidates)
        asked = model.asked_of_someone()
        assert candidates <= useful - asked
        assert model.failed or useful - asked - set(model.writer) <= candidates
        if self.held:
            pass  # what is asked for and granted is decided when the turn ends
        elif (
            side.sending is None and not side.waiting and side.unchokes_us and side.request is None
        ):
            assert not model.must_ask(side), f"{peer_id} could be asked for something"
        assert set(neighbor.asked) == side.owes
        assert neighbor.idle_messages == side.idle, "miscounted what changes nothing"
        assert list(neighbor.waiting) == side.waiting
        assert self.held or side.sending is not None or not side.waiting, "not served"
        assert len(side.waiting) <= len(model.pieces)
        assert side.unchoked or not side.waiting

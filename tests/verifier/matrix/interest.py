"""Mutants of interest and of have (spec 5)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from core.downloads import Downloads
from core.interface.effects import Broadcast, Send, SendPiece
from core.interface.events import NeighborLost, PieceReceived, Timer, TimerFired
from core.interface.messages import Bitfield, Have, Interested, NotInterested
from tests.verifier.matrix.mutants import PLAIN, UNTRACED, mutant
from tests.verifier.matrix.orders import OpenPeer, announces, sends

SLOW = replace(PLAIN, p=3.0, m=1.0, upload=5000.0)


@mutant("I01", who=(1003,))
class NoAnswerToBitfields(Downloads):
    """Reads bitfields, but doesn't answer them."""

    def bitfield_received(self, neighbor, flags):
        self._learn(neighbor, neighbor.pieces.news(flags))


@mutant("I02")
class AlwaysInterested(Downloads):
    """Answers each bitfield with interested, whatever it tells."""

    def bitfield_received(self, neighbor, flags):
        super().bitfield_received(neighbor, flags)
        if neighbor.our_interest.state == "not_interested":
            neighbor.our_interest.gain()


@mutant("I03", "D07", "W14", scenario=replace(PLAIN, p=2.0))
class TakesInterestBack(Downloads):
    """Says not interested after each piece, and goes on asking."""

    def received(self, neighbor, piece):
        super().received(neighbor, piece)
        if neighbor.our_interest.state == "interested":
            neighbor.our_interest.lose()


@mutant("I04", "I06")
class NeverNotInterested(OpenPeer):
    """Never says that it is no longer interested."""

    def handle(self, event, now):
        return [order for order in super().handle(event, now) if not sends(order, NotInterested)]


@mutant("I04", "I07", scenario=replace(PLAIN, pieces=80))
class InterestOnlyByHave(OpenPeer):
    """Thinks of its interest again when a have comes, not when a piece does."""

    def __init__(self, *args, **keywords) -> None:
        super().__init__(*args, **keywords)
        self.owed: dict[int, Any] = {}

    def handle(self, event, now):
        orders = super().handle(event, now)
        if isinstance(event, PieceReceived):
            kept = [order for order in orders if not sends(order, NotInterested)]
            self.owed |= {order.neighbor: order for order in orders if order not in kept}
            return kept
        for order in orders:
            if sends(order, Interested):
                self.owed.pop(order.neighbor, None)
        late = self.owed.pop(getattr(event, "neighbor", 0), None)
        return orders if late is None else [*orders, late]


@mutant("I04", "G02", scenario=SLOW)
class InterestAtTicks(OpenPeer):
    """Tells changes of its interest at ticks only."""

    def __init__(self, *args, **keywords) -> None:
        super().__init__(*args, **keywords)
        self.held: list[Any] = []

    def handle(self, event, now):
        told = {one.peer_id for one in self.state.neighbors.values() if one.spoke}
        orders = super().handle(event, now)
        if event == TimerFired(Timer.RESELECTION):
            orders, self.held = self.held + orders, []
            return orders
        late = [
            order
            for order in orders
            if (sends(order, Interested) or sends(order, NotInterested)) and order.neighbor in told
        ]
        if isinstance(event, NeighborLost):
            self.held = [order for order in self.held if order.neighbor != event.neighbor]
        self.held += late
        return [order for order in orders if order not in late]


@mutant("end", scenario=UNTRACED)
class NeverInterested(OpenPeer):
    """Never says that it is interested."""

    def handle(self, event, now):
        return [order for order in super().handle(event, now) if not sends(order, Interested)]


@mutant("H01", "T05")
class NoHaveToSource(OpenPeer):
    """Doesn't announce a piece to the neighbor that it came from."""

    def handle(self, event, now):
        orders = []
        for order in super().handle(event, now):
            if announces(order) and isinstance(event, PieceReceived):
                others = (one for one in self.state.neighbors if one != event.neighbor)
                orders += [Send(one, order.message) for one in others]
            else:
                orders.append(order)
        return orders


@mutant("T05", "end")
class LosesLastHave(OpenPeer):
    """Doesn't announce its last piece."""

    def handle(self, event, now):
        orders = super().handle(event, now)
        done = self.state.own.complete
        return [order for order in orders if not (announces(order) and done)]


@mutant("H02")
class SeedAnnounces(OpenPeer):
    """Announces each piece that it serves, from the start or not."""

    def handle(self, event, now):
        orders = super().handle(event, now)
        served = [order for order in orders if isinstance(order, SendPiece)]
        return orders + [Send(order.neighbor, Have(order.piece)) for order in served]


@mutant("H03")
class AnnouncesAgain(OpenPeer):
    """Announces its latest piece again at each tick."""

    latest = None

    def handle(self, event, now):
        orders = super().handle(event, now)
        if isinstance(event, PieceReceived):
            self.latest = event.piece
        if event == TimerFired(Timer.RESELECTION) and self.latest is not None:
            orders.append(Broadcast(Have(self.latest)))
        return orders


@mutant("H04", "W03", starts={1005: 2.0})
class EmptyBitfield(OpenPeer):
    """Sends an empty bitfield, and then a have for each piece that it has."""

    def handle(self, event, now):
        orders = []
        for order in super().handle(event, now):
            if not sends(order, Bitfield):
                orders.append(order)
                continue
            flags = order.message.flags
            orders.append(Send(order.neighbor, Bitfield(bytes(len(flags)))))
            orders += [Send(order.neighbor, Have(n)) for n, has in enumerate(flags) if has]
        return orders


@mutant("end", scenario=UNTRACED, starts={1005: 2.0})
class SaysItHasNothing(OpenPeer):
    """Sends an empty bitfield, and no haves for what it has."""

    def handle(self, event, now):
        return [
            Send(order.neighbor, Bitfield(bytes(len(order.message.flags))))
            if sends(order, Bitfield)
            else order
            for order in super().handle(event, now)
        ]


@mutant("H05", scenario=replace(SLOW, pieces=80))
class HavesAtTicks(OpenPeer):
    """Gathers haves in a set until the next tick."""

    def __init__(self, *args, **keywords) -> None:
        super().__init__(*args, **keywords)
        self.held: set[int] = set()

    def handle(self, event, now):
        orders = super().handle(event, now)
        self.held |= {order.message.piece for order in orders if announces(order)}
        orders = [order for order in orders if not announces(order)]
        if event == TimerFired(Timer.RESELECTION) or self.state.own.complete:
            orders = [Broadcast(Have(piece)) for piece in sorted(self.held)] + orders
            self.held = set()
        return orders

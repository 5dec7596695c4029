"""Mutants of connections, of the end (spec 2, 7), and of networking."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from core.effects import Dial, Finish, SetTimer
from core.ending import Ending
from core.events import NeighborLost, Started, Timer
from core.messages import Have
from peerio.simulation.network import SimulatedNetwork
from peerio.simulation.wire import End
from tests.verifier.matrix.mutants import PLAIN, UNTRACED, mutant
from tests.verifier.matrix.orders import OpenPeer


@mutant("C01", "C05", "W02", scenario=replace(PLAIN, cuts=2), seed=3)
class DialsLaterPeers(OpenPeer):
    """Dials those that are listed later, but the earlier ones again when they are lost."""

    def handle(self, event, now):
        orders = super().handle(event, now)
        if isinstance(event, Started):
            ids = [peer.peer_id for peer in self.state.config.peers]
            later = ids[ids.index(self.state.peer_id) + 1 :]
            return [order for order in orders if not isinstance(order, Dial)] + [
                Dial(one) for one in later
            ]
        return orders


@mutant("C03", "end")
class SkipsTheLastEarlierPeer(OpenPeer):
    """Doesn't dial the peer that is listed right before it."""

    def handle(self, event, now):
        orders = super().handle(event, now)
        if isinstance(event, Started) and self.state.peer_id > 1002:
            return [order for order in orders if order != Dial(self.state.peer_id - 1)]
        return orders


@mutant("end", scenario=replace(UNTRACED, cuts=3))
class NeverDialsAgain(OpenPeer):
    """Doesn't dial again when a connection is lost."""

    def handle(self, event, now):
        orders = super().handle(event, now)
        if isinstance(event, NeighborLost):
            return [order for order in orders if not isinstance(order, Dial)]
        return orders


@mutant("T02", "end")
class EndsWhenComplete(Ending):
    """Ends as soon as it is complete itself."""

    def evaluate(self):
        if self._state.own.complete and self._state.neighbors and not self.finished:
            self.finish(0, "all complete")
        super().evaluate()


@mutant("T01", "T02", "end", who=(1003,))
class EndsOnePieceShort(Ending):
    """Takes itself for complete with one piece lacking."""

    def evaluate(self):
        own = self._state.own
        if len(own) - own.count <= 1 and not self.finished:
            self.finish(0, "all complete")
        super().evaluate()


@mutant("T03", "T04", scenario=replace(PLAIN, p=9.0, m=2.0, wait=30.0))
class WaitsOneMoreTick(Ending):
    """Ends p seconds after it knows all, and decides on."""

    since = None

    def finish(self, status, reason):
        now = self._state.now
        self.since = now if self.since is None else self.since
        due = self.since + self._state.config.unchoking_interval
        if now >= due:
            super().finish(status, reason)
        else:
            self._state.out.append(SetTimer(Timer.MISSING, due))


@mutant("end", scenario=UNTRACED)
class NeverEnds(OpenPeer):
    """Never orders its end."""

    def handle(self, event, now):
        return [order for order in super().handle(event, now) if not isinstance(order, Finish)]


@mutant("T05", "W17", "end")
class ClosesAtOnce(SimulatedNetwork):
    """Closes its connections without flushing them: what is under way is lost."""

    def shutdown(self):
        for end in list(self._ends.values()):
            other = end.other
            assert other is not None
            self.drop(end, "shutdown")
            other.network.turn(partial(other.network.drop, other, "loss"))
        super().shutdown()


@mutant("G02", "W01", scenario=replace(PLAIN, jitter=0.3))
class TwoWriters(End):
    """Haves overtake what was queued before them."""

    def send(self, size, deliver, *, begin=None):
        if isinstance(getattr(deliver, "keywords", {}).get("message"), Have):
            self._arrival = 0.0
        return super().send(size, deliver, begin=begin)


@mutant("H01", "W01")
class LosesMessages(End):
    """Loses each fiftieth message."""

    number = 0

    def send(self, size, deliver, *, begin=None):
        self.number += 1
        if self.number % 50 or begin is not None:
            return super().send(size, deliver, begin=begin)
        return self.free_at


@mutant("W02")
class WrongHandshake(End):
    """Tells the next peer's id in its handshake."""

    def record(self, way, kind, size, fields):
        if kind == "handshake" and way == "out":
            fields = {"id": fields["id"] + 1}
        super().record(way, kind, size, fields)

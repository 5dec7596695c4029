"""Mutants of connections, of the end (spec 2, 7), and of networking."""

from __future__ import annotations

from dataclasses import replace

from core.ending import Ending
from core.interface.effects import Dial, Finish, Punish, SetTimer
from core.interface.events import NeighborLost, Started, Timer
from peerio.net.link import Outbox
from peerio.net.recorder import Recorder
from peerio.networking import Networking
from peerio.protocol import encode_haves
from peerio.simulation.files import Left
from peerio.simulation.scenario import Faults
from tests.verifier.matrix.mutants import PLAIN, UNTRACED, mutant
from tests.verifier.matrix.orders import OpenPeer

CHECKING = replace(PLAIN, hashes=True, corrupters=1)
RESUMING = replace(PLAIN, hashes=True, resumes=3)


@mutant("C01", "C05", "W02", scenario=replace(PLAIN, faults=Faults(resets=2)), seed=3)
class DialsLaterPeers(Networking):
    """Dials those that are listed later, but the earlier ones again when they are lost."""

    def listen(self):
        super().listen()
        ours = self._admission
        self.earlier = set(ours._before)
        ours._before, ours._after = frozenset(), ours._before | ours._after
        for peer in self._config.peers:
            if peer.peer_id in ours._after - self.earlier:
                super().connect_to_peer(peer.peer_id, peer.host, peer.port)

    def connect_to_peer(self, remote_peer_id, host, port):
        if remote_peer_id in self.earlier:
            self.earlier.remove(remote_peer_id)
        else:
            super().connect_to_peer(remote_peer_id, host, port)


@mutant("D17", scenario=replace(RESUMING, seeds=2), seed=2, place="peerio.simulation.swarm.Left")
def claims_what_was_torn(data, has):
    """Resumes with every piece, whatever is in the file, and serves zeros."""
    return Left(data, b"\1" * len(has))


@mutant("W19", scenario=CHECKING)
class BearsWrongContent(OpenPeer):
    """Goes on with a neighbor that sends wrong content."""

    def handle(self, event, now):
        return [order for order in super().handle(event, now) if not isinstance(order, Punish)]


@mutant("W19", scenario=CHECKING, place="peerio.simulation.files.MemorySink.is_right")
def rejects_what_is_right(self):
    """Rejects some pieces that are right, now and then."""
    right = self._data[self._start : self._position] == self._expected
    return right and sum(self._data[::997]) % 5 > 0


@mutant("C03", "end")
class SkipsTheLastEarlierPeer(OpenPeer):
    """Doesn't dial the peer that is listed right before it."""

    def handle(self, event, now):
        orders = super().handle(event, now)
        if isinstance(event, Started) and self.state.peer_id > 1002:
            return [order for order in orders if order != Dial(self.state.peer_id - 1)]
        return orders


@mutant("end", scenario=replace(UNTRACED, faults=Faults(resets=3)))
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
class ClosesAtOnce(Networking):
    """Closes its connections without flushing them: what is queued is lost."""

    def shutdown(self):
        self._links.drop_all()
        super().shutdown()


HAVE = encode_haves([0])


@mutant("G02", "W01", scenario=replace(PLAIN, window=700))
class TwoWriters(Outbox):
    """Haves overtake what was queued before them."""

    def put(self, data):
        if data[:5] == HAVE[:5] and len(self.items) > 1:
            self.items.insert(1, bytearray(data))
        else:
            super().put(data)


@mutant("H01", "W01")
class LosesMessages(Outbox):
    """Loses each fiftieth message, or haves that are queued together."""

    number = 0

    def put(self, data):
        self.number += 1
        if self.number % 50 or len(data) != len(HAVE):
            super().put(data)


@mutant("W02")
class WrongHandshake(Recorder):
    """Tells the next peer's id in its handshake."""

    def frame(self, link, way, kind, piece, fields):
        if kind == "handshake" and way == "out":
            fields = {**fields, "id": fields["id"] + 1}
        super().frame(link, way, kind, piece, fields)

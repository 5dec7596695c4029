"""Mutants of choking (spec 4)."""

from __future__ import annotations

from dataclasses import replace

from core.choking import OptimisticChoice, PreferredChoice, Ticks
from core.interface.effects import Log, Send
from core.interface.events import Timer, TimerFired
from core.interface.messages import CHOKE, UNCHOKE, Choke, Unchoke
from core.machines import Upload
from core.uploads import Uploads
from peerio.simulation.scenario import Faults
from tests.verifier.matrix.mutants import PLAIN, UNTRACED, mutant
from tests.verifier.matrix.orders import OpenPeer, logs, sends

CROSSING = replace(PLAIN, delay=0.15)
CHURNING = replace(PLAIN, peers=7, pieces=40, k=1, upload=3000.0)
LONG = replace(PLAIN, peers=6, pieces=60, p=0.25, m=0.5, upload=4000.0, trace=False)
PREFER, OPTIMISTIC = "core.uploads.choose_preferred", "core.uploads.choose_optimistic"


@mutant("K01", "K12", "W11", place=PREFER)
def one_preferred_too_many(rates, k, *, complete, rng):
    """Prefers k + 1 neighbors."""
    draw = sorted(rates)
    rng.shuffle(draw)
    ranked = draw if complete else sorted(draw, key=lambda one: -rates[one])
    return PreferredChoice(frozenset(ranked[: k + 1]), tuple(draw))


@mutant("K03", "W11", place=PREFER)
def one_preferred_too_few(rates, k, *, complete, rng):
    """Prefers k - 1 neighbors."""
    return one_preferred_too_many(rates, k - 2, complete=complete, rng=rng)


def everybody_counts_as_interested(self):
    """Chooses among all neighbors, interested or not."""
    return True


mutant("K02", "K07", place="core.state.Neighbor.interested")(
    property(everybody_counts_as_interested)
)


@mutant("K04", "W11")
class LogsEveryTick(Uploads):
    """Logs the preferred neighbors at each tick, changed or not."""

    def _give_preferred(self, chosen):
        if chosen == self.preferred:
            self._state.log("preferred_neighbors", neighbors=sorted(chosen))
        super()._give_preferred(chosen)


@mutant("K05", "W12", scenario=replace(CHURNING, p=2.0, m=30.0))
class TicksTwiceAsFast(Uploads):
    """Reselects preferred neighbors every p/2 seconds."""

    def start(self):
        super().start()
        self._preferred_ticks = Ticks(self._state.now, self._state.config.unchoking_interval / 2)
        self._set_timer()


@mutant("K06", "W12", scenario=replace(CHURNING, p=0.5, m=3.0))
class OneIntervalForBoth(Uploads):
    """Reselects the optimistic neighbor every p seconds."""

    def start(self):
        super().start()
        self._optimistic_ticks = Ticks(self._state.now, self._state.config.unchoking_interval)
        self._set_timer()


@mutant("W12", who=(1001,))
class TicksDrift(Uploads):
    """Counts each interval from when the last tick was done."""

    def tick(self):
        super().tick()
        self._preferred_ticks._start += 0.01
        self._optimistic_ticks._start += 0.01
        self._set_timer()


@mutant("K08")
class OptimisticAmongAll(Uploads):
    """Picks the optimistic neighbor among all that are interested, unchoked ones too."""

    def _reselect_optimistic(self):
        state = self._state
        self._optimistic_ticks.take(state.now)
        among = sorted(n.peer_id for n in state.neighbors.values() if n.interested)
        if not among:
            return
        chosen, replaced = state.rng.choice(among), self.optimistic
        state.log("optimistic_neighbor", neighbor=chosen)
        self.optimistic = chosen
        if replaced in state.neighbors and replaced != chosen:
            upload = state.neighbors[replaced].upload
            if "optimistic" in upload.state:
                upload.drop_optimistic()
        if not state.neighbors[chosen].unchoked:
            state.neighbors[chosen].upload.pick_optimistic()


@mutant("error")
class PicksUnchokedOnes(Uploads):
    """Gives the optimistic place to a neighbor that is unchoked, against its machine's table."""

    def _reselect_optimistic(self):
        state = self._state
        self._optimistic_ticks.take(state.now)
        for neighbor in state.neighbors.values():
            if neighbor.interested and neighbor.peer_id != self.optimistic:
                state.log("optimistic_neighbor", neighbor=neighbor.peer_id)
                self.optimistic = neighbor.peer_id
                neighbor.upload.pick_optimistic()
                return


@mutant("W13")
class BothPlacesAtOnce(Upload):
    """A machine that gives whoever is preferred the optimistic place too."""

    TABLE = tuple(  # type: ignore[assignment]  # its length was inferred
        {**line, "dest": "preferred_optimistic"}
        if line["source"] == "choked" and line["trigger"] == "prefer"
        else line
        for line in Upload.TABLE
    )


@mutant("K09", "W14", who=(1001,))
class ForgetsToLogChanges(OpenPeer):
    """Changes its preferred neighbors, but logs only every other change."""

    told = 0

    def handle(self, event, now):
        kept = []
        for order in super().handle(event, now):
            self.told += logs(order, "preferred_neighbors")
            if not logs(order, "preferred_neighbors") or self.told % 2:
                kept.append(order)
        return kept


@mutant("K10", who=(1001,))
class ChokesTheOptimistic(OpenPeer):
    """Chokes the optimistic neighbor at each preferred tick, though it holds its place."""

    def handle(self, event, now):
        orders = super().handle(event, now)
        chosen = self.uploads.optimistic
        changed = any(logs(order, "preferred_neighbors") for order in orders)
        if changed and chosen is not None and chosen not in self.uploads.preferred:
            orders.append(Send(chosen, CHOKE))
        return orders


@mutant("K11")
class ChokesTwice(OpenPeer):
    """Sends each choke twice."""

    def handle(self, event, now):
        orders = super().handle(event, now)
        return [one for order in orders for one in [order] * (1 + sends(order, Choke))]


@mutant("K09")
class UnchokesTwice(OpenPeer):
    """Sends unchoke again at each tick to whoever is unchoked."""

    def handle(self, event, now):
        orders = super().handle(event, now)
        if event == TimerFired(Timer.RESELECTION):
            told = {order.neighbor for order in orders if sends(order, Unchoke)}
            orders += [
                Send(one.peer_id, UNCHOKE)
                for one in self.state.neighbors.values()
                if one.unchoked and one.peer_id not in told
            ]
        return orders


@mutant("K09", scenario=LONG, who=(1001,))
class NeverChokes(Uploads):
    """Takes places away without a choke, and goes on serving."""

    def send_choke(self, peer_id):
        pass

    def requested(self, neighbor, piece):
        if neighbor.sending is None and piece in self._state.own:
            self._send(neighbor, piece)


@mutant("K09", scenario=replace(PLAIN, m=0.5), who=(1001,))
class ForgetsChokesOfOneBreath(Uploads):
    """Where both choices fall due together, chokes none of those who lost their places."""

    def _tell_turned(self):
        if len(self._turned) > 1:
            neighbors = self._state.neighbors
            self._turned = {one: None for one in self._turned if neighbors[one].unchoked}
        super()._tell_turned()


@mutant("D08", "W09", scenario=replace(CROSSING, upload=8000.0))
class ServesChoked(Uploads):
    """Serves requests of choked neighbors, and those that waited when it choked them."""

    def send_choke(self, peer_id):
        self._state.send(peer_id, CHOKE)

    def requested(self, neighbor, piece):
        if neighbor.sending is None:
            self._send(neighbor, piece)
        else:
            neighbor.waiting[piece] = None


@mutant("K13", scenario=replace(LONG, peers=7, pieces=80, p=1.0, k=1), place=PREFER)
def worst_first(rates, k, *, complete, rng):
    """Prefers the neighbors that sent least."""
    draw = sorted(rates)
    rng.shuffle(draw)
    ranked = draw if complete else sorted(draw, key=lambda one: rates[one])
    return PreferredChoice(frozenset(ranked[:k]), tuple(draw))


@mutant("W10")
class RatesSinceStart(Uploads):
    """Ranks by all that ever came, not by the last interval."""

    def _reselect_preferred(self):
        before = dict(self._state.rates)
        super()._reselect_preferred()
        self._state.rates.update(before)


@mutant("K14", scenario=replace(LONG, pieces=100), place=PREFER)
def seed_prefers_lowest_ids(rates, k, *, complete, rng):
    """Once complete, prefers the lowest ids."""
    draw = sorted(rates)
    if not complete:
        rng.shuffle(draw)
    return PreferredChoice(frozenset(sorted(draw, key=lambda one: -rates[one])[:k]), tuple(draw))


LATE = {1006: 25.0, 1007: 25.0, 1008: 25.0, 1009: 25.0}


@mutant(
    "K18",
    scenario=replace(LONG, peers=9, pieces=40, p=0.25, m=1.0, upload=1500.0, wait=50.0),
    seed=1,
    starts=LATE,
    who=(1002, 1003, 1004, 1005),
)
class KeepsRanking(Uploads):
    """Once complete, goes on ranking by rates that are all zero, with a stable sort."""

    def _reselect_preferred(self):
        if not self._state.own.complete:
            super()._reselect_preferred()
            return
        self._preferred_ticks.take(self._state.now)
        among = sorted(n.peer_id for n in self._state.neighbors.values() if n.interested)
        self._give_preferred(frozenset(among[: self._state.config.preferred_neighbors]))


@mutant(
    "K15",
    scenario=replace(LONG, peers=12, pieces=24, m=20.0, k=1, upload=1000.0),
    seed=2,
    place=PREFER,
)
def ties_go_by_id(rates, k, *, complete, rng):
    """Breaks ties by id."""
    draw = sorted(rates)
    if complete:
        rng.shuffle(draw)
    return PreferredChoice(frozenset(sorted(draw, key=lambda one: -rates[one])[:k]), tuple(draw))


@mutant("K16", scenario=replace(LONG, peers=7, pieces=60, m=0.25), place=OPTIMISTIC)
def first_is_optimistic(candidates, rng):
    """Picks the first of the candidates."""
    return OptimisticChoice(candidates[0], 0) if candidates else None


@mutant("K17", "W12", scenario=replace(PLAIN, upload=2000.0), who=(1001,))
class NeverOptimistic(Uploads):
    """Never picks an optimistic neighbor."""

    def _reselect_optimistic(self):
        self._optimistic_ticks.take(self._state.now)


@mutant("end", scenario=UNTRACED)
class NeverUnchokes(OpenPeer):
    """Chooses, logs whom, and sends nobody unchoke."""

    def handle(self, event, now):
        return [order for order in super().handle(event, now) if not sends(order, Unchoke)]


@mutant("error", scenario=replace(PLAIN, faults=Faults(resets=3)), seed=2)
class KeepsLostNeighbors(Uploads):
    """A neighbor that is lost keeps its places."""

    def lost(self, neighbor):
        self._drop_waiting(neighbor, "loss")


@mutant("W14")
class LogsAfterSending(OpenPeer):
    """Writes a turn's lines below what they cause."""

    def handle(self, event, now):
        return sorted(super().handle(event, now), key=lambda order: isinstance(order, Log))

"""Giving pieces: who is served, in what order, and who is choked (spec 4).

The rules by which the two places are given are `core.choking`; who may be sent what is each
neighbor's `upload` machine. What remains is here: the schedule, the candidates, the log lines, and
the requests that wait. They are granted at the end of a turn, by what is known then (spec 4.9).
"""

from __future__ import annotations

from core.choking import Ticks, choose_optimistic, choose_preferred
from core.interface.effects import SendPiece, SetTimer, Warn
from core.interface.events import Timer
from core.interface.messages import CHOKE, UNCHOKE
from core.interface.words import DropCause
from core.repeats import Repeats
from core.state import Neighbor, State

TOGETHER = 1e-6
"""Seconds within which both reselections are due together: n·p and n·m may differ by rounding alone."""


class Uploads:
    """The uploading half of a peer."""

    def __init__(self, state: State, repeats: Repeats) -> None:
        self._state = state
        self._repeats = repeats
        self.preferred: set[int] = set()
        """The preferred neighbors, as far as they are connected (spec 2.8)."""
        self.optimistic: int | None = None
        """The optimistically unchoked neighbor, as long as it is connected."""
        self._preferred_ticks = Ticks(0.0, state.config.unchoking_interval)
        self._optimistic_ticks = Ticks(0.0, state.config.optimistic_interval)
        self._asking: dict[int, Neighbor] = {}
        """Neighbors that asked for something in this turn."""
        self._turned: dict[int, None] = {}
        """Neighbors whose choke differs from what they were told, in the order of the decisions."""

    # Reselections (spec 4.2 to 4.7).

    def start(self) -> None:
        """Begin the schedule: the first reselections come p and m seconds from now (spec 4.7)."""
        state = self._state
        self._preferred_ticks = Ticks(state.now, state.config.unchoking_interval)
        self._optimistic_ticks = Ticks(state.now, state.config.optimistic_interval)
        self._set_timer()

    def tick(self) -> None:
        """Reselect whatever is due, preferred neighbors first where both are; then tell (spec 4.7).

        Who left the preferred set and got the optimistic place is unchoked as before: it is told
        nothing, and what it asked for goes on waiting.
        """
        now = self._state.now + TOGETHER
        if self._preferred_ticks.due <= now:
            self._reselect_preferred()
        if self._optimistic_ticks.due <= now:
            self._reselect_optimistic()
        self._tell_turned()
        self._set_timer()

    def _set_timer(self) -> None:
        due = min(self._preferred_ticks.due, self._optimistic_ticks.due)
        self._state.out.append(SetTimer(Timer.RESELECTION, due))

    def _reselect_preferred(self) -> None:
        state, ticks = self._state, self._preferred_ticks
        missed = ticks.take(state.now)
        interested = [n.peer_id for n in state.neighbors.values() if n.interested]
        rates = {neighbor: state.rates.get(neighbor, 0) for neighbor in interested}
        complete = state.own.complete
        choice = choose_preferred(
            rates, state.config.preferred_neighbors, complete=complete, rng=state.rng
        )
        if state.tracing:
            candidates = sorted(rates)
            state.note(
                "preferred",
                tick=ticks.tick - 1,
                due=ticks.time_of(ticks.tick - 1),
                skipped=missed,
                complete=complete,
                candidates=candidates,
                rates=[rates[neighbor] for neighbor in candidates],
                draw=list(choice.draw),
                chosen=sorted(choice.chosen),
            )
        state.rates.clear()
        self._give_preferred(choice.chosen)

    def _give_preferred(self, chosen: frozenset[int]) -> None:
        """Make them the preferred neighbors: log a change, then choke before unchoking (spec 4.4)."""
        state, before = self._state, self.preferred
        if chosen == before:
            return
        state.log("preferred_neighbors", neighbors=sorted(chosen))
        self.preferred = set(chosen)
        for peer_id in sorted(before - chosen):
            state.neighbors[peer_id].upload.unprefer()
        for peer_id in sorted(chosen - before):
            state.neighbors[peer_id].upload.prefer()

    def _reselect_optimistic(self) -> None:
        state, ticks = self._state, self._optimistic_ticks
        missed = ticks.take(state.now)
        candidates = sorted(
            n.peer_id for n in state.neighbors.values() if n.interested and not n.unchoked
        )
        choice = choose_optimistic(candidates, state.rng)
        if state.tracing:
            state.note(
                "optimistic",
                tick=ticks.tick - 1,
                due=ticks.time_of(ticks.tick - 1),
                skipped=missed,
                candidates=candidates,
                draw=choice.draw if choice else None,
                chosen=choice.chosen if choice else None,
            )
        if choice is None:
            return  # the present one stays until it is replaced (spec 4.5)
        state.log("optimistic_neighbor", neighbor=choice.chosen)
        replaced, self.optimistic = self.optimistic, choice.chosen
        if replaced is not None:
            state.neighbors[replaced].upload.drop_optimistic()
        state.neighbors[choice.chosen].upload.pick_optimistic()

    # What follows where the upload machines leave `choked` or enter it.

    def turned(self, peer_id: int) -> None:
        """A decision chokes a neighbor or unchokes it; one that takes back another leaves nothing to tell."""
        if peer_id in self._turned:
            del self._turned[peer_id]
        else:
            self._turned[peer_id] = None

    def _tell_turned(self) -> None:
        turned, self._turned = self._turned, {}
        for peer_id in turned:
            if self._state.neighbors[peer_id].unchoked:
                self.send_unchoke(peer_id)
            else:
                self.send_choke(peer_id)

    def send_unchoke(self, peer_id: int) -> None:
        """Let a neighbor ask."""
        self._state.send(peer_id, UNCHOKE)

    def send_choke(self, peer_id: int) -> None:
        """Choke a neighbor: behind the piece under way, and without those that wait (spec 4.9)."""
        neighbor = self._state.neighbors[peer_id]
        self._drop_waiting(neighbor, "choked")
        neighbor.crossing = True
        self._state.send(peer_id, CHOKE)

    # Requests (spec 4.8, 4.9).

    def requested(self, neighbor: Neighbor, piece: int) -> None:
        """A request waits for its turn, or is dropped."""
        state = self._state
        crossed, neighbor.crossing = neighbor.crossing, False
        if not neighbor.unchoked:
            self._note_dropped(neighbor, piece, "choked")
            if not crossed:
                self._repeats.count(neighbor, "a request of a choked neighbor")
        elif not state.own.has[piece]:
            self._note_dropped(neighbor, piece, "lacking")
            self._tell_lacking(neighbor, piece)
            self._repeats.count(neighbor, "a request for a piece that isn't here")
        elif piece == neighbor.sending or piece in neighbor.waiting:
            self._note_dropped(neighbor, piece, "repeated")
            self._repeats.count(neighbor, "a request that is waiting already")
        else:
            neighbor.waiting[piece] = None
            self._asking[neighbor.peer_id] = neighbor

    def _tell_lacking(self, neighbor: Neighbor, piece: int) -> None:
        """Tell people, once a connection: a neighbor may go on for long."""
        if not neighbor.lacking_told:
            neighbor.lacking_told = True
            text = (
                f"request of peer {neighbor.peer_id} for piece {piece}, which isn't here: dropped"
            )
            self._state.out.append(Warn(f"{text}, as are all further ones of this kind"))

    def end_turn(self) -> None:
        """Grant what was asked for in this turn and wasn't overtaken by a choke (spec 4.8)."""
        if self._asking:
            asking, self._asking = self._asking, {}
            for neighbor in asking.values():
                self.serve(neighbor)

    def sent(self, neighbor: Neighbor) -> None:
        """The piece under way is out."""
        neighbor.sending = None

    def serve(self, neighbor: Neighbor) -> None:
        """Send the first piece that waits, unless one is under way (spec 4.9)."""
        if neighbor.waiting and neighbor.sending is None:
            piece, _ = neighbor.waiting.popitem(last=False)
            self._send(neighbor, piece)

    def _send(self, neighbor: Neighbor, piece: int) -> None:
        neighbor.sending = piece
        self._state.out.append(SendPiece(neighbor.peer_id, piece))

    def lost(self, neighbor: Neighbor) -> None:
        """The connection is gone: it leaves both places at once, without a line (spec 2.8)."""
        self._drop_waiting(neighbor, "loss")
        self._asking.pop(neighbor.peer_id, None)
        self.preferred.discard(neighbor.peer_id)
        if self.optimistic == neighbor.peer_id:
            self.optimistic = None

    def _drop_waiting(self, neighbor: Neighbor, cause: DropCause) -> None:
        for piece in neighbor.waiting:
            self._note_dropped(neighbor, piece, cause)
        neighbor.waiting.clear()

    def _note_dropped(self, neighbor: Neighbor, piece: int, cause: DropCause) -> None:
        self._state.note("dropped", neighbor=neighbor.peer_id, piece=piece, cause=cause)

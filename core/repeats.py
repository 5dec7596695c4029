"""Messages that change nothing: a neighbor may send many of them, but not without end (spec 3.4, 3.5).

Each is harmless, and programs that repeat themselves must go on working. But each costs us a line of the
log, or a look, so a neighbor that sends nothing else is parted with. What counts, on each connection:

- a have for a piece that is known to be there, and a bitfield after the first that tells nothing new;
- interested or not interested where it said the same before, or where since its last word neither it nor
  we have got a piece: then nothing can have changed its mind;
- choke and unchoke, as far as they come faster than twice the reselections' clocks demand (spec 4.7);
- a request for what isn't here or what is waiting already, and one while it is choked, but for the one
  that our choke may have crossed (spec 6.4);
- a piece that wasn't asked for on this connection (spec 6.5), and a message of an unknown type.

After our own end is ordered nothing changes anything: every message counts.
"""

from __future__ import annotations

from core.interface.effects import Punish
from core.state import Neighbor, State

ALLOWED = 1000
"""So many messages that change nothing a neighbor may send on one connection (spec 3.5),"""
ALLOWED_A_PIECE = 10
"""and so many more for each piece of the file."""


class Repeats:
    """Counts them, and orders the end of a connection that brings too many."""

    def __init__(self, state: State) -> None:
        self._state = state
        self.limit = ALLOWED + ALLOWED_A_PIECE * state.config.piece_count

    def count(self, neighbor: Neighbor, what: str, number: int = 1) -> None:
        """So many messages came that change nothing; `what` names their kind."""
        before = neighbor.idle_messages
        neighbor.idle_messages += number
        if before <= self.limit < neighbor.idle_messages:
            reason = (
                f"more than {self.limit} messages that change nothing, at last {what};"
                f" expected at most {ALLOWED} and {ALLOWED_A_PIECE} for each piece"
            )
            self._state.out.append(Punish(neighbor.peer_id, reason))

    def interest(self, neighbor: Neighbor, *, told: bool) -> None:
        """It is about to be noted whether the neighbor is interested in our pieces."""
        knowledge = self._state.own.count + neighbor.pieces.count
        state = "interested" if told else "not_interested"
        if neighbor.its_interest.state == state or neighbor.knowledge == knowledge:
            self.count(neighbor, f"'{state.replace('_', ' ')}'")
        neighbor.knowledge = knowledge

    def choking(self, neighbor: Neighbor, what: str) -> None:
        """The neighbor chokes or unchokes us."""
        config, since = self._state.config, self._state.now - neighbor.connected_at
        neighbor.choking_messages += 1
        ticks = since / config.unchoking_interval + since / config.optimistic_interval
        if neighbor.choking_messages > 2 + 2 * ticks:
            self.count(neighbor, what)

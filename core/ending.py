"""When a peer ends, and who must have been told what before (spec 7).

Four questions are asked after whatever may change their answer:

- Is everybody complete, ourselves included (spec 7.1)? What a neighbor has is known from its bitfield
  and haves; what was known stands after its connection is gone, until the next handshake.
- If so: was every other peer told our last piece on its latest connection (spec 7.2)? Whoever is
  connected was, in its bitfield or by have. Whoever's connection was lost out of order may not have
  got it: that one is dialled once more, or awaited, for 5 s at most.
- Otherwise: is somebody missing while nobody who is here has anything left to do (spec 7.3)? Then a
  clock runs. Once it started only a neighbor that shows pieces, or a piece, sets it back, so that one
  who connects in vain again and again doesn't keep us waiting.
- Has our own storage or log failed (spec 7.4)? Then we stay only as long as somebody here lacks
  something.
"""

from __future__ import annotations

from core.effects import Dial, Finish, SetTimer
from core.events import Timer
from core.state import Neighbor, State

WAIT_FOR_LOST = 60.0
"""Seconds to wait for somebody who was connected before (spec 7.3)."""
WAIT_FOR_UNSEEN = 600.0
"""Seconds to wait for somebody who was never there (spec 7.3)."""
TELL_WITHIN = 5.0
"""Seconds to tell those who weren't told our last piece (spec 7.2)."""


class Ending:
    """Decides when a peer ends, and with what status."""

    def __init__(self, state: State, wait: float | None) -> None:
        self._state = state
        self._wait = wait
        ids = [peer.peer_id for peer in state.config.peers]
        self._others = frozenset(ids) - {state.peer_id}
        self._dialled = frozenset(ids[: ids.index(state.peer_id)])
        self._incomplete = set(self._others)
        self._seen: dict[int, float] = {}
        """When each peer was first connected."""
        self._told: set[int] = set()
        self._given_up: set[int] = set()
        self._telling = False
        self._clock: float | None = None
        self._due: float | None = None
        self._failure = ""
        self.finished = False
        """A `Finish` was ordered: nothing more is decided (spec 7.2)."""

    # Facts.

    def connected(self, neighbor: Neighbor) -> None:
        """A handshake was accepted: nothing is known of the neighbor's pieces (spec 2.7)."""
        self._incomplete.add(neighbor.peer_id)
        self._seen.setdefault(neighbor.peer_id, self._state.now)
        if self._state.own.complete:
            self._told.add(neighbor.peer_id)  # the bitfield that goes out now says it

    def learned(self, neighbor: Neighbor) -> None:
        """The neighbor told something of its pieces."""
        if not neighbor.spoke:
            neighbor.spoke = True
            self._clock = None
        if neighbor.pieces.complete:
            self._incomplete.discard(neighbor.peer_id)

    def piece_received(self) -> None:
        """A piece of ours is new."""
        self._clock = None
        if self._state.own.complete:
            self._told.update(self._state.neighbors)

    def stream_ended(self, neighbor: Neighbor) -> None:
        """Where both are complete this is the normal end of a connection (spec 3.6)."""
        neighbor.ended_in_order = self._state.own.complete and neighbor.pieces.complete

    def lost(self, neighbor: Neighbor) -> None:
        """A connection is gone; one that didn't end in order is dialled again (spec 2.5)."""
        if neighbor.ended_in_order:
            return
        self._told.discard(neighbor.peer_id)
        if neighbor.peer_id in self._dialled and not self.finished:
            self._state.out.append(Dial(neighbor.peer_id))

    def refused(self, peer_id: int) -> None:
        """Nobody listens there: whoever it was can't be told any more (spec 7.2)."""
        if self._telling:
            self._given_up.add(peer_id)

    def failed(self, reason: str) -> None:
        """Our storage or log failed (spec 7.4, status 4)."""
        self._failure = self._failure or reason

    def give_up_telling(self) -> None:
        """The time to tell the others is over."""
        if self._telling:
            self._given_up.update(self._others)

    # Decisions.

    def finish(self, status: int, reason: str) -> None:
        """Order the end."""
        self.finished = True
        self._state.out.append(Finish(status, reason))

    def evaluate(self) -> None:
        """Ask the four questions."""
        state = self._state
        if self.finished:
            return
        if self._failure:
            if all(neighbor.pieces.complete for neighbor in state.neighbors.values()):
                self.finish(4, self._failure)
        elif state.own.complete and not self._incomplete:
            self._end_when_told()
        else:
            self._telling = False
            self._watch_missing()

    def _end_when_told(self) -> None:
        state = self._state
        untold = self._others - self._told - self._given_up
        if not untold:
            self.finish(0, "all complete")
        elif not self._telling:
            self._telling = True
            self._given_up.clear()
            state.out.extend(Dial(peer_id) for peer_id in sorted(untold & self._dialled))
            state.out.append(SetTimer(Timer.TELLING, state.now + TELL_WITHIN))

    def _watch_missing(self) -> None:
        state = self._state
        missing = self._missing()
        if not missing:
            self._set_due(None)
            return
        if self._clock is None:
            self._clock = state.now
        due = min(self._patience_ends(peer_id, self._clock) for peer_id in missing)
        if due <= state.now:
            names = ", ".join(str(peer_id) for peer_id in sorted(missing))
            self.finish(3, f"missing: {names}")
        else:
            self._set_due(due)

    def _missing(self) -> set[int]:
        """Who is awaited in vain: nobody, as long as somebody here has something left to do."""
        state = self._state
        here = state.neighbors
        if here and not (
            state.own.complete and all(neighbor.pieces.complete for neighbor in here.values())
        ):
            return set()
        awaited = self._incomplete if state.own.complete else self._others
        return {peer_id for peer_id in awaited if peer_id not in here}

    def _patience_ends(self, peer_id: int, clock: float) -> float:
        """Until when a missing peer is awaited: who came once is awaited less long, from then on."""
        first_seen = self._seen.get(peer_id)
        if first_seen is None:
            return clock + (WAIT_FOR_UNSEEN if self._wait is None else self._wait)
        return max(clock, first_seen) + (WAIT_FOR_LOST if self._wait is None else self._wait)

    def _set_due(self, due: float | None) -> None:
        if due == float("inf"):
            due = None
        if due != self._due:
            self._due = due
            self._state.out.append(SetTimer(Timer.MISSING, due))

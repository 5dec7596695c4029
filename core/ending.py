"""When a peer ends, and who must have been told what before (spec 7).

Four questions are asked after whatever may change their answer:

- Is everybody complete, ourselves included (spec 7.1)? What a neighbor has is known from its bitfield
  and haves; what was known stands after its connection is gone, until the next handshake.
- If so: was every other peer told our last piece on its latest connection (spec 7.2)? Whoever is
  connected was, in its bitfield or by have. Whoever's connection was lost out of order may not have
  got it: that one is dialled once more, or awaited, for 5 s at most. Whoever ended in order may have
  been started again: if we dial it, we do so once more.
- Otherwise: is somebody missing without whom nothing can be done (spec 7.3)? That is so when all who
  are here are complete, and when nobody here has some piece, or who has it sent it wrong (spec 9.3).
  Then a clock runs. Once it started only pieces set it back, told or received, so that one who connects
  in vain again and again doesn't keep us waiting.
- Has our own storage or log failed (spec 7.4)? Then we stay only as long as we can serve, somebody here
  lacks something, and the same clock hasn't run out: others may have failed too.
"""

from __future__ import annotations

from core.exits import ExitStatus
from core.interface.effects import Dial, Finish, SetTimer
from core.interface.events import Timer
from core.state import Neighbor, State
from core.waiting import Waiting

WAIT_FOR_LOST = 60.0
"""Seconds to wait for somebody who was connected before (spec 7.3)."""
WAIT_FOR_UNSEEN = 600.0
"""Seconds to wait for somebody who was never there (spec 7.3)."""
ANNOUNCE_WITHIN = 5.0
"""Seconds to tell those who weren't told our last piece (spec 7.2)."""


class Ending:
    """Decides when a peer ends, and with what status."""

    def __init__(self, state: State, waiting: Waiting, wait: float | None) -> None:
        self._state = state
        self._waiting = waiting
        self._wait = wait
        ids = [peer.peer_id for peer in state.config.peers]
        self._others = frozenset(ids) - {state.peer_id}
        self._seeds = frozenset(peer.peer_id for peer in state.config.peers if peer.has_file)
        self._dialled = frozenset(ids[: ids.index(state.peer_id)])
        self._incomplete = set(self._others)
        self._seen: dict[int, float] = {}
        """When each peer was first connected."""
        self._announced: set[int] = set()
        self._given_up: set[int] = set()
        self._parted: set[int] = set()
        """Whom we dial, and whose connection ended in order: each may have been started again."""
        self._announcing = False
        self._clock: float | None = None
        self._due: float | None = None
        self._failure = ""
        self._failed_at = 0.0
        self._serves = True
        self.finished = False
        """A `Finish` was ordered: nothing more is decided (spec 7.2)."""

    # Facts.

    def connected(self, neighbor: Neighbor) -> None:
        """Take in an accepted handshake: nothing is known of the neighbor's pieces (spec 2.7)."""
        self._incomplete.add(neighbor.peer_id)
        self._parted.discard(neighbor.peer_id)
        self._seen.setdefault(neighbor.peer_id, self._state.now)
        if self._state.own.complete:
            self._announced.add(neighbor.peer_id)  # the bitfield that goes out now says it

    def learned(self, neighbor: Neighbor) -> None:
        """Take in what the neighbor announced of its pieces: news, unless it sent some of them wrong."""
        if not neighbor.spoke:
            neighbor.spoke = True
            if not self._state.wrong.get(neighbor.peer_id):
                self._clock = None
        if neighbor.pieces.complete:
            self._incomplete.discard(neighbor.peer_id)

    def moved(self) -> None:
        """Take in a new piece, ours or a neighbor's."""
        self._waiting.moved()
        self._clock = None

    @property
    def clock_runs(self) -> bool:
        """The end is near, unless something moves."""
        return self._due is not None

    def piece_received(self) -> None:
        """Take in a new piece of ours."""
        self.moved()
        if self._state.own.complete:
            self._announced.update(self._state.neighbors)

    def stream_ended(self, neighbor: Neighbor) -> None:
        """Where both are complete this is the normal end of a connection (spec 3.6)."""
        neighbor.ended_in_order = self._state.own.complete and neighbor.pieces.complete

    def lost(self, neighbor: Neighbor) -> None:
        """Dial again whose connection is gone (spec 2.5), also if it ended in order.

        For whoever was killed when it was complete may come back, and depends on being dialled, at the
        latest before we end (spec 7.2). Who ended in order and dials by itself isn't awaited.
        """
        if neighbor.ended_in_order and neighbor.peer_id in self._dialled:
            self._parted.add(neighbor.peer_id)
        if not neighbor.ended_in_order or neighbor.peer_id in self._dialled:
            self._announced.discard(neighbor.peer_id)
        if neighbor.peer_id in self._dialled and not self.finished:
            self._state.out.append(Dial(neighbor.peer_id))

    def refused(self, peer_id: int) -> None:
        """Nobody listens there: whoever it was can't be told any more (spec 7.2)."""
        if self._announcing:
            self._given_up.add(peer_id)

    def failed(self, reason: str, *, serves: bool) -> None:
        """Our storage or log failed (spec 7.4, status 4)."""
        if not self._failure:
            self._failure, self._failed_at = reason, self._state.now
        self._serves = self._serves and serves

    def give_up_parted(self) -> None:
        """Dial nobody any longer who ended in order: a choice is due, which is no use any more."""
        if self._announcing:
            self._given_up.update(self._parted)
            self.evaluate()

    def give_up_announcing(self) -> None:
        """End the time to tell the others."""
        if self._announcing:
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
            self._end_when_useless()
        elif state.own.complete and not self._incomplete:
            self._end_when_announced()
        else:
            self._announcing = False
            self._watch_missing()

    def _end_when_announced(self) -> None:
        state = self._state
        unannounced = self._others - self._announced - self._given_up
        if not unannounced:
            self.finish(ExitStatus.COMPLETE, "all complete")
        elif not self._announcing:
            self._announcing = True
            self._given_up.clear()
            state.out.extend(Dial(peer_id) for peer_id in sorted(unannounced & self._dialled))
            state.out.append(SetTimer(Timer.ANNOUNCING, state.now + ANNOUNCE_WITHIN))

    def _end_when_useless(self) -> None:
        """After a failure: stay while we can serve, somebody may want it, and something moves."""
        here = self._state.neighbors.values()
        due = max(self._failed_at, self._waiting.moved_at) + self._limit(WAIT_FOR_LOST)
        over = not self._serves or due <= self._state.now
        if over or all(neighbor.pieces.complete for neighbor in here):
            self.finish(ExitStatus.FAILED, self._failure)
        else:
            self._set_due(due)

    def _watch_missing(self) -> None:
        state = self._state
        missing = self._missing()
        if not missing:
            if self._due is not None:
                self._set_due(None)
            return
        if self._clock is None:
            self._clock = state.now
        due = self._patience_ends(missing, self._clock)
        if due <= state.now:
            words = [f"missing: {self._waiting.names(missing)}", *self._waiting.lack()]
            self.finish(ExitStatus.MISSING, "; ".join(words))
        else:
            self._set_due(due)

    def _missing(self) -> set[int]:
        """Who is awaited in vain: nobody, as long as those here can go on without.

        Who sent wrong content is awaited too, until it sends that piece right (spec 9.3).
        """
        state, here = self._state, self._state.neighbors
        if not state.wrong and len(here) == len(self._others):
            return set()  # as after nearly every piece
        if state.own.complete:
            missing = self._incomplete - here.keys()
            stuck = all(neighbor.pieces.complete for neighbor in here.values())
        else:
            wrong = {peer_id for peer_id in here if state.wrong.get(peer_id)}
            missing = wrong | (self._others - here.keys())
            stuck = bool(missing) and self._waiting.lacking() > 0
        return missing if stuck else set()

    def _patience_ends(self, missing: set[int], clock: float) -> float:
        """Until when the missing are awaited.

        Those who lack pieces must all come, so the first that doesn't decides. Where pieces are lacking
        here, any of those who may bring some will do, so the last one decides.
        """
        if self._state.own.complete:
            return min(self._awaited_until(peer_id, clock) for peer_id in missing)
        bringers = {n for n in missing if n in self._seeds or self._waiting.announced(n)}
        return max(self._awaited_until(peer_id, clock) for peer_id in bringers or missing)

    def _awaited_until(self, peer_id: int, clock: float) -> float:
        """Until when one missing peer is awaited: who came once, less long, from then on."""
        first_seen = self._seen.get(peer_id)
        if first_seen is None:
            return clock + self._limit(WAIT_FOR_UNSEEN)
        return max(clock, first_seen) + self._limit(WAIT_FOR_LOST)

    def _limit(self, seconds: float) -> float:
        return seconds if self._wait is None else self._wait

    def _set_due(self, due: float | None) -> None:
        if due == float("inf"):
            due = None
        if due != self._due:
            self._due = due
            self._state.out.append(SetTimer(Timer.MISSING, due))

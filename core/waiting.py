"""Nothing waits in silence (spec 7.5): when something moved last, and what people are told otherwise.

Something moves when a neighbor tells a piece that is news on its connection, or a piece of ours is
new. Each time that nothing moved for a while, people are told who is waited for, what they have told,
and how many pieces are with nobody who is connected. The pauses between those lines grow.
"""

from __future__ import annotations

from collections.abc import Iterable

from core.interface.effects import SetTimer, Warn
from core.interface.events import Timer
from core.state import Neighbor, State

FIRST_WORD = 60.0
"""Seconds without progress after which people are told; each further pause is twice as long."""
NAMED = 8
"""How many peers one line names."""


class Waiting:
    """Knows who has told how much, and says so."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._told: dict[int, int] = {}
        self._pause = FIRST_WORD
        self._quiet_since = 0.0
        self.moved_at = 0.0
        """When something moved last, in seconds; the start, if nothing did."""

    def start(self) -> None:
        """The peer listens."""
        self.moved_at = self._quiet_since = self._state.now
        self._set_timer()

    def moved(self) -> None:
        """A neighbor told a new piece, or one of ours is new."""
        self.moved_at = self._quiet_since = self._state.now
        self._pause = FIRST_WORD

    def connected(self, neighbor: Neighbor) -> None:
        """What was known from the last connection is replaced (spec 2.7)."""
        self._told[neighbor.peer_id] = 0

    def lost(self, neighbor: Neighbor) -> None:
        """A connection is gone: told, unless both ends have everything."""
        state, count = self._state, neighbor.pieces.count
        self._told[neighbor.peer_id] = count
        if not (state.own.complete and neighbor.pieces.complete):
            state.out.append(
                Warn(
                    f"lost the connection to peer {neighbor.peer_id}, which has told"
                    f" {count} of {len(state.own)} pieces"
                )
            )

    def told(self, peer_id: int) -> int:
        """How many pieces a peer has told on its latest connection."""
        neighbor = self._state.neighbors.get(peer_id)
        return self._told.get(peer_id, 0) if neighbor is None else neighbor.pieces.count

    def check(self) -> None:
        """The timer is due: tell people if nothing moved."""
        state = self._state
        if self._quiet_since + self._pause <= state.now:
            state.out.append(Warn(self._words()))
            self._quiet_since = state.now
            self._pause *= 2
        self._set_timer()

    def _set_timer(self) -> None:
        at = self._quiet_since + self._pause
        self._state.out.append(SetTimer(Timer.WAITING, at))

    def _words(self) -> str:
        state = self._state
        own, here = state.own, state.neighbors
        others = [peer.peer_id for peer in state.config.peers if peer.peer_id != state.peer_id]
        awaited = [n for n in others if not (own.complete and self.told(n) == len(own))]
        words = [
            f"no progress for {state.now - self.moved_at:.0f} s",
            f"{own.count} of {len(own)} pieces are here",
        ]
        connected = self.names(n for n in awaited if n in here)
        words += [f"waiting for {connected}"] if connected else []
        missing = self.names(n for n in awaited if n not in here)
        words += [f"not connected: {missing}"] if missing else []
        return "; ".join([*words, *self.lack()])

    def names(self, peer_ids: Iterable[int]) -> str:
        """Some peers with what each has told; empty if there is none."""
        ids, pieces = sorted(peer_ids), len(self._state.own)
        words = [
            f"{peer_id} (it told {self.told(peer_id)} of {pieces} pieces)"
            if peer_id in self._told
            else f"{peer_id} (never connected)"
            for peer_id in ids[:NAMED]
        ]
        words += [f"{len(ids) - NAMED} more"] if len(ids) > NAMED else []
        return ", ".join(words)

    def lack(self) -> list[str]:
        """A part of a sentence on the pieces that nobody here has, if there are any."""
        lacking = self.lacking()
        if not lacking:
            return []
        return [f"{lacking} of {len(self._state.own)} pieces are with nobody who is connected"]

    def lacking(self) -> int:
        """How many pieces nobody here has: neither we nor a connected neighbor, as far as told."""
        state = self._state
        maps = [state.own, *(neighbor.pieces for neighbor in state.neighbors.values())]
        if any(pieces.complete for pieces in maps):
            return 0
        return sum(not any(flags) for flags in zip(*(pieces.has for pieces in maps), strict=True))

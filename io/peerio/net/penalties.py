"""How long a neighbor that broke the protocol has to stay away (spec 3.5)."""

from __future__ import annotations

FIRST_PAUSE = 1.0
LONGEST_PAUSE = 60.0
GOOD_BEHAVIOUR = 60.0
"""Seconds without an error after which all is forgotten."""


class Penalties:
    """Pauses that double with each protocol error, kept across connections.

    All times are seconds on the loop's clock.
    """

    def __init__(self) -> None:
        self._pause: dict[int, float] = {}
        self._until: dict[int, float] = {}

    def punish(self, peer_id: int, now: float) -> float:
        """A protocol error ended the neighbor's connection: the pause that follows, in seconds."""
        pause = min(self._pause.get(peer_id, FIRST_PAUSE / 2) * 2, LONGEST_PAUSE)
        self._pause[peer_id] = pause
        self._until[peer_id] = now + pause
        return pause

    def forgive(self, peer_id: int) -> None:
        """The neighbor delivered a piece, or behaved for long enough."""
        self._pause.pop(peer_id, None)
        self._until.pop(peer_id, None)

    def allowed_at(self, peer_id: int) -> float:
        """From when on it may come back; 0 if it may."""
        return self._until.get(peer_id, 0.0)

    def holds(self, peer_id: int) -> bool:
        """Whether the neighbor has something to be forgiven."""
        return peer_id in self._pause

"""How long a neighbor that broke the protocol has to stay away (spec 3.5)."""

from __future__ import annotations

FIRST_PAUSE = 1.0
LONGEST_PAUSE = 60.0
GOOD_BEHAVIOUR = 60.0
"""Seconds without an error after which all is forgotten."""
REMEMBERED = 1000
"""Origins that are kept, unless the pauses of more of them still run."""

Origin = tuple[int, str]
"""An id and the address that it was claimed from, which is "" where we dialled: so nobody can earn a
penalty in another's name (spec 2.4)."""


class Penalties:
    """Pauses that double with each protocol error, kept across connections.

    All times are seconds on the loop's clock.
    """

    def __init__(self) -> None:
        self._pause: dict[Origin, float] = {}
        self._until: dict[Origin, float] = {}

    def punish(self, origin: Origin, now: float) -> float:
        """A protocol error ended a connection: the pause that follows, in seconds."""
        if len(self._until) >= REMEMBERED:
            for other in [other for other, until in self._until.items() if until < now]:
                self.forgive(other)
        pause = min(self._pause.get(origin, FIRST_PAUSE / 2) * 2, LONGEST_PAUSE)
        self._pause[origin] = pause
        self._until[origin] = now + pause
        return pause

    def forgive(self, origin: Origin) -> None:
        """The neighbor delivered a piece, or behaved for long enough."""
        self._pause.pop(origin, None)
        self._until.pop(origin, None)

    def allowed_at(self, origin: Origin) -> float:
        """From when on it may come back; 0 if it may."""
        return self._until.get(origin, 0.0)

    def holds(self, origin: Origin) -> bool:
        """Whether there is something to be forgiven."""
        return origin in self._pause

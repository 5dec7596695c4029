"""How much of the network thread's time somebody may take (spec 3.7). Knows no socket and reads no clock."""

from __future__ import annotations

SHARE = 0.25
"""Seconds of work that each may cause in a second."""
BURST = 0.004
"""Seconds of work that may come at once."""


class Allowance:
    """Time that grows steadily up to a limit, and is taken by what somebody makes us do."""

    __slots__ = ("_at", "_balance", "_burst")

    def __init__(self, now: float, *, burst: float = BURST, extra: float = 0.0) -> None:
        """Begin with the burst, and something extra that doesn't come back once it is used."""
        self._burst = burst
        self._balance = burst + extra
        self._at = now

    def take(self, seconds: float) -> bool:
        """Charge work; whether that was more than is allowed for the moment."""
        self._balance -= seconds
        return self._balance < 0.0

    def refill(self, now: float) -> None:
        """Time has passed."""
        if self._balance < self._burst:
            self._balance = min(self._burst, self._balance + (now - self._at) * SHARE)
        self._at = now

    def rested_at(self, now: float) -> float:
        """When a quarter of the burst will be there again."""
        return now + max(0.0, self._burst / 4 - self._balance) / SHARE

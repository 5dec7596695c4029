"""How much somebody may take: of the network thread's time (spec 3.7), of the upload limit. Reads no clock."""

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


CHUNK = 16 * 1024
"""Bytes that are worth a system call: the least that is granted, unless less is left to send."""


class TokenBucket:
    """Grants bytes at a steady rate (bytes a second), with a burst of a twentieth of a second.

    Small messages aren't held up, only charged, so that a choke or a have isn't late behind a limit
    on content; the balance may therefore fall below zero.
    """

    def __init__(self, rate: float, now: float) -> None:
        self._rate = rate
        self._burst = max(rate / 20, float(CHUNK))
        self._balance = self._burst
        self._at = now

    def _refill(self, now: float) -> None:
        self._balance = min(self._burst, self._balance + (now - self._at) * self._rate)
        self._at = now

    def charge(self, count: int) -> None:
        """Take bytes that were sent in any case."""
        self._balance -= count

    def grant(self, wanted: int, now: float) -> int:
        """How many of the bytes may be sent now: at least a chunk, or all of them, or none."""
        self._refill(now)
        if self._balance < min(wanted, CHUNK):
            return 0
        return min(wanted, int(self._balance))

    def ready_at(self, now: float) -> float:
        """When a chunk will be granted."""
        return now + max(0.0, (CHUNK - self._balance) / self._rate)

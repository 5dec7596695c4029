"""The upload limit: a token bucket that all connections of a peer share."""

from __future__ import annotations

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

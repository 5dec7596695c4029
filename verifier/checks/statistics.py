"""Bounds on chance: how likely a fair draw is to look at least as skewed as what was seen.

All are inequalities that hold for any number of draws (Freedman, Massart, exact convolution), so a
small p-value is never an artefact of an approximation; the price is some power.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import comb, exp, log

EXACT = 100_000
"""Steps of a convolution that are worth their time."""
LEVEL = 1e-6
"""Chance of a false alarm that all statistical tests of a run share."""


@dataclass(slots=True)
class Drift:
    """A sum of draws' deviations from their expectation, with its variance and largest step."""

    total: float = 0.0
    variance: float = 0.0
    largest: float = 0.0
    draws: int = 0

    def add(self, deviation: float, variance: float, largest: float) -> None:
        """One draw: how far it lay from its expectation, its variance, the farthest it could lie."""
        self.total += deviation
        self.variance += variance
        self.largest = max(self.largest, largest)
        self.draws += 1

    def p_value(self) -> float:
        """Most that a fair draw's chance can be to drift this far, either way (Freedman 1975)."""
        return self._tail(abs(self.total))

    def _tail(self, drift: float) -> float:
        if not self.draws or self.variance <= 0:
            return 1.0
        return min(1.0, 2 * exp(-(drift**2) / (2 * (self.variance + self.largest * drift / 3))))


def rank_draw(rank: int, candidates: int) -> tuple[float, float, float]:
    """One of n drawn: deviation of its rank (0 to n - 1) scaled to 0..1, variance, largest step."""
    scale = candidates - 1
    return rank / scale - 0.5, (candidates + 1) / (12 * scale), 0.5


def subset_draw(
    ranks: list[int], candidates: int, excluded: list[int] | None
) -> tuple[float, float, float]:
    """Some of n drawn together: their rank sum's deviation, variance, largest step.

    `excluded` are the ranks of the one subset that can't have come up (an unchanged set isn't
    logged), or None.
    """
    size, n = len(ranks), candidates
    mean = size * (n - 1) / 2
    variance = size * (n - size) * (n + 1) / 12
    ways = comb(n, size)
    if excluded is not None and ways > 1:
        past = sum(excluded)
        second = (ways * (variance + mean**2) - past**2) / (ways - 1)
        mean = (ways * mean - past) / (ways - 1)
        variance = max(0.0, second - mean**2)
    widest = size * (n - size) / 2 or 1.0
    slack = abs(mean - size * (n - 1) / 2)
    return (sum(ranks) - mean) / widest, variance / widest**2, 1.0 + slack / widest


@dataclass(slots=True)
class Stays:
    """How often a draw came out as the one before, where each had its own chance to."""

    chances: list[float] = field(default_factory=list)
    stays: int = 0

    def p_value(self) -> float:
        """Chance of at least as many stays: exact convolution, or Chernoff's bound on it where
        that would take long.
        """
        expected = sum(self.chances)
        if self.stays <= expected:
            return 1.0
        if self.stays * len(self.chances) > EXACT:
            return exp(self.stays - expected - self.stays * log(self.stays / expected))
        at = [1.0] + [0.0] * self.stays
        for chance in self.chances:
            at[-1] += at[-2] * chance
            for stays in range(self.stays - 1, 0, -1):
                at[stays] += (at[stays - 1] - at[stays]) * chance
            at[0] *= 1 - chance
        return min(1.0, at[-1])


def spread_p_value(values: list[float], grain: float) -> float:
    """Most that the chance can be that uniform values of 0..1 spread this unevenly (Massart 1990).

    `grain` is by how much the values are coarser than a continuum.
    """
    count = len(values)
    if not count:
        return 1.0
    worst = 0.0
    for place, value in enumerate(sorted(values)):
        worst = max(worst, (place + 1) / count - value, value - place / count)
    excess = max(0.0, worst - grain)
    return min(1.0, 2 * exp(-2 * count * excess**2))

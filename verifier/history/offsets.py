"""Clock offsets between logs, from matched sends and receives (the difference constraints of G03).

A message can't arrive before it was sent: offset(receiver) - offset(sender) is at most the least
delay seen between the two clocks. Shortest paths over these bounds give each pair its interval;
a negative cycle means that no offsets exist, so some clock was stepped or drifts.
"""

from __future__ import annotations

from math import inf

SLACK = 0.25
"""Seconds by which a stamp may be older than its event: a loop turn is stamped once."""
STEP = 1.0
"""Seconds by which a log's time must fall to be called stepped."""
MOST = 160
"""Logs up to which all pairs are compared over any path; with more, only direct bounds count."""


class Clocks:
    """Bounds on the offsets of all pairs of logs; seconds.

    `suspects` are logs whose clock can't be reconciled with the others', `unreliable` these and
    those whose times fall by a second or more: durations on them prove nothing.
    """

    def __init__(
        self, least: list[list[float]], resolutions: list[float], back: list[float]
    ) -> None:
        """Of the logs in order: `least[sender][receiver]` is the least delay of any message between
        the two by their own clocks (infinite without one), `resolutions` what one unit of their
        times is, `back` by how much their times fall, at most; seconds.
        """
        logs = range(len(least))
        self.least = least
        self.bound = [
            [0.0 if i == j else least[i][j] + resolutions[i] + resolutions[j] + SLACK for j in logs]
            for i in logs
        ]
        self.suspects = self._suspects()
        self.falls = {log for log in logs if back[log] > 0}
        # Up to a second is what threads that write out of order explain.
        self.unreliable = self.suspects | {log for log in logs if back[log] > STEP}
        for log in self.suspects:
            for other in logs:
                if other != log:
                    self.bound[log][other] = self.bound[other][log] = inf
        _close(self.bound)

    def _suspects(self) -> set[int]:
        """The logs to blame for pairs that can't be reconciled, the most involved first."""
        size = range(len(self.bound))
        bad = {
            (i, j) for i in size for j in size if i < j and self.bound[i][j] + self.bound[j][i] < 0
        }
        suspects: set[int] = set()
        while bad:
            counts = [sum(1 for pair in bad if i in pair) for i in size]
            worst = counts.index(max(counts))
            even = {i for i in size if counts[i] == counts[worst]} if len(bad) == 1 else {worst}
            suspects |= even
            bad = {pair for pair in bad if not suspects & set(pair)}
        return suspects

    def interval(self, one: int, other: int) -> tuple[float, float]:
        """Least and most seconds that the clock of `other` is ahead of that of `one`."""
        return -self.bound[other][one], self.bound[one][other]

    def certain(self) -> bool:
        """Whether the clocks alone prove that no cycle of causes exists.

        Times never fall within a log, so around a cycle the delays of its messages add up to at
        most nothing; if the least delays of all pairs allow no such cycle there is none.
        """
        if self.suspects or self.falls or len(self.least) > MOST:
            return False
        paths = [list(row) for row in self.least]
        _close(paths)
        return all(paths[i][i] > 0 for i in range(len(paths)))


def _close(bound: list[list[float]]) -> None:
    """Shortest paths between all pairs, in place."""
    size = range(len(bound))
    if len(bound) > MOST:
        return
    for middle in size:
        through = bound[middle]
        for row in bound:
            base = row[middle]
            if base == inf:
                continue
            for end in size:
                length = base + through[end]
                row[end] = min(row[end], length)

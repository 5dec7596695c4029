"""What is known of a running swarm: the peers' last words, their rates, when they were done."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from core.config import SwarmConfig
from harness.options import format_bytes
from peerio.status import Status

_RATE_WINDOW = 1.0
"""Seconds over which rates are averaged."""
_FORECAST_WINDOW = 10.0
"""Seconds of the past from which the time left is reckoned."""
_QUIET = 10.0
"""Seconds without a piece after which that is told."""


@dataclass(slots=True)
class PeerView:
    """One peer as the launcher sees it; times are seconds since the start, rates bytes a second."""

    peer_id: int
    has_file: bool
    pieces: int
    piece_size: int = 0
    status: Status | None = None
    up_rate: float = 0.0
    down_rate: float = 0.0
    completed_at: float | None = None
    ended_at: float | None = None
    exit_status: int | None = None
    _samples: deque[tuple[float, int, int]] = field(default_factory=deque)

    @property
    def held(self) -> int:
        """Pieces that it has."""
        return self.status.pieces if self.status else 0

    @property
    def state(self) -> str:
        """In a word or two how the peer stands."""
        if self.exit_status is not None:
            return "done" if self.exit_status == 0 else f"ended with {self.exit_status}"
        return self.status.state if self.status else "starting"

    @property
    def left(self) -> float | None:
        """Seconds until it is complete, if it goes on as now; None where nothing tells."""
        if self.status is None or self.status.complete or not self.down_rate or not self.piece_size:
            return None
        return (self.pieces - self.status.pieces) * self.piece_size / self.down_rate

    @property
    def flags(self) -> dict[int, str]:
        """How it stands with each neighbor; empty once the process is gone."""
        return self.status.neighbors if self.status and self.exit_status is None else {}

    def take(self, status: Status, now: float) -> None:
        """A new status at `now`."""
        self.status = status
        if status.complete and self.completed_at is None:
            self.completed_at = now
        self._samples.append((now, status.up, status.down))
        while len(self._samples) > 2 and self._samples[1][0] < now - _RATE_WINDOW:
            self._samples.popleft()
        then, up, down = self._samples[0]
        elapsed = max(now - then, 1e-3)
        self.up_rate = (status.up - up) / elapsed
        self.down_rate = (status.down - down) / elapsed

    def end(self, exit_status: int, now: float) -> None:
        """The process is gone."""
        self.exit_status = exit_status
        self.ended_at = now
        self.up_rate = self.down_rate = 0.0


class Board:
    """All peers of a swarm, in start order; `clock` tells monotonic seconds."""

    def __init__(self, config: SwarmConfig, clock: Callable[[], float] = time.monotonic) -> None:
        self.peers = {
            peer.peer_id: PeerView(
                peer.peer_id, peer.has_file, config.piece_count, config.piece_size
            )
            for peer in config.peers
        }
        self._file_size = config.file_size
        self._clock = clock
        self._start = clock()
        self._remaining: deque[tuple[float, float]] = deque([(0.0, self.remaining)])

    def elapsed(self) -> float:
        """Seconds since the start."""
        return self._clock() - self._start

    def on_status(self, status: Status) -> None:
        """A peer told how it stands."""
        now = self.elapsed()
        self.peers[status.peer].take(status, now)
        if (remaining := self.remaining) != self._remaining[-1][1]:
            self._remaining.append((now, remaining))
        while len(self._remaining) > 2 and self._remaining[1][0] < now - _FORECAST_WINDOW:
            self._remaining.popleft()

    def on_end(self, peer_id: int, exit_status: int) -> None:
        """A peer's process is gone."""
        self.peers[peer_id].end(exit_status, self.elapsed())

    @property
    def remaining(self) -> float:
        """Bytes that all peers together still have to receive."""
        missing = (1 - view.held / view.pieces for view in self.peers.values() if not view.has_file)
        return self._file_size * sum(missing)

    def summary(self) -> list[str]:
        """How far all are together: time, pieces, throughput, time left, percent; the last can go first."""
        leechers = [view for view in self.peers.values() if not view.has_file]
        held, of = sum(view.held for view in leechers), sum(view.pieces for view in leechers)
        rate = sum(view.down_rate for view in self.peers.values())
        percent = [f"{held * 100 // of} %"] if of else []
        sums = [f"{held}/{of} pieces", f"{format_bytes(rate)}/s", self.forecast()]
        return [f"{self.elapsed():.1f} s", *sums, *percent]

    def forecast(self) -> str:
        """When all will be complete, if it goes on as in the last ten seconds; or that nothing comes."""
        (then, before), (last, remaining) = self._remaining[0], self._remaining[-1]
        now = self.elapsed()
        if remaining <= 0:
            return "all are complete"
        if now - last >= _QUIET:
            return f"no piece for {format_seconds(now - last)}"
        if remaining >= before:
            return "time left not known yet"
        return f"about {format_seconds(remaining * (now - then) / (before - remaining))} left"


def format_seconds(seconds: float) -> str:
    """A time as one says it: `40 s`, `5 min`, `2.5 h`."""
    if seconds < 100:
        return f"{max(1.0, seconds):.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"

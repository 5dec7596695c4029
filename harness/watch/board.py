"""What is known of a running swarm: the peers' last words, their rates, when they were done."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from core.config import SwarmConfig
    from peerio.status import Status

_RATE_WINDOW = 1.0
"""Seconds over which rates are averaged."""


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
        self._clock = clock
        self._start = clock()

    def elapsed(self) -> float:
        """Seconds since the start."""
        return self._clock() - self._start

    def on_status(self, status: Status) -> None:
        """A peer told how it stands."""
        self.peers[status.peer].take(status, self.elapsed())

    def on_end(self, peer_id: int, exit_status: int) -> None:
        """A peer's process is gone."""
        self.peers[peer_id].end(exit_status, self.elapsed())

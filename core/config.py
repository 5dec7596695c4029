"""A swarm's configuration as plain values (spec 1); reading it from files is `peerio.config`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True, slots=True)
class PeerInfo:
    """One line of `PeerInfo.cfg` (spec 1.3)."""

    peer_id: int
    host: str
    port: int
    has_file: bool


@dataclass(frozen=True)
class SwarmConfig:
    """`Common.cfg` and `PeerInfo.cfg` together (spec 1.2, 1.3).

    Intervals are seconds, sizes are bytes; `peers` is in start order.
    """

    preferred_neighbors: int
    unchoking_interval: float
    optimistic_interval: float
    file_name: str
    file_size: int
    piece_size: int
    peers: tuple[PeerInfo, ...]

    @cached_property
    def piece_count(self) -> int:
        """Number of pieces (spec 1.4)."""
        return -(-self.file_size // self.piece_size)

    def piece_length(self, index: int) -> int:
        """Size of one piece in bytes; only the last may be shorter (spec 1.4)."""
        size = self.piece_size
        start = index * size
        return size if start + size <= self.file_size else self.file_size - start

    def peer(self, peer_id: int) -> PeerInfo:
        """Return the line of one peer; KeyError when it isn't listed."""
        for peer in self.peers:
            if peer.peer_id == peer_id:
                return peer
        raise KeyError(peer_id)

    def predecessors(self, peer_id: int) -> tuple[PeerInfo, ...]:
        """Return the peers listed before `peer_id`, which it dials (spec 2.1)."""
        ids = [peer.peer_id for peer in self.peers]
        return self.peers[: ids.index(peer_id)]

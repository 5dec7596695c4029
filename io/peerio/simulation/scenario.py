"""What a simulated swarm looks like, and what befalls it."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Any

from core.config import PeerInfo, SwarmConfig


@dataclass(frozen=True)
class Faults:
    """What goes wrong with connections: how often each befalls some connection or peer, at random.

    Those that nobody is told of take up to 30 s to be noticed (spec 2.9). Meanwhile a peer may end
    whose last words get lost, and no protocol can mend that; so somebody joins only after these.
    """

    resets: int = 0
    """Both ends are told that their connection is gone; what was under way is lost."""
    cuts: int = 0
    """Nothing gets through any more, in either direction, and nobody is told."""
    half_open: int = 0
    """One end is told that the connection is gone, the other isn't."""
    vanishings: int = 0
    """A leecher's host is gone without a word; it is started again with nothing."""
    deaf_spells: int = 0
    """A peer takes nothing for up to 40 s, neither bytes nor connections."""
    holdups: int = 0
    """Nothing arrives over a connection for up to 4 s, and then everything."""
    shortages: int = 0
    """A peer's host has no descriptor for another socket, for up to 3 s (EMFILE)."""
    short_writes: bool = False
    """A send may take any part of what there is room for, down to one byte."""
    short_reads: bool = False
    """A read may give any part of what is there, down to one byte."""
    divided: bool = False
    """What was sent at once may arrive in parts."""
    backlog: int | None = None
    """So many connections wait to be accepted; further ones must knock again."""

    @property
    def silent(self) -> bool:
        """Whether some are noticed late."""
        return bool(self.cuts or self.half_open or self.vanishings or self.deaf_spells)

    @property
    def slow(self) -> bool:
        """Whether some let messages come seconds late."""
        return bool(self.deaf_spells or self.holdups)

    @property
    def of_sockets(self) -> bool:
        """Whether there are some that only sockets can have."""
        return self.silent or bool(
            self.holdups
            or self.shortages
            or self.short_writes
            or self.short_reads
            or self.divided
            or self.backlog is not None
        )


@dataclass(frozen=True)
class Scenario:
    """A swarm. Times and delays are seconds, sizes are bytes."""

    peers: int = 6
    seeds: int = 1
    pieces: int = 100
    k: int = 2
    p: float = 1.0
    m: float = 2.0
    piece_size: int = 1000
    delay: float = 0.005
    jitter: float = 0.0
    upload: float | None = None
    """Bytes of content a second that the network takes from each peer."""
    rate: float | None = None
    """The same as each peer's own limit."""
    window: int = 64 * 1024
    """What one end of a connection may send before the other reads it."""
    ipv6: bool = False
    skew: float = 0.0
    """By how much the peers' clocks may be off."""
    late: int = 0
    """So many leechers join late."""
    crashes: int = 0
    """So many times a leecher is killed, and started again with nothing."""
    hashes: bool = False
    """Every piece is checked (spec 9.3)."""
    corrupters: int = 0
    """So many peers, behind the first, send wrong content; only with hashes."""
    wrong_each: int = 1
    """They send each of so many pieces wrong."""
    resumes: int = 0
    """So many times a leecher is killed, complete or not, and started again with what it has, of which
    parts may be torn; only with hashes."""
    faults: Faults = Faults()
    forgetful: int = 0
    """So many peers, the first ones, are `Forgetful`; they write no traces."""
    trace: bool = True
    wait: float | None = None

    @property
    def horizon(self) -> float:
        """Until when something goes wrong."""
        return 6 * self.p

    def config(self) -> SwarmConfig:
        """Its configuration."""
        size = self.pieces * self.piece_size - self.piece_size // 3
        return SwarmConfig(
            preferred_neighbors=self.k,
            unchoking_interval=self.p,
            optimistic_interval=self.m,
            file_name="simulated.dat",
            file_size=max(1, size),
            piece_size=self.piece_size,
            peers=tuple(
                PeerInfo(1001 + i, "localhost", 6001 + i, i < self.seeds) for i in range(self.peers)
            ),
        )


def random_scenario(seed: int, *, faults: bool = True) -> Scenario:
    """A scenario of any shape, for searches: two in three have something that goes wrong."""
    rng = Random(f"scenario {seed}")
    peers = rng.randint(2, 12)
    trouble = faults and rng.random() < 0.67
    return Scenario(
        peers=peers,
        seeds=rng.randint(1, min(3, peers)),
        pieces=rng.choice([1, 2, 3, 8, 9, rng.randint(10, 120), rng.randint(100, 300)]),
        k=rng.randint(1, 4),
        p=rng.choice([0.3, 1.0, 2.0]),
        m=rng.choice([0.5, 2.0, 3.0]),
        delay=rng.choice([0.0001, 0.005, 0.05, 0.3]),
        jitter=rng.choice([0.0, 0.01, 0.1]),
        upload=rng.choice([None, 20_000.0, 100_000.0]),
        skew=rng.choice([0.0, 0.0, 30.0, 600.0]),
        late=rng.randint(0, 2) if trouble else 0,
        crashes=rng.choice([0, 0, 1, 2]) if trouble else 0,
        rate=rng.choice([None, None, 50_000.0]),
        window=rng.choice([64 * 1024, 3000, 700]),
        ipv6=rng.random() < 0.25,
        faults=_random_faults(rng) if trouble else Faults(),
        forgetful=rng.choice([0, 0, 0, 1, 2]) if trouble else 0,
        **_random_hashes(Random(f"hashes {seed}"), peers) if trouble else {},
    )


def _random_hashes(rng: Random, peers: int) -> dict[str, Any]:
    """In two of five of the swarms that have trouble, pieces are checked."""
    if rng.random() < 0.6:
        return {}
    return {
        "hashes": True,
        "corrupters": rng.choice([0, 0, 1, 2]) if peers > 2 else 0,
        "wrong_each": rng.choice([1, 2, 10]),
        "resumes": rng.choice([0, 1, 1, 3]),
    }


def _random_faults(rng: Random) -> Faults:
    silent = rng.random() < 0.5
    return Faults(
        resets=rng.choice([0, 0, 1, 3]),
        cuts=rng.choice([0, 1, 3]) if silent else 0,
        half_open=rng.choice([0, 1, 3]) if silent else 0,
        vanishings=rng.choice([0, 0, 1]) if silent else 0,
        deaf_spells=rng.choice([0, 0, 1, 2]) if silent else 0,
        holdups=rng.choice([0, 0, 2]),
        shortages=rng.choice([0, 0, 1, 3]),
        short_writes=rng.random() < 0.4,
        short_reads=rng.random() < 0.4,
        divided=rng.random() < 0.3,
        backlog=rng.choice([None, None, 0, 1]),
    )

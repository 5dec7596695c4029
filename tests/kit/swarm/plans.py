"""What befalls a swarm of real peers, and when: drawn from a seed, the same for the same seed."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from tests.kit.swarm.swarms import Member, ours

WAIT = 6.0
"""Seconds that peers wait for somebody who is missing (spec 7.3); longer than any restart takes."""
KINDS = {
    "killed": 2,
    "killed, started again": 4,
    "interrupted": 1,
    "interrupted, started again": 2,
    "terminated": 1,
    "terminated, started again": 2,
    "stopped": 6,
    "started twice": 1,
    "started late": 1,
}
"""What befalls peers, and how often one is drawn."""
HARMLESS = {"stopped", "started twice", "started late"}
"""After these alone everybody completes, and the verifier has nothing to warn of."""


@dataclass(frozen=True, order=True)
class Fault:
    """What befalls a peer, and when, in seconds from the start; some last a while."""

    at: float
    kind: str
    victim: int
    lasts: float


@dataclass(frozen=True)
class Plan:
    """A swarm and what befalls it: the same for the same seed."""

    seed: int
    members: tuple[Member, ...]
    shape: dict[str, float]
    faults: tuple[Fault, ...]

    @property
    def kinds(self) -> set[str]:
        """The kinds of its faults."""
        return {fault.kind for fault in self.faults}

    def __str__(self) -> str:
        faults = ", ".join(
            f"{f.victim} {f.kind} at {f.at:.2f} ({f.lasts:.2f})" for f in self.faults
        )
        seeds = sum(member.has_file for member in self.members)
        return f"seed {self.seed}: {len(self.members)} peers, {seeds} seeds; {faults}"


def plan(seed: int) -> Plan:
    """Draw a swarm that lasts a few seconds, and one to four faults; a third draws harmless ones only."""
    rng = Random(seed)
    peers, seeds = rng.randint(4, 5), rng.choice([1, 1, 2])
    trace = ["--trace"] if rng.random() < 0.5 else []
    members = []
    for i in range(peers):
        rate = rng.choice([100_000, 200_000])
        options = [*trace, f"--wait={WAIT:g}", f"--rate={rate}"]
        members.append(ours(1001 + i, *options, seed=i < seeds))
    shape = {
        "pieces": rng.randint(20, 40) - 0.3,
        "piece_size": rng.choice([4096, 16_384]),
        "k": rng.randint(1, 3),
        "p": rng.choice([0.3, 0.6]),
        "m": rng.choice([0.4, 1.0]),
    }
    drawn = dict(KINDS)
    if seed % 3 == 0:
        drawn = {kind: weight for kind, weight in KINDS.items() if kind in HARMLESS}
    faults = []
    for _ in range(rng.randint(1, 4)):
        kind = rng.choices(list(drawn), list(drawn.values()))[0]
        victim = rng.choice(members).peer_id
        lasts = rng.uniform(0.5, 8) if kind == "stopped" else rng.uniform(0, 1.5)
        at = 0.0 if kind == "started late" else rng.uniform(0, 4)
        faults.append(Fault(at, kind, victim, lasts))
    return Plan(seed, tuple(members), shape, tuple(sorted(faults)))

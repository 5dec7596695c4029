"""A swarm in virtual time: peers that join late, connections that break, peers that crash and return.

Everything follows from one random seed. Logs and traces are those of the real program, in memory or in
a folder that the verifier reads.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from random import Random

from core.peer import Peer
from peerio.config import format_common, format_peers
from peerio.hashes import FILE_NAME, format_hashes
from peerio.simulation.faults import Disturbance, FaultyWire, Troubles, first_safe
from peerio.simulation.files import Left
from peerio.simulation.forgetful import Forgetful
from peerio.simulation.life import Life
from peerio.simulation.scenario import Scenario
from peerio.simulation.world import World

PATIENCE = 100_000.0
"""Virtual seconds within which every swarm must have ended."""


@dataclass
class Outcome:
    """How a swarm went."""

    scenario: Scenario
    ended: bool
    """Whether every peer ended within the time."""
    statuses: Mapping[int, int | None]
    wrong_copies: list[int]
    """Peers that ended with status 0, and whose file isn't the seed's."""
    seconds: float
    """Virtual time until the last peer ended."""
    steps: int
    lives: dict[int, list[Life]] = field(repr=False)
    hashes: str = field(repr=False, default="")
    """The text of `pieces.sha256`."""
    disturbances: list[Disturbance] = field(repr=False, default_factory=list)
    """What befell whom, of what logs don't tell."""
    skews: Mapping[int, float] = field(repr=False, default_factory=dict)
    """By how much each peer's clock is ahead, in seconds."""

    @property
    def ok(self) -> bool:
        """Whether all peers ended with status 0."""
        return self.ended and all(status == 0 for status in self.statuses.values())

    def write(self, folder: Path) -> None:
        """Write configuration, logs and traces as real peers would have left them."""
        config = self.scenario.config()
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "Common.cfg").write_text(format_common(config), encoding="utf-8", newline="\n")
        (folder / "PeerInfo.cfg").write_text(format_peers(config), encoding="utf-8", newline="\n")
        if self.scenario.hashes:
            (folder / FILE_NAME).write_text(self.hashes, encoding="utf-8", newline="\n")
        for peer_id, lives in self.lives.items():
            for number, life in enumerate(lives, start=1):
                tail = f".{number}" if number < len(lives) else ""
                log = folder / f"log_peer_{peer_id}.log{tail}"
                log.write_text(life.log.text(), encoding="utf-8", newline="\n")
                if life.trace is not None:
                    trace = folder / f"trace_peer_{peer_id}.jsonl{tail}"
                    trace.write_text(life.trace.text(), encoding="utf-8", newline="\n")


class Swarm:
    """Runs one scenario. `core` makes each peer's core, so that tests can run broken ones."""

    def __init__(self, scenario: Scenario, seed: int, core: type[Peer] = Peer) -> None:
        self.scenario = scenario
        self.config = scenario.config()
        self._seed = seed
        self._core = core
        self._wrong = {peer.peer_id for peer in self.config.peers[1 : 1 + scenario.corrupters]}
        self._forgetful = {peer.peer_id for peer in self.config.peers[: scenario.forgetful]}
        self._rng = rng = Random(f"faults {seed}")
        self.world = World(Random(f"world {seed}"))
        self.wire = FaultyWire(self.world, scenario)
        self.content = Random(f"content {seed}").randbytes(self.config.file_size)
        self.lives: dict[int, list[Life]] = {peer.peer_id: [] for peer in self.config.peers}
        self._skews = {
            peer.peer_id: rng.uniform(-scenario.skew, scenario.skew) for peer in self.config.peers
        }

    def run(self) -> Outcome:
        """Run until every peer has ended, or for `PATIENCE` virtual seconds."""
        self._schedule_starts()
        troubles = (self.running, self.start, self.resume)
        befall = Troubles(self.wire, self.scenario, self._rng, *troubles)
        befall.schedule()
        ended = self.world.run(until=PATIENCE)
        last = {peer_id: lives[-1] if lives else None for peer_id, lives in self.lives.items()}
        statuses = {
            peer_id: life.runtime.status if life else None for peer_id, life in last.items()
        }
        return Outcome(
            self.scenario,
            ended,
            statuses,
            [
                peer_id
                for peer_id, life in last.items()
                if life and statuses[peer_id] == 0 and life.file.data != self.content
            ],
            self.world.now,
            self.world.steps,
            self.lives,
            self._hashes(),
            befall.disturbances,
            self._skews,
        )

    def _hashes(self) -> str:
        """What `pieces.sha256` would say."""
        config, pieces = self.config, range(self.config.piece_count)
        digests = [hashlib.sha256(self._piece(self.content, piece)).digest() for piece in pieces]
        return format_hashes(config.file_name, config.file_size, config.piece_size, digests)

    def _piece(self, content: bytes | bytearray, piece: int) -> bytes:
        size = self.config.piece_size
        return bytes(content[piece * size : (piece + 1) * size])

    def _ended(self) -> None:
        """A peer has ended in order; was it the last?"""
        self.world.stopped = all(
            lives and lives[-1].over and lives[-1].runtime.status is not None
            for lives in self.lives.values()
        )

    def _schedule_starts(self) -> None:
        scenario = self.scenario
        leechers = [peer.peer_id for peer in self.config.peers if not peer.has_file]
        late = set(self._rng.sample(leechers, min(scenario.late, len(leechers))))
        last = self._rng.choice(leechers) if leechers else None
        for number, peer in enumerate(self.config.peers):
            at = 0.05 * number
            if peer.peer_id in late:
                at += self._rng.uniform(0.5, 4) * scenario.p
            if peer.peer_id == last:
                at = max(at, first_safe(scenario.faults, scenario))
            self.world.at(at, partial(self.start, peer.peer_id))

    def resume(self, peer_id: int) -> None:
        """Start a killed peer's process again, with what it had, of which parts may be torn."""
        data, rng = bytearray(self.lives[peer_id][-1].file.data), self._rng
        for _ in range(rng.choice([0, 0, 1, 5])):
            start = rng.randrange(len(data))
            end = min(start + rng.randint(1, 2 * self.config.piece_size), len(data))
            data[start:end] = bytes(end - start)
        has = bytes(
            self._piece(data, piece) == self._piece(self.content, piece)
            for piece in range(self.config.piece_count)
        )
        self.start(peer_id, Left(data, has))

    def start(self, peer_id: int, left: Left | None = None) -> None:
        """Start a peer's process."""
        lives = self.lives[peer_id]
        forgetful = peer_id in self._forgetful
        life = Life(
            self.wire,
            self.scenario,
            self.config,
            peer_id,
            Random(f"peer {self._seed} {peer_id} {len(lives)}"),
            content=self.content,
            core=Forgetful if forgetful else self._core,
            tracing=self.scenario.trace and not forgetful,
            skew=self._skews[peer_id],
            random_seed=self._seed,
            on_end=self._ended,
            wrong=peer_id in self._wrong,
            left=left,
        )
        lives.append(life)
        life.start()

    def running(self) -> list[Life]:
        """Peers that run, and don't wind down."""
        lives = [lives[-1] for lives in self.lives.values() if lives]
        return [life for life in lives if not life.over and life.runtime.status is None]

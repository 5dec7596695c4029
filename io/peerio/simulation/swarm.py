"""A swarm in virtual time: peers that join late, connections that break, peers that crash and return.

Everything follows from one random seed. Logs and traces are those of the real program, in memory or in
a folder that the verifier reads.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

from core.config import PeerInfo, SwarmConfig
from core.effects import Effect, Send
from core.events import Event, MessageReceived
from core.messages import UNCHOKE, Request
from core.peer import Peer
from peerio.config import format_common, format_peers
from peerio.eventlog import Stamp
from peerio.runtime import Logs, Runtime
from peerio.simulation.network import SimulatedNetwork
from peerio.simulation.wire import Conditions
from peerio.simulation.world import World

EPOCH = 1_767_225_600.0
"""The wall clock's time, in seconds, when a simulation begins."""
PATIENCE = 100_000.0
"""Virtual seconds within which every swarm must have ended."""


@dataclass(frozen=True)
class Scenario:
    """What a swarm looks like and what befalls it. Times and delays are seconds, sizes are bytes."""

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
    skew: float = 0.0
    """By how much the peers' clocks may be off."""
    late: int = 0
    """So many leechers join late."""
    cuts: int = 0
    """So many times a connection dies without a word."""
    crashes: int = 0
    """So many times a leecher is killed, and started again with nothing."""
    forgetful: int = 0
    """So many peers, the first ones, are `Forgetful`; they write no traces."""
    trace: bool = True
    wait: float | None = None

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


class Lines:
    """A log in memory."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.append: Callable[[str], None] = self.lines.append

    def flush(self) -> None:
        """Nothing waits."""

    def close(self) -> None:
        """Nothing is open."""

    def text(self) -> str:
        """All of it."""
        return "".join(f"{line}\n" for line in self.lines)


class _Sink:
    def __init__(self, piece: int) -> None:
        self._digest = hashlib.blake2b(str(piece).encode(), digest_size=8).hexdigest()

    def write(self, data: memoryview, /) -> None:
        """Contents aren't simulated."""

    def hexdigest(self) -> str | None:
        return self._digest


class _Store:
    def sink(self, index: int, /, *, digest: bool = False) -> _Sink:  # noqa: ARG002 -- the contract's
        return _Sink(index)

    def complete(self) -> None:
        """Contents aren't simulated."""


class Forgetful(Peer):
    """A peer as some programs are: half of the first requests after an unchoke are lost on it (spec 6.6)."""

    def __init__(self, config: SwarmConfig, peer_id: int, rng: Random, **options: Any) -> None:
        super().__init__(config, peer_id, rng, **options)
        self._fresh: set[int] = set()
        self._chance = Random(f"forgetful {peer_id}")

    def handle(self, event: Event, now: float) -> list[Effect]:
        """Take in a fact, unless it is such a request."""
        match event:
            case MessageReceived(neighbor, Request()) if neighbor in self._fresh:
                self._fresh.discard(neighbor)
                if self._chance.random() < 0.5:
                    return []
        orders = super().handle(event, now)
        for order in orders:
            if isinstance(order, Send) and order.message == UNCHOKE:
                self._fresh.add(order.neighbor)
        return orders


@dataclass
class Life:
    """One run of a peer's process."""

    runtime: Runtime
    network: SimulatedNetwork
    log: Lines
    trace: Lines | None


@dataclass
class Outcome:
    """How a swarm went."""

    scenario: Scenario
    ended: bool
    """Whether every peer ended within the time."""
    statuses: dict[int, int | None]
    seconds: float
    """Virtual time until the last peer ended."""
    steps: int
    lives: dict[int, list[Life]] = field(repr=False)

    @property
    def ok(self) -> bool:
        """Whether all peers ended with status 0."""
        return self.ended and all(status == 0 for status in self.statuses.values())

    def write(self, folder: Path) -> None:
        """Write configuration, logs and traces as real peers would have left them."""
        config = self.scenario.config()
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "Common.cfg").write_text(format_common(config), encoding="utf-8")
        (folder / "PeerInfo.cfg").write_text(format_peers(config), encoding="utf-8")
        for peer_id, lives in self.lives.items():
            for number, life in enumerate(lives, start=1):
                tail = f".{number}" if number < len(lives) else ""
                log = folder / f"log_peer_{peer_id}.log{tail}"
                log.write_text(life.log.text(), encoding="utf-8")
                if life.trace is not None:
                    trace = folder / f"trace_peer_{peer_id}.jsonl{tail}"
                    trace.write_text(life.trace.text(), encoding="utf-8")


class Swarm:
    """Runs one scenario. `core` makes each peer's core, so that tests can run broken ones."""

    def __init__(self, scenario: Scenario, seed: int, core: type[Peer] = Peer) -> None:
        self.scenario = scenario
        self.config = scenario.config()
        self._seed = seed
        self._core = core
        self._rng = Random(f"faults {seed}")
        self.world = World(Random(f"world {seed}"))
        self._directory: dict[int, SimulatedNetwork] = {}
        self.lives: dict[int, list[Life]] = {peer.peer_id: [] for peer in self.config.peers}
        self._skews = {
            peer.peer_id: self._rng.uniform(-scenario.skew, scenario.skew)
            for peer in self.config.peers
        }

    def run(self) -> Outcome:
        """Run until every peer has ended, or for `PATIENCE` virtual seconds."""
        self._schedule_starts()
        self._schedule_faults()
        ended = self.world.run(until=PATIENCE)
        return Outcome(
            self.scenario,
            ended,
            {
                peer_id: lives[-1].runtime.status if lives else None
                for peer_id, lives in self.lives.items()
            },
            self.world.now,
            self.world.steps,
            self.lives,
        )

    def _on_end(self, runtime: Runtime) -> None:
        """A peer has ended in order; was it the last?"""
        runtime.close()
        self.world.stopped = self._all_ended()

    def _all_ended(self) -> bool:
        return all(
            lives and lives[-1].network.ended and not self._returns(lives[-1])
            for lives in self.lives.values()
        )

    def _returns(self, life: Life) -> bool:
        """Whether it was killed, to be started again."""
        return life.runtime.status is None

    def _schedule_starts(self) -> None:
        leechers = [peer.peer_id for peer in self.config.peers if not peer.has_file]
        late = set(self._rng.sample(leechers, min(self.scenario.late, len(leechers))))
        for number, peer in enumerate(self.config.peers):
            at = 0.05 * number
            if peer.peer_id in late:
                at += self._rng.uniform(0.5, 4) * self.scenario.p
            self.world.at(at, partial(self.start, peer.peer_id))

    def _schedule_faults(self) -> None:
        horizon = 6 * self.scenario.p
        for _ in range(self.scenario.cuts):
            self.world.at(self._rng.uniform(0.2, horizon), self._cut)
        for _ in range(self.scenario.crashes):
            self.world.at(self._rng.uniform(0.2, horizon), self._crash)

    def start(self, peer_id: int) -> None:
        """Start a peer's process."""
        scenario = self.scenario
        network = SimulatedNetwork(
            self.world,
            self.config,
            peer_id,
            self._directory,
            Conditions(scenario.delay, scenario.jitter, scenario.upload),
        )
        lives = self.lives[peer_id]
        rng = Random(f"peer {self._seed} {peer_id} {len(lives)}")
        forgetful = self.config.peers.index(self.config.peer(peer_id)) < scenario.forgetful
        kind, tracing = (Forgetful, False) if forgetful else (self._core, scenario.trace)
        core = kind(self.config, peer_id, rng, wait=scenario.wait, tracing=tracing)
        log, trace = Lines(), Lines() if tracing else None
        skew = self._skews[peer_id]
        stamp = Stamp(lambda: EPOCH + self.world.now + skew)
        logs = Logs(peer_id, log, trace, lambda: self.world.now, stamp)
        runtime = Runtime(self.config, core, _Store(), logs, _ignore)
        runtime.network, network.callbacks, network.tap = network, runtime, logs.trace
        network.on_end = partial(self._on_end, runtime)
        if logs.trace is not None:
            logs.trace.start(self.config, peer_id=peer_id, random_seed=self._seed, run="simulated")
        lives.append(Life(runtime, network, log, trace))
        network.start_server()

    def _running(self) -> list[Life]:
        return [lives[-1] for lives in self.lives.values() if lives and not lives[-1].network.ended]

    def _cut(self) -> None:
        """One connection dies without a word.

        Not one that winds down: whoever has half-closed makes no new connection (spec 7.2), so what is
        lost then stays lost, and the other end waits for status 3.
        """
        running = {life.network.peer_id: life.network for life in self._running()}
        pairs = [
            (network, neighbor)
            for network in running.values()
            for neighbor in network.neighbors
            if not network.draining and neighbor in running and not running[neighbor].draining
        ]
        if pairs:
            network, neighbor = self._rng.choice(pairs)
            network.lose(neighbor)

    def _crash(self) -> None:
        """One leecher that isn't complete is killed, and comes back with nothing."""
        victims = [
            life.network
            for life in self._running()
            if not life.runtime.core.state.own.complete and not life.network.draining
        ]
        if victims:
            network = self._rng.choice(victims)
            network.crash()
            self.world.after(
                self._rng.uniform(0.1, 3) * self.scenario.p, partial(self.start, network.peer_id)
            )


def _ignore(_text: str) -> None:
    """Warnings are for people; a simulation has no stderr of its own."""


def random_scenario(seed: int, *, faults: bool = True) -> Scenario:
    """A scenario of any shape, for searches: two in three have something that goes wrong."""
    rng = Random(f"scenario {seed}")
    peers = rng.randint(2, 12)
    trouble = faults and rng.random() < 0.67
    return Scenario(
        peers=peers,
        seeds=rng.randint(1, min(3, peers)),
        pieces=rng.choice([1, 2, 3, 8, 9, rng.randint(10, 120), rng.randint(100, 500)]),
        k=rng.randint(1, 4),
        p=rng.choice([0.3, 1.0, 2.0]),
        m=rng.choice([0.5, 2.0, 3.0]),
        delay=rng.choice([0.0001, 0.005, 0.05, 0.3]),
        jitter=rng.choice([0.0, 0.01, 0.1]),
        upload=rng.choice([None, 20_000.0, 100_000.0]),
        skew=rng.choice([0.0, 0.0, 30.0, 600.0]),
        late=rng.randint(0, 2) if trouble else 0,
        cuts=rng.choice([0, 0, 1, 3]) if trouble else 0,
        crashes=rng.choice([0, 0, 1, 2]) if trouble else 0,
        forgetful=rng.choice([0, 0, 0, 1, 2]) if trouble else 0,
    )

"""How histories are made: swarms of the tests' own simulator, of the product's, of mutants, of processes."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

from core.config import SwarmConfig
from core.peer import Peer as Core
from peerio.simulation.scenario import Scenario
from peerio.simulation.swarm import Outcome
from peerio.simulation.swarm import Swarm as ProductSwarm
from tests.kit.histories.wrong import WrongSwarm
from tests.kit.swarm import swarms
from tests.kit.verifier.judging import Run
from tests.kit.verifier.simulator import Peer, Shape
from tests.verifier.matrix import running
from tests.verifier.matrix.mutants import MUTANTS, BrokenSwarm

SIMULATED = "Simulated by tests/kit/verifier/simulator.py, which shares no code with the program"
SMALL: dict[str, Any] = {"leechers": 3, "pieces": 5, "rate": 6000, "p": 0.5, "m": 1.0}
"""A swarm whose logs are short."""
PRODUCT = Scenario(peers=3, pieces=6, k=1, p=0.5, m=1.0, upload=6_000.0, delay=0.01, wait=5.0)
"""The same of the program itself, whose traces are long."""
LOGS = replace(PRODUCT, peers=4, pieces=5, k=2, trace=False)
"""The same without traces."""


def simulated(
    seed: int, wrong: dict[int, type[Peer]] | None = None, *, limit: float = 200, **shape: Any
) -> Run:
    """A swarm of the tests' simulator, in which those named are wrong."""
    swarm = WrongSwarm(wrong or {}, Shape(**(SMALL | shape)), seed).run(limit)
    with tempfile.TemporaryDirectory() as name:
        return read(swarm.write(Path(name)))


@contextmanager
def in_utc() -> Iterator[None]:
    """The program writes the time of the machine's zone: make it the same everywhere."""
    with patch.dict(os.environ, {"TZ": "UTC"}):
        time.tzset()
        yield
    time.tzset()


@in_utc()
def product(scenario: Scenario, seed: int) -> Run:
    """A swarm of the program in virtual time."""
    return written(ProductSwarm(scenario, seed).run())


@in_utc()
def mutant(name: str, scenario: Scenario, seed: int) -> Run:
    """A swarm of a mutant of the kill matrix, in a smaller scenario than its own."""
    assert running.MODULES
    broken = MUTANTS[name]
    _, outcome = running.run(BrokenSwarm(broken, scenario, seed), broken)
    assert outcome is not None
    return written(outcome)


@in_utc()
def core(wrong: Callable[[Core], None], who: int, scenario: Scenario, seed: int) -> Run:
    """A swarm of which one peer's core is wrong, or everybody's where none is named."""

    class Wrong(Core):
        def __init__(self, config: SwarmConfig, peer_id: int, *others: Any, **more: Any) -> None:
            super().__init__(config, peer_id, *others, **more)
            if peer_id == who or not who:
                wrong(self)

    return written(ProductSwarm(scenario, seed, Wrong).run())


def written(outcome: Outcome) -> Run:
    """What a simulated swarm has written."""
    with tempfile.TemporaryDirectory() as name:
        outcome.write(Path(name))
        return read(Path(name))


def recorded(*members: swarms.Member, pieces: float = 7.6, **settings: Any) -> Run:
    """A swarm of real processes, once all have ended well."""
    with tempfile.TemporaryDirectory() as name:
        swarm = swarms.Swarm(Path(name), *members, pieces=pieces, **settings)
        with swarm:
            swarm.start()
            swarm.complete()
            return read(Path(name))


def read(folder: Path) -> Run:
    """Configuration, logs and traces in a folder; never the file that was shared."""
    paths = [*folder.glob("*.cfg"), *folder.glob("log_peer_*"), *folder.glob("trace_peer_*")]
    return Run({path.name: path.read_text().splitlines(keepends=True) for path in sorted(paths)})

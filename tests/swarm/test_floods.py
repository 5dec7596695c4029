"""Acceptance, load: who floods delays an honest transfer by little, and nobody's end (spec 3.7, 7.2)."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest

from tests.kit.swarm.floods import FLOODER, FLOODS, SEED, flooding, measure
from tests.kit.swarm.swarms import Swarm, ours, played
from tests.reference.hostile import wait_until_listening

pytestmark = [pytest.mark.swarm, pytest.mark.thorough]


@pytest.mark.parametrize("kind", FLOODS)
def test_an_honest_transfer_beside_a_flood(kind: str) -> None:
    """An honest transfer takes at most twice as long beside a flood as beside the same load that isn't connected (spec 3.7)."""
    assert measure(kind, runs=3).ratio <= 2


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("kind", ["changing interest", "bitfields", "connections"])
def test_a_signal_ends_a_flooded_peer(tmp_path: Path, number: signal.Signals, kind: str) -> None:
    """A signal ends a peer within 2 s, whatever its neighbors send (spec 7.2)."""
    with Swarm(tmp_path, ours(SEED, seed=True), played(1002), played(FLOODER)) as swarm:
        swarm.start(SEED)
        wait_until_listening(swarm.ports[SEED])
        with flooding(kind, [swarm.ports[SEED]]):
            swarm.await_line(SEED, f"is connected from Peer {FLOODER}")
            time.sleep(1)  # the flood is there
            begin = time.monotonic()
            swarm.processes[SEED].send_signal(number)
            assert swarm.processes[SEED].wait(10) == 128 + number
            assert time.monotonic() - begin < 2

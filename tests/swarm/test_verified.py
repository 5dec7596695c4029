"""The verifier finds nothing to blame in real swarms of ours, whatever befalls them (invariants 1.7)."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from tests.kit.swarm.swarms import Swarm, ours
from verifier.api import verify
from verifier.findings import Severity
from verifier.judge import Options

pytestmark = [pytest.mark.swarm, pytest.mark.thorough]

DOWNLOADED = "has downloaded the piece"


def shaped(folder: Path, seed: int, *, limited: bool, trace: bool = True) -> tuple[Swarm, Random]:
    """A swarm of a shape that the seed decides: peers, seeds, pieces, k, upload limits."""
    rng = Random(seed)
    peers = rng.randint(3, 8)
    seeds = rng.randint(1, 2)
    options = ["--trace"] if trace else []
    limit = [f"--rate={rng.choice([200_000, 400_000])}"]
    members = [
        ours(1001 + i, *options, *(limit if limited or i % 3 == 1 else []), seed=i < seeds)
        for i in range(peers)
    ]
    pieces = rng.randint(20, 60) if limited else rng.choice([1, 7, rng.randint(20, 400)])
    k, m = rng.randint(1, 4), rng.choice([0.6, 1.0])
    swarm = Swarm(folder, *members, pieces=pieces - 0.3, piece_size=8192, k=k, p=0.4, m=m)
    return swarm, rng


def judge(folder: Path, *, trace: str = "require") -> None:
    """Strict, and not one error or warning."""
    report = verify([folder], Options(trace=trace))
    assert not report.problems
    for verdict in report.verdicts:
        for result in verdict.results:
            assert not any(result.tally.counts[Severity.WARNING :]), report.text


@pytest.mark.parametrize("seed", range(16))
def test_plain(tmp_path: Path, seed: int) -> None:
    """Swarms of any shape, with and without upload limits."""
    swarm, _rng = shaped(tmp_path, seed, limited=bool(seed % 2))
    with swarm:
        swarm.start()
        swarm.complete()
        judge(tmp_path)


@pytest.mark.parametrize("seed", range(100, 108))
def test_killed_and_restarted(tmp_path: Path, seed: int) -> None:
    """A leecher that is killed and started again; its first life's logs stand beside the second's."""
    swarm, rng = shaped(tmp_path, seed, limited=True)
    victim = max(swarm.members)
    with swarm:
        swarm.start()
        swarm.await_line(victim, DOWNLOADED, rng.randint(1, 5))
        swarm.kill(victim)
        swarm.start(victim)
        swarm.complete()
        judge(tmp_path)


@pytest.mark.parametrize("seed", range(200, 208))
def test_cut_and_dialled_again(tmp_path: Path, seed: int) -> None:
    """A connection that is cut in the middle (behind a relay, so traces don't name it alike)."""
    swarm, rng = shaped(tmp_path, seed, limited=True, trace=False)
    with swarm:
        dialler = max(swarm.members)
        relay = swarm.relay(dialler, 1001)
        relay.cut_after = rng.randint(9_000, 40_000)
        swarm.start()
        swarm.complete()
        for kept in ("log_*", "peer_*"):  # it had a working directory of its own
            for path in swarm.workdirs[dialler].glob(kept):
                path.rename(tmp_path / path.name)
        judge(tmp_path, trace="ignore")


@pytest.mark.parametrize("seed", range(300, 308))
def test_late_joiner(tmp_path: Path, seed: int) -> None:
    """A leecher that joins when others have part of the file."""
    swarm, _rng = shaped(tmp_path, seed, limited=True)
    late = max(swarm.members)
    with swarm:
        early = [peer_id for peer_id in swarm.members if peer_id != late]
        swarm.start(*early)
        swarm.await_line(early[-1], DOWNLOADED, 5)
        swarm.start(late)
        swarm.complete()
        judge(tmp_path)

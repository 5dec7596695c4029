"""Many small swarms in a row: none hangs, none loses a last have, all end with 0."""

from __future__ import annotations

import json
import time
from itertools import product
from pathlib import Path

import pytest

from core.config import PeerInfo, SwarmConfig
from harness.local import ports
from harness.local.swarm import Options, run_swarm
from peerio.config import format_common, format_peers

SHAPES = {
    "1 byte": (1, 1000),
    "1 byte in a large piece": (1, 32_768),
    "1 piece": (1000, 1000),
    "a last piece of 1 byte": (3001, 1000),
    "whole pieces": (4000, 1000),
}
"""File and piece size in bytes."""
CASTS = [
    *((peers, {0}) for peers in range(2, 9)),
    *((peers, {0, peers - 1}) for peers in range(3, 7)),
    *((peers, set(range(peers))) for peers in range(1, 4)),
]
"""Number of peers, and which of them have the file: one, first and last, all; one seed alone too."""
FEW = [("1 byte", (1, {0})), ("a last piece of 1 byte", (4, {0}))]
ALL = list(product(SHAPES, CASTS))


def run(folder: Path, shape: str, peers: int, seeds: set[int]) -> float:
    """Run one swarm, which must end in order, with every copy the seed's; the seconds it took."""
    folder.mkdir()
    file_size, piece_size = SHAPES[shape]
    listened = enumerate(ports.free_ports(peers))
    infos = tuple(PeerInfo(1001 + n, "localhost", port, n in seeds) for n, port in listened)
    config = SwarmConfig(2, 0.2, 0.3, "tiny", file_size, piece_size, infos)
    (folder / "Common.cfg").write_text(format_common(config))
    (folder / "PeerInfo.cfg").write_text(format_peers(config))
    start = time.monotonic()
    assert run_swarm(Options(config=str(folder), timeout=60), folder) == 0
    result = json.loads((folder / "latest" / "result.json").read_text())
    assert {peer["reason"] for peer in result["peers"]} == {"all complete"}
    return time.monotonic() - start


@pytest.mark.swarm
@pytest.mark.parametrize(("shape", "cast"), FEW)
def test_tiny_swarm(tmp_path: Path, shape: str, cast: tuple[int, set[int]]) -> None:
    """A swarm completes however small its file is, without leechers, and with nobody else at all."""
    run(tmp_path / "run", shape, *cast)


@pytest.mark.swarm
@pytest.mark.thorough
@pytest.mark.timeout(900)
def test_seventy_swarms_in_a_row(tmp_path: Path) -> None:
    """70 tiny swarms in a row end with 0 each (acceptance C); how long they took is printed."""
    seconds = [
        run(tmp_path / str(number), shape, *cast) for number, (shape, cast) in enumerate(ALL)
    ]
    print(f"{len(seconds)} swarms in {sum(seconds):.0f} s, the slowest in {max(seconds):.1f} s")

"""Acceptance C: swarms with tiny files, where every edge of the piece arithmetic is near."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import pytest

from tests.swarm.swarms import Swarm, ours

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.swarm

FILES = {
    "one byte": (1, 1),
    "one byte in a large piece": (1, 32_768),
    "one whole piece": (4096, 4096),
    "last piece of one byte": (3 * 1000 + 1, 1000),
    "exactly whole pieces": (8 * 512, 512),
}
"""Sizes of the file and of its pieces, in bytes."""
SHAPES = [(1, 1), (2, 1), (3, 1), (4, 2), (5, 1), (8, 1), (3, 3), (6, 2), (7, 1), (8, 3)]
"""Numbers of peers and of seeds among them: one seed alone and seeds only, too."""


def cases() -> Iterator[tuple[str, int, int]]:
    """Fifty swarms: every file in every shape."""
    return ((name, peers, seeds) for (peers, seeds), name in product(SHAPES, FILES))


def run(folder: Path, name: str, peers: int, seeds: int) -> None:
    """Run one swarm and check every copy, log and exit status."""
    size, piece_size = FILES[name]
    members = [ours(1001 + i, seed=i < seeds) for i in range(peers)]
    with Swarm(folder, *members, pieces=size / piece_size, piece_size=piece_size) as swarm:
        swarm.start()
        swarm.complete()


def test_one_byte_among_three(tmp_path: Path) -> None:
    """The smallest file there is reaches everybody, and everybody's last have counts (spec 1.4, 7.2)."""
    run(tmp_path, "one byte", 3, 1)


@pytest.mark.thorough
@pytest.mark.parametrize(("name", "peers", "seeds"), list(cases()))
def test_fifty_tiny_swarms(tmp_path: Path, name: str, peers: int, seeds: int) -> None:
    """None of fifty swarms in a row hangs or loses a last have; all end with status 0 (spec 7)."""
    run(tmp_path, name, peers, seeds)

"""A log that ends in the middle of a line is named as that, and nothing is held against anybody."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.kit.verifier.judging import fired, judge
from tests.kit.verifier.simulator import Shape, Swarm


@pytest.mark.parametrize("lenient", [False, True])
@pytest.mark.parametrize("seed", range(8))
def test_a_torn_log_blames_nobody(seed: int, lenient: bool, tmp_path: Path) -> None:
    """What a peer did after its log was cut off is held neither against it nor against its neighbors."""
    swarm = Swarm(Shape(leechers=4, pieces=20, rate=6000, p=0.5, m=1), seed).run()
    log = swarm.write(tmp_path) / "log_peer_1003.log"
    lines = log.read_text().splitlines(keepends=True)
    del lines[random.Random(seed).randint(8, len(lines) - 1) :]
    log.write_text("".join(lines)[:-9])
    verdict = judge(tmp_path, lenient=lenient)
    assert fired(verdict) <= {"F02", "F09"}
    assert verdict.unknown

"""The command that times swarms with limited bandwidth."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.kit.hosts import completion


def test_the_bound() -> None:
    """The bound is that of the seed's upload, a leecher's download, or all uploads together."""
    assert completion.fluid_bound(100, 7, up=1, down=10) == 100
    assert completion.fluid_bound(100, 7, up=10, down=1) == 100
    assert completion.fluid_bound(100, 1, up=4, down=5) == 25


@pytest.mark.swarm
@pytest.mark.thorough
def test_a_small_swarm(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The command runs a swarm, writes its row and keeps its traces."""
    arguments = ["--leechers", "1", "--k", "2", "--size", "2", "--rate", "40"]
    assert completion.main([*arguments, "--keep", str(tmp_path / "kept")]) == 0
    row = capsys.readouterr().out.splitlines()[-1]
    assert row.split()[:2] == ["1", "2"]
    assert (tmp_path / "kept/leechers-1-k-2/trace_peer_1002.jsonl").exists()

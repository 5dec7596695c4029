"""The benchmark's figures of moments: a peer's start, and how soon it asks."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.bench import moments
from harness.bench.moments import Moments
from harness.errors import HarnessError

PIECES = 40


def test_a_neighbor_times_its_requests(tmp_path: Path) -> None:
    """The neighbor waits once for each piece and once for each unchoke, and the peer gets its file by that."""
    waits = moments._waits(tmp_path, [False, True], PIECES * moments._PIECE)
    assert all(wait > 0 for each in waits.values() for wait in each)
    # Between two unchokes there are eight answers; a request follows each but the very last.
    assert len(waits["unchoke"]) == -(-PIECES // 8)
    assert PIECES - 1 <= len(waits["piece"]) <= PIECES
    assert list(tmp_path.iterdir()) == []


def test_a_transfer_that_is_over_too_soon(tmp_path: Path) -> None:
    """Where nothing was waited for there is no figure, and people are told what to do."""
    with pytest.raises(HarnessError, match="or with --no-moments"):
        moments._waits(tmp_path, [False, True], moments._PIECE)


def test_each_peer_tells_its_start(tmp_path: Path) -> None:
    """A peer's last status has the processor time until it listened."""
    starts = moments._starts(tmp_path)
    assert len(starts) == 2
    assert all(start > 0 for start in starts)


def test_what_is_told() -> None:
    """People are told medians and the longest, programs the same."""
    waits = {"unchoke": [0.001, 0.003, 0.002], "piece": [0.004, 0.004]}
    seen = Moments([0.05, 0.07, 0.06], [0.01], {"loaded": waits})
    start, unchoke, piece = seen.lines()
    assert "60.00 ms of processor time (a Python that does nothing: 10.00 ms)" in start
    assert unchoke.startswith("From unchoke to request, loaded: median 2.00 ms, 95 % within ")
    assert piece.endswith("at most 4.0 ms (2 times)")
    record = seen.record()
    assert record["start_cpu"] == 0.06
    assert record["waits"]["loaded"]["unchoke"]["most"] == 0.003

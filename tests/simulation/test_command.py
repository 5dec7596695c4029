"""`invoke simulate`: which swarm failed, and how to run it again."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.search import judging
from harness.search.campaign import run_simulations
from harness.search.judging import Options, simulate

TINY = Options(swarms=2, random_seed=3, peers=2, pieces=1)


def test_good_swarms(capsys: pytest.CaptureFixture[str]) -> None:
    """Where nothing is wrong, it says how many swarms there were and ends with status 0."""
    assert run_simulations(TINY) == 0
    assert capsys.readouterr().out.startswith("2 swarms, ")


def test_a_failing_swarm_names_its_seed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each swarm with something wrong is told with its seed and scenario, and the status is 1."""
    monkeypatch.setattr(judging, "problems_of", lambda *_: ["K99 a-rule"])
    assert run_simulations(TINY) == 1
    first, command, second, _, total = capsys.readouterr().out.splitlines()
    assert first.startswith("seed 3: K99 a-rule; Scenario(peers=2,")
    assert command == (
        "  again: invoke simulate --random-seed 3 --peers 2 --pieces 1 --keep seed-3"
    )
    assert second.startswith("seed 4: K99 a-rule; ")
    assert "2 failed" in total


def test_an_error_of_ours_names_its_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a core raises passes on, with the seed in its traceback."""

    def broken(*_: object) -> list[str]:
        raise ValueError("a bug")

    monkeypatch.setattr(judging, "problems_of", broken)
    with pytest.raises(ValueError, match="a bug") as caught:
        simulate(TINY, 7)
    assert caught.value.__notes__ == ["in the simulated swarm of random seed 7"]


def test_logs_are_kept_where_asked(tmp_path: Path) -> None:
    """`--keep` leaves each swarm's logs in a folder of its own, with traces where these are asked for."""
    for seed, trace in ((5, False), (6, True)):
        simulate(Options(peers=2, pieces=1, trace=trace, keep=tmp_path), seed)
        folder = tmp_path / f"swarm-{seed}"
        assert (folder / "log_peer_1002.log").is_file()
        assert (folder / "trace_peer_1002.jsonl").is_file() == trace

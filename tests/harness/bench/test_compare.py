"""The benchmark: its baselines deliver, and its figures are what they say."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.bench import compare as bench
from harness.bench import meter
from harness.bench import report as benchreport
from harness.bench.meter import Measurement, Whole
from harness.bench.report import Row, Scenario, WholeRow
from harness.errors import HarnessError
from tests.kit import fake_peer

WHOLE = Whole(1.0, 1.0, 1024)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source"
    path.write_bytes(bytes(range(251)) * 2000)
    return path


@pytest.mark.parametrize("piece_size", [1000, 65536, 300_000, 502_000, 10_000_000])
def test_star_delivers_the_file(tmp_path: Path, source: Path, piece_size: int) -> None:
    """Each leecher of the star has the whole file, whatever its last piece, by two messages each."""
    scenario = Scenario(4, piece_size, source.stat().st_size)
    measured = meter.measure(bench._star(tmp_path, source, scenario), tmp_path, timeout=60)
    for leecher in ("1", "2", "3"):
        assert (tmp_path / leecher).read_bytes() == source.read_bytes()
    pieces = -(-scenario.file_size // piece_size)
    assert measured.messages == 2 * 2 * 3 * pieces  # request and piece, sent and received


def test_pump_delivers_the_file(tmp_path: Path, source: Path) -> None:
    """Each leecher of the pump has the whole file, without messages."""
    scenario = Scenario(3, 65536, source.stat().st_size)
    measured = meter.measure(bench._pump(tmp_path, source, scenario), tmp_path, timeout=60)
    for leecher in ("1", "3"):
        assert (tmp_path / leecher).read_bytes() == source.read_bytes()
    assert measured.messages == 0
    assert measured.cpu > 0
    assert measured.wall > 0


def test_a_failed_run_is_no_measurement(tmp_path: Path) -> None:
    """When a process fails, its words are told in place of a figure."""
    with pytest.raises(HarnessError, match="peer 1: fails") as caught:
        meter.measure({1: [*fake_peer.COMMAND, "1", "3"]}, tmp_path, timeout=60)
    assert caught.value.status == 3


def test_a_run_without_a_start_is_no_measurement(tmp_path: Path) -> None:
    """When nobody was unchoked there is no moment from which to count."""
    with pytest.raises(HarnessError, match="nobody was unchoked"):
        meter.measure({1: [*fake_peer.COMMAND, "1", "talk"]}, tmp_path, timeout=60)


def test_cpu_at_a_moment() -> None:
    """Between two looks CPU grows by proportion; after the last it stays."""
    points = [(1.0, 0.0), (3.0, 1.0), (2.0, 0.8)]
    assert meter.interpolate(points, 1.5) == pytest.approx(0.4)
    assert meter.interpolate(points, 2.5) == pytest.approx(0.9)
    assert meter.interpolate(points, 0.5) == 0.0
    assert meter.interpolate(points, 4.0) == 1.0


def test_scenarios() -> None:
    """Without options it is what item 10 asks for; options choose among it or ask for more."""
    assert bench.scenarios(bench.Options()) == [
        Scenario(peers, piece_size, file_size)
        for peers in (3, 6)
        for piece_size, file_size in ((32768, 100 << 20), (262144, 1 << 30), (1 << 20, 1 << 30))
    ]
    assert bench.scenarios(bench.Options(peers=(6,), piece_size=32768, file_size=2 << 30)) == [
        Scenario(6, 32768, 2 << 30)
    ]
    assert bench.scenarios(bench.Options(peers=(2,), piece_size=100, quick=True)) == [
        Scenario(2, 100, 50 << 20)
    ]


def test_ratios_are_taken_within_a_repetition() -> None:
    """A ratio is the median of those of runs that stood next to each other."""
    scenario = Scenario(2, 1, 1 << 30)
    rows = [
        Row(scenario, kind, Measurement(cpu, cpu, 10, 1024, WHOLE))
        for cpus in ((1.0, 2.0, 4.0), (2.0, 4.0, 8.0), (1.0, 1.0, 6.0))
        for kind, cpu in zip(benchreport.KINDS, cpus, strict=True)
    ]
    figures = benchreport._summary(rows, scenario)["swarm"]["cpu_per_gib"]
    assert figures == {"median": 6.0, "least": 4.0, "most": 8.0, "to_pump": 4.0, "to_star": 2.0}


def test_whole_processes_are_compared_within_a_repetition(tmp_path: Path) -> None:
    """Another program's processor time is a multiple of ours' of the same repetition, their median; the JSON has it too."""
    scenario = Scenario(2, 1, 1 << 30)
    rows = [
        WholeRow(scenario, kind, Whole(cpu, 2 * cpu, 1 << 20))
        for ours, theirs in ((1.0, 3.0), (2.0, 4.0), (4.0, 4.0))
        for kind, cpu in (("swarm", ours), ("aria2", theirs))
    ]
    figures = benchreport._whole_summary(rows, scenario)["aria2"]
    assert figures["cpu_per_gib"] == {"median": 4.0, "least": 3.0, "most": 4.0, "to_swarm": 2.0}
    assert figures["wall"] == {"median": 8.0, "least": 6.0, "most": 8.0}
    assert benchreport.whole_table(rows).row_count == 2
    row = Row(scenario, "swarm", Measurement(1.0, 1.0, 1, 1, WHOLE))
    assert benchreport.record([row], rows, tmp_path)["scenarios"][0]["whole"]["aria2"] == figures


def test_whole_processes_take_more_than_their_transfer(tmp_path: Path, source: Path) -> None:
    """Whole processes are measured with their start."""
    scenario = Scenario(2, 65536, source.stat().st_size)
    measured = meter.measure(bench._star(tmp_path, source, scenario), tmp_path, timeout=60)
    assert measured.whole.cpu > measured.cpu
    assert measured.whole.wall > measured.wall


def test_figures_are_per_delivered_gib() -> None:
    """Every leecher's copy counts as delivered."""
    row = Row(Scenario(6, 32768, 1 << 30), "swarm", Measurement(10.0, 4.0, 2000, 1 << 20, WHOLE))
    assert row.cpu_per_gib == 2.0
    assert row.messages_per_second == 500.0


def test_workspace_is_removed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What a killed benchmark left in memory goes at the next start, and ours at its end."""
    monkeypatch.setattr(bench, "_TMPFS", tmp_path)
    left = tmp_path / f"{bench._PREFIX}{2**22 + 1}-x"  # above the greatest process id
    left.mkdir()
    with bench._workspace([Scenario(2, 1, 1)]) as workspace:
        assert list(tmp_path.iterdir()) == [workspace]
    assert list(tmp_path.iterdir()) == []


def test_too_large_for_the_workspace(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A file that doesn't fit is told before anything is written."""
    monkeypatch.setattr(bench, "_TMPFS", tmp_path)
    with (
        pytest.raises(HarnessError, match="choose a smaller --file-size"),
        bench._workspace([Scenario(6, 1, 1 << 60)]),
    ):
        pass


def test_whole_bench_on_a_tiny_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Pump, star and a real swarm run in turn; table and JSON have all their figures."""
    monkeypatch.setattr(bench, "_TMPFS", tmp_path)
    path = tmp_path / "out" / "bench.json"
    options = bench.Options(
        peers=(2,),
        piece_size=1024,
        file_size=10_000,
        repetitions=1,
        others=False,
        moments=False,
        json=path,
    )
    assert bench.run_bench(options) == 0
    shown = capsys.readouterr().out
    assert "TCP congestion control: " in shown
    assert all(kind in shown for kind in benchreport.KINDS)
    assert path.read_text().count('"kind"') == 3

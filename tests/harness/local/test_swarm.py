"""`invoke swarm` with real peers, from the run folder to the result."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
from pathlib import Path
from typing import Any

import pytest

from core.config import PeerInfo, SwarmConfig
from core.exits import ExitStatus
from harness import program
from harness.errors import HarnessError
from harness.local import ports, reports, runfolder, swarm
from harness.local.swarm import Options, run_swarm
from harness.watch.live import PlainDisplay
from peerio.config import format_common, format_peers
from peerio.status import Status

SENTENCES = tuple(
    re.compile(r"\S+: Peer \d+ " + sentence)
    for sentence in (
        r"makes a connection to Peer \d+\.",
        r"is connected from Peer \d+\.",
        r"has the preferred neighbors (\d+(,\d+)*)?\.",
        r"has the optimistically unchoked neighbor \d+\.",
        r"is unchoked by \d+\.",
        r"is choked by \d+\.",
        r"received the 'have' message from \d+ for the piece \d+\.",
        r"received the 'interested' message from \d+\.",
        r"received the 'not interested' message from \d+\.",
        r"has downloaded the piece \d+ from \d+\. Now the number of pieces it has is \d+\.",
        r"has downloaded the complete file\.",
    )
)


def records(folder: Path, kind: str) -> list[dict[str, Any]]:
    """The records of one kind in all traces of a run."""
    lines = (
        line for path in folder.glob("trace_*.jsonl") for line in path.read_text().splitlines()
    )
    return [record for record in map(json.loads, lines) if record["kind"] == kind]


def configured(folder: Path, listened: list[int], *, interval: int) -> str:
    """A configuration with a peer on each of the ports, the first of which has the file."""
    infos = tuple(PeerInfo(1001 + n, "localhost", p, n == 0) for n, p in enumerate(listened))
    config = SwarmConfig(1, interval, interval, "file", 100_000, 1000, infos)
    (folder / "Common.cfg").write_text(format_common(config))
    (folder / "PeerInfo.cfg").write_text(format_peers(config))
    return str(folder)


class Interrupting(PlainDisplay):
    """Presses Ctrl-C as soon as a peer runs, or has told of a piece."""

    moment = ""

    def on_start(self, peer_id: int, pid: int) -> None:
        if self.moment == "start":
            os.kill(os.getpid(), signal.SIGINT)

    def on_status(self, status: Status) -> None:
        super().on_status(status)
        if self.moment == "piece" and status.peer != 1001 and status.pieces:
            self.moment = ""
            os.kill(os.getpid(), signal.SIGINT)


def interrupt(monkeypatch: pytest.MonkeyPatch, moment: str) -> None:
    """Let the swarms of this test be interrupted."""
    monkeypatch.setattr(Interrupting, "moment", moment)
    monkeypatch.setattr(swarm, "make_display", lambda board, *_, **__: Interrupting(board))


def result_of(runs: Path) -> dict[str, Any]:
    """`result.json` of the newest run."""
    result: dict[str, Any] = json.loads((runs / "latest" / "result.json").read_text())
    return result


@pytest.mark.swarm
def test_default_run_shows_everything(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The default swarm's logs hold the eleven sentences alone and each of them, an optimistic
    choice that isn't preferred, and leechers that rank their neighbors by rate (acceptance B).
    """
    assert run_swarm(Options(free_ports=True), tmp_path) == 0
    folder = tmp_path / "latest"
    lines = [line for path in folder.glob("log_*.log") for line in path.read_text().splitlines()]
    used = [next((s for s in SENTENCES if s.fullmatch(line)), line) for line in lines]
    assert set(used) == set(SENTENCES)
    ranked = [
        record
        for record in records(folder, "preferred")
        if not record["complete"]
        and len(record["candidates"]) > len(record["chosen"])
        and len(set(record["rates"])) > 1
    ]
    assert ranked
    assert any(record["chosen"] is not None for record in records(folder, "optimistic"))
    assert max(peer["ended_after"] for peer in result_of(tmp_path)["peers"]) < 20
    assert "6 of 6 copies identical, exit status 0." in capsys.readouterr().out


@pytest.mark.swarm
def test_real_file(tmp_path: Path) -> None:
    """A real file is handed out under its own name, and only --keep leaves the leechers' copies."""
    source = tmp_path / "a file.bin"
    source.write_bytes(b"0123456789" * 1000)
    for keep in (False, True):
        options = Options(
            file=source, peers=3, piece_size=999, keep=keep, free_ports=True, random_seed=7
        )
        assert run_swarm(options, tmp_path / "runs") == 0
        folder = tmp_path / "runs" / "latest"
        assert (folder / "peer_1001" / "a file.bin").samefile(source)
        for leecher in (1002, 1003):
            copy = folder / f"peer_{leecher}" / "a file.bin"
            assert copy.exists() == keep
            assert not keep or copy.read_bytes() == source.read_bytes()
        assert result_of(tmp_path / "runs")["random_seed"] == 7
    assert source.read_bytes() == b"0123456789" * 1000


@pytest.mark.swarm
def test_time_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A swarm that isn't done in time ends with 5, and its unfinished copies go."""
    config = configured(tmp_path, ports.free_ports(2), interval=1000)
    assert run_swarm(Options(config=config, timeout=1.5), tmp_path / "runs") == ExitStatus.TIMED_OUT
    shown = capsys.readouterr().out
    assert "not finished after 1.5 s: giving up" in shown
    assert "1 of 2 copies identical, exit status 5." in shown
    (leecher,) = (tmp_path / "runs").glob("2*/peer_1002")
    assert list(leecher.iterdir()) == []


@pytest.mark.swarm
def test_failing_peer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The status of the first peer that fails is the swarm's, and its reason is shown and kept."""
    fill = runfolder.fill

    def fill_and_spoil(folder: Path, *arguments: Any, **options: Any) -> None:
        fill(folder, *arguments, **options)
        (folder / "peer_1001" / "TheFile.dat").write_bytes(b"short")

    monkeypatch.setattr(runfolder, "fill", fill_and_spoil)
    assert run_swarm(Options(peers=3, free_ports=True), tmp_path) == 1
    (folder,) = (path for path in tmp_path.iterdir() if not path.is_symlink())
    assert "TheFile.dat" in (folder / "peer_1001.stderr").read_text()
    assert json.loads((folder / "result.json").read_text())["peers"][0]["status"] == 1


@pytest.mark.swarm
def test_interrupted_while_running(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A swarm that was interrupted is marked so and not judged, until somebody asks for it by its folder."""
    interrupt(monkeypatch, "piece")
    assert run_swarm(Options(peers=3, free_ports=True), tmp_path) == ExitStatus.INTERRUPTED
    shown = capsys.readouterr().out
    assert "interrupted: asking all peers to end" in shown
    assert "Interrupted, exit status 130. The logs end too early, so they weren't judged" in shown
    assert "error" not in shown
    assert "FAIL" not in shown
    result = result_of(tmp_path)
    assert (result["status"], result["interrupted"]) == (ExitStatus.INTERRUPTED, True)
    folder = runfolder.latest_run(tmp_path)
    monkeypatch.setattr(reports, "latest_run", lambda: folder)
    with pytest.raises(HarnessError, match=f"was interrupted.*--dir {folder}") as caught:
        reports.run_verify(reports.VerifyOptions())
    assert caught.value.status == ExitStatus.USAGE
    reports.run_verify(reports.VerifyOptions(folder))
    told = capsys.readouterr()
    assert told.err.startswith("note: this run was interrupted")
    assert "3 logs" in told.out


@pytest.mark.swarm
def test_interrupted_while_starting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where no peer had begun there is nothing to judge, and nothing is left."""
    interrupt(monkeypatch, "start")
    assert run_swarm(Options(peers=2, free_ports=True), tmp_path) == ExitStatus.INTERRUPTED
    assert "nothing is left of this run" in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []


@pytest.mark.swarm
def test_interrupted_while_judging(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C while the logs are judged leaves a complete run, which can be judged later."""
    monkeypatch.setattr(swarm, "verify", raise_interrupt)
    with pytest.raises(KeyboardInterrupt):
        run_swarm(Options(peers=2, free_ports=True, rate=0), tmp_path)
    result = result_of(tmp_path)
    assert (result["status"], result["interrupted"]) == (ExitStatus.INTERRUPTED, False)
    monkeypatch.setattr(reports, "latest_run", lambda: tmp_path / "latest")
    assert reports.run_verify(reports.VerifyOptions()) == 0


def raise_interrupt(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


def test_a_run_that_has_not_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The latest run isn't judged while it goes on, since all its logs end too early."""
    (tmp_path / "log_peer_1001.log").touch()
    monkeypatch.setattr(reports, "latest_run", lambda: tmp_path)
    for verify in (
        lambda: reports.run_verify(reports.VerifyOptions()),
        lambda: program._verify([], "swarmproof verify"),
    ):
        with pytest.raises(HarnessError, match="hasn't ended, or whatever ran it was killed"):
            verify()


def test_nothing_starts_when_a_port_is_taken(tmp_path: Path) -> None:
    """A port in use is told before anything starts: there is not even a run folder (item 9)."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        taken = listener.getsockname()[1]
        config = configured(tmp_path, [*ports.free_ports(1), taken], interval=1)
        with pytest.raises(HarnessError, match=f"port {taken} is in use"):
            run_swarm(Options(config=config), tmp_path / "runs")
    assert not (tmp_path / "runs").exists()


def test_an_interrupted_run_is_resumed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A run of a real file that was ended goes on with --resume, in its folder, with what was there (spec 9.2)."""
    source = tmp_path / "a file.bin"
    source.write_bytes(bytes(range(256)) * 8000)
    runs = tmp_path / "runs"
    slow = Options(file=source, peers=3, rate=1000, timeout=0.3, free_ports=True)
    assert run_swarm(slow, runs) == ExitStatus.TIMED_OUT
    assert "go on with `swarmproof swarm --resume`" in capsys.readouterr().out
    (run,) = (path for path in runs.iterdir() if not path.is_symlink())
    for leecher in ("peer_1002", "peer_1003"):  # as if it had come so far
        (run / f"log_{leecher}.log").touch()
        folder = run / leecher
        folder.mkdir(exist_ok=True)
        (folder / f"{source.name}.part").write_bytes(source.read_bytes()[:1_000_000])
    with pytest.raises(HarnessError, match="isn't what the other options say"):
        run_swarm(Options(resume=True, piece_size=4096), runs)
    assert run_swarm(Options(resume=True, file=source, peers=3, timeout=60), runs) == 0
    assert len([path for path in runs.iterdir() if not path.is_symlink()]) == 1
    result = result_of(runs)
    assert all(peer["identical"] for peer in result["peers"])
    assert {peer["down"] for peer in result["peers"][1:]} == {2_048_000 - 61 * 16_384}
    out = capsys.readouterr().out
    assert "61 of 125 pieces are right; 64 are missing or torn" in out
    assert "PASS" in out


def test_what_can_not_be_resumed(tmp_path: Path) -> None:
    """A run without hashes can't go on, and says what is needed; nor can one that isn't there."""
    with pytest.raises(HarnessError, match="no run in"):
        run_swarm(Options(resume=True), tmp_path)
    (tmp_path / "2026-11-28T00-00-00").mkdir()
    (tmp_path / "2026-11-28T00-00-00/log_peer_1.log").write_text("a line\n")
    with pytest.raises(HarnessError, match=r"has no pieces\.sha256"):
        run_swarm(Options(resume=True), tmp_path)

"""The launcher: what it tells, how it ends, and that nothing outlives it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from harness.local.launcher import Launcher, Outcome
from harness.local.runfolder import ROOT
from peerio.status import Status
from tests.kit import fake_peer
from tests.kit.launch import COMMAND as LAUNCH

Start = Callable[..., tuple[subprocess.Popen[bytes], BinaryIO]]


class Recorder:
    """Keeps every call as a line."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.diagnostics: list[str] = []
        self.statuses: list[Status] = []

    def on_start(self, peer_id: int, pid: int) -> None:
        self.calls.append(f"start {peer_id}")

    def on_status(self, status: Status) -> None:
        self.statuses.append(status)

    def on_diagnostic(self, line: str) -> None:
        self.diagnostics.append(line)

    def on_end(self, peer_id: int, exit_status: int) -> None:
        self.calls.append(f"end {peer_id} {exit_status}")

    def on_tick(self) -> None:
        pass


def launch(
    folder: Path,
    *modes: str,
    timeout: float = 60.0,
    grace: float = 8.0,
    observer: Recorder | None = None,
) -> tuple[Outcome, Recorder]:
    recorder = observer or Recorder()
    commands = {
        peer_id: [*fake_peer.COMMAND, str(peer_id), mode]
        for peer_id, mode in enumerate(modes, 1001)
    }
    outcome = Launcher(commands, folder, recorder, timeout=timeout, grace=grace).run()
    return outcome, recorder


def test_all_complete(tmp_path: Path) -> None:
    """The exit status is 0 when every peer's is, and peers start in the order given."""
    outcome, recorder = launch(tmp_path, "complete", "complete", "complete")
    assert (outcome.exit_status, outcome.statuses) == (0, {1001: 0, 1002: 0, 1003: 0})
    assert recorder.calls[:3] == ["start 1001", "start 1002", "start 1003"]
    assert sorted(recorder.calls[3:]) == ["end 1001 0", "end 1002 0", "end 1003 0"]


def test_statuses_arrive_whole(tmp_path: Path) -> None:
    """Every status line reaches the observer, the last one of a process that has ended included."""
    _outcome, recorder = launch(tmp_path, "complete")
    first, last = recorder.statuses
    assert (first.state, first.pieces, first.neighbors) == ("running", 1, {1001: "DI"})
    assert not first.complete
    assert (last.state, last.status, last.reason, last.cpu) == ("ended", 0, "all complete", 0.5)
    assert (last.first_unchoke, last.cpu_at_first_unchoke) == (1.5, 0.25)
    assert last.complete


def test_diagnostics_are_shown_and_kept(tmp_path: Path) -> None:
    """A peer's stderr is told line by line, an unfinished last one too, and stays in its file."""
    _outcome, recorder = launch(tmp_path, "talk")
    assert recorder.diagnostics == ["peer 1001: a warning", "peer: half a line"]
    kept = (tmp_path / "peer_1001.stderr").read_text()
    assert kept == "peer 1001: a warning\npeer: half a line"


def test_silence_leaves_no_file(tmp_path: Path) -> None:
    """A peer that wrote nothing to its stderr leaves no empty file behind."""
    launch(tmp_path, "complete")
    assert list(tmp_path.iterdir()) == []


def test_unreadable_status_is_told(tmp_path: Path) -> None:
    """A status line that is none is told and doesn't end the swarm."""
    outcome, recorder = launch(tmp_path, "garble")
    assert recorder.diagnostics == ["peer 1001: unreadable status: no status"]
    assert outcome.exit_status == 0


def test_first_failure_ends_the_swarm(tmp_path: Path) -> None:
    """When a peer fails, the others are ended and its status is the swarm's."""
    outcome, recorder = launch(tmp_path, "wait", "4", "wait")
    assert outcome.exit_status == 4
    assert outcome.statuses == {1002: 4, 1001: 143, 1003: 143}
    assert recorder.diagnostics == [
        "peer 1002: fails",
        "peer 1002 ended with status 4: the swarm can't complete",
    ]


def test_death_by_signal_counts_as_failure(tmp_path: Path) -> None:
    """A peer that a signal killed has the status that a shell would tell: 128 and its number."""

    class Killer(Recorder):
        def on_start(self, peer_id: int, pid: int) -> None:
            os.kill(pid, signal.SIGKILL)

    outcome, _recorder = launch(tmp_path, "wait", observer=Killer())
    assert outcome.exit_status == 137


def test_time_out(tmp_path: Path) -> None:
    """When the time is up the peers are ended and the status is 5, whatever theirs are."""
    outcome, recorder = launch(tmp_path, "wait", "wait", timeout=0.3)
    assert outcome.exit_status == 5
    assert outcome.statuses == {1001: 143, 1002: 143}
    assert recorder.diagnostics == ["not finished after 0.3 s: giving up"]


def test_deaf_peer_is_killed(tmp_path: Path) -> None:
    """A peer that doesn't heed SIGTERM is killed when the grace is over."""

    class Killer(Recorder):
        def on_start(self, peer_id: int, pid: int) -> None:
            self.pid = pid

        def on_status(self, status: Status) -> None:
            if status.peer == 1001:  # so that it is deaf by now
                os.kill(self.pid, signal.SIGKILL)

    outcome, _recorder = launch(tmp_path, "deaf", "wait", grace=0.3, observer=Killer())
    assert outcome.statuses == {1002: 137, 1001: 137}


def test_closed_status_pipe_is_no_end(tmp_path: Path) -> None:
    """A peer that closes its status pipe early still counts until its process ends."""
    outcome, _recorder = launch(tmp_path, "hide", "complete", timeout=1.0)
    assert outcome.exit_status == 5
    assert 1001 in outcome.statuses


def test_observer_that_raises_leaves_nothing(tmp_path: Path) -> None:
    """An error on the way, such as a closed terminal, ends every process before it is passed on."""
    pids = []

    class Broken(Recorder):
        def on_start(self, peer_id: int, pid: int) -> None:
            pids.append(pid)

        def on_status(self, status: Status) -> None:
            raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        launch(tmp_path, "wait", "deaf", observer=Broken())
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_command_that_cannot_start(tmp_path: Path) -> None:
    """A command that isn't there ends those already started."""
    recorder = Recorder()
    commands = {1001: [*fake_peer.COMMAND, "1001", "wait"], 1002: [str(tmp_path / "nowhere")]}
    with pytest.raises(FileNotFoundError):
        Launcher(commands, tmp_path, recorder, timeout=60).run()
    assert recorder.calls == ["start 1001"]


def test_handlers_and_descriptors_are_put_back(tmp_path: Path) -> None:
    """After a run the process has its own signal handlers again and no open pipe more."""

    def held() -> tuple[Any, int]:
        return signal.getsignal(signal.SIGTERM), len(list(Path("/proc/self/fd").iterdir()))

    before = held()
    launch(tmp_path, "complete", "1")
    assert held() == before


@pytest.fixture
def launched(tmp_path: Path) -> Iterator[Start]:
    """A launcher in a process of its own over two fakes of a mode, and the FIFO they hold open."""
    started = []

    def start(mode: str, grace: str = "8") -> tuple[subprocess.Popen[bytes], BinaryIO]:
        fifo = tmp_path / "alive"
        os.mkfifo(fifo)
        process = subprocess.Popen([*LAUNCH, str(tmp_path), str(fifo), grace, mode, mode], cwd=ROOT)
        started.append(process)
        alive = fifo.open("rb")
        assert sorted([alive.readline(), alive.readline()]) == [b"1001\n", b"1002\n"]
        return process, alive

    yield start
    for process in started:
        process.kill()
        process.wait()


@pytest.mark.parametrize("mode", ["wait", "deaf"])
def test_kill_9_of_the_launcher_leaves_nothing(launched: Start, mode: str) -> None:
    """Peers end at the end of their lifeline when the launcher is killed, which no handler sees."""
    process, alive = launched(mode)
    process.kill()
    assert alive.read() == b""  # comes when the last fake is gone


@pytest.mark.parametrize(
    ("number", "exit_status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_signals_end_all_peers(launched: Start, number: int, exit_status: int) -> None:
    """Ctrl-C, `kill` and a closed terminal end all peers; the status tells which it was."""
    process, alive = launched("wait")
    process.send_signal(number)
    assert process.wait() == exit_status
    assert alive.read() == b""


def test_second_signal_ends_at_once(launched: Start) -> None:
    """A second Ctrl-C doesn't wait for peers that take their time."""
    process, alive = launched("deaf", grace="1000")
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGTERM)
    assert process.wait() in {130, 143}
    assert alive.read() == b""


def test_each_peer_leads_its_own_group(tmp_path: Path) -> None:
    """Ctrl-C on the terminal reaches the launcher alone: no peer is in its process group."""
    groups = []

    class Looker(Recorder):
        def on_start(self, peer_id: int, pid: int) -> None:
            groups.append((os.getpgid(pid), pid))

    launch(tmp_path, "complete", "complete", observer=Looker())
    assert all(group == pid for group, pid in groups)


def test_ctrl_c_while_peers_are_loaded(tmp_path: Path) -> None:
    """A peer that is still being loaded at Ctrl-C is ended without a traceback, which SIGINT would show."""

    class Interrupter(Recorder):
        def on_start(self, peer_id: int, pid: int) -> None:
            os.kill(os.getpid(), signal.SIGINT)

    recorder = Interrupter()
    loading = [sys.executable, "-c", "import time; time.sleep(60)"]
    outcome = Launcher({1001: loading}, tmp_path, recorder, timeout=60).run()
    assert outcome == Outcome(130, {1001: 143}, interrupted=True)
    assert recorder.diagnostics == ["interrupted: asking all peers to end"]

"""The launcher of swarms across hosts, over agents on this machine and peers in name only."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from core.exits import ExitStatus
from harness.local.launcher import Outcome
from harness.remote.launch import RemoteLauncher
from harness.remote.session import Session
from peerio.status import Status
from tests.kit import pipes
from tests.kit.pipes import PipeWire

Launch = Callable[..., tuple[Outcome, "Recorder"]]


class Recorder:
    """Keeps every call, and calls back when a peer has told how it stands."""

    def __init__(self, when_up: Callable[[Recorder], None] = lambda _recorder: None) -> None:
        self.calls: list[str] = []
        self.diagnostics: list[str] = []
        self.pids: dict[int, int] = {}
        self.up: set[int] = set()
        self._when_up = when_up

    def on_start(self, peer_id: int, pid: int) -> None:
        self.calls.append(f"start {peer_id}")
        self.pids[peer_id] = pid

    def on_status(self, status: Status) -> None:
        if status.peer not in self.up:
            self.up.add(status.peer)
            self._when_up(self)

    def on_diagnostic(self, line: str) -> None:
        self.diagnostics.append(line)

    def on_end(self, peer_id: int, exit_status: int) -> None:
        self.calls.append(f"end {peer_id} {exit_status}")

    def on_tick(self) -> None:
        pass


class Laptops:
    """Two hosts, `one` with the peers 1001 and 1003, `two` with 1002."""

    def __init__(self, folder: Path) -> None:
        self.sessions: dict[str, Session] = {}
        self.wires: dict[str, PipeWire] = {}
        for name, peers in (("one", (1001, 1003)), ("two", (1002,))):
            self.sessions[name], self.wires[name] = pipes.session(folder / name, *peers)
            pipes.prepare(self.sessions[name], folder / name)

    def launch(self, *modes: str, recorder: Recorder, **options: Any) -> Outcome:
        hosts = [self.sessions[name] for name in ("one", "two", "one")]
        starts = [
            (session, peer_id, pipes.fake(peer_id, mode))
            for session, peer_id, mode in zip(hosts, (1001, 1002, 1003), modes, strict=False)
        ]
        return RemoteLauncher(starts, recorder, **options).run()


@pytest.fixture
def laptops(tmp_path: Path) -> Iterator[Laptops]:
    laptops = Laptops(tmp_path)
    with ExitStack() as ends:
        for session in laptops.sessions.values():
            ends.callback(session.close)
        yield laptops


def test_peers_start_in_order(laptops: Laptops) -> None:
    """Peers start in the order of PeerInfo.cfg, whatever their hosts, and 0 is for all being 0."""
    recorder = Recorder()
    outcome = laptops.launch("complete", "complete", "complete", recorder=recorder)
    assert outcome == Outcome(0, {1001: 0, 1002: 0, 1003: 0})
    starts = [call for call in recorder.calls if call.startswith("start")]
    assert starts == ["start 1001", "start 1002", "start 1003"]


def test_first_failure_ends_the_swarm(laptops: Laptops) -> None:
    """When a peer fails, those on other hosts are ended too, and its status is the swarm's."""
    recorder = Recorder()
    outcome = laptops.launch("wait", "wait", "4", recorder=recorder)
    assert outcome.exit_status == 4
    assert outcome.statuses == {1003: 4, 1001: 143, 1002: 143}
    assert recorder.diagnostics == [
        "one: peer 1003: fails",
        "peer 1003 ended with status 4: the swarm can't complete",
    ]


def test_nothing_more_starts_after_a_failure(laptops: Laptops) -> None:
    """Once the swarm is ending, the peers that are still to come aren't started."""
    one, two = laptops.sessions["one"], laptops.sessions["two"]
    starts = [
        (one, 1001, pipes.fake(1001, "wait")),
        (two, 1002, ["/nowhere/python3"]),
        (one, 1003, pipes.fake(1003, "wait")),
    ]
    recorder = Recorder()
    assert RemoteLauncher(starts, recorder).run() == Outcome(1, {1002: 1, 1001: 143})
    assert "start 1003" not in recorder.calls


def test_time_out(laptops: Laptops) -> None:
    """When the time is up the peers on all hosts are ended and the status is 5."""
    recorder = Recorder()
    outcome = laptops.launch("wait", "wait", recorder=recorder, timeout=0.5)
    assert outcome.exit_status == ExitStatus.TIMED_OUT
    assert recorder.diagnostics == ["not finished after 0.5 s: giving up"]


@pytest.mark.parametrize(("number", "exit_status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signals_end_all_peers(laptops: Laptops, number: int, exit_status: int) -> None:
    """Ctrl-C and `kill` end the peers on all hosts in order."""

    def interrupt(recorder: Recorder) -> None:
        if recorder.up == {1001, 1002}:
            os.kill(os.getpid(), number)

    outcome = laptops.launch("wait", "wait", recorder=Recorder(interrupt))
    assert outcome == Outcome(exit_status, {1001: exit_status, 1002: exit_status}, interrupted=True)


def test_second_signal_ends_at_once(laptops: Laptops) -> None:
    """A second Ctrl-C doesn't wait for peers that take their time."""

    def interrupt(recorder: Recorder) -> None:
        if recorder.up == {1001, 1002}:
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGTERM)

    begin = time.monotonic()
    outcome = laptops.launch("deaf", "deaf", recorder=Recorder(interrupt), grace=1000)
    assert set(outcome.statuses.values()) == {137}
    assert outcome.exit_status in {130, 143}
    assert time.monotonic() - begin < 500


def test_a_lost_host_does_not_end_the_others(laptops: Laptops) -> None:
    """The peers of a host that is lost count as failed with 8, and the others go on by their rules."""

    def on_up(recorder: Recorder) -> None:
        if recorder.up == {1001, 1002, 1003}:
            laptops.wires["two"].process.kill()

    class Watcher(Recorder):
        def on_end(self, peer_id: int, exit_status: int) -> None:
            super().on_end(peer_id, exit_status)
            if peer_id == 1002:
                for other in (1001, 1003):  # they run, and end as the test has them end
                    os.kill(self.pids[other], signal.SIGTERM)

    recorder = Watcher(on_up)
    outcome = laptops.launch("wait", "wait", "wait", recorder=recorder)
    assert outcome == Outcome(
        ExitStatus.HOSTS_FAILED, {1002: ExitStatus.HOSTS_FAILED, 1001: 143, 1003: 143}
    )
    (told,) = recorder.diagnostics
    assert told.startswith("two is lost: ")
    assert told.endswith(": peer 1002 counts as failed")


def test_a_host_lost_while_peers_start_ends_the_swarm(laptops: Laptops) -> None:
    """Where a host is lost before all peers were started, those that run are ended."""
    laptops.wires["two"].process.kill()
    laptops.wires["two"].process.wait()
    recorder = Recorder()
    outcome = laptops.launch("wait", "wait", "wait", recorder=recorder)
    assert outcome == Outcome(ExitStatus.HOSTS_FAILED, {1001: 143, 1002: ExitStatus.HOSTS_FAILED})


def test_a_host_that_does_not_answer_is_left(laptops: Laptops) -> None:
    """A host that tells no end of its peers even after they were to be killed is named and left."""
    frozen = laptops.wires["two"].process

    def freeze(recorder: Recorder) -> None:
        if recorder.up == {1001, 1002}:
            frozen.send_signal(signal.SIGSTOP)
            os.kill(os.getpid(), signal.SIGINT)

    recorder = Recorder(freeze)
    outcome = laptops.launch("wait", "wait", recorder=recorder, grace=0.5)
    frozen.send_signal(signal.SIGCONT)
    assert outcome == Outcome(130, {1001: 130}, interrupted=True)
    assert recorder.diagnostics == [
        "interrupted: asking all peers to end",
        "two: peer 1002 didn't tell its end: run `invoke remote.stop`",
    ]

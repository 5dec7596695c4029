"""What is brought together from several hosts, and what is said of those that failed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.config import PeerInfo, SwarmConfig
from core.exits import ExitStatus
from harness.errors import HostError
from harness.local.settings import Settings
from harness.remote.collect import collect, hashes_there
from harness.remote.fleet import Fleet, side_by_side
from harness.remote.plan import Options, Plan
from harness.remote.session import Host, Session
from harness.watch.console import make_console
from tests.kit.pipes import PipeWire

PEERS = (PeerInfo(1, "one", 6001, has_file=True), PeerInfo(2, "two", 6001, has_file=False))
STATUS = {"peer": 1, "state": "ended", "pieces": 2, "of": 2, "up": 6, "down": 0, "messages": 9}


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    config = SwarmConfig(1, 1, 1, "file", 6, 3, PEERS)
    return Plan(Options(runs=tmp_path / "runs"), config, Settings(), random_seed=1)


@pytest.fixture
def fleet(plan: Plan, tmp_path: Path) -> Iterator[Fleet]:
    """The host "one" is here, "two" can't be reached."""

    def connect(host: Host) -> Session:
        if host.name == "two":
            raise HostError("it is out")
        return Session(host, PipeWire(), str(tmp_path / host.name))

    with Fleet(plan.hosts, connect) as fleet:
        yield fleet


def place(folder: Path, **contents: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        (folder / name.replace("__", ".")).write_text(content)


def test_what_failed_is_named_and_the_rest_kept(plan: Plan, fleet: Fleet, tmp_path: Path) -> None:
    """Logs of hosts that are there are brought; one that isn't is a problem, its copy unknown, status 8."""
    last_line = json.dumps({**STATUS, "neighbors": {}})
    note = {"random_seed": 7, "peers": {"1": {"exit_status": 0, "line": last_line}}}
    place(tmp_path / "one/swarm", log_peer_1__log="a", launch__json=json.dumps(note))
    place(tmp_path / "one/swarm/peer_1", file="abcdef")
    result = collect(plan, fleet, make_console(), board=None, exit_status=0)
    assert (result.exit_status, result.random_seed) == (ExitStatus.HOSTS_FAILED, 7)
    assert result.problems == ("two: it is out",)
    assert result.peers[1].exit_status == 0
    assert result.peers[1].state == "done"
    assert result.copies[1].identical
    assert result.copies[2].problem == "unknown: its host failed"
    assert (result.folder / "log_peer_1.log").read_text() == "a"
    assert {path.name for path in result.folder.glob("*.cfg")} == {"Common.cfg", "PeerInfo.cfg"}


def test_only_a_hosts_own_files_are_brought(plan: Plan, fleet: Fleet, tmp_path: Path) -> None:
    """Logs, traces and diagnostics of a host's own peers are brought, whatever else lies there."""
    place(
        tmp_path / "one/swarm",
        log_peer_1__log="",
        log_peer_1__log__1="",
        trace_peer_1__jsonl="",
        peer_1__stderr="",
        log_peer_2__log="another's",
        notes__txt="",
    )
    result = collect(plan, fleet, make_console(), board=None, exit_status=3)
    assert result.exit_status == 3
    assert {path.name for path in result.folder.iterdir()} == {
        *("Common.cfg", "PeerInfo.cfg", "log_peer_1.log", "log_peer_1.log.1"),
        *("trace_peer_1.jsonl", "peer_1.stderr"),
    }


def test_what_is_not_a_hosts_fault_is_raised() -> None:
    """A failure that no host explains isn't hidden among theirs."""

    def work(item: int) -> int:
        if item:
            raise ZeroDivisionError
        raise HostError("no")

    with pytest.raises(ZeroDivisionError):
        side_by_side([0, 1], work)
    (error,) = side_by_side([0], work)
    assert str(error) == "no"


def test_the_pieces_of_copies_that_differ_are_hashed_where_they_are(
    plan: Plan, tmp_path: Path
) -> None:
    """Of a copy that differs, and of the seed's, each host tells the hashes of the pieces; of no other."""
    for name, content in (("one", "abcdef"), ("two", "abcdXY")):
        number = 1 + (name == "two")
        place(tmp_path / name / f"swarm/peer_{number}", file=content)
        place(tmp_path / name / "swarm", launch__json="{}")

    def connect(host: Host) -> Session:
        return Session(host, PipeWire(), str(tmp_path / host.name))

    with Fleet(plan.hosts, connect) as fleet:
        result = collect(plan, fleet, make_console(), board=None, exit_status=0)
        assert not result.copies[2].identical
        told = hashes_there(plan, fleet, result)
        place(tmp_path / "two/swarm/peer_2", file="abcdef")
        again = collect(plan, fleet, make_console(), board=None, exit_status=0)
        assert hashes_there(plan, fleet, again) == {}
    first, second = told[1], told[2]
    assert (len(first), len(second)) == (2, 2)
    assert [one == other for one, other in zip(first, second, strict=True)] == [True, False]

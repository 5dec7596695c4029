"""A host that lies costs its own peers, and nothing of anybody else's."""

from __future__ import annotations

import json
import queue
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from core.config import SwarmConfig
from core.exits import ExitStatus
from harness.errors import HostError
from harness.local.launcher import Outcome
from harness.local.settings import Settings
from harness.remote import session as sessions
from harness.remote.check import check
from harness.remote.collect import ROOM, ROOM_A_PIECE, collect
from harness.remote.fleet import Fleet
from harness.remote.host.messages import Clock, Diagnostic, Ended
from harness.remote.launch import MOST_WAITING, RemoteLauncher
from harness.remote.plan import Options, Plan
from harness.remote.session import Event, Host, Lost, Session
from harness.watch.console import make_console
from tests.harness.remote.test_launch import Recorder
from tests.kit import liar
from tests.kit.liar import LyingWire, Said

STATUS = {
    "peer": 1001, "state": "ended", "pieces": 2, "of": 2, "up": 6, "down": 0, "messages": 9, "neighbors": {},
}  # fmt: skip


def silent(_order: dict[str, Any]) -> list[Said]:
    return []


def runs(*peers: int) -> Callable[[dict[str, Any]], list[Said]]:
    """An honest host, whose peers `peers` end at once when they are started."""

    def answer(order: dict[str, Any]) -> list[Said]:
        peer = order.get("peer")
        if order["do"] != "start":
            return []
        started: Said = {"event": "started", "peer": peer, "pid": 7}
        return (
            [started, {"event": "ended", "peer": peer, "status": 0}] if peer in peers else [started]
        )

    return answer


def start(
    answers: Callable[[dict[str, Any]], list[Said]], *said: Said
) -> tuple[list[Event], LyingWire]:
    """The events of a host whose peer 1001 is started, and that says this then, up to its last."""
    events: queue.SimpleQueue[Event] = queue.SimpleQueue()
    one, wire = liar.session("eve", 1001, 1003, answers=answers)
    one.listen(events.put)
    one.start(1001, ["peer"])
    wire.say(*said)
    found = []
    while not isinstance(event := events.get(timeout=60), Lost):
        found.append(event)
    with pytest.raises(HostError, match="it "):
        one.ask(Clock)
    return [*found, event], wire


@pytest.mark.parametrize(
    "said",
    [
        {"event": "ended", "peer": 1002, "status": 0},
        {"event": "ended", "peer": 1003, "status": 0},
        {"event": "started", "peer": 1001, "pid": 8},
        {"event": "line", "peer": 1003, "line": json.dumps(STATUS | {"peer": 1003})},
        {"answer": "time", "time": 1.0},
    ],
    ids=["another's", "not started", "started twice", "not running", "not asked"],
)
def test_what_cannot_be_now_ends_the_connection(said: Said) -> None:
    """The end of a peer that doesn't run, a second start, an answer that nobody asked for: the host is lost."""
    events, wire = start(runs(), said)
    assert isinstance(events[-1], Lost)
    assert (
        "no agent says" in events[-1].why
        or "isn't running" in events[-1].why
        or "wasn't asked" in events[-1].why
    )
    assert wire.closed


def test_an_end_counts_once() -> None:
    """A second end of the same peer is no end."""
    events, _wire = start(runs(1001), {"event": "ended", "peer": 1001, "status": 0})
    assert events[1:] == [Ended(1001, 0), Lost("it told of peer 1001, which isn't running there")]


def test_what_is_shown_of_a_host_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Diagnostics of a host beyond a limit aren't shown, which is told once."""
    monkeypatch.setattr(sessions, "MOST_DIAGNOSTICS", 3)
    lines: list[Said] = [{"event": "diagnostic", "line": str(i)} for i in range(9)]
    events, _wire = start(runs(), *lines, b"")
    told = [event.line for event in events if isinstance(event, Diagnostic)]
    assert told == ["0", "1", "it says too much: what follows is in its peers' stderr only"]


def launch(eve: Callable[[dict[str, Any]], list[Said]]) -> tuple[int, dict[int, int], Recorder]:
    """The launch of a peer at an honest host and one at this one."""
    recorder = Recorder()
    alice, _ = liar.session("alice", 1001, answers=runs(1001))
    other, _ = liar.session("eve", 1002, answers=eve)
    outcome = RemoteLauncher([(alice, 1001, []), (other, 1002, [])], recorder).run()
    return outcome.exit_status, outcome.statuses, recorder


@pytest.mark.parametrize(
    "said",
    [
        [{"event": "ended", "peer": 1001, "status": 0}],
        [
            {"event": "started", "peer": 1002, "pid": 7},
            {"event": "ended", "peer": 1002, "status": "0"},
        ],
        [{"event": "ended", "peer": 4711, "status": 0}],
        [{"event": "ended"}],
        [{"event": "line", "peer": 1002, "line": "\ud800"}],
        [b"\x1b[2J\n"],
    ],
    ids=["another's", "no number", "unknown", "missing", "surrogate", "control"],
)
def test_a_lie_is_its_hosts_failure(said: list[Said]) -> None:
    """A launch with a lying host ends with 8, the honest host's peers with what they ended with, without a traceback."""
    exit_status, statuses, recorder = launch(lambda _order: said)
    assert exit_status == ExitStatus.HOSTS_FAILED
    assert statuses == {1001: 0, 1002: ExitStatus.HOSTS_FAILED}
    assert any("eve is lost: it " in line for line in recorder.diagnostics)
    assert all(line.isprintable() for line in recorder.diagnostics)


def test_a_flood_fills_no_memory() -> None:
    """Of what a host says faster than it can be shown, only so much waits, and its peer's end gets through."""
    one, wire = liar.session("eve", 1001, answers=runs())
    flood: list[Said] = [{"event": "diagnostic", "line": "x"}] * (5 * MOST_WAITING)

    class Slow(Recorder):
        def on_start(self, peer_id: int, pid: int) -> None:
            super().on_start(peer_id, pid)
            wire.say(*flood, {"event": "ended", "peer": 1001, "status": 0})
            wire.await_taken()

    recorder = Slow()
    assert RemoteLauncher([(one, 1001, [])], recorder).run() == Outcome(0, {1001: 0})
    assert len(recorder.diagnostics) == MOST_WAITING


# Collecting.

CONFIG = SwarmConfig(
    1,
    1,
    1,
    "file",
    6,
    3,
    (*liar.host("alice", 1001, seed=1001).peers, *liar.host("eve", 1002).peers),
)
SHA = "0" * 64


def results(order: dict[str, Any], peer: int, files: dict[str, Any], note: Any) -> list[Said]:
    """The answers of a host to the orders of a collection."""
    if order["do"] == "results":
        return [{"answer": "results", "results": files, "note": note}]
    return [{"answer": "sums", "sums": {f"peer_{peer}/file": {"sha256": SHA, "problem": None}}}]


def collected(
    tmp_path: Path, files: dict[str, Any], note: Any, eve: Callable[..., list[Said]] = results
) -> Any:
    """The result of a collection from an honest host and one that says this; the wires of both."""
    plan = Plan(Options(runs=tmp_path), CONFIG, Settings(), random_seed=1)
    wires = {
        "alice": LyingWire(
            lambda order: results(order, 1001, {"log_peer_1001.log": 1}, NOTE),
            {"log_peer_1001.log": b"a"},
        ),
        "eve": LyingWire(
            lambda order: eve(order, 1002, files, note),
            {"log_peer_1002.log": b"e", "trace_peer_1002.jsonl": b""},
        ),
    }
    with Fleet(plan.hosts, lambda host: Session(host, wires[host.name], "")) as fleet:
        return collect(plan, fleet, make_console(), board=None, exit_status=0), wires


NOTE = {
    "run": "r",
    "random_seed": 7,
    "peers": {"1001": {"exit_status": 0, "line": json.dumps(STATUS)}},
}


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({"trace_peer_1002.jsonl": "big"}, "trace_peer_1002.jsonl: int: expected int"),
        ({"trace_peer_1002.jsonl": -1}, "trace_peer_1002.jsonl: int: -1 can't be"),
        ({"trace_peer_1002.jsonl": None}, "trace_peer_1002.jsonl: int: expected int"),
        ({"trace_peer_1002.jsonl": 1_500_000_000}, "1.4 GiB are more than such a swarm writes"),
        ({"trace_peer_1002.jsonl": 1}, "1 bytes were announced"),
    ],
)
def test_one_bad_name_costs_itself_only(tmp_path: Path, files: dict[str, Any], told: str) -> None:
    """A file whose size is none, too large or a lie isn't brought, which is told; the host's others are."""
    result, wires = collected(tmp_path, {**files, "log_peer_1002.log": 1}, {})
    (problem,) = result.problems
    assert problem.startswith("eve: ")
    assert told in problem
    assert result.exit_status == ExitStatus.HOSTS_FAILED
    assert {path.name for path in result.folder.glob("*.log")} == {
        "log_peer_1001.log",
        "log_peer_1002.log",
    }
    assert not (result.folder / "trace_peer_1002.jsonl").exists()
    assert len(wires["eve"].fetched) <= 2
    assert result.copies[1002].sha256 == SHA


def test_a_size_is_looked_at_before_anything_comes(tmp_path: Path) -> None:
    """What is too much together with what has come isn't even asked for."""
    most = ROOM + ROOM_A_PIECE * CONFIG.piece_count * len(CONFIG.peers)
    result, wires = collected(tmp_path, {"log_peer_1002.log": 1, "trace_peer_1002.jsonl": most}, {})
    assert wires["eve"].fetched == ["/home/eve/swarmproof/swarm/log_peer_1002.log"]
    assert len(result.problems) == 1


@pytest.mark.parametrize(
    "name",
    ["../x", "log_peer_1001.log", "log_peer_1002.log.\u0661", "log_peer_1002.log\n", "\x1b[2J"],
)
def test_names_that_are_no_peers_own(tmp_path: Path, name: str) -> None:
    """A name that isn't one of the host's own peers' results is passed by."""
    result, wires = collected(tmp_path, {name: 1, "log_peer_1002.log": 1}, {})
    assert wires["eve"].fetched == ["/home/eve/swarmproof/swarm/log_peer_1002.log"]
    assert result.problems == ()


@pytest.mark.parametrize(
    "note",
    [
        {"peers": {"1001": {"exit_status": 4}}},
        {"peers": {"1002": {"exit_status": "0"}}},
        {"peers": []},
        {"random_seed": "\ud800"},
        [],
    ],
)
def test_a_note_that_lies(tmp_path: Path, note: Any) -> None:
    """What a host kept of a launch counts for its own peers, or not at all; its logs are brought all the same."""
    result, _ = collected(tmp_path, {"log_peer_1002.log": 1}, note)
    (problem,) = result.problems
    assert problem.startswith("eve: what it kept of the launch: ")
    assert (result.peers[1001].exit_status, result.peers[1002].exit_status) == (0, None)
    assert result.random_seed == 7
    assert (result.folder / "log_peer_1002.log").exists()


def test_a_host_that_lies_in_the_middle(tmp_path: Path) -> None:
    """A host that answers wrongly after its logs have come keeps what came, and costs nobody else's."""

    def eve(order: dict[str, Any], peer: int, files: dict[str, Any], note: Any) -> list[Said]:
        return (
            [{"answer": "sums", "sums": 7}]
            if order["do"] == "sums"
            else results(order, peer, files, note)
        )

    result, _ = collected(tmp_path, {"log_peer_1002.log": 1}, {}, eve)
    assert result.copies[1001].identical
    assert result.copies[1002].problem == "unknown: its host failed"
    assert "eve: it said what no agent says: Sums.sums: expected dict, found 7" in result.problems
    assert (result.folder / "log_peer_1002.log").exists()


# Checking.


@pytest.mark.parametrize(
    "change",
    [
        {"ports": {}},
        {"sizes": {}},
        {"free": "1"},
        {"running": [["x", "\ud800"]]},
        {"unresolved": None},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_check_that_is_answered_wrongly(
    change: dict[str, Any], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """A host that doesn't answer all that a check asks fails, and the others' rows are shown."""

    def answer(name: str, peer: int) -> Callable[[dict[str, Any]], list[Said]]:
        look = {
            "ports": {str(peer): None},
            "unresolved": [],
            "free": 1 << 40,
            "sizes": {f"peer_{peer}/file": 6},
            "running": [],
        }

        def answer(order: dict[str, Any]) -> list[Said]:
            if order["do"] == "time":
                return [{"answer": "time", "time": 0}]
            return [{"answer": "look", **look, **(change if name == "eve" else {})}]

        return answer

    plan = Plan(Options(runs=tmp_path), CONFIG, Settings(), random_seed=1)
    wires = {"alice": LyingWire(answer("alice", 1001)), "eve": LyingWire(answer("eve", 1002))}

    def connect(host: Host) -> Session:
        return Session(host, wires[host.name], "")

    with ExitStack() as stack:
        fleet = stack.enter_context(Fleet(plan.hosts, connect))
        assert not check(plan, fleet, make_console())
    out = capsys.readouterr().out
    assert "6001 is free" not in out.splitlines()[0]
    assert any(row.startswith(" alice") and "is free" in row for row in out.splitlines())
    assert any(row.startswith("eve: it ") for row in out.splitlines())
    assert out.replace("\n", "").isprintable()

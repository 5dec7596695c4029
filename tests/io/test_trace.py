"""`peerio.runtime` and `peerio.trace`: a scripted peer, what it writes, and what docs/trace.md promises."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from core.config import PeerInfo, SwarmConfig
from core.exits import ExitStatus
from core.interface.events import Timer
from core.interface.messages import CHOKE, INTERESTED, UNCHOKE, Bitfield, Message, Request
from core.peer import Peer
from peerio.eventlog import LineFile, Stamp
from peerio.frames import describe
from peerio.runtime import Logs, Runtime
from peerio.storage import StorageError
from peerio.trace import EVENTS

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "trace.md"
CONFIG = SwarmConfig(
    1,
    1.0,
    3.0,
    "file",
    40,
    10,
    (
        PeerInfo(1, "localhost", 6001, has_file=False),
        PeerInfo(2, "localhost", 6002, has_file=True),
        PeerInfo(3, "localhost", 6003, has_file=True),
    ),
)
ALL = Bitfield(b"\1\1\1\1")


class FakeClock:
    now = 100.0


class FakeNetwork:
    """The contract's `Network`, which only writes down what is asked of it."""

    def __init__(self, journal: list[str]) -> None:
        self.clock = FakeClock()
        self._journal = journal

    def start_server(self) -> None:
        self._journal.append("start")

    def connect_to_peer(self, remote_peer_id: int, host: str, port: int) -> None:
        self._journal.append(f"dial {remote_peer_id} {host}:{port}")

    def send_message(self, remote_peer_id: int, message: Message) -> None:
        self._journal.append(f"send {remote_peer_id} {message}")

    def broadcast_message(self, message: Message, exclude: set[int] | None = None) -> None:
        self._journal.append(f"broadcast {message}")

    def send_piece(self, remote_peer_id: int, piece: int) -> None:
        self._journal.append(f"send piece {remote_peer_id} {piece}")

    def close_connection(self, remote_peer_id: int, *, flush: bool) -> None:
        self._journal.append(f"close {remote_peer_id} {flush}")

    def punish(self, remote_peer_id: int, reason: str, clause: str) -> None:
        self._journal.append(f"punish {remote_peer_id} {reason} {clause}")

    def forgive_content(self) -> None:
        self._journal.append("forgive content")

    def set_timer(self, timer: Timer, at: float | None) -> None:
        self._journal.append(f"timer {timer.name} {at}")

    def shutdown(self) -> None:
        self._journal.append("shutdown")

    def post(self, call: Callable[[], None]) -> None:
        call()


class FakeStore:
    """Keeps contents; fails if told to."""

    def __init__(self) -> None:
        self.contents: dict[int, bytes] = {}
        self.fails = False
        self.completed = False
        self.wrong = False

    def sink(self, index: int, /, *, digest: bool = False) -> FakeSink:
        return FakeSink(self, index, digest=digest)

    def erase(self, index: int, /) -> None:
        if self.fails:
            raise StorageError("disk full")
        del self.contents[index]

    def complete(self) -> None:
        if self.fails:
            raise StorageError("no real name")
        self.completed = True


class FakeSink:
    def __init__(self, store: FakeStore, index: int, *, digest: bool) -> None:
        self._store, self._index, self._digest = store, index, digest

    def write(self, data: memoryview, /) -> None:
        if self._store.fails:
            raise StorageError("disk full")
        self._store.contents[self._index] = bytes(data)

    def hexdigest(self) -> str | None:
        return "0123456789abcdef" if self._digest else None

    def is_right(self) -> bool:
        return not self._store.wrong


class Stage:
    """A runtime between fakes, with a log and, if asked for, a trace."""

    def __init__(self, folder: Path, *, tracing: bool, has_file: bool = False) -> None:
        self.folder = folder
        self.journal: list[str] = []
        self.warnings: list[str] = []
        self.network = FakeNetwork(self.journal)
        self.store = FakeStore()
        log = LineFile(folder / "log")
        trace = LineFile(folder / "trace") if tracing else None
        self.logs = Logs(1, log, trace, lambda: self.network.clock.now, Stamp(lambda: 0.5))
        core = Peer(CONFIG, 1, Random(2), tracing=tracing)
        self.runtime = Runtime(CONFIG, core, self.store, self.logs, self.warnings.append)
        self.runtime.network = self.network

    def asked(self) -> int:
        """The piece that was requested last, this turn being over."""
        self.runtime.on_turn_end()
        return int(re.findall(r"Request\(piece=(\d+)", "\n".join(self.journal))[-1])

    def gives(self, neighbor: int, piece: int) -> None:
        """A neighbor delivers a piece, which is kept."""
        sink = self.runtime.on_piece_start(neighbor, piece)
        assert sink is not None
        sink.write(memoryview(b"0123456789"))
        self.runtime.on_piece_end(neighbor, piece)

    def records(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.folder / "trace").read_text().splitlines()]


def play(stage: Stage) -> None:
    """A life in which everything happens that leaves a record."""
    runtime, trace = stage.runtime, stage.logs.trace
    assert trace is not None
    trace.start(CONFIG, peer_id=1, random_seed=7, run="rehearsal")
    runtime.on_started()
    for neighbor in (2, 3):
        trace.connection(f"{neighbor}:5000>1", neighbor, "open", {"incoming": True})
        runtime.on_peer_connected(neighbor, True)
        runtime.on_message(neighbor, ALL)
        runtime.on_message(neighbor, INTERESTED)
        runtime.on_message(neighbor, Request(0))  # choked: dropped
    for way in ("in", "out"):
        trace.message(way, "2:5000>1", 2, 1, *describe(ALL))
    trace.message("in", "2:5000>1", 2, 2, *describe(UNCHOKE))
    runtime.on_message(2, UNCHOKE)
    stage.asked()
    runtime.on_message(2, CHOKE)  # freed
    runtime.on_message(3, UNCHOKE)
    assert runtime.on_piece_start(3, (stage.asked() + 1) % 4) is None  # skipped
    runtime.on_piece_end(3, (stage.asked() + 1) % 4)
    runtime.on_turn_end()
    stage.store.wrong = True
    stage.gives(3, stage.asked())  # rejected
    stage.store.wrong = False
    runtime.on_turn_end()
    stage.network.clock.now += 4.0
    runtime.on_timer(Timer.RESELECTION)
    for _ in range(4):
        stage.gives(3, stage.asked())
    runtime.on_haves(2, [1, 2])
    trace.connection("2:5000>1", 2, "closed", {"cause": "end"})
    runtime.on_turn_end()
    runtime.close()


# The document.


def documented() -> tuple[dict[str, str], dict[str, set[str]]]:
    """The common fields with their types, and each kind's own fields, from the tables of docs/trace.md."""
    text = DOCUMENT.read_text()
    rows = [
        [cell.strip() for cell in line.strip("|").split(" | ")]
        for line in text.splitlines()
        if line.startswith("| `")
    ]
    common = {row[0].strip("` "): row[1] for row in rows[:6]}
    kinds: dict[str, set[str]] = {}
    for row in rows[6:]:
        fields = row[1]
        if row[0] != "`event`":  # only there the fields stand in parentheses
            while "(" in fields:
                fields = re.sub(r"\([^()]*\)", "", fields)
        names = set(re.findall(r"`(\w+)`", fields))
        kinds |= dict.fromkeys(re.findall("`([^`]+)`", row[0]), names)
    return common, kinds


def test_the_document_is_read() -> None:
    """The tables of docs/trace.md are what the next tests take them for."""
    common, kinds = documented()
    assert list(common) == ["v", "peer", "seq", "t_wall", "t_mono", "kind"]
    assert set(kinds) == {
        "start", "connection", "out …", "in …", "event", "transition", "preferred", "optimistic",
        "request", "freed", "skipped", "rejected", "dropped", "end",
    }  # fmt: skip
    assert kinds["freed"] == {"neighbor", "piece", "cause"}


@pytest.fixture
def traced(tmp_path: Path) -> Stage:
    stage = Stage(tmp_path, tracing=True)
    play(stage)
    return stage


def test_every_kind_is_written_with_its_fields(traced: Stage) -> None:
    """Records have common fields, and of their kind's own fields those that apply (docs/trace.md)."""
    common, kinds = documented()
    partly = {"connection", "out …", "in …", "event"}  # not all of their fields apply to each
    seen = set()
    for record in traced.records():
        kind = re.sub(" .*", " …", record["kind"])
        seen.add(kind)
        own = record.keys() - common.keys()
        assert own <= kinds[kind], record
        assert kind in partly or own == kinds[kind], record
    assert seen == kinds.keys()


def test_common_fields(traced: Stage) -> None:
    """Records are numbered without gaps, by their writer, with both times of their turn (docs/trace.md)."""
    types = {"int": int, "float": float, "str": str}
    records = traced.records()
    for record in records:
        for name, kind in documented()[0].items():
            assert name not in record or type(record[name]) is types[kind]
        assert {"seq", "kind"} <= record.keys()
    assert [record["seq"] for record in records] == list(range(len(records)))
    assert [record["v"] for record in records if "v" in record] == [2]
    assert [record["peer"] for record in records if "peer" in record] == [1]
    assert [record["t_mono"] for record in records if "t_mono" in record] == [100.0, 104.0]
    assert all(("t_wall" in record) == ("t_mono" in record) for record in records)
    assert (records[0]["kind"], records[-1]["kind"]) == ("start", "end")


def sentence(event: dict[str, Any]) -> str:
    """The text of the log that goes with an event, by the table of the specification (spec 8.1)."""
    name, other, piece = event["event"], event.get("neighbor"), event.get("piece")
    texts = {
        "made_connection": f"makes a connection to Peer {other}.",
        "was_connected": f"is connected from Peer {other}.",
        "preferred_neighbors": "has the preferred neighbors "
        + ",".join(map(str, event.get("neighbors", [])))
        + ".",
        "optimistic_neighbor": f"has the optimistically unchoked neighbor {other}.",
        "unchoked": f"is unchoked by {other}.",
        "choked": f"is choked by {other}.",
        "received_have": f"received the 'have' message from {other} for the piece {piece}.",
        "received_interested": f"received the 'interested' message from {other}.",
        "received_not_interested": f"received the 'not interested' message from {other}.",
        "downloaded_piece": f"has downloaded the piece {piece} from {other}. "
        f"Now the number of pieces it has is {event.get('count')}.",
        "completed": "has downloaded the complete file.",
    }
    return f"Peer 1 {texts[name]}"


def test_haves_that_come_together_share_records(tmp_path: Path) -> None:
    """Haves have a record for at most 1,000, whose numbers and lines count on (docs/trace.md)."""
    pieces = [*range(2000), 7]
    trace = LineFile(tmp_path / "trace")
    logs = Logs(1, LineFile(tmp_path / "log"), trace, lambda: 1.0, Stamp(lambda: 0.5))
    assert logs.trace is not None
    logs.trace.haves_came("2:5>1", 2, 10, pieces)
    logs.write("received_have", {"neighbor": 2, "pieces": pieces})
    logs.trace.haves_queued(["2:5>1", "3:5>1"], [4, 7], pieces)
    logs.write("unchoked", {"neighbor": 2})
    logs.close()
    records = [json.loads(line) for line in (tmp_path / "trace").read_text().splitlines()]
    parts = [pieces[:1000], pieces[1000:2000], pieces[2000:]]
    assert [record.get("pieces") for record in records] == [*parts, *parts, *parts, None]
    assert [record.get("mseq") for record in records[:3]] == [10, 1010, 2010]
    assert [record["line"] for record in records[3:6]] == [1, 1001, 2001]
    assert [record["mseqs"] for record in records[6:9]] == [[4, 7], [1004, 1007], [2004, 2007]]
    assert records[9]["line"] == 2002
    assert all(len(line) < 8192 for line in (tmp_path / "trace").read_text().splitlines())


def test_what_follows_at_once_shares_a_record(tmp_path: Path) -> None:
    """A message and its line, a draw and its request have one record, if nothing else comes between (docs/trace.md)."""
    logs = Logs(1, LineFile(tmp_path / "log"), LineFile(tmp_path / "trace"), lambda: 1.0, Stamp())
    trace = logs.trace
    assert trace is not None
    draw = {"neighbor": 2, "candidates": 3, "draw": 1, "piece": 4}
    for between in (False, True):
        trace.message("in", "2:5>1", 2, 1, *describe(CHOKE))
        if between:
            trace.record("freed", {"neighbor": 2, "piece": 4, "cause": "choke"})
        logs.write("choked", {"neighbor": 2})
        trace.record("request", draw)
        if between:
            logs.end_turn()
        trace.message("out", "2:5>1", 2, 1, *describe(Request(4)))
    trace.message("in", "2:5>1", 2, 2, *describe(CHOKE))
    logs.write("choked", {"neighbor": 3})
    trace.record("request", draw)
    trace.message("out", "2:5>1", 2, 1, *describe(Request(5)))
    trace.message("in", "2:5>1", 2, 3, *describe(CHOKE))
    logs.close()
    records = [json.loads(line) for line in (tmp_path / "trace").read_text().splitlines()]
    assert [record["seq"] for record in records] == list(range(12))
    assert [(r["kind"], r.get("line"), r.get("draw")) for r in records] == [
        ("in choke", 1, None),
        ("out request", None, 1),
        ("in choke", None, None),
        ("freed", None, None),
        ("event", 2, None),
        ("request", None, 1),
        ("out request", None, None),
        ("in choke", None, None),
        ("event", 3, None),
        ("request", None, 1),
        ("out request", None, None),
        ("in choke", None, None),
    ]


def told(records: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """What records tell of each line of the log."""
    for record in records:
        if "line" not in record:
            continue
        event = {**record, "event": record.get("event") or EVENTS[record["kind"][3:]]}
        if "conn" in record:
            event["neighbor"] = int(re.findall(r"\d+", record["conn"])[0])
        for line, piece in enumerate(event.get("pieces", [event.get("piece")]), event["line"]):
            yield {**event, "line": line, "piece": piece}


def test_the_log_is_a_part_of_the_trace(traced: Stage) -> None:
    """Each log line is told with its fields and number, in the same order (docs/trace.md, `event`)."""
    records = traced.records()
    lines = (traced.folder / "log").read_text().splitlines()
    events = list(told(records))
    assert [event["line"] for event in events] == list(range(1, len(lines) + 1))
    for line, event in zip(lines, events, strict=True):
        assert line == f"{records[0]['t_wall']}: {sentence(event)}"
    names = DOCUMENT.read_text().partition("`event` is one of ")[2].partition(" |")[0]
    assert {event["event"] for event in events} <= set(re.findall(r"`(\w+)`", names))


def test_a_decision_stands_before_what_it_causes(traced: Stage) -> None:
    """A reselection's record stands before the transitions and lines that follow from it (docs/trace.md)."""
    kinds = [record["kind"] for record in traced.records()]
    at = kinds.index("preferred")
    assert kinds[at : at + 3] == ["preferred", "event", "transition"]


def test_the_first_record_names_the_installed_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The trace's first record has the version that is installed, or says that it isn't known (docs/trace.md)."""
    versions = []
    for path in ([], [tmp_path / "nowhere", tmp_path]):
        (tmp_path / "swarmproof-9.8.dist-info").mkdir(exist_ok=True)
        monkeypatch.setattr("sys.path", [str(folder) for folder in path])
        folder = tmp_path / str(len(path))
        folder.mkdir()
        stage = Stage(folder, tracing=True)
        play(stage)
        versions.append(stage.records()[0]["version"])
    assert versions == ["unknown", "9.8"]


def test_without_tracing_there_is_no_trace(tmp_path: Path) -> None:
    """Without tracing no record is written, no digest is made, and the log is the same (design 6.2)."""
    stage = Stage(tmp_path, tracing=False)
    runtime = stage.runtime
    runtime.on_started()
    runtime.on_peer_connected(2, True)
    runtime.on_message(2, ALL)
    runtime.on_message(2, UNCHOKE)
    sink = runtime.on_piece_start(2, stage.asked())
    assert sink is not None
    assert sink.hexdigest() is None
    runtime.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["log"]


# The runtime: it carries out, and decides nothing.


def test_lines_are_written_before_sends(tmp_path: Path) -> None:
    """The lines of a turn are on disk when the turn ends, and networking sends only then (spec 8.4)."""
    stage = Stage(tmp_path, tracing=False)
    stage.runtime.on_started()
    stage.runtime.on_peer_connected(2, True)
    assert (tmp_path / "log").read_text() == ""
    assert any(line.startswith("send 2 Bitfield") for line in stage.journal)
    stage.runtime.on_turn_end()
    assert (tmp_path / "log").read_text().endswith(": Peer 1 is connected from Peer 2.\n")


def test_a_whole_life(tmp_path: Path) -> None:
    """What the core orders is done: pieces are stored, counted, announced, the file completed, the end begun (spec 5.3, 9.2)."""
    stage = Stage(tmp_path, tracing=False)
    runtime, unchokes = stage.runtime, list[str]()
    runtime.on_first_unchoke = lambda: unchokes.append("first")
    runtime.on_started()
    for neighbor in (2, 3):
        runtime.on_peer_connected(neighbor, True)
        runtime.on_message(neighbor, ALL)
    runtime.on_message(3, INTERESTED)
    runtime.on_message(2, UNCHOKE)
    for _ in range(4):
        stage.gives(2, stage.asked())
    assert stage.store.completed
    assert stage.store.contents == dict.fromkeys(range(4), b"0123456789")
    assert (runtime.down, runtime.up) == (40, 0)
    assert [line for line in stage.journal if line.startswith("broadcast")][-1].startswith(
        "broadcast Have"
    )
    assert stage.journal[-1] == "shutdown"
    assert (runtime.status, runtime.reason) == (0, "all complete")
    assert unchokes == ["first"]


def test_a_disk_that_fails_is_told_once(tmp_path: Path) -> None:
    """A failed write is told once, the piece is not announced, and the peer ends with status 4 (spec 7.4)."""
    stage = Stage(tmp_path, tracing=False)
    runtime = stage.runtime
    runtime.on_started()
    runtime.on_peer_connected(2, True)
    runtime.on_message(2, Bitfield(b"\1\1\1\0"))
    runtime.on_message(2, UNCHOKE)
    piece = stage.asked()
    sink = runtime.on_piece_start(2, piece)
    assert sink is not None
    stage.store.fails = True
    sink.write(memoryview(b"01234"))
    sink.write(memoryview(b"56789"))
    runtime.on_piece_end(2, piece)
    runtime.can_not_write("and the log too")
    assert stage.warnings == ["disk full; nothing more is requested, what is here is served"]
    assert not any(line.startswith("broadcast") for line in stage.journal)
    assert runtime.down == 0
    runtime.on_peer_disconnected(2)
    assert (runtime.status, runtime.reason) == (4, "disk full")


def test_a_failure_with_the_end_decides_the_status(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that can't get its name fails the peer, though the order to end with 0 comes with it (spec 7.4, 9.2)."""
    stage = Stage(tmp_path, tracing=True)

    def fail() -> None:
        raise StorageError("file.part: can't be renamed")

    monkeypatch.setattr(stage.store, "complete", fail)
    runtime = stage.runtime
    runtime.on_started()
    for neighbor in (2, 3):
        runtime.on_peer_connected(neighbor, True)
        runtime.on_message(neighbor, ALL)
    runtime.on_message(2, UNCHOKE)
    for _ in range(4):
        stage.gives(2, stage.asked())
    assert stage.journal[-1] == "shutdown"
    assert runtime.outcome == (ExitStatus.FAILED, "file.part: can't be renamed")
    assert stage.warnings == [
        "file.part: can't be renamed; nothing more is requested, what is here is served"
    ]


@pytest.mark.parametrize(
    ("ordered", "outcome"),
    [
        (ExitStatus.COMPLETE, ExitStatus.FAILED),
        (ExitStatus.MISSING, ExitStatus.FAILED),
        (ExitStatus.INTERRUPTED, ExitStatus.INTERRUPTED),
        (ExitStatus.TERMINATED, ExitStatus.TERMINATED),
    ],
)
def test_a_failure_after_the_end_decides_the_status(
    tmp_path: Path, ordered: ExitStatus, outcome: ExitStatus
) -> None:
    """A log that fails after the order to end makes 0 and 3 a 4; a signal's status stands (spec 7.4)."""
    stage = Stage(tmp_path, tracing=False)
    stage.runtime.on_started()
    stage.runtime.request_stop(ordered, "the reason")
    stage.runtime.can_not_write("log: can't be written")
    stage.runtime.on_local_failure("and again")
    reason = "log: can't be written" if outcome is ExitStatus.FAILED else "the reason"
    assert stage.runtime.outcome == (outcome, reason)
    assert (stage.runtime.status, stage.runtime.reason) == (outcome, reason)


def test_a_file_that_can_not_be_read_ends_the_peer(tmp_path: Path) -> None:
    """A peer whose file can't be read is of no use: told once, it ends at once with status 4 (spec 7.4)."""
    stage = Stage(tmp_path, tracing=False)
    runtime = stage.runtime
    runtime.on_started()
    runtime.on_peer_connected(2, True)
    runtime.can_not_write("disk full")
    assert "shutdown" not in stage.journal
    runtime.on_local_failure("the file was cut")
    runtime.on_local_failure("the file was cut")
    assert stage.warnings[1:] == ["the file was cut; nothing can be served any more"]
    assert (runtime.status, runtime.reason) == (4, "disk full")
    assert stage.journal[-1] == "shutdown"

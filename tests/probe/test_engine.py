"""What the engine does around sessions: a lag repeats them, contact decides whether they are held."""

from __future__ import annotations

import socket
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import probe.cases
import probe.sessions  # noqa: F401 -- registers the sessions
from probe import engine
from probe.conversation.link import Link
from probe.conversation.stage import LONGEST_SECONDS, Stage
from probe.engine import Engine, Run, look_at
from probe.model import Event, Finding, Outcome, Plan, Record
from probe.program.folders import Folder
from probe.program.program import OUTPUT_BYTES
from probe.program.words import meaning, trace_in
from probe.registry import PLANS
from probe.sessions import steps
from probe.settings import Settings


class Played(Engine):
    """An engine whose sessions are made up: what each finds, and how late its loop was."""

    def __init__(self, found: dict[str, tuple[str, Outcome]], lag: float = 0.0) -> None:
        super().__init__(Settings(command="x {id}"), Path("unused"), lambda *_: None)
        self.found = found
        self.lag = lag
        self.held: list[tuple[str, bool]] = []

    def _one(self, plan: Plan, settings: Settings, *, alone: bool = False) -> Record:
        self.held.append((plan.name, alone))
        record = Record(plan, alone=alone, lag=0.0 if alone else self.lag)
        stuck = ""
        if plan.name in self.found:
            case, outcome = self.found[plan.name]
            record.findings.append(Finding(case, plan.name, outcome, spine=True))
            stuck = case if plan.name == "contact-leecher" else ""
        look_at(record, stuck)
        return record


def outcome_of(run: Run, session: str, case: str) -> Outcome:
    record = next(one for one in run.records if one.plan.name == session)
    return next(one.outcome for one in record.findings if one.case == case)


def test_a_lag_repeats_a_session_alone() -> None:
    """A timing case that was judged while the probe was late is asked once more, alone (rule 5)."""
    engine = Played({"slots": ("CH-02", Outcome.BROKEN)}, lag=0.3)
    run = engine.run(["slots", "trickle"])
    assert [name for name, alone in engine.held if alone] == ["slots"]
    assert outcome_of(run, "slots", "CH-02") is Outcome.BROKEN


@pytest.mark.parametrize(
    ("found", "lag"),
    [({"slots": ("CH-02", Outcome.BROKEN)}, 0.05), ({"slots": ("CH-04", Outcome.BROKEN)}, 0.3)],
)
def test_only_what_was_late_is_repeated(found: Any, lag: float) -> None:
    """Without a lag, or without a timing case, nothing is held twice."""
    engine = Played(found, lag)
    engine.run(["slots"])
    assert not [name for name, alone in engine.held if alone]


def test_contact_comes_first() -> None:
    """Both contact sessions are held before any other (rule 3)."""
    engine = Played({})
    engine.run(["trickle", "slots"])
    assert {name for name, _ in engine.held[:2]} == {"contact-seed", "contact-leecher"}


@pytest.mark.parametrize(("start", "jobs"), [(0.3, 8), (2.6, 7), (8.0, 2), (30.0, 1)])
def test_slow_starters_are_held_fewer_at_a_time(start: float, jobs: int) -> None:
    """A program that takes long to be up gets its time: fewer sessions at once, and it is said."""
    run = Run([Record(PLANS["contact-seed"], [Event(start, 1002, sent=True, kind="connection")])])
    engine = Played({})
    assert engine._jobs(run) == jobs
    assert (jobs < 8) == bool(run.notes)
    assert engine.start_seconds == start


WORKS = """
import socket, sys, time
while time.process_time() < float(sys.argv[2]): pass
port = next(int(line.split()[2]) for line in open("PeerInfo.cfg") if line.startswith(sys.argv[1]))
socket.create_server(("", port)).accept()
"""


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
@pytest.mark.parametrize(("seconds", "up"), [("1.5", True), ("1000", False)])
def test_who_works_is_waited_for(
    seconds: str, up: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A program that isn't up in time, but works hard, may still be starting; not without end."""
    monkeypatch.setattr(steps, "BUSY_SECONDS", 3.0 if not up else 20.0)
    (tmp_path / "works.py").write_text(WORKS)
    command = f"{sys.executable} {tmp_path / 'works.py'} {{id}} {seconds}"
    stage = Stage(PLANS["contact-seed"], Settings(command=command, copy="none"), tmp_path / "s")
    stage.up_seconds = 0.2
    stage.folder.fill(
        {one: other.port for one, other in stage.neighbors.items()} | {1001: stage.port}
    )
    stage.start()
    came = steps.comes_up(stage, lambda: stage.neighbors[1002].here)
    stage.close()
    assert came is up


def test_who_does_not_dial_is_asked_nothing_that_needs_it() -> None:
    """Sessions in which the program must dial are blocked where contact has shown that it doesn't."""
    engine = Played({"contact-leecher": ("CN-01", Outcome.BROKEN)})
    run = engine.run(["trickle", "choked"])
    assert "trickle" not in [name for name, _ in engine.held]
    assert "choked" in [name for name, _ in engine.held]
    assert outcome_of(run, "trickle", "IN-05") is Outcome.BLOCKED


def test_no_session_is_longer_than_a_minute() -> None:
    """No plan expects more than a session may take, and the stage ends them all before 60 s."""
    assert LONGEST_SECONDS <= 50
    assert max(plan.seconds for plan in PLANS.values()) < LONGEST_SECONDS


def test_the_loop_knows_its_own_lag(tmp_path: Path) -> None:
    """A pause in the probe itself is measured, and counts as its lag (rule 5)."""
    stage = Stage(PLANS["slots"], Settings(command="x {id}", copy="none"), tmp_path)
    try:
        stage.after(0.0, lambda: time.sleep(0.15))
        stage.run(0.2)
        assert stage.record.lag >= 0.15
    finally:
        stage.close()


LOUD = """
import sys, time
sys.stderr.write("Traceback (most recent call last):\\n  File x\\nValueError: the reason\\n")
open("huge", "wb").truncate(100 << 20)
for _ in range(12):
    sys.stdout.write("I wait for the others.\\n" * 50000)
    sys.stdout.flush()
    time.sleep(0.05)
time.sleep(100)
"""


@pytest.mark.swarm
def test_a_loud_program_is_heard_in_short(tmp_path: Path) -> None:
    """What a program prints without end is cut, not judged; its stack trace is kept, and no large file is left."""
    (tmp_path / "loud.py").write_text(LOUD)
    command = f"{sys.executable} {tmp_path / 'loud.py'} {{id}}"
    stage = Stage(PLANS["exact"], Settings(command=command, copy="none"), tmp_path / "out")
    stage.folder.fill({one: 1 for one, _ in stage.plan.peers})
    stage.start()
    huge = stage.folder.work / "huge"
    stage.run(30.0, lambda: huge.exists() and bool(stage.program and stage.program._trace))
    stage.run(0.5)
    stage.close()
    assert stage.folder.output.stat().st_size <= OUTPUT_BYTES + (4 << 20)
    assert any("the reason" in line for line in stage.record.trace)
    assert huge.stat().st_size <= 16 << 20


@pytest.mark.parametrize(
    "text",
    [
        "java.io.EOFException: gone\n\tat java.base/java.io.DataInputStream.readInt(DataInputStream.java:398)\n",
        'Exception in thread "main" java.lang.NullPointerException\n\tat A.b(A.java:1)\n',
        "terminate called after throwing an instance of 'std::out_of_range'\n",
    ],
)
def test_a_stack_trace_begins_with_what_was_thrown(text: str) -> None:
    """A stack trace is found behind other output, in each language, with the line that says what happened."""
    found = trace_in(f"connected\nwaiting\n{text}more\n")
    assert found[0] == text.splitlines()[0]
    assert not trace_in("connected\nno error at Peer.java\n")


@pytest.mark.parametrize("head", ["", "Exception in thread Thread-1 (run):\n"])
def test_a_python_trace_begins_with_its_last_line(head: str) -> None:
    """Python names the exception last: it comes first, then the innermost frames, without the marks below them."""
    frames = "".join(f'  File "a.py", line {n}, in f\n    g{n}()\n    ^^~~\n' for n in range(9))
    found = trace_in(
        f"up\n{head}Traceback (most recent call last):\n{frames}ValueError: no\nmore\n"
    )
    assert found[0] == "ValueError: no"
    assert [line.strip() for line in found[1:]] == ['File "a.py", line 7, in f', "g7()", 'File "a.py", line 8, in f', "g8()"]  # fmt: skip


@pytest.mark.parametrize(
    ("lines", "word"),
    [
        ('Exception in thread "main" java.util.NoSuchElementException: No line found', "type something"),
        ("EOFError: EOF when reading a line", "type something"),
        ("java.io.FileNotFoundException: /home/me\\Common.cfg (No such file)", "backslash"),
        ("FileNotFoundError: [Errno 2] No such file or directory: 'cfg/Common.cfg'", "configuration"),
        ("Error: Could not find or load main class peerProcess", "-cp"),
        ("OSError: [Errno 98] Address already in use", "in use"),
        ("ConnectionRefusedError: [Errno 111] Connection refused", ""),
    ],
)  # fmt: skip
def test_usual_last_words_are_explained(lines: str, word: str) -> None:
    """What a program dies of at its start is said in words, where it is one of the usual reasons."""
    assert word in meaning([lines]) if word else not meaning([lines])


def test_a_caught_exception_stands_before_the_trace_that_it_led_to() -> None:
    """An exception that was only printed is quoted before the stack trace that follows it."""
    caught = "java.io.FileNotFoundException: Common.cfg"
    thrown = 'Exception in thread "main" java.lang.ArithmeticException: / by zero'
    assert trace_in(f"up\n{caught}\n{thrown}\n\tat A.main(A.java:1)\n")[:2] == [caught, thrown]


@pytest.mark.parametrize(
    ("line", "places"),
    [
        ("java.io.FileNotFoundException: Peer_1001/TheFile.dat (No such file or directory)", ["Peer_{id}"]),
        ("[Errno 2] No such file or directory: './files/1001/TheFile.dat'", ["files/{id}"]),
        ("TheFile.dat: No such file or directory", []),
        ("couldn't open ../TheFile.dat", []),
        ("cannot open /nowhere/TheFile.dat", []),
        ("reading Peer_1001/TheFile.dat", []),
    ],
)  # fmt: skip
def test_a_folder_that_the_program_names_is_tried(line: str, places: list[str]) -> None:
    """Where a seed says in which folder it didn't find its file, that is another place to try."""
    record = Record(PLANS["contact-seed"], output=(line,), folder="/tmp/session")
    assert engine.named_place(record) == places


@pytest.mark.parametrize(("data", "file", "found"), [("auto", "peer_1003", True), (".", "peer_1003", True), (".", "", True), ("{id}", "peer_1003", True), ("auto", "1003", False)])  # fmt: skip
def test_the_place_of_the_assignment_is_always_right(
    data: str, file: str, found: bool, tmp_path: Path
) -> None:
    """A leecher's file may lie in peer_[id]/, wherever a seed's file was found."""
    folder = Folder(tmp_path, PLANS["fetch"], Settings(command="x {id}", data=data, copy="none"))
    path = folder.work / file / "TheFile.dat"
    path.parent.mkdir(parents=True)
    path.touch()
    assert any(one.is_file() for one in folder.finished_files()) is found


def test_messages_go_out_apart_and_in_order(tmp_path: Path) -> None:
    """Two messages never come in one read by themselves, and parts that are sent slowly keep their order behind them."""
    stage = Stage(PLANS["exact"], Settings(command="x {id}", copy="none"), tmp_path)
    near, far = socket.socketpair()
    near.setblocking(False)
    far.settimeout(2)
    link = Link(stage.neighbors[1002], near, dialled=True)
    link.put(b"first")
    link.put(b"second")
    assert far.recv(99) == b"first"
    stage.run(link.put_slowly(bytes(range(64)), 1, 0.0001) + 0.1)
    link.finish()
    data = b"".join(iter(lambda: far.recv(99), b""))
    stage.close()
    assert data == b"second" + bytes(range(64))


def test_the_project_is_not_written_to(tmp_path: Path) -> None:
    """Code is linked; a file that a program might write to is copied, so that the project stays as it is."""
    project = tmp_path / "project"
    (project / "out").mkdir(parents=True)
    for name in ("out/Peer.class", "state.txt", "out/state"):
        (project / name).write_text("as it was")
    settings = Settings(command="x {id}", project=str(project))
    folder = Folder(tmp_path / "session", PLANS["exact"], settings)
    folder.fill({one: 1 for one, _ in folder.plan.peers})
    assert (folder.work / "out" / "Peer.class").is_symlink()
    for name in ("state.txt", "out/state"):
        (folder.work / name).write_text("changed")
        assert (project / name).read_text() == "as it was"


@pytest.mark.parametrize(("lags", "held", "outcome"), [((3.0, 0.0), 2, "broken"), ((3.0, 3.0), 2, "undecided"), ((0.5,), 1, "broken")])  # fmt: skip
def test_a_machine_that_stood_still_blames_nobody(
    lags: tuple[float, ...], held: int, outcome: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A session in which the probe was late by more than a second is held again, and then judges nothing."""
    seen: list[Record] = []

    class Still:
        stuck_at = ""

        def __init__(self, plan: Plan, *_: object) -> None:
            self.plan = plan

        def hold(self) -> Record:
            record = Record(self.plan, lag=lags[len(seen)])
            record.findings.append(Finding("SV-02", self.plan.name, Outcome.BROKEN))
            seen.append(record)
            return record

    monkeypatch.setattr(engine, "Stage", Still)
    settings = Settings(command="x {id}")
    record = Engine(settings, Path("unused"), lambda *_: None)._one(PLANS["exact"], settings)
    assert len(seen) == held
    assert {one.outcome.value for one in record.findings if one.case == "SV-02"} == {outcome}

"""The agent that runs on each host: what it tells, what it ends, and that it leaves nothing."""

from __future__ import annotations

import json
import os
import queue
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import pytest

from harness.errors import HostError
from harness.remote.decoder import PeerStatus
from harness.remote.host.messages import (
    Adopted,
    Clock,
    Configured,
    Diagnostic,
    Ended,
    HasProgram,
    Prepared,
    Results,
    Started,
    Stopped,
    Unpacked,
)
from harness.remote.host.processes import LAUNCHER, Record, Records, birth
from harness.remote.session import Event, Lost, Session
from tests.kit import pipes
from tests.kit.pipes import PipeWire

Connect = Callable[..., tuple[Session, PipeWire]]
Kind = TypeVar("Kind", bound=Event)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "laptop"


@pytest.fixture
def connect(home: Path) -> Iterator[Connect]:
    """Makes sessions with agents for the same home, which end with the test."""
    with ExitStack() as ends:

        def connect(**options: Any) -> tuple[Session, PipeWire]:
            session, wire = pipes.session(home, 1001, **options)
            ends.callback(session.close)
            return session, wire

        yield connect


class Launch:
    """A fake peer, launched by an agent; `alive` ends with the peer."""

    def __init__(
        self, session: Session, home: Path, mode: str, *, spoil: Callable[[], None] | None = None
    ) -> None:
        self.session = session
        self.events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        session.listen(self.events.put)
        pipes.prepare(session, home)
        if spoil:
            spoil()
        fifo = home / "alive"
        os.mkfifo(fifo)
        session.start(1001, pipes.fake(1001, mode, fifo))
        self.alive: BinaryIO = fifo.open("rb")
        assert self.alive.readline() == b"1001\n"
        self.early: list[Event] = []
        while not isinstance(event := self.events.get(timeout=60), Started):
            self.early.append(event)
        self.pid = event.pid

    def await_event(self, kind: type[Kind]) -> Kind:
        while not isinstance(event := self.events.get(timeout=60), kind):
            pass
        return event


def test_what_a_peer_tells_is_passed_on(connect: Connect, home: Path) -> None:
    """Start, status lines, stderr and exit status of a peer reach the controller, in this order."""
    session, _wire = connect()
    launch = Launch(session, home, "talk")
    told = launch.await_event(PeerStatus)
    assert (told.peer, told.status.state) == (1001, "running")
    assert launch.await_event(Diagnostic).line == "peer 1001: a warning"
    assert launch.await_event(Diagnostic).line == "peer: half a line"
    assert launch.await_event(Ended).status == 0
    assert (home / "swarm/peer_1001.stderr").read_text().startswith("peer 1001: a warning\n")


def test_what_is_kept_of_a_launch(connect: Connect, home: Path) -> None:
    """The exit status and the last status line of each peer are kept for a later collection."""
    session, _wire = connect()
    Launch(session, home, "complete").await_event(Ended)
    note = session.ask(Results).note
    assert (note["run"], note["random_seed"]) == ("a run", 7)
    assert note["peers"]["1001"]["exit_status"] == 0
    assert json.loads(note["peers"]["1001"]["line"])["state"] == "ended"


def test_results_of_earlier_launches_are_put_aside(connect: Connect, home: Path) -> None:
    """What lies in the working directory after a launch is that launch's alone."""
    session, _wire = connect()
    Launch(session, home, "complete").await_event(Ended)
    for name in ("log_peer_1001.log", "trace_peer_1001.jsonl.1", "notes.txt"):
        (home / "swarm" / name).touch()
    pipes.prepare(session, home)
    assert session.ask(Results).results == {}
    assert (home / "swarm/notes.txt").exists()
    assert {p.name for p in (home / "earlier/a run".replace(" ", "_")).iterdir()} == {
        "log_peer_1001.log",
        "trace_peer_1001.jsonl.1",
    }


def test_a_command_that_is_not_there(connect: Connect, home: Path) -> None:
    """A peer that can't be started has ended with status 1, and the reason is told."""
    session, _wire = connect()
    events: queue.SimpleQueue[Event] = queue.SimpleQueue()
    session.listen(events.put)
    pipes.prepare(session, home)
    session.start(1001, ["/nowhere/python3"])
    told = events.get(timeout=60)
    assert isinstance(told, Diagnostic)
    assert "/nowhere/python3: No such file" in told.line
    assert events.get(timeout=60) == Ended(1001, 1)


def test_a_disk_that_takes_no_notes(connect: Connect, home: Path) -> None:
    """A peer's start and end are told also where they can't be written down, and the agent goes on."""
    session, _wire = connect()
    launch = Launch(session, home, "complete", spoil=lambda: spoil(home))
    assert "`invoke remote.stop` won't know of it" in str(launch.early[0])
    assert launch.await_event(Ended).status == 0
    assert session.ask(Clock)


def spoil(home: Path) -> None:
    """Put folders where files should be, and files where folders should be."""
    shutil.rmtree(home / "processes")
    (home / "processes").touch()
    (home / "swarm/launch.json").unlink()
    (home / "swarm/launch.json").mkdir()


@pytest.mark.parametrize("how", ["closed", "killed", "terminated"])
def test_no_peer_outlives_its_agent(connect: Connect, home: Path, how: str) -> None:
    """Peers end when the connection does, and when the agent is terminated or killed."""
    session, wire = connect()
    launch = Launch(session, home, "wait")
    if how == "closed":
        session.close()
    else:
        wire.process.send_signal(signal.SIGKILL if how == "killed" else signal.SIGTERM)
    assert launch.alive.read() == b""  # comes when the peer is gone
    wire.process.wait(60)
    assert how == "killed" or not list((home / "processes").glob("*/*"))


def test_silence_ends_the_agent(connect: Connect, home: Path) -> None:
    """An agent that hears nothing for its limit ends its peers and itself, with nobody to tell it."""
    session, wire = connect(limit=1.0)
    launch = Launch(session, home, "wait")
    assert launch.await_event(Lost)
    assert launch.alive.read() == b""
    assert wire.process.wait(60) == 0


def test_a_stalled_connection_does_not_stall_the_agent(home: Path) -> None:
    """An agent whose words nobody takes any more still ends after its limit, with its peers."""
    wire = PipeWire()
    released = threading.Event()

    def hold(_event: Event) -> None:
        released.wait()

    try:
        session, _wire = pipes.session(home, 1001, wire=wire, limit=3.0)
        launch = Launch(session, home, "flood")
        session.listen(hold)
        assert launch.alive.read() == b""
        assert wire.process.wait(60) == 0
    finally:
        released.set()
        wire.close(0)


def test_stop_ends_what_another_agent_launched(connect: Connect, home: Path) -> None:
    """Stop ends peers and agent of a launch, peers first and in order, and tells of each."""
    session, wire = connect()
    launch = Launch(session, home, "wait")
    ended = connect()[0].ask(Stopped, grace=8.0).ended
    assert ended == [("peer 1001", launch.pid, "ended"), (LAUNCHER, wire.process.pid, "ended")]
    assert launch.alive.read() == b""
    assert launch.await_event(Ended).status == 143
    assert connect()[0].ask(Stopped, grace=8.0).ended == []


def test_stop_kills_what_does_not_listen(connect: Connect, home: Path) -> None:
    """Stop kills a deaf peer and a frozen agent when the grace is over."""
    session, wire = connect()
    launch = Launch(session, home, "deaf")
    launch.await_event(PeerStatus)  # so that it is deaf by now
    wire.process.send_signal(signal.SIGSTOP)
    ended = connect()[0].ask(Stopped, grace=0.2).ended
    assert ended == [("peer 1001", launch.pid, "killed"), (LAUNCHER, wire.process.pid, "killed")]
    assert launch.alive.read() == b""
    assert wire.process.wait(60) == -signal.SIGKILL


def test_an_id_used_again_is_not_hit(connect: Connect, home: Path) -> None:
    """A process that has the id of one that was launched, but isn't it, is left alone."""
    session, _wire = connect()
    with subprocess.Popen(["sleep", "1000"]) as innocent:
        try:
            records = Records(home)
            records.keep("peer 1001", innocent.pid)
            (path,) = (home / "processes").glob("*/*.json")
            path.write_text(json.dumps({"pid": innocent.pid, "born": "1", "name": "peer 1001"}))
            assert session.ask(Stopped, grace=8.0).ended == []
            assert innocent.poll() is None
            assert not path.exists()
        finally:
            innocent.kill()


def test_births_tell_processes_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process has the same birth for as long as it runs and none afterwards, with /proc or without."""
    for _ in range(2):
        with subprocess.Popen(["sleep", "1000"]) as process:
            born = birth(process.pid)
            assert born
            assert Record(process.pid, born, "x").lives
            assert not Record(process.pid, born + "1", "x").lives
            process.kill()
            while birth(process.pid):  # gone even before it was waited for
                pass
        assert birth(process.pid) is None
        monkeypatch.setattr("harness.remote.host.processes.PROC", Path("/nowhere"))


def test_a_second_launch_is_refused(connect: Connect, home: Path) -> None:
    """Nothing is launched, deployed or collected while an earlier launch runs; the reason names it."""
    launch = Launch(connect()[0], home, "wait")
    second = connect()[0]
    for order in (
        lambda: pipes.prepare(second, home),
        lambda: second.ask(Configured, files={}, folders=[]),
        lambda: second.ask(Results),
    ):
        with pytest.raises(HostError, match=f"still runs: peer 1001 .process {launch.pid}.*stop"):
            order()


def test_a_launch_needs_what_is_deployed(connect: Connect, home: Path) -> None:
    """A launch is refused where the project or just this configuration isn't in place."""
    session, _wire = connect()
    order = {"run": "r", "program": "none", "files": {"Common.cfg": "a"}, "note": {}}
    with pytest.raises(HostError, match=r"isn't there: run `invoke remote\.deploy`"):
        session.ask(Prepared, **order)
    pipes.prepare(session, home)
    with pytest.raises(HostError, match=r"Common\.cfg isn't what --config and --file say"):
        session.ask(Prepared, **order)


def test_a_damaged_archive_is_noticed(connect: Connect, home: Path) -> None:
    """A project that didn't arrive as it was sent is not put in place."""
    session, _wire = connect()
    assert not session.ask(HasProgram, program="p").there
    archive = home / "programs/p.zip"
    archive.write_bytes(b"x")
    with pytest.raises(HostError, match="damaged"):
        session.ask(Unpacked, program="p", sha256="0")
    assert list((home / "programs").iterdir()) == []


def test_an_upload_never_overwrites(connect: Connect, home: Path) -> None:
    """A file in the place of one that is sent is moved aside under the next free number."""
    session, _wire = connect()
    folder = home / "swarm/peer_1001"
    folder.mkdir(parents=True)
    for name in ("file", "file.1", ".upload"):
        (folder / name).write_text(name)
    told = session.ask(Adopted, upload="peer_1001/.upload", path="peer_1001/file")
    assert told.aside == str(folder / "file.2")
    assert {p.name: p.read_text() for p in folder.iterdir()} == {
        "file": ".upload",
        "file.1": "file.1",
        "file.2": "file",
    }


def test_what_a_login_prints_does_no_harm(connect: Connect) -> None:
    """Words of a login script before the agent's own are skipped."""
    session, _wire = connect(wire=PipeWire(banner="echo Welcome!; printf 'no end of line';"))
    assert session.ask(Clock).time > 0


def test_python_that_is_too_old(connect: Connect, tmp_path: Path) -> None:
    """A host's Python that is too old says which it is, before it reads what it can't understand."""
    old = tmp_path / "python3.8"
    script = (
        'import sys; sys.version_info = (3, 8, 1); sys.version = "3.8.1 (old)"; exec(sys.argv[1])'
    )
    old.write_text(f"#!/bin/sh\nexec python3 -c '{script}' \"$2\"\n")
    old.chmod(0o755)
    wire = PipeWire(str(old))
    with pytest.raises(HostError, match=r"^Python 3\.8\.1 is too old: 3\.11 or newer is needed"):
        connect(wire=wire)
    wire.close(60)


def test_what_cannot_be_written_is_told(connect: Connect, home: Path) -> None:
    """An order that the system refuses is answered by what it refused, and the agent goes on."""
    session, _wire = connect()
    home.write_text("a file where the folder should be")
    with pytest.raises(HostError, match=r"laptop.*: Not a directory"):
        session.ask(Configured, files={}, folders=["peer_1001"])
    assert session.ask(Clock)

"""`peerProcess.py`: command line, bad input, ends and exit statuses (spec 7.4, 9).

Most tests call its `main` in this process; the few that need a process of their own start one.
"""

from __future__ import annotations

import errno
import gc
import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import peerProcess
from core.config import SwarmConfig
from core.interface.events import Event
from core.peer import Peer
from peerio import filesystem
from peerio.config import load_config
from peerio.eventlog import LineFile, LogError
from peerio.runtime import Runtime
from tests.kit.swarm.swarms import FILE_NAME, Swarm, ours, played, reserve_port

Capture = pytest.CaptureFixture[str]
Patch = pytest.MonkeyPatch
SIZE = 10
COMMON = {
    "NumberOfPreferredNeighbors": "1",
    "UnchokingInterval": "5",
    "OptimisticUnchokingInterval": "15",
    "FileName": "file",
    "FileSize": str(SIZE),
    "PieceSize": "4",
}


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    """`main` owns its process; what it changes there is put back."""
    thresholds = gc.get_threshold()
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    gc.set_threshold(*thresholds)
    gc.unfreeze()
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.fixture
def port() -> Iterator[int]:
    with reserve_port() as holder:
        yield int(holder.getsockname()[1])


@pytest.fixture
def other_port() -> Iterator[int]:
    with reserve_port() as holder:
        yield int(holder.getsockname()[1])


@pytest.fixture
def alone(tmp_path: Path, port: int) -> Path:
    """A working directory in which peer 1 has the file and is alone."""
    return make(tmp_path, f"1 127.0.0.1 {port} 1")


@pytest.fixture
def pair(tmp_path: Path, port: int, other_port: int) -> Path:
    """A working directory of a seed 1, which nobody starts, and a leecher 2."""
    return make(tmp_path, f"1 127.0.0.1 {other_port} 1", f"2 127.0.0.1 {port} 0")


def make(folder: Path, *peers: str, **common: str) -> Path:
    lines = {**COMMON, **common}.items()
    (folder / "Common.cfg").write_text("".join(f"{key} {value}\n" for key, value in lines))
    (folder / "PeerInfo.cfg").write_text("".join(f"{line}\n" for line in peers))
    (folder / "peer_1").mkdir()
    (folder / "peer_1" / "file").write_bytes(b"0123456789")
    return folder


def run(workdir: Path, peer_id: int, *arguments: str) -> int:
    return peerProcess.main([str(peer_id), "--workdir", str(workdir), *arguments])


def snapshot(folder: Path) -> dict[str, bytes]:
    """Every file below a folder and its content."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def told(capfd: Capture) -> str:
    """What stands on stderr: no traceback, and each line begins as diagnostics do."""
    captured = capfd.readouterr()
    assert captured.out == ""
    assert "Traceback" not in captured.err
    assert all(re.match(r"peer \d+: ", line) for line in captured.err.splitlines()), captured.err
    return captured.err


def refuses(workdir: Path, peer_id: int, capfd: Capture, *words: str) -> None:
    """The peer ends with status 1 and one message with these words, and nothing is changed."""
    before = snapshot(workdir)
    assert run(workdir, peer_id) == 1
    message = told(capfd)
    assert len(message.splitlines()) == 1, message
    for word in words:
        assert word in message
    assert snapshot(workdir) == before


# The command line (status 2).


def test_help(capfd: Capture) -> None:
    """`--help` names every option and every exit status, and ends with 0 (spec 7.4)."""
    with pytest.raises(SystemExit) as end:
        peerProcess.main(["--help"])
    assert end.value.code == 0
    text = capfd.readouterr().out
    for option in ("--workdir", "--trace", "--no-trace", "--random-seed", "--wait", "--rate"):
        assert option in text
    assert re.findall(r"(?m)^  (\d+) ", text) == ["0", "1", "2", "3", "4", "70", "130", "143"]


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["x"],
        ["0"],
        ["-1"],
        ["1.5"],
        ["1", "2"],
        ["1", "--wait", "-1"],
        ["1", "--wait", "nan"],
        ["1", "--wait", "long"],
        ["1", "--wait", "5 minutes"],
        ["1", "--rate", "0"],
        ["1", "--rate", "fast"],
        ["1", "--rate", "inf"],
        ["1", "--random-seed", "x"],
        ["1", "--no-such-option"],
    ],
    ids=" ".join,
)
def test_wrong_use(arguments: list[str], capfd: Capture) -> None:
    """Wrong use of the command line ends with status 2 and says what is wrong (spec 7.4)."""
    with pytest.raises(SystemExit) as end:
        peerProcess.main(arguments)
    assert end.value.code == 2
    assert "peerProcess.py: error: " in capfd.readouterr().err


# Unusable configuration, files and ports (status 1).


@pytest.mark.parametrize("name", ["Common.cfg", "PeerInfo.cfg"])
def test_missing_configuration(alone: Path, name: str, capfd: Capture) -> None:
    """A missing configuration file is named, with where it was looked for (spec 1.5, 7.4)."""
    (alone / name).unlink()
    refuses(alone, 1, capfd, f"{name}: not found in {alone}", "--workdir")


def test_no_such_working_directory(tmp_path: Path, capfd: Capture) -> None:
    """A working directory that doesn't exist ends with status 1, and isn't made (spec 7.4)."""
    assert run(tmp_path / "nowhere", 1) == 1
    assert "nowhere" in told(capfd)
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("FileSize", "0", "Common.cfg:5: FileSize '0': expected bytes: a whole number from 1"),
        ("FileName", "../x", "Common.cfg:4: FileName '../x': expected a plain file name"),
        ("UnchokingInterval", "soon", "Common.cfg:2: UnchokingInterval 'soon': expected seconds"),
    ],
)
def test_unusable_value(
    tmp_path: Path, port: int, key: str, value: str, message: str, capfd: Capture
) -> None:
    """An unusable value is told with file, line, key and what was expected (spec 1.5, 7.4)."""
    make(tmp_path, f"1 127.0.0.1 {port} 1", **{key: value})
    refuses(tmp_path, 1, capfd, message)


def test_everything_wrong_is_told(tmp_path: Path, port: int, capfd: Capture) -> None:
    """All that is wrong with the configuration is told at once, a line each (spec 1.5)."""
    make(tmp_path, f"1 127.0.0.1 {port} 1", f"1 127.0.0.1 {port} 2", FileSize="x")
    assert run(tmp_path, 1) == 1
    lines = told(capfd).splitlines()
    assert any("Common.cfg:5" in line for line in lines)
    assert any("PeerInfo.cfg:2" in line for line in lines)


def test_unlisted_id(alone: Path, capfd: Capture) -> None:
    """An id that isn't listed is refused with those that are (spec 1.3, 7.4)."""
    refuses(alone, 7, capfd, "peer 7 isn't listed in ", "PeerInfo.cfg: expected one of 1")


def test_unknown_key_is_a_warning(tmp_path: Path, port: int, capfd: Capture) -> None:
    """An unknown key is a warning, and the peer goes on (spec 1.5)."""
    make(tmp_path, f"1 127.0.0.1 {port} 1", Colour="blue")
    assert run(tmp_path, 1) == 0
    assert "unknown key 'Colour' is ignored" in told(capfd)


@pytest.mark.parametrize(
    ("content", "words"),
    [(None, "missing"), (b"short", "5 bytes"), (b"x" * 11, "11 bytes")],
    ids=["missing", "short", "long"],
)
def test_unusable_seed(alone: Path, content: bytes | None, words: str, capfd: Capture) -> None:
    """A seed's file that is missing, short or long is an error, and stays as it is (spec 9.1, 7.4)."""
    path = alone / "peer_1" / "file"
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    refuses(alone, 1, capfd, str(path), "10 bytes", "" if content is None else words)


def test_hashes_that_do_not_fit(pair: Path, capfd: Capture) -> None:
    """Hashes of another file are refused with one message, by seed and leecher, and nothing is changed (spec 9.3)."""
    (pair / "pieces.sha256").write_text("FileName other\nFileSize 10\nPieceSize 4\n")
    words = ("pieces.sha256: doesn't fit Common.cfg", "FileName 'other' (Common.cfg: 'file')")
    refuses(pair, 1, capfd, *words, "invoke hash")
    refuses(pair, 2, capfd, *words, "invoke hash")


def test_port_in_use(pair: Path, port: int, capfd: Capture) -> None:
    """A port in use is named, and whatever another run of this peer has written stays as it is (spec 7.4, 9.2)."""
    (pair / "peer_2").mkdir()
    (pair / "peer_2" / "file.part").write_bytes(b"another run's")
    (pair / "peer_2" / "file").write_bytes(b"mine")
    (pair / "log_peer_2.log").write_text("another run's\n")
    with socket.create_server(("127.0.0.1", port)):
        refuses(pair, 2, capfd, f"port {port} is in use", "PeerInfo.cfg")


def test_port_not_allowed(alone: Path, monkeypatch: Patch, capfd: Capture) -> None:
    """A port that isn't allowed to this user is told with what to do (spec 7.4)."""
    (alone / "PeerInfo.cfg").write_text("1 127.0.0.1 80 1\n")

    class Socket(socket.socket):
        def bind(self, address: object, /) -> None:
            raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(socket, "socket", Socket)
    refuses(alone, 1, capfd, "port 80 isn't allowed", "above 1023")


def test_a_host_that_can_not_be_resolved(
    pair: Path, port: int, monkeypatch: Patch, capfd: Capture
) -> None:
    """A name that doesn't resolve is told once and tried again, until nobody is waited for (spec 2.5, 7.3)."""
    (pair / "PeerInfo.cfg").write_text(f"1 no.such.host 7001 1\n2 127.0.0.1 {port} 0\n")
    tried: list[object] = []

    def getaddrinfo(host: str, *_: object, **__: object) -> list[object]:
        tried.append(host)
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    assert run(pair, 2, "--wait", "0.5") == 3
    lines = told(capfd).splitlines()
    assert len(tried) > 1
    assert [("no.such.host" in line) for line in lines] == [True, False]
    assert lines[1].startswith("peer 2: ended with status 3: missing: 1 (never connected);")


def test_a_disk_that_is_full_at_the_start(pair: Path, monkeypatch: Patch, capfd: Capture) -> None:
    """A full disk is told before the first byte, and nothing that was there is lost (design 4.5, spec 7.4)."""
    (pair / "peer_2").mkdir()
    (pair / "peer_2" / "file").write_bytes(b"mine")
    monkeypatch.setattr(filesystem, "posix_fallocate", failing(errno.ENOSPC))
    refuses(pair, 2, capfd, "file.part", "can't reserve 10 bytes: No space left on device")


def failing(number: int) -> Callable[..., None]:
    def fail(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    return fail


def mounted(folder: Path, *options: str) -> None:
    """Mount a tmpfs over a folder; skips where that isn't possible."""
    command = ["mount", "-t", "tmpfs", "-o", ",".join(options), "tmpfs", str(folder)]
    try:
        mount = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        pytest.skip(f"no mount command: {error}")
    if mount.returncode:
        pytest.skip(f"a tmpfs can't be mounted here: {mount.stderr.splitlines()[:1]}")


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 1 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted(folder, "size=1m")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.parametrize("peer_id", [1, 2])
def test_a_working_directory_that_can_not_be_written(
    disk: Path, port: int, other_port: int, peer_id: int, capfd: Capture
) -> None:
    """A working directory that can't be written is told with the path that failed (spec 7.4)."""
    make(disk, f"1 127.0.0.1 {other_port} 1", f"2 127.0.0.1 {port} 0")
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    refuses(disk, peer_id, capfd, str(disk), "Read-only file system")


def test_a_log_that_can_not_be_made(alone: Path, monkeypatch: Patch, capfd: Capture) -> None:
    """A log that can't be written ends with status 1 before the peer starts (spec 7.4)."""
    real = os.open

    def open_but_no_log(path: str | Path, *rest: int, **more: int) -> int:
        if str(path).endswith(".log"):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return real(path, *rest, **more)

    monkeypatch.setattr(os, "open", open_but_no_log)
    refuses(alone, 1, capfd, "log_peer_1.log: can't be written (Permission denied)")


# During the run.


def test_a_log_that_fails_during_the_run(alone: Path, monkeypatch: Patch, capfd: Capture) -> None:
    """A log that can't be written during the run ends with status 4 (spec 7.4)."""

    def flush(_: LineFile) -> None:
        raise LogError("log_peer_1.log: can't be written (No space left on device)")

    monkeypatch.setattr(LineFile, "flush", flush)
    assert run(alone, 1) == 4
    assert "log_peer_1.log: can't be written (No space left on device)" in told(capfd)


@pytest.mark.swarm
def test_a_disk_that_fills_up_during_the_run(
    disk: Path, monkeypatch: Patch, capfd: Capture
) -> None:
    """Where nothing could be reserved, a disk that fills up during the run ends the leecher with status 4 (spec 7.4)."""
    monkeypatch.setattr(filesystem, "posix_fallocate", None)
    monkeypatch.setattr(filesystem, "free_bytes", lambda _: None)
    members = (ours(1, seed=True), played(2))
    with Swarm(disk, *members, pieces=10, piece_size=30_000) as swarm:
        swarm.start()
        free = os.statvfs(disk)
        (disk / "other").write_bytes(bytes(free.f_bavail * free.f_bsize - 120_000))
        swarm.await_condition(lambda: swarm.log(1) == [], 5, "the seed is there")
        assert run(disk, 2, "--wait", "20") == 4
        lines = told(capfd).splitlines()
        assert len(lines) == 2
        assert f"{FILE_NAME}.part: can't write" in lines[0]
        assert "No space left on device" in lines[0]
        assert lines[1].startswith("peer 2: ended with status 4: ")
        assert swarm.copy_of(1).read_bytes() == swarm.content
        assert not swarm.copy_of(2).exists(), "only a complete file bears the real name (9.2)"
        assert swarm.count(2, "has downloaded the piece") < 10


def test_an_internal_error(alone: Path, monkeypatch: Patch, capfd: Capture) -> None:
    """A bug of ours ends the process loudly: status 70 and the whole traceback (spec 7.4, design 5.5)."""

    def handle(_self: Peer, event: Event, _now: float) -> list[object]:
        raise ZeroDivisionError(str(event))

    monkeypatch.setattr(Peer, "handle", handle)
    assert run(alone, 1) == 70
    message = capfd.readouterr().err
    assert "Traceback" in message
    assert "ZeroDivisionError: Started()" in message


def test_a_bug_before_the_start(alone: Path, monkeypatch: Patch, capfd: Capture) -> None:
    """A bug before the network runs is status 70 too, and a Ctrl-C there is 130 (spec 7.4)."""

    def bug(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    real = load_config

    def interrupt(*arguments: Any, **more: Any) -> SwarmConfig:
        os.kill(os.getpid(), signal.SIGINT)
        return real(*arguments, **more)

    monkeypatch.setattr("peerio.program.process.load_config", bug)
    assert run(alone, 1) == 70
    assert "ZeroDivisionError" in capfd.readouterr().err
    monkeypatch.setattr("peerio.program.process.load_config", interrupt)
    before = snapshot(alone)
    assert run(alone, 1) == 130
    assert told(capfd) == "peer 1: ended with status 130: interrupted\n"
    assert snapshot(alone) == before


# Ends.


@pytest.mark.parametrize(
    ("number", "status", "reason"),
    [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")],
    ids=["Ctrl-C", "SIGTERM"],
)
def test_signals_end_in_order(
    pair: Path, number: signal.Signals, status: int, reason: str, monkeypatch: Patch, capfd: Capture
) -> None:
    """The first Ctrl-C or SIGTERM ends the peer in order with its status (spec 7.4)."""
    started = Runtime.on_started

    def on_started(runtime: Runtime) -> None:
        started(runtime)
        os.kill(os.getpid(), number)

    monkeypatch.setattr(Runtime, "on_started", on_started)
    assert run(pair, 2) == status
    assert told(capfd) == f"peer 2: ended with status {status}: {reason}\n"


def test_missing_peers(pair: Path, capfd: Capture) -> None:
    """A peer that nobody joins ends with status 3 and names who is missing (spec 7.3)."""
    assert run(pair, 2, "--wait", "0") == 3
    assert told(capfd) == (
        "peer 2: ended with status 3: missing: 1 (never connected);"
        " 3 of 3 pieces are with nobody who is connected\n"
    )


def test_one_seed_alone(alone: Path, capfd: Capture) -> None:
    """One seed alone is a valid swarm: status 0, an empty log, the file untouched (spec 1.5, 8.2)."""
    before = snapshot(alone)
    assert run(alone, 1) == 0
    assert told(capfd) == ""
    assert snapshot(alone) == {**before, "log_peer_1.log": b""}


def test_logs_of_an_earlier_run_are_moved_aside(alone: Path) -> None:
    """Log and trace of an earlier run are moved aside under the same number, `.1` being the oldest (spec 9.2)."""
    for number in range(3):
        assert run(alone, 1, *(["--trace", "--run", f"run {number}"] if number else [])) == 0
    names = {path.name for path in alone.iterdir() if path.is_file()}
    assert names == {
        "Common.cfg",
        "PeerInfo.cfg",
        "log_peer_1.log",
        "log_peer_1.log.1",
        "log_peer_1.log.2",
        "trace_peer_1.jsonl",
        "trace_peer_1.jsonl.2",
    }
    assert '"run":"run 1"' in (alone / "trace_peer_1.jsonl.2").read_text()
    assert '"run":"run 2"' in (alone / "trace_peer_1.jsonl").read_text()


def test_trace_tells_seed_and_end(alone: Path) -> None:
    """The trace begins with what the run can be repeated with, and ends with its status (docs/trace.md)."""
    assert run(alone, 1, "--trace", "--random-seed", "42") == 0
    first, *_, last = map(json.loads, (alone / "trace_peer_1.jsonl").read_text().splitlines())
    assert (first["kind"], first["random_seed"], first["pieces"]) == ("start", 42, 3)
    assert (last["kind"], last["status"], last["reason"]) == ("end", 0, "all complete")


# Processes of their own.


@pytest.mark.swarm
def test_what_a_launcher_sees(pair: Path) -> None:
    """A launcher gets status lines, and the peer ends when the launcher's pipe does (status 143)."""
    lifeline, our_end = os.pipe()
    status, status_in = os.pipe()
    command = [
        sys.executable,
        str(Path(peerProcess.__file__)),
        "2",
        f"--workdir={pair}",
        f"--lifeline-fd={lifeline}",
        f"--status-fd={status_in}",
    ]
    with subprocess.Popen(
        command, pass_fds=(lifeline, status_in), stderr=subprocess.PIPE, text=True
    ) as peer:
        os.close(lifeline)
        os.close(status_in)
        try:
            assert select.select([status], [], [], 20)[0], "no status line within 20 s"
            os.close(our_end)
            assert peer.wait(20) == 143
            assert peer.stderr is not None
            assert peer.stderr.read() == ("peer 2: ended with status 143: the launcher is gone\n")
            with os.fdopen(status) as lines:
                first, *_, last = map(json.loads, lines)
        finally:
            peer.kill()
    assert first == {
        "peer": 2,
        "state": "running",
        "pieces": 0,
        "of": 3,
        "up": 0,
        "down": 0,
        "messages": 0,
        "neighbors": {},
    }
    assert (last["state"], last["status"], last["first_unchoke"]) == ("ended", 143, None)
    assert last["cpu"] > 0

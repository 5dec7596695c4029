"""What the world does to a peer's process: signals at any moment, deaf listeners, harmed files, low limits.

All of it ends with a documented status and at most one message, never with a traceback (spec 7.4).
"""

from __future__ import annotations

import os
import resource
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from core.peer import Peer
from peerio.runtime import Runtime
from tests.kit.swarm.swarms import FILE_NAME, PROGRAMS, Swarm, ours, played, reserve_port
from tests.test_peerprocess import make, restored, run, snapshot, told

__all__ = ["restored"]
COMMAND = (sys.executable, str(PROGRAMS["ours"]))


@pytest.fixture
def port() -> Iterator[int]:
    with reserve_port() as holder:
        yield int(holder.getsockname()[1])


@pytest.fixture
def alone(tmp_path: Path, port: int) -> Path:
    """A working directory in which peer 1 has the file and is alone."""
    folder = tmp_path / "alone"
    folder.mkdir()
    return make(folder, f"1 127.0.0.1 {port} 1")


# Signals.

SIGNALLER = """
import os, signal, sys

class Signaller:
    def find_spec(self, name, path=None, target=None):
        if name == "{module}":
            sys.meta_path.remove(self)
            os.kill(os.getpid(), signal.{name})

sys.meta_path.insert(0, Signaller())
"""


@pytest.mark.swarm
@pytest.mark.parametrize(
    ("module", "name", "status", "words"),
    [
        ("peerio.program.signals", "SIGINT", 130, "peerProcess.py: interrupted\n"),
        ("peerio.program.signals", "SIGTERM", -signal.SIGTERM, ""),
        ("peerio.program.process", "SIGINT", 130, "peer 1: ended with status 130: interrupted\n"),
        ("structlog", "SIGINT", 130, "peer 1: ended with status 130: interrupted\n"),
        ("structlog", "SIGTERM", 143, "peer 1: ended with status 143: terminated\n"),
    ],
)
def test_a_signal_while_the_program_is_loaded(
    alone: Path, tmp_path: Path, module: str, name: str, status: int, words: str
) -> None:
    """A signal in the first half second ends with its status, in a word, and nothing is touched (spec 7.4)."""
    (tmp_path / "sitecustomize.py").write_text(SIGNALLER.format(module=module, name=name))
    before = snapshot(alone)
    ended = subprocess.run(
        [*COMMAND, "1", "--workdir", str(alone)],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (status, words)
    assert snapshot(alone) == before


# stderr.


def closed_pipe() -> int:
    reader, writer = os.pipe()
    os.close(reader)
    return writer


def unread_pipe() -> int:
    """Its reading end stays open until this process ends."""
    return os.pipe()[1]


@pytest.mark.swarm
@pytest.mark.parametrize(
    "stderr", [closed_pipe, unread_pipe, lambda: os.open("/dev/full", os.O_WRONLY), None]
)
def test_stderr_that_takes_nothing(alone: Path, stderr: Callable[[], int] | None) -> None:
    """Stderr that is closed, full or not read neither stops nor delays a peer (spec 7.4)."""
    with (alone / "Common.cfg").open("a") as common:  # 250 KB of warnings
        common.writelines(f"Colour{number} blue\n" for number in range(3000))
    command = [*COMMAND, "1", "--workdir", str(alone)]
    if stderr is None:
        command = ["sh", "-c", 'exec "$@" 2>&-', "sh", *command]
    fd = None if stderr is None else stderr()
    assert subprocess.run(command, stderr=fd, check=False, timeout=60).returncode == 0
    assert (alone / "log_peer_1.log").read_bytes() == b"", "nor does it go into the log"
    assert snapshot(alone)["peer_1/file"] == b"0123456789"


@pytest.mark.swarm
def test_a_stranger_where_stderr_is_full(tmp_path: Path) -> None:
    """A stranger that must be told of doesn't end a peer whose stderr is full (spec 3.5, 7.4)."""
    with Swarm(tmp_path, ours(1, seed=True), played(2), pieces=2) as swarm:
        port = next(
            int(line.split()[2])
            for line in (tmp_path / "PeerInfo.cfg").read_text().splitlines()
            if line.startswith("1 ")
        )
        with (
            Path("/dev/full").open("w") as full,
            subprocess.Popen([*COMMAND, "1", "--workdir", str(tmp_path)], stderr=full) as peer,
        ):
            try:
                swarm.await_condition(lambda: answers(port), 20, "it listens")
                swarm.await_condition(lambda: answers(port), 20, "it still listens")
                peer.send_signal(signal.SIGTERM)
                assert peer.wait(20) == 143
            finally:
                peer.kill()


def answers(port: int) -> bool:
    """Whether the peer there closes the connection of somebody who speaks another protocol."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as stranger:
            stranger.sendall(b"GET / HTTP/1.1\r\n\r\n" + bytes(32))
            while stranger.recv(4096):
                pass
            return True
    except ConnectionResetError:
        return True
    except OSError:
        return False


# Files that are harmed while the peer runs.


def cut(path: Path) -> None:
    os.truncate(path, 1)


def move_folder(path: Path) -> None:
    path.parent.rename(path.parent.with_name("elsewhere"))


@pytest.mark.swarm
@pytest.mark.parametrize(
    ("harm", "name"),
    [
        (Path.unlink, f"peer_2/{FILE_NAME}.part"),
        (cut, f"peer_2/{FILE_NAME}.part"),
        (move_folder, f"peer_2/{FILE_NAME}.part"),
        (Path.unlink, "log_peer_2.log"),
        (cut, "log_peer_2.log"),
    ],
)
@pytest.mark.parametrize("first", [True, False], ids=["at the first piece", "at the last"])
def test_files_that_are_harmed(
    tmp_path: Path,
    harm: Callable[[Path], object],
    name: str,
    first: bool,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """A log or `.part` that is removed, moved or cut while the peer writes makes its status 4 (spec 7.4, 9.2)."""
    real = Runtime.on_piece_end
    count = 0

    def on_piece_end(runtime: Runtime, neighbor: int, piece: int) -> None:
        nonlocal count
        count += 1
        if count == (1 if first else 5):
            harm(tmp_path / name)
        real(runtime, neighbor, piece)

    monkeypatch.setattr(Runtime, "on_piece_end", on_piece_end)
    with Swarm(tmp_path, ours(1, seed=True), played(2), pieces=5, piece_size=3000) as swarm:
        swarm.start()
        assert run(tmp_path, 2, "--wait", "20") == 4
        *_, last = told(capfd).splitlines()
        assert last.startswith("peer 2: ended with status 4: ")
        assert Path(name).name in last


@pytest.mark.swarm
def test_a_seed_whose_file_is_cut(tmp_path: Path) -> None:
    """A seed that can't read its file ends with status 4 at once, and says so; the others miss it (spec 7.4)."""
    members = (ours(1, "--rate=50000", seed=True), ours(2, "--wait=1"), ours(3, "--wait=1"))
    with Swarm(tmp_path, *members, pieces=40, piece_size=4096) as swarm:
        swarm.start()
        swarm.await_line(2, "has downloaded the piece", 2)
        cut(swarm.copy_of(1))
        assert swarm.processes[1].wait(20) == 4
        *_, last = swarm.diagnostics(1).splitlines()
        assert last.startswith("peer 1: ended with status 4: ")
        assert FILE_NAME in last
        for leecher in (2, 3):
            assert swarm.processes[leecher].wait(20) == 3
            assert "missing: 1 (it told 40 of 40 pieces)" in swarm.diagnostics(leecher)


@pytest.mark.swarm
@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="a limit is set from outside: Linux")
def test_failed_leechers_and_a_seed_end(tmp_path: Path) -> None:
    """Two leechers that can't write don't wait for each other, nor does the seed for them (spec 7.3, 7.4)."""
    members = (
        ours(1, "--rate=50000", "--wait=1", seed=True),
        ours(2, "--wait=1"),
        ours(3, "--wait=1"),
    )
    with Swarm(tmp_path, *members, pieces=40, piece_size=4096) as swarm:
        swarm.start()
        for leecher in (2, 3):
            swarm.await_line(leecher, "has downloaded the piece", 2)
            resource.prlimit(swarm.processes[leecher].pid, resource.RLIMIT_FSIZE, (1, 1))
        statuses = {peer_id: process.wait(30) for peer_id, process in swarm.processes.items()}
        assert statuses == {1: 3, 2: 4, 3: 4}, swarm.report()


# Limits of the system.


def limited(workdir: Path, **limits: int) -> tuple[int, str]:
    """Exit status and stderr of peer 1 under these limits, such as NOFILE=10."""

    def limit() -> None:
        for name, value in limits.items():
            resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (value, value))

    ended = subprocess.run(
        [*COMMAND, "1", "--workdir", str(workdir)],
        preexec_fn=limit,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        timeout=60,
    )
    return ended.returncode, ended.stderr


@pytest.mark.swarm
@pytest.mark.parametrize("files", [6, 10, 20])
def test_few_open_files(alone: Path, files: int) -> None:
    """Too few open files are one message that names the limit, and status 1 (spec 7.4)."""
    before = snapshot(alone)
    status, message = limited(alone, NOFILE=files)
    assert status == 1
    assert len(message.splitlines()) == 1
    assert "open" in message
    assert "Traceback" not in message
    assert snapshot(alone) == before


@pytest.mark.swarm
def test_enough_open_files(alone: Path) -> None:
    """What is demanded is enough (spec 7.4)."""
    assert limited(alone, NOFILE=25) == (0, "")


def test_no_threads(
    alone: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Where the system starts no thread, that is one message, and status 1 (spec 7.4)."""

    def start(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", start)
    assert run(alone, 1) == 1
    assert told(capfd) == (
        "peer 1: this system starts no more threads: raise the limit (`ulimit -u`, `ulimit -v`)\n"
    )


def test_no_memory(
    alone: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Where the memory isn't enough for the pieces, that is one message, before any file is touched (spec 1.5, 7.4)."""

    def init(*_: Any, **__: Any) -> None:
        raise MemoryError

    monkeypatch.setattr(Peer, "__init__", init)
    before = snapshot(alone)
    assert run(alone, 1) == 1
    (line,) = told(capfd).splitlines()
    assert line.startswith("peer 1: not enough memory for this configuration: use larger pieces")
    assert snapshot(alone) == before


@pytest.mark.parametrize("option", ["--lifeline-fd", "--status-fd"])
@pytest.mark.parametrize("value", ["999", "-1", "9" * 30, "x"])
def test_a_descriptor_that_is_not_open(
    alone: Path, option: str, value: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """A descriptor that isn't open is wrong use of the command line (spec 7.4)."""
    with pytest.raises(SystemExit) as end:
        run(alone, 1, option, value)
    assert end.value.code == 2
    assert option in capfd.readouterr().err


def test_a_rate_at_which_nothing_arrives(alone: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """A rate below a byte a second would never let a piece through: wrong use (spec 7.4)."""
    with pytest.raises(SystemExit) as end:
        run(alone, 1, "--rate", "1e-30")
    assert end.value.code == 2
    assert "--rate" in capfd.readouterr().err

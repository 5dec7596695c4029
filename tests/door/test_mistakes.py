"""What people do wrong, and whether the answer alone is enough to mend it: the status and what it says."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

import peerProcess
from harness import program
from tests.kit import tiny
from tests.kit.pythons import ROOT

PEER = ["peerProcess.py"]
INVOKE = [sys.executable, "-m", "invoke"]
HERE = [*INVOKE, "--search-root", str(ROOT)]
Break = Callable[[Path], None]


@dataclass(frozen=True)
class Mistake:
    """What somebody does, in a folder with a configuration, after `spoil` has changed that.

    Words that begin with peerProcess.py or an interpreter run that; all others follow `swarmproof`.
    """

    name: str
    words: list[str]
    status: int
    says: list[str]
    spoil: Break = lambda _: None


def change(name: str, old: str, new: str) -> Break:
    """Another text in a file."""

    def spoil(folder: Path) -> None:
        text = (folder / name).read_text()
        assert old in text
        (folder / name).write_text(text.replace(old, new))

    return spoil


def without(name: str) -> Break:
    """A file less."""

    def spoil(folder: Path) -> None:
        (folder / name).unlink()

    return spoil


def with_file(name: str, text: str) -> Break:
    """A file more, or another one."""

    def spoil(folder: Path) -> None:
        (folder / name).write_text(text)

    return spoil


def same_port(folder: Path) -> None:
    first, second = (folder / "PeerInfo.cfg").read_text().splitlines()
    port = first.split()[2]
    (folder / "PeerInfo.cfg").write_text(f"{first}\n1002 localhost {port} 0\n")
    assert second


def copied_line(folder: Path) -> None:
    path = folder / "PeerInfo.cfg"
    path.write_text(path.read_text() + "1002 localhost 12345 0\n")


def aborted_run(folder: Path) -> None:
    run = tiny.write(folder / "runs" / "2026")
    (run / "result.json").write_text('{"interrupted": true}')
    (run / "log_peer_1001.log").write_text("")


FILE = f"peer_1001/{tiny.NAME}"
MISTAKES = [
    # A peer by hand.
    Mistake("wrong id", [*PEER, "1009"], 1, ["peer 1009 isn't listed", "expected one of 1001, 1002"]),
    Mistake("an id that is no number", [*PEER, "one"], 2, ["'one': expected a peer's id as in PeerInfo.cfg"]),
    Mistake("no id", [*PEER], 2, ["required: ID"]),
    Mistake("another folder", [*PEER, "1001", "--workdir", ".."], 1, ["Common.cfg: not found in", "name it with --workdir"]),
    Mistake("no configuration", [*PEER, "1001"], 1, ["PeerInfo.cfg: not found in", "expected both"], without("PeerInfo.cfg")),
    Mistake("no file", [*PEER, "1001"], 1, [f"{FILE}: not found: expected the complete file of 10000 bytes", "put it there"], without(FILE)),
    Mistake("wrong size", [*PEER, "1001"], 1, ["has 2 bytes: expected the complete file of 10000", "correct FileSize"], with_file(FILE, "12")),
    Mistake("a unit in Common.cfg", [*PEER, "1001"], 1, ["Common.cfg:5: FileSize '10kB': expected bytes: a whole number"], change("Common.cfg", "FileSize 10000", "FileSize 10kB")),
    Mistake("a misspelt key", [*PEER, "1001"], 1, ["unknown key 'PeiceSize'", "did you mean PieceSize?"], change("Common.cfg", "PieceSize", "PeiceSize")),
    Mistake("same port twice", [*PEER, "1001"], 1, ["PeerInfo.cfg:2: host and port", "line 1 has it too", "another port"], same_port),
    Mistake("same id twice", [*PEER, "1001"], 1, ["PeerInfo.cfg:3: peer id '1002'", "line 2 has it too"], copied_line),
    Mistake("misspelt option of a peer", ["peer", "1001", "--wrkdir", "x"], 2, ["no option '--wrkdir'", "did you mean --workdir?"]),
    Mistake("a rate in words", ["peer", "1001", "--rate", "fast"], 2, ["--rate: 'fast': expected bytes a second, such as 32768, 512k, 1MB"]),
    Mistake("host that can't be resolved", [*PEER, "1002", "--wait", "1"], 3, ["host 'nowhere.invalid' of peer 1001 can't be resolved", "check its line in PeerInfo.cfg"], change("PeerInfo.cfg", "1001 localhost", "1001 nowhere.invalid")),
    # A swarm.
    Mistake("misspelt command", ["swrm"], 2, ["no command 'swrm'", "did you mean swarm?"]),
    Mistake("misspelt option", ["swarm", "--piecesize", "3"], 2, ["no option '--piecesize'", "did you mean --piece-size?"]),
    Mistake("a configuration without its option", ["swarm", "small"], 2, ["found 'small'", "did you mean --config small?"]),
    Mistake("no such configuration", ["swarm", "--config", "smal"], 1, ["--config 'smal': no such configuration: expected one of assignment, small"]),
    Mistake("a unit that isn't one", ["swarm", "--piece-size", "1MX"], 2, ["--piece-size '1MX': expected bytes, such as 32768, 512k, 1MB"]),
    Mistake("a time in words", ["swarm", "--timeout", "soon"], 2, ["--timeout 'soon'", "such as 30, 30s, 2.5m"]),
    Mistake("no such file", ["swarm", "--file", "nothing"], 1, ["--file nothing: expected a file that is there"]),
    Mistake("an empty file", ["swarm", "--file", "nothing"], 1, ["--file nothing: it is empty"], with_file("nothing", "")),
    Mistake("no peers", ["swarm", "--peers", "0"], 2, ["--peers '0': expected a whole number of at least 1"]),
    Mistake("nobody has the file", ["swarm", "--config", "."], 1, ["none of the 2 peers has the file", "[port] 1"], change("PeerInfo.cfg", " 1\n", " 0\n")),
    Mistake("another machine's host", ["swarm", "--config", "."], 1, ["the host 'nowhere.invalid' isn't this machine", "write localhost"], change("PeerInfo.cfg", "1001 localhost", "1001 nowhere.invalid")),
    Mistake("a rate in swarm.toml", ["swarm", "--config", "."], 1, ["swarm.toml: rate 'fast': expected bytes a second"], with_file("swarm.toml", "rate = 'fast'")),
    # Judging.
    Mistake("nothing to verify", ["verify"], 2, ["no run in", "make one with `swarmproof swarm`"]),
    Mistake("an aborted run", ["verify"], 2, ["was interrupted", "--dir runs/2026"], aborted_run),
    Mistake("no such folder", ["verify", "nowhere"], 2, ["nowhere: no such folder"]),
    Mistake("a folder without logs", ["verify", "."], 2, ["no log_peer_[id].log in it or below; the nearest thing there is PeerInfo.cfg; name the folder that holds the logs"]),
    Mistake("no such rule", ["verify", "--explain", "Z99"], 2, ["Z99: no such check; families are F (form)"]),
    Mistake("a probe without a program", ["probe"], 2, ["say how your program is started, with {id}"]),
    Mistake("a program that isn't there", ["probe", "nowhere-to-be-found {id}", "--quiet"], 2, ["nowhere-to-be-found", "No such file or directory"]),
    # Across machines.
    Mistake("remote.check on unedited hosts", ["remote", "check"], 8, ["the name 'laptop-one' isn't known here: write an address into PeerInfo.cfg"]),
    Mistake("remote.collect on unedited hosts", ["remote", "collect"], 8, ["the name 'laptop-one' isn't known here: write an address into PeerInfo.cfg"]),
    # By invoke.
    Mistake("misspelt task", [*HERE, "swrm"], 2, ["invoke: there is no task 'swrm': did you mean swarm?"]),
    Mistake("misspelt task of remote", [*HERE, "remote.chek"], 2, ["no task 'remote.chek': did you mean remote.check?"]),
    Mistake("misspelt option of a task", [*HERE, "swarm", "--piecesize", "3"], 2, ["no option '--piecesize': did you mean --piece-size?", "`invoke swarm --help`"]),
    Mistake("a configuration without its option, of a task", [*HERE, "swarm", "small"], 2, ["found 'small'", "did you mean --config small?"]),
    Mistake("a folder without its option, of a task", [*HERE, "verify", "runs/x"], 2, ["found 'runs/x'", "did you mean --dir runs/x?"]),
    Mistake("no value of a task's option", [*HERE, "swarm", "--piece-size"], 2, ["--piece-size: expected a value behind it"]),
    Mistake("a value of a task's flag", [*HERE, "swarm", "--keep=3"], 2, ["found '3' where an option is expected"]),
    # Where nothing of ours is found, invoke answers by itself; the README says what to do.
    Mistake("invoke elsewhere", [*INVOKE, "swarm"], 1, ["Can't find any collection named 'tasks'"]),
]  # fmt: skip
"""The message of the last one isn't ours, because invoke has not found our tasks when it gives it."""


def answer(words: list[str], cwd: Path, capfd: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """Exit status, and all that is printed."""
    if words[0] == sys.executable:
        environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'io'}"}
        done = subprocess.run(
            words, cwd=cwd, env=environment, capture_output=True, text=True, timeout=60, check=False
        )
        return done.returncode, done.stdout + done.stderr
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        status = peerProcess.main(words[1:]) if words[:1] == PEER else program.command(words)()
    except SystemExit as end:
        status = int(end.code or 0)
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    out, err = capfd.readouterr()
    return status, out + err


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.name)
def test_a_mistake_is_answered(
    mistake: Mistake,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Each mistake has its documented status and a message that says what, where and what to do; no traceback, no run."""
    tiny.write(tmp_path)
    mistake.spoil(tmp_path)
    monkeypatch.chdir(tmp_path)
    runs = list(tmp_path.glob("runs/*"))
    status, said = answer(mistake.words, tmp_path, capfd)
    assert status == mistake.status, said
    for words in mistake.says:
        assert words in " ".join(said.split()), said
    assert "Traceback" not in said
    assert list(tmp_path.glob("runs/*")) == runs


@contextmanager
def taken(folder: Path) -> Iterator[str]:
    """Somebody else listens on the seed's port."""
    port = (folder / "PeerInfo.cfg").read_text().split()[2]
    with ExitStack() as stack:
        for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
            one = stack.enter_context(socket.socket(family))
            one.bind((host, int(port)))
            one.listen()
        yield port


def test_a_port_that_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """A port on which another program listens is named, by a peer and by a swarm, with what to do."""
    tiny.write(tmp_path)
    monkeypatch.chdir(tmp_path)
    with taken(tmp_path) as port:
        status, said = answer([*PEER, "1001"], tmp_path, capfd)
        assert (status, said.count("\n")) == (1, 1)
        assert f"port {port} is in use: another program (or an earlier peer) listens there" in said
        status, said = answer(["swarm", "--config", str(tmp_path)], tmp_path, capfd)
        assert (status, said.count("\n")) == (1, 1)
        assert f"port {port} is in use: end the program that holds it, or let --free-ports" in said

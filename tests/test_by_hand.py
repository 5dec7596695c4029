"""A peer that was started by hand on a terminal: it says whom it waits for, unless it is to be quiet (spec 7.5)."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.kit.swarm.swarms import PROGRAMS, reserve_port
from tests.test_peerprocess import make

Start = Callable[..., tuple[subprocess.Popen[bytes], int]]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts leecher 2, whose seed nobody starts, with stderr on a terminal; the process and that terminal."""
    started: list[tuple[subprocess.Popen[bytes], int]] = []
    with reserve_port() as one, reserve_port() as two:
        ports = [holder.getsockname()[1] for holder in (one, two)]

    def begin(*options: str) -> tuple[subprocess.Popen[bytes], int]:
        folder = make(tmp_path, f"1 127.0.0.1 {ports[0]} 1", f"2 127.0.0.1 {ports[1]} 0")
        terminal, theirs = pty.openpty()
        command = [sys.executable, str(PROGRAMS["ours"]), "2", "--workdir", str(folder), *options]
        process = subprocess.Popen(command, stderr=theirs, env={**os.environ, "TERM": "xterm"})
        os.close(theirs)
        started.append((process, terminal))
        return process, terminal

    yield begin
    for process, terminal in started:
        process.kill()
        process.wait()
        os.close(terminal)


def read(terminal: int, until: bytes, within: float = 30.0) -> bytes:
    """What the terminal was sent, up to some words or its end."""
    found, deadline = b"", time.monotonic() + within
    while until not in found:
        if not select.select([terminal], [], [], max(0.0, deadline - time.monotonic()))[0]:
            break
        try:
            found += os.read(terminal, 4096)
        except OSError:  # the other end is closed
            break
    return found


@pytest.mark.swarm
def test_a_peer_on_a_terminal_speaks(start: Start) -> None:
    """It says for whom it waits, and at the end only its last word is left in that line."""
    process, terminal = start()
    assert b"peer 2: waiting for 1 at 127.0.0.1:" in read(terminal, b"waiting for 1")
    process.send_signal(signal.SIGINT)
    end = b"peer 2: ended with status 130: interrupted"
    shown = read(terminal, end)
    assert shown.endswith(end) or end in shown
    assert b"\r" + end in shown
    assert process.wait() == 130


@pytest.mark.swarm
def test_a_quiet_peer(start: Start) -> None:
    """With --quiet it says nothing until its end."""
    process, terminal = start("--quiet", "--wait", "0.5")
    shown = read(terminal, b"\n")
    assert shown.startswith(b"peer 2: ended with status 3: missing: 1")
    assert process.wait() == 3

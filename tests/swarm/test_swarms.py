"""The harness for real swarms: ports that nobody else gets, and nothing left behind."""

from __future__ import annotations

import errno
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.kit.swarm.swarms import ROOT, Swarm, first_ephemeral_port, reference, reserve_port


def test_reserved_port() -> None:
    """A reserved port is below the ephemeral range, refused to all but listeners with SO_REUSEADDR."""
    with reserve_port() as holder:
        address = holder.getsockname()
        assert address[1] < first_ephemeral_port()
        with socket.socket() as other, pytest.raises(OSError, match="in use") as failure:
            other.bind(address)
        assert failure.value.errno == errno.EADDRINUSE
        with socket.create_server(address):  # sets SO_REUSEADDR, as a peer does
            pass


@pytest.mark.swarm
def test_nothing_left_behind(tmp_path: Path) -> None:
    """Peers end with their test, also when the test's process is killed (acceptance 8)."""
    script = (
        "import pathlib, sys, time\n"
        "from tests.kit.swarm.swarms import Swarm, reference\n"
        "swarm = Swarm(pathlib.Path(sys.argv[1]), reference(1001, seed=True), reference(1002))\n"
        "swarm.start(1001)\n"
        "print(swarm.ports[1001], flush=True)\n"
        "time.sleep(60)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as launcher:
        assert launcher.stdout is not None
        address = ("127.0.0.1", int(launcher.stdout.readline()))
        await_dial(address, 0)
        launcher.send_signal(signal.SIGKILL)
    await_dial(address, errno.ECONNREFUSED)


@pytest.mark.swarm
def test_failed_peer_is_told(tmp_path: Path) -> None:
    """A peer that fails ends the waiting at once, with what it said on stderr."""
    with Swarm(tmp_path, reference(1001, "no such habit", seed=True)) as swarm:
        swarm.start()
        with pytest.raises(AssertionError, match="no such habit"):
            swarm.complete()


def await_dial(address: tuple[str, int], outcome: int) -> None:
    """Dial until that is the outcome (an errno, 0 for connected)."""
    deadline = time.monotonic() + 10
    while True:
        with socket.socket() as dialler:
            if dialler.connect_ex(address) == outcome:
                return
        assert time.monotonic() < deadline
        time.sleep(0.02)

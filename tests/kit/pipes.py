"""Agents on this machine, spoken to over pipes instead of SSH."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from core.config import PeerInfo
from harness.errors import HostError
from harness.remote.bundle import agent_command
from harness.remote.host.messages import Prepared
from harness.remote.session import LIMIT, Host, Session
from tests.kit import fake_peer


class PipeWire:
    """An agent as a child of this process."""

    def __init__(self, python: str = sys.executable, *, banner: str = "") -> None:
        self.process = subprocess.Popen(
            ["sh", "-c", f"{banner} exec {agent_command(python)}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert self.process.stdin
        assert self.process.stdout
        self._stdin, self._stdout = self.process.stdin, self.process.stdout

    def send(self, data: bytes) -> None:
        try:
            self._stdin.write(data)
            self._stdin.flush()
        except (OSError, ValueError):  # it has ended, or is closed
            raise HostError(self.why_ended()) from None

    def receive(self) -> bytes:
        return os.read(self._stdout.fileno(), 1 << 16)

    def why_ended(self) -> str:
        assert self.process.stderr
        status = self.process.wait()
        lines = self.process.stderr.read().decode().splitlines()
        return lines[-1] if lines else f"ended with {status}"

    def put(self, content: BinaryIO, remote: str) -> None:
        Path(remote).write_bytes(content.read())

    def get(self, remote: str, local: Path, size: int) -> None:
        assert Path(remote).stat().st_size == size
        shutil.copy(remote, local)

    def close(self, patience: float) -> None:
        with suppress(OSError):  # it has ended
            self._stdin.close()
        try:
            self.process.wait(patience)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def session(
    home: Path, *peer_ids: int, limit: float = LIMIT, wire: PipeWire | None = None
) -> tuple[Session, PipeWire]:
    """A session for a host of this name with these peers."""
    wire = wire or PipeWire()
    peers = tuple(PeerInfo(i, home.name, 6000 + i % 1000, has_file=False) for i in peer_ids)
    return Session(Host(home.name, peers), wire, str(home), limit=limit), wire


def prepare(one: Session, home: Path) -> None:
    """Put a program in name only in place, and make the agent a launcher."""
    program = home / "programs" / "none"
    program.mkdir(parents=True, exist_ok=True)
    (program / "peerProcess.py").touch()
    (home / "swarm").mkdir(exist_ok=True)
    one.ask(Prepared, run="a run", program="none", files={}, note={"random_seed": 7})


def fake(peer_id: int, mode: str, alive: Path | None = None) -> list[str]:
    """The command line of a peer in name only."""
    return [*fake_peer.COMMAND, str(peer_id), mode, *(["--alive", str(alive)] if alive else [])]

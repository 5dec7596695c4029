"""A swarm across hosts in miniature: one peer on each, each with a folder of its own."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tests.kit.hosts.host import Host
from tests.kit.hosts.lab import Lab
from verifier.api import Report, verify

ROOT = Path(__file__).resolve().parents[3]
PROGRAM = (sys.executable, ROOT / "peerProcess.py")
FILE_NAME = "the file.dat"
PORT = 6001
FIRST_ID = 1001
DIAGNOSTICS = "stderr.txt"
FOLDER = "swarm"
"""A peer's working directory, in its host's home."""


class HostSwarm:
    """Peers 1001, 1002, ... on a lab's hosts, in their order; the first `seeds` of them have the file."""

    def __init__(
        self,
        lab: Lab,
        *,
        pieces: int,
        piece_size: int,
        seeds: int = 1,
        k: int = 2,
        p: float = 0.5,
        m: float = 1.0,
    ) -> None:
        self.hosts: dict[int, Host] = {FIRST_ID + i: host for i, host in enumerate(lab.hosts)}
        self.processes: dict[int, subprocess.Popen[Any]] = {}
        self.pieces = pieces
        content = os.urandom(pieces * piece_size)
        self.digest = hashlib.sha256(content).hexdigest()
        self._folder = lab.folder
        common = (
            f"NumberOfPreferredNeighbors {k}\nUnchokingInterval {p}\n"
            f"OptimisticUnchokingInterval {m}\nFileName {FILE_NAME}\n"
            f"FileSize {len(content)}\nPieceSize {piece_size}\n"
        )
        peers = "".join(
            f"{peer_id} {host.name} {PORT} {int(peer_id < FIRST_ID + seeds)}\n"
            for peer_id, host in self.hosts.items()
        )
        for folder in map(self.workdir, self.hosts):
            folder.mkdir()
            (folder / "Common.cfg").write_text(common)
            (folder / "PeerInfo.cfg").write_text(peers)
        for peer_id in range(FIRST_ID, FIRST_ID + seeds):
            self.copy_of(peer_id).parent.mkdir()
            self.copy_of(peer_id).write_bytes(content)

    def workdir(self, peer_id: int) -> Path:
        """Where a peer works."""
        return self.hosts[peer_id].home / FOLDER

    def copy_of(self, peer_id: int) -> Path:
        """A peer's complete file (spec 9)."""
        return self.workdir(peer_id) / f"peer_{peer_id}" / FILE_NAME

    def start(self, *peer_ids: int, arguments: Sequence[str] = ("--trace",)) -> None:
        """Start these peers, or all, in the order given."""
        for peer_id in peer_ids or self.hosts:
            with (self.workdir(peer_id) / DIAGNOSTICS).open("ab") as stderr:
                self.processes[peer_id] = self.hosts[peer_id].start(
                    [*PROGRAM, str(peer_id), "--workdir", self.workdir(peer_id), *arguments],
                    stdout=stderr,
                    stderr=stderr,
                )

    def diagnostics(self, peer_id: int) -> str:
        """What a peer said on stderr."""
        return (self.workdir(peer_id) / DIAGNOSTICS).read_text()

    def log(self, peer_id: int) -> str:
        """What a peer logged so far."""
        path = self.workdir(peer_id) / f"log_peer_{peer_id}.log"
        return path.read_text() if path.exists() else ""

    def downloaded(self, peer_id: int) -> int:
        """How many pieces a peer has downloaded so far."""
        return self.log(peer_id).count("has downloaded the piece")

    def await_condition(self, condition: Callable[[], bool], within: float, what: str) -> None:
        """Wait for what only the peers can bring about."""
        deadline = time.monotonic() + within
        while not condition():
            assert time.monotonic() < deadline, f"not within {within} s: {what}\n{self.report()}"
            time.sleep(0.02)

    def await_diagnostic(self, peer_id: int, words: str, within: float) -> None:
        """Wait until a peer said something that matches, on stderr."""
        self.await_condition(
            lambda: re.search(words, self.diagnostics(peer_id)) is not None,
            within,
            f"peer {peer_id} says {words!r}",
        )

    def await_log(self, peer_id: int, words: str, within: float) -> None:
        """Wait until a peer's log has something that matches."""
        self.await_condition(
            lambda: re.search(words, self.log(peer_id)) is not None,
            within,
            f"peer {peer_id} logs {words!r}",
        )

    def statuses(self) -> dict[int, int | None]:
        """Exit statuses; None for a peer that runs."""
        return {peer_id: process.poll() for peer_id, process in self.processes.items()}

    def await_end(self, within: float, *peer_ids: int) -> dict[int, int | None]:
        """Wait for the ends of these peers, or of all; their exit statuses."""
        chosen = peer_ids or tuple(self.processes)
        self.await_condition(
            lambda: None not in [self.statuses()[i] for i in chosen], within, f"{chosen} end"
        )
        return {peer_id: self.statuses()[peer_id] for peer_id in chosen}

    def report(self) -> str:
        """What a failed test shows."""
        parts = [f"exit statuses {self.statuses()}"]
        for peer_id in self.processes:
            parts += [f"--- peer {peer_id}, {self.downloaded(peer_id)} pieces"]
            parts += [self.diagnostics(peer_id), *self.log(peer_id).splitlines()[-3:]]
        return "\n".join(parts)

    def assert_copies(self, *peer_ids: int) -> None:
        """These peers', or all peers', files are the seed's."""
        for peer_id in peer_ids or self.hosts:
            copy = self.copy_of(peer_id)
            assert copy.exists(), f"no {copy}\n{self.report()}"
            assert hashlib.sha256(copy.read_bytes()).hexdigest() == self.digest

    def judge(self, *peer_ids: int, folder: Path | None = None) -> Report:
        """Bring the logs and traces of these peers, or of all, together; what the verifier says."""
        folder = folder or Path(tempfile.mkdtemp(dir=self._folder))
        folder.mkdir(parents=True, exist_ok=True)
        for peer_id in peer_ids or self.hosts:
            for path in self.workdir(peer_id).iterdir():
                if path.is_file() and path.name != DIAGNOSTICS:
                    shutil.copy(path, folder)
        return verify([folder])

"""`invoke remote.*` on the controller of a lab, and what to wait for on its hosts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from core.config import PeerInfo, SwarmConfig
from peerio.config import format_common, format_peers
from tests.kit.hosts.lab import ROOT, Lab

PORT = 6001
PIECE_SIZE = 16_384
"""A peer that ends sends the pieces under way first: with a low rate, small ones are soon sent."""
WITHIN = 60.0
"""Seconds for what takes one on a quiet machine."""


class Commands:
    """Gives `invoke remote.*` commands on a lab's controller, for a swarm with `peers_each` peers on each host."""

    def __init__(
        self,
        lab: Lab,
        *,
        size: int,
        rate: int = 0,
        port: int = PORT,
        name: str = "a file.bin",
        peers_each: int = 1,
    ) -> None:
        self.lab = lab
        self.folder = lab.controller.home / "configured"
        self.runs = lab.controller.home / "runs"
        self.folder.mkdir()
        places = [(host, i) for i in range(peers_each) for host in lab.hosts]
        peers = tuple(
            PeerInfo(1001 + n, host.name, port + i, has_file=n == 0)
            for n, (host, i) in enumerate(places)
        )
        config = SwarmConfig(2, 0.5, 1, name, size, PIECE_SIZE, peers)
        (self.folder / "Common.cfg").write_text(format_common(config))
        (self.folder / "PeerInfo.cfg").write_text(format_peers(config))
        if rate:
            (self.folder / "swarm.toml").write_text(f"rate = {rate}\n")
        self.file = self.folder / name
        self.file.write_bytes(os.urandom(size))

    def command(self, task: str, *options: str | Path) -> list[str]:
        invoke = [sys.executable, "-m", "invoke", "--search-root", str(ROOT), f"remote.{task}"]
        where = ["--config", str(self.folder), "--ssh-config", str(self.lab.ssh_config)]
        return [*invoke, *where, *map(str, options)]

    def run(
        self, task: str, *options: str | Path, timeout: float = 100
    ) -> subprocess.CompletedProcess[str]:
        return self.lab.controller.run(self.command(task, *options), timeout=timeout)

    def start(self, task: str, *options: str | Path) -> subprocess.Popen[Any]:
        return self.lab.controller.start(
            self.command(task, *options),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def place_file(self) -> None:
        """Put the file where the seed expects it, as by hand."""
        folder = self.lab.hosts[0].home / "swarmproof/swarm/peer_1001"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / self.file.name).write_bytes(self.file.read_bytes())

    def result(self) -> dict[str, Any]:
        result: dict[str, Any] = json.loads((self.runs / "latest/result.json").read_text())
        return result

    def await_transfer(self) -> None:
        """Wait until the last leecher runs and has a piece."""
        await_condition(lambda: "peerProcess" in str(self.lab.hosts[-1].processes()))
        log = (
            self.lab.hosts[-1].home / f"swarmproof/swarm/log_peer_{1000 + len(self.lab.hosts)}.log"
        )
        await_condition(lambda: log.exists() and "has downloaded the piece" in log.read_text())

    def await_nobody(self) -> None:
        """Wait until no process of ours runs on any host."""
        await_condition(lambda: not any(host.processes() for host in self.lab.hosts))


def await_condition(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WITHIN
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def lose_patience(lab: Lab) -> None:
    """Take a host that doesn't answer at once for one that is down."""
    with lab.ssh_config.open("a") as file:
        file.write("Host *\n    ConnectTimeout 2\n")

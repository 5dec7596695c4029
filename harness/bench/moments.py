"""Figures of moments, which those of whole transfers don't show: a peer's start, and how soon it asks.

- **start**: processor time from the first moment of a peer's process until it listens, beside that of a
  Python that does nothing.
- **waits**: how long `harness.bench.neighbor` waits for a request after its unchoke and after a piece, from
  a peer that has nothing else to do and from one in a swarm that uses all processors. Peers let each other
  finish what they do (SCHED_BATCH, and a yield in each turn), which costs time here and saves some there.
"""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.config import PeerInfo, SwarmConfig
from harness.bench import neighbor
from harness.errors import HarnessError
from harness.local import ports, runfolder
from harness.local.launcher import Launcher
from peerio.status import Status

_TIMEOUT = 600.0
_STARTS = 4
"""Swarms of two whose starts are measured."""
_PIECE = 32 << 10
_BARE = "import time; print(time.process_time())"
_LOADED = [True, False, False, False, False, True]
"""Who has the file: more peers than most machines have processors, so that they wait for each other."""
_FIRST = 1001
_LEAST = 2
"""Waits without which there is no distribution."""

Waits = dict[str, list[float]]
"""Seconds, by what was waited after (`unchoke`, `piece`)."""


@dataclass(frozen=True, slots=True)
class Moments:
    """Seconds, one for each time: of processor time `start` and `bare`, of wall time the `waits`."""

    start: list[float]
    bare: list[float]
    waits: dict[str, Waits]
    """By load: `idle` or `loaded`."""

    def lines(self) -> list[str]:
        """What people are told."""
        start = f"A peer's start, until it listens: {_ms(self.start)} ms of processor time"
        said = [f"{start} (a Python that does nothing: {_ms(self.bare)} ms)"]
        for load, causes in self.waits.items():
            for cause, waits in causes.items():
                of = _spread(waits)
                said.append(
                    f"From {cause} to request, {load}: median {of['median'] * 1000:.2f} ms, 95 % within "
                    f"{of['p95'] * 1000:.2f} ms, at most {of['most'] * 1000:.1f} ms ({len(waits)} times)"
                )
        return said

    def record(self) -> dict[str, Any]:
        """For programs: the medians, and all that was measured."""
        return {
            "start_cpu": statistics.median(self.start),
            "bare_cpu": statistics.median(self.bare),
            "starts": self.start,
            "waits": {
                load: {cause: _spread(waits) for cause, waits in causes.items()}
                for load, causes in self.waits.items()
            },
        }


def _spread(seconds: list[float]) -> dict[str, float]:
    return {
        "median": statistics.median(seconds),
        "p95": statistics.quantiles(seconds, n=20)[-1],
        "most": max(seconds),
        "times": len(seconds),
    }


def _ms(seconds: Sequence[float]) -> str:
    return f"{statistics.median(seconds) * 1000:.2f}"


def measure(workspace: Path, size: int) -> Moments:
    """Measure all; the swarm under load hands out a file of `size` bytes.

    HarnessError when a process fails.
    """
    start: list[float] = []
    bare: list[float] = []
    for _ in range(_STARTS):
        start += _starts(workspace)
        bare.append(float(subprocess.check_output([sys.executable, "-c", _BARE])))
    waits = {
        "idle": _waits(workspace, [False, True], size // 10),
        "loaded": _waits(workspace, _LOADED, size),
    }
    return Moments(start, bare, waits)


class _Last:
    """The `Observer` of a launcher that keeps each peer's last status, and what it says if it fails."""

    def __init__(self) -> None:
        self.statuses: dict[int, Status] = {}
        self._said: list[str] = []

    def on_start(self, peer_id: int, pid: int) -> None:
        """Nothing is measured from outside."""

    def on_status(self, status: Status) -> None:
        """Keep it."""
        self.statuses[status.peer] = status

    def on_diagnostic(self, line: str) -> None:
        """Keep it."""
        self._said.append(line)

    def on_end(self, peer_id: int, exit_status: int) -> None:
        """The launcher's to judge."""

    def on_tick(self) -> None:
        """Nothing is shown."""

    def run(self, commands: dict[int, list[str]], folder: Path) -> None:
        """Run all commands to their end; HarnessError if one fails."""
        outcome = Launcher(commands, folder, self, timeout=_TIMEOUT).run()
        if outcome.exit_status != 0:
            text = "\n".join(["a run of the benchmark failed:", *self._said])
            raise HarnessError(text, status=outcome.exit_status)


def _starts(workspace: Path) -> list[float]:
    """Seconds of processor time until each peer of the smallest swarm listens."""
    last = _Last()
    with _folder(workspace) as folder:
        config = _config([True, False], 1)
        runfolder.fill(folder, config, source=None, random_seed=0, hashes=False)
        last.run(_peers(config, folder), folder)
    cpus = [status.cpu_at_start for status in last.statuses.values()]
    return [cpu for cpu in cpus if cpu is not None]


def _waits(workspace: Path, has_file: list[bool], size: int) -> Waits:
    """How long the neighbor, the last of these peers, waited for the one before it."""
    with _folder(workspace) as folder:
        config = _config(has_file, size)
        runfolder.fill(folder, config, source=None, random_seed=0, hashes=False)
        commands = _peers(config, folder)
        *_, served, own_id = commands
        program = runfolder.module_command("harness.bench.neighbor")
        commands[own_id] = [*program, str(own_id), str(served), str(folder)]
        _Last().run(commands, folder)
        waits: Waits = json.loads((folder / neighbor.FIGURES).read_text(encoding="utf-8"))
    if any(len(each) < _LEAST for each in waits.values()):
        raise HarnessError(
            "a run of the benchmark failed: the transfer was over before waits could be measured: "
            "measure without --quick, or with --no-moments"
        )
    return waits


def _config(has_file: list[bool], size: int) -> SwarmConfig:
    """A swarm of one peer for each flag."""
    flags = zip(ports.free_ports(len(has_file)), has_file, strict=True)
    return SwarmConfig(
        preferred_neighbors=3,
        unchoking_interval=0.5,
        optimistic_interval=1.0,
        file_name="bench.dat",
        file_size=size,
        piece_size=_PIECE,
        peers=tuple(
            PeerInfo(_FIRST + number, "localhost", port, has)
            for number, (port, has) in enumerate(flags)
        ),
    )


def _peers(config: SwarmConfig, folder: Path) -> dict[int, list[str]]:
    program = [sys.executable, str(runfolder.PEER_PROCESS)]
    return {
        peer.peer_id: [*program, str(peer.peer_id), "--workdir", str(folder)]
        for peer in config.peers
    }


@contextmanager
def _folder(workspace: Path) -> Iterator[Path]:
    folder = workspace / "moments"
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder)

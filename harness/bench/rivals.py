"""Other programs that distribute a file, measured as whole processes: libtorrent and aria2, where they are installed.

They speak BitTorrent, which checks each piece by its SHA-1 and keeps several requests under way. Nothing of
them is switched off but what looks for peers elsewhere: DHT, local discovery, uTP.
"""

from __future__ import annotations

import filecmp
import importlib.util
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.bench.meter import Whole, peak_memory_of
from harness.bench.report import Scenario
from harness.bench.torrents import torrent, tracking
from harness.errors import HarnessError
from harness.local import ports, runfolder

_BLOCK = 16 << 10
"""What BitTorrent asks for at a time: a piece is some of these."""
_FILE = "bench.dat"
_LOOK = 0.2
"""Seconds between two looks whether a process has died."""


@dataclass(frozen=True, slots=True)
class Rival:
    """A program: how to get it, whether it is there, and the command of one peer.

    The command is made of the torrent, the peer's folder, its port, and whether it is the seed.
    """

    name: str
    install: str
    is_there: Callable[[], bool]
    command: Callable[[Path, Path, int, bool], Sequence[str]]


def _libtorrent(torrent_file: Path, folder: Path, port: int, is_seed: bool) -> list[str]:  # noqa: FBT001
    role = "seed" if is_seed else "leecher"
    module = runfolder.module_command("harness.bench.libtorrent_peer")
    return [*module, str(torrent_file), str(folder), str(port), role]


def _aria2(torrent_file: Path, folder: Path, port: int, _is_seed: bool) -> list[str]:  # noqa: FBT001
    return [
        "aria2c",
        "--no-conf",
        "--quiet",
        f"--dir={folder}",
        f"--listen-port={port}",
        "--enable-dht=false",
        "--bt-enable-lpd=false",
        "--enable-peer-exchange=false",
        "--file-allocation=none",
        "--bt-seed-unverified=true",
        "--allow-overwrite=true",
        "--seed-ratio=0.0",
        str(torrent_file),
    ]


RIVALS = (
    Rival(
        "libtorrent",
        "pip install -e '.[bench]'",
        lambda: importlib.util.find_spec("libtorrent") is not None,
        _libtorrent,
    ),
    Rival(
        "aria2",
        "the package aria2 of Debian, Fedora or Homebrew",
        lambda: shutil.which("aria2c") is not None,
        _aria2,
    ),
)


def usable(scenario: Scenario) -> bool:
    """Whether BitTorrent has pieces of this size."""
    return scenario.piece_size % _BLOCK == 0


def measure(
    rival: Rival, folder: Path, source: Path, scenario: Scenario, *, timeout: float
) -> Whole:
    """Let a program distribute the file: from the start of its processes until all leechers have said that they
    are complete. HarnessError if it fails.
    """
    leechers = scenario.peers - 1
    with tracking(leechers) as (tracker, address):
        made = folder / "bench.torrent"
        made.write_bytes(torrent(source, scenario.piece_size, address))
        commands = []
        for number, port in enumerate(ports.free_ports(scenario.peers)):
            own = folder / str(number)
            own.mkdir()
            if number == 0:
                (own / _FILE).hardlink_to(source)
            commands.append(rival.command(made, own, port, number == 0))
        begun = time.monotonic()
        processes: list[subprocess.Popen[bytes]] = []
        try:
            for command in commands:
                processes.append(_start(command, folder))  # noqa: PERF401 -- those before a failure count
            _await(rival, tracker.all_complete.wait, processes, begun + timeout)
            wall = time.monotonic() - begun
        finally:
            used = [_end(process) for process in processes]
    for number in range(1, scenario.peers):
        if not filecmp.cmp(source, folder / str(number) / _FILE, shallow=False):
            raise HarnessError(
                f"a run of the benchmark failed: {rival.name} delivered a wrong copy"
            )
    peak = max((memory for _, memory in used if memory is not None), default=None)
    return Whole(sum(cpu for cpu, _ in used), wall, peak)


def _start(command: Sequence[str], folder: Path) -> subprocess.Popen[bytes]:
    with (folder / "said").open("ab") as said:
        return subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=said, stderr=said, process_group=0
        )


def _await(
    rival: Rival,
    complete: Callable[[float], bool],
    processes: Sequence[subprocess.Popen[bytes]],
    deadline: float,
) -> None:
    """Return when all leechers have completed; HarnessError when they can't any more."""
    while not complete(_LOOK):
        ended = next((one for one in processes if _has_ended(one)), None)
        if ended is not None:
            raise HarnessError(f"a run of the benchmark failed: a process of {rival.name} ended")
        if time.monotonic() > deadline:
            raise HarnessError(f"a run of the benchmark failed: {rival.name} took too long")


def _has_ended(process: subprocess.Popen[bytes]) -> bool:
    """Whether it has; it isn't reaped, so that what it used can still be asked for."""
    return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _end(process: subprocess.Popen[bytes]) -> tuple[float, int | None]:
    """End a process at once; the processor seconds that it used, and its peak memory in bytes."""
    try:
        memory = peak_memory_of(process.pid)
    except OSError:  # a system that doesn't tell
        memory = None
    os.kill(process.pid, signal.SIGKILL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return usage.ru_utime + usage.ru_stime, memory

"""What a swarm costs, beside two baselines: the pump and the star of `harness.bench.baselines`.

Everything runs on this machine over loopback, interleaved: each repetition runs pump, star and
swarm one after the other, so that what else the machine does meets all three alike, and ratios are
taken within a repetition; so do libtorrent and aria2, where they are installed (`harness.bench.rivals`).
CPU and wall time count from the first unchoke (of the baselines: when
all processes are connected) to the end of the last process.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.config import PeerInfo, SwarmConfig
from core.exits import ExitStatus
from harness.bench import moments, rivals
from harness.bench import report as benchreport
from harness.bench.meter import measure
from harness.bench.report import HASHED, KINDS, Row, Scenario, WholeRow
from harness.bench.rivals import Rival
from harness.errors import HarnessError
from harness.local import copies, ports, runfolder
from harness.options import count, counts, format_bytes, option, path, size
from harness.watch.console import make_console

if TYPE_CHECKING:
    from rich.console import Console

KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30
PEERS = (3, 6)
SIZES = ((32 * KIB, 100 * MIB), (256 * KIB, GIB), (MIB, GIB))
"""Piece sizes and the size of the file that each is measured with."""
QUICK_FILE = 50 * MIB
_TMPFS = Path("/dev/shm")  # noqa: S108 - a folder of our own is made in it
_PREFIX = "swarmproof-bench-"
_TIMEOUT = 600.0


@dataclass(frozen=True, slots=True)
class Options:
    """What was asked for on the command line."""

    peers: tuple[int, ...] = option(
        "Swarms of so many peers, such as 3,6,12,24 (default: 3,6).", counts(least=2), default=PEERS
    )
    piece_size: int | None = option(
        "Only pieces of this size, such as 64KiB (default: 32KiB, 256KiB and 1MiB).", size(least=1)
    )
    file_size: int | None = option(
        "Size of the file, such as 200MB (default: 100MiB with pieces of 32KiB, else 1GiB).",
        size(least=1),
    )
    repetitions: int = option("How often each is measured (default: 3).", count(least=1), default=3)
    quick: bool = option("Files of 50 MiB: a look, not a measurement.", default=False)
    trace: bool = option("Peers write their traces, to see what that adds.", default=False)
    hashes: bool = option(
        "Also swarms whose peers check every piece by its hash, to see what that adds.",
        default=False,
    )
    others: bool = option(
        "Without libtorrent and aria2, which are measured too where they are installed.",
        default=True,
    )
    moments: bool = option(
        "Without a peer's start and how soon it asks, which are measured at the end.", default=True
    )
    json: Path | None = option(
        "Where to write all figures (default: runs/bench-<time stamp>.json).", path
    )


def scenarios(options: Options) -> list[Scenario]:
    """The swarms that the options leave."""
    sizes = [s for s in SIZES if options.piece_size in {None, s[0]}]
    if not sizes and options.piece_size is not None:
        sizes = [(options.piece_size, 100 * MIB)]
    file_size = options.file_size or (QUICK_FILE if options.quick else None)
    return [
        Scenario(peers, piece_size, file_size or usual)
        for peers in options.peers
        for piece_size, usual in sizes
    ]


def run_bench(options: Options, kinds: Sequence[str] = KINDS) -> int:
    """Measure, print a table, write JSON; 0. HarnessError when something can't be measured."""
    console = make_console()
    planned = scenarios(options)
    kinds = (*kinds, HASHED) if options.hashes else kinds
    others = _others(console) if options.others else []
    rows: list[Row] = []
    wholes: list[WholeRow] = []
    with _workspace(planned) as workspace:
        console.print(benchreport.surroundings(workspace), soft_wrap=True)
        for scenario in planned:
            source = _source(workspace, scenario.file_size)
            # Memory that the machine touches for the first time costs several times as much; the
            # first run would pay for it, so that it doesn't count.
            _measure(workspace, source, scenario, "pump", trace=False)
            for repetition in range(options.repetitions):
                for kind in kinds:
                    row = _measure(workspace, source, scenario, kind, trace=options.trace)
                    console.print(
                        f"{repetition + 1}/{options.repetitions} {row.line()}", soft_wrap=True
                    )
                    rows.append(row)
                    if kind not in KINDS[:2]:
                        wholes.append(row.whole)
                for other in others if rivals.usable(scenario) else ():
                    whole = _measure_other(workspace, source, scenario, other)
                    console.print(
                        f"{repetition + 1}/{options.repetitions} {whole.line()}", soft_wrap=True
                    )
                    wholes.append(whole)
        record = benchreport.record(rows, wholes, workspace)
        if options.moments:
            record["moments"] = _moments(workspace, console, quick=options.quick)
    console.print(benchreport.table(rows))
    console.print(benchreport.whole_table(wholes))
    path = (
        options.json
        or runfolder.runs_folder() / f"bench-{datetime.now().astimezone():%Y-%m-%dT%H-%M-%S}.json"
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    console.print(f"All figures: {path}", soft_wrap=True)
    return 0


@contextmanager
def _workspace(planned: Sequence[Scenario]) -> Iterator[Path]:
    """A folder in memory where there is one; removed at the end, as is what a killed run left."""
    base = _TMPFS if os.access(_TMPFS, os.W_OK) else Path(tempfile.gettempdir())
    for left in base.glob(f"{_PREFIX}*"):
        if not _is_alive(int(left.name.split("-")[2])):
            shutil.rmtree(left, ignore_errors=True)
    # The source is the seed's copy (a hard link), so that there are as many copies as peers.
    needed = max(scenario.peers * scenario.file_size for scenario in planned)
    free = shutil.disk_usage(base).free
    if needed > free:
        raise HarnessError(
            f"{base}: {format_bytes(needed)} are needed and {format_bytes(free)} free: "
            "choose a smaller --file-size or fewer --peers"
        )
    workspace = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-", dir=base))
    try:
        yield workspace
    finally:
        shutil.rmtree(workspace, ignore_errors=True)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # another user's
        return True
    return True


def _source(workspace: Path, size: int) -> Path:
    """The file to hand out; only the last one is kept, since memory is what it lies in."""
    path = workspace / f"source-{size}"
    if not path.exists():
        for other in workspace.glob("source-*"):
            other.unlink()
        runfolder.write_random(path, size, random_seed=size)
    return path


def _measure(workspace: Path, source: Path, scenario: Scenario, kind: str, *, trace: bool) -> Row:
    folder = workspace / kind
    folder.mkdir()
    try:
        if kind in {"swarm", HASHED}:
            config = _config(scenario)
            hashes = kind == HASHED
            runfolder.fill(folder, config, source=source, random_seed=0, hashes=hashes)
            measurement = measure(_swarm(folder, config, trace=trace), folder, timeout=_TIMEOUT)
            compared = copies.compare(folder, config)
            if not all(copy.identical for copy in compared.values()):
                raise HarnessError(
                    "a run of the benchmark failed: copies differ", status=ExitStatus.COPIES_DIFFER
                )
        else:
            commands = (_pump if kind == "pump" else _star)(folder, source, scenario)
            measurement = measure(commands, folder, timeout=_TIMEOUT)
    finally:
        shutil.rmtree(folder)
    return Row(scenario, kind, measurement)


def _moments(workspace: Path, console: Console, *, quick: bool) -> dict[str, Any]:
    """A peer's start and how soon it asks: told, and returned for programs."""
    seen = moments.measure(workspace, QUICK_FILE if quick else 2 * QUICK_FILE)
    for line in seen.lines():
        console.print(line, soft_wrap=True)
    return seen.record()


def _others(console: Console) -> list[Rival]:
    """The other programs that are installed; of the rest it is told how to get them."""
    for rival in rivals.RIVALS:
        if not rival.is_there():
            console.print(
                f"Not beside {rival.name}, which isn't installed: {rival.install}.",
                soft_wrap=True,
                markup=False,
            )
    return [rival for rival in rivals.RIVALS if rival.is_there()]


def _measure_other(workspace: Path, source: Path, scenario: Scenario, rival: Rival) -> WholeRow:
    folder = workspace / rival.name
    folder.mkdir()
    try:
        whole = rivals.measure(rival, folder, source, scenario, timeout=_TIMEOUT)
    finally:
        shutil.rmtree(folder)
    return WholeRow(scenario, rival.name, whole)


def _config(scenario: Scenario) -> SwarmConfig:
    """Short intervals, so that all leechers are soon at work; the window begins after the first."""
    numbered = enumerate(ports.free_ports(scenario.peers))
    return SwarmConfig(
        preferred_neighbors=3,
        unchoking_interval=0.5,
        optimistic_interval=1.0,
        file_name="bench.dat",
        file_size=scenario.file_size,
        piece_size=scenario.piece_size,
        peers=tuple(PeerInfo(1001 + n, "localhost", port, n == 0) for n, port in numbered),
    )


def _swarm(folder: Path, config: SwarmConfig, *, trace: bool) -> dict[int, list[str]]:
    tracing = "--trace" if trace else "--no-trace"
    program = [sys.executable, str(runfolder.PEER_PROCESS)]
    return {
        peer.peer_id: [*program, str(peer.peer_id), "--workdir", str(folder), tracing]
        for peer in config.peers
    }


def _pump(folder: Path, source: Path, scenario: Scenario) -> dict[int, list[str]]:
    """Senders are the even processes, receivers the odd ones."""
    leechers = scenario.peers - 1
    barrier, *pairs = ports.free_ports(1 + leechers)
    commands = {}
    for number in range(2 * leechers):
        sends = number % 2 == 0
        role, path = ("pump-send", source) if sends else ("pump-receive", folder / str(number))
        port = pairs[number // 2]
        commands[number] = _baseline(role, path, scenario, number, 2 * leechers, port, barrier)
    return commands


def _star(folder: Path, source: Path, scenario: Scenario) -> dict[int, list[str]]:
    """Process 0 is the seed."""
    barrier, port = ports.free_ports(2)
    commands = {}
    for number in range(scenario.peers):
        role, path = ("star-ask", folder / str(number)) if number else ("star-serve", source)
        commands[number] = _baseline(role, path, scenario, number, scenario.peers, port, barrier)
    return commands


def _baseline(
    role: str, path: Path, scenario: Scenario, peer: int, processes: int, port: int, barrier: int
) -> list[str]:
    arguments = {
        "peer": peer,
        "others": processes - 1,
        "leechers": scenario.peers - 1,
        "size": scenario.file_size,
        "piece-size": scenario.piece_size,
        "port": port,
        "barrier": barrier,
    }
    options = [text for name, value in arguments.items() for text in (f"--{name}", str(value))]
    return [*runfolder.module_command("harness.bench.baselines"), role, str(path), *options]

"""One swarm from start to end: a run folder, all peers on this machine, the comparison."""

from __future__ import annotations

import random
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console
from rich.measure import Measurement
from rich.table import Table

from core.config import SwarmConfig
from core.exits import ExitStatus
from harness.errors import HarnessError
from harness.local import copies, corruption, ports, reports, runfolder, settings
from harness.local.hashing import is_traced
from harness.local.launcher import Launcher
from harness.local.result import FILE_NAME, Result, shown
from harness.local.settings import Settings
from harness.options import count, format_bytes, option, path, rate, seconds, size, switch
from harness.output import busy
from harness.watch.board import Board
from harness.watch.console import has_color, make_console, say
from harness.watch.live import make_display
from peerio import hashes
from verifier.api import verify
from verifier.judge import UNUSABLE, VIOLATION
from verifier.judge import Options as Judging

_WIDEST = 1000
"""Characters of a table's line; paths are told whole."""


@dataclass(frozen=True, slots=True)
class Options:
    """What was asked for on the command line; None is "as the configuration says"."""

    config: str = option(
        "Folder under configs/ or any path with Common.cfg and PeerInfo.cfg (default: small).",
        default="small",
    )
    file: Path | None = option(
        "Share this real file; it is linked, never changed (default: made-up content).", path
    )
    peers: int | None = option(
        "Number of peers: the first of the configuration, or more leechers than it has.",
        count(least=1),
    )
    piece_size: int | None = option(
        "Bytes of a piece, such as 32768, 1MB or 1MiB "
        "(default: what fits the file with --file, else the configuration's).",
        size(least=1),
    )
    k: int | None = option(
        "Number of preferred neighbors "
        "(default: all, up to 8, with --file, else the configuration's).",
        count(least=1),
    )
    rate: int | None = option(
        "Upload limit of each peer in bytes a second, such as 200kB; 0 for none "
        "(default: swarm.toml's; none with --file).",
        rate,
    )
    timeout: float | None = option(
        "Time until the swarm is ended with status 5, such as 90s or 5m (default: swarm.toml's or 5m).",
        seconds,
    )
    random_seed: int | None = option(
        "Seed of the content and of all peers' random choices (default: a new one).", count()
    )
    plain: bool = option(
        "Plain lines instead of the live table, as when this isn't a terminal.", default=False
    )
    keep: bool = option("Keep the leechers' copies after the comparison.", default=False)
    free_ports: bool = option("Pick free ports instead of the configuration's.", default=False)
    resume: bool = option(
        "Go on with the newest run, which was interrupted: what is there and right is kept.",
        default=False,
    )
    trace: bool | None = option(
        "Peers write traces too (default: unless --file is larger than 64 MiB).", switch
    )
    runs: Path | None = option(runfolder.RUNS_HELP, path)
    report: bool = option(
        "Write report.html into the run's folder, a page with charts.",
        default=False,
    )


def run_swarm(options: Options, runs: Path | None = None) -> int:
    """Run one swarm; the exit status.

    0 when every peer ended with 0, all copies are identical and the verifier finds no broken rule, 5 on
    time-out, 6 where copies differ, 7 where a rule was broken, 130 and 143 when interrupted and
    terminated, otherwise that of the first peer that failed. HarnessError when it can't start.
    """
    if options.resume:
        return _resume(options, runs or options.runs)
    source = runfolder.find_config(options.config)
    config = _configured(source, options)
    limits = _limits(source, options)
    ports.check(config)
    trace = is_traced(options.trace, config.file_size)
    random_seed = options.random_seed
    if random_seed is None:
        random_seed = random.randrange(1 << 32)
    try:
        folder = runfolder.new_run_folder(runs or options.runs)
    except OSError as error:
        raise HarnessError(f"the run folder can't be made: {error}") from error
    with runfolder.gone_unless_logged(folder):
        try:
            runfolder.fill(folder, config, source=options.file, random_seed=random_seed)
        except OSError as error:
            raise HarnessError(f"the run folder can't be made: {error}") from error
        return _run(Run(folder, config, limits, random_seed, trace), options)


def _resume(options: Options, runs: Path | None) -> int:
    """Go on with the newest run: its configuration stands."""
    folder = runfolder.latest_run(runs)
    if not (folder / hashes.FILE_NAME).is_file():
        raise HarnessError(
            f"--resume: {folder} has no {hashes.FILE_NAME}, which tells which pieces are right: "
            "only runs of a real file (--file) have one, or put it there (`invoke hash`)"
        )
    config = runfolder.read_config(folder, warn=print)
    _refuse_other(folder, config, options)
    ports.check(config)
    trace = is_traced(options.trace, config.file_size)
    seed = options.random_seed
    seed = random.randrange(1 << 32) if seed is None else seed
    limits = Settings() if options.rate is None else Settings(rate=options.rate)
    if options.timeout is not None:
        limits = replace(limits, timeout=options.timeout)
    print(f"going on with {shown(folder)}")
    return _run(Run(folder, config, limits, seed, trace, resume=True), options)


def _refuse_other(folder: Path, config: SwarmConfig, options: Options) -> None:
    """Who names another file or shape than the run's means another run; HarnessError says so."""
    wanted = config
    if options.file is not None:
        wanted = runfolder.with_file(wanted, options.file)
    if options.piece_size is not None:
        wanted = replace(wanted, piece_size=options.piece_size)
    if wanted != config or options.peers not in (None, len(config.peers)):
        raise HarnessError(
            f"--resume: the newest run, {folder}, shares {config.file_name} of {config.file_size} "
            f"bytes in pieces of {config.piece_size} among {len(config.peers)} peers, which isn't "
            "what the other options say: start anew without --resume, or leave them out",
            status=ExitStatus.USAGE,
        )


@dataclass(frozen=True, slots=True)
class Run:
    """A swarm that is ready to start: everything lies in its folder."""

    folder: Path
    config: SwarmConfig
    limits: Settings
    random_seed: int
    trace: bool = True
    resume: bool = False

    def command(self, peer_id: int) -> list[str]:
        """The command line of one peer."""
        command = [sys.executable, str(runfolder.PEER_PROCESS), str(peer_id)]
        command += ["--workdir", str(self.folder)]
        command += ["--trace"] if self.trace else []
        command += ["--resume"] if self.resume else []
        return command + peer_options(peer_id, self.folder.name, self.limits, self.random_seed)


def peer_options(peer_id: int, run: str, limits: Settings, random_seed: int) -> list[str]:
    """The options by which a swarm's launcher hands its settings to a peer."""
    options = ["--run", run, "--random-seed", str(random_seed)]
    if rate := limits.rate_of(peer_id):
        options += ["--rate", str(rate)]
    return options


def _configured(source: Path, options: Options) -> SwarmConfig:
    """The configuration in `source` with what the options put in its place."""
    config = runfolder.read_config(source, warn=lambda text: print(f"{source}: {text}"))
    if options.peers is not None:
        config = runfolder.with_peers(config, options.peers)
    config = runfolder.shaped(config, options.file, options.piece_size, options.k)
    if options.free_ports:
        config = ports.with_free_ports(config)
    return config


def _limits(source: Path, options: Options) -> Settings:
    """The launcher's settings of `source` with what the options put in their place."""
    limits = settings.load(source) if options.file is None else Settings()
    if options.rate is not None:
        limits = replace(limits, rate=options.rate, rates={})
    if options.timeout is not None:
        limits = replace(limits, timeout=options.timeout)
    return limits


def _run(run: Run, options: Options) -> int:
    """Run all peers, compare, tell; the exit status."""
    console = make_console()
    say(console, headline(run.config, run.random_seed))
    board = Board(run.config)
    with make_display(board, console, plain=options.plain) as display:
        commands = {peer.peer_id: run.command(peer.peer_id) for peer in run.config.peers}
        outcome = Launcher(
            commands,
            run.folder,
            display,
            timeout=run.limits.timeout,
            each_tick=lambda: runfolder.point_latest_to(run.folder),
        ).run()
    runfolder.point_latest_to(run.folder)
    if outcome.interrupted and not run.resume and not runfolder.has_logs(run.folder):
        shutil.rmtree(run.folder)
        say(console, "interrupted before any peer had begun: nothing is left of this run")
        return outcome.exit_status
    with busy("comparing the copies"):
        compared = copies.compare(run.folder, run.config)
    # The verifier compares the copies too, so it comes before they go.
    result = Result(
        run.folder,
        run.random_seed,
        board.peers,
        compared,
        outcome.exit_status,
        interrupted=outcome.interrupted,
    )
    try:
        pieces = corruption.hashes_here(compared, run.config)
        return conclude(result, console, report=options.report, pieces=pieces)
    finally:
        if outcome.exit_status and (run.folder / hashes.FILE_NAME).is_file():
            print("the copies are kept: go on with `swarmproof swarm --resume`")
        elif not options.keep:
            copies.remove(compared[peer.peer_id] for peer in run.config.peers if not peer.has_file)


def conclude(
    result: Result,
    console: Console,
    *,
    pieces: Mapping[int, Sequence[str]],
    report: bool = False,
    table: Table | None = None,
) -> int:
    """Judge the logs, write and tell the result; the exit status that it all comes to.

    `pieces` are the hashes of the pieces of copies that differ (harness/local/corruption.py).
    With `report` the page with charts is written too; `table` stands in for the result's. What was
    interrupted isn't judged: nothing would be found but that the logs end too early.
    """
    if result.interrupted:
        exit_status = _write(result)
        console.print(result.table(console.width))
        say(console, result.last_words())
        return exit_status
    exit_status = result.exit_status
    if exit_status == 0 and not all(copy.identical for copy in result.copies.values()):
        exit_status = ExitStatus.COPIES_DIFFER
    try:
        with busy("judging the logs") as told:
            verdict = verify([result.folder], Judging(told=told), color=has_color(console))
    except KeyboardInterrupt:  # the swarm had ended before
        _write(replace(result, exit_status=ExitStatus.INTERRUPTED))
        raise
    if exit_status == 0 and verdict.status in {VIOLATION, UNUSABLE}:
        exit_status = ExitStatus.RULES_BROKEN
    result = replace(result, exit_status=exit_status)
    exit_status = _write(result)
    say(console, "\n".join([*verdict.problems, verdict.text, ""]))
    if exit_status == ExitStatus.COPIES_DIFFER:
        say(console, "\n".join(corruption.explain(result.folder, pieces, verdict)))
    _show(console, result.table(console.width) if table is None else table, whole=table is not None)
    say(console, result.last_words())
    if report:
        page = reports.write_report(result.folder / reports.NAME, verdict)
        print(f"Report: {shown(page)}")
    return exit_status


def _show(console: Console, table: Table, *, whole: bool) -> None:
    """Print a table; a `whole` one leaves nothing out, such as paths, where the terminal is too narrow."""
    if whole:
        wide = console.options.update(max_width=_WIDEST)
        console.width = max(console.width, Measurement.get(console, wide, table).maximum)
    console.print(table)


def _write(result: Result) -> int:
    """Write the result; its exit status, or 1 where that would be 0 and it can't be written."""
    try:
        result.write()
    except OSError as error:  # a full disk is why most swarms end badly that get here
        print(f"{result.folder / FILE_NAME}: can't be written: {error.strerror}")
        return result.exit_status or ExitStatus.UNUSABLE
    return result.exit_status


def headline(config: SwarmConfig, random_seed: int) -> str:
    """What is shared among how many, and how to repeat it."""
    seeds = sum(peer.has_file for peer in config.peers)
    return (
        f"{config.file_name}: {format_bytes(config.file_size)} in {config.piece_count} pieces, "
        f"{len(config.peers)} peers of which {seeds} with the file; "
        f"repeat with --random-seed {random_seed}"
    )

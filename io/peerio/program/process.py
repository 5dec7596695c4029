"""A peer from its command line to its exit status: starts it, wires its parts and ends it.

What a peer decides is `core`; how it talks and stores are the other modules of `peerio`. It is started
by `peerProcess.py`, which handles signals before this module is imported.
"""

from __future__ import annotations

import argparse
import gc
import math
import os
import random
import re
import secrets
import threading
import time
import traceback
from pathlib import Path

from core.config import SwarmConfig
from core.exits import ExitStatus
from core.peer import Peer
from peerio.config import ConfigError, load_config
from peerio.eventlog import LineFile, LogError, log_path, move_logs_aside, trace_path
from peerio.hashes import HashesError
from peerio.hashes import load as load_hashes
from peerio.networking import BoundPort, NetworkError, Networking
from peerio.program.diagnostics import Diagnostics
from peerio.program.limits import LimitError, ensure_descriptors, explain_shortage
from peerio.program.quantities import duration, rate
from peerio.program.signals import Signals
from peerio.program.speaking import Speaker, terminal_width
from peerio.program.surroundings import (
    fill_standard_descriptors,
    prefer_throughput,
    signals_for_main_thread_only,
)
from peerio.resume import open_resumed
from peerio.runtime import Logs, Runtime
from peerio.status import StatusReporter
from peerio.storage import Storage, StorageError

PROGRAM = "python peerProcess.py"
"""What people call it by, unless `swarmproof peer` was what they called."""
EXIT_STATUSES = f"""\
exit statuses:
  {ExitStatus.COMPLETE:<4} all peers in PeerInfo.cfg have the complete file
  {ExitStatus.UNUSABLE:<4} unusable configuration, file or port, or too few resources to start
  {ExitStatus.USAGE:<4} wrong use of the command line
  {ExitStatus.MISSING:<4} other peers are missing (see --wait)
  {ExitStatus.FAILED:<4} storage or log failed during the run
  {ExitStatus.INTERNAL_ERROR:<4} internal error, with a traceback
  {ExitStatus.INTERRUPTED:<4} interrupted (Ctrl-C once: in order, twice: at once)
  {ExitStatus.TERMINATED:<4} terminated

example:
  python peerProcess.py 1001 --workdir swarm --trace
"""
LEAST_RATE = 1.0
"""Bytes a second: a lower limit would never let a piece through."""
_CHECK_SILENCE = 2.0
"""Seconds between two words on how far the check of what is resumed has come."""
FORCED_END = 6.0
"""Seconds after which a peer whose launcher is gone ends in any case."""


class Ending(Exception):  # noqa: N818 -- it isn't an error of this program
    """The peer can't start: what to tell and the exit status (spec 7.4)."""

    def __init__(self, status: ExitStatus, text: str) -> None:
        super().__init__(text)
        self.status = status


def parse_arguments(argv: list[str] | None = None, program: str = PROGRAM) -> argparse.Namespace:
    """Read the command line of `program`; exits with status 2 where it is wrong."""
    return parser(program).parse_args(argv)


def parser(program: str = PROGRAM) -> argparse.ArgumentParser:
    """What can be said on the command line; `program` is what it is called by."""
    made = argparse.ArgumentParser(
        prog=program,
        description="Run one peer: share the file of Common.cfg with the peers of PeerInfo.cfg "
        "until all of them have it.",
        epilog=EXIT_STATUSES.replace(PROGRAM, program),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_options(made)
    _add_options_for_launchers(made)
    return made


def _add_options(made: argparse.ArgumentParser) -> None:
    made.add_argument("peer_id", type=_peer_id, metavar="ID", help="this peer's id")
    made.add_argument(
        "--workdir",
        type=Path,
        default=Path(),
        metavar="DIR",
        help="where Common.cfg, PeerInfo.cfg, the logs and peer_ID/ are (default: here)",
    )
    made.add_argument(
        "--trace",
        action=argparse.BooleanOptionalAction,
        default=False,
        help="also write trace_peer_ID.jsonl (default: no)",
    )
    made.add_argument(
        "--random-seed", type=int, metavar="N", help="repeat the choices of an earlier run"
    )
    made.add_argument(
        "--wait",
        type=_seconds,
        metavar="TIME",
        help="how long to wait for peers that are missing, such as 90s or 5m; 0: not at all, inf: for "
        "ever (default: 60s for those that were here, 10m for the others)",
    )
    made.add_argument(
        "--rate",
        type=_rate,
        metavar="BYTES_PER_SECOND",
        help="upload limit of this peer, such as 200kB or 1MiB (default: none)",
    )
    made.add_argument(
        "--resume",
        action="store_true",
        help="keep what an earlier run left and is right by pieces.sha256 (see docs/hashes.md)",
    )


def _add_options_for_launchers(made: argparse.ArgumentParser) -> None:
    made.add_argument(
        "--quiet",
        action="store_true",
        help="no progress on stderr (default: one line that is updated on a terminal, "
        "a line every 10 s elsewhere, nothing with --status-fd)",
    )
    made.add_argument("--run", metavar="NAME", help="a name for this run, kept in the trace")
    made.add_argument(
        "--lifeline-fd",
        type=_descriptor,
        metavar="N",
        help="for launchers: an inherited pipe; the peer ends when it is closed",
    )
    made.add_argument(
        "--status-fd",
        type=_descriptor,
        metavar="N",
        help="for launchers: an inherited pipe; the peer writes JSON lines on how it stands",
    )


def _peer_id(text: str) -> int:
    if not re.fullmatch("[1-9][0-9]*", text, re.ASCII):
        raise argparse.ArgumentTypeError(
            f"{text!r}: expected a peer's id as in PeerInfo.cfg, such as 1001"
        )
    return int(text)


def _seconds(text: str) -> float:
    if text == "inf":
        return math.inf
    try:
        return duration(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r}: {error}; or inf") from None


def _rate(text: str) -> float:
    try:
        value = rate(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r}: {error}") from None
    if value < LEAST_RATE:
        raise argparse.ArgumentTypeError(f"{text!r}: expected at least 1 byte a second")
    return value


def _descriptor(text: str) -> int:
    try:
        os.fstat(int(text))
    except (OSError, OverflowError, ValueError) as error:
        raise argparse.ArgumentTypeError(f"{text!r} isn't an open file descriptor") from error
    return int(text)


class PeerProcess:
    """A peer, from its configuration to its exit status.

    The port is taken first: nothing of its files is touched while another process may be this peer.
    Raises Ending where the peer can't start.
    """

    def __init__(self, arguments: argparse.Namespace, signals: Signals, warn: Diagnostics) -> None:
        self._peer_id: int = arguments.peer_id
        self._signals = signals
        self._warn = warn
        self._told_at = time.monotonic()
        workdir: Path = arguments.workdir
        config = self._load(workdir)
        try:
            ensure_descriptors(len(config.peers))
            port = BoundPort(config.peer(self._peer_id))
            seed = secrets.randbits(32) if arguments.random_seed is None else arguments.random_seed
            # Peers that are given the same seed still choose independently of each other.
            rng = random.Random(f"{seed}/{self._peer_id}")
            self._storage, has = self._open_storage(workdir, config, resume=arguments.resume)
            wait, tracing = arguments.wait, arguments.trace
            core = Peer(config, self._peer_id, rng, wait=wait, tracing=tracing, has=has)
            log, trace = self._open_logs(workdir, tracing=arguments.trace)
        except (LimitError, NetworkError, HashesError, StorageError, LogError) as error:
            reason = explain_shortage(error.__cause__) or str(error)
            raise Ending(ExitStatus.UNUSABLE, reason) from error
        logs = Logs(self._peer_id, log, trace, lambda: self._network.clock.now)
        self._runtime = Runtime(config, core, self._storage, logs, self._warn)
        self._network = Networking(
            config,
            self._peer_id,
            self._runtime,
            self._storage,
            rng=random.Random(),
            rate=arguments.rate,
            tap=logs.trace,
            port=port,
        )
        self._runtime.network = self._network
        if logs.trace is not None:
            run = arguments.run
            logs.trace.start(config, peer_id=self._peer_id, random_seed=seed, run=run, has=has)
        self._tell_how_it_stands(arguments)
        self._lifeline: int | None = arguments.lifeline_fd

    def _tell_how_it_stands(self, arguments: argparse.Namespace) -> None:
        """Whoever launched it, by status lines; else people, on stderr (spec 7.5)."""
        self._status = self._speaker = None
        if arguments.status_fd is not None:
            self._status = StatusReporter(arguments.status_fd, self._runtime, self._network)
            self._network.post(self._status.start)
        elif not arguments.quiet:
            self._speaker = Speaker(self._runtime, self._network, self._warn, terminal_width())
            self._network.post(self._speaker.start)

    def _stop_if_asked(self) -> None:
        """End before anything is touched, if a signal came meanwhile."""
        if self._signals.came is not None:
            status, reason = self._signals.came
            raise Ending(status, f"ended with status {status}: {reason}")

    def _load(self, workdir: Path) -> SwarmConfig:
        try:
            config = load_config(workdir, warn=self._warn)
        except ConfigError as error:
            raise Ending(ExitStatus.UNUSABLE, str(error)) from error
        ids = [peer.peer_id for peer in config.peers]
        if self._peer_id not in ids:
            raise Ending(
                ExitStatus.UNUSABLE,
                f"peer {self._peer_id} isn't listed in {workdir / 'PeerInfo.cfg'}: "
                f"expected one of {', '.join(map(str, ids))}",
            )
        self._stop_if_asked()
        return config

    def _open_storage(
        self, workdir: Path, config: SwarmConfig, *, resume: bool
    ) -> tuple[Storage, bytes]:
        """The file, and which pieces of it an earlier life left, a byte each."""
        hashes = load_hashes(workdir, config)
        self._stop_if_asked()
        folder, warn = workdir / f"peer_{self._peer_id}", self._warn
        if config.peer(self._peer_id).has_file:
            return Storage.open_seed(folder, config), b""
        if not resume:
            return Storage.create_leecher(folder, config, warn=warn, hashes=hashes), b""
        storage, has = open_resumed(folder, config, hashes, warn=warn, progress=self._checked)
        if storage.path.name != config.file_name and has and all(has):
            storage.complete()
        return storage, has

    def _checked(self, done: int, pieces: int) -> None:
        """So many pieces of what is resumed are checked: that may take long, and be interrupted."""
        self._stop_if_asked()
        now = time.monotonic()
        if now >= self._told_at + _CHECK_SILENCE:
            self._told_at = now
            self._warn(f"checking what is here: {done} of {pieces} pieces")

    def _open_logs(self, workdir: Path, *, tracing: bool) -> tuple[LineFile, LineFile | None]:
        move_logs_aside(workdir, self._peer_id)
        log = LineFile(log_path(workdir, self._peer_id))
        return log, LineFile(trace_path(workdir, self._peer_id)) if tracing else None

    def run(self) -> ExitStatus:
        """Run until the end; return the exit status."""
        self._signals.on_stop(self._request_stop)
        # What stands now stays: the collector need not look at it, nor hurry after what comes.
        gc.freeze()
        gc.set_threshold(50_000, 20, 100)
        prefer_throughput()
        with signals_for_main_thread_only():
            if self._lifeline is not None:
                self._watch_lifeline(self._lifeline)
            try:
                self._network.start_server()
            except OSError as error:  # another process got the port between two calls
                reason = explain_shortage(error) or f"can't listen: {error.strerror}"
                raise Ending(ExitStatus.UNUSABLE, reason) from error
        self._network.join()
        status, reason = self._end()
        if self._status is not None:
            self._status.end(status, reason)
        if self._speaker is not None:
            self._speaker.end(complete=status == ExitStatus.COMPLETE)
        if status:
            self._warn(f"ended with status {status}: {reason}")
        return status

    def _request_stop(self, status: ExitStatus, reason: str) -> None:
        def stop() -> None:
            self._runtime.request_stop(status, reason)
            self._network.hasten()

        self._network.post(stop)

    def _end(self) -> tuple[ExitStatus, str]:
        """Close files; what goes wrong now still counts (spec 7.4)."""
        runtime = self._runtime
        if self._network.failure is not None:
            if shortage := explain_shortage(self._network.failure):
                return ExitStatus.UNUSABLE, shortage
            self._warn.show("".join(traceback.format_exception(self._network.failure)))
            return ExitStatus.INTERNAL_ERROR, "internal error"
        for close in (self._storage.close, runtime.close):
            try:
                close()
            except (StorageError, LogError) as error:
                runtime.can_not_write(str(error))
        return runtime.outcome

    def _watch_lifeline(self, fd: int) -> None:
        """End when whoever started this peer is gone, however that came about."""

        def watch() -> None:
            while os.read(fd, 1):
                pass
            self._request_stop(ExitStatus.TERMINATED, "the launcher is gone")
            time.sleep(FORCED_END)
            os._exit(ExitStatus.TERMINATED)

        threading.Thread(target=watch, name="lifeline", daemon=True).start()


def main(argv: list[str] | None, signals: Signals, program: str = PROGRAM) -> int:
    """Run one peer; return its exit status (spec 7.4)."""
    fill_standard_descriptors()
    try:
        arguments = parse_arguments(argv, program)
    except (OSError, AttributeError):  # stderr is full, or there is none: it can't be told
        return ExitStatus.USAGE
    warn = Diagnostics(arguments.peer_id)
    try:
        return _run(arguments, signals, warn)
    finally:
        warn.close()


def _run(arguments: argparse.Namespace, signals: Signals, warn: Diagnostics) -> ExitStatus:
    try:
        return PeerProcess(arguments, signals, warn).run()
    except Ending as ending:
        warn(str(ending))
        return ending.status
    except Exception as error:  # noqa: BLE001 -- a bug of ours: documented status, whole traceback
        shortage = explain_shortage(error)
        if shortage is not None:
            warn(shortage)
            return ExitStatus.UNUSABLE
        warn.show(traceback.format_exc())
        return ExitStatus.INTERNAL_ERROR

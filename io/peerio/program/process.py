"""A peer from its command line to its exit status: starts it, wires its parts and ends it.

What a peer decides is `core`; how it talks and stores are the other modules of `peerio`. It is started
by `peerProcess.py`, which handles signals before this module is imported.
"""

from __future__ import annotations

import gc
import os
import random
import threading
import time
import traceback
from typing import TYPE_CHECKING

from core.config import SwarmConfig
from core.exits import ExitStatus
from core.peer import Peer
from peerio.config import PIECE_HASHES, ConfigError, load_config
from peerio.eventlog import LineFile, LogError, log_path, move_logs_aside, trace_path
from peerio.networking import BoundPort, NetworkError, Networking
from peerio.program.arguments import PROGRAM, parse_arguments
from peerio.program.diagnostics import Diagnostics
from peerio.program.limits import LimitError, ensure_descriptors, explain_shortage
from peerio.program.signals import Signals
from peerio.program.surroundings import (
    fill_standard_descriptors,
    prefer_throughput,
    signals_for_main_thread_only,
)
from peerio.runtime import Logs, Runtime
from peerio.storage import Storage, StorageError

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from peerio.hashes import PieceHashes
    from peerio.program.speaking import Speaker
    from peerio.status import StatusReporter

_CHECK_SILENCE = 2.0
"""Seconds between two words on how far the check of what is resumed has come."""
FORCED_END = 6.0
"""Seconds after which a peer whose launcher is gone ends in any case."""


class Ending(Exception):  # noqa: N818 -- it isn't an error of this program
    """The peer can't start: what to tell and the exit status (spec 7.4)."""

    def __init__(self, status: ExitStatus, text: str) -> None:
        super().__init__(text)
        self.status = status


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
            seed = arguments.random_seed
            if seed is None:
                seed = random.SystemRandom().getrandbits(32)
            # Peers that are given the same seed still choose independently of each other.
            rng = random.Random(f"{seed}/{self._peer_id}")
            self._storage, has = self._open_storage(workdir, config, resume=arguments.resume)
            wait, tracing = arguments.wait, arguments.trace
            core = Peer(config, self._peer_id, rng, wait=wait, tracing=tracing, has=has)
            log, trace = self._open_logs(workdir, tracing=arguments.trace)
        except (LimitError, NetworkError, StorageError, LogError) as error:
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
        self._status: StatusReporter | None = None
        self._speaker: Speaker | None = None
        if arguments.status_fd is not None:
            from peerio.status import StatusReporter  # noqa: PLC0415 -- of no use to people

            self._status = StatusReporter(arguments.status_fd, self._runtime, self._network)
            self._network.post(self._status.start)
        elif not arguments.quiet:
            from peerio.program.speaking import (  # noqa: PLC0415 -- of no use to a launcher
                Speaker,
                terminal_width,
            )

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
        hashes = _load_hashes(workdir, config)
        self._stop_if_asked()
        folder, warn = workdir / f"peer_{self._peer_id}", self._warn
        if config.peer(self._peer_id).has_file:
            return Storage.open_seed(folder, config), b""
        if not resume:
            return Storage.create_leecher(folder, config, warn=warn, hashes=hashes), b""
        from peerio.resume import open_resumed  # noqa: PLC0415 -- most peers begin with nothing

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


def _load_hashes(workdir: Path, config: SwarmConfig) -> PieceHashes | None:
    """The hashes of all pieces, None where there is no file of them; Ending if they can't be used."""
    if not os.path.lexists(workdir / PIECE_HASHES):
        return None
    from peerio import hashes  # noqa: PLC0415 -- most swarms have none, and it loads OpenSSL

    try:
        return hashes.load(workdir, config)
    except hashes.HashesError as error:
        reason = explain_shortage(error.__cause__) or str(error)
        raise Ending(ExitStatus.UNUSABLE, reason) from error


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

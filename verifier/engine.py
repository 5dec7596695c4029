"""Where logs are read and judged one by one: in this process, or spread over several.

Haves never leave the process that read them. A first round reads each log; the logs without their
haves are put together into a swarm; a second round judges each log with what it needs of the others.
"""

from __future__ import annotations

import gc
import os
import signal
from contextlib import suppress
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any, Protocol

from verifier.checks.registry import Scope
from verifier.findings import Tally
from verifier.history.facts import Facts, View
from verifier.history.replay import requirements
from verifier.reading.config import InputError
from verifier.reading.scan import Scanner
from verifier.rules import CHECKS

if TYPE_CHECKING:
    from array import array
    from collections.abc import Mapping, Sequence
    from multiprocessing.connection import Connection as Pipe
    from multiprocessing.process import BaseProcess

    from verifier.checks.registry import Check
    from verifier.history.lives import Swarm
    from verifier.reading.columns import LogColumns
    from verifier.reading.config import Config
    from verifier.reading.finding import LogFile

    Needs = tuple[array[int], array[int], array[int]]
    Spot = tuple[int, float]
    """A neighbor and a time."""
    Judged = tuple[int, dict[str, Tally], Facts]

SMALL = 1 << 22
"""Bytes of logs below which a second process costs more than it saves."""


def run_check(
    check: Check, subject: object, *, lenient: bool, doubts: dict[int, str] | None = None
) -> Tally:
    """What a check finds; one that crashes makes its verdict unknown, with the reason.

    `doubts` are logs whose missing lines prove nothing to it (see `Swarm.doubts`).
    """
    tally = Tally(check.weight(lenient=lenient), doubts=doubts or {})
    try:
        check.run(subject, tally)
    except Exception as error:  # noqa: BLE001  # whatever it is, the other checks go on
        tally.unsure(f"the check failed: {type(error).__name__}: {error}")
    return tally


class Engine(Protocol):
    """Reads logs and judges them one by one."""

    def scan(self, files: Sequence[LogFile]) -> list[LogColumns]:
        """Each log without its haves; InputError when one can't be read."""

    def judge(self, swarm: Swarm, wanted: Sequence[str]) -> list[Judged]:
        """For each life: its index, what the wanted checks of one log find, and its facts."""

    def requirements(self) -> list[Needs]:
        """For each life of the swarm judged last, which line of which log each have needs."""

    def haves_at(self, lines: Mapping[int, Sequence[int]]) -> dict[tuple[int, int], Spot]:
        """Of lives of the swarm judged last: whom haves are from at some lines, and when they came."""

    def close(self) -> None:
        """End what was started."""


class Local:
    """Everything in this process."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._ids = [peer.peer_id for peer in config.peers]
        self._logs: dict[str, LogColumns] = {}
        self._views: dict[int, View] = {}

    def scan(self, files: Sequence[LogFile]) -> list[LogColumns]:
        """Read each log and keep it."""
        for file in files:
            scanner = Scanner(file.peer_id, self._ids, self._config.pieces)
            self._logs[file.label] = scanner.read(file.path)
        return [self._logs[file.label].without_haves() for file in files]

    def judge(self, swarm: Swarm, wanted: Sequence[str]) -> list[Judged]:
        """Judge the lives whose logs are here."""
        self._views = {}
        results = []
        doubts = {reads: swarm.doubts(reads) for reads in {CHECKS[name].reads for name in wanted}}
        for life in swarm.lives:
            if life.file.label not in self._logs:
                continue
            view = View(swarm, life, self._logs[life.file.label].cut(*life.window))
            self._views[life.index] = view
            tallies = {
                name: run_check(
                    CHECKS[name], view, lenient=swarm.lenient, doubts=doubts[CHECKS[name].reads]
                )
                for name in wanted
                if CHECKS[name].scope is Scope.LOG
            }
            results.append((life.index, tallies, view.facts()))
        return results

    def requirements(self) -> list[Needs]:
        """In the order of the lives."""
        return [needs for _, needs in self.numbered_requirements()]

    def numbered_requirements(self) -> list[tuple[int, Needs]]:
        """The same with the lives' indices."""
        return [(index, requirements(self._views[index])) for index in sorted(self._views)]

    def haves_at(self, lines: Mapping[int, Sequence[int]]) -> dict[tuple[int, int], Spot]:
        """From the logs that are here."""
        return {
            (log, line): spot
            for log, wanted in lines.items()
            if log in self._views
            for line in wanted
            if (spot := self._views[log].have_at(line)) is not None
        }

    def close(self) -> None:
        """Nothing was started."""


def _serve(pipe: Pipe, config: Config) -> None:
    """A worker: do what is asked until the pipe closes."""
    signal.signal(
        signal.SIGINT, signal.SIG_IGN
    )  # Ctrl-C reaches all processes; the first ends this one
    gc.disable()  # as in `verifier.__main__`
    local = Local(config)
    while True:
        try:
            asked = pipe.recv()
        except (EOFError, OSError):
            return
        if asked is None:
            return
        name, arguments = asked
        try:
            pipe.send((True, getattr(local, name)(*arguments)))
        except InputError as error:
            pipe.send((False, str(error)))


class Spread:
    """The logs spread over several processes, the largest first."""

    def __init__(self, config: Config, workers: int) -> None:
        context = get_context()
        self._pipes: list[Pipe] = []
        self._processes: list[BaseProcess] = []
        for _ in range(workers):
            mine, theirs = context.Pipe()
            process = context.Process(target=_serve, args=(theirs, config), daemon=True)
            process.start()
            theirs.close()
            self._pipes.append(mine)
            self._processes.append(process)

    def _ask(self, name: str, arguments: Sequence[tuple[Any, ...]]) -> list[Any]:
        """Ask each worker and wait for all; the first InputError is raised here."""
        for pipe, items in zip(self._pipes, arguments, strict=True):
            pipe.send((name, items))
        try:
            answers = [pipe.recv() for pipe in self._pipes]
        except EOFError:
            raise InputError("a worker process ended; is there enough memory?") from None
        except KeyboardInterrupt:
            for process in self._processes:
                process.terminate()
            raise
        for good, answer in answers:
            if not good:
                raise InputError(answer)
        return [answer for _, answer in answers]

    def scan(self, files: Sequence[LogFile]) -> list[LogColumns]:
        """Share the files out so that all workers have about the same number of bytes."""
        shares: list[list[LogFile]] = [[] for _ in self._pipes]
        for file in sorted(files, key=lambda file: -file.size):
            min(shares, key=lambda share: sum(one.size for one in share)).append(file)
        answers = self._ask("scan", [(share,) for share in shares])
        found = {
            file.label: columns
            for share, answer in zip(shares, answers, strict=True)
            for file, columns in zip(share, answer, strict=True)
        }
        return [found[file.label] for file in files]

    def judge(self, swarm: Swarm, wanted: Sequence[str]) -> list[Judged]:
        """Let each worker judge the logs that it read."""
        answers = self._ask("judge", [(swarm, wanted)] * len(self._pipes))
        return sorted((one for answer in answers for one in answer), key=lambda one: one[0])

    def requirements(self) -> list[Needs]:
        """In the order of the lives."""
        answers = self._ask("numbered_requirements", [()] * len(self._pipes))
        return [needs for _, needs in sorted(one for answer in answers for one in answer)]

    def haves_at(self, lines: Mapping[int, Sequence[int]]) -> dict[tuple[int, int], Spot]:
        """From whichever worker read them."""
        answers = self._ask("haves_at", [(lines,)] * len(self._pipes))
        return {key: spot for answer in answers for key, spot in answer.items()}

    def close(self) -> None:
        """End the workers."""
        for pipe in self._pipes:
            with suppress(OSError):
                pipe.send(None)
            pipe.close()
        for process in self._processes:
            process.join(5)
            if process.is_alive():
                process.terminate()


def make_engine(config: Config, files: Sequence[LogFile]) -> Engine:
    """One process for little, as many as there are processors for much."""
    workers = min(len(files), os.cpu_count() or 1)
    size = sum(file.size * (10 if file.path.suffix == ".gz" else 1) for file in files)
    if workers < 2 or size < SMALL:
        return Local(config)
    return Spread(config, workers)

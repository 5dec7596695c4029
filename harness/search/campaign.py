"""Many simulated swarms, one seed after the other: handed out in batches, reported by seed.

Swarms don't know of each other, so it makes no difference who runs which: the same seeds give the same
failures and the same digest on one processor, on all, and on a cluster.
"""

from __future__ import annotations

import hashlib
import os
import shlex
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import partial

from core.exits import ExitStatus
from harness.errors import HarnessError
from harness.options import options_of
from harness.search.judging import Options, scenario_of, simulate
from verifier.work.handing import Answer, Progress, Workers, hand_out
from verifier.work.processes import Processes, told_of
from verifier.work.progress import ProgressLine

SPAN = 15.0
"""Processor seconds that a batch should take: much longer than a process takes to start, and no great
loss when a worker dies."""
FIRST, MOST = 4, 1000
"""Swarms in a batch as long as nothing is known of their cost, and at most."""
TRIES = 3
"""Workers that may die of a batch before its seeds count as failed."""
_ELSEWHERE = {"swarms", "random-seed", "on"}
"""Options that don't say what a swarm is like."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Swarms that are handed out together: their seeds."""

    first: int
    count: int

    def __str__(self) -> str:
        return f"seeds {self.first} to {self.first + self.count - 1}"

    @property
    def seeds(self) -> range:
        """All of them."""
        return range(self.first, self.first + self.count)


@dataclass(frozen=True, slots=True)
class Judged:
    """What came of a batch: each swarm's steps and problems, and processor seconds in all."""

    swarms: list[tuple[int, list[str]]]
    cpu: float


@dataclass(slots=True)
class Tally:
    """What came of all so far. `digest` is of every swarm's steps and problems, in the order of the seeds."""

    swarms: int = 0
    steps: int = 0
    failed: int = 0
    cpu: float = 0.0
    again: int = 0
    digest: hashlib._Hash = field(default_factory=hashlib.sha256)

    def add(self, seed: int, steps: int, problems: list[str]) -> None:
        """Count one swarm."""
        self.swarms += 1
        self.steps += steps
        self.failed += bool(problems)
        self.digest.update(repr((seed, steps, problems)).encode())

    def line(self, elapsed: float) -> str:
        """All in one line."""
        hourly = f", {3600 * self.swarms / self.cpu:,.0f} an hour a core" if self.cpu else ""
        again = f", {self.again} batches run again" if self.again else ""
        return (
            f"{self.swarms} swarms, {self.steps} steps, {self.failed} failed, {elapsed:.1f} s"
            f"{hourly}{again}, digest {self.digest.hexdigest()[:12]}"
        )


def run_batch(options: Options, batch: Batch) -> Judged:
    """Run and judge the swarms of a batch; an error of ours is its swarm's problem."""
    begun = time.process_time()
    swarms = []
    for seed in batch.seeds:
        try:
            swarms.append(simulate(options, seed))
        except Exception as error:  # noqa: BLE001  # whatever it is, it is what is searched for
            swarms.append((0, [f"raised {told_of(error)}"]))
    return Judged(swarms, time.process_time() - begun)


def batches(options: Options, tally: Tally, places: Callable[[], int]) -> Iterator[Batch]:
    """All seeds, cut into batches of about `SPAN` while they are handed out, and smaller at the end.

    `tally` knows what swarms have cost so far.
    """
    seed, end = options.random_seed, options.random_seed + options.swarms
    while seed < end:
        fits = SPAN * tally.swarms / tally.cpu if tally.cpu else FIRST
        share = (end - seed) / (2 * places())  # so that all are done at about the same time
        size = max(1, int(min(MOST, fits, max(share, fits / 10))))
        yield Batch(seed, min(size, end - seed))
        seed += size


def again(options: Options, seed: int) -> str:
    """The command that runs a swarm again, here, and keeps its logs."""
    words = ["invoke", "simulate", "--random-seed", str(seed)]
    for one in options_of(Options):
        value = getattr(options, one.field)
        if one.name not in _ELSEWHERE and value != one.default:
            words += [f"--{one.name}", *([] if one.is_flag else [str(value)])]
    if options.keep is None:
        words += ["--keep", f"seed-{seed}"]
    return shlex.join(words)


def run_simulations(options: Options) -> int:
    """Run and judge swarms here or on a cluster; 1 if anything is wrong with one, whose seed is told."""
    begun = time.monotonic()
    tally = Tally()
    if options.swarms == 1 and options.on is None:
        # In this process, so that whatever is raised can be looked at.
        _tell(options, tally, options.random_seed, *simulate(options, options.random_seed))
    else:
        with closing(_workers(options)) as workers:
            _campaign(options, workers, tally)
    print(tally.line(time.monotonic() - begun))
    return 1 if tally.failed else 0


def _workers(options: Options) -> Workers:
    if options.on is None:
        return Processes(min(options.swarms, os.cpu_count() or 1))
    if options.keep is not None:
        raise HarnessError(
            "--keep writes logs here, and --on runs the swarms elsewhere: leave out --keep; each "
            "failing seed is told with the command that runs it here and keeps its logs",
            status=ExitStatus.USAGE,
        )
    from harness.cluster.scheduler import connect  # noqa: PLC0415 -- only this needs Dask

    return connect(options.on)


def _campaign(options: Options, workers: Workers, tally: Tally) -> None:
    """Hand out all seeds and tell what fails; HarnessError says how to go on where it is interrupted."""
    line = ProgressLine(sys.stderr, "swarms judged")

    def told(progress: Progress[Batch]) -> None:
        tally.again = progress.again
        failed = f"{tally.failed} failed" if tally.failed else ""
        state = "; ".join(one for one in (failed, progress.state) if one)
        line.tell(replace(progress, state=state))

    answers = hand_out(
        workers,
        partial(run_batch, replace(options, on=None)),
        batches(options, tally, workers.places),
        options.swarms,
        tries=TRIES,
        weigh=lambda batch: batch.count,
        told=told,
    )
    try:
        with closing(answers):
            for batch, answer in answers:
                line.clear()
                for seed, (steps, problems) in zip(
                    batch.seeds, _results(batch, answer, tally), strict=True
                ):
                    _tell(options, tally, seed, steps, problems)
    except KeyboardInterrupt:
        raise HarnessError(
            f"interrupted: {_left(options, tally)}", status=ExitStatus.INTERRUPTED
        ) from None
    except HarnessError as error:
        raise HarnessError(f"{error}: {_left(options, tally)}", status=error.status) from None
    finally:
        line.clear()


def _results(batch: Batch, answer: Answer[Judged], tally: Tally) -> list[tuple[int, list[str]]]:
    """The swarms of a batch; where it was lost, all have the same problem."""
    if isinstance(answer, Judged):
        tally.cpu += answer.cpu
        return answer.swarms
    why = f"{TRIES} processes that ran {batch} died, the last {answer}"
    return [(0, [why])] * batch.count


def _tell(options: Options, tally: Tally, seed: int, steps: int, problems: list[str]) -> None:
    """Count a swarm, and tell it where something is wrong with it."""
    tally.add(seed, steps, problems)
    if problems:
        print(f"seed {seed}: {'; '.join(problems)}; {scenario_of(options, seed)}")
        print(f"  again: {again(options, seed)}", flush=True)


def _left(options: Options, tally: Tally) -> str:
    """How far all is, and how to go on."""
    rest = replace(
        options,
        random_seed=options.random_seed + tally.swarms,
        swarms=options.swarms - tally.swarms,
    )
    return (
        f"{tally.swarms} of {options.swarms} swarms are judged, {tally.failed} failed; go on with "
        f"--random-seed {rest.random_seed} --swarms {rest.swarms}"
    )

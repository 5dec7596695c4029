"""Judges the logs in a folder: from files to verdicts."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from verifier.checks.registry import Check, Scope
from verifier.configuration import Configuration, find_configuration
from verifier.engine import Engine, Local, make_engine, run_check
from verifier.findings import Outcome, Severity, Tally
from verifier.history.case import Case
from verifier.history.fit import misfit
from verifier.history.lives import Swarm, make_life
from verifier.history.pairing import join
from verifier.history.resumed import HASHES, Earlier, inherit
from verifier.history.runs import Run, find_runs
from verifier.history.starts import find_lost_starts
from verifier.reading.columns import LogColumns
from verifier.reading.config import Config, InputError, WrongConfiguration, load
from verifier.reading.finding import LogFile, Logs, find_logs, find_traces
from verifier.report.metrics import Metrics, measure
from verifier.rules import CHECKS
from verifier.showing import shown
from verifier.traces.reader import find_traces as list_traces
from verifier.traces.swarm import Traces

OK, VIOLATION, UNUSABLE, UNKNOWN = 0, 1, 2, 3


@dataclass(frozen=True, slots=True)
class Options:
    """What to judge and how; `run` is `last`, `all` or a number from 1, `lives` `run` or `all`,
    `trace` `auto`, `require` or `ignore`; with `alone` no further process is started.
    """

    checks: tuple[str, ...] = ()
    lenient: bool = False
    run: str = "last"
    lives: str = "run"
    config: Path | None = None
    trace: str = "auto"
    alone: bool = False
    told: Callable[[str], object] = str
    """Called with what is under way, for people; by default nothing comes of it."""


@dataclass(frozen=True, slots=True)
class Result:
    """One check and what it saw."""

    check: Check
    tally: Tally


@dataclass(slots=True)
class Verdict:
    """One run judged: a result for each check, metrics, and where it all came from."""

    folder: Path
    case: Case
    results: list[Result]
    metrics: Metrics
    run: str = ""
    seconds: float = 0.0
    notes: list[str] = field(default_factory=list)

    def count(self, severity: Severity) -> int:
        """Findings of this weight."""
        return sum(result.tally.counts[severity] for result in self.results)

    @property
    def unknown(self) -> list[Result]:
        """Checks of errors that these logs can't decide; with --lenient, of what is one there."""
        lenient = self.case.swarm.lenient
        return [
            result
            for result in self.results
            if result.tally.outcome is Outcome.UNKNOWN
            and result.check.weight(lenient=lenient) is Severity.ERROR
        ]

    @property
    def status(self) -> int:
        """Exit status: 0 no errors, 1 violation, 3 nothing broken but something unknown."""
        if self.count(Severity.ERROR):
            return VIOLATION
        return UNKNOWN if self.unknown else OK


def verify_folder(folder: Path, options: Options) -> list[Verdict]:
    """Judge a folder's run, or each of its runs; InputError when it can't be judged."""
    begun = time.perf_counter()
    logs = find_logs(folder)
    place = Path(os.path.commonpath([file.path.parent for file in logs.files]))
    found = find_configuration(folder, place, options.config)
    return verify_logs(folder, logs, found, options, begun)


def verify_logs(
    folder: Path, found: Logs, configuration: Configuration, options: Options, begun: float
) -> list[Verdict]:
    """Judge the run, or each of the runs, of logs that were found already in `folder`.

    InputError when they can't be judged, WrongConfiguration when another configuration might do.
    `begun` is when this began, by `time.perf_counter`.
    """
    config = load(configuration.common, configuration.peer_info)
    config.notes += found.notes + configuration.notes
    ids = [peer.peer_id for peer in config.peers]
    known = [file for file in found.files if file.peer_id in ids]
    others = [file for file in found.files if file.peer_id not in ids]
    unlisted = [file.label for file in others if not file.exact]
    config.notes += [f"{one} is left out: PeerInfo.cfg lists no peer of its id" for one in unlisted]
    if not known:
        raise WrongConfiguration(_nobodys(folder, others, configuration))
    engine = Local(config) if options.alone else make_engine(config, known)
    try:
        options.told(f"reading {len(known)} logs, {sum(file.size for file in known):,} bytes")
        logs = engine.scan(known)
        silent = not any(columns.form.sentences for columns in logs)
        # A peer that is alone with the file has nothing to say; anybody else has.
        if silent and (len(config.peers) > 1 or any(file.size for file in known)):
            raise InputError(
                f"{shown(folder)}: no line of any log could be read as one of the eleven sentences"
            )
        if problem := misfit(config, logs):
            where = shown(configuration.common.parent)
            raise WrongConfiguration(f"{shown(folder)}: {problem}, or mend {where}")
        runs = find_runs(logs)
        earlier = _earlier(folder, configuration.common.parent, known, logs, options)
        verdicts = []
        for number, name in _chosen(len(runs), options.run):
            swarm = _swarm(config, known, logs, runs, number, options, earlier)
            swarm.folder = folder
            swarm.strangers = [file.label for file in others if file.exact]
            swarm.unusable = found.unusable
            verdict = _judge(engine, swarm, options)
            verdict.run = name
            verdict.seconds = time.perf_counter() - begun
            verdicts.append(verdict)
        return verdicts
    finally:
        engine.close()


def _nobodys(folder: Path, files: Sequence[LogFile], configuration: Configuration) -> str:
    """That the configuration lists none of the logs' peers."""
    names = ", ".join(file.label for file in files[:3])
    return (
        f"{shown(folder)}: none of the logs ({names}) is of a peer in"
        f" {shown(configuration.peer_info)};"
        " is this the configuration of another run? name the right one with --config DIR"
    )


MOST_RUNS = 200
"""Runs that are judged at once: nobody appends more by hand, and each costs time."""


def _chosen(most: int, wanted: str) -> list[tuple[int, str]]:
    """Which of so many runs to judge, counted from 0, with their names."""
    if wanted == "all" and most > MOST_RUNS:
        raise InputError(
            f"--run all: the logs hold {most:,} runs, at most {MOST_RUNS} are judged at once; "
            "name one with --run N, 1 is the first"
        )
    if wanted == "all":
        numbers = range(1, most + 1)
    elif wanted == "last":
        numbers = range(most, most + 1)
    elif 1 <= int(wanted) <= most:
        numbers = range(int(wanted), int(wanted) + 1)
    else:
        raise InputError(
            f"--run {wanted}: the logs hold {most} run{'s' * (most > 1)}; 1 is the first"
        )
    several = most > 1 or wanted not in ("all", "last")
    return [(number - 1, f"run {number} of {most}" if several else "") for number in numbers]


def _earlier(
    folder: Path,
    config: Path,
    files: Sequence[LogFile],
    logs: Sequence[LogColumns],
    options: Options,
) -> Earlier:
    """What tells with which pieces lives began."""
    traces = [] if options.trace == "ignore" else list_traces(folder, find_traces(folder))
    resumable = any((place / HASHES).is_file() for place in (folder, config))
    return Earlier(files, logs, traces, resumable=resumable)


def _swarm(
    config: Config,
    files: Sequence[LogFile],
    logs: Sequence[LogColumns],
    runs: Sequence[Run],
    number: int,
    options: Options,
    earlier: Earlier,
) -> Swarm:
    """The lives of one run, put together."""
    swarm = Swarm(config, [], options.lenient)
    for run in runs:
        for log, window in run.windows:
            if window[0] > 1:
                swarm.runs.setdefault(files[log].label, []).append(window[0])
    here = {log for log, _ in runs[number].windows}
    for log, file in enumerate(files):
        if logs[log].form.flood:
            swarm.notes.append(f"{file.label} is {logs[log].form.flood}")
        if log not in here:
            swarm.elsewhere.add(logs[log].owner)
            swarm.notes.append(f"{file.label} holds no line of this run")
    chosen = [(files[log], window, logs[log].cut(*window)) for log, window in runs[number].windows]
    for file, window, columns in _lives(chosen, options, swarm):
        swarm.lives.append(make_life(len(swarm.lives), file, window, columns, config))
    find_lost_starts(swarm)
    join(swarm, partial(inherit, earlier=earlier))
    return swarm


def _lives(
    chosen: list[tuple[LogFile, tuple[int, int], LogColumns]], options: Options, swarm: Swarm
) -> list[tuple[LogFile, tuple[int, int], LogColumns]]:
    """Leave out logs of earlier lives that don't belong to this run (invariants 1.7)."""
    if options.lives == "all":
        return chosen
    kept = [item for item in chosen if item[0].generation == 0]
    earlier = sorted(
        (item for item in chosen if item[0].generation), key=lambda i: -i[0].generation
    )
    # A life that is taken in may be the only one to have met another earlier one.
    while taken := next((item for item in earlier if _belongs(item, kept)), None):
        earlier.remove(taken)
        kept.append(taken)
    swarm.notes += [
        f"{file.label} is left out: no other log mentions that process" for file, _, _ in earlier
    ]
    return sorted(kept, key=lambda item: (item[0].peer_id, item[0].generation, item[1]))


def _belongs(
    item: tuple[LogFile, tuple[int, int], LogColumns],
    kept: Sequence[tuple[LogFile, tuple[int, int], LogColumns]],
) -> bool:
    """Whether a peer tells of more connections with this life's peer than that one's lives in use."""
    owner = item[2].owner
    mine, theirs = Counter[int](), Counter[int]()
    for _, _, log in kept:
        if log.owner == owner:
            mine.update(conn.other for conn in log.conns)
        else:
            theirs[log.owner] += sum(1 for conn in log.conns if conn.other == owner)
    return any(count > mine[peer] for peer, count in theirs.items())


def _judge(engine: Engine, swarm: Swarm, options: Options) -> Verdict:
    """Run all checks that were asked for, and merge what they saw."""
    wanted = [name for name in CHECKS if not options.checks or name in options.checks]
    options.told("judging each log")
    judged = engine.judge(swarm, wanted)
    case = Case(swarm, [facts for _, _, facts in judged], engine.requirements)
    unreliable = case.clocks.unreliable
    results = []
    traces = _traces(case, options)
    for number, name in enumerate(wanted, 1):
        check = CHECKS[name]
        options.told(f"checking {name}, {check.name} ({number} of {len(wanted)})")
        if check.scope is Scope.LOG:
            tally = Tally(check.weight(lenient=swarm.lenient))
            for _, tallies, _ in judged:
                tally.add(tallies[name])
        elif check.scope is Scope.SWARM:
            doubts = swarm.doubts(check.reads)
            tally = run_check(check, case, lenient=swarm.lenient, doubts=doubts)
        elif traces is not None:
            tally = run_check(check, traces, lenient=swarm.lenient)
        else:
            continue
        if check.timed and name != "G03" and unreliable:
            _discount(case, tally, unreliable)
        results.append(Result(check, tally))
    case.haves = engine.haves_at(_lines_between(case, results))
    return Verdict(
        swarm.folder, case, results, measure(case), notes=case.config.notes + swarm.notes
    )


def _lines_between(case: Case, results: list[Result]) -> dict[int, list[int]]:
    """Of each log, the witnesses' lines that are no event but a have, if anything."""
    found: dict[int, set[int]] = {}
    for result in results:
        for finding in result.tally.findings:
            for witness in finding.witnesses:
                if witness.log < len(case.lives):
                    found.setdefault(witness.log, set()).add(witness.line)
    return {
        log: sorted(lines.difference(case.lives[log].columns.events.lines))
        for log, lines in found.items()
    }


def _discount(case: Case, tally: Tally, logs: set[int]) -> None:
    """Durations on a clock that was stepped prove nothing: such findings become unknown."""
    for finding in list(tally.findings):
        bad = {witness.log for witness in finding.witnesses} & logs
        if bad:
            tally.findings.remove(finding)
            tally.counts[finding.severity] -= 1
            tally.unsure(f"the clock of {case.lives[min(bad)].file.label} was stepped or drifts")


def _traces(case: Case, options: Options) -> Traces | None:
    """The traces beside the logs; None without any."""
    if options.trace == "ignore":
        return None
    found = find_traces(case.swarm.folder)
    if options.trace == "require" and not found:
        raise InputError(
            f"{shown(case.swarm.folder)}: no trace_peer_[id].jsonl in it, and --trace require was given"
        )
    return Traces(case, found, options.told) if found else None

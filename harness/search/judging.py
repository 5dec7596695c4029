"""One simulated swarm: it runs under a virtual clock and is judged by the verifier."""

from __future__ import annotations

import re
import tempfile
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from harness.options import address, count, option, path
from peerio.simulation.life import EPOCH
from peerio.simulation.scenario import Faults, Scenario, random_scenario
from peerio.simulation.swarm import Outcome, Swarm
from verifier.api import verify
from verifier.findings import Finding, Severity
from verifier.judge import Options as Judging
from verifier.judge import Result, Verdict

OF_SLOWNESS = {"H06", "D14"}
"""Checks that warn of haves and pieces that come late, as they do where a connection or peer is held up."""
OF_SILENCE = {"K14"}
"""The check of a seed's draws: as long as it hasn't noticed a loss, which has no line in its log, the log
alone doesn't tell among whom it could choose."""
LINGER = 5.0
"""Seconds after a hold-up until what had piled up behind it has come."""


@dataclass(frozen=True, slots=True)
class Options:
    """What was asked for; without `peers` each seed has a random scenario of its own, with traces."""

    swarms: int = option("How many (default: 1).", count(least=1), default=1)
    random_seed: int = option(
        "Seed of the first; the next ones follow (default: 1).", count(), default=1
    )
    peers: int | None = option(
        "Number of peers (default: a random scenario for each seed).", count(least=1)
    )
    pieces: int = option(
        "Number of pieces, with --peers (default: 100).", count(least=1), default=100
    )
    faults: int = option(
        "With --peers: late joiners, killed peers and each fault of connections, so many times.",
        count(),
        default=0,
    )
    trace: bool = option(
        "Write and judge traces too, with --peers: that takes twice as long "
        "(random ones always do).",
        default=False,
    )
    keep: Path | None = option(
        "Folder to write logs and traces to (default: judged and thrown away).", path
    )
    on: str | None = option(
        "Address of a Dask scheduler whose workers run the swarms, such as tcp://scheduler:8786 "
        "(default: the processors here).",
        address,
    )


def scenario_of(options: Options, seed: int) -> Scenario:
    """The scenario that the options ask for."""
    if options.peers is None:
        return random_scenario(seed)
    faults = options.faults
    return Scenario(
        peers=options.peers,
        pieces=options.pieces,
        late=faults,
        crashes=faults,
        faults=Faults(
            resets=faults,
            cuts=faults,
            half_open=faults,
            deaf_spells=faults,
            holdups=faults,
            shortages=faults,
            short_writes=faults > 0,
            short_reads=faults > 0,
            divided=faults > 0,
        ),
        trace=options.trace,
    )


def problems_of(outcome: Outcome, folder: Path) -> list[str]:
    """Everything that is wrong with a swarm: how it ended, and each error and warning of its logs."""
    found = []
    if not outcome.ended:
        found.append(f"not ended after {outcome.seconds:.0f} virtual seconds")
    elif not outcome.ok:
        found.append(f"exit statuses {outcome.statuses}")
    if outcome.wrong_copies:
        found.append(f"wrong copies at {outcome.wrong_copies}")
    outcome.write(folder)
    report = verify([folder], Judging(alone=True), form="none")
    found += report.problems
    for verdict in report.verdicts:
        found += [
            f"{result.check.id} {result.check.name}"
            for result in verdict.results
            if _is_wrong(result, verdict, outcome)
        ]
    return found


def _is_wrong(result: Result, verdict: Verdict, outcome: Outcome) -> bool:
    """Whether a check found an error, or a warning that no fault explains."""
    counts = result.tally.counts
    if counts[Severity.ERROR] or not counts[Severity.WARNING]:
        return bool(counts[Severity.ERROR])
    warnings = [one for one in result.tally.findings if one.severity == Severity.WARNING]
    return not all(_is_explained(one, result.check.id, verdict, outcome) for one in warnings)


def _is_explained(finding: Finding, check: str, verdict: Verdict, outcome: Outcome) -> bool:
    """Whether a fault of this swarm, at that time and of these peers, makes what is warned of."""
    logs = [verdict.case.source(witness.log) for witness in finding.witnesses]
    owners = {log.peer_id for log in logs}
    if check in OF_SILENCE:
        return any(one.silent and owners & one.peers for one in outcome.disturbances)
    if check not in OF_SLOWNESS:
        return False
    peers = owners | {int(text) for text in re.findall(r"\d+", finding.because)}
    lines = zip(logs, finding.witnesses, strict=True)
    times = [_time(log.path, witness.line) - outcome.skews[log.peer_id] for log, witness in lines]
    return any(
        one.slow
        and one.peers <= peers
        and one.begin <= max(times)
        and min(times) <= one.end + LINGER
        for one in outcome.disturbances
    )


def _time(path: Path, line: int) -> float:
    """The virtual time of a log's line, by its owner's clock."""
    text = path.read_text(encoding="utf-8").split("\n")[line - 1]
    return datetime.fromisoformat(text.partition(": ")[0]).timestamp() - EPOCH


def simulate(options: Options, seed: int) -> tuple[int, list[str]]:
    """One swarm, run and judged: its steps, and what is wrong with it.

    Whatever is raised in it, a fault of ours, names the seed in its traceback.
    """
    try:
        outcome = Swarm(scenario_of(options, seed), seed).run()
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary) if options.keep is None else options.keep / f"swarm-{seed}"
            return outcome.steps, problems_of(outcome, folder)
    except Exception as error:
        error.add_note(f"in the simulated swarm of random seed {seed}")
        raise

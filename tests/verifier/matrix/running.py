"""Runs mutants, judges their logs, and writes down who found what."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from random import Random

from transitions import MachineError

from core.errors import LocalProtocolError
from peerio.simulation.scenario import Faults, Scenario
from peerio.simulation.swarm import Outcome
from tests.verifier.matrix import choking, edits, ends, fetching, interest, logs
from tests.verifier.matrix.mutants import MUTANTS, PLAIN, BrokenSwarm, Mutant
from verifier.api import verify
from verifier.findings import Severity
from verifier.rules import CHECKS

MODULES = (choking, edits, ends, fetching, interest, logs)
"""Where the mutants are: importing them registers them."""


def _unchanged(folder: Path) -> None:
    """No edit at all."""


SEEDS = 6
"""Swarms that are tried to find a mutant without its logs."""
CONTROL = Mutant("none", "", (), _unchanged, "", PLAIN, 1, frozenset(), {})
"""The program as it is."""


@dataclass(frozen=True)
class Result:
    """What came of a mutant."""

    mutant: Mutant
    fired: tuple[str, ...]
    """Checks with an error or a warning, in the catalogue's order."""
    outcome: str
    """How its swarm went: see `run`."""
    found: str
    """How, and in which of the swarms tried, it showed itself without logs."""


def run(swarm: BrokenSwarm, mutant: Mutant) -> tuple[str, Outcome | None]:
    """Run a swarm, and say what anybody can see without its logs; None if it broke.

    `error`: the core was told what can't be, or broke. `end`: a peer doesn't end, or not with status 0.
    `copies`: a peer has ended with status 0, and its file isn't the seed's. Nothing of that: an empty text.
    """
    try:
        with mutant.shared():
            outcome = swarm.run()
    except (LocalProtocolError, MachineError, LookupError, AssertionError):
        return "error", None
    if not outcome.ok:
        return "end", outcome
    return "copies" if outcome.wrong_copies else "", outcome


def small(seed: int) -> Scenario:
    """A small swarm of any shape; two in three have something that goes wrong."""
    rng = Random(f"small {seed}")
    trouble = rng.random() < 0.67
    return Scenario(
        peers=rng.randint(3, 5),
        pieces=rng.choice([1, 3, 8, 16]),
        k=rng.randint(1, 3),
        p=0.5,
        m=rng.choice([0.5, 1.0]),
        delay=rng.choice([0.005, 0.05, 0.2]),
        upload=rng.choice([None, 10_000.0]),
        late=rng.randint(0, 1) if trouble else 0,
        crashes=rng.randint(0, 1) if trouble else 0,
        faults=Faults(resets=rng.randint(0, 2)) if trouble else Faults(),
        trace=False,
        wait=15.0,
    )


def search(mutant: Mutant) -> str:
    """Try small swarms until one shows the mutant: `way (number of swarms)`, or a dash."""
    for seed in range(1, SEEDS + 1):
        way, _ = run(BrokenSwarm(mutant, small(seed), seed, everybody=True), mutant)
        if way:
            return f"{way} ({seed})"
    return "-"


def judge(mutant: Mutant) -> Result:
    """Run a mutant in its own scenario and judge its logs."""
    swarm = BrokenSwarm(mutant, mutant.scenario, mutant.seed)
    way, outcome = run(swarm, mutant)
    fired: tuple[str, ...] = ()
    if outcome is not None:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            outcome.write(folder)
            if mutant.kind == "edit":
                mutant.part(folder)
            fired = judged(folder)
    return Result(mutant, fired, way, search(mutant) if mutant.searchable else "")


def judged(folder: Path) -> tuple[str, ...]:
    """The checks that a folder's logs break."""
    report = verify([folder])
    assert not report.problems, report.problems
    results = report.verdicts[0].results
    return tuple(one.check.id for one in results if any(one.tally.counts[Severity.WARNING :]))


def judge_all() -> list[Result]:
    """All mutants."""
    return [judge(mutant) for mutant in MUTANTS.values()]


HEAD = """# The kill matrix

Each row is the program with one thing wrong, run in a simulated swarm, or an edit of what one has written, and all checks that then report an error or a warning (strict). **Bold**: the checks that are there for it. `Without logs`: what anybody sees who never reads a log, and in which of the swarms tried (small ones of random shapes; every peer broken) it was first seen: `end`, a peer doesn't end, or not with status 0; `error`, the core was told what can't be; `copies`, a peer ended well with a wrong file; `-`, nothing in %d swarms. Where the column is empty it wasn't tried, since only the logs are wrong.

`python -m tests.verifier.matrix` writes this page; a test compares it.

| mutant | replaces | what is wrong | checks that fire | without logs |
|---|---|---|---|---|
"""


def render(results: list[Result]) -> str:
    """The page: mutants with what found them, then checks with what they kill."""
    lines = [HEAD % SEEDS]
    for one in results:
        fired = [f"**{name}**" if name in one.mutant.kills else name for name in one.fired]
        broke = ["(its own swarm broke off)"] if one.outcome == "error" else []
        lines.append(
            f"| {one.mutant.name} | {one.mutant.kind} | {one.mutant.about} |"
            f" {' '.join(fired + broke)} | {one.found} |\n"
        )
    found = sum(one.found not in {"", "-"} for one in results)
    lines.append(f"\n{len(results)} mutants, {found} of them found without logs.\n\n")
    lines.append("| check | killed by design | also fires for |\n|---|---|---|\n")
    for name in graded():
        meant = [one.mutant.name for one in results if name in one.mutant.kills]
        also = sum(name in one.fired for one in results) - len(meant)
        lines.append(f"| {name} | {', '.join(meant)} | {also} more |\n")
    return "".join(lines)


def graded() -> list[str]:
    """The checks that can make an error or a warning."""
    return [name for name, check in CHECKS.items() if check.severity > Severity.INFO]

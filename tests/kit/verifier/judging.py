"""Helpers of the verifier's tests: good runs, edits of them, and what the verifier says."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.kit.verifier.simulator import Shape, Swarm
from verifier.api import verify
from verifier.findings import Severity
from verifier.judge import Options, Verdict


def judge(folder: Path, *, lenient: bool = False) -> Verdict:
    """The verdict on a folder that can be judged."""
    report = verify([folder], Options(lenient=lenient))
    assert not report.problems, report.problems
    return report.verdicts[0]


def fired(verdict: Verdict, least: Severity = Severity.WARNING) -> set[str]:
    """The ids of the checks with findings of at least this weight."""
    return {result.check.id for result in verdict.results if any(result.tally.counts[least:])}


def faults(verdict: Verdict) -> list[str]:
    """Everything but silence: findings from warnings up, unknown verdicts, crashes."""
    told = []
    for result in verdict.results:
        told += [f"{result.check.id}: {reason}" for reason in result.tally.reasons]
        told += [
            f"{result.check.id}: {finding.because}"
            for finding in result.tally.findings
            if finding.severity > Severity.INFO
        ]
    return told


def random_shape(seed: int) -> Shape:
    """A swarm of any shape; of each four one is plain, one is cut, one has a late joiner, one has
    a leecher killed and restarted.
    """
    rng = random.Random(seed)
    shape = Shape(
        leechers=rng.randint(1, 7),
        seeds=rng.randint(1, 3),
        pieces=rng.choice([1, 2, 7, 40, 120]),
        k=rng.randint(1, 4),
        p=rng.choice([0.5, 1, 2]),
        m=rng.choice([1, 2, 3]),
        rate=rng.choice([5e3, 2e4, 1e5]),
        delay=rng.choice([(0.0001, 0.001), (0.001, 0.02), (0.1, 1.0)]),
        clock=rng.choice([0, 0, 30]),
        starts=rng.choice([0, 0.2, 1]),
    )
    ids = [1001 + n for n in range(shape.seeds + shape.leechers)]
    if seed % 4 == 1:
        pairs = [rng.sample(ids, 2) for _ in range(3)]
        shape.cuts = [(rng.uniform(1, 8), one, other) for one, other in pairs]
    elif seed % 4 == 2:
        shape.late = {ids[-1]: rng.uniform(2, 12)}
    elif seed % 4 == 3:
        shape.kills = [(rng.uniform(1, 6), ids[-1], rng.uniform(0.5, 3))]
    return shape


@dataclass
class Run:
    """The files of a run as text, to be edited."""

    files: dict[str, list[str]]

    def write(self, folder: Path) -> Path:
        """Write them all."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, lines in self.files.items():
            (folder / name).write_text("".join(lines))
        return folder

    def log(self, peer: int) -> list[str]:
        """A peer's lines, to be changed in place."""
        return self.files[f"log_peer_{peer}.log"]

    def find(self, peer: int, pattern: str, nth: int = 0) -> int:
        """The place of the n-th line of a log that matches."""
        places = [n for n, line in enumerate(self.log(peer)) if re.search(pattern, line)]
        return places[nth]

    def change(
        self, peer: int, pattern: str, new: str | Callable[[re.Match[str]], str], nth: int = 0
    ) -> None:
        """Rewrite a part of a line."""
        place = self.find(peer, pattern, nth)
        self.log(peer)[place] = re.sub(pattern, new, self.log(peer)[place], count=1)

    def move(self, peer: int, source: int, target: int) -> None:
        """Put a line elsewhere, with the time of the place where it goes."""
        lines = self.log(peer)
        line = lines.pop(source)
        stamp = lines[min(target, len(lines) - 1)].split(": ")[0]
        lines.insert(target, stamp + ": " + line.split(": ", 1)[1])


@cache
def _good(seed: int) -> tuple[tuple[str, tuple[str, ...]], ...]:
    swarm = Swarm(Shape(leechers=4, pieces=60, rate=12_000), seed).run()
    assert swarm.finished
    import tempfile  # noqa: PLC0415  # only here
    from pathlib import Path  # noqa: PLC0415  # only here

    with tempfile.TemporaryDirectory() as name:
        folder = swarm.write(Path(name))
        return tuple(
            (path.name, tuple(path.read_text().splitlines(keepends=True)))
            for path in sorted(folder.iterdir())
        )


def good_run(seed: int = 1) -> Run:
    """A correct run of five peers, fresh for editing."""
    return Run({name: list(lines) for name, lines in _good(seed)})

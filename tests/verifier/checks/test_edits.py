"""Random single-line edits of a good log are found."""

from __future__ import annotations

import random
import re
from collections import Counter
from pathlib import Path

import pytest

from tests.kit.verifier.judging import Run, fired, good_run, judge
from verifier.findings import Severity


def edit(run: Run, rng: random.Random) -> str:
    """Delete or double a line, or change one number in it by one; which of them was done."""
    kind = rng.choice(["deleted", "doubled", "number changed"])
    lines = run.log(rng.choice([1001, 1002, 1003, 1004, 1005]))
    place = rng.randrange(len(lines))
    if kind == "deleted":
        del lines[place]
    elif kind == "doubled":
        lines.insert(place, lines[place])
    else:
        stamp, text = lines[place].split(": ", 1)
        numbers = list(re.finditer(r"\d+", text))
        if not numbers:
            return edit(run, rng)
        chosen = rng.choice(numbers)
        value = int(chosen[0])
        new = value + (rng.choice([-1, 1]) if value else 1)
        lines[place] = f"{stamp}: {text[: chosen.start()]}{new}{text[chosen.end() :]}"
    return kind


def shares(count: int, folder: Path) -> dict[str, float]:
    """The share found of each kind, and of all."""
    rng = random.Random(5)
    made: Counter[str] = Counter()
    found: Counter[str] = Counter()
    for number in range(count):
        run = good_run(1 + number % 3)
        kind = edit(run, rng)
        verdict = judge(run.write(folder / str(number)))
        told = fired(verdict) | (fired(verdict, Severity.INFO) & {"C05", "I05"})
        made[kind] += 1
        found[kind] += bool(told)
    return {kind: found[kind] / made[kind] for kind in made} | {"all": found.total() / made.total()}


def test_most_edits_are_found(tmp_path: Path) -> None:
    """At least 95 % of random edits are told; repeats that the specification allows are told as notes."""
    assert min(shares(150, tmp_path).values()) >= 0.95


@pytest.mark.thorough
@pytest.mark.timeout(600)
def test_most_of_many_edits_are_found(tmp_path: Path) -> None:
    """The same over a thousand edits."""
    assert min(shares(1000, tmp_path).values()) >= 0.95

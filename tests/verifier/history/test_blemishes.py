"""With --lenient a swarm that kept the rules has no error, whatever is wrong with its logs."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from tests.kit.verifier.blemishes import ALL, CUTS, empty, missing, written
from tests.kit.verifier.judging import fired, random_shape
from tests.kit.verifier.simulator import Swarm
from verifier.api import verify
from verifier.findings import Severity
from verifier.judge import Options

if TYPE_CHECKING:
    from pathlib import Path

    from tests.kit.verifier.blemishes import Blemish


def blamed(folder: Path, seed: int, tries: int, kinds: tuple[Blemish, ...] = ALL) -> list[str]:
    """What is called an error in logs of one correct swarm, each time with other blemishes."""
    swarm = Swarm(random_shape(seed), seed).run(150)
    if not swarm.finished:
        return []
    swarm.write(folder)
    clean = {path.name: path.read_text().splitlines() for path in folder.glob("log_peer_*")}
    rng, found = random.Random(seed), []
    for _ in range(tries):
        logs = {name: list(lines) for name, lines in clean.items()}
        chosen = rng.choice(kinds)
        chosen(rng, logs)
        for name in clean:
            (folder / name).unlink(missing_ok=True)
        for name, lines in logs.items():
            (folder / name).write_text(written(lines))
        report = verify([folder], Options(lenient=True))
        told = {"F01"} if chosen in {empty, missing} or not all(logs.values()) else set()
        for verdict in report.verdicts:
            reasons = [text for one in verdict.results for text in one.tally.reasons]
            errors = fired(verdict, Severity.ERROR) - told
            if errors or any("the check failed" in text for text in reasons):
                found.append(f"seed {seed}, {chosen.__name__}: {sorted(errors)}")
    return found


@pytest.mark.parametrize("seed", range(8))
def test_no_one_is_blamed_for_logging(seed: int, tmp_path: Path) -> None:
    """Lines that are lost, late, reworded or missing make no error of a swarm that kept the rules."""
    assert blamed(tmp_path, seed, 5) == []


@pytest.mark.parametrize("seed", range(100, 112))
def test_no_one_is_blamed_for_what_was_cut_off(seed: int, tmp_path: Path) -> None:
    """A log that lost its beginning or its end, at any line or byte, makes no error of a right swarm."""
    assert blamed(tmp_path, seed, 5, CUTS) == []


@pytest.mark.parametrize("seed", [1059, 1063, 1079, 1153, 1165, 5187])
def test_no_one_is_blamed_any_more(seed: int, tmp_path: Path) -> None:
    """Late lines of later connections, and logs of earlier lives that are empty or gone, blame nobody."""
    assert blamed(tmp_path, seed, 6) == []


@pytest.mark.parametrize("seed", [2003, 2083, 2103, 2163, 2193])
def test_no_one_is_blamed_for_cuts_any_more(seed: int, tmp_path: Path) -> None:
    """Nor do logs of several lives of a peer that lost their beginnings."""
    assert blamed(tmp_path, seed, 6, CUTS) == []


@pytest.mark.thorough
@pytest.mark.timeout(1800)
def test_no_one_is_blamed_for_many_cuts(tmp_path: Path) -> None:
    """The same over hundreds of swarms."""
    found = [blamed(tmp_path / str(seed), seed, 6, CUTS) for seed in range(2000, 2200)]
    assert [one for each in found for one in each] == []


@pytest.mark.thorough
@pytest.mark.timeout(1800)
def test_no_one_is_blamed_in_many(tmp_path: Path) -> None:
    """The same over hundreds of swarms."""
    assert [
        one for seed in range(1000, 1200) for one in blamed(tmp_path / str(seed), seed, 6)
    ] == []

"""What is wrong with a simulated swarm: a warning counts unless a fault of that swarm explains it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from harness.search import judging
from peerio.simulation.faults import Disturbance
from peerio.simulation.life import EPOCH
from peerio.simulation.scenario import Faults, Scenario
from peerio.simulation.swarm import Swarm
from verifier.findings import Severity, Tally, Witness

SKEW = 600.0
HELD = Disturbance(frozenset({1002, 1003}), 10.0, 14.0, slow=True, silent=False)
LOST = Disturbance(frozenset({1001, 1003}), 10.0, 40.0, slow=False, silent=True)


def judged(
    tmp_path: Path, check: str, because: str, times: list[float], *disturbances: Disturbance
) -> bool:
    """Whether a warning with lines of 1003's log at these virtual times is a problem."""
    log = tmp_path / "log_peer_1003.log"
    stamps = [datetime.fromtimestamp(EPOCH + SKEW + time, UTC) for time in times]
    log.write_text("".join(f"{at.isoformat()}: Peer 1003 ...\n" for at in stamps))
    tally = Tally(Severity.WARNING)
    tally.report(because, *(Witness(0, number) for number in range(1, len(times) + 1)))
    verdict: Any = SimpleNamespace(
        case=SimpleNamespace(source=lambda _number: SimpleNamespace(path=log, peer_id=1003))
    )
    outcome: Any = SimpleNamespace(disturbances=list(disturbances), skews={1003: SKEW})
    result: Any = SimpleNamespace(check=SimpleNamespace(id=check), tally=tally)
    return judging._is_wrong(result, verdict, outcome)


HAVE = "a have of 1002 takes at least 3.5 s"
IDLE = "no piece from peer 1002 for 9 s, though it has 12 that are lacking"


@pytest.mark.parametrize(
    ("check", "because", "times", "disturbance", "wrong"),
    [
        ("H06", HAVE, [14.1], HELD, False),
        ("H06", HAVE, [9.9], HELD, True),  # before anything was held up
        ("H06", HAVE, [19.1], HELD, True),  # long after it
        ("H06", "a have of 1004 takes at least 3.5 s", [14.1], HELD, True),  # of somebody else
        ("H06", HAVE, [14.1], LOST, True),  # a loss holds nothing up
        ("D14", IDLE, [5.0, 14.2], HELD, False),
        ("D14", IDLE, [0.5, 9.5], HELD, True),
        ("D14", IDLE.replace("1002", "1001"), [5.0, 14.2], HELD, True),
        ("K14", "its choices among the interested are skewed", [3.0], LOST, False),
        ("K14", "its choices among the interested are skewed", [3.0], HELD, True),
        ("K15", "ties go by order of id", [12.0], HELD, True),  # no fault explains that
    ],
)
def test_a_warning_counts_unless_a_fault_explains_it(
    check: str,
    because: str,
    times: list[float],
    disturbance: Disturbance,
    wrong: bool,
    tmp_path: Path,
) -> None:
    """A warning of lateness is accepted only of the peers that were held up, at that time; one of a seed's draws only of a peer that a silent loss concerns; any other always counts."""
    assert judged(tmp_path, check, because, times, disturbance) == wrong
    assert judged(tmp_path, check, because, times)


def test_an_error_is_never_explained(tmp_path: Path) -> None:
    """An error of an accepted check is a problem, whatever befell the peers."""
    tally = Tally(Severity.ERROR)
    tally.report(HAVE, Witness(0, 1))
    result: Any = SimpleNamespace(check=SimpleNamespace(id="H06"), tally=tally)
    assert judging._is_wrong(result, SimpleNamespace(), SimpleNamespace())  # type: ignore[arg-type]


def test_what_befalls_whom_is_noted() -> None:
    """A swarm's outcome has each fault that logs don't tell, with the peers that it concerns and until when."""
    faults = Faults(cuts=2, half_open=1, vanishings=1, deaf_spells=2, holdups=3, resets=2)
    outcome = Swarm(Scenario(peers=6, pieces=60, p=0.5, upload=10_000.0, faults=faults), 1).run()
    slow = [one for one in outcome.disturbances if one.slow]
    silent = [one for one in outcome.disturbances if one.silent]
    assert sorted(len(one.peers) for one in slow) == [1, 1, 2, 2, 2]
    assert [len(one.peers) for one in silent].count(2) == 3
    assert len(silent) == 6
    assert all(0.2 <= one.begin <= 3.0 and one.begin < one.end for one in outcome.disturbances)
    assert all(one.peers <= set(outcome.statuses) for one in outcome.disturbances)

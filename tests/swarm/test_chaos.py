"""Swarms that are killed, stopped, signalled and started again at random moments end as they should (spec 7).

What happens follows from a seed: `tests.kit.swarm.plans` draws it, `tests.kit.swarm.chaos` carries it out and judges.
"""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from core.waiting import FIRST_WORD
from tests.kit.swarm.chaos import play
from tests.kit.swarm.plans import KINDS, plan
from tests.kit.swarm.swarms import Swarm, ours
from tests.kit.verifier.judging import fired, judge

SWARMS = 200
SHORT = (4, 31)
"""Seeds whose swarms are soon over: kills and restarts, and a stop alone."""


def test_plans_repeat_themselves() -> None:
    """What befalls a swarm follows from its seed, and every kind of fault occurs."""
    plans = [plan(seed) for seed in range(SWARMS)]
    assert plans == [plan(seed) for seed in range(SWARMS)]
    assert {kind for one in plans for kind in one.kinds} == KINDS.keys()


@pytest.mark.swarm
@pytest.mark.parametrize(
    "seed",
    [
        pytest.param(seed, marks=[] if seed in SHORT else pytest.mark.thorough)
        for seed in range(SWARMS)
    ],
)
def test_swarms_that_things_befall(seed: int, tmp_path: Path) -> None:
    """Statuses, copies, messages and verdict are what was done to the swarm explains (spec 7.3 to 7.5, 9.2)."""
    outcome = play(seed, tmp_path)
    assert not outcome.faults, f"{outcome.plan}\n{outcome.lives}\n" + "\n".join(outcome.faults)


@pytest.mark.swarm
@pytest.mark.thorough
@pytest.mark.timeout(200)
def test_who_is_stopped_for_long_is_waited_for_aloud(tmp_path: Path) -> None:
    """A neighbor that is stopped for over a minute is named; it goes on, all complete, and nobody is warned of (spec 7.5)."""
    members = (ours(1001, "--rate=100000", seed=True), ours(1002), ours(1003), ours(1004))
    with Swarm(tmp_path, *members, pieces=24, piece_size=16_384) as swarm:
        swarm.start()
        swarm.await_line(1003, "has downloaded the piece", 5)
        swarm.processes[1003].send_signal(signal.SIGSTOP)
        for peer_id in (1001, 1002, 1004):
            swarm.await_diagnostic(
                peer_id,
                r"no progress for \d+ s.*waiting for 1003 \(it told \d+ of",
                FIRST_WORD + 30,
            )
        swarm.processes[1003].send_signal(signal.SIGCONT)
        swarm.complete()
        assert fired(judge(tmp_path)) == set()

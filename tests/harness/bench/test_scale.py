"""Scale in numbers: what is measured, and what it is compared with."""

from __future__ import annotations

import pytest

from harness.bench.scale import Point, curve, describe, fluid_bound, measure
from peerio.simulation.scenario import Scenario


@pytest.mark.parametrize(
    ("peers", "seeds", "upload", "bound"),
    [
        (2, 1, 10.0, 300.0),  # the seed sends each byte once
        (5, 1, 10.0, 300.0),  # leechers help: 4·F over five uploads is no more
        (6, 2, 10.0, 200.0),  # two seeds are quick, but 4·F must leave six uploads
        (3, 3, 10.0, 0.0),  # nobody lacks anything
        (4, 1, None, 0.0),  # no limit
    ],
)
def test_fluid_bound(peers: int, seeds: int, upload: float | None, bound: float) -> None:
    """No time is less than F/u_s and N·F/(u_s + Σu_i), the bound of the fluid model."""
    scenario = Scenario(peers, seeds, pieces=3, piece_size=1200, upload=upload)
    size = scenario.config().file_size
    assert fluid_bound(scenario) == pytest.approx(bound * size / 3000)


def test_a_swarm_is_measured() -> None:
    """A measured swarm completes, not before the bound, and its figures make a row and a bar."""
    point = measure(3, 10)
    assert point.completed >= point.bound > 0
    assert point.events > 0
    assert describe(point).count("|") == 9
    twice = Point(6, 10, point.events, 4 * point.cpu, point.memory, 1.0, 1.0)
    assert [line.split()[1].count("#") for line in curve([point, twice])] == [10, 40]

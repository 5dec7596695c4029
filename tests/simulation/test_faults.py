"""What befalls a simulated swarm befalls it as it would on real sockets, and each is survived."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.search.judging import problems_of
from peerio.simulation.faults import FaultyWire
from peerio.simulation.scenario import Faults, Scenario
from peerio.simulation.sockets import FakeSocket
from peerio.simulation.swarm import Outcome, Swarm
from tests.kit.verifier.traced import DirectedSwarm


def warnings_of(outcome: Outcome) -> str:
    """What all peers told people."""
    lives = [life for mine in outcome.lives.values() for life in mine]
    return "\n".join(text for life in lives for text in life.warnings)


@pytest.mark.parametrize(
    ("faults", "told"),
    [
        (Faults(resets=8), ""),
        (Faults(cuts=4), "nothing was acknowledged or taken for 25 s"),
        (Faults(half_open=4), "nothing was acknowledged or taken for 25 s"),
        (Faults(vanishings=2), ""),
        (Faults(deaf_spells=6, resets=6), "no handshake within 10 s"),
        (Faults(holdups=8), ""),
        (Faults(shortages=12, resets=12), "can't accept connections for the moment"),
        (Faults(short_writes=True), ""),
        (Faults(short_reads=True), ""),
        (Faults(divided=True), ""),
        (Faults(backlog=0), ""),
    ],
    ids=str,
)
def test_each_fault_is_survived(faults: Faults, told: str, tmp_path: Path) -> None:
    """Each fault alone lets all end well, with the right file, and is told where people are to know it (spec 2.4, 2.9, 7.1)."""
    scenario = Scenario(peers=6, pieces=60, p=0.5, upload=10_000.0, faults=faults)
    outcomes = [Swarm(scenario, seed).run() for seed in (1, 2)]
    for number, outcome in enumerate(outcomes):
        assert not problems_of(outcome, tmp_path / str(number))
    assert told in "\n".join(map(warnings_of, outcomes))


def test_single_bytes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A swarm whose every read and write is of one byte ends well (spec 3.1)."""
    monkeypatch.setattr(FaultyWire, "sent", lambda _wire, _size: 1)
    monkeypatch.setattr(FaultyWire, "read", lambda _wire, _size: 1)
    outcome = Swarm(Scenario(peers=3, pieces=3, piece_size=50), 1).run()
    assert not problems_of(outcome, tmp_path)


def test_a_system_that_does_not_watch(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without the options that ask for it, nobody notices that a connection is dead (spec 2.9)."""
    monkeypatch.setattr(FakeSocket, "setsockopt", lambda *_: None)
    monkeypatch.setattr("peerio.simulation.swarm.PATIENCE", 500.0)
    outcome = Swarm(Scenario(peers=6, pieces=30, p=0.5, faults=Faults(cuts=4)), 1).run()
    assert "nothing was acknowledged" not in warnings_of(outcome)
    assert problems_of(outcome, tmp_path)


def test_pieces_before_a_loss_count(tmp_path: Path) -> None:
    """What a neighbor sent before its connection was lost counts for its rate (spec 4.2): W10 and K13 agree.

    In place of the seeds 555, 10828 and 10877 of the simulator that knew no bytes: connections between
    leechers that serve each other are lost all the time, between two reselections.
    """
    for seed in range(4):
        pairs = [(1003, 1004), (1004, 1005), (1003, 1005), (1005, 1006), (1004, 1006)]
        events = tuple((2.1 + 0.23 * i, "cut", pairs[i % 5]) for i in range(30))
        scenario = Scenario(peers=7, pieces=80, p=1.0, m=2.0, k=2, upload=10_000.0, window=700)
        outcome = DirectedSwarm(scenario, seed, events).run()
        assert not problems_of(outcome, tmp_path / str(seed))


def test_no_answer_of_a_killed_peer_is_missed(tmp_path: Path) -> None:
    """Nobody is blamed for an answer to a bitfield that a killed peer can't have got (I01).

    In place of the seed 21823 of the simulator that knew no bytes: a peer that has connected again is
    killed while haves come to it and the answer to its bitfield is under way.
    """
    for cut in (4.5, 4.6, 4.7, 4.8, 4.9):
        kill = cut + 1.15  # a dial and two handshakes later
        events = ((cut, "cut", (1002, 1004)), (kill, "kill", (1004,)), (kill + 1, "start", (1004,)))
        scenario = Scenario(peers=5, pieces=60, delay=0.3, upload=10_000.0, window=700)
        outcome = DirectedSwarm(scenario, 1, events).run()
        assert not problems_of(outcome, tmp_path / str(cut))

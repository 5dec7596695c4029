"""Acceptance D: our peer completes with a reference peer in all its allowed habits, in any role."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest

from tests.kit.swarm.swarms import Swarm, ours, played, reference
from tests.reference import wire
from tests.reference.habits import ENDINGS, HABITS
from tests.reference.hostile import Intruder, claim_complete, wait_until_listening
from tests.reference.link import reset_behind

pytestmark = pytest.mark.swarm

COMBINABLE = sorted(
    HABITS.keys() - {*ENDINGS, "no-bitfield", "empty-bitfield", "zero-bitfield", "cut-once"}
)


def test_odd_seed(tmp_path: Path) -> None:
    """Our leechers complete with a seed that has every habit that can be combined (spec 3.4)."""
    members = (
        reference(1001, *COMBINABLE, "abrupt-close", seed=True),
        ours(1002),
        reference(1003, "empty-bitfield", "zero-bitfield", "pipelined-requests"),
        ours(1004),
    )
    with Swarm(tmp_path, *members) as swarm:
        swarm.start()
        swarm.complete()


def test_odd_leechers(tmp_path: Path) -> None:
    """Our seed serves leechers with every habit that can be combined, beside our own (spec 3.4)."""
    members = (
        ours(1001, seed=True),
        reference(1002, *COMBINABLE),
        ours(1003),
        reference(1004, "no-bitfield", "repeated-interested"),
    )
    with Swarm(tmp_path, *members) as swarm:
        swarm.start()
        swarm.complete()


def test_last_have_then_reset(tmp_path: Path) -> None:
    """The last have of the last finisher counts, also when a reset follows at once (spec 3.6)."""
    members = (ours(1001, seed=True), ours(1002), reference(1003, "abrupt-close-early"))
    with Swarm(tmp_path, *members) as swarm:
        swarm.start(1001, 1002)
        swarm.await_line(1002, "has downloaded the complete file")
        swarm.start(1003)
        swarm.complete()


def test_reset_right_behind_the_bitfield(tmp_path: Path) -> None:
    """What a connection brought counts, though it was reset before it was accepted (spec 3.6).

    A peer that dials once more, to tell its last piece (spec 7.2), may close as abruptly.
    """
    with Swarm(tmp_path, ours(1001, seed=True), played(1002)) as swarm:
        swarm.start()
        wait_until_listening(swarm.ports[1001])
        process = swarm.processes[1001]
        process.send_signal(signal.SIGSTOP)
        with Intruder(swarm.ports[1001]) as abrupt:
            abrupt.send(wire.handshake(1002) + wire.bitfield(range(swarm.pieces), swarm.pieces))
            reset_behind(abrupt.sock)
        process.send_signal(signal.SIGCONT)
        swarm.await_end(within=10)
        assert swarm.count(1001, "is connected from Peer 1002") == 1


@pytest.mark.thorough
def test_never_closes(tmp_path: Path) -> None:
    """A neighbor that never closes its end keeps us for the 5 s of the drain only (spec 7.2)."""
    with Swarm(tmp_path, ours(1001, seed=True), ours(1002), played(1003)) as swarm:
        swarm.start()
        swarm.await_line(1002, "has downloaded the complete file")
        claims = [claim_complete(swarm.ports[i], 1003, swarm.pieces) for i in (1001, 1002)]
        begin = time.monotonic()
        swarm.complete()
        assert 4 < time.monotonic() - begin < 8
        for claim in claims:
            claim.sock.close()


@pytest.mark.thorough
def test_a_neighbor_that_stalls_in_the_middle_of_a_piece(tmp_path: Path) -> None:
    """Who begins a piece and falls silent for 30 s, connected, keeps nobody from completing (spec 6.5, 6.6)."""
    members = (ours(1001, seed=True), ours(1002), played(1003))
    with Swarm(tmp_path, *members, pieces=24, piece_size=4096) as swarm:
        swarm.start(1002)
        wait_until_listening(swarm.ports[1002])
        with claim_complete(swarm.ports[1002], 1003, swarm.pieces) as staller:
            staller.send(wire.frame(wire.Type.UNCHOKE))
            request = wire.read_exact(staller.sock.recv, 9)
            assert request[4] == wire.Type.REQUEST
            staller.send(wire.piece(int.from_bytes(request[5:], "big"), bytes(4096))[:1000])
            swarm.start(1001)
            wait_until_listening(swarm.ports[1001])
            with claim_complete(swarm.ports[1001], 1003, swarm.pieces):
                swarm.await_diagnostic(1002, "sent less than a sixty-fourth of piece", 40)
                swarm.complete()


@pytest.mark.thorough
@pytest.mark.parametrize("role", ["seed", "leecher", "last"])
@pytest.mark.parametrize("habit", HABITS)
def test_each_habit_in_each_role(habit: str, role: str, tmp_path: Path) -> None:
    """A swarm of ours completes with one odd member, whatever its habit and role (spec 3.4)."""
    seed = role == "seed"
    odd = reference(1002, habit, seed=seed)
    with Swarm(tmp_path, ours(1001, seed=not seed), odd, ours(1003), ours(1004)) as swarm:
        swarm.start(1001, *([] if role == "last" else [1002]), 1003, 1004)
        if role == "last":
            swarm.await_line(1003, "has downloaded the complete file")
            swarm.await_line(1004, "has downloaded the complete file")
            swarm.start(1002)
        swarm.complete()


@pytest.mark.thorough
@pytest.mark.parametrize("habit", HABITS)
def test_one_of_ours_among_odd_ones(habit: str, tmp_path: Path) -> None:
    """One peer of ours completes among reference peers that all have the same habit (spec 3.4)."""
    odd = [reference(i, habit) for i in (1003, 1004)]
    with Swarm(tmp_path, reference(1001, habit, seed=True), ours(1002), *odd) as swarm:
        swarm.start()
        swarm.complete()

"""Acceptance E: late starts, killed peers, cut connections and connections that nobody closed."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.kit.swarm.swarms import Swarm, ours, reference

pytestmark = pytest.mark.swarm

# A file that takes the seed's upload limit well over a second, so that there is a middle to disturb.
SLOW = "--rate=400000"
PIECES, PIECE_SIZE = 40, 16_384
DOWNLOADED = "has downloaded the piece"


def slow_swarm(folder: Path, leechers: int = 2, *, rate: str = SLOW) -> Swarm:
    """A seed of ours with an upload limit and leechers of ours."""
    members = [ours(1001, rate, seed=True), *(ours(1002 + i) for i in range(leechers))]
    return Swarm(folder, *members, pieces=PIECES, piece_size=PIECE_SIZE)


def test_reverse_order_and_apart(tmp_path: Path) -> None:
    """Peers complete in whatever order and however far apart they start (spec 2.5)."""
    with Swarm(tmp_path, ours(1001, seed=True), ours(1002), ours(1003), ours(1004)) as swarm:
        swarm.start(1004, 1003)
        swarm.await_line(1003, "is connected from Peer 1004")
        swarm.start(1002)
        swarm.await_line(1003, "makes a connection to Peer 1002")
        swarm.start(1001)
        swarm.complete()


def test_killed_and_started_again(tmp_path: Path) -> None:
    """A killed leecher completes when started again, though its old connection is open (spec 2.4).

    A relay keeps its old connection to the seed open; the one to the other leecher ends with it.
    """
    with slow_swarm(tmp_path) as swarm:
        relay = swarm.relay(1003, 1001)
        relay.keep = True
        swarm.start()
        swarm.await_line(1003, DOWNLOADED, 5)
        swarm.await_line(1002, "is connected from Peer 1003")
        swarm.kill(1003)
        relay.keep = False
        swarm.start(1003)
        swarm.complete()
        assert relay.connections == 2
        assert swarm.count(1001, "is connected from Peer 1003") == 2
        assert swarm.count(1002, "is connected from Peer 1003") == 2


def test_cut_in_mid_piece(tmp_path: Path) -> None:
    """A connection that is reset in the middle of a piece costs that piece only (spec 2.5, 6.5)."""
    with slow_swarm(tmp_path) as swarm:
        relay = swarm.relay(1002, 1001)
        relay.cut_after = 2 * PIECE_SIZE + PIECE_SIZE // 2
        swarm.start()
        swarm.complete()
        assert relay.cuts == 1
        assert swarm.count(1002, "makes a connection to Peer 1001") == 2


@pytest.mark.thorough
def test_ten_seconds_apart(tmp_path: Path) -> None:
    """Peers that start 10 s apart, last listed first, complete (acceptance E)."""
    with Swarm(tmp_path, ours(1001, seed=True), ours(1002), ours(1003)) as swarm:
        for peer_id in (1003, 1002, 1001):
            swarm.start(peer_id)
            time.sleep(10 if peer_id != 1001 else 0)
        swarm.complete()


@pytest.mark.thorough
@pytest.mark.parametrize("victim", [1001, 1002, 1003, 1004])
@pytest.mark.parametrize("pieces", [1, 10, 20])
def test_each_peer_killed(victim: int, pieces: int, tmp_path: Path) -> None:
    """Whoever is killed, at the begin or in the middle, all complete in the end."""
    with slow_swarm(tmp_path, leechers=3) as swarm:
        swarm.start()
        swarm.await_line(1003, DOWNLOADED, pieces)
        swarm.kill(victim)
        swarm.start(victim)
        swarm.complete()


@pytest.mark.thorough
def test_killed_again_and_again(tmp_path: Path) -> None:
    """A leecher that is killed many times costs nobody else anything (spec 2.8)."""
    with slow_swarm(tmp_path, leechers=3) as swarm:
        swarm.start()
        for pieces in (1, 3, 5, 7, 9):
            swarm.await_line(1003, DOWNLOADED, pieces)
            swarm.kill(1003)
            swarm.start(1003)
        swarm.complete()


@pytest.mark.thorough
def test_killed_when_complete(tmp_path: Path) -> None:
    """A complete leecher that is killed while others still load starts with nothing (spec 9.2)."""
    with slow_swarm(tmp_path, leechers=3) as swarm:
        swarm.start(1001, 1002, 1003)
        swarm.await_line(1003, "has downloaded the complete file")
        swarm.kill(1003)
        swarm.start(1004, 1003)
        swarm.complete()
        assert (tmp_path / "peer_1003" / (swarm.copy_of(1003).name + ".1")).exists()


@pytest.mark.thorough
@pytest.mark.parametrize("cut_after", [10, 40, 100, 200_000, 655_000])
def test_cut_anywhere(cut_after: int, tmp_path: Path) -> None:
    """A connection cut in handshake, bitfield, early, in the middle or near the end (spec 2.5)."""
    with slow_swarm(tmp_path, leechers=1) as swarm:
        relay = swarm.relay(1002, 1001)
        relay.cut_after = cut_after
        swarm.start()
        swarm.complete()
        assert relay.cuts == 1


@pytest.mark.thorough
def test_reference_killed_among_ours(tmp_path: Path) -> None:
    """A peer of another team that is killed and started again completes with ours (acceptance E)."""
    members = (ours(1001, SLOW, seed=True), reference(1002), ours(1003))
    with Swarm(tmp_path, *members, pieces=PIECES, piece_size=PIECE_SIZE) as swarm:
        swarm.start()
        swarm.await_line(1002, DOWNLOADED, 5)
        swarm.kill(1002)
        swarm.start(1002)
        swarm.complete()

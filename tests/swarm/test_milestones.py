"""The success criteria of the team plan's Milestones 1 to 4, one test each, named after them.

Two swarms serve them all: a seed and a leecher (Milestones 1 to 3), and a seed with two leechers
(Milestone 4), each of real processes, with traces, which show the messages that no log line shows.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.kit.swarm.swarms import Swarm, ours

pytestmark = pytest.mark.swarm
SEED, LEECHER, OTHER = 1001, 1002, 1003


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Swarm]:
    """A seed and a leecher that were started and have ended, all complete."""
    members = (ours(SEED, "--trace", seed=True), ours(LEECHER, "--trace"))
    folder = tmp_path_factory.mktemp("two")
    with Swarm(folder, *members, pieces=4.5, p=0.2, m=0.3, host="localhost") as swarm:
        swarm.start()
        swarm.await_end()
        yield swarm


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Swarm]:
    """A seed and two leechers that were started and have ended, all complete."""
    members = (ours(SEED, "--trace", seed=True), ours(LEECHER, "--trace"), ours(OTHER, "--trace"))
    folder = tmp_path_factory.mktemp("three")
    with Swarm(folder, *members, p=0.2, m=0.3, host="localhost") as swarm:
        swarm.start()
        swarm.await_end()
        yield swarm


def trace(swarm: Swarm, peer_id: int) -> list[dict[str, Any]]:
    path = swarm.folder / f"trace_peer_{peer_id}.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()]


def messages(swarm: Swarm, peer_id: int, way: str) -> list[str]:
    """The types of the messages that a peer sent (`out`) or received (`in`), in order, haves together."""
    kinds = [record["kind"].partition(" ") for record in trace(swarm, peer_id)]
    return [kind for first, _, kind in kinds if first == way]


def haves(swarm: Swarm, peer_id: int) -> dict[int, list[int]]:
    """The pieces that a peer announced to each neighbor, in order."""
    records = trace(swarm, peer_id)
    neighbors = {r["conn"]: r["neighbor"] for r in records if r["kind"] == "connection"}
    found: dict[int, list[int]] = {}
    for record in records:
        if record["kind"] == "out have":
            for conn in record["conns"]:
                found.setdefault(neighbors[conn], []).extend(record["pieces"])
    return found


# Milestone 1: local start-up and handshake (2 peers).


def test_m1_peers_connect_on_localhost(two: Swarm) -> None:
    """Milestone 1: peers connect on `localhost`, exactly once a pair (spec 2.1)."""
    for peer_id in (SEED, LEECHER):
        opened = [r for r in trace(two, peer_id) if r["kind"] == "connection" and "incoming" in r]
        assert [r["incoming"] for r in opened] == [peer_id == SEED]


def test_m1_handshake_succeeds_both_directions(two: Swarm) -> None:
    """Milestone 1: the handshake is the first message in both directions, with the right ids (spec 2.2, 2.3)."""
    for peer_id, neighbor in ((SEED, LEECHER), (LEECHER, SEED)):
        assert messages(two, peer_id, "out")[0] == messages(two, peer_id, "in")[0] == "handshake"
        ids = {r["kind"]: r["id"] for r in trace(two, peer_id) if "id" in r}
        assert ids == {"out handshake": peer_id, "in handshake": neighbor}


def test_m1_connection_logs_are_written(two: Swarm) -> None:
    """Milestone 1: both connection lines are the first in their logs (spec 8.1, 8.3)."""
    assert two.log(SEED)[0].endswith(f": Peer {SEED} is connected from Peer {LEECHER}.")
    assert two.log(LEECHER)[0].endswith(f": Peer {LEECHER} makes a connection to Peer {SEED}.")


# Milestone 2: bitfield and interest flow.


def test_m2_peers_exchange_bitfield(two: Swarm) -> None:
    """Milestone 2: the bitfield is the first message after both handshakes, both ways (spec 3.3)."""
    for peer_id in (SEED, LEECHER):
        for way in ("out", "in"):
            assert messages(two, peer_id, way)[1] == "bitfield"
    counts = [r["count"] for r in trace(two, SEED) if r["kind"].endswith(" bitfield")]
    assert counts == [two.pieces, 0]


def test_m2_non_seed_sends_interested(two: Swarm) -> None:
    """Milestone 2: who lacks the file sends interested to who has it, in answer to the bitfield (spec 5.1)."""
    assert messages(two, LEECHER, "out")[2] == "interested"


def test_m2_logs_show_interested_and_not_interested(two: Swarm) -> None:
    """Milestone 2: the logs show the interested and not interested messages as received (spec 8.1)."""
    assert two.count(SEED, f"received the 'interested' message from {LEECHER}") == 1
    assert two.count(SEED, f"received the 'not interested' message from {LEECHER}") == 1
    assert two.count(LEECHER, f"received the 'not interested' message from {SEED}") == 1


# Milestone 3: piece transfer.


def test_m3_seed_sends_unchoke(two: Swarm) -> None:
    """Milestone 3: the seed sends unchoke (spec 4.4)."""
    assert "unchoke" in messages(two, SEED, "out")
    assert two.count(LEECHER, f"is unchoked by {SEED}") >= 1


def test_m3_leecher_requests_and_receives_a_piece(two: Swarm) -> None:
    """Milestone 3: the leecher requests and receives at least one piece (spec 6.1)."""
    sent, received = messages(two, LEECHER, "out"), messages(two, LEECHER, "in")
    assert sent.count("request") == received.count("piece") == two.pieces
    assert two.count(LEECHER, f"has downloaded the piece .* from {SEED}") == two.pieces


def test_m3_have_is_broadcast_after_piece_receipt(two: Swarm) -> None:
    """Milestone 3: have is sent after each piece that was received (spec 5.3)."""
    told = haves(two, LEECHER)[SEED]
    kept = [r["piece"] for r in trace(two, LEECHER) if r["kind"] == "in piece"]
    assert told == kept
    assert two.count(SEED, f"received the 'have' message from {LEECHER}") == two.pieces


# Milestone 4: a full local swarm on one machine.


def test_m4_all_local_peers_complete_on_small_config(three: Swarm) -> None:
    """Milestone 4: all local peers complete: same bytes, real name, status 0, eleven sentences only (spec 7.1, 9.2)."""
    assert three.statuses() == {SEED: 0, LEECHER: 0, OTHER: 0}
    three.check()


def test_m4_have_goes_to_all_neighbors(three: Swarm) -> None:
    """Milestone 4: in a swarm each have reaches every neighbor that was connected (spec 5.3)."""
    for peer_id in (LEECHER, OTHER):
        assert len(haves(three, peer_id)[SEED]) == three.pieces


def test_m4_completion_logs_generated(three: Swarm) -> None:
    """Milestone 4: each leecher logs once that it has the complete file, and the seed never does (spec 8.1)."""
    for peer_id in (LEECHER, OTHER):
        assert three.count(peer_id, f"Peer {peer_id} has downloaded the complete file") == 1
    assert three.count(SEED, "has downloaded the complete file") == 0

"""Choking: the pure rules of `core.choking`, then conversations for each clause of spec 4."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.choking import Ticks, choose_optimistic, choose_preferred
from core.config import SwarmConfig
from core.interface.effects import Log, Send, SendPiece, SetTimer, Warn
from core.interface.events import PieceSent, Started, Timer, TurnEnded
from core.interface.messages import CHOKE, INTERESTED, NOT_INTERESTED, UNCHOKE, Have, Request
from core.peer import Peer
from tests.kit.script import (
    ALL,
    NONE,
    After,
    Script,
    answers,
    connects,
    delivers,
    delivers_in_vain,
    fires,
    has,
    in_one_turn,
    is_lost,
    learnt,
    logs,
    peer_of,
    says,
    sends,
    swarm,
    tells_all,
    unknown,
)

RESELECT = fires(Timer.RESELECTION)
RATES = st.dictionaries(st.integers(1, 30), st.integers(0, 5), max_size=12)


# The pure rules.


@given(RATES, st.integers(1, 14), st.integers())
def test_the_highest_rates_win(rates: dict[int, int], k: int, seed: int) -> None:
    """Chosen are at most k, and nobody who isn't chosen had a higher rate than one who is (spec 4.2)."""
    choice = choose_preferred(rates, k, complete=False, rng=Random(seed))
    assert len(choice.chosen) == min(k, len(rates))
    assert choice.chosen <= rates.keys()
    left = rates.keys() - choice.chosen
    assert not left or min(rates[n] for n in choice.chosen) >= max(rates[n] for n in left)
    assert sorted(choice.draw) == sorted(rates)


@given(RATES, st.integers(1, 14), st.integers())
def test_the_draw_explains_the_choice(rates: dict[int, int], k: int, seed: int) -> None:
    """Whoever knows rates and draw can work out the choice, complete or not (docs/trace.md, `preferred`)."""
    fast = choose_preferred(rates, k, complete=False, rng=Random(seed))
    assert fast.chosen == set(sorted(fast.draw, key=lambda n: -rates[n])[:k])
    complete = choose_preferred(rates, k, complete=True, rng=Random(seed))
    assert complete.chosen == set(complete.draw[:k])


@pytest.mark.parametrize(
    ("complete", "rates", "each"),
    [
        (False, {1: 7, 2: 7, 3: 7, 4: 7}, 0.5),  # ties
        (True, {1: 0, 2: 10, 3: 1000, 4: 7}, 0.5),  # rates don't count
    ],
)
def test_chance_is_fair(complete: bool, rates: dict[int, int], each: float) -> None:
    """Ties are broken uniformly at random, and a complete peer chooses so outright (spec 4.2, 4.3)."""
    rng, draws = Random(3), 4000
    counts = dict.fromkeys(rates, 0)
    for _ in range(draws):
        for neighbor in choose_preferred(rates, 2, complete=complete, rng=rng).chosen:
            counts[neighbor] += 1
    for count in counts.values():
        assert abs(count - draws * each) < 5 * (draws * each * (1 - each)) ** 0.5


def test_ties_only_for_the_last_place() -> None:
    """A tie is about the places that are left: whoever was faster is always chosen (spec 4.2)."""
    rng = Random(3)
    for _ in range(200):
        chosen = choose_preferred({1: 5, 2: 9, 3: 5}, 2, complete=False, rng=rng).chosen
        assert 2 in chosen


def test_optimistic_is_uniform() -> None:
    """Each of the choked and interested is as likely to be unchoked optimistically (spec 4.5)."""
    rng, draws = Random(5), 4000
    counts = dict.fromkeys((4, 7, 9), 0)
    for _ in range(draws):
        choice = choose_optimistic([4, 7, 9], rng)
        assert choice is not None
        assert [4, 7, 9][choice.draw] == choice.chosen
        counts[choice.chosen] += 1
    for count in counts.values():
        assert abs(count - draws / 3) < 5 * (draws * 2 / 9) ** 0.5
    assert choose_optimistic([], rng) is None


def test_ticks_do_not_drift() -> None:
    """However late each tick is taken, the next is due at start + n·period (spec 4.7)."""
    ticks = Ticks(100.0, 0.1)
    for n in range(1, 1000):
        assert ticks.due == 100.0 + n * 0.1
        assert ticks.take(ticks.due + 0.05) == 0


@given(
    st.floats(0, 1e6),
    st.floats(1e-3, 1e4),
    st.lists(st.floats(0, 50), min_size=1, max_size=20),
)
def test_overdue_ticks_happen_once(start: float, period: float, late: list[float]) -> None:
    """A tick that is overdue happens once, the missed ones are skipped, the next is in the future (spec 4.7)."""
    ticks = Ticks(start, period)
    now, taken = start, 0
    for periods in late:
        now = max(now, ticks.due) + periods * period
        before = ticks.tick
        missed = ticks.take(now)
        assert missed >= 0
        assert ticks.tick == before + missed + 1
        assert ticks.due > now
        assert ticks.due == start + ticks.tick * period
        assert start + (ticks.tick - 1) * period <= now, "nothing that wasn't due was skipped"
        taken += missed + 1
    assert ticks.tick == taken + 1


# Conversations. Peer 1 is always the peer under test.


def seed_with(count: int, **settings: float) -> Script:
    """A seed whose `count` neighbors are connected and interested; time 0, nothing reselected."""
    config = swarm(True, *[False] * count, **settings)  # type: ignore[arg-type]  # k is an int here
    script = Script(peer_of(config, 1), hide=(SetTimer,))
    script >> Started()
    for neighbor in range(2, 2 + count):
        script >> connects(neighbor) << ... >> says(neighbor, NONE) << ...
        script >> says(neighbor, INTERESTED) << ...
    assert script
    return script


def preferred(*neighbors: int) -> Log:
    return logs("preferred_neighbors", neighbors=list(neighbors))


def optimistic(neighbor: int) -> Log:
    return logs("optimistic_neighbor", neighbor=neighbor)


def states(peer: Peer) -> dict[int, str]:
    return {number: neighbor.upload.state for number, neighbor in peer.state.neighbors.items()}


def test_first_reselections_come_p_and_m_after_the_start() -> None:
    """Nothing is chosen before p and m have passed, and then every p and m (spec 4.7)."""
    peer = peer_of(swarm(True, False, p=5.0, m=7.0), 1)
    script = Script(peer, hide=(Log, Send))
    script >> After(100.0) >> Started() << SetTimer(Timer.RESELECTION, 105.0)
    script << SetTimer(Timer.MISSING, 700.0)
    script << SetTimer(Timer.WAITING, 160.0)
    script >> After(5.0) >> RESELECT << SetTimer(Timer.RESELECTION, 107.0)
    script >> After(2.25) >> RESELECT << SetTimer(Timer.RESELECTION, 110.0)
    script >> After(2.75) >> RESELECT << SetTimer(Timer.RESELECTION, 114.0)
    script >> After(17.0)  # 115, 120, 125 and 114, 121 are overdue: once each
    assert script >> RESELECT << SetTimer(Timer.RESELECTION, 128.0)


def test_preferred_first_where_both_are_due() -> None:
    """Where both reselections are due, the preferred neighbors are chosen first (spec 4.7)."""
    script = seed_with(2, p=5.0, m=5.0)
    first, second = unknown(), unknown()
    script >> After(5.0) >> RESELECT << Log("preferred_neighbors", {"neighbors": [first]})
    script << optimistic(second)
    assert script << sends(first, UNCHOKE) << sends(second, UNCHOKE)
    assert {learnt(first), learnt(second)} == {2, 3}


def test_choke_and_unchoke_in_one_breath_are_not_sent() -> None:
    """Who leaves the preferred set and gets the optimistic place at once is told nothing, and its requests stay (spec 4.7)."""
    script = Script(peer_of(swarm(False, True, False, k=1, p=5.0, m=10.0), 1), hide=(SetTimer,))
    assert script >> Started()
    for neighbor in (2, 3):
        script >> connects(neighbor) << ... >> says(neighbor, INTERESTED) << ...
        script >> has(neighbor, 0, 1) << ... >> says(neighbor, UNCHOKE) << ...
    assert script
    peer = script.peer
    first = peer.state.neighbors[2].download.piece
    assert first is not None
    script >> delivers(2, first) << ...
    assert script >> After(5.0) >> RESELECT << preferred(2) << sends(2, UNCHOKE)
    assert script >> says(2, Request(first)) << SendPiece(2, first)
    second = peer.state.neighbors[3].download.piece
    assert second is not None
    script >> delivers(3, second) << ...
    script >> says(2, Request(second))  # it waits
    script >> After(5.0) >> RESELECT << preferred(3) << optimistic(2) << sends(3, UNCHOKE)
    assert script >> PieceSent(2) << SendPiece(2, second)
    assert states(peer) == {2: "optimistic", 3: "preferred"}


def test_rounding_does_not_part_what_is_due_together() -> None:
    """Three times 0.1 s and once 0.3 s are one moment, whatever floating point makes of them (spec 4.7)."""
    script = seed_with(2, p=0.1, m=0.3)
    assert script >> After(0.2) >> RESELECT << ... >> After(0.3 - 0.2)
    orders = script.peer.handle(RESELECT, 0.3)
    assert [order.event for order in orders if isinstance(order, Log)][-1] == "optimistic_neighbor"
    assert script.peer.uploads._preferred_ticks.tick == 4
    assert script.peer.uploads._optimistic_ticks.tick == 2


def test_at_most_k_and_one() -> None:
    """At most k preferred neighbors and one optimistic one are unchoked, all others are choked (spec 4.1)."""
    script = seed_with(6, k=2, p=1.0, m=1.5)
    unchoked: set[int] = set()
    for _ in range(60):
        script.now += 0.5
        for order in script.peer.handle(RESELECT, script.now):
            if isinstance(order, Send) and order.message == UNCHOKE:
                assert order.neighbor not in unchoked, "unchoke goes to the choked only (4.4)"
                unchoked.add(order.neighbor)
            elif isinstance(order, Send) and order.message == CHOKE:
                unchoked.remove(order.neighbor)
            elif isinstance(order, Log) and order.event == "preferred_neighbors":
                assert order.fields["neighbors"] == sorted(script.peer.uploads.preferred)
        assert len(script.peer.uploads.preferred) == (2 if script.now >= 1 else 0)
        assert unchoked == script.peer.uploads.preferred | (
            {script.peer.uploads.optimistic} - {None}
        )
        assert unchoked == {n for n, state in states(script.peer).items() if state != "choked"}


def test_only_the_interested_are_chosen() -> None:
    """Neighbors that aren't interested are never chosen, and one that lost interest isn't again (spec 4.2)."""
    script = seed_with(2, k=2)
    script >> says(2, NOT_INTERESTED) << logs("received_not_interested", neighbor=2)
    script >> After(5.0) >> RESELECT << preferred(3) << sends(3, UNCHOKE)
    script >> says(3, NOT_INTERESTED) << ... >> says(2, INTERESTED) << ...
    assert script >> After(5.0) >> RESELECT << preferred(2) << sends(3, CHOKE) << sends(2, UNCHOKE)


def test_an_empty_set_is_logged_as_a_change() -> None:
    """An empty first choice is no change, an empty one after others is (spec 8.1, 4.4)."""
    script = seed_with(1)
    script >> says(2, NOT_INTERESTED) << ...
    script >> After(5.0) >> RESELECT
    script >> says(2, INTERESTED) << ...
    script >> After(5.0) >> RESELECT << preferred(2) << sends(2, UNCHOKE)
    script >> says(2, NOT_INTERESTED) << ...
    assert script >> After(5.0) >> RESELECT << preferred() << sends(2, CHOKE)


def test_the_same_choice_again_is_silent() -> None:
    """Nothing is sent to those already unchoked, and a set that doesn't change isn't logged (spec 4.4, 8.1)."""
    script = seed_with(1)
    script >> After(5.0) >> RESELECT << preferred(2) << sends(2, UNCHOKE)
    script >> After(5.0) >> RESELECT
    assert script >> After(5.0) >> RESELECT


def leecher_between_seeds(config: SwarmConfig) -> Script:
    """Peer 1 lacks the file; all others have it, are connected, interested, and unchoke peer 1."""
    script = Script(peer_of(config, 1), hide=(SetTimer,))
    script >> Started()
    for info in config.peers[1:]:
        neighbor = info.peer_id
        script >> connects(neighbor) << ... >> says(neighbor, ALL) << ...
        script >> says(neighbor, INTERESTED) << ...
    assert script
    return script


def test_a_leecher_ranks_by_download_rate() -> None:
    """Preferred are those from which most came in the interval that just ended, and only in that one (spec 4.2)."""
    script = leecher_between_seeds(swarm(False, True, True, pieces=4, k=1))
    one, two, three = unknown(), unknown(), unknown()
    script >> says(2, UNCHOKE) << logs("unchoked", neighbor=2) << sends(2, Request(one))
    assert script >> says(3, UNCHOKE) << ... << sends(3, Request(two))
    script >> delivers(3, learnt(two)) << ... << sends(3, Request(three))
    script >> After(5.0) >> RESELECT << preferred(3) << sends(3, UNCHOKE)
    script >> delivers(2, learnt(one)) << ...
    assert script >> After(5.0) >> RESELECT << preferred(2) << sends(3, CHOKE) << sends(2, UNCHOKE)


def test_the_rate_counts_bytes_not_pieces() -> None:
    """The rate is content bytes: one whole piece beats the short last one (spec 4.2)."""
    for seed in range(8):  # were it pieces, it would be a tie, which falls either way
        config = swarm(False, True, True, pieces=3, size=21)
        script = Script(peer_of(config, 1, seed=seed), hide=(SetTimer, Log))
        script >> Started()
        script >> connects(2) << ... >> connects(3) << ...
        script >> has(2, 0, 1) << sends(2, INTERESTED)
        script >> has(3, 2) << sends(3, INTERESTED)
        script >> says(2, INTERESTED)
        script >> says(3, INTERESTED)
        script >> says(3, UNCHOKE) << sends(3, Request(2))
        assert script >> delivers(3, 2) << ...
        piece = unknown()
        assert script >> says(2, UNCHOKE) << sends(2, Request(piece))
        script >> delivers(2, learnt(piece)) << ...
        assert script >> After(5.0) >> RESELECT << sends(2, UNCHOKE)


def test_skipped_pieces_do_not_count() -> None:
    """A piece that didn't count adds nothing to a neighbor's rate (spec 4.2, 6.5)."""
    script = leecher_between_seeds(swarm(False, True, True, k=1))
    piece = unknown()
    assert script >> says(2, UNCHOKE) << ... << sends(2, Request(piece))
    asked = learnt(piece)
    for other in {0, 1, 2, 3} - {asked}:  # unasked
        assert script >> delivers_in_vain(3, other)
    script >> delivers(2, asked) << ...
    assert script >> After(5.0) >> RESELECT << preferred(2) << sends(2, UNCHOKE)


def test_the_optimistic_one_is_chosen_among_the_choked_and_interested() -> None:
    """Every m seconds one of the choked and interested is unchoked, and its place given on (spec 4.5)."""
    script = seed_with(3, k=1, p=1000.0, m=15.0)
    first, second = unknown(), unknown()
    script >> says(4, NOT_INTERESTED) << ...
    script >> After(15.0) >> RESELECT << optimistic(first) << sends(first, UNCHOKE)
    script >> After(15.0) >> RESELECT << optimistic(second)
    script << sends(first, CHOKE)  # at once (4.5)
    assert script << sends(second, UNCHOKE)
    assert {learnt(first), learnt(second)} == {2, 3}


def test_without_candidate_the_optimistic_one_stays() -> None:
    """With nobody choked and interested nothing changes: the present one stays, silently (spec 4.5)."""
    script = seed_with(1, p=1000.0, m=15.0)
    script >> After(15.0) >> RESELECT << optimistic(2) << sends(2, UNCHOKE)
    script >> After(15.0) >> RESELECT
    script >> says(2, NOT_INTERESTED) << ...
    assert script >> After(15.0) >> RESELECT


def test_both_places_at_once() -> None:
    """The optimistic one may become preferred without a message, and losing one place doesn't choke it (spec 4.4, 4.6)."""
    script = seed_with(1, k=1, p=20.0, m=15.0)
    script >> After(15.0) >> RESELECT << optimistic(2) << sends(2, UNCHOKE)
    assert script >> After(5.0) >> RESELECT << preferred(2)
    assert states(script.peer) == {2: "preferred_optimistic"}
    assert script >> says(2, NOT_INTERESTED) << ... >> After(20.0) >> RESELECT << preferred()
    assert states(script.peer) == {2: "optimistic"}


def test_a_replaced_optimistic_one_that_is_preferred_stays_unchoked() -> None:
    """The one replaced is choked at once unless it is preferred (spec 4.5)."""
    config = swarm(True, False, False, k=1, p=20.0, m=15.0)
    script = Script(peer_of(config, 1), hide=(SetTimer,))
    script >> Started()
    script >> connects(2) << ... >> says(2, INTERESTED) << ...
    script >> After(15.0) >> RESELECT << optimistic(2) << sends(2, UNCHOKE)
    script >> After(5.0) >> RESELECT << preferred(2)
    script >> connects(3) << ... >> says(3, INTERESTED) << ...
    assert script >> After(10.0) >> RESELECT << optimistic(3) << sends(3, UNCHOKE)
    assert states(script.peer) == {2: "preferred", 3: "optimistic"}


def test_no_piece_for_the_choked() -> None:
    """A request from a choked neighbor is ignored (spec 4.8)."""
    assert seed_with(1) >> says(2, Request(0))


def unchoked_neighbor() -> Script:
    script = seed_with(2, k=2, p=5.0, m=1000.0)
    assert script >> After(5.0) >> RESELECT << ...
    return script


def test_requests_wait_in_order_and_each_once() -> None:
    """One piece is in a neighbor's queue at a time, requests wait in order, each index once (spec 4.9)."""
    script = unchoked_neighbor()
    script >> says(2, Request(3)) << SendPiece(2, 3)
    script >> says(2, Request(1))
    script >> says(2, Request(0))
    script >> says(2, Request(1))
    script >> says(2, Request(3))
    script >> says(3, Request(1)) << SendPiece(3, 1)
    script >> PieceSent(2) << SendPiece(2, 1)
    script >> PieceSent(2) << SendPiece(2, 0)
    script >> PieceSent(2)
    assert script >> says(2, Request(3)) << SendPiece(2, 3)


class Counted(int):
    """A piece's index that counts how often it is compared or looked up."""

    operations = 0

    def __eq__(self, other: object) -> bool:
        Counted.operations += 1
        return int(self) == other

    def __hash__(self) -> int:
        Counted.operations += 1
        return int(self)


def _operations(waiting: int) -> int:
    """What it takes to let so many different requests of one neighbor wait, and to serve them all."""
    peer = peer_of(swarm(True, False, pieces=waiting), 1)
    for event in (Started(), connects(2), says(2, INTERESTED)):
        peer.handle(event, 0.0)
    peer.handle(RESELECT, 5.0)
    Counted.operations = 0
    for piece in range(waiting):
        peer.handle(says(2, Request(Counted(piece))), 6.0)
    served = [order for order in peer.handle(TurnEnded(), 6.0) if isinstance(order, SendPiece)]
    while orders := peer.handle(PieceSent(2), 6.0):
        served += [order for order in orders if isinstance(order, SendPiece)]
    assert [order.piece for order in served] == list(range(waiting))
    return Counted.operations


def test_a_request_costs_the_same_however_many_wait() -> None:
    """Ten times as many requests that wait take ten times as many steps, not a hundred times (spec 4.9)."""
    few, many = _operations(300), _operations(3000)
    assert few > 0
    assert many <= 11 * few


def test_a_choke_drops_what_was_asked_for_in_the_same_turn() -> None:
    """A request that our choke overtakes in its turn isn't served, though nothing was under way (spec 4.8)."""
    script = unchoked_neighbor() >> says(2, NOT_INTERESTED) << ... >> After(5.0)
    assert script >> in_one_turn(says(2, Request(1)), RESELECT) << preferred(3) << sends(2, CHOKE)


def test_a_choke_drops_waiting_requests() -> None:
    """A choke is queued behind the piece under way and drops the requests that wait (spec 4.8, 4.9)."""
    script = unchoked_neighbor()
    script >> says(2, Request(3)) << SendPiece(2, 3)
    script >> says(2, Request(1))
    script >> says(2, NOT_INTERESTED) << ...
    script >> After(5.0) >> RESELECT << preferred(3) << sends(2, CHOKE)
    script >> PieceSent(2)
    script >> says(2, INTERESTED) << ...
    script >> After(5.0) >> RESELECT << preferred(2, 3) << sends(2, UNCHOKE)
    assert script >> says(2, Request(1)) << SendPiece(2, 1)


def test_a_neighbor_that_is_not_interested_is_served() -> None:
    """A request from a neighbor that isn't interested is served as long as it is unchoked (spec 4.9)."""
    script = unchoked_neighbor()
    script >> says(2, NOT_INTERESTED) << logs("received_not_interested", neighbor=2)
    assert script >> says(2, Request(2)) << SendPiece(2, 2)


def test_a_request_for_a_piece_that_we_lack() -> None:
    """A request for a piece that isn't here is dropped with a diagnostic (spec 4.9)."""
    script = Script(peer_of(swarm(False, True), 1), hide=(SetTimer, Log))
    script >> Started()
    script >> connects(2) << ...
    script >> says(2, INTERESTED)
    script >> After(5.0) >> RESELECT << sends(2, UNCHOKE)
    text = "request of peer 2 for piece 2, which isn't here: dropped, as are all further ones of this kind"
    assert script >> says(2, Request(2)) << Warn(text)


def test_what_was_just_completed_is_served() -> None:
    """A leecher serves each piece from the moment that it announced it (spec 4.9, 5.3)."""
    script = Script(peer_of(swarm(False, True, pieces=2), 1), hide=(SetTimer, Log))
    script >> Started()
    script >> connects(2) << ...
    script >> has(2, 1) << sends(2, INTERESTED)
    script >> says(2, INTERESTED)
    script >> After(5.0) >> RESELECT << sends(2, UNCHOKE)
    script >> says(2, UNCHOKE) << sends(2, Request(1))
    script >> delivers(2, 1) << tells_all(Have(1)) << sends(2, NOT_INTERESTED)
    assert script >> says(2, Request(1)) << SendPiece(2, 1)


def test_lost_neighbors_leave_both_places_silently() -> None:
    """A lost neighbor leaves set and place without a line, and is logged when it is chosen again (spec 2.8)."""
    script = Script(peer_of(swarm(False, True, k=1, p=5.0, m=5.0), 1), hide=(SetTimer,))
    comes_back = (connects(2), says(2, ALL), says(2, INTERESTED))
    script >> Started()
    for event in comes_back:
        script >> event << ...
    script >> After(5.0) >> RESELECT << preferred(2) << sends(2, UNCHOKE)
    script >> is_lost(2)
    for event in comes_back:
        script >> event << ...
    script >> After(5.0) >> RESELECT << preferred(2) << sends(2, UNCHOKE)
    assert script


def test_what_is_left_of_the_set_decides_whether_it_changed() -> None:
    """A loss that leaves the set as the next choice makes it is no change (spec 2.8)."""
    script = seed_with(2, k=2)
    script >> After(5.0) >> RESELECT << preferred(2, 3) << ...
    script >> is_lost(2)
    script >> After(5.0) >> RESELECT  # 3 was left and is chosen again
    script >> connects(2) << ... >> says(2, INTERESTED) << ...
    assert script >> After(5.0) >> RESELECT << preferred(2, 3) << sends(2, UNCHOKE)


def test_a_lost_optimistic_one_is_logged_again() -> None:
    """The optimistic place is empty after a loss: the same neighbor in it again is a change (spec 2.8)."""
    script = seed_with(1, p=1000.0, m=15.0)
    script >> After(15.0) >> RESELECT << optimistic(2) << sends(2, UNCHOKE)
    script >> is_lost(2)
    script >> connects(2) << ... >> says(2, INTERESTED) << ...
    assert script >> After(15.0) >> RESELECT << optimistic(2) << sends(2, UNCHOKE)


def test_requests_of_a_lost_connection_are_dropped() -> None:
    """Requests that wait are dropped with their connection, and never served on the next one (spec 2.8)."""
    script = unchoked_neighbor()
    script >> says(2, Request(3)) << SendPiece(2, 3)
    script >> says(2, Request(1))
    script >> is_lost(2)
    script >> connects(2) << ... >> says(2, INTERESTED) << ...
    script >> After(5.0) >> RESELECT << preferred(2, 3) << sends(2, UNCHOKE)
    script >> says(2, Request(0)) << SendPiece(2, 0)
    assert script >> PieceSent(2)


def test_a_dialled_neighbor_is_chosen_as_any_other() -> None:
    """Who dialled whom makes no difference to choking (spec 4.2)."""
    script = Script(peer_of(swarm(False, True), 2), hide=(SetTimer,))
    script >> Started() << ... >> answers(1) << ... >> says(1, INTERESTED) << ...
    assert script >> After(5.0) >> RESELECT << preferred(1) << sends(1, UNCHOKE)

"""Requests and pieces: whom to ask for what, and what to keep (spec 6)."""

from __future__ import annotations

import pytest

from core.config import SwarmConfig
from core.interface.effects import CloseConnection, CompleteFile, Log, SendPiece, SetTimer, Warn
from core.interface.events import LocalFailure, PieceProgressed, PieceSent, Started, Timer
from core.interface.messages import (
    CHOKE,
    INTERESTED,
    NOT_INTERESTED,
    UNCHOKE,
    Bitfield,
    Have,
    Request,
)
from tests.kit.script import (
    ALL,
    After,
    Script,
    accepts,
    connects,
    delivers,
    delivers_in_vain,
    fires,
    has,
    in_one_turn,
    is_kept,
    is_lost,
    learnt,
    leecher,
    logs,
    offers,
    passes_by,
    peer_of,
    says,
    sends,
    swarm,
    tells_all,
    unknown,
)

OVERDUE = fires(Timer.OVERDUE)


def test_no_request_while_choked() -> None:
    """A request goes out only when the neighbor unchokes us (spec 6.1)."""
    assert leecher((0,)) >> has(2, 1) >> says(2, UNCHOKE) << sends(2, Request(unknown()))


def test_a_choke_in_the_same_turn_overtakes_a_request() -> None:
    """What a choke overtakes before it was sent is not asked for, and stays free for others (spec 6.2)."""
    script = leecher((0,), (0,))
    script >> in_one_turn(says(2, UNCHOKE), says(2, CHOKE))
    assert script >> says(3, UNCHOKE) << sends(3, Request(0))


def test_one_request_after_piece_choke_and_unchoke_in_one_turn() -> None:
    """A piece, a choke and an unchoke that come together lead to one request, not to two (spec 6.2)."""
    first = unknown()
    script = leecher((0, 1, 2, 3)) >> says(2, UNCHOKE) << sends(2, Request(first))
    assert script
    script >> offers(2, learnt(first)) << accepts(2, learnt(first))
    script >> in_one_turn(is_kept(2, learnt(first)), says(2, CHOKE), says(2, UNCHOKE))
    assert script << tells_all(Have(first)) << sends(2, Request(unknown()))


def test_a_choke_and_unchoke_in_one_turn_free_the_open_request() -> None:
    """What was asked for in an earlier turn is free after a choke, and one request follows the unchoke (spec 6.4)."""
    script = leecher((0,))
    script >> says(2, UNCHOKE) << sends(2, Request(0))
    assert script >> in_one_turn(says(2, CHOKE), says(2, UNCHOKE)) << sends(2, Request(0))


def test_what_arrives_in_the_same_turn_is_not_asked_for() -> None:
    """A piece that another delivers in the turn of the unchoke isn't asked for a second time (spec 6.1)."""
    script = leecher((0,), (0,))
    script >> says(2, UNCHOKE) << sends(2, Request(0))
    script >> says(2, CHOKE)  # the piece is free, but on its way
    script >> offers(2, 0) << accepts(2, 0)
    script >> in_one_turn(says(3, UNCHOKE), is_kept(2, 0)) << tells_all(Have(0))
    assert script << sends(2, NOT_INTERESTED) << sends(3, NOT_INTERESTED)


def test_nobody_is_asked_in_the_turn_in_which_it_is_lost() -> None:
    """A connection lost in the turn of its unchoke leaves its pieces free for others (spec 2.8, 6.2)."""
    script = leecher((0,), (0,))
    script >> in_one_turn(says(2, UNCHOKE), is_lost(2))
    script << Warn("lost the connection to peer 2, which has told 1 of 4 pieces")
    assert script >> says(3, UNCHOKE) << sends(3, Request(0))


def test_no_request_stands_behind_a_piece() -> None:
    """While a piece is under way to a neighbor it is asked for nothing: a choke could overtake the request (spec 6.2)."""
    script = Script(peer_of(swarm(False, True, k=1), 1), hide=(SetTimer, Log))
    first, second = unknown(), unknown()
    script >> Started()
    script >> connects(2) << ... >> says(2, ALL) << ...
    script >> says(2, INTERESTED)
    assert script >> says(2, UNCHOKE) << sends(2, Request(first))
    script >> offers(2, learnt(first)) << accepts(2, learnt(first))
    script >> is_kept(2, learnt(first)) << tells_all(Have(first)) << sends(2, Request(second))
    assert script >> After(5.0) >> fires(Timer.RESELECTION) << sends(2, UNCHOKE)
    script >> offers(2, learnt(second)) << accepts(2, learnt(second))
    assert script >> says(2, Request(learnt(first))) << SendPiece(2, learnt(first))
    assert script >> is_kept(2, learnt(second)) << tells_all(Have(second))
    assert script >> says(2, Request(learnt(second)))
    third = unknown()
    # before the next piece, that its way is short
    script >> PieceSent(2) << sends(2, Request(third)) << SendPiece(2, learnt(second))
    script >> says(2, CHOKE)
    assert script >> PieceSent(2)


@pytest.mark.parametrize("seed", range(6))
def test_only_what_it_has_and_we_lack_and_nobody_was_asked_for(seed: int) -> None:
    """Asked for is a piece that the neighbor has, that we lack, and that was requested from nobody (spec 6.1)."""
    script = Script(peer_of(swarm(False, True, True, True), 1, seed=seed), hide=(SetTimer, Log))
    for neighbor, pieces in ((2, (0,)), (3, (0, 1)), (4, (0, 1, 3))):
        script >> connects(neighbor) << ... >> has(neighbor, *pieces) << ...
    script >> says(2, UNCHOKE) << sends(2, Request(0))
    script >> says(3, UNCHOKE) << sends(3, Request(1))
    assert script >> says(4, UNCHOKE) << sends(4, Request(3))


def test_the_choice_is_uniform() -> None:
    """Each piece that can be asked for is chosen equally often, however rare it is (spec 6.1: not rarest first)."""
    counts = [0, 0, 0, 0]
    for seed in range(800):
        script = Script(peer_of(swarm(False, True, True), 1, seed=seed), hide=(SetTimer, Log))
        script >> connects(2) << ... >> connects(3) << ... >> has(3, 0, 1, 2) << ...
        piece = unknown()
        script >> has(2, 0, 1, 2, 3) << ...
        assert script >> says(2, UNCHOKE) << sends(2, Request(piece))
        counts[learnt(piece)] += 1
    for count in counts:
        assert abs(count - 200) < 5 * (800 * 3 / 16) ** 0.5


def test_one_request_at_a_time() -> None:
    """The next request goes out after the piece arrived, not before: no pipelining (spec 6.2)."""
    script = leecher((0, 1, 2, 3))
    first, second = unknown(), unknown()
    assert script >> says(2, UNCHOKE) << sends(2, Request(first)) >> has(2, 0, 1, 2)
    piece = learnt(first)
    script >> offers(2, piece) << accepts(2, piece)
    script >> has(2, 3)
    assert script >> is_kept(2, piece) << tells_all(Have(piece)) << sends(2, Request(second))
    assert learnt(second) != piece


def test_the_order_of_what_a_piece_leads_to() -> None:
    """A kept piece is logged, completes the file, is announced, ends interest, and only then the next is asked for (spec 5.3, 8.4)."""
    script = leecher((2,), hide=(SetTimer,))
    script >> says(2, UNCHOKE) << logs("unchoked", neighbor=2) << sends(2, Request(2))
    script >> delivers(2, 2) << logs("downloaded_piece", piece=2, neighbor=2, count=1)
    assert script << tells_all(Have(2)) << sends(2, NOT_INTERESTED)
    one_piece = Script(peer_of(swarm(False, True, pieces=1), 1), hide=(SetTimer,))
    one_piece >> connects(2) << ... >> says(2, Bitfield(b"\1")) << ...
    one_piece >> says(2, UNCHOKE) << ...
    one_piece >> delivers(2, 0) << logs("downloaded_piece", piece=0, neighbor=2, count=1)
    one_piece << logs("completed") << CompleteFile() << tells_all(Have(0))
    assert one_piece << sends(2, NOT_INTERESTED) << ...


def test_nothing_more_for_us() -> None:
    """The exchange goes on until the neighbor has nothing more; then it looks again with each have (spec 6.3)."""
    script = leecher((0,))
    script >> says(2, UNCHOKE) << sends(2, Request(0))
    script >> delivers(2, 0) << tells_all(Have(0)) << sends(2, NOT_INTERESTED)
    assert script >> has(2, 1) << ... << sends(2, Request(1))


def test_a_choke_frees_the_piece_for_anyone() -> None:
    """A request that a choke crossed leaves its piece free, and whoever is idle asks at once (spec 6.4, 6.3)."""
    script = leecher((0,), (0,))
    script >> says(2, UNCHOKE) << sends(2, Request(0))
    script >> says(3, UNCHOKE)
    script >> says(2, CHOKE) << sends(3, Request(0))
    script >> says(2, UNCHOKE)
    assert script >> says(3, CHOKE) << sends(2, Request(0))


def test_the_same_neighbor_may_be_asked_again() -> None:
    """The freed piece may be requested again from the one that choked (spec 6.4)."""
    script = leecher((0,))
    script >> says(2, UNCHOKE) << sends(2, Request(0))
    script >> says(2, CHOKE)
    assert script >> says(2, UNCHOKE) << sends(2, Request(0))


def test_a_piece_that_crossed_a_choke_counts() -> None:
    """A piece that crossed a choke is kept if it is lacking and nobody else is sending it (spec 6.5)."""
    script = leecher((0,), (0,))
    script >> says(2, UNCHOKE) << sends(2, Request(0))
    script >> says(3, UNCHOKE)
    script >> says(2, CHOKE) << sends(3, Request(0))
    script >> delivers(2, 0) << tells_all(Have(0)) << sends(2, NOT_INTERESTED)
    script << sends(3, NOT_INTERESTED)
    script >> has(3, 1) << ...  # interested again, but its request stays open until it is answered
    assert script >> delivers_in_vain(3, 0) << sends(3, Request(1))


def test_one_writer() -> None:
    """Content is skipped while the piece is being received from another, and that ends the open request (spec 6.5)."""
    script = leecher((0,), (0,))
    script >> says(2, UNCHOKE) << sends(2, Request(0))
    script >> says(3, UNCHOKE)
    script >> says(2, CHOKE) << sends(3, Request(0))
    script >> offers(2, 0) << accepts(2, 0)
    script >> delivers_in_vain(3, 0)
    script >> is_lost(2) << sends(3, Request(0))  # lost in the middle: free again
    assert script >> delivers(3, 0) << ...


def test_an_answer_to_an_earlier_request_leaves_the_open_one() -> None:
    """A piece that answers an earlier, freed request leaves the open one as it is (spec 6.5)."""
    script = leecher((0,), (0,))
    script >> says(2, UNCHOKE) << sends(2, Request(0))
    script >> says(2, CHOKE)
    script >> says(3, UNCHOKE) << sends(3, Request(0))
    script >> has(2, 1)
    script >> says(2, UNCHOKE) << sends(2, Request(1))
    script >> delivers(2, 0) << tells_all(Have(0)) << sends(3, NOT_INTERESTED)
    script >> has(2, 2)  # 1 is still awaited: no second request
    assert script >> delivers(2, 1) << tells_all(Have(1)) << sends(2, Request(2))


def test_asked_on_this_connection() -> None:
    """A piece that was asked of the neighbor on an earlier connection isn't accepted on the next (spec 6.5)."""
    script = leecher((0,))
    script >> says(2, UNCHOKE) << sends(2, Request(0))
    script >> is_lost(2)
    script >> connects(2) << ...
    assert script >> delivers_in_vain(2, 0)


def test_a_piece_is_kept_once() -> None:
    """A second copy of a piece is skipped, asked for or not (spec 6.5)."""
    script = leecher((0,))
    script >> says(2, UNCHOKE) << sends(2, Request(0))
    script >> delivers(2, 0) << ...
    assert script >> delivers_in_vain(2, 0)


def test_a_connection_lost_in_mid_piece_frees_it() -> None:
    """A connection lost in the middle of a piece frees it, crossed by a choke or not (spec 6.5)."""
    script = leecher((0,), (0,))
    script >> says(3, UNCHOKE) << sends(3, Request(0))
    script >> says(2, UNCHOKE)
    script >> offers(3, 0) << accepts(3, 0)
    script >> is_lost(3) << sends(2, Request(0))
    script >> offers(2, 0) << accepts(2, 0)
    script >> says(2, CHOKE)
    script >> says(2, UNCHOKE) << sends(2, Request(0))
    script >> is_lost(2)
    script >> connects(2) << ... >> has(2, 0) << ...
    assert script >> says(2, UNCHOKE) << sends(2, Request(0))


# Waiting (spec 6.6).


def unanswered(neighbor: int, piece: int, seconds: int = 10) -> Warn:
    return Warn(
        f"peer {neighbor} hasn't answered the request for piece {piece} for {seconds} s: the piece is"
        " free for others, and this neighbor is asked again"
    )


def drips(neighbor: int, piece: int) -> tuple[Warn, CloseConnection]:
    text = f"peer {neighbor} sent less than a sixty-fourth of piece {piece} in 30 s"
    return Warn(f"{text}: its connection is closed"), CloseConnection(neighbor, flush=False)


def test_an_unanswered_request_frees_its_piece() -> None:
    """After 10 s without a byte the piece is free: others are asked first, then that neighbor again (spec 6.6)."""
    script = leecher((0,), (0,), hide=(Log,))
    script >> says(2, UNCHOKE) << sends(2, Request(0)) << SetTimer(Timer.OVERDUE, 10.0)
    script >> says(3, UNCHOKE)
    script >> has(2, 1)  # one request open at a time
    script >> After(10.0) >> OVERDUE << unanswered(2, 0) << sends(3, Request(0))
    script << SetTimer(Timer.OVERDUE, 20.0)
    script << sends(2, Request(1))
    assert script >> offers(3, 0) << accepts(3, 0)


def test_the_wait_doubles_until_it_delivers() -> None:
    """The same piece is asked of the same neighbor after 10, 20, 40 s; what it sends sets that back; it is told once (spec 6.6)."""
    script = leecher((0,), hide=(Log,))
    script >> says(2, UNCHOKE) << sends(2, Request(0)) << SetTimer(Timer.OVERDUE, 10.0)
    script >> After(10.0) >> OVERDUE << unanswered(2, 0) << sends(2, Request(0))
    script << SetTimer(Timer.OVERDUE, 30.0)
    script >> After(20.0) >> OVERDUE << sends(2, Request(0)) << SetTimer(Timer.OVERDUE, 70.0)
    script >> says(2, CHOKE)
    script >> says(2, UNCHOKE) << sends(2, Request(0))  # no excuse
    script >> After(40.0) >> OVERDUE << sends(2, Request(0)) << SetTimer(Timer.OVERDUE, 150.0)
    script >> has(2, 1)
    script >> offers(2, 0) << SetTimer(Timer.OVERDUE, 100.0) << accepts(2, 0)
    script >> is_kept(2, 0) << tells_all(Have(0)) << sends(2, Request(1))
    script << SetTimer(Timer.OVERDUE, 80.0)
    script >> After(10.0) >> OVERDUE << sends(2, Request(1)) << SetTimer(Timer.OVERDUE, 100.0)
    assert script


def test_an_answer_that_comes_late_counts() -> None:
    """A piece whose request was given up is kept when it comes, if nobody else is sending it (spec 6.5, 6.6)."""
    script = leecher((0,), (0,))
    script >> says(2, UNCHOKE) << sends(2, Request(0))
    script >> says(3, UNCHOKE)
    script >> After(10.0) >> OVERDUE << unanswered(2, 0) << sends(3, Request(0))
    script >> delivers(2, 0) << tells_all(Have(0)) << sends(2, NOT_INTERESTED)
    assert script << sends(3, NOT_INTERESTED)


def test_a_piece_under_way_delays_the_answer() -> None:
    """While a neighbor sends a piece that counts, its next answer can't come: the wait starts behind it (spec 6.6)."""
    script = leecher((0, 1), hide=(Log, Warn))
    script >> says(2, UNCHOKE) << sends(2, Request(first := unknown())) << ...
    script >> After(10.0) >> OVERDUE << sends(2, Request(unknown()))
    assert script << SetTimer(Timer.OVERDUE, 30.0)
    script = leecher((0,), (0,), hide=(Log, Warn))
    script >> says(2, UNCHOKE) << sends(2, Request(0)) << SetTimer(Timer.OVERDUE, 10.0)
    script >> After(10.0) >> has(2, 1)
    script >> says(3, UNCHOKE)
    script >> OVERDUE << sends(3, Request(0)) << SetTimer(Timer.OVERDUE, 20.0)
    script << sends(2, Request(1))
    script >> offers(2, 0) << accepts(2, 0)
    script >> says(3, CHOKE)
    script >> After(20.0) >> PieceProgressed(2, 0, 5, 29.0)
    script >> OVERDUE << SetTimer(Timer.OVERDUE, 59.0)  # the request for 1 isn't given up
    script >> After(20.0) >> is_kept(2, 0) << tells_all(Have(0)) << ...
    assert script >> After(10.0) >> OVERDUE << sends(2, Request(1)) << SetTimer(Timer.OVERDUE, 80.0)
    assert learnt(first) in (0, 1)


def test_bytes_of_the_piece_keep_a_request_alive() -> None:
    """What counts is a wait without a byte of the piece, not the time since the request (spec 6.6)."""
    script = leecher((0,), (0,), hide=(Log,))
    script >> says(2, UNCHOKE) << sends(2, Request(0)) << SetTimer(Timer.OVERDUE, 10.0)
    script >> says(3, UNCHOKE)
    script >> After(9.0) >> offers(2, 0) << accepts(2, 0)
    script >> After(1.0) >> OVERDUE << SetTimer(Timer.OVERDUE, 39.0)
    script >> After(29.0) >> PieceProgressed(2, 0, 1, 20.0)
    script >> OVERDUE << SetTimer(Timer.OVERDUE, 50.0)
    script >> After(11.0) >> PieceProgressed(2, 0, 1, 20.0)
    script >> OVERDUE << drips(2, 0)[0] << drips(2, 0)[1]
    script >> is_lost(2) << SetTimer(Timer.MISSING, 110.0) << sends(3, Request(0))
    assert script << SetTimer(Timer.OVERDUE, 60.0)


def test_the_clock_of_requests_stops_and_starts() -> None:
    """No timer is set while no piece can come, and the next request sets one (spec 6.6)."""
    script = leecher((0,), hide=(Log,))
    script >> says(2, UNCHOKE) << sends(2, Request(0)) << SetTimer(Timer.OVERDUE, 10.0)
    script >> delivers(2, 0) << tells_all(Have(0)) << sends(2, NOT_INTERESTED)
    script >> After(10.0) >> OVERDUE
    assert script >> has(2, 1) << ... << sends(2, Request(1)) << SetTimer(Timer.OVERDUE, 20.0)


def test_what_the_timer_was_set_for_is_late() -> None:
    """When the timer rings that was set for a request, it is given up, however times are rounded (spec 6.6)."""
    for tenths in range(1, 200):
        script = leecher((0,)) >> After(tenths / 10) >> says(2, UNCHOKE) << sends(2, Request(0))
        assert script
        script.now += 10.0
        assert script >> OVERDUE << ... << sends(2, Request(0))


@pytest.mark.parametrize(("size", "enough"), [(1, 1), (63, 1), (64, 1), (65, 2), (6400, 100)])
def test_a_drip_loses_its_connection(size: int, enough: int) -> None:
    """A writer must bring a sixty-fourth of its piece in 30 s, of a short piece at least a byte (spec 6.6)."""
    for brought in (enough - 1, enough):
        config = SwarmConfig(1, 5.0, 15.0, "file", size, size, swarm(False, True).peers)
        script = Script(peer_of(config, 1), hide=(Log, SetTimer))
        script >> connects(2) << ... >> has(2, 0) << ...
        script >> says(2, UNCHOKE) << sends(2, Request(0))
        script >> offers(2, 0) << accepts(2, 0)
        assert script >> After(30.0) >> PieceProgressed(2, 0, brought, 30.0)
        script >> OVERDUE
        for order in drips(2, 0) if brought < enough else ():
            script << order
        assert script


def test_a_drip_behind_a_good_beginning() -> None:
    """What counts are the bytes since the last sixty-fourth was there, also in the last, shorter piece (spec 6.6)."""
    config = SwarmConfig(1, 5.0, 15.0, "file", 64_000 + 6400, 64_000, swarm(False, True).peers)
    script = Script(peer_of(config, 1), hide=(Log, SetTimer))
    script >> connects(2) << ... >> has(2, 1) << ...
    script >> says(2, UNCHOKE) << sends(2, Request(1))
    script >> offers(2, 1) << accepts(2, 1)
    script >> After(30.0) >> PieceProgressed(2, 1, 3200, 2.0)
    script >> OVERDUE
    script >> After(2.0) >> PieceProgressed(2, 1, 3299, 31.0)
    assert script >> OVERDUE << drips(2, 1)[0] << drips(2, 1)[1]


def test_silence_in_a_piece_that_crossed_a_choke() -> None:
    """So does one that choked us before it began the piece, although no request of ours is open (spec 6.4, 6.5)."""
    script = leecher((0,), hide=(Log, SetTimer))
    script >> says(2, UNCHOKE) << sends(2, Request(0))
    script >> says(2, CHOKE)
    script >> After(29.0) >> offers(2, 0) << accepts(2, 0)
    script >> After(29.0) >> OVERDUE
    assert script >> After(1.0) >> OVERDUE << drips(2, 0)[0] << drips(2, 0)[1]


# Failures of our own (spec 7.4).


def test_after_a_failure_nothing_is_requested_or_kept() -> None:
    """Once storage or log failed nothing more is requested, and what comes is skipped (spec 7.4, status 4)."""
    script = leecher((0, 1), (0,))
    assert script >> says(3, UNCHOKE) << sends(3, Request(0)) >> LocalFailure("disk full")
    assert script >> delivers_in_vain(3, 0) >> says(2, UNCHOKE) >> has(2, 3)


def test_a_piece_that_could_not_be_written() -> None:
    """A piece that was accepted but couldn't be written is still lacking: not logged, not announced (spec 6.5, 7.4)."""
    script = leecher((0, 1), (0,))
    script >> says(3, UNCHOKE) << sends(3, Request(0))
    script >> offers(3, 0) << accepts(3, 0)
    script >> LocalFailure("disk full")
    assert script >> passes_by(3, 0)
    assert 0 not in script.peer.state.own

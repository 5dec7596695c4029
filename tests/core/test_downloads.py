"""Requests and pieces: whom to ask for what, and what to keep (spec 6)."""

from __future__ import annotations

import pytest

from core.effects import CloseConnection, CompleteFile, Log, SendPiece, SetTimer, Warn
from core.events import LocalFailure, PieceProgressed, PieceSent, Started, Timer
from core.messages import (
    CHOKE,
    INTERESTED,
    NOT_INTERESTED,
    UNCHOKE,
    Bitfield,
    Have,
    Request,
)
from tests.core.script import (
    KEEP,
    SKIP,
    After,
    PieceBegins,
    Script,
    connects,
    fires,
    has,
    in_one_turn,
    is_kept,
    is_lost,
    learnt,
    logs,
    passes_by,
    peer_of,
    says,
    sends,
    swarm,
    tells_all,
    unknown,
)

OVERDUE = fires(Timer.OVERDUE)


def leecher(*haves: tuple[int, ...], hide: tuple[type, ...] = (SetTimer, Log)) -> Script:
    """Peer 1 lacks all of 4 pieces; the n-th of its neighbors 2, 3, … has told these, and chokes."""
    config = swarm(False, *[True] * len(haves))
    script = Script(peer_of(config, 1), hide=hide)
    for neighbor, pieces in enumerate(haves, 2):
        script >> connects(neighbor) << ... >> has(neighbor, *pieces) << ...
    assert script
    return script


def test_no_request_while_choked() -> None:
    """A request goes out only when the neighbor unchokes us (spec 6.1)."""
    assert leecher((0,)) >> has(2, 1) >> says(2, UNCHOKE) << sends(2, Request(unknown()))


def test_a_choke_in_the_same_turn_overtakes_a_request() -> None:
    """What a choke overtakes before it was sent is not asked for, and stays free for others (spec 6.2)."""
    assert (
        leecher((0,), (0,))
        >> in_one_turn(says(2, UNCHOKE), says(2, CHOKE))
        >> says(3, UNCHOKE)
        << sends(3, Request(0))
    )


def test_one_request_after_piece_choke_and_unchoke_in_one_turn() -> None:
    """A piece, a choke and an unchoke that come together lead to one request, not to two (spec 6.2)."""
    first = unknown()
    script = leecher((0, 1, 2, 3)) >> says(2, UNCHOKE) << sends(2, Request(first))
    assert script
    script >> PieceBegins(2, learnt(first)) << KEEP
    assert (
        script
        >> in_one_turn(is_kept(2, learnt(first)), says(2, CHOKE), says(2, UNCHOKE))
        << tells_all(Have(first))
        << sends(2, Request(unknown()))
    )


def test_a_choke_and_unchoke_in_one_turn_free_the_open_request() -> None:
    """What was asked for in an earlier turn is free after a choke, and one request follows the unchoke (spec 6.4)."""
    assert (
        leecher((0,))
        >> says(2, UNCHOKE)
        << sends(2, Request(0))
        >> in_one_turn(says(2, CHOKE), says(2, UNCHOKE))
        << sends(2, Request(0))
    )


def test_what_arrives_in_the_same_turn_is_not_asked_for() -> None:
    """A piece that another delivers in the turn of the unchoke isn't asked for a second time (spec 6.1)."""
    assert (
        leecher((0,), (0,))
        >> says(2, UNCHOKE)
        << sends(2, Request(0))
        >> says(2, CHOKE)  # the piece is free, but on its way
        >> PieceBegins(2, 0)
        << KEEP
        >> in_one_turn(says(3, UNCHOKE), is_kept(2, 0))
        << tells_all(Have(0))
        << sends(2, NOT_INTERESTED)
        << sends(3, NOT_INTERESTED)
    )


def test_nobody_is_asked_in_the_turn_in_which_it_is_lost() -> None:
    """A connection lost in the turn of its unchoke leaves its pieces free for others (spec 2.8, 6.2)."""
    assert (
        leecher((0,), (0,))
        >> in_one_turn(says(2, UNCHOKE), is_lost(2))
        >> says(3, UNCHOKE)
        << sends(3, Request(0))
    )


def test_no_request_stands_behind_a_piece() -> None:
    """While a piece is under way to a neighbor it is asked for nothing: a choke could overtake the request (spec 6.2)."""
    script = Script(peer_of(swarm(False, True, k=1), 1), hide=(SetTimer, Log))
    first, second = unknown(), unknown()
    assert (
        script
        >> Started()
        >> connects(2)
        << ...
        >> says(2, Bitfield(b"\1" * 4))
        << ...
        >> says(2, INTERESTED)
        >> says(2, UNCHOKE)
        << sends(2, Request(first))
    )
    script >> PieceBegins(2, learnt(first)) << KEEP
    assert (
        script
        >> is_kept(2, learnt(first))
        << tells_all(Have(first))
        << sends(2, Request(second))
        >> After(5.0)
        >> fires(Timer.RESELECTION)
        << sends(2, UNCHOKE)
    )
    script >> PieceBegins(2, learnt(second)) << KEEP
    assert script >> says(2, Request(learnt(first))) << SendPiece(2, learnt(first))
    assert script >> is_kept(2, learnt(second)) << tells_all(Have(second))
    assert script >> says(2, Request(learnt(second)))
    third = unknown()
    assert (
        script
        >> PieceSent(2)
        << sends(2, Request(third))  # before the next piece, that its way is short
        << SendPiece(2, learnt(second))
        >> says(2, CHOKE)
        >> PieceSent(2)
    )


@pytest.mark.parametrize("seed", range(6))
def test_only_what_it_has_and_we_lack_and_nobody_was_asked_for(seed: int) -> None:
    """Asked for is a piece that the neighbor has, that we lack, and that was requested from nobody (spec 6.1)."""
    script = Script(peer_of(swarm(False, True, True, True), 1, seed=seed), hide=(SetTimer, Log))
    for neighbor, pieces in ((2, (0,)), (3, (0, 1)), (4, (0, 1, 3))):
        script >> connects(neighbor) << ... >> has(neighbor, *pieces) << ...
    assert (
        script
        >> says(2, UNCHOKE)
        << sends(2, Request(0))
        >> says(3, UNCHOKE)
        << sends(3, Request(1))
        >> says(4, UNCHOKE)
        << sends(4, Request(3))
    )


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
    assert (
        script
        >> PieceBegins(2, piece)
        << KEEP
        >> has(2, 3)
        >> is_kept(2, piece)
        << tells_all(Have(piece))
        << sends(2, Request(second))
    )
    assert learnt(second) != piece


def test_the_order_of_what_a_piece_leads_to() -> None:
    """A kept piece is logged, completes the file, is announced, ends interest, and only then the next is asked for (spec 5.3, 8.4)."""
    assert (
        leecher((2,), hide=(SetTimer,))
        >> says(2, UNCHOKE)
        << logs("unchoked", neighbor=2)
        << sends(2, Request(2))
        >> PieceBegins(2, 2)
        << KEEP
        >> is_kept(2, 2)
        << logs("downloaded_piece", piece=2, neighbor=2, count=1)
        << tells_all(Have(2))
        << sends(2, NOT_INTERESTED)
    )
    one_piece = Script(peer_of(swarm(False, True, pieces=1), 1), hide=(SetTimer,))
    assert (
        one_piece
        >> connects(2)
        << ...
        >> says(2, Bitfield(b"\1"))
        << ...
        >> says(2, UNCHOKE)
        << ...
        >> PieceBegins(2, 0)
        << KEEP
        >> is_kept(2, 0)
        << logs("downloaded_piece", piece=0, neighbor=2, count=1)
        << logs("completed")
        << CompleteFile()
        << tells_all(Have(0))
        << sends(2, NOT_INTERESTED)
        << ...
    )


def test_nothing_more_for_us() -> None:
    """The exchange goes on until the neighbor has nothing more; then it looks again with each have (spec 6.3)."""
    assert (
        leecher((0,))
        >> says(2, UNCHOKE)
        << sends(2, Request(0))
        >> PieceBegins(2, 0)
        << KEEP
        >> is_kept(2, 0)
        << tells_all(Have(0))
        << sends(2, NOT_INTERESTED)
        >> has(2, 1)
        << ...
        << sends(2, Request(1))
    )


def test_a_choke_frees_the_piece_for_anyone() -> None:
    """A request that a choke crossed leaves its piece free, and whoever is idle asks at once (spec 6.4, 6.3)."""
    assert (
        leecher((0,), (0,))
        >> says(2, UNCHOKE)
        << sends(2, Request(0))
        >> says(3, UNCHOKE)
        >> says(2, CHOKE)
        << sends(3, Request(0))
        >> says(2, UNCHOKE)
        >> says(3, CHOKE)
        << sends(2, Request(0))
    )


def test_the_same_neighbor_may_be_asked_again() -> None:
    """The freed piece may be requested again from the one that choked (spec 6.4)."""
    assert (
        leecher((0,))
        >> says(2, UNCHOKE)
        << sends(2, Request(0))
        >> says(2, CHOKE)
        >> says(2, UNCHOKE)
        << sends(2, Request(0))
    )


def test_a_piece_that_crossed_a_choke_counts() -> None:
    """A piece that crossed a choke is kept if it is lacking and nobody else is sending it (spec 6.5)."""
    assert (
        leecher((0,), (0,))
        >> says(2, UNCHOKE)
        << sends(2, Request(0))
        >> says(3, UNCHOKE)
        >> says(2, CHOKE)
        << sends(3, Request(0))
        >> PieceBegins(2, 0)
        << KEEP
        >> is_kept(2, 0)
        << tells_all(Have(0))
        << sends(2, NOT_INTERESTED)
        << sends(3, NOT_INTERESTED)
        >> has(3, 1)
        << ...  # interested again, but its request stays open until it is answered
        >> PieceBegins(3, 0)
        << SKIP
        >> passes_by(3, 0)
        << sends(3, Request(1))
    )


def test_one_writer() -> None:
    """Content is skipped while the piece is being received from another, and that ends the open request (spec 6.5)."""
    assert (
        leecher((0,), (0,))
        >> says(2, UNCHOKE)
        << sends(2, Request(0))
        >> says(3, UNCHOKE)
        >> says(2, CHOKE)
        << sends(3, Request(0))
        >> PieceBegins(2, 0)
        << KEEP
        >> PieceBegins(3, 0)
        << SKIP
        >> passes_by(3, 0)
        >> is_lost(2)
        << sends(3, Request(0))  # lost in the middle: free again
        >> PieceBegins(3, 0)
        << KEEP
        >> is_kept(3, 0)
        << ...
    )


def test_an_answer_to_an_earlier_request_leaves_the_open_one() -> None:
    """A piece that answers an earlier, freed request leaves the open one as it is (spec 6.5)."""
    script = leecher((0,), (0,))
    assert (
        script
        >> says(2, UNCHOKE)
        << sends(2, Request(0))
        >> says(2, CHOKE)
        >> says(3, UNCHOKE)
        << sends(3, Request(0))
        >> has(2, 1)
        >> says(2, UNCHOKE)
        << sends(2, Request(1))
        >> PieceBegins(2, 0)
        << KEEP
        >> is_kept(2, 0)
        << tells_all(Have(0))
        << sends(3, NOT_INTERESTED)
        >> has(2, 2)  # 1 is still awaited: no second request
        >> PieceBegins(2, 1)
        << KEEP
        >> is_kept(2, 1)
        << tells_all(Have(1))
        << sends(2, Request(2))
    )


def test_asked_on_this_connection() -> None:
    """A piece that was asked of the neighbor on an earlier connection isn't accepted on the next (spec 6.5)."""
    assert (
        leecher((0,))
        >> says(2, UNCHOKE)
        << sends(2, Request(0))
        >> is_lost(2)
        >> connects(2)
        << ...
        >> PieceBegins(2, 0)
        << SKIP
        >> passes_by(2, 0)
    )


def test_a_piece_is_kept_once() -> None:
    """A second copy of a piece is skipped, asked for or not (spec 6.5)."""
    assert (
        leecher((0,))
        >> says(2, UNCHOKE)
        << sends(2, Request(0))
        >> PieceBegins(2, 0)
        << KEEP
        >> is_kept(2, 0)
        << ...
        >> PieceBegins(2, 0)
        << SKIP
        >> passes_by(2, 0)
    )


def test_a_connection_lost_in_mid_piece_frees_it() -> None:
    """A connection lost in the middle of a piece frees it, crossed by a choke or not (spec 6.5)."""
    assert (
        leecher((0,), (0,))
        >> says(3, UNCHOKE)
        << sends(3, Request(0))
        >> says(2, UNCHOKE)
        >> PieceBegins(3, 0)
        << KEEP
        >> is_lost(3)
        << sends(2, Request(0))
        >> PieceBegins(2, 0)
        << KEEP
        >> says(2, CHOKE)
        >> says(2, UNCHOKE)
        << sends(2, Request(0))
        >> is_lost(2)
        >> connects(2)
        << ...
        >> has(2, 0)
        << ...
        >> says(2, UNCHOKE)
        << sends(2, Request(0))
    )


# Overdue requests (spec 6.6).


def test_an_overdue_request_frees_its_piece() -> None:
    """After 30 s without a byte the piece is free for others, and the neighbor gets no second request (spec 6.6)."""
    assert (
        leecher((0,), (1,), hide=(Log,))
        >> says(2, UNCHOKE)
        << sends(2, Request(0))
        << SetTimer(Timer.OVERDUE, 30.0)
        >> After(10.0)
        >> says(3, UNCHOKE)
        << sends(3, Request(1))
        >> has(3, 0)
        >> After(20.0)
        >> OVERDUE
        << SetTimer(Timer.OVERDUE, 40.0)
        >> has(2, 2)
        >> PieceBegins(3, 1)
        << KEEP
        >> is_kept(3, 1)
        << tells_all(Have(1))
        << sends(3, Request(0))
    )


@pytest.mark.parametrize("ends_by", ["answer", "choke and unchoke", "unchoke"])
def test_how_an_overdue_neighbor_is_asked_again(ends_by: str) -> None:
    """An overdue neighbor is asked again once it answers, chokes and unchokes, or sends unchoke again (spec 6.6)."""
    script = leecher((0,))
    assert (
        script
        >> says(2, UNCHOKE)
        << sends(2, Request(0))
        >> After(30.0)
        >> OVERDUE
        >> has(2, 1)  # no second request
    )
    if ends_by == "answer":
        assert (
            script
            >> PieceBegins(2, 0)
            << KEEP
            >> is_kept(2, 0)
            << tells_all(Have(0))
            << sends(2, Request(1))
        )
    elif ends_by == "unchoke":
        assert script >> says(2, UNCHOKE) << sends(2, Request(unknown()))
    else:
        assert script >> says(2, CHOKE) >> says(2, UNCHOKE) << sends(2, Request(unknown()))


def test_an_overdue_neighbor_with_nothing_more() -> None:
    """An overdue neighbor that answers when it has nothing more is idle, and asked at its next have (spec 6.6, 6.3)."""
    assert (
        leecher((0,))
        >> says(2, UNCHOKE)
        << sends(2, Request(0))
        >> After(30.0)
        >> OVERDUE
        >> PieceBegins(2, 0)
        << KEEP
        >> is_kept(2, 0)
        << tells_all(Have(0))
        << sends(2, NOT_INTERESTED)
        >> has(2, 1)
        << ...
        << sends(2, Request(1))
    )


def test_bytes_of_the_piece_keep_a_request_alive() -> None:
    """What counts is 30 s without a byte of the piece, not 30 s since the request (spec 6.6)."""
    assert (
        leecher((0,), (0,), hide=(Log,))
        >> says(2, UNCHOKE)
        << sends(2, Request(0))
        << SetTimer(Timer.OVERDUE, 30.0)
        >> says(3, UNCHOKE)
        >> After(29.0)
        >> PieceBegins(2, 0)
        << KEEP
        >> After(1.0)
        >> OVERDUE
        << SetTimer(Timer.OVERDUE, 59.0)
        >> After(29.0)
        >> PieceProgressed(2, 0, 50.0)
        >> OVERDUE
        << SetTimer(Timer.OVERDUE, 80.0)
        >> After(21.0)
        >> PieceProgressed(2, 1, 75.0)  # not the piece that was asked for
        >> OVERDUE
        << ...
        << sends(3, Request(0))
    )


def test_the_overdue_clock_stops_and_starts() -> None:
    """No timer runs while no piece can come, and the next request starts one (spec 6.6)."""
    assert (
        leecher((0,), hide=(Log,))
        >> says(2, UNCHOKE)
        << sends(2, Request(0))
        << SetTimer(Timer.OVERDUE, 30.0)
        >> PieceBegins(2, 0)
        << KEEP
        >> is_kept(2, 0)
        << tells_all(Have(0))
        << sends(2, NOT_INTERESTED)
        >> After(30.0)
        >> OVERDUE
        >> has(2, 1)
        << ...
        << sends(2, Request(1))
        << SetTimer(Timer.OVERDUE, 60.0)
    )


def test_what_the_overdue_clock_was_set_for_is_late() -> None:
    """When the timer rings that was set for a request, it is overdue, however times are rounded (spec 6.6)."""
    for tenths in range(1, 200):
        script = leecher((0,)) >> After(tenths / 10) >> says(2, UNCHOKE) << sends(2, Request(0))
        assert script
        script.now += 30.0
        assert script >> OVERDUE
        assert script.peer.state.neighbors[2].download.state == "overdue"


def test_who_falls_silent_in_a_piece_is_parted_with() -> None:
    """A writer that stops in the middle of a piece for 30 s loses its connection, and so the piece (spec 6.5, 6.6)."""
    assert (
        leecher((0,), (0,), hide=(Log, SetTimer))
        >> says(2, UNCHOKE)
        << sends(2, Request(0))
        >> PieceBegins(2, 0)
        << KEEP
        >> After(29.0)
        >> PieceProgressed(2, 0, 28.0)
        >> OVERDUE
        >> says(3, UNCHOKE)
        >> After(29.0)
        >> PieceProgressed(2, 0, 28.0)
        >> OVERDUE
        << Warn("peer 2 sent nothing for 30 s in the middle of piece 0: its connection is closed")
        << CloseConnection(2, flush=False)
        << sends(3, Request(0))
        >> is_lost(2)
        >> PieceBegins(3, 0)
        << KEEP
    )


def test_silence_in_a_piece_that_crossed_a_choke() -> None:
    """So does one that choked us before it began the piece, although no request of ours is open (spec 6.4, 6.5)."""
    assert (
        leecher((0,), hide=(Log, SetTimer))
        >> says(2, UNCHOKE)
        << sends(2, Request(0))
        >> says(2, CHOKE)
        >> After(30.0)
        >> OVERDUE
        >> After(29.0)
        >> PieceBegins(2, 0)
        << KEEP
        >> After(1.0)
        >> OVERDUE
        >> After(29.0)
        >> OVERDUE
        << ...
        << CloseConnection(2, flush=False)
    )


# Failures of our own (spec 7.4).


def test_after_a_failure_nothing_is_requested_or_kept() -> None:
    """Once storage or log failed nothing more is requested, and what comes is skipped (spec 7.4, status 4)."""
    script = leecher((0, 1), (0,))
    assert script >> says(3, UNCHOKE) << sends(3, Request(0)) >> LocalFailure("disk full")
    assert script >> PieceBegins(3, 0) << SKIP >> passes_by(3, 0) >> says(2, UNCHOKE) >> has(2, 3)


def test_a_piece_that_could_not_be_written() -> None:
    """A piece that was accepted but couldn't be written is still lacking: not logged, not announced (spec 6.5, 7.4)."""
    script = leecher((0, 1), (0,))
    assert (
        script
        >> says(3, UNCHOKE)
        << sends(3, Request(0))
        >> PieceBegins(3, 0)
        << KEEP
        >> LocalFailure("disk full")
        >> passes_by(3, 0)
    )
    assert 0 not in script.peer.state.own

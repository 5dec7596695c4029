"""Content that isn't what its hash says (spec 9.3)."""

from __future__ import annotations

import pytest

from core.errors import LocalProtocolError
from core.interface.effects import Finish, Log, Note, Punish, SetTimer, Warn
from core.interface.events import Timer
from core.interface.messages import CHOKE, UNCHOKE, Bitfield, Request
from tests.kit.script import (
    After,
    Script,
    accepts,
    connects,
    delivers,
    delivers_in_vain,
    fires,
    has,
    in_one_turn,
    is_lost,
    is_wrong,
    leecher,
    offers,
    peer_of,
    says,
    sends,
    swarm,
)

ALL = Bitfield(b"\1")


def wrong(neighbor: int, piece: int) -> Punish:
    """What ends a connection over which wrong content came."""
    reason = f"the content of piece {piece} is wrong: its SHA-256 isn't that of pieces.sha256"
    return Punish(neighbor, reason, "9.3")


def test_wrong_content_never_counts_and_others_are_asked() -> None:
    """Wrong content is neither logged nor announced; its sender goes, and another is asked at once (spec 9.3)."""
    script = leecher((0,), (0,), pieces=1, hide=(SetTimer,))
    script >> says(2, UNCHOKE) << ... << sends(2, Request(0))
    script >> says(3, UNCHOKE) << ...
    script >> offers(2, 0) << accepts(2, 0)
    script >> in_one_turn(is_wrong(2, 0), is_lost(2)) << wrong(2, 0)
    script << Warn("lost the connection to peer 2, which has told 1 of 1 pieces")
    assert script << sends(3, Request(0))
    assert not script.peer.state.own.count
    assert script >> delivers(3, 0) << ...
    assert script.peer.state.own.complete


def test_wrong_content_that_crossed_a_choke() -> None:
    """The piece is free again also where another's copy was skipped for the sake of the wrong one (spec 6.5, 9.3)."""
    script = leecher((0,), (0,), pieces=1)
    script >> says(2, UNCHOKE) << sends(2, Request(0))
    script >> says(3, UNCHOKE)
    script >> says(2, CHOKE) << sends(3, Request(0))
    script >> offers(2, 0) << accepts(2, 0)
    script >> delivers_in_vain(3, 0)
    script >> in_one_turn(is_wrong(2, 0), is_lost(2)) << wrong(2, 0)
    script << Warn("lost the connection to peer 2, which has told 1 of 1 pieces")
    assert script << sends(3, Request(0))


def test_the_only_source_is_wrong() -> None:
    """60 s after all sources of a piece sent it wrong, however often they came back, status 3 says whose and how many (spec 7.3, 9.3)."""
    script = leecher((0,), pieces=1)
    for pause in (1, 2, 4, 8, 16):
        script >> says(2, UNCHOKE) << sends(2, Request(0))
        script >> offers(2, 0) << accepts(2, 0)
        script >> in_one_turn(is_wrong(2, 0), is_lost(2)) << wrong(2, 0) << ...
        assert script >> After(pause) >> connects(2) << ... >> has(2, 0) << ...
    text = (
        "missing: 2 (it told 1 of 1 pieces, and sent wrong content for 1 that are missing here);"
        " 1 of 1 pieces are with nobody who is connected"
    )
    assert script >> After(60 - 31) >> fires(Timer.MISSING) << Finish(3, text)


def test_who_sends_it_right_in_the_end_is_forgiven() -> None:
    """A source that was wrong once, and is right when asked again, is one like any other (spec 9.3)."""
    script = leecher((0,), pieces=1)
    script >> says(2, UNCHOKE) << ... >> offers(2, 0) << ...
    script >> in_one_turn(is_wrong(2, 0), is_lost(2)) << ... >> connects(2) << ...
    script >> says(2, ALL) << ...
    script >> says(2, UNCHOKE) << sends(2, Request(0))
    assert script >> delivers(2, 0) << ...
    assert not script.peer.state.wrong[2]
    assert script.peer.ending.finished


def test_what_was_not_being_received_can_not_be_wrong() -> None:
    """That a piece is wrong which nobody was sending is a bug of ours, told loudly."""
    with pytest.raises(LocalProtocolError, match="was not being received"):
        assert leecher((0,), pieces=1) >> is_wrong(2, 0)


def test_the_trace_tells_it() -> None:
    """Wrong content has a record of its own, before what follows from it (docs/trace.md)."""
    peer = peer_of(swarm(False, True, pieces=1), 1, tracing=True)
    script = Script(peer, hide=(SetTimer, Log))
    assert script >> connects(2) << ... >> has(2, 0) << ... >> says(2, UNCHOKE) << ...
    script >> offers(2, 0) << accepts(2, 0)
    script >> is_wrong(2, 0) << Note("rejected", {"neighbor": 2, "piece": 0}) << wrong(2, 0) << ...
    assert script
    assert peer.downloads.rejected_pieces == 1

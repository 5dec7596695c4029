"""The end: when, with what status, and what must have been told before (spec 7)."""

from __future__ import annotations

import math

import pytest

from core.interface.effects import CloseConnection, Dial, Effect, Finish, Log, Send, SetTimer, Warn
from core.interface.events import (
    DialRefused,
    LocalFailure,
    PieceSent,
    Started,
    StopRequested,
    StreamEnded,
    Timer,
    TurnEnded,
)
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
    NONE,
    After,
    Script,
    accepts,
    answers,
    connects,
    delivers,
    delivers_in_vain,
    fires,
    has,
    is_kept,
    is_lost,
    logs,
    offers,
    peer_of,
    says,
    sends,
    swarm,
    tells_all,
)

MISSING, ANNOUNCING = fires(Timer.MISSING), fires(Timer.ANNOUNCING)
COMPLETE = Finish(0, "all complete")


def missing(*told: tuple[int, int | None], lacking: int = 0) -> Finish:
    """The end with status 3: who is missing with how many pieces it told, and what nobody has."""
    names = [
        f"{name} (never connected)" if count is None else f"{name} (it told {count} of 4 pieces)"
        for name, count in told
    ]
    rest = f"; {lacking} of 4 pieces are with nobody who is connected" if lacking else ""
    return Finish(3, f"missing: {', '.join(names)}{rest}")


def only_the_end(*seeds: bool, me: int = 1, wait: float | None = None) -> Script:
    """A started peer of which only dials, timers, and the end are shown."""
    peer = peer_of(swarm(*seeds), me, wait=wait)
    script = Script(peer, hide=(Log, Send))
    assert script >> Started() << ...
    return script


def becomes_complete(script: Script) -> list[Effect]:
    """Peer 2 serves all pieces to the peer under test; what the last one leads to."""
    peer, now = script.peer, script.now
    peer.handle(says(2, ALL), now)
    peer.handle(says(2, UNCHOKE), now)
    orders = peer.handle(TurnEnded(), now)
    while asked := [o.message for o in orders if isinstance(o, Send) and _is_request(o)]:
        assert isinstance(asked[0], Request)
        assert peer.handle(offers(2, asked[0].piece), now) == [accepts(2, asked[0].piece)]
        arrived = peer.handle(is_kept(2, asked[0].piece), now)
        orders = peer.handle(TurnEnded(), now)
    return [*arrived, *orders]


def _is_request(order: Send) -> bool:
    return isinstance(order.message, Request)


# All complete (spec 7.1, 7.2).


def test_one_seed_alone() -> None:
    """A seed that is alone in its swarm ends at once (spec 7.1, 1.5)."""
    script = Script(peer_of(swarm(True), 1))
    assert script >> Started() << SetTimer(Timer.RESELECTION, 5.0) << COMPLETE


def test_seeds_only_end_when_all_told_it() -> None:
    """Completeness is known from bitfields and haves, never from configuration alone (spec 7.1)."""
    script = only_the_end(True, True, True)
    script >> connects(2) << ...
    script >> connects(3)
    script >> says(2, ALL)
    assert script >> says(3, ALL) << COMPLETE


def test_completeness_by_haves() -> None:
    """The last have of the last leecher ends a seed (spec 7.1)."""
    script = only_the_end(True, False)
    script >> connects(2) << ...
    script >> says(2, NONE)
    script >> has(2, 3, 1, 0)
    assert script >> has(2, 2) << COMPLETE


def test_a_leecher_ends_with_its_last_piece() -> None:
    """A leecher whose neighbors are complete ends after its last piece was announced (spec 7.1, 7.2)."""
    script = Script(peer_of(swarm(False, True, pieces=1), 1), hide=(SetTimer, Log))
    script >> connects(2) << ...
    script >> says(2, Bitfield(b"\1")) << sends(2, INTERESTED)
    script >> says(2, UNCHOKE) << sends(2, Request(0))
    script >> delivers(2, 0) << ... << tells_all(Have(0)) << sends(2, NOT_INTERESTED) << COMPLETE
    assert script


def test_what_was_known_stands_after_an_orderly_end() -> None:
    """A neighbor that was complete when its connection ended still counts as complete (spec 7.1, 2.7)."""
    script = only_the_end(True, False, False)
    script >> connects(2) << ... >> connects(3) << ...
    script >> says(2, ALL)
    script >> StreamEnded(2) << CloseConnection(2, flush=True)
    script >> is_lost(2)
    assert script >> says(3, ALL) << COMPLETE


def test_a_new_handshake_replaces_what_was_known() -> None:
    """From the handshake of a new connection on only what it tells counts (spec 2.7, 7.1)."""
    script = only_the_end(True, False, False)
    script >> connects(2) << ... >> connects(3) << ...
    script >> says(2, ALL)
    script >> is_lost(2) << ... >> connects(2) << ...
    script >> says(3, ALL)
    script >> says(2, Bitfield(b"\1\1\1\0"))
    assert script >> has(2, 3) << COMPLETE


def test_an_untold_successor_is_awaited_for_5_s() -> None:
    """Who lost the connection before it was told our last piece is awaited, for 5 s at most (spec 7.2)."""
    script = only_the_end(False, True, True)
    assert script >> connects(2) << ... >> connects(3) << ... >> says(3, ALL) >> is_lost(3) << ...
    assert becomes_complete(script)[-1] == SetTimer(Timer.ANNOUNCING, 5.0)
    assert script >> After(5.0) >> ANNOUNCING << COMPLETE


def test_telling_is_timed_from_the_last_piece() -> None:
    """The 5 s begin when everything else is done, and an earlier alarm doesn't end them (spec 7.2)."""
    script = only_the_end(True, False, False)
    script >> connects(2) << ... >> connects(3) << ...
    script >> says(2, ALL)
    script >> is_lost(2) << ...  # told in the bitfield, but it isn't certain that it arrived
    script >> After(10.0) >> ANNOUNCING
    script >> says(3, ALL) << SetTimer(Timer.ANNOUNCING, 15.0)
    assert script >> After(5.0) >> ANNOUNCING << COMPLETE


def test_an_untold_predecessor_is_dialled_once_more() -> None:
    """The dialling side dials once more, and ends when the new connection carried its bitfield (spec 7.2)."""
    script = only_the_end(True, True, True, me=3)
    script >> answers(1) << ... >> answers(2) << ...
    script >> says(1, ALL)
    script >> is_lost(1) << Dial(1)
    script >> says(2, ALL) << Dial(1) << SetTimer(Timer.ANNOUNCING, 5.0)
    script >> answers(1) << ...
    assert script >> says(1, ALL) << COMPLETE


def test_a_refused_dial_ends_the_telling() -> None:
    """Whoever refuses the dial can't be told any more: the peer ends (spec 7.2)."""
    script = only_the_end(True, True, True, me=3)
    script >> answers(1) << ... >> answers(2) << ...
    script >> DialRefused(1)  # before the telling it means nothing
    script >> says(1, ALL)
    script >> is_lost(1) << Dial(1)
    script >> says(2, ALL) << ...
    assert script >> DialRefused(1) << COMPLETE


def test_after_the_end_nothing_is_decided_but_all_is_logged() -> None:
    """Decisions stop with the end; what neighbors still say is logged until end of stream (spec 7.2)."""
    script = Script(peer_of(swarm(True, False), 1), hide=(SetTimer,))
    script >> Started()
    script >> connects(2) << ...
    script >> says(2, ALL) << sends(2, NOT_INTERESTED) << COMPLETE
    script >> says(2, INTERESTED) << logs("received_interested", neighbor=2)
    script >> says(2, NOT_INTERESTED) << logs("received_not_interested", neighbor=2)
    script >> says(2, CHOKE) << logs("choked", neighbor=2)
    script >> says(2, UNCHOKE) << logs("unchoked", neighbor=2)
    script >> has(2, 1, 2) << logs("received_have", neighbor=2, pieces=[1, 2])
    script >> says(2, Request(1))
    script >> says(2, ALL)
    script >> delivers_in_vain(2, 1)
    script >> PieceSent(2)
    script >> After(100.0) >> fires(Timer.RESELECTION)
    script >> MISSING
    script >> StopRequested(130, "interrupted")
    assert script >> is_lost(2)


# Somebody is missing (spec 7.3).


def test_nobody_ever_came() -> None:
    """After 600 s without anybody the peer ends with status 3 and names who is missing (spec 7.3)."""
    script = Script(peer_of(swarm(True, False, False), 2))
    script >> After(7.0) >> Started() << SetTimer(Timer.RESELECTION, 12.0) << Dial(1)
    script << SetTimer(Timer.MISSING, 607.0) << SetTimer(Timer.WAITING, 67.0)
    script >> After(599.0) >> MISSING
    assert script >> After(1.0) >> MISSING << missing((1, None), (3, None), lacking=4)


def test_a_lost_one_is_awaited_60_s() -> None:
    """Who was connected before is awaited 60 s, once everybody who is here is complete (spec 7.3)."""
    script = only_the_end(True, False, False)
    script >> connects(2) << SetTimer(Timer.MISSING, None)
    script >> connects(3)
    script >> says(2, NONE)
    script >> says(3, NONE)
    script >> After(100.0) >> is_lost(2)  # 3 has something left to do
    script >> After(100.0) >> has(3, 0, 1, 2, 3) << SetTimer(Timer.MISSING, 260.0)
    assert script >> After(60.0) >> MISSING << missing((2, 0))


def test_a_neighbor_that_does_not_complete_is_awaited_without_limit() -> None:
    """As long as somebody connected lacks a piece no clock runs (spec 7.3)."""
    script = only_the_end(True, False, False)
    script >> connects(2) << ...
    script >> says(2, NONE)
    script >> After(10_000.0) >> MISSING
    assert script >> has(2, 0)


def test_what_nobody_here_has_is_awaited_60_s() -> None:
    """Where the only seed is lost, and nobody connected has some piece, the clock runs as well (spec 7.3)."""
    script = only_the_end(False, True, False)
    script >> connects(2) << ...
    script >> says(2, ALL) << SetTimer(Timer.MISSING, None)
    script >> connects(3)
    script >> says(3, NONE)
    script >> After(100.0) >> has(3, 0, 1)
    script >> is_lost(2) << Warn("lost the connection to peer 2, which has told 4 of 4 pieces")
    script << SetTimer(Timer.MISSING, 160.0)
    assert script >> After(60.0) >> MISSING << missing((2, 4), lacking=2)


def test_what_others_have_is_awaited_without_limit() -> None:
    """As long as all pieces are with those who are here, whoever else is missing, no clock runs (spec 7.3)."""
    script = only_the_end(False, True, False, False)
    script >> connects(2) << ... >> connects(3) << ... >> connects(4) << ...
    script >> says(2, ALL) << ...
    script >> has(3, 0, 1)
    script >> has(4, 2, 3)
    script >> is_lost(2)
    script >> After(10_000.0) >> MISSING
    assert script >> is_lost(4) << SetTimer(Timer.MISSING, 10_060.0)


def test_news_reset_the_clock() -> None:
    """A have that is news sets the clock back, for a neighbor may be fed by a peer we don't see (spec 7.3)."""
    script = only_the_end(False, True, False)
    script >> connects(2) << ...
    script >> says(2, ALL) << SetTimer(Timer.MISSING, None)
    script >> connects(3)
    script >> has(3, 0)
    script >> is_lost(2) << SetTimer(Timer.MISSING, 60.0)
    script >> After(50.0) >> has(3, 1) << SetTimer(Timer.MISSING, 110.0)
    script >> After(20.0) >> has(3, 0, 1)  # no news
    script >> After(30.0) >> has(3, 2) << SetTimer(Timer.MISSING, 160.0)
    assert script >> has(3, 3) << SetTimer(Timer.MISSING, None)


def test_who_may_bring_pieces_is_awaited_longest() -> None:
    """Of those who may bring what nobody has one is enough: a seed still to come gets its 600 s (spec 7.3)."""
    script = only_the_end(False, True, False, False)
    script >> connects(3)
    script >> has(3, 0)
    script >> connects(4)
    script >> has(4, 0)
    script >> After(10.0) >> is_lost(4)
    assert script >> After(590.0) >> MISSING << missing((2, None), (4, 1), lacking=3)
    script = only_the_end(False, True, False, False)
    script >> connects(2) << ...
    script >> says(2, ALL) << SetTimer(Timer.MISSING, None)
    script >> connects(3)
    script >> has(3, 0)
    # 4 was never there, and has nothing to bring
    assert script >> is_lost(2) << SetTimer(Timer.MISSING, 60.0)


def test_pieces_told_reset_the_clock() -> None:
    """A handshake that leads to a bitfield or have resets the clock (spec 7.3)."""
    script = only_the_end(True, False)
    script >> connects(2) << ...
    script >> says(2, NONE)
    script >> is_lost(2) << SetTimer(Timer.MISSING, 60.0)
    script >> After(50.0) >> connects(2) << SetTimer(Timer.MISSING, None)
    script >> has(2, 1)
    script >> is_lost(2) << SetTimer(Timer.MISSING, 110.0)
    assert script >> After(60.0) >> MISSING << missing((2, 1))


def test_a_handshake_alone_does_not_reset_the_clock() -> None:
    """A connection that tells nothing, such as one that ends in a protocol error, leaves the clock (spec 7.3)."""
    script = only_the_end(True, False)
    script >> connects(2) << ...
    script >> says(2, NONE)
    script >> is_lost(2) << SetTimer(Timer.MISSING, 60.0)
    script >> After(50.0) >> connects(2) << SetTimer(Timer.MISSING, None)
    script >> says(2, INTERESTED)
    script >> is_lost(2) << SetTimer(Timer.MISSING, 60.0)
    assert script >> After(10.0) >> MISSING << missing((2, 0))


def test_who_comes_late_and_is_lost_at_once_is_awaited() -> None:
    """The 60 s for somebody who was here run from the first time it was, however long one waited (spec 7.3)."""
    script = only_the_end(True, False)
    script >> After(100.0) >> connects(2) << SetTimer(Timer.MISSING, None)
    assert script >> is_lost(2) << SetTimer(Timer.MISSING, 160.0)


def test_an_unseen_one_beside_complete_ones() -> None:
    """Somebody never seen is awaited 600 s from the moment that nobody else has anything left to do (spec 7.3)."""
    script = only_the_end(True, True, False)
    script >> After(100.0) >> connects(2) << SetTimer(Timer.MISSING, None)
    script >> says(2, ALL) << SetTimer(Timer.MISSING, 700.0)
    assert script >> After(600.0) >> MISSING << missing((3, None))


@pytest.mark.parametrize("wait", [0.0, 2.5, math.inf])
def test_wait_sets_both(wait: float) -> None:
    """`--wait` sets both waits: 0 ends at once, infinity never (spec 7.3)."""
    script = Script(peer_of(swarm(True, False), 1, wait=wait))
    started: list[Effect] = [SetTimer(Timer.RESELECTION, 5.0)]
    if wait == 0:
        started.append(missing((2, None)))
    elif wait < math.inf:
        started.append(SetTimer(Timer.MISSING, wait))
    if wait > 0:
        started.append(SetTimer(Timer.WAITING, 60.0))
    script >> Started()
    for order in started:
        script << order
    assert script
    if wait == 2.5:
        assert script >> After(2.5) >> MISSING << missing((2, None))


# Failures and signals (spec 7.4).


def test_a_failed_peer_serves_until_all_are_complete() -> None:
    """After its storage failed a peer stays until all who are here are complete, and ends with status 4 (spec 7.4)."""
    script = only_the_end(True, False, False)
    script >> connects(2) << ... >> connects(3) << ...
    script >> says(2, NONE)
    script >> says(3, NONE)
    script >> LocalFailure("disk full") << SetTimer(Timer.MISSING, 60.0)
    script >> LocalFailure("log full")
    script >> After(1.0) >> has(2, 0, 1, 2, 3) << SetTimer(Timer.MISSING, 61.0)
    assert script >> has(3, 0, 1, 2, 3) << Finish(4, "disk full")


def test_a_failed_peer_ends_when_the_others_are_gone() -> None:
    """A failed peer ends when those who lacked something are gone, and at once where nobody is (spec 7.4)."""
    script = only_the_end(True, False)
    script >> connects(2) << ... >> LocalFailure("disk full") << ...
    assert script >> is_lost(2) << Finish(4, "disk full")
    assert only_the_end(False, True) >> LocalFailure("disk full") << Finish(4, "disk full")


def test_failed_peers_do_not_wait_for_each_other() -> None:
    """A failed peer stays only while something moves: the clock of spec 7.3 runs from the last piece (spec 7.4)."""
    script = only_the_end(False, True, False, wait=5.0)
    script >> connects(3) << ... >> has(3, 0) << ...
    script >> After(10.0) >> LocalFailure("disk full") << SetTimer(Timer.MISSING, 15.0)
    script >> After(4.0) >> has(3, 1) << SetTimer(Timer.MISSING, 19.0)
    script >> has(3, 1)
    assert script >> After(5.0) >> MISSING << Finish(4, "disk full")


def test_a_peer_that_can_not_serve_ends() -> None:
    """A peer whose file can't be read any more is of no use to anybody: it ends at once, with status 4 (spec 7.4)."""
    cut = LocalFailure("the file was cut", serves=False)
    script = only_the_end(True, False)
    script >> connects(2) << ...
    script >> says(2, NONE)
    assert script >> cut << Finish(4, "the file was cut")
    script = only_the_end(False, True)
    script >> connects(2) << ... >> LocalFailure("disk full") << ...
    assert script >> cut << Finish(4, "disk full")


def test_a_stop_is_obeyed_at_once() -> None:
    """Whoever stops a peer ends it in order, with the status that was asked for (spec 7.4)."""
    script = only_the_end(False, True)
    script >> connects(2) << ...
    script >> StopRequested(130, "interrupted") << Finish(130, "interrupted")
    assert script >> StopRequested(143, "terminated")

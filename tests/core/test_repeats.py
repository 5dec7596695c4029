"""Messages that change nothing: harmless, logged, and too many of them end the connection (spec 3.4, 3.5)."""

from __future__ import annotations

import pytest

from core.interface.effects import Effect, Log, Punish, SetTimer, Warn
from core.interface.events import (
    Event,
    HavesReceived,
    PieceSkipped,
    Started,
    StopRequested,
    Timer,
    TurnEnded,
    UnknownReceived,
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
from core.peer import Peer
from tests.kit.script import (
    After,
    Script,
    accepts,
    connects,
    delivers,
    fires,
    has,
    is_kept,
    is_lost,
    offers,
    passes_by,
    peer_of,
    says,
    skips,
    swarm,
)

LIMIT = 1000 + 10 * 4
RESELECT = fires(Timer.RESELECTION)


def leecher() -> Script:
    """Peer 1 has nothing; neighbor 2 has told piece 0, that it is interested, and has been unchoked."""
    script = Script(peer_of(swarm(False, True, p=5.0, m=500.0), 1), hide=(SetTimer,))
    script >> Started() >> connects(2) << ... >> says(2, Bitfield(b"\1\0\0\0")) << ...
    script >> says(2, INTERESTED) << ... >> After(5.0) >> RESELECT << ...
    assert script
    return script


def punished(orders: list[Effect]) -> list[Punish]:
    return [order for order in orders if isinstance(order, Punish)]


def play(peer: Peer, events: list[Event], now: float) -> list[Effect]:
    orders = [order for event in events for order in peer.handle(event, now)]
    return orders + peer.handle(TurnEnded(), now)


KINDS: dict[str, tuple[Event, ...]] = {
    "haves": (has(2, 0),),
    "haves in runs": (has(2, 0, 0, 0, 0),),
    "bitfields": (says(2, Bitfield(b"\1\0\0\0")),),
    "empty bitfields": (says(2, Bitfield(b"")),),
    "interested": (says(2, INTERESTED),),
    "requests for what isn't here": (says(2, Request(3)),),
    "unknown types": (UnknownReceived(2),),
    "pieces that weren't asked for": (PieceSkipped(2, 1),),
    "of all kinds": (has(2, 0), says(2, INTERESTED), UnknownReceived(2), says(2, Request(3))),
}


@pytest.mark.parametrize("name", KINDS)
def test_what_changes_nothing_is_borne_up_to_the_limit(name: str) -> None:
    """1,000 and ten for each piece are borne, the next is a protocol error, told once (spec 3.5)."""
    script, kinds = leecher(), KINDS[name]
    each = len(kinds[0].pieces) if isinstance(kinds[0], HavesReceived) else 1
    assert LIMIT % (len(kinds) * each) == 0
    events = [*kinds] * (LIMIT // (len(kinds) * each))
    assert punished(play(script.peer, events, script.now)) == []
    (order,) = punished(play(script.peer, [*kinds, *kinds], script.now))
    assert order.neighbor == 2
    assert order.reason.startswith(f"more than {LIMIT} messages that change nothing, at last ")


@pytest.mark.parametrize(
    ("first", "second"), [(INTERESTED, NOT_INTERESTED), (UNCHOKE, CHOKE), (CHOKE, CHOKE)]
)
def test_to_and_fro_changes_nothing_either(first: object, second: object) -> None:
    """A word and its contrary, again and again with nothing to cause it, count like repeats (spec 3.5)."""
    script = leecher()
    events = [says(2, first), says(2, second)] * (LIMIT // 2 + 4)  # type: ignore[arg-type]  # messages
    assert len(punished(play(script.peer, events, script.now))) == 1


def test_each_message_that_counts_is_logged_until_then() -> None:
    """What changes nothing is logged as received, also the one that is too much (spec 3.4, 8.1)."""
    script = leecher()
    orders = play(script.peer, [says(2, INTERESTED)] * (LIMIT + 1), script.now)
    lines = [order for order in orders if isinstance(order, Log)]
    assert len(lines) == LIMIT + 1
    assert isinstance(orders[-1], Punish)


def test_what_changes_something_does_not_count() -> None:
    """Haves, interest, chokes and requests of a swarm that runs for long never add up (spec 3.5)."""
    pieces = 400
    peer = peer_of(swarm(False, True, pieces=pieces, p=1.0, m=3.0), 1)
    now = 0.0
    play(peer, [Started(), connects(2), says(2, Bitfield(b""))], now)
    for piece in range(pieces):
        for _ in range(
            20
        ):  # 20 s a piece: unchoked and choked each second, with a request that crosses
            now += 1.0
            play(peer, [RESELECT, says(2, UNCHOKE)], now)
            play(peer, [says(2, CHOKE)], now + 0.5)
        play(peer, [has(2, piece), says(2, UNCHOKE)], now)
        assert peer.handle(offers(2, piece), now) == [accepts(2, piece)]
        play(peer, [is_kept(2, piece), says(2, INTERESTED)], now)
        play(peer, [says(2, NOT_INTERESTED), says(2, CHOKE)], now)
    assert peer.state.neighbors[2].idle_messages < pieces + 10


def test_a_request_that_our_choke_crossed_does_not_count() -> None:
    """One request after each choke of ours was sent in good faith; the next aren't (spec 6.4, 3.5)."""
    script = leecher()
    script >> says(2, Bitfield(b"")) << ... >> says(2, NOT_INTERESTED) << ...
    assert script >> After(5.0) >> RESELECT << ...
    before = script.peer.state.neighbors[2].idle_messages
    for number in range(3):
        assert script >> says(2, Request(0))
        assert script.peer.state.neighbors[2].idle_messages == before + number


def test_a_piece_that_was_asked_for_earlier_does_not_count() -> None:
    """A piece that crossed a choke may be late for keeping, but it was asked for (spec 6.4, 6.5)."""
    script = Script(peer_of(swarm(False, True, True), 1), hide=(SetTimer, Log))
    script >> Started()
    for neighbor in (2, 3):
        script >> connects(neighbor) << ... >> has(neighbor, 0) << ...
    script >> says(2, UNCHOKE) << ... >> says(2, CHOKE) >> says(3, UNCHOKE) << ...
    script >> delivers(3, 0) << ...
    assert script
    assert script >> offers(2, 0) << skips(2, 0)
    assert script >> passes_by(2, 0)
    assert script.peer.state.neighbors[2].idle_messages == 0


def test_a_new_connection_starts_at_nothing() -> None:
    """What is counted is one connection's (spec 2.7, 3.5)."""
    script = leecher()
    play(script.peer, [has(2, 0)] * LIMIT, script.now)
    play(script.peer, [is_lost(2), connects(2), has(2, 0)], script.now)
    assert punished(play(script.peer, [has(2, 0)] * LIMIT, script.now)) == []
    assert len(punished(play(script.peer, [has(2, 0)], script.now))) == 1


def test_after_our_end_everything_counts() -> None:
    """A neighbor that goes on talking while we flush and drain is heard, but not without end (spec 7.2, 3.5)."""
    script = leecher()
    assert script >> StopRequested(143, "terminated") << ...
    events = [says(2, CHOKE), says(2, UNCHOKE)] * (LIMIT // 2)
    assert punished(play(script.peer, events, script.now)) == []
    assert len(punished(play(script.peer, [says(2, Have(3))], script.now))) == 1


def test_people_are_told_once_of_requests_for_what_is_not_here() -> None:
    """The first request for a piece that isn't here is told, further ones only add up (spec 4.9)."""
    script = leecher()
    orders = play(script.peer, [says(2, Request(piece)) for piece in (1, 2, 3, 1)], script.now)
    (warning,) = [order for order in orders if isinstance(order, Warn)]
    assert "for piece 1" in warning.text

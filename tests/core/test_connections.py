"""What a connection stands for: its beginning, its loss, and tolerance (spec 2.7, 2.8, 3.3, 3.4, 3.6, 8.3)."""

from __future__ import annotations

import pytest

from core.errors import LocalProtocolError, RemoteProtocolError
from core.interface.effects import CloseConnection, Dial, Effect, Log, SetTimer
from core.interface.events import Event, MessageReceived, PieceSent, Started, StreamEnded
from core.interface.messages import (
    CHOKE,
    INTERESTED,
    NOT_INTERESTED,
    UNCHOKE,
    Bitfield,
    Have,
    Piece,
    Request,
)
from core.interface.words import LogEvent
from tests.kit.script import (
    ALL,
    NONE,
    Script,
    accepts,
    answers,
    connects,
    delivers,
    delivers_in_vain,
    has,
    is_kept,
    is_lost,
    learnt,
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


def leecher(*seeds: bool) -> Script:
    """Peer 1 without the file, peers 2, 3, … as given; nothing has happened."""
    return Script(peer_of(swarm(False, *(seeds or (True,))), 1), hide=(SetTimer,))


def test_the_start_dials_predecessors_only() -> None:
    """A peer that starts dials every peer listed before it, and no other (spec 2.1)."""
    script = Script(peer_of(swarm(True, False, False, False), 3), hide=(SetTimer,))
    assert script >> Started() << Dial(1) << Dial(2)


@pytest.mark.parametrize(
    ("event", "line"), [(connects(2), "was_connected"), (answers(2), "made_connection")]
)
def test_line_then_bitfield(event: Event, line: LogEvent) -> None:
    """An accepted handshake is logged before anything else, and in the same step the bitfield is queued (spec 8.3)."""
    assert leecher() >> event << logs(line, neighbor=2) << sends(2, NONE)


def test_the_bitfield_is_what_is_there_at_that_moment() -> None:
    """The bitfield has the pieces that are complete when it is queued, those completed later are told by have (spec 8.3)."""
    script = leecher(True, False)
    script >> connects(2) << ... >> has(2, 1) << ...
    script >> says(2, UNCHOKE) << ... << sends(2, Request(1))
    script >> delivers(2, 1) << logs("downloaded_piece", piece=1, neighbor=2, count=1)
    script << tells_all(Have(1)) << sends(2, NOT_INTERESTED)
    script >> connects(3) << logs("was_connected", neighbor=3) << sends(3, Bitfield(b"\0\1\0\0"))
    assert script


def test_an_all_zero_bitfield_is_sent_and_a_full_one() -> None:
    """A bitfield is always sent, also when it is all zero (spec 3.3)."""
    assert leecher() >> connects(2) << ... << sends(2, NONE)
    seed = Script(peer_of(swarm(True, False), 1), hide=(SetTimer,))
    assert seed >> connects(2) << ... << sends(2, ALL)


def test_every_connection_starts_afresh() -> None:
    """A new connection starts choked, not interested, nothing told and nothing known, whatever was before (spec 2.7)."""
    script = leecher()
    life: list[tuple[Event, list[Effect]]] = [
        (connects(2), [logs("was_connected", neighbor=2), sends(2, NONE)]),
        (says(2, ALL), [sends(2, INTERESTED)]),
        (says(2, INTERESTED), [logs("received_interested", neighbor=2)]),
    ]
    for _ in range(3):
        for event, orders in life:
            script >> event
            for order in orders:
                script << order
        script >> says(2, UNCHOKE) << ... << sends(2, Request(unknown()))
        script >> says(2, Request(0)) << ...  # dropped: we choke it and lack the piece
        script >> is_lost(2)
    assert script


def test_what_was_known_is_forgotten() -> None:
    """The neighbor's pieces of an earlier connection aren't known on the next one: nothing is asked for (spec 2.7)."""
    script = leecher()
    script >> connects(2) << ...
    script >> says(2, ALL) << sends(2, INTERESTED)
    script >> is_lost(2)
    script >> connects(2) << ...
    script >> says(2, UNCHOKE) << logs("unchoked", neighbor=2)
    assert script >> says(2, Bitfield(b"")) << sends(2, NOT_INTERESTED)


def test_a_lost_connection_frees_its_request() -> None:
    """The request open on a lost connection is freed, and whoever is unchoked and idle is asked at once (spec 2.8, 6.3)."""
    script = leecher(True, True)
    script >> connects(2) << ... >> connects(3) << ... >> has(2, 1) << ...
    script >> has(3, 1) << ...
    script >> says(2, UNCHOKE) << ... << sends(2, Request(1))
    script >> says(3, UNCHOKE) << logs("unchoked", neighbor=3)
    assert script >> is_lost(2) << sends(3, Request(1))


def test_a_predecessor_that_is_lost_is_dialled_again() -> None:
    """A connection that is lost is dialled again by the same side as before, and by no other (spec 2.5)."""
    script = Script(peer_of(swarm(True, False, False), 2), hide=(SetTimer, Log))
    script >> Started() << Dial(1)
    script >> answers(1) << ... >> connects(3) << ...
    script >> is_lost(3)
    assert script >> is_lost(1) << Dial(1)


# Tolerance (spec 3.4).


@pytest.mark.parametrize("flags", [b"", bytes(4)], ids=["no bytes", "all zero"])
def test_a_bitfield_that_has_nothing(flags: bytes) -> None:
    """An all-zero bitfield and one with no bytes at all both mean: has nothing (spec 3.4)."""
    assert leecher() >> connects(2) << ... >> says(2, Bitfield(flags)) << sends(2, NOT_INTERESTED)


def test_late_and_second_bitfields_are_merged() -> None:
    """A bitfield after other messages or a second one is merged: a piece once known stays known (spec 3.4)."""
    script = leecher()
    script >> connects(2) << ... >> says(2, INTERESTED) << ...
    script >> has(2, 0) << logs("received_have", neighbor=2, pieces=[0]) << sends(2, INTERESTED)
    script >> says(2, Bitfield(b"\0\1\0\0"))
    script >> says(2, Bitfield(b"\0\0\0\0"))
    script >> says(2, Bitfield(b""))
    assert script >> says(2, Bitfield(b"\0\0\1\0"))
    piece = unknown()
    assert script >> says(2, UNCHOKE) << ... << sends(2, Request(piece))
    asked = [learnt(piece)]
    for _ in range(2):
        piece = unknown()
        assert script >> offers(2, asked[-1]) << accepts(2, asked[-1])
        assert script >> is_kept(2, asked[-1]) << ... << sends(2, Request(piece))
        asked.append(learnt(piece))
    assert sorted(asked) == [0, 1, 2]


def test_a_have_before_the_bitfield() -> None:
    """A have before the bitfield counts; being of no use, it leaves the bitfield to be answered (spec 3.4, 5.1)."""
    seed = Script(peer_of(swarm(True, False), 1), hide=(SetTimer,))
    seed >> connects(2) << ...
    seed >> has(2, 3) << logs("received_have", neighbor=2, pieces=[3])
    assert seed >> says(2, NONE) << sends(2, NOT_INTERESTED)


def test_repeated_messages_change_nothing_but_are_logged() -> None:
    """Repeated choke, unchoke, interested, not interested and have are logged as received and change nothing (spec 3.4)."""
    script = leecher()
    script >> connects(2) << ...
    script >> says(2, CHOKE) << logs("choked", neighbor=2)
    script >> has(2, 1) << logs("received_have", neighbor=2, pieces=[1]) << sends(2, INTERESTED)
    script >> has(2, 1, 1) << logs("received_have", neighbor=2, pieces=[1, 1])
    script >> says(2, UNCHOKE) << logs("unchoked", neighbor=2) << sends(2, Request(1))
    script >> says(2, UNCHOKE) << logs("unchoked", neighbor=2)
    script >> says(2, NOT_INTERESTED) << logs("received_not_interested", neighbor=2)
    script >> says(2, NOT_INTERESTED) << logs("received_not_interested", neighbor=2)
    script >> says(2, INTERESTED) << logs("received_interested", neighbor=2)
    script >> says(2, INTERESTED) << logs("received_interested", neighbor=2)
    script >> delivers(2, 1) << logs("downloaded_piece", piece=1, neighbor=2, count=1)
    script << tells_all(Have(1)) << sends(2, NOT_INTERESTED)
    assert script >> has(2, 1) << logs("received_have", neighbor=2, pieces=[1])


def test_a_piece_that_was_not_asked_for() -> None:
    """A piece that was not asked for is skipped: neither logged, nor announced, nor the end of a connection (spec 3.4, 6.5)."""
    script = leecher()
    script >> connects(2) << ...
    script >> says(2, ALL) << sends(2, INTERESTED)
    assert script >> delivers_in_vain(2, 0)


# Ends of streams (spec 3.6).


def test_end_of_stream_when_both_are_complete() -> None:
    """Once both ends are complete an end of stream is the normal end: flushed, closed; and dialled again, since others still load (spec 3.6, 7.2)."""
    script = Script(peer_of(swarm(True, True, False), 2), hide=(SetTimer, Log))
    script >> Started() << Dial(1)
    script >> answers(1) << sends(1, ALL)
    script >> says(1, ALL) << sends(1, NOT_INTERESTED)
    script >> StreamEnded(1) << CloseConnection(1, flush=True)
    assert script >> is_lost(1) << Dial(1)


def test_end_of_stream_before_that_is_a_loss() -> None:
    """An end of stream while somebody lacks something is a loss, which is dialled again (spec 3.6, 2.5)."""
    script = Script(peer_of(swarm(True, True, False), 2), hide=(SetTimer, Log))
    script >> Started() << Dial(1)
    script >> answers(1) << ...
    script >> has(1, 0, 1, 2)
    script >> StreamEnded(1) << CloseConnection(1, flush=False)
    assert script >> is_lost(1) << Dial(1)


def test_a_last_have_before_the_end_counts() -> None:
    """The last haves of a program that then closes abruptly still make its end a normal one (spec 3.6)."""
    script = Script(peer_of(swarm(True, True, False), 2), hide=(SetTimer, Log))
    script >> Started() << ... >> answers(1) << ...
    script >> has(1, 0, 1, 2)
    script >> has(1, 3)
    assert script >> StreamEnded(1) << CloseConnection(1, flush=True)


# Facts that can't be.


@pytest.mark.parametrize(
    "event",
    [
        says(3, UNCHOKE),
        has(3, 1),
        is_kept(3, 1),
        passes_by(3, 1),
        PieceSent(3),
        StreamEnded(3),
        is_lost(3),
        connects(2),
        is_kept(2, 0),
        says(2, Piece(0, b"")),
    ],
    ids=str,
)
def test_facts_that_can_not_be(event: Event) -> None:
    """A fact about nobody, or one that can't be, is a bug of ours and raises (design 5.5)."""
    script = leecher(True, True)
    assert script >> connects(2) << ...
    with pytest.raises(LocalProtocolError):
        script.peer.handle(event, 1.0)


def test_a_have_as_a_message_is_a_bug() -> None:
    """Haves come as runs, so that one that comes as a message is a bug of ours (design 5.5)."""
    script = leecher()
    assert script >> connects(2) << ...
    with pytest.raises(LocalProtocolError, match="HavesReceived"):
        script.peer.handle(MessageReceived(2, Have(0)), 1.0)


def test_remote_errors_carry_facts() -> None:
    """A neighbor's error carries its reason and clause as fields, and tells both (design 5.5)."""
    error = RemoteProtocolError("piece index 9, expected 0 to 3", clause="3.5")
    assert (error.reason, error.clause) == ("piece index 9, expected 0 to 3", "3.5")
    assert str(error) == "piece index 9, expected 0 to 3 (spec 3.5)"
    assert not isinstance(error, LocalProtocolError)


def test_who_is_listed() -> None:
    """A config names each listed peer and nobody else (spec 1.3)."""
    config = swarm(True, False)
    assert config.peer(2).peer_id == 2
    with pytest.raises(KeyError):
        config.peer(3)

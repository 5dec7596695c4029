"""Interest: who is told what, and when (spec 5)."""

from __future__ import annotations

from core.interface.effects import Log, SetTimer
from core.interface.messages import (
    INTERESTED,
    NOT_INTERESTED,
    UNCHOKE,
    Bitfield,
    Have,
    Request,
)
from tests.kit.script import (
    Script,
    accepts,
    connects,
    has,
    is_kept,
    is_lost,
    offers,
    peer_of,
    says,
    sends,
    swarm,
    tells_all,
)


def leecher(neighbors: int = 1) -> Script:
    """Peer 1 lacks all 4 pieces and chokes everybody; its neighbors have told nothing yet."""
    config = swarm(False, *[True] * neighbors)
    script = Script(peer_of(config, 1), hide=(SetTimer, Log))
    for neighbor in range(2, 2 + neighbors):
        script >> connects(neighbor) << ...
    assert script
    return script


def test_the_first_bitfield_is_answered() -> None:
    """The first bitfield is answered by interested or not interested, whether choked or not (spec 5.1)."""
    assert leecher() >> says(2, Bitfield(b"\0\0\0\1")) << sends(2, INTERESTED)
    assert leecher() >> says(2, Bitfield(b"\0\0\0\0")) << sends(2, NOT_INTERESTED)
    assert (
        leecher() >> says(2, UNCHOKE) >> says(2, Bitfield(b"\0\0\0\0")) << sends(2, NOT_INTERESTED)
    )


def test_unless_an_earlier_have_was() -> None:
    """A bitfield isn't answered where an earlier have already was (spec 5.1)."""
    assert leecher() >> has(2, 3) << sends(2, INTERESTED) >> says(2, Bitfield(b"\0\0\0\1"))


def test_otherwise_only_a_change_is_told() -> None:
    """After the first answer only a change is told, by bitfield as by have (spec 5.1)."""
    assert (
        leecher()
        >> says(2, Bitfield(b""))
        << sends(2, NOT_INTERESTED)
        >> says(2, Bitfield(bytes(4)))
        >> has(2, 0)
        << sends(2, INTERESTED)
        >> has(2, 1, 2)
        >> says(2, Bitfield(b"\1\1\1\1"))
    )


def test_nothing_told_counts_as_not_interested() -> None:
    """A first have of no use isn't answered, for nothing told yet counts as not interested (spec 5.1)."""
    seed = Script(peer_of(swarm(True, False), 1), hide=(SetTimer, Log))
    assert (
        seed
        >> connects(2)
        << ...
        >> has(2, 0)
        >> has(2, 1, 2)
        >> says(2, Bitfield(b"\1\1\1\0"))
        << sends(2, NOT_INTERESTED)
    )


def test_have_to_all_and_not_interested_to_those_of_no_use() -> None:
    """After each piece, have goes to all neighbors and not interested to those who now have nothing for us (spec 5.3)."""
    assert (
        leecher(neighbors=4)
        >> has(2, 0)
        << sends(2, INTERESTED)
        >> has(3, 0)
        << sends(3, INTERESTED)
        >> has(4, 0, 1)
        << sends(4, INTERESTED)
        >> says(5, Bitfield(b""))
        << sends(5, NOT_INTERESTED)
        >> says(2, UNCHOKE)
        << sends(2, Request(0))
        >> offers(2, 0)
        << accepts(2, 0)
        >> is_kept(2, 0)
        << tells_all(Have(0))
        << sends(2, NOT_INTERESTED)
        << sends(3, NOT_INTERESTED)
        >> has(3, 0)
        >> has(3, 2)
        << sends(3, INTERESTED)
    )


def test_a_piece_on_its_way_is_still_lacking() -> None:
    """What was asked for but hasn't come is still lacking, so that interest in it stands (spec 5.1)."""
    assert (
        leecher(neighbors=2)
        >> has(2, 0)
        << sends(2, INTERESTED)
        >> says(2, UNCHOKE)
        << sends(2, Request(0))
        >> offers(2, 0)
        << accepts(2, 0)
        >> has(3, 0)
        << sends(3, INTERESTED)
    )


def test_each_neighbors_pieces_are_its_own() -> None:
    """The loss of one neighbor changes nothing for another that has the same pieces (spec 5.2)."""
    assert (
        leecher(neighbors=2)
        >> has(2, 0)
        << ...
        >> has(3, 0)
        << ...
        >> is_lost(2)
        >> says(3, UNCHOKE)
        << sends(3, Request(0))
    )

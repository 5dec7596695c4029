"""Interest: who is told what, and when (spec 5)."""

from __future__ import annotations

from core.interface.effects import Log, SetTimer
from core.interface.messages import INTERESTED, NOT_INTERESTED, UNCHOKE, Bitfield, Have, Request
from tests.kit.script import (
    ALL,
    NONE,
    Script,
    accepts,
    connects,
    delivers,
    has,
    is_lost,
    leecher,
    offers,
    peer_of,
    says,
    sends,
    swarm,
    tells_all,
)


def test_the_first_bitfield_is_answered() -> None:
    """The first bitfield is answered by interested or not interested, whether choked or not (spec 5.1)."""
    assert leecher(()) >> says(2, Bitfield(b"\0\0\0\1")) << sends(2, INTERESTED)
    assert leecher(()) >> says(2, NONE) << sends(2, NOT_INTERESTED)
    script = leecher(())
    script >> says(2, UNCHOKE)
    assert script >> says(2, NONE) << sends(2, NOT_INTERESTED)


def test_unless_an_earlier_have_was() -> None:
    """A bitfield isn't answered where an earlier have already was (spec 5.1)."""
    assert leecher(()) >> has(2, 3) << sends(2, INTERESTED) >> says(2, Bitfield(b"\0\0\0\1"))


def test_otherwise_only_a_change_is_told() -> None:
    """After the first answer only a change is told, by bitfield as by have (spec 5.1)."""
    script = leecher(())
    script >> says(2, Bitfield(b"")) << sends(2, NOT_INTERESTED)
    script >> says(2, NONE)
    script >> has(2, 0) << sends(2, INTERESTED)
    script >> has(2, 1, 2)
    assert script >> says(2, ALL)


def test_nothing_told_counts_as_not_interested() -> None:
    """A first have of no use isn't answered, for nothing told yet counts as not interested (spec 5.1)."""
    seed = Script(peer_of(swarm(True, False), 1), hide=(SetTimer, Log))
    seed >> connects(2) << ...
    seed >> has(2, 0)
    seed >> has(2, 1, 2)
    assert seed >> says(2, Bitfield(b"\1\1\1\0")) << sends(2, NOT_INTERESTED)


def test_have_to_all_and_not_interested_to_those_of_no_use() -> None:
    """After each piece, have goes to all neighbors and not interested to those who now have nothing for us (spec 5.3)."""
    script = leecher((), (), (), ())
    script >> has(2, 0) << sends(2, INTERESTED)
    script >> has(3, 0) << sends(3, INTERESTED)
    script >> has(4, 0, 1) << sends(4, INTERESTED)
    script >> says(5, Bitfield(b"")) << sends(5, NOT_INTERESTED)
    script >> says(2, UNCHOKE) << sends(2, Request(0))
    script >> delivers(2, 0) << tells_all(Have(0)) << sends(2, NOT_INTERESTED)
    script << sends(3, NOT_INTERESTED)
    script >> has(3, 0)
    assert script >> has(3, 2) << sends(3, INTERESTED)


def test_a_piece_on_its_way_is_still_lacking() -> None:
    """What was asked for but hasn't come is still lacking, so that interest in it stands (spec 5.1)."""
    script = leecher((), ())
    script >> has(2, 0) << sends(2, INTERESTED)
    script >> says(2, UNCHOKE) << sends(2, Request(0))
    script >> offers(2, 0) << accepts(2, 0)
    assert script >> has(3, 0) << sends(3, INTERESTED)


def test_each_neighbors_pieces_are_its_own() -> None:
    """The loss of one neighbor changes nothing for another that has the same pieces (spec 5.2)."""
    script = leecher((), ())
    script >> has(2, 0) << ... >> has(3, 0) << ...
    script >> is_lost(2)
    assert script >> says(3, UNCHOKE) << sends(3, Request(0))

"""What the searches found, as conversations: each went wrong once."""

from __future__ import annotations

from core.interface.effects import SetTimer, Warn
from core.interface.events import Timer
from core.interface.messages import UNCHOKE, Bitfield, Request
from tests.kit.script import (
    After,
    Script,
    accepts,
    answers,
    fires,
    is_lost,
    offers,
    passes_by,
    peer_of,
    says,
    sends,
    skips,
    swarm,
)

ALL = Bitfield(b"\1")


def test_a_piece_that_two_sent_and_none_delivered_is_asked_for_again() -> None:
    """A copy that was skipped for another's sake frees its piece at once if that other is gone by then (spec 6.3, 6.5)."""
    peer = peer_of(swarm(True, True, False, pieces=1), 3)
    script = Script(peer, hide=(SetTimer, Warn))
    script >> answers(1) << ... >> says(1, ALL) << ...
    script >> says(1, UNCHOKE) << ... << sends(1, Request(0))
    script >> answers(2) << ... >> says(2, ALL) << ... >> says(2, UNCHOKE) << ...
    script >> After(10) >> fires(Timer.OVERDUE) << sends(2, Request(0))
    script >> offers(1, 0) << accepts(1, 0)
    script >> offers(2, 0) << skips(2, 0)
    script >> is_lost(1) << ...
    assert script >> passes_by(2, 0) << sends(2, Request(0))

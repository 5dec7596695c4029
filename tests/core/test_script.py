"""The helper for conversation tests: it plays what is written, and shows what differs."""

from __future__ import annotations

import pytest

from core.interface.effects import Dial, Log, SetTimer
from core.interface.events import Started, Timer
from core.interface.messages import INTERESTED, UNCHOKE, Request
from tests.kit.script import (
    ALL,
    NONE,
    After,
    Script,
    accepts,
    connects,
    fires,
    is_kept,
    learnt,
    logs,
    offers,
    peer_of,
    says,
    sends,
    skips,
    swarm,
    tells_all,
    unknown,
)


def test_a_conversation_goes_well() -> None:
    """A script in which exactly the expected orders come is true, and can be continued (plan: tests read as a script)."""
    script = Script(peer_of(swarm(True, False), 2))
    assert (
        script
        >> Started()
        << SetTimer(Timer.RESELECTION, 5.0)
        << Dial(1)
        << SetTimer(Timer.MISSING, 600.0)
        << SetTimer(Timer.WAITING, 60.0)
        >> After(2.5)
        >> connects(1)
        << ...
    )
    assert script.now == 2.5
    assert script >> says(1, ALL) << sends(1, INTERESTED)


def test_hidden_orders_and_learnt_values() -> None:
    """Hidden orders are left out, and an unknown value is the same wherever it is met again."""
    script = Script(peer_of(swarm(True, False), 2), hide=(Log, SetTimer))
    piece = unknown()
    assert (
        script
        >> connects(1)
        << sends(1, NONE)
        >> says(1, ALL)
        << sends(1, INTERESTED)
        >> says(1, UNCHOKE)
        << sends(1, Request(piece))
    )
    assert repr(piece) == str(learnt(piece))
    asked = learnt(piece)
    assert (
        script
        >> offers(1, (asked + 1) % 4)
        << skips(1, (asked + 1) % 4)
        >> offers(1, asked)
        << accepts(1, asked)
    )
    with pytest.raises(AssertionError):
        assert script >> is_kept(1, asked) << ... << sends(1, Request(piece))


def test_a_failure_shows_the_conversation() -> None:
    """A failed script shows what was played, what was expected, and what came in its place."""
    script = Script(peer_of(swarm(True, False), 2))
    with pytest.raises(AssertionError) as failure:
        assert (
            script
            >> After(1.0)
            >> connects(1)
            << logs("was_connected", neighbor=1)
            << sends(1, ALL)
            << tells_all(INTERESTED)
            >> fires(Timer.OVERDUE)
        )
    assert str(failure.value).splitlines() == [
        "at 1 s:",
        "  >> After(seconds=1.0)",
        "  >> NeighborConnected(neighbor=1, incoming=True)",
        "  << Log(event='was_connected', fields={'neighbor': 1})",
        f"- << Send(neighbor=1, message={ALL})",
        "- << Broadcast(message=Interested())",
        f"+ << Send(neighbor=1, message={NONE})",
        "  (1 more events weren't played)",
    ]


def test_missing_and_surplus_orders_fail() -> None:
    """An order that doesn't come and one that nobody expected both fail, however they end."""
    with pytest.raises(AssertionError, match=r"(?m)^\+ << Send"):
        assert Script(peer_of(swarm(True, False), 2), hide=(Log,)) >> connects(1)
    with pytest.raises(AssertionError, match=r"(?m)^- << \.\.\.\n- << Dial"):
        assert Script(peer_of(swarm(True, False), 2)) >> After(1.0) << ... << Dial(1)


def test_an_order_needs_an_event() -> None:
    """A script that begins with an order is a mistake in the test, and says so."""
    with pytest.raises(TypeError, match="needs an event"):
        Script(peer_of(swarm(True, False), 2)) << Dial(1)


def test_what_was_not_played_is_known() -> None:
    """A script with steps that nobody played is remembered, so that its test can fail (tests/core/conftest.py)."""
    script = Script(peer_of(swarm(True, False), 2)) >> After(1.0)
    assert script in Script.unplayed
    assert script
    assert script not in Script.unplayed


def test_the_unknown_has_no_hash() -> None:
    """An unknown value can't hide in a set or as a key, where it would never be compared."""
    with pytest.raises(TypeError, match="no hash"):
        hash(unknown())

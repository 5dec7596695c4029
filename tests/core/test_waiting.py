"""Nothing waits in silence: what people are told, and when (spec 7.5)."""

from __future__ import annotations

from core.interface.effects import Effect, Finish, Log, Send, SetTimer, Warn
from core.interface.events import Started, StreamEnded, Timer
from tests.kit.script import (
    ALL,
    NONE,
    After,
    Script,
    connects,
    fires,
    has,
    is_lost,
    peer_of,
    says,
    swarm,
)

WAITING = fires(Timer.WAITING)


def words(*seeds: bool, me: int = 1, hide: tuple[type[Effect], ...] = (Log, Send)) -> Script:
    """A started peer that never gives up, of which what it tells and its timers are shown."""
    script = Script(peer_of(swarm(*seeds), me, wait=float("inf")), hide=hide)
    assert script >> Started() << ... << SetTimer(Timer.WAITING, 60.0)
    return script


def test_a_lost_neighbor_is_told_with_what_it_told() -> None:
    """The loss of a neighbor is told, with how many pieces it has told, unless both have everything (spec 7.5)."""
    script = words(True, False, False)
    script >> connects(2)
    script >> says(2, NONE)
    script >> has(2, 0, 1)
    script >> is_lost(2) << Warn("lost the connection to peer 2, which has told 2 of 4 pieces")
    script >> connects(2)
    script >> is_lost(2) << Warn("lost the connection to peer 2, which has told 0 of 4 pieces")
    assert script
    script = words(True, True, False) >> connects(2) >> says(2, ALL) >> StreamEnded(2) << ...
    assert script
    assert not any(isinstance(order, Warn) for order in script.peer.handle(is_lost(2), 0.0))


def test_a_lost_seed_is_told_to_those_who_need_it() -> None:
    """So is the loss of a complete neighbor, as long as we lack something (spec 7.5)."""
    script = words(False, True)
    script >> connects(2)
    script >> says(2, ALL)
    script >> is_lost(2) << Warn("lost the connection to peer 2, which has told 4 of 4 pieces")
    assert script


def test_silence_is_told_at_growing_pauses() -> None:
    """After 60 s without progress it is told who is waited for, after 120 more again, and so on (spec 7.5)."""
    text = (
        "0 of 4 pieces are here; waiting for 3 (it told 2 of 4 pieces); not connected:"
        " 2 (never connected); 2 of 4 pieces are with nobody who is connected"
    )
    script = words(False, True, False)
    script >> connects(3)
    script >> says(3, NONE)
    script >> has(3, 1)
    script >> After(10.0) >> has(3, 2)
    script >> After(50.0) >> WAITING << SetTimer(Timer.WAITING, 70.0)
    script >> After(10.0) >> WAITING << Warn(f"no progress for 60 s; {text}")
    script << SetTimer(Timer.WAITING, 190.0)
    script >> After(120.0) >> WAITING << Warn(f"no progress for 180 s; {text}")
    script << SetTimer(Timer.WAITING, 430.0)
    script >> After(200.0) >> has(3, 2)  # no news
    script >> After(40.0) >> WAITING << Warn(f"no progress for 420 s; {text}")
    script << SetTimer(Timer.WAITING, 910.0)
    script >> has(3, 3)
    text = (
        "0 of 4 pieces are here; waiting for 3 (it told 3 of 4 pieces); not connected:"
        " 2 (never connected); 1 of 4 pieces are with nobody who is connected"
    )
    script >> After(480.0) >> WAITING << Warn(f"no progress for 480 s; {text}")
    assert script << SetTimer(Timer.WAITING, 1030.0)


def test_a_seed_names_whoever_is_not_complete() -> None:
    """A complete peer waits for those that aren't, connected or lost, and lists a few of them (spec 7.5)."""
    script = words(True, *[False] * 12)
    script >> connects(2) >> says(2, ALL) >> connects(3) >> has(3, 0)
    assert script >> connects(4) >> has(4, 0, 1) >> is_lost(4) << ...
    text = (
        "no progress for 60 s; 4 of 4 pieces are here; waiting for 3 (it told 1 of 4 pieces);"
        " not connected: 4 (it told 2 of 4 pieces),"
        f" {', '.join(f'{n} (never connected)' for n in range(5, 12))}, 2 more"
    )
    assert script >> After(60.0) >> WAITING << Warn(text) << SetTimer(Timer.WAITING, 180.0)


def test_nothing_is_told_behind_the_end() -> None:
    """A peer that ends at once sets no timer to speak (spec 7.5)."""
    script = Script(peer_of(swarm(True, False), 1, wait=0.0), hide=(Log, Send))
    end = Finish(3, "missing: 2 (never connected)")
    assert script >> Started() << SetTimer(Timer.RESELECTION, 5.0) << end

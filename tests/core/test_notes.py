"""What only the trace has: notes that change nothing (docs/trace.md)."""

from __future__ import annotations

from core.interface.effects import Effect, Note
from core.interface.events import Event, Started, Timer, TurnEnded
from core.interface.messages import CHOKE, INTERESTED, UNCHOKE, Request
from core.peer import Peer
from tests.kit.script import ALL, connects, fires, is_lost, offers, passes_by, peer_of, says, swarm

CONVERSATION: list[Event] = [
    Started(),
    connects(2),
    connects(3),
    says(2, ALL),
    says(3, ALL),
    says(2, INTERESTED),
    says(3, INTERESTED),
    says(2, Request(0)),  # choked
    says(2, UNCHOKE),
    says(2, CHOKE),  # frees the request
    says(3, UNCHOKE),
    fires(Timer.RESELECTION),
    says(2, Request(0)),  # lacking
    is_lost(3),  # frees the request
    fires(Timer.RESELECTION),
]


def orders_of(peer: Peer) -> list[Effect]:
    orders: list[Effect] = []
    for number, event in enumerate(CONVERSATION):
        now = number * 2.0
        orders += [*peer.handle(event, now), *peer.handle(TurnEnded(), now)]
        if number == 3:
            orders += peer.handle(offers(2, 3), now)
            orders += peer.handle(passes_by(2, 3), now)
    return orders


def notes(kind: str) -> list[dict[str, object]]:
    orders = orders_of(peer_of(swarm(False, True, True, k=2), 1, tracing=True))
    return [order.fields for order in orders if isinstance(order, Note) and order.kind == kind]


def test_tracing_changes_nothing() -> None:
    """The same events lead to the same orders with tracing and without; there are no notes without (design 6.2)."""
    silent = orders_of(peer_of(swarm(False, True, True, k=2), 1))
    traced = orders_of(peer_of(swarm(False, True, True, k=2), 1, tracing=True))
    assert not any(isinstance(order, Note) for order in silent)
    assert [order for order in traced if not isinstance(order, Note)] == silent


def test_what_is_given_up_is_noted_with_its_cause() -> None:
    """Freed requests, skipped pieces and dropped requests are noted with their cause (docs/trace.md)."""
    assert [note["cause"] for note in notes("freed")] == ["choke", "loss"]
    assert notes("skipped") == [{"neighbor": 2, "piece": 3, "cause": "not asked"}]
    assert [note["cause"] for note in notes("dropped")] == ["choked", "lacking"]


def test_a_choice_is_noted_with_its_draw() -> None:
    """A request is noted with the number of candidates and the index drawn (docs/trace.md, `request`)."""
    for note in notes("request"):
        assert note["candidates"] == 4
        assert note["draw"] in range(4)
    first, second = notes("preferred")
    assert first == {
        "tick": 4,
        "due": first["due"],
        "skipped": 3,
        "complete": False,
        "candidates": [2, 3],
        "rates": [0, 0],
        "draw": first["draw"],
        "chosen": [2, 3],
    }
    assert (second["tick"], second["skipped"], second["chosen"]) == (5, 0, [2])
    assert notes("optimistic") == [
        {"tick": 1, "due": 15.0, "skipped": 0, "candidates": [], "draw": None, "chosen": None}
    ]


def test_due_belongs_to_tick() -> None:
    """A reselection's `due` is start + n·p for the n in `tick`, also where ticks were missed (docs/trace.md, spec 4.7)."""
    for note in notes("preferred"):
        assert note["due"] == note["tick"] * 5.0  # type: ignore[operator]  # an int


def test_transitions_stand_before_what_they_cause() -> None:
    """Each change of a machine's state is noted, before the message that it causes (docs/trace.md, `transition`)."""
    peer = peer_of(swarm(False, True), 1, tracing=True)
    peer.handle(connects(2), 0.0)
    note, message = peer.handle(says(2, ALL), 0.0)
    assert note == Note(
        "transition",
        {
            "neighbor": 2,
            "machine": "our_interest",
            "from": "unknown",
            "trigger": "gain",
            "to": "interested",
        },
    )
    assert not isinstance(message, Note)

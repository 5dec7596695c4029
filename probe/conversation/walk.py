"""The history of a session told again, event by event, with what stood when each happened."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from probe.conversation.wire import pieces_of
from probe.model import Event, Record

LONG_AGO = -1e9


@dataclass(slots=True)
class Side:
    """One connection as it stood before an event."""

    who: int
    by_program: bool
    closed_at: float | None = None
    frames: int = 0
    """Messages that the program sent so far."""
    # What the played peer said.
    choking: bool = True
    choked_at: float = LONG_AGO
    """When the last choke went out."""
    unchokes: int = 0
    interested: bool = False
    lost_interest_at: float = LONG_AGO
    announced: set[int] = field(default_factory=set)
    asked: dict[int, int] = field(default_factory=dict)
    """How often each piece was asked for by the played peer."""
    # What the program said.
    has: set[int] = field(default_factory=set)
    """Told by its bitfield and haves here."""
    haves: set[int] = field(default_factory=set)
    """Told by haves here."""
    choked_by: bool = True
    interest: bool | None = None
    open: list[int] = field(default_factory=list)
    came: dict[int, int] = field(default_factory=dict)
    """How often each piece came from the program."""


@dataclass(slots=True)
class World:
    """All connections, and the pieces that the program was given."""

    sides: dict[int, Side] = field(default_factory=dict)
    given: dict[int, float] = field(default_factory=dict)
    """Pieces that a played peer sent, with the time of the first."""
    had: dict[int, float] = field(default_factory=dict)
    """Pieces that the program announced anywhere by have, with the time of the first."""


def walk(record: Record) -> Iterator[tuple[Event, Side, World]]:
    """Each event with its connection and the world as they stood before it."""
    world = World()
    for event in record.events:
        if event.link not in world.sides:
            world.sides[event.link] = Side(event.who, by_program=not event.sent)
        side = world.sides[event.link]
        yield event, side, world
        (_sent if event.sent else _came)(event, side, world)


def _sent(event: Event, side: Side, world: World) -> None:
    """What a played peer's event changes."""
    index = event.index
    if event.kind == "choke":
        side.choking, side.choked_at = True, event.at
        side.open.clear()
    elif event.kind == "unchoke":
        side.choking = False
        side.unchokes += 1
    elif event.kind == "interested":
        side.interested = True
    elif event.kind == "not interested":
        side.interested, side.lost_interest_at = False, event.at
    elif event.kind == "bitfield":
        side.announced |= pieces_of(event.data)
    elif event.kind == "have" and index is not None:
        side.announced.add(index)
    elif event.kind == "request" and index is not None:
        side.asked[index] = side.asked.get(index, 0) + 1
    elif event.kind == "piece" and index is not None:
        world.given.setdefault(index, event.at)
        if index in side.open:
            side.open.remove(index)
    elif event.kind in {"end of stream", "reset"}:
        side.closed_at = event.at
        side.open.clear()


def _came(event: Event, side: Side, world: World) -> None:
    """What an event of the program changes."""
    index = event.index
    if event.kind in {"end of stream", "reset"}:
        side.closed_at = event.at
        side.open.clear()
        return
    if event.kind in {"connection", "handshake", "bytes"}:
        return
    side.frames += 1
    if event.kind in {"choke", "unchoke"}:
        side.choked_by = event.kind == "choke"
    elif event.kind in {"interested", "not interested"}:
        side.interest = event.kind == "interested"
    elif event.kind == "bitfield":
        side.has |= pieces_of(event.data)
    elif event.kind == "have" and index is not None:
        side.has.add(index)
        side.haves.add(index)
        world.had.setdefault(index, event.at)
    elif event.kind == "request" and index is not None:
        if not side.choking:
            side.open.append(index)
    elif event.kind == "piece" and index is not None:
        side.came[index] = side.came.get(index, 0) + 1

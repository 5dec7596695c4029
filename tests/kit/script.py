r"""Conversation tests that read as a script: `>>` what happens to a peer, `<<` what it orders.

    script = Script(peer)
    script >> connects(1002) << logs("was_connected", neighbor=1002) << sends(1002, Bitfield(b"\1\1"))
    assert script >> says(1002, INTERESTED) << logs("received_interested", neighbor=1002)

Write a line for each exchange. A script is played when its truth is asked. Each event must lead to exactly the orders that follow
it, in that order; `<< ...` stands for any number of orders, and `unknown()` for a value that isn't
known before: it is learnt where it is first met, and must be the same ever after. A script that went
well can be continued: the peer and the time go on. Orders of the kinds in `hide` are left out, and so
is what people are told of a lost connection, unless the step expects it.

One that fails shows the whole conversation, with `-` before what was expected and `+` before what
came instead.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from types import EllipsisType
from typing import Any, ClassVar, Self, cast

from core.config import PeerInfo, SwarmConfig
from core.interface.effects import (
    AcceptPiece,
    Broadcast,
    Effect,
    Log,
    Send,
    SetTimer,
    SkipPiece,
    Warn,
)
from core.interface.events import (
    Event,
    HavesReceived,
    MessageReceived,
    NeighborConnected,
    NeighborLost,
    PieceOffered,
    PieceReceived,
    PieceRejected,
    PieceSkipped,
    Timer,
    TimerFired,
    TurnEnded,
)
from core.interface.messages import Bitfield, Have, Message
from core.interface.words import LogEvent
from core.peer import Peer


@dataclass(frozen=True, slots=True)
class After:
    """Not an event: time passes, in seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Turn:
    """Not an event: several that come in one turn (an event outside of it is a turn of its own)."""

    events: tuple[Event, ...]


@dataclass(frozen=True, slots=True)
class Delivery:
    """Not an event: a piece comes whole, header and content, and its header must be answered so."""

    neighbor: int
    piece: int
    wanted: bool


Cause = Event | After | Turn
Expected = Effect | EllipsisType


class _Unknown:
    """Equal to whatever it is first compared with."""

    def __init__(self) -> None:
        self.values: list[object] = []

    def __eq__(self, other: object) -> bool:
        if not self.values:
            self.values.append(other)
        return self.values[0] == other

    def __hash__(self) -> int:
        raise TypeError("what isn't known has no hash")

    def __repr__(self) -> str:
        return repr(self.values[0]) if self.values else "unknown"


def unknown() -> int:
    """A number that the script learns where it is first met; `learnt` tells it."""
    return cast("int", _Unknown())


def learnt(number: int) -> int:
    """The value that an `unknown` has turned out to have."""
    return cast("int", cast("_Unknown", number).values[0])


class Script:
    """A conversation with one peer; it begins at time 0 of the peer's clock."""

    unplayed: ClassVar[set[Script]] = set()

    def __init__(self, peer: Peer, *, hide: tuple[type, ...] = ()) -> None:
        self.peer = peer
        self.now = 0.0
        self._hide = hide
        self._steps: list[tuple[Cause, list[Expected]]] = []
        self._played: list[str] = []

    def __rshift__(self, cause: Cause | Delivery) -> Self:
        match cause:
            case Delivery(neighbor, piece, wanted=True):
                self >> offers(neighbor, piece) << accepts(neighbor, piece)
                return self >> is_kept(neighbor, piece)
            case Delivery(neighbor, piece):
                self >> offers(neighbor, piece) << skips(neighbor, piece)
                return self >> passes_by(neighbor, piece)
        self._steps.append((cause, []))
        Script.unplayed.add(self)
        return self

    def __lshift__(self, order: Expected) -> Self:
        if not self._steps:
            raise TypeError("an order needs an event before it")
        self._steps[-1][1].append(order)
        return self

    def __bool__(self) -> bool:
        """Play; AssertionError with the whole conversation at the first step that goes wrong."""
        steps, self._steps = self._steps, []
        Script.unplayed.discard(self)
        for number, (cause, expected) in enumerate(steps):
            self._played.append(f"  >> {cause}")
            hidden = self._hide
            if isinstance(cause, NeighborLost) and not any(isinstance(o, Warn) for o in expected):
                hidden = (*hidden, Warn)
            came = [order for order in self._cause(cause) if not isinstance(order, hidden)]
            if not _matches(expected, came):
                self._fail(expected, came, steps[number + 1 :])
            self._played += [f"  << {order}" for order in came]
        return True

    def _cause(self, cause: Cause) -> list[Effect]:
        match cause:
            case After(seconds):
                self.now += seconds
                return []
            case Turn(events):
                orders = [order for event in events for order in self.peer.handle(event, self.now)]
                return [*orders, *self.peer.handle(TurnEnded(), self.now)]
            case PieceOffered():  # its answer comes at once, in the middle of a turn
                return self.peer.handle(cause, self.now)
            case _:
                return self._cause(Turn((cause,)))

    def _fail(
        self, expected: list[Expected], came: list[Effect], rest: list[tuple[Cause, list[Expected]]]
    ) -> None:
        """Show what both have in common at the beginning and the end, and between it the difference."""
        head = 0
        while head < min(len(expected), len(came)) and expected[head] == came[head]:
            head += 1
        tail = 0
        while (
            tail < min(len(expected), len(came)) - head and expected[-1 - tail] == came[-1 - tail]
        ):
            tail += 1
        lines = [*self._played, *(f"  << {order}" for order in came[:head])]
        lines += [f"- << {_shown(order)}" for order in expected[head : len(expected) - tail]]
        lines += [f"+ << {order}" for order in came[head : len(came) - tail]]
        lines += [f"  << {order}" for order in came[len(came) - tail :]]
        if rest:
            lines.append(f"  ({len(rest)} more events weren't played)")
        raise AssertionError("\n".join([f"at {self.now:g} s:", *lines]))


def _shown(order: Expected) -> str:
    return "..." if order is ... else str(order)


def _matches(expected: list[Expected], came: list[Effect]) -> bool:
    """Whether the orders are those expected, where `...` stands for any number of them."""
    if not expected:
        return not came
    if expected[0] is ...:
        return any(_matches(expected[1:], came[at:]) for at in range(len(came) + 1))
    return bool(came) and expected[0] == came[0] and _matches(expected[1:], came[1:])


# Words of a script.


def connects(neighbor: int) -> NeighborConnected:
    """A neighbor that dialled us is accepted."""
    return NeighborConnected(neighbor, incoming=True)


def answers(neighbor: int) -> NeighborConnected:
    """A neighbor that we dialled accepts us."""
    return NeighborConnected(neighbor, incoming=False)


def in_one_turn(*events: Event) -> Turn:
    """Several events come in one turn."""
    return Turn(events)


def is_lost(neighbor: int) -> NeighborLost:
    """A connection is gone."""
    return NeighborLost(neighbor)


def says(neighbor: int, message: Message) -> Event:
    """A message comes."""
    if isinstance(message, Have):
        return HavesReceived(neighbor, [message.piece])
    return MessageReceived(neighbor, message)


def has(neighbor: int, *pieces: int) -> HavesReceived:
    """Haves come."""
    return HavesReceived(neighbor, list(pieces))


def offers(neighbor: int, piece: int) -> PieceOffered:
    """A piece's header comes."""
    return PieceOffered(neighbor, piece)


def accepts(neighbor: int, piece: int) -> AcceptPiece:
    """Its content is to be kept."""
    return AcceptPiece(neighbor, piece)


def skips(neighbor: int, piece: int) -> SkipPiece:
    """Its content is to pass by."""
    return SkipPiece(neighbor, piece)


def delivers(neighbor: int, piece: int) -> Delivery:
    """A piece comes, is accepted, and is whole; the orders are those that its last byte leads to."""
    return Delivery(neighbor, piece, wanted=True)


def delivers_in_vain(neighbor: int, piece: int) -> Delivery:
    """A piece comes, is skipped, and has passed."""
    return Delivery(neighbor, piece, wanted=False)


def is_kept(neighbor: int, piece: int) -> PieceReceived:
    """The content of a piece that was wanted is whole."""
    return PieceReceived(neighbor, piece)


def is_wrong(neighbor: int, piece: int) -> PieceRejected:
    """The content of a piece that was wanted is whole, and isn't what its hash says."""
    return PieceRejected(neighbor, piece)


def passes_by(neighbor: int, piece: int) -> PieceSkipped:
    """The content of a piece that wasn't wanted has passed."""
    return PieceSkipped(neighbor, piece)


def fires(timer: Timer) -> TimerFired:
    """A clock is due."""
    return TimerFired(timer)


def logs(event: LogEvent, **fields: Any) -> Log:
    """One of the eleven lines is ordered."""
    return Log(event, fields)


def sends(neighbor: int, message: Message) -> Send:
    """A message is ordered."""
    return Send(neighbor, message)


def tells_all(message: Message) -> Broadcast:
    """A message to all neighbors is ordered."""
    return Broadcast(message)


# Swarms.


def swarm(
    *seeds: bool,
    pieces: int = 4,
    k: int = 1,
    p: float = 5.0,
    m: float = 15.0,
    size: int | None = None,
) -> SwarmConfig:
    """Peers 1, 2, 3, …, of which those given as True have the file; pieces of 10 bytes."""
    peers = tuple(
        PeerInfo(number, "localhost", 6000 + number, has_file)
        for number, has_file in enumerate(seeds, 1)
    )
    return SwarmConfig(k, p, m, "file", size or pieces * 10, 10, peers)


NONE, ALL = Bitfield(bytes(4)), Bitfield(b"\1" * 4)
"""What a neighbor of such a swarm says that has nothing, or all."""


def peer_of(config: SwarmConfig, peer_id: int, *, seed: int = 1, **options: Any) -> Peer:
    """One peer's core, with its own chance."""
    return Peer(config, peer_id, Random(seed), **options)


def leecher(
    *told: tuple[int, ...], pieces: int = 4, hide: tuple[type, ...] = (SetTimer, Log)
) -> Script:
    """Peer 1 has nothing; its neighbors 2, 3, … are connected, have told these pieces, and choke."""
    script = Script(peer_of(swarm(False, *[True] * len(told), pieces=pieces), 1), hide=hide)
    for neighbor, has_these in enumerate(told, 2):
        script >> connects(neighbor) << ...
        if has_these:
            script >> has(neighbor, *has_these) << ...
    assert script
    return script

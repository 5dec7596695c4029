"""The register of mutants: the program with one thing wrong, and the checks that must tell it.

A mutant is a class or function of the program that a broken one stands in for, or an edit of what a
swarm has written, where no fault of the program can show a check. They live in tests only: the product
has no switch for them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar
from unittest.mock import patch

from core.downloads import Downloads
from core.ending import Ending
from core.machines import Upload
from core.peer import Peer
from core.state import State
from core.uploads import Uploads
from peerio.eventlog import EventLog, Stamp
from peerio.net.link import Outbox
from peerio.net.recorder import Recorder
from peerio.networking import Networking
from peerio.simulation.files import Left, MemorySink
from peerio.simulation.scenario import Scenario
from peerio.simulation.swarm import Swarm
from peerio.trace import Trace

PLACES: dict[type, str] = {
    Peer: "",  # a swarm is told which core to run
    State: "core.peer.State",
    Uploads: "core.peer.Uploads",
    Downloads: "core.peer.Downloads",
    Ending: "core.peer.Ending",
    EventLog: "peerio.runtime.EventLog",
    Trace: "peerio.trace.Trace",
    Stamp: "peerio.simulation.life.Stamp",
    Networking: "peerio.simulation.life.Networking",
    Recorder: "peerio.net.links.Recorder",
}
"""Where the parts are named that each peer makes when it starts, so that some peers may be broken."""
SHARED: dict[type, str] = {
    Upload: "core.state.Upload",
    Outbox: "peerio.net.link.Outbox",
    MemorySink: "peerio.simulation.files.MemorySink",
}
"""Where those are named that are made later: all peers are broken alike."""

PLAIN = Scenario(peers=5, pieces=40, p=0.5, m=1.0, upload=10_000.0, wait=5.0)
"""A swarm of some seconds in which most faults show."""
UNTRACED = replace(PLAIN, trace=False)
"""The same where the traces would only be long, since it doesn't end."""


@dataclass(frozen=True)
class Mutant:
    """The program with one thing wrong, and where it is run."""

    name: str
    about: str
    kills: tuple[str, ...]
    """The checks that must report it: an error or a warning."""
    part: Any
    place: str
    scenario: Scenario
    seed: int
    who: frozenset[int]
    """The peers that are broken; none named: all."""
    starts: dict[int, float] = field(compare=False)
    """Peers that start at another time, in seconds."""

    @property
    def kind(self) -> str:
        """What is replaced: a class, a function, or the logs themselves."""
        if not self.place and not isinstance(self.part, type):
            return "edit"
        return next(
            (base.__name__ for base in (*PLACES, *SHARED) if self.replaces(base)),
            self.place.rpartition(".")[2],
        )

    def replaces(self, base: type) -> bool:
        """Whether it stands in for this class."""
        return isinstance(self.part, type) and issubclass(self.part, base)

    @property
    def searchable(self) -> bool:
        """Whether swarms can show it without their logs: it isn't in the logs themselves."""
        return self.kind not in {"edit", "EventLog", "Stamp", "Trace", "Recorder"}

    @contextmanager
    def shared(self) -> Iterator[None]:
        """What all peers have in common is broken."""
        with ExitStack() as stack:
            stack.enter_context(patch("peerio.simulation.swarm.PATIENCE", PATIENCE))
            places = [place for base, place in SHARED.items() if self.replaces(base)]
            places += [self.place] if self.place else []
            for place in places:
                stack.enter_context(patch(place, self.part))
            yield

    @contextmanager
    def own(self) -> Iterator[None]:
        """What one peer makes for itself is broken."""
        with ExitStack() as stack:
            for base, place in PLACES.items():
                if place and self.replaces(base):
                    stack.enter_context(patch(place, self.part))
            yield


PATIENCE = 100.0
"""Virtual seconds within which every swarm of these must have ended."""
Part = TypeVar("Part")
MUTANTS: dict[str, Mutant] = {}
"""All mutants by name."""


def mutant(
    *kills: str,
    place: str = "",
    scenario: Scenario = PLAIN,
    seed: int = 1,
    who: tuple[int, ...] = (),
    starts: dict[int, float] | None = None,
) -> Callable[[Part], Part]:
    """Register the decorated class, function or edit; its docstring says what is wrong."""

    def register(part: Part) -> Part:
        thing: Any = part.fget if isinstance(part, property) else part
        name = re.sub(r"(?<=.)(?=[A-Z])", " ", thing.__name__).replace("_", " ").lower()
        assert name not in MUTANTS, name
        about = thing.__doc__.strip()
        MUTANTS[name] = Mutant(
            name, about, kills, part, place, scenario, seed, frozenset(who), starts or {}
        )
        return part

    return register


class BrokenSwarm(Swarm):
    """A swarm some or all of whose peers run a mutant."""

    def __init__(
        self, mutant: Mutant, scenario: Scenario, seed: int, *, everybody: bool = False
    ) -> None:
        super().__init__(scenario, seed)
        self._mutant = mutant
        self._everybody = everybody or not mutant.who
        self._delayed = {} if everybody else dict(mutant.starts)

    def start(self, peer_id: int, left: Left | None = None) -> None:
        """Start a peer, a broken one if it is meant to be."""
        mutant = self._mutant
        if peer_id in self._delayed:
            self.world.at(self._delayed.pop(peer_id), lambda: self.start(peer_id))
        elif not (self._everybody or peer_id in mutant.who):
            self._core = Peer
            super().start(peer_id, left)
        else:
            self._core = mutant.part if mutant.replaces(Peer) else Peer
            with mutant.own():
                super().start(peer_id, left)

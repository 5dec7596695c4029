"""Made-up histories of sessions, for cases that only look at what happened."""

from __future__ import annotations

import itertools

from probe.conversation.wire import bits_of
from probe.model import Event, Plan, Record


def plan(you: int = 1003, pieces: int = 11, **more: object) -> Plan:
    """A session in which 1001 has the file, and 1002 and 1004 have nothing."""
    peers = tuple((one, one == 1001) for one in (1001, 1002, 1003, 1004))
    settings: dict[str, object] = {"k": 1, "p": 2, "m": 3} | more
    return Plan(
        name="made-up", you=you, peers=peers, pieces=pieces, piece_size=512, last=100,
        script=lambda _: None, answers=(), about="", **settings,  # type: ignore[arg-type]
    )  # fmt: skip


class History:
    """A record that is written down event by event; each neighbor has one connection."""

    def __init__(self, made: Plan | None = None) -> None:
        self.record = Record(made or plan())
        self.links: dict[int, int] = {}
        self.numbers = itertools.count(1)

    def connect(self, who: int, *, by_program: bool = True, at: float = 0.0) -> History:
        """A new connection with both handshakes."""
        self.links[who] = next(self.numbers)
        self._add(at, who, "connection", sent=not by_program)
        return self

    def says(
        self, at: float, who: int, kind: str, index: int | None = None, **more: object
    ) -> History:
        """The program says something to a neighbor."""
        self._add(at, who, kind, index, sent=False, **more)
        return self

    def hears(
        self, at: float, who: int, kind: str, index: int | None = None, **more: object
    ) -> History:
        """A neighbor says something to the program."""
        self._add(at, who, kind, index, sent=True, **more)
        return self

    def full(self, who: int) -> History:
        """A neighbor tells that it has all pieces, and unchokes."""
        count = self.record.plan.pieces
        self.hears(0.1, who, "bitfield", data=bits_of(set(range(count)), count))
        return self.hears(0.2, who, "unchoke")

    def _add(self, at: float, who: int, kind: str, index: int | None = None, *, sent: bool, **more: object) -> None:  # fmt: skip
        event = Event(at, who, sent, kind, index, link=self.links[who], **more)  # type: ignore[arg-type]
        self.record.events.append(event)

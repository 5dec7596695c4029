"""A small, obviously correct model of a peer: sets of plain values, everything looked up afresh.

It chooses nothing. What the core orders is checked order by order, each against what it may do at
that moment, and what it must have done by the end of the step.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from core.config import SwarmConfig

ANSWER, DRIP, WAIT = 10.0, 30.0, 60.0


@dataclass
class Side:
    """One connected neighbor, as an attentive reader of both directions knows it."""

    incoming: bool
    has: set[int] = field(default_factory=set)
    told_interest: bool | None = None
    is_interested: bool = False
    unchokes_us: bool = False
    request: int | None = None
    """The piece asked of it that hasn't been answered, nor freed by its choke or the clock."""
    unanswered: int = 0
    """How many requests in a row the clock freed (spec 6.6)."""
    waits_since: float = 0.0
    """When its request was made, or it last began or ended a piece."""
    owes: set[int] = field(default_factory=set)
    """Pieces that were asked of it on this connection and may still come (spec 6.5)."""
    unchoked: bool = False
    """The last of choke and unchoke that we sent."""
    sending: int | None = None
    waiting: list[int] = field(default_factory=list)
    spoke: bool = False
    had_bitfield: bool = False
    in_order: bool = False
    # What changes nothing (spec 3.5).
    since: float = 0.0
    idle: int = 0
    chokings: int = 0
    knew: int = -1
    """How many pieces both had when it last told its interest."""
    may_cross: bool = False
    """The next request may have crossed our choke."""
    punished: bool = False

    def hear_interest(self, *, told: bool, first: bool, both_have: int) -> None:
        """A word on its interest; `first` if there was none before."""
        repeated = not first and told == self.is_interested
        self.idle += repeated or both_have == self.knew
        self.knew = both_have

    def hear_choking(self, now: float, p: float, m: float) -> None:
        """A choke or an unchoke."""
        self.chokings += 1
        self.idle += self.chokings > 2 + 2 * ((now - self.since) / p + (now - self.since) / m)


class PeerModel:
    """What a peer knows, has and owes."""

    def __init__(self, config: SwarmConfig, me: int, wait: float | None) -> None:
        self.config, self.me, self.wait = config, me, wait
        self.pieces = set(range(config.piece_count))
        self.own = set(self.pieces) if config.peer(me).has_file else set[int]()
        self.sides: dict[int, Side] = {}
        self.writer: dict[int, int] = {}
        """Who is writing which piece now (spec 6.5)."""
        self.parts: dict[int, tuple[float, int]] = {}
        """Since when each of them brings the next sixty-fourth, and its bytes then (spec 6.6)."""
        self.preferred: set[int] = set()
        self.optimistic: int | None = None
        self.failed = False
        self.finished: int | None = None
        # For the end (spec 7).
        self.others = {peer.peer_id for peer in config.peers} - {me}
        self.dialled = {peer.peer_id for peer in config.predecessors(me)}
        self.known_complete: set[int] = set()
        self.rates: dict[int, int] = {}
        """Content bytes that counted since the last reselection (spec 4.2)."""
        self.seen: dict[int, float] = {}
        """Who was connected, and when first."""
        self.told: set[int] = set()
        self.given_up: set[int] = set()
        self.telling = False
        self.clock: float | None = None
        self.by_clock = False
        """The end that is due is one that a clock decides."""
        self.serves = True
        self.told_last: dict[int, int] = {}
        """How many pieces each told on its latest connection, if that is lost."""
        self.failed_at = 0.0
        self.moved_at = 0.0
        """When a piece was new, ours or a neighbor's."""

    @property
    def complete(self) -> bool:
        """Whether we have all pieces."""
        return self.own == self.pieces

    def useful(self, side: Side) -> set[int]:
        """What it has and we lack (spec 5.1)."""
        return side.has - self.own

    def asked_of_someone(self) -> set[int]:
        """Pieces whose answer is awaited."""
        return {side.request for side in self.sides.values() if side.request is not None}

    def may_ask(self, side: Side) -> set[int]:
        """What may be asked of it, were it unchoked and idle (spec 6.1)."""
        return set() if self.failed else self.useful(side) - self.asked_of_someone()

    def must_ask(self, side: Side) -> set[int]:
        """The same without what another is already writing: that would only be skipped."""
        return self.may_ask(side) - set(self.writer)

    def wants(self, peer_id: int, piece: int) -> bool:
        """Whether a piece that begins to come is to be kept (spec 6.5)."""
        return (
            self.finished is None
            and not self.failed
            and piece not in self.own
            and piece in self.sides[peer_id].owes
            and piece not in self.writer
        )

    def answered(self, peer_id: int, piece: int, now: float) -> None:
        """A piece has come whole, kept or not."""
        side = self.sides[peer_id]
        side.waits_since = now
        if piece in side.owes:
            side.owes.discard(piece)
            side.unanswered = 0
        self.parts.pop(peer_id, None)
        if side.request == piece:
            side.request = None

    def lose(self, peer_id: int) -> Side:
        """Forget what a connection stood for (spec 2.7, 2.8)."""
        side = self.sides.pop(peer_id)
        self.told_last[peer_id] = len(side.has)
        self.parts.pop(peer_id, None)
        self.writer = {p: who for p, who in self.writer.items() if who != peer_id}
        self.preferred.discard(peer_id)
        if self.optimistic == peer_id:
            self.optimistic = None
        if not side.in_order:
            self.told.discard(peer_id)
        return side

    # The end (spec 7).

    def moved(self, now: float) -> None:
        """A piece is new: the clock of spec 7.3 is set back."""
        self.moved_at, self.clock = now, None

    def lacking(self) -> set[int]:
        """Pieces that nobody here has."""
        return self.pieces - self.own.union(*(side.has for side in self.sides.values()))

    def missing(self) -> set[int]:
        """Who is awaited in vain (spec 7.3)."""
        if self.complete:
            done = all(side.has == self.pieces for side in self.sides.values())
            return self.others - self.known_complete - set(self.sides) if done else set()
        return self.others - set(self.sides) if self.lacking() else set()

    def patience_ends(self, clock: float) -> float:
        """Until when they are awaited: who was here 60 s from the first time it was, others 600 s.

        All of those who lack pieces must come; of those who may bring some, one is enough.
        """
        missing = self.missing()
        ends = {}
        for peer in missing:
            limit = self.wait
            if limit is None:
                limit = WAIT if peer in self.seen else 600.0
            ends[peer] = max(clock, self.seen.get(peer, clock)) + limit
        if self.complete:
            return min(ends.values())
        bring = [n for n in missing if self.config.peer(n).has_file or self.told_last.get(n)]
        return max(ends[peer] for peer in bring or missing)

    def useless_at(self) -> float:
        """When a peer that failed ends, if nothing moves (spec 7.4)."""
        return max(self.failed_at, self.moved_at) + (WAIT if self.wait is None else self.wait)

    def all_complete(self) -> bool:
        """Whether everybody is known to have everything (spec 7.1)."""
        return self.complete and self.known_complete == self.others

    def due_end(self, now: float) -> int | None:
        """The status to end with now, if it is time; keeps the clock of spec 7.3."""
        if self.failed:
            done = all(side.has == self.pieces for side in self.sides.values())
            self.by_clock = self.serves and not done
            return 4 if not self.by_clock or self.useless_at() <= now else None
        self.by_clock = False
        if self.all_complete():
            if self.others <= self.told | self.given_up:
                return 0
            if not self.telling:
                self.telling = True
                self.given_up.clear()
            return None if self.others - self.told - self.given_up else 0
        self.telling = False
        if not self.missing():
            return None
        if self.clock is None:
            self.clock = now
        self.by_clock = True
        return 3 if self.patience_ends(self.clock) <= now else None

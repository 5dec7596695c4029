"""The download machine: a neighbor's choke of us, and our one request to it (spec 6).

Rules, in the order of the specification:

- While a neighbor chokes us, it is sent no request. Its unchoke makes us look for a piece that it
  has and we lack and that nobody was asked for (spec 6.1).
- One request at a time: the next goes out after the piece arrived, without pipelining (spec 6.2). It
  is chosen at the end of the turn, and not while a piece is under way to the neighbor.
- So it goes on until the neighbor chokes us or has nothing more for us; unchoked and idle, we look
  again at each have from it and whenever a piece becomes free (spec 6.3).
- A choke that crosses a request leaves it unanswered, and its piece is free again (spec 6.4).
- A piece that answers the open request ends it, whether its content was kept or skipped (spec 6.5).
- A request that sees no byte of its piece for 10 s is given up: its piece is free for others, and the
  neighbor may be asked again. The wait doubles with each request in a row that stays unanswered
  (spec 6.6).

Theory of operation. The three states are the cross of two questions: are we unchoked, and is a request
open? `choked` (no, no), `idle` (yes, no) and `requesting` (yes, yes). `choked` with an open request
doesn't exist, for a choke frees it.

In the steady state of a download one piece follows the other: a piece arrives and the next request
goes out in the same turn. The state is `requesting` before and after, so no trigger fires: only
`piece` changes, by `ask_next`. That is where a swarm spends its time, and why it costs nothing here.

`piece` is the index that the open request names, and None where no request is open: also in
`requesting`, between a piece and the end of the turn in which it arrived. `waits_since` is
when the request went out, or when the neighbor last began or ended a piece, in seconds on the
caller's clock: what it sends comes in order, so a piece that is under way delays the answer.

The machine doesn't choose pieces (`core.picking`) and keeps no book of who was asked for what
(`core.downloads`).
"""

from __future__ import annotations

from typing import Literal, get_args

from core.machines.base import NeighborMachine, row

ANSWER_WITHIN = 10.0
"""Seconds without a byte of its piece after which a request is given up (spec 6.6)."""

State = Literal["choked", "idle", "requesting"]
"""Where a machine may stand; the first is where every connection starts."""


class Download(NeighborMachine):
    """Whether we may ask a neighbor for pieces, and whether we did."""

    KIND = "download"
    STATES = get_args(State)
    state: State
    TABLE = (
        row("unchoked", "choked", "idle"),
        row("choked", "idle", "choked"),
        row("choked", "requesting", "choked"),
        row("ask", "idle", "requesting"),
        row("answered", "requesting", "idle"),
        row("expire", "requesting", "idle"),
    )

    def __init__(self, neighbor: int) -> None:
        super().__init__(neighbor)
        self.piece: int | None = None
        self.waits_since = 0.0
        self.unanswered = 0
        """How many requests in a row were given up; 0 again once a piece that was asked for came."""

    def unchoked(self) -> bool:
        """The neighbor unchoked us."""
        raise NotImplementedError

    def choked(self) -> bool:
        """The neighbor choked us."""
        raise NotImplementedError

    def ask(self) -> bool:
        """A request goes out."""
        raise NotImplementedError

    def answered(self) -> bool:
        """The piece that the open request names arrived, and there is nothing more to ask for."""
        raise NotImplementedError

    def expire(self) -> bool:
        """The open request saw no byte of its piece for too long."""
        raise NotImplementedError

    def ask_next(self, piece: int, now: float) -> None:
        """Name the piece of the request that goes out, now."""
        if self.state != "requesting":
            self.ask()
        self.piece = piece
        self.waits_since = now

    @property
    def due(self) -> float:
        """When the open request is given up, unless the neighbor sends something of its piece."""
        return self.waits_since + ANSWER_WITHIN * 2.0**self.unanswered

    def give_up(self) -> None:
        """The wait for the open request's piece is over; the next wait is twice as long."""
        self.clear()
        self.unanswered += 1
        self.expire()

    def clear(self) -> int | None:
        """Forget the open request; return the piece that it named."""
        piece, self.piece = self.piece, None
        return piece

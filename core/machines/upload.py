"""The upload machine: our choke of one neighbor (spec 4).

Rules, in the order of the specification:

- A peer uploads to at most k preferred neighbors and to one that it unchokes optimistically. These
  are unchoked, all others are choked (spec 4.1). So a neighbor is in one of four states: it has
  neither place, one of the two, or both, for it may hold both at once (spec 4.6).
- Every p seconds the preferred neighbors are chosen anew. The newly chosen are sent unchoke, unless
  they are unchoked already; those no longer chosen are sent choke, unless they hold the optimistic
  place (spec 4.4).
- Every m seconds the optimistic place goes to one of those choked at that moment, which is sent
  unchoke. The one that is replaced is choked at once, unless it is preferred (spec 4.5).

- Where both choices fall due together, both are made before anything is sent: who leaves `choked` and
  comes back to it, or the other way round, is sent nothing (spec 4.7).

Theory of operation. Look at the messages: unchoke is due exactly when `choked` is left and choke
exactly when it is entered. No other change of state sends anything. So the machine needs no rule
about who is sent what: give and take the two places, and 4.4 to 4.6 hold by construction. That
nobody is sent a second unchoke, and nobody who holds another place a choke, isn't checked anywhere;
it can't happen.

Whoever is chosen optimistically was choked at that moment, so `pick_optimistic` is refused in any
state but `choked`: a second place for a preferred neighbor can only come the other way round, when
the optimistic one becomes preferred.

When a connection is lost its machines are dropped, wherever they stand: nobody is there to be sent a
choke, and a new connection starts choked (spec 2.7, 2.8).

The machine doesn't know when places are given (`core.uploads`), nor by what rule (`core.choking`).
What it does know: a choke drops the requests that still wait, since no piece is sent to a choked
neighbor (spec 4.8). That is done with the choke, by whom `on_choke` tells.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, get_args

from transitions import EventData

from core.machines.base import NeighborMachine, row

State = Literal["choked", "preferred", "optimistic", "preferred_optimistic"]
"""Where a machine may stand; the first is where every connection starts."""


class Upload(NeighborMachine):
    """Which of the two unchoked places a neighbor holds."""

    KIND = "upload"
    STATES = get_args(State)
    state: State
    TABLE = (
        row("prefer", "choked", "preferred"),
        row("prefer", "optimistic", "preferred_optimistic"),
        row("unprefer", "preferred", "choked"),
        row("unprefer", "preferred_optimistic", "optimistic"),
        row("pick_optimistic", "choked", "optimistic"),
        row("drop_optimistic", "optimistic", "choked"),
        row("drop_optimistic", "preferred_optimistic", "preferred"),
    )

    def __init__(
        self, neighbor: int, *, on_choke: Callable[[int], None], on_unchoke: Callable[[int], None]
    ) -> None:
        super().__init__(neighbor)
        self._on_choke = on_choke
        self._on_unchoke = on_unchoke

    def prefer(self) -> bool:
        """It is chosen as a preferred neighbor."""
        raise NotImplementedError

    def unprefer(self) -> bool:
        """It is no longer a preferred neighbor."""
        raise NotImplementedError

    def pick_optimistic(self) -> bool:
        """It is chosen as the optimistically unchoked neighbor."""
        raise NotImplementedError

    def drop_optimistic(self) -> bool:
        """Another one is chosen as the optimistically unchoked neighbor."""
        raise NotImplementedError

    def leave_choked(self, _change: EventData) -> None:
        """Unchoke is due exactly here."""
        self._on_unchoke(self.neighbor)

    def enter_choked(self, _change: EventData) -> None:
        """Choke is due exactly here."""
        self._on_choke(self.neighbor)

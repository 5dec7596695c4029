"""The interest machines: ours in a neighbor, and its in us (spec 5).

Rules, in the order of the specification:

- After a bitfield or a have a peer decides whether the neighbor has a piece that it lacks, and tells
  it `interested` or `not interested`, whether it is choked or not (spec 5.1).
- The first bitfield is answered by one of the two, unless an earlier have already was. Otherwise only
  a change is told, and as long as nothing was told, that counts as not interested (spec 5.1).
- After each piece that it completes, a peer looks through all neighbors' pieces: those that now have
  nothing for it are told `not interested` (spec 5.3).
- Preferred and optimistically unchoked neighbors are chosen among those interested in us (spec 4.2,
  4.5): for that the last thing that a neighbor told us counts, and as long as it told us nothing it
  isn't interested.

Theory of operation. Both machines have the same three states: `unknown`, where each connection starts
(spec 2.7), `interested` and `not_interested`. Nothing leads back to `unknown`. They differ in what a
change means: entering a state of ours sends the message, so the two ends agree by construction and
no message goes out twice in a row; entering a state of its sends nothing.

`unknown` and `not_interested` differ in one thing only: the first bitfield must be answered even
when the answer is `not interested`. Where a have comes before the bitfield and is of use, the answer
has been given, and the bitfield changes nothing; where it is of no use there is no change to tell,
and the bitfield is answered as ever.

A neighbor may repeat itself (spec 3.4). Each message that comes is logged, but what changes nothing
is no trigger: the composing code asks `state` first.

Whether a neighbor is of use isn't looked up here: `core.downloads` keeps the number of pieces that it
has and we lack, and brings it up to date with every have and every piece, so that the question after
each piece (spec 5.3) costs one comparison a neighbor and not one look at a bitfield.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, get_args

from transitions import EventData

from core.machines.base import NeighborMachine, row

State = Literal["unknown", "interested", "not_interested"]
"""Where a machine may stand; the first is where every connection starts."""


class OurInterest(NeighborMachine):
    """What we told a neighbor about our interest in its pieces."""

    KIND = "our_interest"
    STATES = get_args(State)
    state: State
    TABLE = (
        row("gain", "unknown", "interested"),
        row("gain", "not_interested", "interested"),
        row("lose", "unknown", "not_interested"),
        row("lose", "interested", "not_interested"),
    )

    def __init__(
        self, neighbor: int, *, on_gain: Callable[[int], None], on_lose: Callable[[int], None]
    ) -> None:
        super().__init__(neighbor)
        self._on_gain = on_gain
        self._on_lose = on_lose

    def gain(self) -> bool:
        """It has a piece that we lack."""
        raise NotImplementedError

    def lose(self) -> bool:
        """It has nothing that we lack."""
        raise NotImplementedError

    def enter_interested(self, _change: EventData) -> None:
        """Interested goes out exactly here."""
        self._on_gain(self.neighbor)

    def enter_not_interested(self, _change: EventData) -> None:
        """Not interested goes out exactly here."""
        self._on_lose(self.neighbor)


class ItsInterest(NeighborMachine):
    """What a neighbor told us about its interest in our pieces."""

    KIND = "its_interest"
    STATES = get_args(State)
    state: State
    TABLE = (
        row("told_interested", "unknown", "interested"),
        row("told_interested", "not_interested", "interested"),
        row("told_not_interested", "unknown", "not_interested"),
        row("told_not_interested", "interested", "not_interested"),
    )

    def told_interested(self) -> bool:
        """It says that we have something that it lacks."""
        raise NotImplementedError

    def told_not_interested(self) -> bool:
        """It says that we have nothing that it lacks."""
        raise NotImplementedError

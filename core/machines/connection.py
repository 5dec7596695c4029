"""The connection machine: the way of one TCP connection from the dial to the end (spec 2, 3.6, 7.2).

Rules, in the order of the specification:

- A peer dials those listed before it and accepts those listed after it (spec 2.1).
- Both ends send their handshake as soon as they are connected, without waiting for the other's
  (spec 2.2). So there is one state in which the handshake is on its way in both directions, however
  the connection came about.
- Only a handshake that is accepted opens the connection: then its lines are logged, its bitfield is
  queued, and the neighbor exists (spec 8.3). A handshake that is refused, or not complete after 10 s,
  closes it and nothing else is disturbed (spec 2.4).
- At the end a peer flushes what is queued, half-closes, and reads until end of stream (spec 7.2). The
  same holds for the one that receives end of stream on a connection where both are complete: it sends
  what is queued and closes too.
- A failed send doesn't end a connection: what the neighbor sent before is read and handled first,
  until end of stream or an error on reading (spec 3.6).

Theory of operation. `connecting` is left by an attempt that succeeds (`connected`) or is given up
(`lost`); an accepted connection starts there too and is `connected` at once. `handshaking` is left
by `accepted` or `lost`. `open` is the only state in which messages are exchanged with a neighbor.
`closing` still sends what is queued and still reads, but nothing new is queued. `closed` is the end:
nothing leads out of it, and a connection that is dialled again is a new machine.

What follows from `lost` in each state differs, and is decided by whoever runs the connection: an
attempt is repeated after a growing pause (spec 2.5), a handshake that failed is told on stderr, and
the loss of an open connection is a fact for the core (`NeighborLost`).
"""

from __future__ import annotations

from typing import Literal, get_args

from core.machines.base import NeighborMachine, row

State = Literal["connecting", "handshaking", "open", "closing", "closed"]
"""Where a machine may stand; the first is where every connection starts."""


class Connection(NeighborMachine):
    """How far a connection has come. `neighbor` is 0 until an accepted one has told its id."""

    KIND = "connection"
    STATES = get_args(State)
    state: State
    TABLE = (
        row("connected", "connecting", "handshaking"),
        row("accepted", "handshaking", "open"),
        row("wind_down", "open", "closing"),
        row("lost", "connecting", "closed"),
        row("lost", "handshaking", "closed"),
        row("lost", "open", "closed"),
        row("lost", "closing", "closed"),
    )

    def connected(self) -> bool:
        """TCP is connected; both ends send their handshake."""
        raise NotImplementedError

    def accepted(self) -> bool:
        """The other's handshake is the expected one."""
        raise NotImplementedError

    def wind_down(self) -> bool:
        """Nothing new is queued; what is queued still goes out, what comes is still read."""
        raise NotImplementedError

    def lost(self) -> bool:
        """The connection is gone, or given up."""
        raise NotImplementedError

"""What a peer tells whoever started it: one JSON line about four times a second.

The launcher draws its table from these lines, and `invoke bench` takes its figures from the last.
"""

from __future__ import annotations

import json
import os
import time
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from core.state import Neighbor, State
    from peerio.networking import Networking
    from peerio.runtime import Runtime

INTERVAL = 0.25
"""Seconds between two lines."""
RETRY_PAUSE = 0.01
"""Seconds between two attempts to write that line."""
LAST_LINE_PATIENCE = 1.0
"""Seconds that a reader gets to make room for the last line, which holds the outcome."""


@dataclass(frozen=True, slots=True)
class Status:
    """One status line of a peer, for who writes it and who reads it.

    `up` and `down` are content bytes of pieces, `messages` those sent and received so far. The
    last six are known from the last line only (`state` is `ended`): the exit status and its
    reason, seconds of user and system time in all and up to the first unchoke that the peer sent
    or received, the moment of that unchoke on the monotonic clock, and seconds of user and system
    time until the peer listened.
    """

    peer: int
    state: str
    pieces: int
    of: int
    up: int
    down: int
    messages: int
    neighbors: dict[int, str] = field(default_factory=dict)
    status: int | None = None
    reason: str | None = None
    cpu: float | None = None
    first_unchoke: float | None = None
    cpu_at_first_unchoke: float | None = None
    cpu_at_start: float | None = None

    @property
    def complete(self) -> bool:
        """Whether the peer has every piece."""
        return self.pieces == self.of

    def record(self) -> dict[str, Any]:
        """The line as JSON has it: what only the last one knows is left out of all others."""
        is_last = self.state == "ended"
        return {name: value for name, value in asdict(self).items() if is_last or value is not None}


def flags(neighbor: Neighbor, optimistic: int | None) -> str:
    """How things stand with a neighbor, in the letters that BitTorrent users know.

    D downloading (it unchokes us and we are interested), d interested but choked by it, K unchoked by
    it but not interested; U uploading, u it is interested but choked by us, ? unchoked by us but not
    interested; O our optimistically unchoked neighbor; I it dialled us.
    """
    wants = neighbor.our_interest.state == "interested"
    open_to_us = neighbor.download.state != "choked"
    text = {(True, True): "D", (True, False): "d", (False, True): "K", (False, False): ""}[
        wants, open_to_us
    ]
    text += {(True, True): "U", (True, False): "u", (False, True): "?", (False, False): ""}[
        neighbor.interested, neighbor.unchoked
    ]
    if neighbor.peer_id == optimistic:
        text += "O"
    return text + ("I" if neighbor.incoming else "")


class StatusReporter:
    """Writes status lines to a pipe. A full pipe costs a line, a closed one all lines; never more."""

    def __init__(self, fd: int, runtime: Runtime, network: Networking) -> None:
        self._fd = fd
        self._rest = b""
        self._runtime = runtime
        self._network = network
        self._cpu_at_start: float | None = None
        self._first_unchoke: float | None = None
        self._cpu_then: float | None = None
        if hasattr(os, "set_blocking"):  # else whoever started us reads at once
            os.set_blocking(fd, False)
        runtime.on_first_unchoke = self._mark_first_unchoke

    def start(self) -> None:
        """Write the first line, and one each interval from here on; on the network thread."""
        if self._cpu_at_start is None:
            self._cpu_at_start = time.process_time()
        state = "running" if self._runtime.status is None else "ending"
        self._write(self._figures(state).record())
        self._network.call_at("status", self._network.clock.now + INTERVAL, self.start)

    def end(self, status: int, reason: str) -> None:
        """Write the last line, for which a full pipe is waited for a second."""
        last = replace(
            self._figures("ended"),
            status=status,
            reason=reason,
            cpu=time.process_time(),
            first_unchoke=self._first_unchoke,
            cpu_at_first_unchoke=self._cpu_then,
            cpu_at_start=self._cpu_at_start,
        )
        self._write(last.record(), patience=LAST_LINE_PATIENCE)

    def _mark_first_unchoke(self) -> None:
        self._first_unchoke = time.monotonic()
        self._cpu_then = time.process_time()

    def _figures(self, state: str) -> Status:
        core: State = self._runtime.core.state
        optimistic = self._runtime.core.uploads.optimistic
        return Status(
            peer=core.peer_id,
            state=state,
            pieces=core.own.count,
            of=len(core.own),
            up=self._runtime.up,
            down=self._runtime.down,
            messages=self._network.messages,
            neighbors={n.peer_id: flags(n, optimistic) for n in core.neighbors.values()},
        )

    def _write(self, line: dict[str, Any], *, patience: float = 0.0) -> None:
        """Write a line, behind what is left of the one before; a pipe that is full costs the line.

        `patience` is how many seconds a full pipe is waited for.
        """
        self._push(patience)
        if self._fd < 0 or self._rest:
            return
        self._rest = data = json.dumps(line).encode() + b"\n"
        self._push(patience)
        if len(self._rest) == len(data):
            self._rest = b""  # whoever reads is slow: the next line tells more

    def _push(self, patience: float) -> None:
        """Write the rest as far as the pipe takes it. Long lines it may take in parts."""
        until = time.monotonic() + patience
        try:
            while self._rest:
                try:
                    self._rest = self._rest[os.write(self._fd, self._rest) :]
                except BlockingIOError:
                    if time.monotonic() >= until:
                        return
                    time.sleep(RETRY_PAUSE)
        except OSError:
            self._fd = -1
            self._rest = b""

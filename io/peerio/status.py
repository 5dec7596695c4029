"""What a peer tells whoever started it: one JSON line about four times a second.

The launcher draws its table from these lines, and `invoke bench` takes its figures from the last.
"""

from __future__ import annotations

import json
import os
import time
from typing import Any

from core.state import Neighbor, State
from peerio.networking import Networking
from peerio.runtime import Runtime

INTERVAL = 0.25
"""Seconds between two lines."""


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
        self._runtime = runtime
        self._network = network
        self._first_unchoke: float | None = None
        self._cpu_then: float | None = None
        os.set_blocking(fd, False)
        runtime.on_first_unchoke = self._mark_first_unchoke

    def start(self) -> None:
        """Write the first line, and one each interval from here on; on the network thread."""
        state = "running" if self._runtime.status is None else "ending"
        self._write(self._figures(state))
        self._network.call_at("status", self._network.clock.now + INTERVAL, self.start)

    def end(self, status: int, reason: str) -> None:
        """Write the last line."""
        self._write(
            {
                **self._figures("ended"),
                "status": status,
                "reason": reason,
                "cpu": time.process_time(),
                "first_unchoke": self._first_unchoke,
                "cpu_at_first_unchoke": self._cpu_then,
            }
        )

    def _mark_first_unchoke(self) -> None:
        self._first_unchoke = time.monotonic()
        self._cpu_then = time.process_time()

    def _figures(self, state: str) -> dict[str, Any]:
        core: State = self._runtime.core.state
        optimistic = self._runtime.core.uploads.optimistic
        return {
            "peer": core.peer_id,
            "state": state,
            "pieces": core.own.count,
            "of": len(core.own),
            "up": self._runtime.up,
            "down": self._runtime.down,
            "messages": self._network.messages,
            "neighbors": {str(n.peer_id): flags(n, optimistic) for n in core.neighbors.values()},
        }

    def _write(self, line: dict[str, Any]) -> None:
        if self._fd < 0:
            return
        try:
            os.write(self._fd, json.dumps(line).encode() + b"\n")
        except BlockingIOError:
            pass  # whoever reads is slow: the next line tells more
        except OSError:
            self._fd = -1

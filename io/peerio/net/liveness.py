"""How a connection that dies without a word is noticed within 30 s (spec 2.9).

A host that vanishes, or whose cable is pulled, sends no end of stream. If something was sent to it, that
stays unacknowledged; if nothing was, the system asks after a while whether it is still there. Linux
gives up after the time that we name in both cases, and also on a neighbor that is alive but takes
nothing. macOS and Windows have options of their own for what their buffers hold; what no longer fits
there is in our send queue, and `peerio.net.sender` sees that it stands still.
"""

from __future__ import annotations

import errno
import socket
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

SILENCE = 25
"""Seconds without a sign that the neighbor takes what is sent, after which it counts as gone."""
PROBE_AFTER, PROBE_EVERY, PROBES = 10, 5, 3
"""An idle connection is probed: seconds, seconds, and times. Together they take `SILENCE`."""
UNACKNOWLEDGED = {"darwin": 0x80, "win32": 5}
"""TCP_RXT_CONNDROPTIME and TCP_MAXRT: seconds for which sent data may stay unacknowledged. Python has
no names for them, nor for the next."""
LONGEST_PAUSE = {"linux": (44, 3000)}
"""TCP_RTO_MAX_MS, Linux 6.15 and newer: milliseconds after which data are sent again at the latest. The
pauses double otherwise, and a cable that is back after 13 s is found dead at 25."""
SYSTEM_WATCHES = hasattr(socket, "TCP_USER_TIMEOUT")
"""The system ends a connection whose neighbor takes nothing, whatever waits and wherever."""
GONE = {
    errno.ETIMEDOUT,
    errno.EHOSTUNREACH,
    errno.ENETUNREACH,
    errno.EHOSTDOWN,
    errno.ENETRESET,  # Windows, of a connection whose probes weren't answered
}


def watch_for_silence(sock: socket.socket) -> None:
    """Have the system end the connection when it is silent too long."""
    for level, option, value in options(vars(socket), sys.platform):
        with suppress(OSError):  # what one system lacks, or refuses on a socket that was reset
            sock.setsockopt(level, option, value)


def options(names: Mapping[str, Any], platform: str) -> Iterator[tuple[int, int, int]]:
    """Level, option and value of what to set, given the names that `socket` has on this platform."""
    tcp = names["IPPROTO_TCP"]
    yield names["SOL_SOCKET"], names["SO_KEEPALIVE"], 1
    for candidates, value in (
        (("TCP_KEEPIDLE", "TCP_KEEPALIVE"), PROBE_AFTER),  # the second is macOS's name
        (("TCP_KEEPINTVL",), PROBE_EVERY),
        (("TCP_KEEPCNT",), PROBES),
    ):
        found = [names[name] for name in candidates if name in names]
        if found:
            yield tcp, found[0], value
    if "TCP_USER_TIMEOUT" in names:
        yield tcp, names["TCP_USER_TIMEOUT"], SILENCE * 1000
    elif platform in UNACKNOWLEDGED:
        yield tcp, UNACKNOWLEDGED[platform], SILENCE
    if platform in LONGEST_PAUSE:
        yield tcp, *LONGEST_PAUSE[platform]


def is_silence(error: OSError) -> bool:
    """Whether this is how the system tells that the neighbor, or the way to it, is gone."""
    return error.errno in GONE


def describe(peer_id: int) -> str:
    """What to tell people when a neighbor was silent too long."""
    return (
        f"connection with peer {peer_id} lost: nothing was acknowledged or taken for {SILENCE} s: "
        "it, or the way to it, is gone or stuck"
    )

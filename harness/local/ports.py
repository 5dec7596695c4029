"""Which ports the peers can listen on: looked at before anything starts."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

from core.config import SwarmConfig
from harness.errors import HarnessError
from harness.local.listening import is_this_machine, why_unusable

NEVER = 6008
"""A port that the course forbids."""
_LOWEST = 10_000
_EPHEMERAL_START = 32_768
_RANGE_FILE = Path("/proc/sys/net/ipv4/ip_local_port_range")


def ephemeral_start() -> int:
    """First port that the system gives to outgoing connections.

    A dial to a silent port at or above it can connect to itself, or another dial can take the
    port, so that peers listen below it. Where the system doesn't tell, the lowest start in use.
    """
    try:
        return int(_RANGE_FILE.read_text(encoding="ascii").split()[0])
    except (OSError, ValueError, IndexError):
        return _EPHEMERAL_START


def check(config: SwarmConfig) -> None:
    """Raise HarnessError unless every peer can listen on its port on this machine."""
    for peer in config.peers:
        if not is_this_machine(peer.host):
            raise HarnessError(
                f"PeerInfo.cfg: peer {peer.peer_id}: the host {peer.host!r} isn't this machine, "
                "and a swarm is started on one machine: write localhost, or run "
                f"`python peerProcess.py {peer.peer_id}` over there"
            )
        reason = why_unusable(peer.host, peer.port)
        if reason is not None:
            raise HarnessError(
                f"PeerInfo.cfg: peer {peer.peer_id}: port {peer.port} {reason}: "
                "end the program that holds it, or let --free-ports pick others"
            )


def with_free_ports(config: SwarmConfig) -> SwarmConfig:
    """The same swarm, each peer on a port that is free now and below the ephemeral range."""
    ports = free_ports(len(config.peers))
    pairs = zip(config.peers, ports, strict=True)
    return replace(config, peers=tuple(replace(peer, port=port) for peer, port in pairs))


def free_ports(count: int) -> list[int]:
    """`count` ports of the loopback addresses; HarnessError when there aren't as many."""
    found: list[int] = []
    # A random start, so that two swarms that start at once rarely try the same ports.
    end = ephemeral_start()
    start = random.randrange(_LOWEST, end - count)
    for port in (*range(start, end), *range(_LOWEST, start)):
        if len(found) == count:
            return found
        if port != NEVER and why_unusable("", port) is None:
            found.append(port)
    raise HarnessError(f"there aren't {count} free ports from {_LOWEST} to {end - 1}")

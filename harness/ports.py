"""Which ports the peers can listen on: looked at before anything starts."""

from __future__ import annotations

import errno
import random
import socket
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import HarnessError

if TYPE_CHECKING:
    from core.config import SwarmConfig

NEVER = 6008
"""A port that the course forbids."""
_LOWEST = 10_000
_EPHEMERAL_START = 32_768
_Addresses = tuple[tuple[socket.AddressFamily, str], ...]
_ALL_INTERFACES: _Addresses = ((socket.AF_INET, ""), (socket.AF_INET6, "::"))
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


def why_unusable(host: str, port: int) -> str | None:
    """Why a peer couldn't listen on `port` for `host` (spec 2.6); None if it could."""
    return _why_unbindable(_listening_addresses(host), port)


def _why_unbindable(addresses: _Addresses, port: int) -> str | None:
    for family, address in addresses:
        try:
            _bind(family, address, port)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return "is in use"
            if error.errno == errno.EACCES:
                return "isn't allowed to this user"
            if error.errno not in {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}:
                return f"can't be listened on: {error.strerror}"
    return None


def is_this_machine(host: str) -> bool:
    """Whether `host` names an address of this machine."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError:
        return False
    for family, _type, _protocol, _name, address in found:
        try:
            _bind(family, str(address[0]), 0)
        except OSError:
            continue
        return True
    return False


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
        if port != NEVER and _why_unbindable(_ALL_INTERFACES, port) is None:
            found.append(port)
    raise HarnessError(f"there aren't {count} free ports from {_LOWEST} to {end - 1}")


def _listening_addresses(host: str) -> _Addresses:
    """Addresses that a peer written as `host` listens on (spec 2.6)."""
    if host == "localhost":
        return ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"))
    if host.startswith("127."):
        return ((socket.AF_INET, host),)
    if host == "::1":
        return ((socket.AF_INET6, host),)
    return _ALL_INTERFACES


def _bind(family: int, address: str, port: int) -> None:
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        # As the peer does: a port in TIME_WAIT is free, one that is listened on isn't.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind((address, port))

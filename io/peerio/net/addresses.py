"""Which addresses a peer listens on, and how one is bound (spec 2.6).

Nothing but the standard library is imported: this file also runs on the hosts of a remote swarm.
"""

from __future__ import annotations

import ipaddress
import socket


def listening_addresses(host: str) -> list[tuple[socket.AddressFamily, str]]:
    """The addresses to bind for a host as `PeerInfo.cfg` writes it (spec 2.6)."""
    if host.lower() == "localhost":
        return [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")]
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        address = None
    if address is not None and address.is_loopback:
        return [(socket.AF_INET if address.version == 4 else socket.AF_INET6, host)]
    return [(socket.AF_INET, ""), (socket.AF_INET6, "::")]


def bind_to(sock: socket.socket, family: int, address: str, port: int) -> None:
    """Bind a socket as a peer does: a port in TIME_WAIT is free, one that is listened on isn't.

    Raises OSError as the system does.
    """
    if not hasattr(
        socket, "SO_EXCLUSIVEADDRUSE"
    ):  # on Windows it would share ports that are in use
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    sock.bind((address, port))

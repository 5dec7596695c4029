"""Where a peer listens (spec 2.6)."""

from __future__ import annotations

import errno
import ipaddress
import socket

BACKLOG = 128


class NetworkError(Exception):
    """The peer can't listen; the message says where, why, and what to do."""


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


def listen(host: str, port: int) -> list[socket.socket]:
    """Bind and listen on all addresses that the machine has of them; NetworkError if it can't."""
    sockets: list[socket.socket] = []
    for family, address in listening_addresses(host):
        try:
            sockets.append(_listen_on(family, address, port))
        except OSError as error:
            if family == socket.AF_INET6 and sockets and error.errno in _NO_IPV6:
                continue
            for sock in sockets:
                sock.close()
            raise NetworkError(_explain(error, port)) from error
    return sockets


_NO_IPV6 = {errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL, errno.EPROTONOSUPPORT}


def _listen_on(family: socket.AddressFamily, address: str, port: int) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        # A restarted peer binds at once, though old connections linger in TIME_WAIT.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind((address, port))
        sock.listen(BACKLOG)
        sock.settimeout(0)
    except OSError:
        sock.close()
        raise
    return sock


def _explain(error: OSError, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"port {port} is in use: another program (or an earlier peer) listens there; "
            "end it or give this peer another port in PeerInfo.cfg"
        )
    if error.errno == errno.EACCES:
        return (
            f"port {port} isn't allowed to this user: choose one above 1023 for this peer "
            "in PeerInfo.cfg"
        )
    return f"can't listen on port {port}: {error.strerror}; check this peer's line in PeerInfo.cfg"

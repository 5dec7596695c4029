"""Whether a peer can listen on its port, as found out by doing so for a moment.

Nothing but the standard library is imported: this file also runs on the hosts of a remote swarm.
"""

from __future__ import annotations

import errno
import ipaddress
import socket

_Addresses = tuple[tuple[socket.AddressFamily, str], ...]
_ALL_INTERFACES: _Addresses = ((socket.AF_INET, ""), (socket.AF_INET6, "::"))


def why_unusable(host: str, port: int) -> str | None:
    """Why a peer couldn't listen on `port` for `host` (spec 2.6); None if it could."""
    for family, address in listening_addresses(host):
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


def listening_addresses(host: str) -> _Addresses:
    """Addresses that a peer written as `host` listens on (spec 2.6), as peerio.net.listening has them.

    That module isn't made of the standard library alone, so a test holds the two together.
    """
    if host.lower() == "localhost":
        return ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"))
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return _ALL_INTERFACES
    if not address.is_loopback:
        return _ALL_INTERFACES
    return ((socket.AF_INET if address.version == 4 else socket.AF_INET6, host),)


def _bind(family: int, address: str, port: int) -> None:
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        # As the peer does: a port in TIME_WAIT is free, one that is listened on isn't.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind((address, port))

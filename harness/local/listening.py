"""Whether a peer can listen on its port, as found out by doing so for a moment.

Nothing is imported but what stands on the standard library alone: this file also runs on the hosts
of a remote swarm.
"""

from __future__ import annotations

import errno
import socket

from peerio.net.addresses import bind_to, listening_addresses


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


def _bind(family: int, address: str, port: int) -> None:
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        bind_to(listener, family, address, port)

"""Hosts as they are named on the command line, and the peers that run on them."""

from __future__ import annotations

import re
import socket
from pathlib import Path

from core.config import PeerInfo

FIRST_ID = 1001
_NAME = re.compile(r"(?:[^@\s,]+@)?[^@\s,:]+(?::[0-9]{1,5})?")
_ANYWHERE = ("192.0.2.1", 9)
"""An address that nobody has: a way to it shows which of ours is used."""


def names(text: str) -> tuple[str, ...]:
    """Read hosts that are separated by commas, each `[user@]host[:port of ssh]`."""
    found = tuple(name.strip() for name in text.split(",") if name.strip())
    if not found or not all(_NAME.fullmatch(name) for name in found):
        raise ValueError("expected hosts separated by commas, such as anna@pc1,pc2:2222")
    if len(set(found)) < len(found):
        raise ValueError("expected each host once")
    return found


def peers_of(
    hosts: tuple[str, ...], first_port: int, ssh_config: Path | None, *, from_first: bool
) -> tuple[dict[str, str], str, tuple[PeerInfo, ...]]:
    """The peers on these hosts: how ssh reaches each, this machine's name, and PeerInfo.cfg's lines.

    The seed on this machine comes last, so that it connects to all others: nobody must be able to
    connect to this machine, which may stand behind a firewall.
    """
    from harness.remote.ssh import address_of  # noqa: PLC0415 -- the extra may be missing

    ways: dict[str, str] = {}
    used: dict[str, int] = {}
    peers: list[PeerInfo] = []
    for number, name in enumerate(hosts):
        address = address_of(name, ssh_config)
        ways.setdefault(address, name)
        has_file = from_first and number == 0
        port = first_port + used.get(address, 0)
        used[address] = used.get(address, 0) + 1
        peers.append(PeerInfo(FIRST_ID + number, address, port, has_file))
    if from_first:
        return ways, "", tuple(peers)
    here = _own_address(peers[0].host)
    port = first_port + used.get(here, 0)
    peers.append(PeerInfo(FIRST_ID + len(hosts), here, port, has_file=True))
    return ways, here, tuple(peers)


def _own_address(towards: str) -> str:
    """The address of this machine on the way to a host; nothing is sent."""
    for target in ((towards, _ANYWHERE[1]), _ANYWHERE):
        try:
            family, kind, _, _, address = socket.getaddrinfo(*target, type=socket.SOCK_DGRAM)[0]
            with socket.socket(family, kind) as sock:
                sock.connect(address)
                return str(sock.getsockname()[0])
        except OSError:
            continue
    return "127.0.0.1"

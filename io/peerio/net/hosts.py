"""Which addresses the hosts of `PeerInfo.cfg` have (spec 2.4), found without blocking the loop."""

from __future__ import annotations

import ipaddress

from core.config import SwarmConfig
from peerio.net.loop import Loop
from peerio.net.system import Address, System


class Hosts:
    """Addresses by peer. A host whose name isn't resolved yet has none."""

    def __init__(self, config: SwarmConfig, loop: Loop, system: System) -> None:
        self._config = config
        self._loop = loop
        self._system = system
        self._addresses: dict[str, frozenset[str]] = {}
        self._asked: set[str] = set()

    def ask(self, peer_id: int) -> None:
        """Resolve the host of a peer, again if need be; the answer comes in a later turn."""
        peer = self._config.peer(peer_id)
        if peer.host in self._asked:
            return
        try:
            self._addresses[peer.host] = frozenset({str(ipaddress.ip_address(peer.host))})
        except ValueError:
            self._asked.add(peer.host)
            self._system.resolve(
                peer.host,
                peer.port,
                lambda found, _problem: self._loop.post(lambda: self._answered(peer.host, found)),
            )

    def _answered(self, host: str, found: list[Address]) -> None:
        self._asked.discard(host)
        if found:
            self._addresses[host] = frozenset(str(address[0]) for _, address in found)

    def listed(self, peer_id: int, address: str) -> bool:
        """Whether this is an address of the peer's host; if not, the name is resolved again."""
        if address in self._addresses.get(self._config.peer(peer_id).host, ()):
            return True
        self.ask(peer_id)
        return address in self._addresses.get(self._config.peer(peer_id).host, ())

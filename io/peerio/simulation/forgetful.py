"""A peer as some other programs are, to try ours beside."""

from __future__ import annotations

from random import Random
from typing import Any

from core.config import SwarmConfig
from core.interface.effects import Effect, Send
from core.interface.events import Event, MessageReceived
from core.interface.messages import UNCHOKE, Request
from core.peer import Peer


class Forgetful(Peer):
    """Half of the first requests after an unchoke are lost on it (spec 6.6)."""

    def __init__(self, config: SwarmConfig, peer_id: int, rng: Random, **options: Any) -> None:
        super().__init__(config, peer_id, rng, **options)
        self._fresh: set[int] = set()
        self._chance = Random(f"forgetful {peer_id}")

    def handle(self, event: Event, now: float) -> list[Effect]:
        """Take in a fact, unless it is such a request."""
        match event:
            case MessageReceived(neighbor, Request()) if neighbor in self._fresh:
                self._fresh.discard(neighbor)
                if self._chance.random() < 0.5:
                    return []
        orders = super().handle(event, now)
        for order in orders:
            if isinstance(order, Send) and order.message == UNCHOKE:
                self._fresh.add(order.neighbor)
        return orders

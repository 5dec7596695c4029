"""What mutants of the whole core are made with: a core that is open to them, and questions to orders."""

from __future__ import annotations

from typing import Any

from core.interface.effects import Broadcast, Effect, Log, Send
from core.interface.messages import Have, Message
from core.peer import Peer


class OpenPeer(Peer):
    """A core whose events and orders have any type, so that mutants are short."""

    def handle(self, event: Any, now: float) -> Any:
        """What a core does."""
        return super().handle(event, now)


def sends(order: Effect, kind: type[Message]) -> bool:
    """Whether an order sends such a message to one neighbor."""
    return isinstance(order, Send) and isinstance(order.message, kind)


def announces(order: Effect) -> bool:
    """Whether an order is a have to all."""
    return isinstance(order, Broadcast) and isinstance(order.message, Have)


def logs(order: Effect, event: str) -> bool:
    """Whether an order writes a line of this event."""
    return isinstance(order, Log) and order.event == event

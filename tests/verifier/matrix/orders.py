"""What a mutant asks of a core's orders."""

from __future__ import annotations

from core.effects import Broadcast, Effect, Log, Send
from core.messages import Have, Message


def sends(order: Effect, kind: type[Message]) -> bool:
    """Whether an order sends such a message to one neighbor."""
    return isinstance(order, Send) and isinstance(order.message, kind)


def announces(order: Effect) -> bool:
    """Whether an order is a have to all."""
    return isinstance(order, Broadcast) and isinstance(order.message, Have)


def logs(order: Effect, event: str) -> bool:
    """Whether an order writes a line of this event."""
    return isinstance(order, Log) and order.event == event

"""Values: events, effects and messages are made in thousands a second, so making one must be cheap."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True)
def value(kind: type[T]) -> type[T]:
    """A dataclass with slots that nobody changes: type checkers see to that.

    At run time it isn't enforced: making one that is frozen takes twice as long.
    """
    return dataclass(slots=True, unsafe_hash=True)(kind)

"""What a played peer and its connections see of the session that they are in."""

from __future__ import annotations

import selectors
from collections.abc import Callable, Iterator
from typing import Protocol

from probe.model import Event, Plan
from probe.settings import Settings


class Scene(Protocol):
    """The stage, as those on it see it."""

    plan: Plan
    settings: Settings
    selector: selectors.BaseSelector
    links: Iterator[int]
    """Numbers for connections."""
    port: int
    """The port of the program."""

    @property
    def running(self) -> bool:
        """Whether the program still runs."""

    def now(self) -> float:
        """Seconds since the program was started."""

    def after(self, seconds: float, call: Callable[[], None]) -> None:
        """Call something later."""

    def note(self, event: Event) -> None:
        """Remember what happened."""

    def content_of(self, index: int) -> bytes:
        """The content of a piece."""

"""What receiving and sending ask of whoever owns the connections (`peerio.net.links`)."""

from __future__ import annotations

from typing import Protocol

from core.errors import RemoteProtocolError
from peerio.net.link import Link


class Owner(Protocol):
    """Decides on the ends of connections."""

    open: dict[int, Link]
    """Connections whose handshakes were accepted, by neighbor."""

    def watch(self, link: Link) -> None:
        """Have the loop watch for what this connection waits for."""

    def drop(self, link: Link, cause: str) -> None:
        """The connection is gone; `cause` is one of those of docs/trace.md."""

    def stream_ended(self, link: Link, error: OSError | None) -> None:
        """Nothing more will come: the end of the stream, or an error on reading."""

    def fell_silent(self, link: Link) -> None:
        """The neighbor, or the way to it, is gone without a word (spec 2.9)."""

    def broke_protocol(self, link: Link, error: RemoteProtocolError) -> None:
        """The neighbor sent what can't be (spec 3.5)."""

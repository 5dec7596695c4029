"""What the trace is told of connections and messages; nothing, where tracing is off."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from core.interface.messages import Message
from peerio.frames import describe
from peerio.net.link import Link

if TYPE_CHECKING:
    from collections.abc import Mapping

    from peerio.contract import ConnectionState, Tap, Way


class Recorder:
    """Numbers messages per connection and direction (docs/trace.md)."""

    def __init__(self, tap: Tap | None) -> None:
        self._tap = tap
        self.on = tap is not None
        """Tracing is on: asked before each message."""

    def message(self, link: Link, way: Way, message: Message) -> None:
        """A message other than a have was queued (`out`) or taken in (`in`)."""
        if self._tap is not None:
            self.frame(link, way, *describe(message))

    def frame(
        self, link: Link, way: Way, kind: str, piece: int | None, fields: Mapping[str, Any]
    ) -> None:
        """A frame, or a handshake, was queued or taken in; `piece` is the one it is about, if any."""
        if self._tap is None:
            return
        if way == "out":
            mseq, link.mseq_out = link.mseq_out, link.mseq_out + 1
        else:
            mseq, link.mseq_in = link.mseq_in, link.mseq_in + 1
        self._tap.message(way, link.name, link.neighbor, mseq, kind, piece, fields)

    def haves_came(self, link: Link, pieces: list[int]) -> None:
        """Haves were taken in one after the other."""
        if self._tap is not None:
            self._tap.haves_came(link.name, link.neighbor, link.mseq_in, pieces)
            link.mseq_in += len(pieces)

    def haves_queued(self, links: list[Link], pieces: list[int]) -> None:
        """The same haves were queued on these connections."""
        if self._tap is not None:
            numbers = [link.mseq_out for link in links]
            self._tap.haves_queued([link.name for link in links], numbers, pieces)
            for link in links:
                link.mseq_out += len(pieces)

    def connection(self, link: Link, state: ConnectionState, fields: dict[str, Any]) -> None:
        """A connection is `open` or `closed`."""
        if self._tap is not None:
            self._tap.connection(link.name, link.neighbor, state, fields)

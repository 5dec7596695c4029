"""What the trace is told of connections and messages; nothing, where tracing is off."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from core.interface.messages import Have, Message
from peerio.frames import describe
from peerio.net.link import Link

if TYPE_CHECKING:
    from peerio.contract import ConnectionState, Tap, Way


class Recorder:
    """Numbers messages per connection and direction (docs/trace.md)."""

    def __init__(self, tap: Tap | None) -> None:
        self._tap = tap
        self.on = tap is not None
        """Tracing is on: asked before each message."""

    def message(self, link: Link, way: Way, message: Message) -> None:
        """A message was queued (`out`) or taken in (`in`)."""
        if type(message) is Have:
            self.haves(link, way, [message.piece])
        elif self._tap is not None:
            self.frame(link, way, *describe(message))

    def haves(self, link: Link, way: Way, pieces: list[int]) -> None:
        """Haves were queued or taken in one after the other."""
        if self._tap is not None:
            mseq = self._number(link, way, len(pieces))
            self._tap.haves(way, link.name, link.neighbor, mseq, pieces)

    def frame(self, link: Link, way: Way, kind: str, size: int, fields: dict[str, Any]) -> None:
        """A frame, or a handshake, of `size` bytes was queued or taken in."""
        if self._tap is None:
            return
        mseq = self._number(link, way, 1)
        self._tap.message(way, link.name, link.neighbor, mseq, kind, size, fields)

    @staticmethod
    def _number(link: Link, way: Way, count: int) -> int:
        """The number of the first of so many messages."""
        if way == "out":
            link.mseq_out += count
            return link.mseq_out - count
        link.mseq_in += count
        return link.mseq_in - count

    def connection(self, link: Link, state: ConnectionState, fields: dict[str, Any]) -> None:
        """A connection is `open` or `closed`."""
        if self._tap is not None:
            self._tap.connection(link.name, link.neighbor, state, fields)

"""What the trace is told of connections and messages; nothing, where tracing is off."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from core.interface.messages import Message
from peerio.frames import describe
from peerio.net.link import Link

if TYPE_CHECKING:
    from peerio.contract import ConnectionState, Tap, Way


class Recorder:
    """Numbers messages per connection and direction (docs/trace.md). It is true where tracing is on."""

    def __init__(self, tap: Tap | None) -> None:
        self._tap = tap

    def __bool__(self) -> bool:
        return self._tap is not None

    def message(self, link: Link, way: Way, message: Message) -> None:
        """A message was queued (`out`) or taken in (`in`)."""
        if self._tap is not None:
            self.frame(link, way, *describe(message))

    def frame(self, link: Link, way: Way, kind: str, size: int, fields: dict[str, Any]) -> None:
        """A frame, or a handshake, of `size` bytes was queued or taken in."""
        if self._tap is None:
            return
        if way == "out":
            mseq = link.mseq_out
            link.mseq_out += 1
        else:
            mseq = link.mseq_in
            link.mseq_in += 1
        self._tap.message(way, link.name, link.neighbor, mseq, kind, size, fields)

    def connection(self, link: Link, state: ConnectionState, fields: dict[str, Any]) -> None:
        """A connection is `open` or `closed`."""
        if self._tap is not None:
            self._tap.connection(link.name, link.neighbor, state, fields)

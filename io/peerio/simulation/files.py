"""The files of simulated peers, in memory: what they keep, what they send, what a killed one leaves."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from core.config import SwarmConfig
    from peerio.simulation.scenario import Scenario


class MemorySink:
    """Takes a piece's content into a file in memory."""

    def __init__(self, data: bytearray, start: int, *, digest: bool, expected: bytes = b"") -> None:
        self._data = data
        self._start = self._position = start
        self._expected = expected
        self._hash = hashlib.sha256() if digest else None

    def write(self, data: memoryview, /) -> None:
        """Take the next bytes."""
        self._data[self._position : self._position + len(data)] = data
        self._position += len(data)
        if self._hash is not None:
            self._hash.update(data)

    def hexdigest(self) -> str | None:
        """The content's digest, where there is a trace to hold it."""
        return None if self._hash is None else self._hash.hexdigest()[:16]

    def is_right(self) -> bool:
        """Whether it is what was expected, where anything was."""
        found = self._data[self._start : self._position]
        return not self._expected or found == self._expected


class MemoryFile:
    """A peer's file: the runtime's `PieceStore` and networking's `PieceSource`."""

    def __init__(
        self, config: SwarmConfig, content: bytes | bytearray, expected: bytes = b""
    ) -> None:
        self.data = content
        self._expected = expected
        self._piece_size = config.piece_size

    def sink(self, index: int, /, *, digest: bool = False) -> MemorySink:
        """Where a piece's content goes."""
        if isinstance(self.data, bytes):  # of a seed, which only a broken one writes
            self.data = bytearray(self.data)
        start = index * self._piece_size
        expected = self._expected[start : start + self._piece_size]
        return MemorySink(self.data, start, digest=digest, expected=expected)

    def erase(self, index: int, /) -> None:
        """Nothing of a wrong piece stays."""
        start = index * self._piece_size
        size = len(self.data[start : start + self._piece_size])
        assert isinstance(self.data, bytearray), "it was written"
        self.data[start : start + size] = bytes(size)

    def send_piece(self, sock: Any, index: int, offset: int, count: int, /) -> int:
        """Hand content to the socket; how many bytes it took."""
        start = index * self._piece_size + offset
        content = memoryview(self.data)[start : start + count]
        taken: int = sock.send_content(content)
        return taken

    def complete(self) -> None:
        """It has no other name to take."""


class WrongFile(MemoryFile):
    """A file of a peer that sends each of so many pieces wrong."""

    def __init__(
        self, config: SwarmConfig, content: bytes | bytearray, expected: bytes, each: int
    ) -> None:
        super().__init__(config, content, expected)
        self._each = each

    def send_piece(self, sock: Any, index: int, offset: int, count: int, /) -> int:
        """Hand content to the socket, with all bits turned where it is wrong."""
        if index % self._each:
            return super().send_piece(sock, index, offset, count)
        start = index * self._piece_size + offset
        turned = bytes(byte ^ 0xFF for byte in self.data[start : start + count])
        taken: int = sock.send_content(memoryview(turned))
        return taken


@dataclass(frozen=True)
class Left:
    """What an earlier life left: the file, and which of its pieces are right, a byte each."""

    data: bytearray
    has: bytes


def open_file(
    config: SwarmConfig,
    scenario: Scenario,
    peer_id: int,
    content: bytes,
    left: Left | None,
    *,
    wrong: bool,
) -> MemoryFile:
    """A peer's file: the content for a seed, else what an earlier life left, or nothing.

    A `wrong` peer has it right, and sends it wrong.
    """
    own: bytes | bytearray = content
    if not config.peer(peer_id).has_file:
        own = bytearray(config.file_size) if left is None else left.data
    expected = content if scenario.hashes else b""
    if wrong:
        return WrongFile(config, own, expected, scenario.wrong_each)
    return MemoryFile(config, own, expected)

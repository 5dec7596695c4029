"""Every byte on the wire: handshake, frames, messages, and the checks of spec 3.4 and 3.5.

No other module packs or unpacks anything. Nothing here knows a socket, except `read_exact` and
`recv_message`, which read blocking ones for tools and tests.

A frame is checked as soon as its type is known, before memory is reserved or content is read for it:
what a neighbor can make us hold is at most one bitfield (spec 3.5).
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Protocol

from core.config import SwarmConfig
from core.errors import RemoteProtocolError
from core.messages import (
    CHOKE,
    INTERESTED,
    NOT_INTERESTED,
    UNCHOKE,
    Bitfield,
    Choke,
    Have,
    Interested,
    Message,
    NotInterested,
    Piece,
    Request,
    Unchoke,
)

HEADER = b"P2PFILESHARINGPROJ"
OLD_HEADER = b"CEN5501C2008SPRING"
"""The header of the assignment's text of 2011: refused, with a reason that names it (spec 2.2)."""
HANDSHAKE_SIZE = 32
"""Bytes of a handshake: the header, ten zero bytes, the id (spec 2.2)."""
PIECE_HEADER_SIZE = 9
"""Bytes of a piece message before its content: length, type, index (spec 3.2)."""

_HANDSHAKE = struct.Struct(">18s10xI")
_FRAME = struct.Struct(">IB")
_INDEX = struct.Struct(">I")
_INDEXED = struct.Struct(">IBI")
_INDEXED_LENGTH = 5
_BITS_TO_FLAGS = bytes.maketrans(b"01", b"\0\1")
_FLAGS_TO_BITS = bytes.maketrans(b"\0\1", b"01")


class MessageType(IntEnum):
    """The type byte (spec 3.2)."""

    CHOKE = 0
    UNCHOKE = 1
    INTERESTED = 2
    NOT_INTERESTED = 3
    HAVE = 4
    BITFIELD = 5
    REQUEST = 6
    PIECE = 7


def type_name(kind: int) -> str:
    """The name of a message type as people write it: `not interested`, `unknown 9`."""
    if kind > MessageType.PIECE:
        return f"unknown {kind}"
    return MessageType(kind).name.lower().replace("_", " ")


_KINDS: dict[type, str] = {
    kind: type_name(value)
    for value, kind in enumerate(
        (Choke, Unchoke, Interested, NotInterested, Have, Bitfield, Request, Piece)
    )
}
_PLAIN: dict[int, Message] = {
    MessageType.CHOKE: CHOKE,
    MessageType.UNCHOKE: UNCHOKE,
    MessageType.INTERESTED: INTERESTED,
    MessageType.NOT_INTERESTED: NOT_INTERESTED,
}


# Handshake (spec 2.2).


def encode_handshake(peer_id: int) -> bytes:
    """The 32 bytes that introduce a peer."""
    return _HANDSHAKE.pack(HEADER, peer_id)


def decode_handshake(data: bytes) -> int:
    """The id in a handshake of 32 bytes; RemoteProtocolError if its header is wrong (spec 2.4).

    The ten zero bytes are not checked, as BitTorrent's reserved bytes aren't.
    """
    header, peer_id = _HANDSHAKE.unpack(data)
    check_header(header)
    return int(peer_id)


def check_header(start: bytes) -> None:
    """Raise RemoteProtocolError unless a handshake that begins with `start` may still be right."""
    if HEADER.startswith(start[: len(HEADER)]):
        return
    if start[: len(HEADER)] == OLD_HEADER:
        reason = f"handshake header {OLD_HEADER.decode()!r} is that of the text of 2011"
    else:
        reason = f"handshake header {bytes(start[: len(HEADER)])!r}"
    raise RemoteProtocolError(f"{reason}, expected {HEADER.decode()!r}", clause="2.2")


# Encoding.


def encode(message: Message) -> bytes:
    """A message's whole frame (spec 3.1, 3.2)."""
    match message:
        case Have(piece):
            return _INDEXED.pack(_INDEXED_LENGTH, MessageType.HAVE, piece)
        case Request(piece):
            return _INDEXED.pack(_INDEXED_LENGTH, MessageType.REQUEST, piece)
        case Choke():
            return _FRAME.pack(1, MessageType.CHOKE)
        case Unchoke():
            return _FRAME.pack(1, MessageType.UNCHOKE)
        case Interested():
            return _FRAME.pack(1, MessageType.INTERESTED)
        case NotInterested():
            return _FRAME.pack(1, MessageType.NOT_INTERESTED)
        case Bitfield(flags):
            bits = pack_bits(flags)
            return _FRAME.pack(1 + len(bits), MessageType.BITFIELD) + bits
        case Piece(piece, content):
            return piece_header(piece, len(content)) + content


def encode_haves(pieces: Sequence[int]) -> bytes:
    """The frames of several have messages."""
    return b"".join([_INDEXED.pack(_INDEXED_LENGTH, MessageType.HAVE, piece) for piece in pieces])


def describe(message: Message) -> tuple[str, int, dict[str, Any]]:
    """A message's type, the bytes of its whole frame, and its fields, as the trace has them."""
    kind = _KINDS[type(message)]
    match message:
        case Have(piece) | Request(piece):
            return kind, _INDEXED.size, {"piece": piece}
        case Bitfield(flags):
            return kind, _FRAME.size + -(-len(flags) // 8), {"count": flags.count(1)}
        case Piece(piece, content):
            return kind, _INDEXED.size + len(content), {"piece": piece}
        case _:
            return kind, _FRAME.size, {}


def piece_header(piece: int, size: int) -> bytes:
    """The bytes of a piece message that stand before its content of `size` bytes."""
    return _INDEXED.pack(_INDEXED_LENGTH + size, MessageType.PIECE, piece)


def pack_bits(flags: bytes) -> bytes:
    """A byte a piece to a bit a piece: bit 7 of byte 0 is piece 0, spare bits are zero (spec 3.3)."""
    if not flags:
        return b""
    size = -(-len(flags) // 8)
    bits = int(flags.translate(_FLAGS_TO_BITS), 2) << (size * 8 - len(flags))
    return bits.to_bytes(size, "big")


def unpack_bits(payload: bytes, count: int) -> bytes:
    """A bit a piece to a byte a piece; RemoteProtocolError if a spare bit is set (spec 3.5)."""
    bits = format(int.from_bytes(payload, "big"), f"0{len(payload) * 8}b").encode("ascii")
    if b"1" in bits[count:]:
        hint = " (is it written lowest bit first?)" if payload[-1] & 1 else ""
        raise RemoteProtocolError(f"bitfield with spare bits set{hint}", clause="3.3")
    return bits[:count].translate(_BITS_TO_FLAGS)


# Decoding.


class FrameRules:
    """What frames may look like under one configuration (spec 3.5)."""

    def __init__(self, config: SwarmConfig) -> None:
        self.pieces = config.piece_count
        self._full = config.piece_size
        self._last = config.piece_length(config.piece_count - 1)
        self._longest = _INDEXED_LENGTH + max(self._last, min(self._full, config.file_size))
        self._bitfield = 1 + -(-self.pieces // 8)

    def check(self, length: int, kind: int) -> None:
        """Raise RemoteProtocolError unless a frame of this length (type and payload) may be."""
        if length == 0:
            raise RemoteProtocolError("frame of length 0, expected at least a type", clause="3.1")
        if kind <= MessageType.NOT_INTERESTED:
            fits, expected = length == 1, "1"
        elif kind in (MessageType.HAVE, MessageType.REQUEST):
            fits, expected = length == _INDEXED_LENGTH, str(_INDEXED_LENGTH)
        elif kind == MessageType.BITFIELD:
            fits, expected = length in (1, self._bitfield), f"{self._bitfield} (or 1)"
        elif kind == MessageType.PIECE:
            allowed = sorted({self.piece_length(0), self.piece_length(self.pieces - 1)})
            fits = length - _INDEXED_LENGTH in allowed
            expected = " or ".join(str(_INDEXED_LENGTH + size) for size in allowed)
        else:
            fits, expected = length <= self._longest, f"at most {self._longest}"
        if not fits:
            raise RemoteProtocolError(
                f"{type_name(kind)} of length {length}, expected {expected}", clause="3.5"
            )

    def piece_length(self, piece: int) -> int:
        """Content bytes of a piece."""
        return self._last if piece == self.pieces - 1 else self._full

    def check_index(self, piece: int) -> None:
        """Raise RemoteProtocolError unless there is such a piece."""
        if piece >= self.pieces:
            raise RemoteProtocolError(
                f"piece index {piece}, expected 0 to {self.pieces - 1}", clause="3.5"
            )

    def check_piece(self, piece: int, size: int) -> None:
        """Raise RemoteProtocolError unless the piece exists and has this size."""
        self.check_index(piece)
        if size != self.piece_length(piece):
            raise RemoteProtocolError(
                f"piece {piece} of {size} bytes, expected {self.piece_length(piece)}", clause="3.5"
            )

    def bitfield(self, payload: bytes) -> Bitfield:
        """A bitfield from its payload, which may be empty (spec 3.4)."""
        return Bitfield(unpack_bits(payload, self.pieces) if payload else b"")


@dataclass(frozen=True, slots=True)
class HaveRun:
    """Haves that came one after the other: at least one."""

    pieces: list[int]


@dataclass(frozen=True, slots=True)
class PieceStart:
    """A piece's header came: call `Decoder.accept` now to keep the content."""

    piece: int


@dataclass(frozen=True, slots=True)
class PieceEnd:
    """A piece's content is whole: in the sink that was given, or skipped."""

    piece: int


@dataclass(frozen=True, slots=True)
class UnknownFrame:
    """A message of an unknown type was skipped (spec 3.4). `length` counts type and payload."""

    kind: int
    length: int


Incoming = Message | HaveRun | PieceStart | PieceEnd | UnknownFrame


class Sink(Protocol):
    """Where a piece's content goes."""

    def write(self, data: memoryview, /) -> None:
        """Take the next bytes; the memory may be used again after the call."""


class Decoder:
    """Turns what one neighbor sends after its handshake into messages, however it is cut.

    Sans-IO: receive into `get_buffer()`, then iterate over `buffer_updated(n)`. The iterator is lazy,
    so that each message is handled before the next is read, and a sink given at a `PieceStart` takes
    the content that follows. It raises RemoteProtocolError, after which the decoder is of no use.

    Between calls nothing is kept in the buffer, so all decoders of a thread can share one `scratch`.
    """

    def __init__(self, rules: FrameRules, scratch: memoryview | None = None) -> None:
        self._rules = rules
        self._scratch = memoryview(bytearray(64 * 1024)) if scratch is None else scratch
        self._tail = b""  # the beginning of a frame: at most 8 bytes
        self._frame = (0, 0, 0)  # the present frame's type, length, and index where it has one
        self._left = 0  # payload bytes of the present frame that are still to come
        self._piece: int | None = None
        self._sink: Sink | None = None
        self._bitfield: bytearray | None = None

    def get_buffer(self) -> memoryview:
        """Where to receive the next bytes."""
        kept = len(self._tail)
        if kept:
            self._scratch[:kept] = self._tail
        return self._scratch[kept:]

    def accept(self, sink: Sink) -> None:
        """Keep the content of the piece whose start was just told."""
        self._sink = sink

    def buffer_updated(self, count: int) -> Iterator[Incoming]:
        """What the `count` bytes that were received complete."""
        view = self._scratch[: len(self._tail) + count]
        end = len(view)
        at = 0
        while True:
            if self._left:
                chunk = view[at : at + self._left]
                at += len(chunk)
                self._left -= len(chunk)
                yield from self._take(chunk)
                if self._left:
                    break
            run, at = self._take_haves(view, at, end)
            if run:
                yield HaveRun(run)
            if end - at < _FRAME.size:
                break
            size = self._header(view, at, end)
            if not size:
                break
            at += size
            yield from self._begin()
        self._tail = bytes(view[at:end])

    def _take_haves(self, view: memoryview, at: int, end: int) -> tuple[list[int], int]:
        """Take the haves at `at`, by far the most frequent frames: their pieces, and what follows."""
        run: list[int] = []
        unpack, limit, have = _INDEXED.unpack_from, self._rules.pieces, int(MessageType.HAVE)
        while end - at >= PIECE_HEADER_SIZE:
            length, kind, piece = unpack(view, at)
            if kind != have or length != _INDEXED_LENGTH or piece >= limit:
                break
            run.append(piece)
            at += PIECE_HEADER_SIZE
        return run, at

    def _header(self, view: memoryview, at: int, end: int) -> int:
        """Check and take the header at `at`; its size, or 0 if some of it is still to come."""
        length, kind = _FRAME.unpack_from(view, at)
        self._rules.check(length, kind)
        self._frame = (kind, length, 0)
        if kind not in (MessageType.HAVE, MessageType.REQUEST, MessageType.PIECE):
            self._left = length - 1
            return _FRAME.size
        if end - at < PIECE_HEADER_SIZE:
            return 0
        (index,) = _INDEX.unpack_from(view, at + _FRAME.size)
        self._rules.check_index(index)
        self._frame = (kind, length, index)
        self._left = length - _INDEXED_LENGTH
        return PIECE_HEADER_SIZE

    def _begin(self) -> Iterator[Incoming]:
        """Tell of the frame whose header was taken, or make ready for its payload."""
        kind, length, index = self._frame
        if kind in _PLAIN:
            yield _PLAIN[kind]
        elif kind == MessageType.REQUEST:
            yield Request(index)
        elif kind == MessageType.PIECE:
            self._rules.check_piece(index, self._left)
            self._piece = index
            yield PieceStart(index)
        elif kind == MessageType.BITFIELD:
            if self._left:
                self._bitfield = bytearray()
            else:
                yield Bitfield(b"")
        else:
            yield UnknownFrame(kind, length)

    def _take(self, chunk: memoryview) -> Iterator[Incoming]:
        """Take payload, and tell what it completes; nothing is told of a skipped frame."""
        piece = self._piece
        if piece is not None:
            if self._sink is not None and chunk:
                self._sink.write(chunk)
            if not self._left:
                self._piece = self._sink = None
                yield PieceEnd(piece)
        elif self._bitfield is not None:
            self._bitfield += chunk
            if not self._left:
                payload, self._bitfield = bytes(self._bitfield), None
                yield self._rules.bitfield(payload)


# Blocking sockets, for tools and tests.


def read_exact(sock: socket.socket, count: int) -> bytes:
    """Read exactly `count` bytes; EOFError if the stream ends before."""
    parts = bytearray()
    while len(parts) < count:
        part = sock.recv(min(count - len(parts), 1 << 20))
        if not part:
            raise EOFError(f"stream ended after {len(parts)} of {count} bytes")
        parts += part
    return bytes(parts)


def recv_message(sock: socket.socket, rules: FrameRules) -> Message | None:
    """Read one message, past any of an unknown type; None at the end of the stream.

    Raises RemoteProtocolError as `Decoder` does, and EOFError if the stream ends within a frame.
    """
    while True:
        first = sock.recv(1)
        if not first:
            return None
        length, kind = _FRAME.unpack(first + read_exact(sock, _FRAME.size - 1))
        rules.check(length, kind)
        if kind in _PLAIN:
            return _PLAIN[kind]
        if kind > MessageType.PIECE:
            read_exact(sock, length - 1)
            continue
        if kind == MessageType.BITFIELD:
            return rules.bitfield(read_exact(sock, length - 1))
        (index,) = _INDEX.unpack(read_exact(sock, _INDEX.size))
        rules.check_index(index)
        if kind != MessageType.PIECE:
            return Have(index) if kind == MessageType.HAVE else Request(index)
        rules.check_piece(index, length - _INDEXED_LENGTH)
        return Piece(index, read_exact(sock, length - _INDEXED_LENGTH))

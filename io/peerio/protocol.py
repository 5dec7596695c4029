"""Every byte on the wire: handshake, frames, messages, and the checks of spec 3.4 and 3.5.

No other module packs or unpacks anything. Nothing here knows a socket, except `read_exact` and
`recv_message`, which read blocking ones for tools and tests.

A frame is checked as soon as its type is known, before memory is reserved or content is read for it:
what a neighbor can make us hold is at most one bitfield (spec 3.5).
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Collection, Iterator, Sequence

from core.errors import RemoteProtocolError
from core.interface.messages import (
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
from peerio import dialects
from peerio.frames import (
    INDEXED_LENGTH,
    FrameRules,
    HaveRun,
    Incoming,
    MessageType,
    PieceEnd,
    PieceStart,
    Sink,
    UnknownFrame,
    type_name,
)

__all__ = [
    "HANDSHAKE_SIZE",
    "HAVE_SIZE",
    "HEADER",
    "LONGEST_RUN",
    "OLD_HEADER",
    "PIECE_HEADER_SIZE",
    "Decoder",
    "FrameRules",
    "HaveRun",
    "Incoming",
    "MessageType",
    "PieceEnd",
    "PieceStart",
    "Sink",
    "UnknownFrame",
    "check_header",
    "decode_handshake",
    "encode",
    "encode_handshake",
    "encode_haves",
    "explain_handshake",
    "pack_bits",
    "piece_header",
    "read_exact",
    "recv_message",
    "type_name",
    "unpack_bits",
]

HEADER = b"P2PFILESHARINGPROJ"
OLD_HEADER = b"CEN5501C2008SPRING"
"""The header of the assignment's text of 2011: refused, with a reason that names it (spec 2.2)."""
HANDSHAKE_SIZE = 32
"""Bytes of a handshake: the header, ten zero bytes, the id (spec 2.2)."""
HAVE_SIZE = 9
"""Bytes of a have message's frame (spec 3.2)."""
LONGEST_RUN = 128
"""So many haves at most are told together: between them it may be decided to hear no more (spec 3.5)."""
PIECE_HEADER_SIZE = 9
"""Bytes of a piece message before its content: length, type, index (spec 3.2)."""

_HANDSHAKE = struct.Struct(">18s10xI")
_FRAME = struct.Struct(">IB")
_INDEX = struct.Struct(">I")
_INDEXED = struct.Struct(">IBI")
_BITS_TO_FLAGS = bytes.maketrans(b"01", b"\0\1")
_FLAGS_TO_BITS = bytes.maketrans(b"\0\1", b"01")


# Plain numbers, since the hot path compares with them.
_HAVE = int(MessageType.HAVE)
_BITFIELD = int(MessageType.BITFIELD)
_REQUEST = int(MessageType.REQUEST)
_PIECE = int(MessageType.PIECE)
_INDEXED_TYPES = frozenset({_HAVE, _REQUEST, _PIECE})

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
        hint = dialects.of_start(bytes(start))
        reason += f" ({hint})" if hint else ""
    raise RemoteProtocolError(f"{reason}, expected {HEADER.decode()!r}", clause="2.2")


def explain_handshake(data: bytes, listed: Collection[int]) -> str:
    """Why a whole handshake, whose header is right, names an id that isn't expected; "" if unknown."""
    (claimed,) = _INDEX.unpack_from(data, HANDSHAKE_SIZE - _INDEX.size)
    return dialects.of_handshake(data[len(HEADER) : -_INDEX.size], claimed, listed)


# Encoding.


def encode(message: Message) -> bytes:
    """A message's whole frame (spec 3.1, 3.2)."""
    if type(message) is Request:  # nearly all are, beside haves: `match` takes five times as long
        return _INDEXED.pack(INDEXED_LENGTH, _REQUEST, message.piece)
    match message:
        case Have(piece):
            return _INDEXED.pack(INDEXED_LENGTH, _HAVE, piece)
        case Request(piece):
            return _INDEXED.pack(INDEXED_LENGTH, _REQUEST, piece)
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
    return b"".join([_INDEXED.pack(INDEXED_LENGTH, _HAVE, piece) for piece in pieces])


def piece_header(piece: int, size: int) -> bytes:
    """The bytes of a piece message that stand before its content of `size` bytes."""
    return _INDEXED.pack(INDEXED_LENGTH + size, _PIECE, piece)


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
        hint = dialects.of_spare_bits(payload[-1], len(payload) * 8 - count)
        shown = f" ({hint})" if hint else ""
        raise RemoteProtocolError(f"bitfield with spare bits set{shown}", clause="3.3")
    return bits[:count].translate(_BITS_TO_FLAGS)


def _bitfield(payload: bytes, rules: FrameRules) -> Bitfield:
    """A bitfield from its payload, which may be empty (spec 3.4)."""
    return Bitfield(unpack_bits(payload, rules.pieces) if payload else b"")


# Decoding.


class Decoder:
    """Turns what one neighbor sends after its handshake into messages, however it is cut.

    Sans-IO: receive into `get_buffer()`, then iterate over `buffer_updated(n)`. The iterator is lazy,
    so that each message is handled before the next is read, and a sink given at a `PieceStart` takes
    the content that follows. It raises RemoteProtocolError, after which the decoder is of no use.

    Between calls nothing is kept in the buffer, so all decoders of a thread can share one `scratch`.
    Whoever has had enough calls `pause` while it iterates: the iterator ends, and the next call of
    `buffer_updated`, with a count of 0, goes on with the bytes that are left.
    """

    def __init__(self, rules: FrameRules, scratch: memoryview | None = None) -> None:
        self._rules = rules
        self._scratch = memoryview(bytearray(64 * 1024)) if scratch is None else scratch
        self._tail = b""  # what is left: the beginning of a frame, or more after a pause
        self.paused = False
        """Bytes that were received may hold whole messages."""
        self._left = 0  # payload bytes of the present frame that are still to come
        self._piece: int | None = None
        self._sink: Sink | None = None
        self._bitfield: bytearray | None = None

    def get_buffer(self) -> memoryview:
        """Where to receive the next bytes."""
        kept = len(self._tail)
        if not kept:
            return self._scratch
        self._scratch[:kept] = self._tail
        return self._scratch[kept:]

    def accept(self, sink: Sink) -> None:
        """Keep the content of the piece whose start was just told."""
        self._sink = sink

    def pause(self) -> None:
        """Leave what comes behind the present message for later."""
        self.paused = True

    def buffer_updated(self, count: int) -> Iterator[Incoming]:
        """What the `count` bytes that were received complete."""
        view, rules = self._scratch, self._rules
        at, end, self._tail = 0, len(self._tail) + count, b""
        self.paused = False
        while True:
            if self._left:
                start, at = at, min(at + self._left, end)
                self._left -= at - start
                whole = self._take(view[start:at])
                if self._left:
                    return
                if whole is not None:
                    yield whole
                    if self.paused:
                        break
            if at == end:
                return  # as most receives end
            if end - at < _FRAME.size:
                rules.check_start(view[at:end])
                break
            length, kind = _FRAME.unpack_from(view, at)
            rules.check(length, kind)
            if kind not in _INDEXED_TYPES:
                at += _FRAME.size
                begun = self._begin_plain(kind, length)
            elif end - at < PIECE_HEADER_SIZE:
                break
            elif kind == _HAVE:
                run = self._take_haves(view[at : min(end, at + LONGEST_RUN * HAVE_SIZE)])
                at += len(run) * HAVE_SIZE
                begun = HaveRun(run)
            else:
                (index,) = _INDEX.unpack_from(view, at + _FRAME.size)
                at += PIECE_HEADER_SIZE
                begun = self._begin_indexed(kind, index, length - INDEXED_LENGTH)
            if begun is not None:
                yield begun
                if self.paused:
                    break
        self._tail = bytes(view[at:end])

    def _take_haves(self, view: memoryview) -> list[int]:
        """The pieces of the haves that `view` begins with, by far the most frequent frames."""
        run: list[int] = []
        limit = self._rules.pieces
        whole = min(len(view) // HAVE_SIZE, LONGEST_RUN) * HAVE_SIZE
        for length, kind, piece in _INDEXED.iter_unpack(view[:whole]):
            if kind != _HAVE or length != INDEXED_LENGTH:
                break
            if piece >= limit:
                if not run:
                    self._rules.check_index(piece)
                break
            run.append(piece)
        return run

    def _begin_indexed(self, kind: int, piece: int, size: int) -> Incoming:
        """A request, or the start of a piece; raises for a piece that can't be."""
        if kind == _PIECE:
            self._rules.check_piece(piece, size)
            self._left = size
            self._piece = piece
            return PieceStart(piece)
        self._rules.check_index(piece)
        return Request(piece)

    def _begin_plain(self, kind: int, length: int) -> Incoming | None:
        """A message without payload, or one whose payload is awaited or skipped."""
        if kind in _PLAIN:
            return _PLAIN[kind]
        self._left = length - 1
        if kind != _BITFIELD:
            return UnknownFrame(kind, length)
        if not self._left:
            return Bitfield(b"")
        self._bitfield = bytearray()
        return None

    def _take(self, chunk: memoryview) -> Incoming | None:
        """Take payload, and tell what it completes; nothing is told of a skipped frame."""
        if self._piece is not None:
            if self._sink is not None and chunk:
                self._sink.write(chunk)
            if not self._left:
                piece, self._piece, self._sink = self._piece, None, None
                return PieceEnd(piece)
        elif self._bitfield is not None:
            self._bitfield += chunk
            if not self._left:
                payload, self._bitfield = bytes(self._bitfield), None
                return _bitfield(payload, self._rules)
        return None


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
        start = first + read_exact(sock, _FRAME.size - 2)
        rules.check_start(start)
        length, kind = _FRAME.unpack(start + read_exact(sock, 1))
        rules.check(length, kind)
        if kind in _PLAIN:
            return _PLAIN[kind]
        if kind > _PIECE:
            read_exact(sock, length - 1)
            continue
        if kind == _BITFIELD:
            return _bitfield(read_exact(sock, length - 1), rules)
        (index,) = _INDEX.unpack(read_exact(sock, _INDEX.size))
        rules.check_index(index)
        if kind != _PIECE:
            return Have(index) if kind == _HAVE else Request(index)
        rules.check_piece(index, length - INDEXED_LENGTH)
        return Piece(index, read_exact(sock, length - INDEXED_LENGTH))

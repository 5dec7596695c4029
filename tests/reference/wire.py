"""The bytes of the protocol (spec 2.2 and 3), written from the specification alone.

Nothing here is shared with the program under test: if both agree, they agree on the specification.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from enum import IntEnum

from tests.reference.files import Settings

HEADER = b"P2PFILESHARINGPROJ"
HANDSHAKE_BYTES = 32


class Type(IntEnum):
    """The eight message types (spec 3.2)."""

    CHOKE = 0
    UNCHOKE = 1
    INTERESTED = 2
    NOT_INTERESTED = 3
    HAVE = 4
    BITFIELD = 5
    REQUEST = 6
    PIECE = 7


class ProtocolError(Exception):
    """The other end broke the protocol (spec 2.4, 3.5)."""


def handshake(peer_id: int) -> bytes:
    """The 32 bytes that open a connection (spec 2.2)."""
    return HEADER + bytes(10) + peer_id.to_bytes(4, "big")


def handshake_id(data: bytes) -> int:
    """The id in a handshake; ProtocolError when its header is wrong (spec 2.3)."""
    if data[:18] != HEADER:
        raise ProtocolError(f"wrong header {data[:18]!r}")
    return int.from_bytes(data[28:32], "big")


def frame(kind: int, payload: bytes = b"") -> bytes:
    """One message: length of type and payload, type, payload (spec 3.1)."""
    return (1 + len(payload)).to_bytes(4, "big") + bytes([kind]) + payload


def have(index: int) -> bytes:
    """A have message (spec 3.2)."""
    return frame(Type.HAVE, index.to_bytes(4, "big"))


def request(index: int) -> bytes:
    """A request for a whole piece (spec 3.2)."""
    return frame(Type.REQUEST, index.to_bytes(4, "big"))


def piece(index: int, content: bytes) -> bytes:
    """A piece message (spec 3.2)."""
    return frame(Type.PIECE, index.to_bytes(4, "big") + content)


def bitfield(indexes: Collection[int], count: int) -> bytes:
    """A bitfield message for `count` pieces: bit 7 of byte 0 is piece 0 (spec 3.3)."""
    bits = bytearray((count + 7) // 8)
    for index in indexes:
        bits[index // 8] |= 0x80 >> index % 8
    return frame(Type.BITFIELD, bytes(bits))


def bitfield_indexes(payload: bytes, count: int) -> set[int]:
    """The pieces in a bitfield's payload; ProtocolError for spare bits that are set (spec 3.3)."""
    marked = {i for i in range(8 * len(payload)) if payload[i // 8] & 0x80 >> i % 8}
    if marked and max(marked) >= count:
        raise ProtocolError(f"bitfield with spare bit {max(marked)} set")
    return marked


def index_of(payload: bytes, count: int) -> int:
    """The piece index that begins a payload; ProtocolError when out of range (spec 3.5)."""
    index = int.from_bytes(payload[:4], "big")
    if index >= count:
        raise ProtocolError(f"piece index {index}, there are {count} pieces")
    return index


def read_exact(receive: Callable[[int], bytes], count: int) -> bytes:
    """Exactly `count` bytes from a blocking stream; EOFError when it ends before."""
    data = bytearray()
    while len(data) < count:
        chunk = receive(count - len(data))
        if not chunk:
            raise EOFError
        data += chunk
    return bytes(data)


def read_frame(receive: Callable[[int], bytes], settings: Settings) -> tuple[int, bytes]:
    """The next message's type and payload, its length checked before it is read (spec 3.5)."""
    length = int.from_bytes(read_exact(receive, 4), "big")
    if length == 0:
        raise ProtocolError("length 0")
    kind = read_exact(receive, 1)[0]
    size = length - 1
    bits = (settings.piece_count + 7) // 8
    exact: dict[int, tuple[int, ...]] = dict.fromkeys(range(4), (0,))
    exact |= {Type.HAVE: (4,), Type.BITFIELD: (0, bits), Type.REQUEST: (4,)}
    if size not in exact.get(kind, (size,)) or size > max(4 + settings.piece_size, bits):
        raise ProtocolError(f"length {length} of a message of type {kind}")
    payload = read_exact(receive, size)
    if kind == Type.PIECE:
        index = index_of(payload, settings.piece_count)
        if size != 4 + settings.piece_length(index):
            raise ProtocolError(f"piece {index} with {size - 4} bytes")
    return kind, payload

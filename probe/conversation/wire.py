"""The bytes of the protocol, read a third time from the specification (spec 2.2, 3).

Lenient where it reads: whatever a program sends becomes a frame with its raw bytes, or the reason
why it can't be one. What is right or wrong about a frame is for the cases to say.
"""

from __future__ import annotations

from dataclasses import dataclass

HEADER = b"P2PFILESHARINGPROJ"
HANDSHAKE_BYTES = 32

CHOKE, UNCHOKE, INTERESTED, NOT_INTERESTED, HAVE, BITFIELD, REQUEST, PIECE = range(8)
NAMES = (
    "choke",
    "unchoke",
    "interested",
    "not interested",
    "have",
    "bitfield",
    "request",
    "piece",
)
INDEXED = frozenset({HAVE, REQUEST, PIECE})
"""Types whose payload begins with a piece index."""


def handshake(peer_id: int, header: bytes = HEADER) -> bytes:
    """The 32 bytes that open a connection (spec 2.2)."""
    return header + bytes(10) + peer_id.to_bytes(4, "big")


def frame(kind: int, payload: bytes = b"") -> bytes:
    """One message: length of type and payload, type, payload (spec 3.1)."""
    return (1 + len(payload)).to_bytes(4, "big") + bytes([kind]) + payload


def indexed(kind: int, index: int, content: bytes = b"") -> bytes:
    """A have, request or piece (spec 3.2)."""
    return frame(kind, index.to_bytes(4, "big") + content)


def bitfield_bytes(pieces: int) -> int:
    """Size of a bitfield's payload in bytes (spec 3.3)."""
    return (pieces + 7) // 8


def bits_of(has: set[int] | frozenset[int], pieces: int) -> bytes:
    """A bitfield's payload: bit 7 of byte 0 is piece 0 (spec 3.3)."""
    bits = bytearray(bitfield_bytes(pieces))
    for index in has:
        bits[index // 8] |= 0x80 >> index % 8
    return bytes(bits)


def pieces_of(bits: bytes) -> set[int]:
    """The pieces that a bitfield's payload names, spare bits included (spec 3.3)."""
    return {i for i in range(8 * len(bits)) if bits[i // 8] & 0x80 >> i % 8}


def lowest_first(bits: bytes) -> bytes:
    """The same bytes with the bits of each in the opposite order."""
    return bytes(int(f"{byte:08b}"[::-1], 2) for byte in bits)


@dataclass(frozen=True, slots=True)
class Frame:
    """One message as it came."""

    kind: int
    payload: bytes

    @property
    def name(self) -> str:
        """The type's name, or its number where the protocol has none."""
        return NAMES[self.kind] if self.kind < len(NAMES) else f"type {self.kind}"

    @property
    def index(self) -> int | None:
        """The piece index, where the type has one and the payload is long enough."""
        if self.kind in INDEXED and len(self.payload) >= 4:
            return int.from_bytes(self.payload[:4], "big")
        return None


class Reader:
    """Cuts a stream into a handshake and frames; stops at the first bytes that can't be either."""

    def __init__(self, longest: int) -> None:
        """`longest` is the largest length in bytes that any message of this swarm may have."""
        self.longest = max(longest, 64)
        self.buffer = bytearray()
        self.raw = bytearray()
        """The first bytes as they came, for quoting."""
        self.handshake: bytes | None = None
        self.problem = ""
        """Why nothing more can be read; empty while all is well."""

    def feed(self, data: bytes) -> list[Frame]:
        """Take in bytes; the frames that they complete."""
        if len(self.raw) < 256:
            self.raw += data[: 256 - len(self.raw)]
        if self.problem:
            return []
        self.buffer += data
        if self.handshake is None and not self._take_handshake():
            return []
        return self._take_frames()

    def _take_handshake(self) -> bool:
        seen = bytes(self.buffer[:HANDSHAKE_BYTES])
        if seen[: len(HEADER)] != HEADER[: len(seen)]:
            self.problem = "no handshake of the protocol"
            return False
        if len(seen) < HANDSHAKE_BYTES:
            return False
        self.handshake = seen
        del self.buffer[:HANDSHAKE_BYTES]
        return True

    def _take_frames(self) -> list[Frame]:
        found: list[Frame] = []
        while len(self.buffer) >= 4:
            length = int.from_bytes(self.buffer[:4], "big")
            if length == 0 or length > self.longest:
                self.problem = f"{self.buffer[:4].hex(' ')} can't be the length of a message"
                break
            if len(self.buffer) < 4 + length:
                break
            found.append(Frame(self.buffer[4], bytes(self.buffer[5 : 4 + length])))
            del self.buffer[: 4 + length]
        return found

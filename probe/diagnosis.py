"""First bytes that are another dialect of the protocol: the one sentence that says which.

Programs for this assignment differ in how they wrote down the same messages. Whoever speaks a
dialect fails every case, so one sentence says more than all of them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from probe.conversation import wire
from probe.model import Event

OLD_HEADER = b"CEN5501C2008SPRING"


class Diagnosis(NamedTuple):
    """What a program speaks instead."""

    name: str
    case: str
    sentence: str
    at: int
    """The byte from which on it differs."""


JAVA = Diagnosis(
    "java-objects", "HS-01",
    "You write Java objects (ObjectOutputStream) onto the socket: ac ed 00 05 is the mark of such a stream. "
    "Write plain bytes: DataOutputStream, or an OutputStream with a byte[] that you filled.", 0,
)  # fmt: skip
JAVA_LATER = JAVA._replace(case="FR-01", at=32)
OLD = Diagnosis(
    "old-header", "HS-01",
    "Your handshake has the header of an older course, CEN5501C2008SPRING; the present one is P2PFILESHARINGPROJ.", 0,
)  # fmt: skip
WAITS = Diagnosis(
    "waits", "HS-02",
    "You dial, but then wait for the other's handshake. The end that dials sends its handshake at once; "
    "two such programs would wait for each other for ever.", 0,
)  # fmt: skip
ASCII_PADDING = Diagnosis(
    "ascii-padding", "HS-01",
    "The ten zero bytes of your handshake are the digit '0' (30). They are bytes of value 0 (00).", 18,
)  # fmt: skip
ASCII_ID = Diagnosis(
    "ascii-id", "HS-01",
    "The id in your handshake is written as digits. It is a 4-byte integer, most significant byte first.", 28,
)  # fmt: skip
ASCII_BOTH = Diagnosis(
    "ascii-handshake", "HS-01",
    "Your handshake is text: the ten zero bytes and the id are written as digits. "
    "Zeros are bytes of value 0, the id is a 4-byte integer, most significant byte first.", 18,
)  # fmt: skip
LITTLE_ID = Diagnosis(
    "little-endian-id", "HS-01",
    "The id in your handshake has its least significant byte first. Network order is most significant first "
    "(htonl, ByteBuffer's default, '>I').", 28,
)  # fmt: skip
PREFIXED = Diagnosis(
    "prefixed-handshake", "HS-01",
    "Something stands before your handshake: a length (writeUTF, or a frame round it). "
    "The first byte on a connection is the P of P2PFILESHARINGPROJ.", 0,
)  # fmt: skip
PICKLE = Diagnosis(
    "pickle", "HS-01",
    "You send pickled objects. Send plain bytes: struct.pack, or bytes put together.", 0,
)  # fmt: skip
TEXT = Diagnosis(
    "text", "HS-01",
    "You send text instead of the handshake. It is 32 bytes: P2PFILESHARINGPROJ, ten bytes of value 0, the id in four bytes.", 0,
)  # fmt: skip
OTHER_HANDSHAKE = Diagnosis(
    "other-handshake", "HS-01",
    "Your first bytes are not the handshake: 18 bytes P2PFILESHARINGPROJ, ten bytes of value 0, the id in four bytes.", 0,
)  # fmt: skip
OTHER_ID = Diagnosis(
    "other-id", "HS-01", "The id in your handshake is not the id that you were started with.", 28
)
PAYLOAD_ONLY = Diagnosis(
    "payload-length", "FR-01",
    "The length of your messages leaves out the type byte. It counts all that follows it: 1 for the type, and the payload.", 32,
)  # fmt: skip
WITH_ITSELF = Diagnosis(
    "length-with-itself", "FR-01",
    "The length of your messages counts its own four bytes. It counts what follows it: 1 for the type, and the payload.", 32,
)  # fmt: skip
LITTLE = Diagnosis(
    "little-endian", "FR-01",
    "The length of your messages has its least significant byte first. Network order is most significant first "
    "(htonl, ByteBuffer's default, '>I').", 32,
)  # fmt: skip
ASCII_TYPE = Diagnosis(
    "ascii-type", "FR-01",
    "The type of your messages is written as a digit's character ('5' is 35). It is a byte of that value (05).", 36,
)  # fmt: skip
ASCII_LENGTH = Diagnosis(
    "ascii-length", "FR-01",
    "The length of your messages is written as digits. It is a 4-byte integer, most significant byte first.", 32,
)  # fmt: skip
INT_TYPE = Diagnosis(
    "int-type", "FR-01",
    "The type of your messages is an integer of four bytes. It is one byte.", 32,
)  # fmt: skip
BYTE_A_PIECE = Diagnosis(
    "byte-a-piece", "BF-02",
    "Your bitfield has a byte for each piece. It has a bit for each: eight pieces in a byte, piece 0 in the highest bit of the first.", 32,
)  # fmt: skip
INT_A_PIECE = Diagnosis(
    "int-a-piece", "BF-02",
    "Your bitfield has an int for each piece. It has a bit for each: eight pieces in a byte, piece 0 in the highest bit of the first.", 32,
)  # fmt: skip
PADDED = Diagnosis(
    "padded-handshake", "HS-09",
    "Something that is no message follows your handshake (a line end, or padding). It is exactly 32 bytes; the length of the first message follows.", 32,
)  # fmt: skip
ALL = (
    JAVA, JAVA_LATER, OLD, WAITS, ASCII_PADDING, ASCII_ID, ASCII_BOTH, LITTLE_ID, PREFIXED, PICKLE, TEXT,
    OTHER_HANDSHAKE, OTHER_ID, PAYLOAD_ONLY, WITH_ITSELF, LITTLE, ASCII_TYPE, ASCII_LENGTH, INT_TYPE,
    BYTE_A_PIECE, INT_A_PIECE, PADDED,
)  # fmt: skip


def classify(raw: bytes, you: int, pieces: int) -> Diagnosis | None:
    """The dialect of the first bytes that a program sent, or None where they are the protocol's."""
    if not raw:
        return None
    return _handshake(raw, you) or _frames(raw[32:], pieces)


def _handshake(raw: bytes, you: int) -> Diagnosis | None:
    head = raw[: wire.HANDSHAKE_BYTES]
    if head == wire.handshake(you)[: len(head)]:
        return None
    if raw[:4] == b"\xac\xed\x00\x05":
        return JAVA
    if raw[:2] in {b"\x80\x03", b"\x80\x04", b"\x80\x05"}:
        return PICKLE
    if raw.startswith(OLD_HEADER[: len(head)]) and len(head) >= 8:
        return OLD
    if not raw.startswith(wire.HEADER):
        if all(32 <= byte < 127 or byte in b"\r\n\t" for byte in head):
            return TEXT
        at = raw[:40].find(wire.HEADER)
        if at > 0:
            return JAVA if b"\xac\xed" in raw[:at] else PREFIXED
        return OTHER_HANDSHAKE
    return _tail(raw, you)


def _tail(raw: bytes, you: int) -> Diagnosis | None:
    """The header is right: what is wrong with zeros or id."""
    digits = str(you).encode()
    zeros, said = raw[18:28], raw[28:32]
    text_zeros = zeros[:4] == b"0000"
    text_id = digits in raw[18:44] and said != you.to_bytes(4, "big")
    if text_zeros and text_id:
        return ASCII_BOTH
    if text_zeros:
        return ASCII_PADDING
    if text_id:
        return ASCII_ID
    if len(said) == 4 and said == you.to_bytes(4, "little"):
        return LITTLE_ID
    if len(said) == 4 and zeros == bytes(10):
        return OTHER_ID
    return OTHER_HANDSHAKE


class _Shape(NamedTuple):
    """A way to write a message: how to read its length and type, and how many bytes these take."""

    found: Diagnosis | None
    read: Callable[[bytes], tuple[int, int] | None]
    head: int


def _plain(rest: bytes) -> tuple[int, int] | None:
    return int.from_bytes(rest[:4], "big") - 1, rest[4]


def _payload_only(rest: bytes) -> tuple[int, int] | None:
    return int.from_bytes(rest[:4], "big"), rest[4]


def _with_itself(rest: bytes) -> tuple[int, int] | None:
    return int.from_bytes(rest[:4], "big") - 5, rest[4]


def _little(rest: bytes) -> tuple[int, int] | None:
    return int.from_bytes(rest[:4], "little") - 1, rest[4]


def _little_payload(rest: bytes) -> tuple[int, int] | None:
    return int.from_bytes(rest[:4], "little"), rest[4]


def _digit(rest: bytes) -> tuple[int, int] | None:
    return (int.from_bytes(rest[:4], "big") - 1, rest[4] - 48) if 48 <= rest[4] < 56 else None


def _digit_payload(rest: bytes) -> tuple[int, int] | None:
    return (int.from_bytes(rest[:4], "big"), rest[4] - 48) if 48 <= rest[4] < 56 else None


def _digits(rest: bytes) -> tuple[int, int] | None:
    if not rest[:4].isdigit():
        return None
    return int(rest[:4]) - 1, rest[4] - 48 if 48 <= rest[4] < 56 else rest[4]


def _digits_payload(rest: bytes) -> tuple[int, int] | None:
    found = _digits(rest)
    return found and (found[0] + 1, found[1])


def _int_type(rest: bytes) -> tuple[int, int] | None:
    if len(rest) < 8 or rest[4:7] != bytes(3):
        return None
    return int.from_bytes(rest[:4], "big") - 4, rest[7]


def _int_type_short(rest: bytes) -> tuple[int, int] | None:
    found = _int_type(rest)
    return found and (found[0] + 3, found[1])


_SHAPES = (
    _Shape(None, _plain, 5),
    _Shape(PAYLOAD_ONLY, _payload_only, 5),
    _Shape(LITTLE, _little, 5),
    _Shape(LITTLE, _little_payload, 5),
    _Shape(ASCII_TYPE, _digit, 5),
    _Shape(ASCII_TYPE, _digit_payload, 5),
    _Shape(ASCII_LENGTH, _digits, 5),
    _Shape(ASCII_LENGTH, _digits_payload, 5),
    _Shape(INT_TYPE, _int_type, 8),
    _Shape(INT_TYPE, _int_type_short, 8),
    _Shape(WITH_ITSELF, _with_itself, 5),
)


def _frames(rest: bytes, pieces: int) -> Diagnosis | None:
    """How the first messages are written; None where that is right or can't be told."""
    if len(rest) < 4:
        return PADDED if rest and rest.strip(b"\r\n\0 ") == b"" else None
    if rest[:4] == b"\xac\xed\x00\x05" or (
        rest[:1] in {b"\x73", b"\x77"} and b"\xac\xed" in rest[:8]
    ):
        return JAVA_LATER
    if len(rest) == 4 and rest != bytes(4):
        return None
    for whole, exact in ((True, True), (True, False), (False, True), (False, False)):
        for shape in _SHAPES:
            if _fits(rest, shape, pieces, exact=exact, whole=whole):
                return shape.found or _wide(rest, shape, pieces)
    if rest[:1] in {b"\n", b"\r", b" "} or not rest[:4].strip(b"\0"):
        return PADDED
    return None


def _fits(rest: bytes, shape: _Shape, pieces: int, *, exact: bool, whole: bool) -> bool:
    """Whether all bytes so far are messages in this shape, with sizes that their types allow.

    `exact`: a bitfield must have the right size; `whole`: the last message must be complete.
    """
    at = 0
    sizes = {0: {0}, 1: {0}, 2: {0}, 3: {0}, 4: {4}, 6: {4}}
    right = wire.bitfield_bytes(pieces)
    loose = set(range(4 * pieces + 1)) if whole else {*range(right + 1), pieces, 4 * pieces}
    wide = {right} if exact else loose
    while at < len(rest):
        part = rest[at:]
        if len(part) < shape.head:
            return at > 0 and not whole
        found = shape.read(part)
        if not found or found[0] not in sizes.get(found[1], wide if found[1] == 5 else set()):
            return False
        at += shape.head + found[0]
    return at == len(rest) or (not whole and at - len(rest) < 4 * pieces)


def _wide(rest: bytes, shape: _Shape, pieces: int) -> Diagnosis | None:
    """A bitfield with more than a bit for each piece."""
    found = shape.read(rest)
    if not found or found[1] != 5 or pieces < 2:
        return None
    return {pieces: BYTE_A_PIECE, 4 * pieces: INT_A_PIECE}.get(found[0])


_OBJECTS = (("StreamCorruptedException", JAVA), ("OptionalDataException", JAVA), ("UnpicklingError", PICKLE))  # fmt: skip


def of_words(lines: tuple[str, ...]) -> tuple[Diagnosis, str] | None:
    """The dialect of a program that sends nothing, but prints that it can't read plain bytes as objects."""
    for line in lines:
        for word, found in _OBJECTS:
            if word in line:
                return found, line
    return None


def comparison(
    found: Diagnosis, raw: bytes, you: int, pieces: int, *, seed: bool
) -> tuple[str, ...]:
    """What it sent, and what it should send."""
    if found is WAITS:
        return ("you sent    nothing, until 1001 had sent its handshake",)
    right = wire.handshake(you)
    if found.at >= 32:
        kind = (
            raw[36:37]
            if found is not ASCII_TYPE
            else bytes([raw[36] - 48])
            if len(raw) > 36
            else b""
        )
        bits = wire.bits_of(set(range(pieces)) if seed else set(), pieces)
        right = (
            wire.frame(wire.BITFIELD, bits)
            if seed or kind == b"\5"
            else wire.frame(wire.INTERESTED)
        )
        name = "bitfield" if right[4] == 5 else "interested"
        return (f"you sent    {raw[32:64].hex(' ')}", f"it must be  {right.hex(' ')}   ({name})")
    start = 18 if found.at >= 18 else 0
    label = "... " if start else ""
    return (
        f"you sent    {label}{raw[start:32].hex(' ')}   {_shown(raw[start:32])}",
        f"it must be  {label}{right[start:32].hex(' ')}   {_shown(right[start:32])}",
    )


def _shown(data: bytes) -> str:
    return "".join(chr(byte) if 32 <= byte < 127 else "." for byte in data)


def is_lowest_first(bits: list[Event], wanted: bytes) -> bool:
    """Whether a bitfield is the right one with the bits of each byte in the opposite order."""
    mirrored = wire.lowest_first(wanted)
    return bool(bits) and bits[0].data in {mirrored, mirrored.rstrip(b"\0")}


def about_bitfield(bits: list[Event], wanted: bytes, pieces: int) -> str:
    """What is wrong with a seed's bitfield."""
    if not bits:
        return "You have the file, but sent no bitfield."
    data = bits[0].data
    said = f"For {pieces} pieces you sent {data.hex(' ') or '(no bytes)'}, it must be {wanted.hex(' ')}."
    if is_lowest_first(bits, wanted):
        return (
            f"Your bitfield is written lowest bit first, at least in its last byte. {said} "
            "If only the last byte is wrong, it isn't shifted left to its end."
        )
    return f"Your bitfield doesn't tell all pieces of the file. {said}"

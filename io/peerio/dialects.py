"""Names the mistake behind bytes that can't be accepted, where it is a common one (spec 2.4, 3.5).

Programs that implement the same assignment go wrong in a few ways again and again. What is refused is
decided elsewhere and doesn't depend on this; here the reason gets a sentence that helps its author.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

HEADER_START = b"P2PFILE"
JAVA_STREAM = b"\xac\xed\x00\x05"
STARTS = {
    JAVA_STREAM: "a Java object stream (ac ed 00 05): write plain bytes, not with ObjectOutputStream",
    b"\x13BitTorrent": "the handshake of the real BitTorrent, which this protocol only resembles",
    b"\x80\x04\x95": "a Python pickle: write plain bytes",
    b"\x80\x05\x95": "a Python pickle: write plain bytes",
    b"\x16\x03": "TLS: something else that looks for a server",
    b"SSH-": "SSH: something else that looks for a server",
    b"GET ": "HTTP: a web browser, or something like one",
    b"HEAD ": "HTTP: a web browser, or something like one",
    b"POST ": "HTTP: a web browser, or something like one",
    b"P\0": "text in UTF-16: write one byte for each character",
    b"\0P": "text in UTF-16: write one byte for each character",
    b"\xff\xfe": "text in UTF-16: write one byte for each character",
    b"\xfe\xff": "text in UTF-16: write one byte for each character",
}
"""What a connection begins with, and what that is."""
INT_SIZE = 4
BITFIELD, TYPES = 5, 8
DIGITS = frozenset(b"0123456789")


def of_start(data: bytes) -> str:
    """What a handshake with another header is; "" if that isn't known."""
    for start, what in STARTS.items():
        if data.startswith(start):
            return what
    at = data.find(HEADER_START)
    if at == 2:
        return "two bytes come before the header, as Java's writeUTF writes them"
    if at > 0:
        return f"{at} bytes come before the header"
    if data[: len(HEADER_START)].upper() == HEADER_START:
        return "the header is in capital letters"
    return ""


def of_handshake(zeros: bytes, claimed: int, listed: Collection[int]) -> str:
    """Why a handshake names an id that isn't expected; "" if that isn't known.

    `zeros` are the ten bytes between the header and the id.
    """
    hints = []
    if zeros == b"0" * len(zeros):
        hints.append("characters '0' where zero bytes are expected")
    text = bytes(_bytes_of(claimed)).strip(b"\0 ")
    if text and DIGITS.issuperset(text):
        hints.append(f'the id is written as text, "{text.decode()}", not as a 4-byte number')
    elif _reversed(claimed) in listed:
        hints.append(f"{_reversed(claimed)} written lowest byte first?")
    return ", ".join(hints)


def of_frame(length: int, kind: int, allowed: Mapping[int, Collection[int]], pieces: int) -> str:
    """Why a frame has a length that its type doesn't allow; "" if that isn't known.

    `allowed` are the lengths (type and payload) of each type.
    """
    lead = bytes(_bytes_of(length))
    if lead == JAVA_STREAM:
        return STARTS[JAVA_STREAM]
    if DIGITS.issuperset(lead):
        return f'the length is written as text, "{lead.decode()}"'
    if length + 1 in allowed.get(kind, ()):
        return "the length leaves out the type byte"
    if _reversed(length) in allowed.get(kind, ()):
        return "the length is written lowest byte first"
    if _reversed(length) + 1 in allowed.get(kind, ()):
        return "the length is written lowest byte first and leaves out the type byte"
    shifted, first = (length % (1 << 24)) * 256 + kind, length >> 24
    if {shifted, shifted + 1} & set(allowed.get(first, ())):
        return "the type comes before the length"
    if lead.startswith((b"\n", b"\r\n")):
        return "a line end follows the handshake or the message before"
    if kind == BITFIELD:
        return _of_bitfield_size(length, max(allowed[BITFIELD]) - 1, pieces)
    return ""


def _of_bitfield_size(length: int, expected: int, pieces: int) -> str:
    for size in (length - 1, length):  # the length may leave out the type byte as well
        if size == pieces:
            return "a byte for each piece, expected a bit"
        if size == INT_SIZE * pieces:
            return "an int for each piece, expected a bit"
    if length - 1 < expected:
        return "is Common.cfg the same there? Java's BitSet.toByteArray leaves out zero bytes at the end"
    return "is Common.cfg the same there?"


def of_type(kind: int, length: int, allowed: Mapping[int, Collection[int]]) -> str:
    """What a message of an unknown type is, which is skipped; "" if that isn't known."""
    written = kind - ord("0")
    if 0 <= written < TYPES and {length, length + 1} & set(allowed[written]):
        return f"the type is written as the character '{written}', not as a number"
    return ""


def of_index(piece: int, pieces: int) -> str:
    """Why a piece index is out of range; "" if that isn't known."""
    if piece == pieces:
        return "are the pieces counted from 1, or is there one too many?"
    if _reversed(piece) < pieces:
        return f"{_reversed(piece)} written lowest byte first?"
    text = bytes(_bytes_of(piece))
    if DIGITS.issuperset(text):
        return f'the index is written as text, "{text.decode()}"'
    return ""


def of_spare_bits(last: int, spare: int) -> str:
    """Why the last byte of a bitfield has spare bits set; "" if that isn't known."""
    if last == 0xFF:
        return "the spare bits are filled with ones"
    if int(f"{last:08b}"[::-1], 2) % (1 << spare) == 0:
        return "is it written lowest bit first?"
    return ""


def _bytes_of(number: int) -> list[int]:
    """The four bytes of a number, the highest first."""
    return [number >> shift & 0xFF for shift in (24, 16, 8, 0)]


def _reversed(number: int) -> int:
    """The number that these four bytes are, read from the other end."""
    return sum(byte << shift for byte, shift in zip(_bytes_of(number), (0, 8, 16, 24), strict=True))

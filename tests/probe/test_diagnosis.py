"""First bytes: each dialect gets its own sentence, and the protocol none."""

from __future__ import annotations

import pytest

from probe import diagnosis
from probe.conversation import wire
from probe.model import Event

PIECES = 11
HELLO = wire.handshake(1001)
BITS = b"\xff\xe0"
RECORDED: dict[str, tuple[bytes, diagnosis.Diagnosis]] = {
    "Java object stream": (bytes.fromhex("aced0005737200"), diagnosis.JAVA),
    "Java objects behind plain bytes": (HELLO + bytes.fromhex("aced00057372"), diagnosis.JAVA_LATER),
    "pickle": (b"\x80\x04\x95\x20\0\0\0\0\0\0\0", diagnosis.PICKLE),
    "header of 2011": (b"CEN5501C2008SPRING" + HELLO[18:], diagnosis.OLD),
    "zeros as digits": (HELLO[:18] + b"0" * 10 + HELLO[28:], diagnosis.ASCII_PADDING),
    "id as digits": (HELLO[:28] + b"1001", diagnosis.ASCII_ID),
    "both as digits": (HELLO[:18] + b"0" * 10 + b"1001", diagnosis.ASCII_BOTH),
    "id the other way round": (HELLO[:28] + HELLO[:27:-1], diagnosis.LITTLE_ID),
    "writeUTF": (b"\0\x12" + HELLO, diagnosis.PREFIXED),
    "a line of text": (b"HELLO 1001\n" * 3, diagnosis.TEXT),
    "JSON": (b'{"header": "P2PFILESHARINGPROJ", "id": 1001}', diagnosis.TEXT),
    "another id": (wire.handshake(1002), diagnosis.OTHER_ID),
    "payload only": (HELLO + b"\0\0\0\2\5" + BITS, diagnosis.PAYLOAD_ONLY),
    "payload only, interested": (HELLO + b"\0\0\0\0\2", diagnosis.PAYLOAD_ONLY),
    "payload only, two messages": (HELLO + b"\0\0\0\2\5" + BITS + b"\0\0\0\0\3", diagnosis.PAYLOAD_ONLY),
    "little-endian": (HELLO + b"\3\0\0\0\5" + BITS, diagnosis.LITTLE),
    "little-endian, payload only": (HELLO + b"\2\0\0\0\5" + BITS, diagnosis.LITTLE),
    "type as a digit": (HELLO + b"\0\0\0\0035" + BITS, diagnosis.ASCII_TYPE),
    "length as digits": (HELLO + b"00035" + BITS, diagnosis.ASCII_LENGTH),
    "type as an int": (HELLO + b"\0\0\0\6\0\0\0\5" + BITS, diagnosis.INT_TYPE),
    "length with itself": (HELLO + b"\0\0\0\7\5" + BITS, diagnosis.WITH_ITSELF),
    "a byte a piece": (HELLO + b"\0\0\0\x0c\5" + b"\1" * 11, diagnosis.BYTE_A_PIECE),
    "a digit a piece": (HELLO + b"\0\0\0\x0c\5" + b"1" * 11, diagnosis.BYTE_A_PIECE),
    "an int a piece": (HELLO + b"\0\0\0\x2d\5" + b"\0\0\0\1" * 11, diagnosis.INT_A_PIECE),
    "a line end": (HELLO + b"\n\0\0\0\3\5" + BITS, diagnosis.PADDED),
}  # fmt: skip


@pytest.mark.parametrize("name", RECORDED)
def test_each_dialect_is_named(name: str) -> None:
    """The first bytes of each dialect get the sentence that says what it is, and a comparison."""
    raw, expected = RECORDED[name]
    found = diagnosis.classify(raw, 1001, PIECES)
    assert found is not None
    assert found.name == expected.name
    lines = diagnosis.comparison(found, raw, 1001, PIECES, seed=True)
    assert len(lines) == 2
    assert lines[0] != lines[1]


@pytest.mark.parametrize(
    "more",
    [
        b"",
        wire.frame(wire.BITFIELD, BITS),
        wire.frame(wire.BITFIELD, b"\xff\x07"),
        wire.frame(wire.BITFIELD, b"\0\0"),
        wire.frame(wire.BITFIELD, b""),
        wire.frame(wire.BITFIELD, b"\xff"),
        wire.frame(wire.BITFIELD, b"\xff\xe0\0\0"),
        wire.frame(wire.BITFIELD, b"\xff\x07\0\0\0\0\0\0"),
        wire.frame(wire.INTERESTED),
        wire.frame(wire.NOT_INTERESTED) + wire.frame(wire.BITFIELD, BITS),
        wire.frame(wire.CHOKE) + wire.frame(wire.NOT_INTERESTED) + wire.frame(wire.BITFIELD, BITS),
        wire.frame(wire.BITFIELD, b"\0\0")
        + b"".join(wire.indexed(wire.HAVE, i) for i in range(11)),
        wire.frame(8, b"abcde"),
    ],
)
def test_the_protocol_is_no_dialect(more: bytes) -> None:
    """Handshake and frames as the specification has them, whatever they say, are no dialect."""
    assert diagnosis.classify(HELLO + more, 1001, PIECES) is None


def test_every_diagnosis_is_tried() -> None:
    """Each diagnosis that bytes can lead to has its recorded bytes here."""
    named = {found.name for _, found in RECORDED.values()}
    assert {one.name for one in diagnosis.ALL} - named == {"waits", "other-handshake"}


def test_lowest_bit_first_is_said() -> None:
    """A seed's bitfield with the bits in the opposite order is told as that."""
    bits = Event(1, 1002, sent=False, kind="bitfield", data=b"\xff\x07")
    assert diagnosis.is_lowest_first([bits], BITS)
    assert "lowest bit first" in diagnosis.about_bitfield([bits], BITS, PIECES)
    assert "sent no bitfield" in diagnosis.about_bitfield([], BITS, PIECES)


def test_objects_are_seen_in_what_is_printed() -> None:
    """A program that waits for objects sends nothing; its own exception says so."""
    found = diagnosis.of_words(
        ("java.io.StreamCorruptedException: invalid stream header: 50325046",)
    )
    assert found is not None
    assert found[0] is diagnosis.JAVA
    assert diagnosis.of_words(("java.io.EOFException", "waiting")) is None

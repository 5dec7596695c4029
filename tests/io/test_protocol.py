"""`peerio.protocol`: every byte on the wire (spec 2.2, 3.1 to 3.5)."""

from __future__ import annotations

import socket
import tracemalloc
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.config import PeerInfo, SwarmConfig
from core.errors import RemoteProtocolError
from core.interface.messages import (
    CHOKE,
    INTERESTED,
    NOT_INTERESTED,
    UNCHOKE,
    Bitfield,
    Have,
    Message,
    Piece,
    Request,
)
from peerio.frames import describe
from peerio.protocol import (
    LONGEST_RUN,
    Decoder,
    FrameRules,
    HaveRun,
    MessageType,
    PieceEnd,
    PieceStart,
    UnknownFrame,
    check_header,
    decode_handshake,
    encode,
    encode_handshake,
    encode_haves,
    piece_header,
    read_exact,
    recv_message,
    type_name,
)

PIECES, PIECE_SIZE, LAST = 10, 16, 5
CONFIG = SwarmConfig(
    1, 1.0, 1.0, "file", 9 * PIECE_SIZE + LAST, PIECE_SIZE, (PeerInfo(1, "localhost", 6001, True),)
)
RULES = FrameRules(CONFIG)
FLAGS = bytes([1, 0, 1, 1, 0, 0, 0, 1, 0, 1])
CONTENT = bytes(range(PIECE_SIZE))


def frame(kind: int, payload: bytes = b"") -> bytes:
    """A frame, encoded as the assignment describes it and without the code under test."""
    return (1 + len(payload)).to_bytes(4, "big") + bytes([kind]) + payload


def index(piece: int) -> bytes:
    return piece.to_bytes(4, "big")


# Golden bytes.

GOLDEN: list[tuple[Message, bytes]] = [
    (CHOKE, b"\0\0\0\1\0"),
    (UNCHOKE, b"\0\0\0\1\1"),
    (INTERESTED, b"\0\0\0\1\2"),
    (NOT_INTERESTED, b"\0\0\0\1\3"),
    (Have(7), b"\0\0\0\5\4\0\0\0\7"),
    (Bitfield(FLAGS), b"\0\0\0\3\5\xb1\x40"),
    (Request(9), b"\0\0\0\5\6\0\0\0\x09"),
    (Piece(9, b"hello"), b"\0\0\0\x0a\7\0\0\0\x09hello"),
]


@pytest.mark.parametrize(("message", "golden"), GOLDEN, ids=lambda value: type(value).__name__)
def test_golden_bytes(message: Message, golden: bytes) -> None:
    """Each message has exactly the bytes of the assignment, both ways (spec 3.1, 3.2)."""
    assert encode(message) == golden
    assert decode_all([golden]) == [message]


def test_golden_handshake() -> None:
    """The handshake is header, ten zero bytes and the id, big-endian: 32 bytes (spec 2.2)."""
    golden = b"P2PFILESHARINGPROJ" + bytes(10) + b"\0\0\3\xe9"
    assert encode_handshake(1001) == golden
    assert len(golden) == 32
    assert decode_handshake(golden) == 1001
    assert decode_handshake(golden[:28] + b"\xff\xff\xff\xff") == 2**32 - 1


@pytest.mark.parametrize(
    ("message", "kind", "payload"),
    [
        (Have(2**31), 4, b"\x80\0\0\0"),
        (Request(258), 6, b"\0\0\1\2"),
        (Bitfield(b"\1"), 5, b"\x80"),
        (Bitfield(b"\0" * 8), 5, b"\0"),
        (Bitfield(b"\1" * 9), 5, b"\xff\x80"),
        (Bitfield(b""), 5, b""),
        (Piece(3, CONTENT), 7, index(3) + CONTENT),
    ],
)
def test_against_an_independent_encoder(message: Message, kind: int, payload: bytes) -> None:
    """Payloads are big-endian, and bit 7 of byte 0 is piece 0 (spec 3.1 to 3.3)."""
    assert encode(message) == frame(kind, payload)


def test_parts_of_messages() -> None:
    """Runs of haves and headers of pieces are the bytes of the messages they stand for (spec 3.2)."""
    assert encode_haves([3, 1]) == frame(4, index(3)) + frame(4, index(1))
    assert piece_header(4, PIECE_SIZE) + CONTENT == frame(7, index(4) + CONTENT)


def test_types() -> None:
    """The eight types have the numbers of the assignment, and names as people write them (spec 3.2)."""
    names = ["choke", "unchoke", "interested", "not interested", "have", "bitfield", "request"]
    assert [type_name(kind) for kind in range(9)] == [*names, "piece", "unknown 8"]
    assert [kind.value for kind in MessageType] == list(range(8))


@pytest.mark.parametrize(("message", "golden"), GOLDEN, ids=lambda value: type(value).__name__)
def test_description(message: Message, golden: bytes) -> None:
    """The trace's description has the type's name, the length where it varies, and the fields that apply (docs/trace.md)."""
    kind, piece, fields = describe(message)
    assert kind == type_name(golden[4])
    assert fields.pop("len", len(golden)) == len(golden)
    assert piece == (message.piece if isinstance(message, Have | Request | Piece) else None)
    assert fields == ({"count": 5} if isinstance(message, Bitfield) else {})


# Handshakes that are wrong (spec 2.2, 2.4).


def test_the_ten_zero_bytes_are_not_checked() -> None:
    """The ten zero bytes are sent as zero and not checked on arrival (spec 2.4)."""
    assert decode_handshake(b"P2PFILESHARINGPROJ" + b"reserved!!" + index(5)) == 5


@pytest.mark.parametrize(
    ("start", "reason"),
    [
        (b"GET / HTTP/1.1\r\nHo", "GET / HTTP"),
        (b"X", "'X'"),
        (b"P2PFILESHARINGPROg", "P2PFILESHARINGPROg"),
        (b"CEN5501C2008SPRING" + bytes(10), "the text of 2011"),
    ],
)
def test_a_wrong_header_is_refused_as_soon_as_it_is_wrong(start: bytes, reason: str) -> None:
    """A wrong header is refused with what came and what was expected; that of 2011 is named (spec 2.2, 2.4)."""
    with pytest.raises(RemoteProtocolError, match=reason) as error:
        check_header(start)
    assert "expected 'P2PFILESHARINGPROJ'" in str(error.value)
    if len(start) >= 18:
        with pytest.raises(RemoteProtocolError, match=reason):
            decode_handshake(start[:18] + bytes(14))


def test_a_header_that_may_still_be_right() -> None:
    """As long as the header may still be right nothing is refused (spec 2.4)."""
    for count in range(19):
        check_header(b"P2PFILESHARINGPROJ"[:count])


# Decoding.


class Sink:
    """Keeps what is written."""

    def __init__(self) -> None:
        self.content = b""

    def write(self, data: memoryview, /) -> None:
        self.content += bytes(data)


SINKS: dict[Decoder, Sink] = {}
"""Where the content goes of the piece that a decoder is in."""


def decode_all(chunks: list[bytes], *, keep: bool = True, scratch: int = 64) -> list[object]:
    """Feed a decoder; haves one by one, pieces as messages (skipped ones as their two marks)."""
    decoder = Decoder(RULES, memoryview(bytearray(scratch)))
    return [item for chunk in chunks for item in feed(decoder, chunk, keep=keep)]


def feed(decoder: Decoder, data: bytes, *, keep: bool = True) -> Iterator[object]:
    while data:
        buffer = decoder.get_buffer()
        count = min(len(buffer), len(data))
        buffer[:count] = data[:count]
        data = data[count:]
        for item in decoder.buffer_updated(count):
            if isinstance(item, HaveRun):
                yield from map(Have, item.pieces)
            elif isinstance(item, PieceStart) and keep:
                sink = SINKS[decoder] = Sink()
                decoder.accept(sink)
            elif isinstance(item, PieceEnd) and keep:
                yield Piece(item.piece, SINKS.pop(decoder).content)
            else:
                yield item


WHOLE: st.SearchStrategy[Message | tuple[int, int]] = st.one_of(
    st.sampled_from([CHOKE, UNCHOKE, INTERESTED, NOT_INTERESTED, Bitfield(b"")]),
    st.integers(0, PIECES - 1).map(Have),
    st.integers(0, PIECES - 1).map(Have),
    st.integers(0, PIECES - 1).map(Request),
    st.lists(st.sampled_from([0, 1]), min_size=PIECES, max_size=PIECES).map(
        lambda flags: Bitfield(bytes(flags))
    ),
    st.integers(0, PIECES - 1).map(
        lambda piece: Piece(piece, bytes(LAST if piece == PIECES - 1 else PIECE_SIZE))
    ),
    st.tuples(st.integers(8, 255), st.integers(0, PIECE_SIZE + 4)),  # an unknown type
)


@settings(max_examples=200)
@given(st.lists(WHOLE, max_size=12), st.data())
def test_any_cut_gives_the_same(
    messages: list[Message | tuple[int, int]], data: st.DataObject
) -> None:
    """However a stream is cut, the same messages come out, whole and in order (spec 3.1)."""
    stream, expected = b"", list[object]()
    for message in messages:
        if isinstance(message, tuple):
            kind, size = message
            stream += frame(kind, bytes(size))
            expected.append(UnknownFrame(kind, 1 + size))
        else:
            stream += encode(message)
            expected.append(message)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    chunks = [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    scratch = data.draw(st.integers(9, 70))
    assert decode_all(chunks, scratch=scratch) == expected


def test_byte_by_byte() -> None:
    """Even a stream that comes byte by byte gives every message (spec 3.1)."""
    stream = b"".join(golden for _, golden in GOLDEN)
    assert decode_all([stream[i : i + 1] for i in range(len(stream))]) == [m for m, _ in GOLDEN]


def test_decoders_may_share_memory() -> None:
    """Between calls a decoder keeps nothing in the buffer, so that all of a thread can share one (design 4.2)."""
    scratch = memoryview(bytearray(64))
    one, other = Decoder(RULES, scratch), Decoder(RULES, scratch)
    stream = b"".join(golden for _, golden in GOLDEN)
    came: dict[Decoder, list[object]] = {one: [], other: []}
    for byte in range(0, len(stream), 3):
        for decoder in (one, other):
            came[decoder] += feed(decoder, stream[byte : byte + 3])
    assert came[one] == came[other] == [message for message, _ in GOLDEN]


def test_a_skipped_piece_leaves_no_trace() -> None:
    """A piece that isn't accepted passes by, and what follows is read as ever (spec 6.5)."""
    stream = frame(7, index(0) + CONTENT) + frame(1)
    assert decode_all([stream[:12], stream[12:]], keep=False) == [
        PieceStart(0),
        PieceEnd(0),
        UNCHOKE,
    ]


def test_the_sink_is_asked_for_before_any_content() -> None:
    """The start of a piece is told as soon as its header is there, before its content (spec 6.5, design 4.2)."""
    assert decode_all([frame(7, index(0) + CONTENT)[:9]], keep=False) == [PieceStart(0)]


def test_haves_come_in_runs() -> None:
    """Haves that came one after the other are told together (`HaveRun`)."""
    decoder = Decoder(RULES)
    data = encode_haves([1, 2, 3])
    decoder.get_buffer()[: len(data)] = data
    assert list(decoder.buffer_updated(len(data))) == [HaveRun([1, 2, 3])]


def test_runs_of_haves_end() -> None:
    """So many haves at most are told together: in between the connection may be closed (spec 3.5)."""
    decoder = Decoder(RULES, memoryview(bytearray(30_000)))
    data = encode_haves([1] * (2 * LONGEST_RUN + 5))
    decoder.get_buffer()[: len(data)] = data
    runs = [item for item in decoder.buffer_updated(len(data)) if isinstance(item, HaveRun)]
    assert [len(run.pieces) for run in runs] == [LONGEST_RUN, LONGEST_RUN, 5]


# What is tolerated (spec 3.4).


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (frame(5), Bitfield(b"")),
        (frame(5, b"\0\0"), Bitfield(bytes(PIECES))),
        (frame(8), UnknownFrame(8, 1)),
        (frame(255, bytes(4 + PIECE_SIZE)), UnknownFrame(255, 5 + PIECE_SIZE)),
    ],
    ids=["no bytes", "all zero", "unknown, empty", "unknown, as long as a piece"],
)
def test_tolerated(data: bytes, expected: object) -> None:
    """Empty bitfields and short messages of unknown types are no errors, and what follows is read (spec 3.4)."""
    assert decode_all([data + frame(2)]) == [expected, INTERESTED]


# Each kind of bad frame (spec 3.5).

BAD = [
    pytest.param(b"\0\0\0\0\0", "length 0", id="length 0"),
    pytest.param(b"\0\0\0\0\x09", "length 0", id="length 0, unknown type"),
    *[
        pytest.param(frame(kind, b"x"), f"^{type_name(kind)} of length 2, expected 1 ", id=name)
        for kind, name in enumerate(("choke", "unchoke", "interested", "not interested"))
    ],
    pytest.param(frame(4), "have of length 1, expected 5", id="have without index"),
    pytest.param(frame(4, bytes(5)), "have of length 6, expected 5", id="long have"),
    pytest.param(frame(6, bytes(3)), "request of length 4, expected 5", id="short request"),
    pytest.param(frame(6, bytes(12)), "request of length 13, expected 5", id="request for a block"),
    pytest.param(frame(4, index(10)), "index 10, expected 0 to 9", id="have out of range"),
    pytest.param(frame(6, index(2**32 - 1)), "index 4294967295, expected", id="request out of range"),
    pytest.param(frame(7, index(10) + CONTENT), "index 10, expected 0 to 9", id="piece out of range"),
    pytest.param(frame(5, b"\0"), "bitfield of length 2, expected .*3", id="short bitfield"),
    pytest.param(frame(5, bytes(3)), "bitfield of length 4, expected .*3", id="long bitfield"),
    pytest.param(frame(5, b"\0\x20"), r"spare bits set \(spec", id="spare bit"),
    pytest.param(frame(5, b"\xff\x03"), "lowest bit first", id="lowest bit first"),
    pytest.param(frame(7, index(0) + bytes(5)), "piece 0 of 5 bytes, expected 16", id="size of the last"),
    pytest.param(frame(7, index(9) + CONTENT), "piece 9 of 16 bytes, expected 5", id="size of the others"),
    pytest.param(frame(7, index(0) + bytes(7)), "piece of length 12, expected 10 or 21", id="no piece's size"),
    pytest.param(frame(7), "piece of length 1, expected 10 or 21", id="piece without index"),
    pytest.param(frame(8, bytes(5 + PIECE_SIZE)), "unknown 8 of length 22, expected .*21", id="long unknown"),
    *[
        pytest.param(b"\xff\xff\xff\xff" + bytes([kind]), f"^{type_name(kind)} of length 4294967295", id=f"4 GiB {type_name(kind)}")
        for kind in (0, 4, 5, 6, 7, 8)
    ],
]  # fmt: skip


@pytest.mark.parametrize(("data", "reason"), BAD)
def test_bad_frames(data: bytes, reason: str) -> None:
    """A frame that can't be under this configuration is an error with its reason, by both ways of reading (spec 3.5)."""
    with pytest.raises(RemoteProtocolError, match=reason):
        decode_all([data])
    with pytest.raises(RemoteProtocolError, match=reason):
        decode_all([data[i : i + 1] for i in range(len(data))])
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(data)
        with pytest.raises(RemoteProtocolError, match=reason):
            recv_message(ours, RULES)


@pytest.mark.parametrize("kind", [5, 7, 8])
def test_no_memory_before_the_check(kind: int) -> None:
    """A length of 4 GiB is refused when five bytes are there, before memory is reserved for it (spec 3.5)."""
    decoder = Decoder(RULES)
    tracemalloc.start()
    try:
        with pytest.raises(RemoteProtocolError, match="4294967295"):
            list(feed(decoder, b"\xff\xff\xff\xff" + bytes([kind])))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 1 << 20


def test_a_good_beginning_is_told_before_the_error() -> None:
    """What came whole before a bad frame counts: it is told first (spec 3.5)."""
    came = feed(Decoder(RULES), encode_haves([1, 2]) + frame(2) + frame(4, index(10)))
    assert [next(came), next(came), next(came)] == [Have(1), Have(2), INTERESTED]
    with pytest.raises(RemoteProtocolError, match="index 10"):
        next(came)


@pytest.mark.parametrize("size", [1, PIECE_SIZE - 1, PIECE_SIZE, 3 * PIECE_SIZE])
def test_sizes_under_other_configurations(size: int) -> None:
    """One piece, or whole pieces only: exactly the sizes that this configuration has are allowed (spec 3.5, 1.4)."""
    config = SwarmConfig(1, 1.0, 1.0, "f", size, PIECE_SIZE, CONFIG.peers)
    rules = FrameRules(config)
    for length in range(3 * PIECE_SIZE + 6):
        sizes = {config.piece_length(piece) for piece in range(config.piece_count)}
        if length - 5 in sizes:
            rules.check(length, MessageType.PIECE)
        else:
            with pytest.raises(RemoteProtocolError):
                rules.check(length, MessageType.PIECE)


# Blocking helpers.


def test_recv_message_reads_all_kinds() -> None:
    """`recv_message` reads every message, past those of unknown type, and tells the end of the stream as None."""
    ours, theirs = socket.socketpair()
    with ours:
        with theirs:
            theirs.sendall(b"".join(frame(8, b"?") + golden for _, golden in GOLDEN))
        came = []
        while (message := recv_message(ours, RULES)) is not None:
            came.append(message)
    assert came == [message for message, _ in GOLDEN]


@pytest.mark.parametrize("kept", [1, 4, 5, 8, 12])
def test_a_stream_that_ends_within_a_frame(kept: int) -> None:
    """A stream that ends within a frame is an error that says how far it came, not a short message."""
    ours, theirs = socket.socketpair()
    with ours:
        with theirs:
            theirs.sendall(frame(7, index(9) + b"hello")[:kept])
        with pytest.raises(EOFError, match=r"ended after \d+ of \d+ bytes"):
            recv_message(ours, RULES)


def test_read_exact_over_many_sends() -> None:
    """`read_exact` reads on until all bytes are there, and not one more."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        for part in (b"ab", b"c", b"defg"):
            theirs.sendall(part)
        assert read_exact(ours, 5) == b"abcde"
        assert read_exact(ours, 0) == b""
        assert read_exact(ours, 2) == b"fg"

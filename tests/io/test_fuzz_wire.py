"""Arbitrary bytes and broken streams into the decoder: a reason or messages, never anything else."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from random import Random

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
from peerio.protocol import Decoder, FrameRules, encode
from tests.kit.effort import examples
from tests.reference.fuzz import FuzzedFrames

PIECES, PIECE_SIZE, LAST = 21, 64, 40
CONFIG = SwarmConfig(
    1, 1.0, 1.0, "f", 20 * PIECE_SIZE + LAST, PIECE_SIZE, (PeerInfo(1, "localhost", 6001, True),)
)
RULES = FrameRules(CONFIG)


class Sink:
    """Counts what is written."""

    def __init__(self) -> None:
        self.size = 0

    def write(self, data: memoryview, /) -> None:
        self.size += len(data)


def decode(stream: bytes, rng: Random) -> tuple[list[object], str]:
    """All that a decoder makes of a stream in random cuts, and the reason it gave up, if it did."""
    decoder = Decoder(RULES, memoryview(bytearray(256)))
    came: list[object] = []
    at = 0
    try:
        while at < len(stream):
            buffer = decoder.get_buffer()
            count = min(len(buffer), len(stream) - at, rng.randint(1, 256))
            buffer[:count] = stream[at : at + count]
            at += count
            came += pieces_kept(decoder, count)
    except RemoteProtocolError as error:
        return came, str(error)
    return came, ""


def pieces_kept(decoder: Decoder, count: int) -> Iterator[object]:
    """What the decoder tells; haves one by one, since how they are joined depends on the cuts."""
    for item in decoder.buffer_updated(count):
        if type(item).__name__ == "PieceStart":
            decoder.accept(Sink())
        if type(item).__name__ == "HaveRun":
            yield from map(Have, getattr(item, "pieces", []))
        else:
            yield item


def same_in_any_cut(stream: bytes, seed: int) -> None:
    """Two ways of cutting give the same messages and the same end."""
    assert decode(stream, Random(seed)) == decode(stream, Random(seed + 1))


@settings(max_examples=examples(300))
@given(st.binary(max_size=600), st.integers(0, 1000))
def test_any_bytes(stream: bytes, seed: int) -> None:
    """Whatever bytes come, the decoder tells messages or a reason, the same for any cut (spec 3.5)."""
    same_in_any_cut(stream, seed)


MESSAGES: st.SearchStrategy[Message] = st.one_of(
    st.sampled_from([CHOKE, UNCHOKE, INTERESTED, NOT_INTERESTED, Bitfield(b"")]),
    st.integers(0, PIECES - 1).map(Have),
    st.integers(0, PIECES - 1).map(Request),
    st.lists(st.sampled_from([0, 1]), min_size=PIECES, max_size=PIECES).map(
        lambda flags: Bitfield(bytes(flags))
    ),
    st.integers(0, PIECES - 1).flatmap(
        lambda piece: st.binary(
            min_size=CONFIG.piece_length(piece), max_size=CONFIG.piece_length(piece)
        ).map(lambda content: Piece(piece, content))
    ),
)


@settings(max_examples=examples(300))
@given(st.lists(MESSAGES, max_size=12), st.data())
def test_damaged_streams(messages: list[Message], data: st.DataObject) -> None:
    """A good stream with a few bytes changed, lost or put in gives messages or a reason, the same for any cut (spec 3.5)."""
    stream = bytearray(b"".join(map(encode, messages)))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(stream)))
        new = data.draw(st.binary(max_size=4))
        stream[at : at + data.draw(st.integers(0, 4))] = new
    same_in_any_cut(bytes(stream), data.draw(st.integers(0, 1000)))


@settings(max_examples=examples(200))
@given(MESSAGES)
def test_against_an_independent_encoder(message: Message) -> None:
    """Each message has the bytes of the assignment, made here in another way, and its trace's size (spec 3.1 to 3.3)."""
    match message:
        case Bitfield(flags):
            bits = "".join("01"[flag] for flag in flags)
            bits += "0" * (-len(bits) % 8)
            payload = bytes(int(bits[at : at + 8], 2) for at in range(0, len(bits), 8))
        case Have(piece) | Request(piece):
            payload = bytes([piece >> 24 & 255, piece >> 16 & 255, piece >> 8 & 255, piece & 255])
        case Piece(piece, content):
            payload = bytes([0, 0, 0, piece]) + content
        case _:
            payload = b""
    kinds = ["Choke", "Unchoke", "Interested", "NotInterested", "Have", "Bitfield"]
    kind = [*kinds, "Request", "Piece"].index(type(message).__name__)
    size = 1 + len(payload)
    length = bytes([size >> 24 & 255, size >> 16 & 255, size >> 8 & 255, size & 255])
    assert encode(message) == length + bytes([kind]) + payload


@pytest.mark.parametrize("seed", range(3))
def test_memory_is_bounded(seed: int) -> None:
    """Megabytes of fuzzed frames leave no more behind than one bitfield and a buffer (spec 3.5)."""
    frames = FuzzedFrames(seed, PIECES, PIECE_SIZE, LAST)
    rng = Random(seed)
    tracemalloc.start()
    try:
        for _ in range(examples(300)):
            stream = frames.stream(20)
            before = tracemalloc.get_traced_memory()[0]
            decoder = Decoder(RULES, memoryview(bytearray(256)))
            feed_all(decoder, stream, rng)
            assert tracemalloc.get_traced_memory()[0] - before < 16_384
    finally:
        tracemalloc.stop()


def feed_all(decoder: Decoder, stream: bytes, rng: Random) -> None:
    """Feed a decoder until it gives up; nothing that it tells is kept."""
    at = 0
    while at < len(stream):
        buffer = decoder.get_buffer()
        count = min(len(buffer), len(stream) - at, rng.randint(1, 256))
        buffer[:count] = stream[at : at + count]
        at += count
        try:
            for _ in pieces_kept(decoder, count):
                pass
        except RemoteProtocolError:
            return

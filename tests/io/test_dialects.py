"""Common mistakes of other programs are refused as strictly as any, and named (spec 2.4, 3.4, 3.5)."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable
from contextlib import closing

import pytest

from core.config import SwarmConfig
from core.errors import RemoteProtocolError
from core.interface.messages import UNCHOKE
from peerio.net import links
from peerio.protocol import (
    HEADER,
    Decoder,
    FrameRules,
    check_header,
    encode,
    encode_handshake,
    explain_handshake,
)
from tests.io.test_net_parts import Owner
from tests.io.test_networking import Peer, config, dial, two, until_closed

__all__ = ["config", "two"]  # fixtures

PIECES, PIECE_SIZE = 43, 500
RULES = FrameRules(SwarmConfig(1, 1.0, 1.0, "file", PIECES * PIECE_SIZE, PIECE_SIZE, ()))


def big(number: int, size: int = 4) -> bytes:
    return number.to_bytes(size, "big")


def little(number: int, size: int = 4) -> bytes:
    return number.to_bytes(size, "little")


@pytest.mark.parametrize(
    ("start", "words"),
    [
        (b"\xac\xed\x00\x05sr\x00\x10HandshakeMessage\x00\x00", "Java object stream"),
        (b"\xac\xed\x00\x05", "Java object stream"),
        (b"\x00\x12" + HEADER, "Java's writeUTF"),
        (b"\x00\x00\x00\x20" + HEADER, "4 bytes come before the header"),
        (HEADER.decode().encode("utf-16-be"), "UTF-16"),
        (HEADER.decode().encode("utf-16"), "UTF-16"),
        (HEADER.lower(), "expected 'P2PFILESHARINGPROJ'"),
        (b"p2pFileSharingProj", "the header is in capital letters"),
        (b"\x13BitTorrent protocol" + bytes(8), "real BitTorrent"),
        (b"GET /announce HTTP/1.1\r\n", "HTTP"),
        (b"\x16\x03\x01\x02\x00", "TLS"),
        (b"\x80\x04\x95\x20\x00\x00\x00", "pickle"),
    ],
)
def test_a_handshake_with_another_beginning(start: bytes, words: str) -> None:
    """A handshake that begins otherwise is refused, and what it is is named if that is known (spec 2.4)."""
    with pytest.raises(RemoteProtocolError, match=words):
        check_header(start)


def test_an_unknown_beginning_is_shown_as_it_is() -> None:
    """Nothing is guessed about a beginning that isn't known (spec 2.4)."""
    with pytest.raises(RemoteProtocolError) as error:
        check_header(b"hello, world: it's me")
    assert (
        error.value.reason
        == "handshake header b\"hello, world: it's\", expected 'P2PFILESHARINGPROJ'"
    )


@pytest.mark.parametrize(
    ("rest", "hints"),
    [
        (b"0" * 10 + b"1203", ["characters '0' where zero", 'as text, "1203"']),
        (bytes(10) + b"7\0\0\0", ['as text, "7"']),
        (bytes(10) + b"\0\0\x007", ['as text, "7"']),
        (bytes(10) + little(1203), ["1203 written lowest byte first"]),
        (b"0" * 10 + big(1209), ["characters '0' where zero"]),
        (bytes(10) + big(1209), []),
    ],
)
def test_an_id_in_another_form(rest: bytes, hints: list[str]) -> None:
    """Why an id isn't the expected one is named where its form or the zero bytes tell (spec 2.4)."""
    told = explain_handshake(HEADER + rest, [7, 1202, 1203])
    assert bool(told) == bool(hints)
    for hint in hints:
        assert hint in told


def test_who_is_refused_is_told_why(config: SwarmConfig, two: Peer) -> None:
    """The reason of a refusal names the id's form (spec 2.4)."""
    with dial(config, 2, HEADER + b"0" * 10 + b"1001") as sock:
        two.warned("isn't listed in PeerInfo.cfg (spec 2.4): characters '0' where zero")
        until_closed(sock)
    with dial(config, 2, HEADER + bytes(10) + little(3)) as sock:
        two.warned("3 written lowest byte first?")
        until_closed(sock)


BITS = -(-PIECES // 8)
LOWEST_FIRST = bytes([255] * (BITS - 1) + [(1 << PIECES % 8) - 1])


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"\xac\xed\x00\x05w\x01\x02", "Java object stream"),
        (big(0) + b"\2", "length 0.*leave out the type byte"),
        (big(4) + b"\4" + big(3), "leaves out the type byte"),
        (big(BITS) + b"\5" + bytes(BITS), "leaves out the type byte"),
        (big(4 + PIECE_SIZE) + b"\7" + bytes(4 + PIECE_SIZE), "leaves out the type byte"),
        (little(1) + b"\2", "length is written lowest byte first"),
        (little(5) + b"\6" + little(3), "length is written lowest byte first"),
        (little(1 + BITS) + b"\5" + bytes(BITS), "length is written lowest byte first"),
        (little(4) + b"\4" + little(3), "lowest byte first and leaves out the type byte"),
        (b"0005" + b"4" + b"0003", 'length is written as text, "0005"'),
        (b"\5" + big(1 + BITS) + bytes(BITS), "type comes before the length"),
        (b"\7" + big(5 + PIECE_SIZE) + big(3), "type comes before the length"),
        (b"\n" + big(1 + BITS) + b"\5" + bytes(BITS), "line end"),
        (big(1 + PIECES) + b"\5" + bytes(PIECES), "a byte for each piece"),
        (big(1 + 4 * PIECES) + b"\5" + bytes(4 * PIECES), "an int for each piece"),
        (big(PIECES) + b"\5" + bytes(PIECES), "a byte for each piece"),
        (big(4) + b"\5" + b"\1\1\1", "BitSet.toByteArray"),
        (big(2 + BITS) + b"\5" + bytes(1 + BITS), "is Common.cfg the same there"),
        (big(1 + BITS) + b"\5" + LOWEST_FIRST, "lowest bit first"),
        (big(1 + BITS) + b"\5" + b"\xff" * BITS, "filled with ones"),
        (big(5) + b"\4" + big(PIECES), "counted from 1"),
        (big(5) + b"\6" + little(9), "9 written lowest byte first"),
        (big(5) + b"\4" + b"0007", 'index is written as text, "0007"'),
    ],
)
def test_a_frame_in_a_known_dialect(data: bytes, words: str) -> None:
    """A frame in a known dialect is a protocol error as any other, and its reason names the dialect (spec 3.5)."""
    decoder = Decoder(RULES)
    decoder.get_buffer()[: len(data)] = data
    with pytest.raises(RemoteProtocolError, match=words):
        list(decoder.buffer_updated(len(data)))


def test_nothing_is_guessed_about_other_frames() -> None:
    """A frame that fits no known dialect is told as it is (spec 3.5)."""
    for data in (b"\xff\xff\xff\xff\7", big(3) + b"\0", big(77) + b"\4", big(1 << 31) + b"\x08"):
        decoder = Decoder(RULES)
        decoder.get_buffer()[: len(data)] = data
        with pytest.raises(RemoteProtocolError) as error:
            list(decoder.buffer_updated(len(data)))
        assert "(" not in error.value.reason


def test_a_type_as_a_character_is_told_once(config: SwarmConfig, two: Peer) -> None:
    """Messages of an unknown type are skipped; that their type is a character is told once a connection (spec 3.4)."""
    with dial(config, 2, encode_handshake(3)) as sock:
        two.awaits("connected", 3)
        sock.sendall((big(1) + b"2" + big(5) + b"4" + big(1) + big(1) + b"\xc8") * 3)
        sock.sendall(encode(UNCHOKE))
        two.awaits("message", 3, UNCHOKE)
        told = [told[1] for told in two.recorder.seen if told[0] == "warning"]
        assert len(told) == 1
        assert "type 50, which are skipped: the type is written as the character '2'" in told[0]


def test_refused_only_where_somebody_refused(
    config: SwarmConfig, two: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connection that ends, is reset or stays silent before its handshake is called that, not refused (spec 2.4)."""
    monkeypatch.setattr(links, "HANDSHAKE_TIMEOUT", 0.1)
    half = encode_handshake(3)[:20]

    def ends(sock: socket.socket) -> None:
        sock.shutdown(socket.SHUT_WR)

    def resets(sock: socket.socket) -> None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        sock.close()

    def waits(_sock: socket.socket) -> None:
        pass

    cases: list[tuple[Callable[[socket.socket], None], str]] = [
        (ends, "ended: the other side closed after 20 bytes of its handshake"),
        (resets, "ended: the other side reset it"),
        (waits, "given up: no handshake within 0 s: 20 of its 32 bytes came"),
    ]
    for act, words in cases:
        with dial(config, 2, half) as sock:
            act(sock)
            two.warned(f"connection from 127.0.0.1 {words}")
    assert not [told for told in two.recorder.seen if "refused" in str(told)]


@pytest.mark.parametrize("outcome", [errno.EHOSTUNREACH, errno.ENETUNREACH, errno.ETIMEDOUT])
def test_an_unreachable_host_is_named(monkeypatch: pytest.MonkeyPatch, outcome: int) -> None:
    """A host that can't be reached is told once, with what the system says; that is no refusal (spec 2.5)."""

    class Unreachable(socket.socket):
        def connect_ex(self, _address: object, /) -> int:
            return outcome

    monkeypatch.setattr(socket, "socket", Unreachable)
    owner = Owner()
    owner.dialler.dial(1, "127.0.0.9", 6001)
    attempts: list[float] = []
    pause = owner.dialler._pause

    def counted(dial: object) -> None:
        attempts.append(owner.loop.now)
        pause(dial)  # type: ignore[arg-type]  # what the dialler itself gave

    monkeypatch.setattr(owner.dialler, "_pause", counted)
    owner.turn(lambda: len(attempts) == 3)
    words = "no answer within 5 s" if outcome == errno.ETIMEDOUT else os.strerror(outcome)
    (told,) = owner.told
    assert told.startswith(
        f"peer 1 can't be reached at 127.0.0.9 port 6001 ({words}); trying again"
    )


def test_a_closed_connection_of_ours_is_not_called_refused(config: SwarmConfig) -> None:
    """A dialled peer that closes before its handshake is told as what it did (spec 2.4)."""
    with socket.create_server(("127.0.0.1", 0)) as server, closing(Peer(config, 3)) as three:
        port = server.getsockname()[1]
        three.does(lambda: three.network.connect_to_peer(2, "127.0.0.1", port))
        with server.accept()[0] as sock:
            sock.recv(32)
        three.warned("connection to peer 2 ended: the other side closed after 0 bytes")

"""What one neighbor may make a peer do: its share of time, connections, and a bounded end (spec 3.7, 7.2)."""

from __future__ import annotations

import socket
from contextlib import closing

import pytest

from core.config import SwarmConfig
from core.interface.messages import (
    CHOKE,
    INTERESTED,
    NOT_INTERESTED,
    UNCHOKE,
    Bitfield,
    Message,
    Request,
)
from peerio import networking
from peerio.net import allowance, listening, receiver
from peerio.net.allowance import BURST, SHARE, Allowance
from peerio.protocol import (
    LONGEST_RUN,
    Decoder,
    FrameRules,
    HaveRun,
    Incoming,
    encode,
    encode_handshake,
    encode_haves,
)
from tests.io.test_networking import PIECE, WITHIN, Peer, config, dial, until_closed

__all__ = ["config"]  # the fixture


def test_an_allowance_comes_back_with_time() -> None:
    """Work may come at once up to the burst, then at the rate of its share; what comes back is bounded."""
    one = Allowance(100.0, extra=1.0)
    assert not one.take(1.0 + BURST / 2)
    assert one.take(BURST)
    assert one.rested_at(100.0) == pytest.approx(100.0 + 0.75 * BURST / SHARE)
    one.refill(one.rested_at(100.0))
    assert not one.take(BURST / 5)
    one.refill(10_000.0)
    assert not one.take(BURST)
    assert one.take(BURST / 100), "the extra is gone for good"


def test_a_decoder_can_pause(config: SwarmConfig) -> None:
    """After a pause the decoder goes on with the next message, whatever it is and wherever it was cut."""
    flags = b"\1\0" * 4
    piece = b"\0\0\0\0"  # the index of the first
    content = bytes(PIECE)
    messages: list[Message] = [CHOKE, Bitfield(flags), Request(3), UNCHOKE]
    data = b"".join(map(encode, messages)) + encode_haves([1, 2]) + b"\0\0\0\2\xff!"
    data += (5 + PIECE).to_bytes(4, "big") + b"\7" + piece + content + encode(INTERESTED)

    def told(*, pausing: bool) -> list[Incoming]:
        decoder, found = Decoder(FrameRules(config), memoryview(bytearray(len(data)))), []
        decoder.get_buffer()[:] = data
        count = len(data)
        while count or decoder.paused:
            for incoming in decoder.buffer_updated(count):
                found.append(incoming)
                if pausing:
                    decoder.pause()
            count = 0
            decoder.get_buffer()
        return found

    assert told(pausing=True) == told(pausing=False)
    assert len(told(pausing=True)) == 9


def test_a_run_of_haves_is_bounded(config: SwarmConfig) -> None:
    """However many haves come together, they are told in parts, so that a pause can come between."""
    decoder = Decoder(FrameRules(config))
    data = encode_haves([0] * 1000)
    decoder.get_buffer()[: len(data)] = data
    runs = [run.pieces for run in decoder.buffer_updated(len(data)) if isinstance(run, HaveRun)]
    assert sum(map(len, runs)) == 1000
    assert max(map(len, runs)) <= LONGEST_RUN


FLOODS = {
    "chokes": encode(CHOKE),
    "changing interest": encode(INTERESTED) + encode(NOT_INTERESTED),
    "requests": encode(Request(3)),
    "haves": encode_haves([0]),
    "bitfields": encode(Bitfield(bytes(8))),
    "unknown types": b"\0\0\0\1\xff",
    "long unknown types": (1 + PIECE).to_bytes(4, "big") + b"\xff" + bytes(PIECE),
    "unasked pieces": (5 + PIECE).to_bytes(4, "big") + b"\7" + bytes(4 + PIECE),
}


def send_for_ever(sock: socket.socket, data: bytes) -> None:
    """Until nobody takes it any more."""
    while True:
        sock.sendall(data)


@pytest.mark.parametrize("kind", FLOODS)
def test_who_floods_rests(config: SwarmConfig, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    """Whatever a neighbor floods with, it is not received from until its allowance is back, and others are (spec 3.7)."""
    monkeypatch.setattr(Allowance, "rested_at", lambda _self, now: now + 1000.0)
    monkeypatch.setattr(networking, "DRAIN_TIMEOUT", 0.05)
    flood = FLOODS[kind] * (1 + 200_000 // len(FLOODS[kind]))
    with closing(Peer(config, 2)) as two:
        two.recorder.wants = False
        with dial(config, 2, encode_handshake(3)) as flooder, dial(config, 2) as honest:
            two.awaits("connected", 3)
            flooder.settimeout(0.2)
            with pytest.raises(TimeoutError):  # the system's buffers fill: nobody takes it
                send_for_ever(flooder, flood)
            honest.sendall(encode_handshake(4) + encode(UNCHOKE) + encode(INTERESTED))
            two.awaits("connected", 4)
            two.awaits("message", 4, INTERESTED)
            taken = sum(told[1:2] == (3,) for told in two.recorder.seen)
            assert taken <= 2 + BURST / receiver.HAVE_WORK + LONGEST_RUN


def test_who_rested_is_heard_again(config: SwarmConfig) -> None:
    """Nothing that a neighbor sent is lost or changes its order while it rests (spec 3.7)."""
    with closing(Peer(config, 2)) as two, dial(config, 2, encode_handshake(3)) as busy:
        pieces = [number % 8 for number in range(3000)]
        busy.sendall(encode_haves(pieces) + encode(UNCHOKE))
        two.awaits("message", 3, UNCHOKE)
        assert [told[2] for told in two.recorder.seen if told[0] == "have"] == pieces


def test_connections_have_an_allowance_too(
    config: SwarmConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever connects again and again waits in the system's queue after the first 64 (spec 3.7)."""
    monkeypatch.setattr(listening, "SHARE", 1e-9)
    monkeypatch.setattr(allowance, "SHARE", 1e-9)
    answered = 0
    with closing(Peer(config, 2)):
        while True:
            with dial(config, 2, encode_handshake(3)) as sock:
                sock.settimeout(3.0)  # a peer on a busy machine may take its time
                try:
                    answered += sock.recv(32) == encode_handshake(2)
                except TimeoutError:
                    break
    assert listening.CONNECTIONS_AT_ONCE <= answered <= listening.CONNECTIONS_AT_ONCE + 1


def test_a_signal_hastens_the_end(config: SwarmConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a signal flush and drain take 1 s at most, though a neighbor doesn't close (spec 7.2)."""
    monkeypatch.setattr(networking, "DRAIN_TIMEOUT", 1000.0)
    monkeypatch.setattr(networking, "HURRIED_DRAIN", 0.05)
    two = Peer(config, 2)
    with dial(config, 2, encode_handshake(3)) as sock:
        two.awaits("connected", 3)
        two.does(two.network.hasten)  # nothing ends by this alone
        two.does(two.network.shutdown)
        assert until_closed(sock) == encode_handshake(2)
        assert two.network._thread.is_alive(), "it waits for our end of stream"
        two.does(two.network.hasten)
        two.network._thread.join(WITHIN)
        assert not two.network._thread.is_alive()


def test_both_ends_say_that_an_id_is_used_twice(
    config: SwarmConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a process is started on two machines, who refuses it says so, and so does the refused one (spec 2.4)."""
    three = config.peer(3)
    with (
        closing(Peer(config, 2)) as two,
        socket.create_connection(
            ("127.0.0.1", config.peer(2).port), WITHIN, ("127.0.0.2", 0)
        ) as wrong,
    ):
        wrong.sendall(encode_handshake(3))
        two.awaits("connected", 3)
        with dial(config, 2, encode_handshake(3)):
            two.warned(f"peer 3 connects from {three.host}, an address of its host")
            two.awaits("disconnected", 3)
            two.awaits("connected", 3)
            until_closed(wrong)
            with socket.create_connection(
                ("127.0.0.1", config.peer(2).port), WITHIN, ("127.0.0.2", 0)
            ) as again:
                again.sendall(encode_handshake(3))
                two.warned("from 127.0.0.2 refused: peer 3 is connected already")
                assert until_closed(again) in (b"", encode_handshake(2))


def test_who_is_refused_behind_the_handshakes_says_so(config: SwarmConfig) -> None:
    """A peer whose connections are closed right after the handshakes tells what that may mean (spec 2.4)."""
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        closing(Peer(config, 3)) as three,
    ):
        port = server.getsockname()[1]
        three.does(lambda: three.network.connect_to_peer(2, "127.0.0.1", port))
        with server.accept()[0] as sock:
            sock.sendall(encode_handshake(2))
            three.awaits("connected", 2)
        three.warned("is peer 3 started on two machines")

"""Those who keep no rule: connections that a live peer must survive (spec 2.4, 3.4, 3.5).

Nothing here judges; a test opens these connections and looks at what the peer does.
"""

from __future__ import annotations

import contextlib
import socket
import time
from typing import Self

from tests.reference import wire
from tests.reference.link import reset, start
from tests.reference.wire import HANDSHAKE_BYTES, Type, frame, handshake, have, request

# Handshakes that are refused (spec 2.4): what is sent instead of one, for a given own and listed id.
BAD_HANDSHAKES: dict[str, bytes] = {
    "garbage": bytes(range(200, 256)),
    "a browser": b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "wrong header": b"P2PFILESHARINGPROX" + handshake(1101)[18:],
    "header of 2011": b"CEN5501C2008SPRING" + handshake(1101)[18:],
    "no header": bytes(32),
}


def offences(count: int, piece_size: int) -> dict[str, bytes]:
    """Protocol errors (spec 3.5): what is sent behind a good handshake.

    `count` pieces, all but the last of `piece_size` bytes; `count` is over 8 and no multiple of 8.
    """
    bits = (count + 7) // 8
    full = wire.bitfield(range(count), count)
    return {
        "length 4 GiB": b"\xff\xff\xff\xff\x07",
        "length 2 GiB of an unknown type": b"\x80\x00\x00\x00\x08",
        "length 0": bytes(4),
        "bitfield too long": frame(Type.BITFIELD, bytes(bits + 1)),
        "bitfield too short": frame(Type.BITFIELD, bytes(bits - 1)),
        "bitfield with spare bits": full[:-1] + bytes([full[-1] | 1]),
        "have out of range": have(count),
        "request out of range": request(0xFFFFFFFF),
        "piece out of range": wire.piece(count, bytes(piece_size)),
        "piece too short": wire.piece(0, bytes(piece_size - 1)),
        "last piece too long": wire.piece(count - 1, bytes(piece_size)),
        "piece without a whole index": frame(Type.PIECE, b"\0\0"),
        "choke with a payload": frame(Type.CHOKE, b"\0"),
        "have without an index": frame(Type.HAVE),
        "unknown type too long": frame(9, bytes(piece_size + 5)),
        "haves without end": have(0) * (1003 + 10 * count),
        "bitfields without end": wire.bitfield((), count) * (1003 + 10 * count),
        "interest without end": frame(Type.INTERESTED) * (1003 + 10 * count),
        "interest to and fro": (frame(Type.INTERESTED) + frame(Type.NOT_INTERESTED))
        * (503 + 5 * count),
        "chokes to and fro": (frame(Type.UNCHOKE) + frame(Type.CHOKE)) * (600 + 5 * count),
        "requests without end": b"".join(request(n % count) for n in range(1003 + 10 * count)),
        "unknown types without end": frame(99) * (1003 + 10 * count),
        "garbage": bytes(range(100, 256)),
    }


class Intruder:
    """One connection to a live peer."""

    def __init__(self, port: int, *, source: str = "127.0.0.1") -> None:
        """Connect from the address `source`, and do nothing yet."""
        self.sock = socket.create_connection(("127.0.0.1", port), 5, (source, 0))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.sock.close()

    def send(self, data: bytes) -> Self:
        """Send anything; whether the other end still reads is no concern."""
        with contextlib.suppress(OSError):
            self.sock.sendall(data)
        return self

    def received_until_closed(self, within: float = 5) -> bytes | None:
        """What arrives until the other end closes; None when it doesn't close in time."""
        self.sock.settimeout(within)
        data = b""
        deadline = time.monotonic() + within
        try:
            while chunk := self.sock.recv(65536):
                data += chunk
                if time.monotonic() > deadline:
                    return None
        except TimeoutError:
            return None
        except OSError:  # a reset closes too
            pass
        return data

    def answered(self) -> bool:
        """Read handshake and messages until the answer to our bitfield (spec 5.1).

        False when the other end closes before.
        """
        try:
            wire.read_exact(self.sock.recv, HANDSHAKE_BYTES)
            while True:
                size = int.from_bytes(wire.read_exact(self.sock.recv, 4), "big")
                kind = wire.read_exact(self.sock.recv, size)[0]
                if kind in (Type.INTERESTED, Type.NOT_INTERESTED):
                    return True
        except (EOFError, OSError):
            return False


def wait_until_listening(port: int) -> None:
    """Dial until somebody listens."""
    deadline = time.monotonic() + 10
    while True:
        try:
            return Intruder(port).sock.close()
        except OSError:
            assert time.monotonic() < deadline, f"nobody listens on {port}"
            time.sleep(0.02)


def claim_complete(port: int, peer_id: int, count: int, within: float = 8) -> Intruder:
    """Connect as a listed peer that has the complete file, until that is accepted.

    Whoever calls this goes on with `read_to_the_end`, as a peer should, or holds the connection.
    """
    deadline = time.monotonic() + within
    while True:
        claim = Intruder(port)
        claim.send(handshake(peer_id) + wire.bitfield(range(count), count))
        if claim.answered():
            return claim
        claim.sock.close()
        assert time.monotonic() < deadline, f"peer {peer_id} isn't accepted within {within} s"
        time.sleep(0.1)


def read_to_the_end(sock: socket.socket) -> None:
    """Read until the end of the stream, then close."""
    sock.settimeout(None)
    with contextlib.suppress(OSError):
        while sock.recv(65536):
            pass
    sock.close()


class BadListener:
    """Somebody who listens on a listed peer's port, and answers each dialler with a script.

    `script[n]` is sent on the n-th connection of each dialler, which is then closed, with a reset
    for an odd n; after the script it behaves as a peer that has the complete file.
    """

    def __init__(self, port: int, peer_id: int, script: list[bytes], count: int) -> None:
        """Listen at once."""
        self.script = script
        self.greeting = handshake(peer_id) + wire.bitfield(range(count), count)
        self.dials: dict[int, int] = {}
        self.sockets: list[socket.socket] = []
        self.listener = socket.create_server(("127.0.0.1", port))
        start(self.accept)

    def accept(self) -> None:
        """Thread: take all diallers."""
        with contextlib.suppress(OSError):
            while True:
                sock, _ = self.listener.accept()
                self.sockets.append(sock)
                start(self.answer, sock)

    def answer(self, sock: socket.socket) -> None:
        """Thread: play the script's next scene for this dialler."""
        with contextlib.suppress(OSError, EOFError):
            dialler = wire.handshake_id(wire.read_exact(sock.recv, HANDSHAKE_BYTES))
            scene = self.dials.get(dialler, 0)
            self.dials[dialler] = scene + 1
            if scene < len(self.script):
                sock.sendall(self.script[scene])
                if scene % 2:
                    reset(sock)
                    return
                sock.shutdown(socket.SHUT_WR)
            else:
                sock.sendall(self.greeting)
            read_to_the_end(sock)
        sock.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for sock in self.sockets:
            sock.close()

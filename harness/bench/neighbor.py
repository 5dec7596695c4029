"""A neighbor that times the peers: how long from its unchoke to a request, and from a piece to the next.

It has the whole file and is connected to all peers of a swarm that is at work. One of them, a leecher, it
serves: again and again it unchokes that peer, answers some requests, and chokes it. It is a process of its
own and uses blocking sockets, so what it measures is what any neighbor sees: the peer's own work, the other
peers that share the processors, and the system.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from core.config import PeerInfo, SwarmConfig
from core.interface.messages import CHOKE, UNCHOKE, Bitfield, Request
from harness.bench.baselines import end_with
from peerio.config import load_config
from peerio.protocol import (
    HANDSHAKE_SIZE,
    Decoder,
    FrameRules,
    HaveRun,
    Incoming,
    encode,
    encode_handshake,
    piece_header,
    read_exact,
)
from peerio.status import Status

FIGURES = "waits.json"
"""Written into the swarm's folder: seconds of each wait, by what was waited for."""
_ANSWERS = 8
"""Pieces from an unchoke to the next choke."""
_CHOKED = 0.005
"""Seconds for which the peer stays choked."""
_PATIENCE = 30.0
"""Seconds for a peer to listen."""


class Neighbor:
    """The neighbor's side of the connection with the peer that it serves."""

    def __init__(self, config: SwarmConfig, sock: socket.socket, path: Path) -> None:
        self._config = config
        self._sock = sock
        self._file = path.open("rb")
        self._incoming = messages(config, sock)
        self.waits: dict[str, list[float]] = {"unchoke": [], "piece": []}

    def await_work(self) -> None:
        """Return when the peer has got something from others: then they all are at work."""
        for incoming, _ in self._incoming:
            if isinstance(incoming, HaveRun):
                return

    def serve(self) -> None:
        """Serve until the peer ends."""
        self._sock.sendall(encode(UNCHOKE))
        since, cause, answers = time.monotonic(), "unchoke", 0
        for incoming, at in self._incoming:
            if not isinstance(incoming, Request):
                continue
            self.waits[cause].append(at - since)
            if answers < _ANSWERS:
                self._answer(incoming.piece)
                cause, answers = "piece", answers + 1
            else:
                self._sock.sendall(encode(CHOKE))
                time.sleep(_CHOKED)
                self._sock.sendall(encode(UNCHOKE))
                cause, answers = "unchoke", 0
            since = time.monotonic()

    def _answer(self, piece: int) -> None:
        size = self._config.piece_length(piece)
        content = os.pread(self._file.fileno(), size, piece * self._config.piece_size)
        self._sock.sendall(piece_header(piece, size) + content)


def messages(config: SwarmConfig, sock: socket.socket) -> Iterator[tuple[Incoming, float]]:
    """What comes on a connection, each with the moment in which it was here, until the end of the stream."""
    decoder = Decoder(FrameRules(config))
    try:
        while count := sock.recv_into(decoder.get_buffer()):
            at = time.monotonic()
            for incoming in decoder.buffer_updated(count):
                yield incoming, at
    except ConnectionResetError:
        return


def connect(config: SwarmConfig, own_id: int, peer: PeerInfo) -> socket.socket:
    """A connection with a peer that knows of us all that it needs to."""
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            sock = socket.create_connection((peer.host, peer.port))
        except ConnectionRefusedError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            break
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.sendall(encode_handshake(own_id))
    read_exact(sock, HANDSHAKE_SIZE)
    sock.sendall(encode(Bitfield(b"\1" * config.piece_count)))
    return sock


def _read_all(sock: socket.socket) -> None:
    """Take what a peer says until it ends, and end too."""
    with sock, suppress(ConnectionError):
        while sock.recv(1 << 16):
            pass


def main() -> None:
    """Play the neighbor and tell how long it waited."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("own_id", type=int)
    parser.add_argument("served", type=int)
    parser.add_argument("workdir", type=Path)
    parser.add_argument("--lifeline-fd", type=int, required=True)
    parser.add_argument("--status-fd", type=int, required=True)
    arguments = parser.parse_args()
    end_with(arguments.lifeline_fd)
    config = load_config(arguments.workdir, warn=lambda _text: None)
    others = [peer for peer in config.peers if peer.peer_id != arguments.own_id]
    socks = {peer.peer_id: connect(config, arguments.own_id, peer) for peer in others}
    served = socks.pop(arguments.served)
    for sock in socks.values():
        threading.Thread(target=_read_all, args=(sock,), daemon=True).start()
    path = arguments.workdir / f"peer_{arguments.own_id}" / config.file_name
    neighbor = Neighbor(config, served, path)
    if any(peer.has_file for peer in others):
        neighbor.await_work()
    with suppress(ConnectionError):  # the peer has got everything meanwhile
        neighbor.serve()
    served.close()
    (arguments.workdir / FIGURES).write_text(json.dumps(neighbor.waits), encoding="utf-8")
    pieces = config.piece_count
    status = Status(arguments.own_id, "ended", pieces, pieces, 0, 0, 0, status=0)
    os.write(arguments.status_fd, json.dumps(status.record()).encode() + b"\n")


if __name__ == "__main__":
    main()

"""What programs of BitTorrent need to find each other: a torrent's file, and a tracker on this machine."""

from __future__ import annotations

import hashlib
import socket
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, unquote_to_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    Value = int | bytes | Sequence["Value"] | Mapping[bytes, "Value"]

_HOST = "127.0.0.1"
_INTERVAL = 3600
"""Seconds between two announcements of a peer: nobody needs a second one."""


def bencode(value: Value) -> bytes:
    """A value in BitTorrent's form (BEP 3)."""
    if isinstance(value, int):
        return b"i%de" % value
    if isinstance(value, bytes):
        return b"%d:%s" % (len(value), value)
    if isinstance(value, dict):
        items = (bencode(key) + bencode(value[key]) for key in sorted(value))
        return b"d" + b"".join(items) + b"e"
    return b"l" + b"".join(map(bencode, value)) + b"e"


def torrent(source: Path, piece_size: int, tracker: str) -> bytes:
    """The torrent of one file: its pieces' SHA-1 and where the tracker is."""
    pieces = []
    with source.open("rb") as file:
        while piece := file.read(piece_size):
            pieces.append(hashlib.sha1(piece, usedforsecurity=False).digest())
    info: Value = {
        b"length": source.stat().st_size,
        b"name": b"bench.dat",
        b"piece length": piece_size,
        b"pieces": b"".join(pieces),
    }
    return bencode({b"announce": tracker.encode(), b"info": info})


class Tracker:
    """Tells each peer of those that came before it, and notes who has completed."""

    def __init__(self, leechers: int) -> None:
        self.all_complete = threading.Event()
        self._leechers = leechers
        self._lock = threading.Lock()
        self._peers: dict[bytes, int] = {}
        self._complete: set[bytes] = set()

    def announce(self, peer: bytes, port: int, event: str) -> bytes:
        """The answer to an announcement."""
        with self._lock:
            others = b"".join(
                socket.inet_aton(_HOST) + other.to_bytes(2, "big")
                for name, other in self._peers.items()
                if name != peer
            )
            self._peers[peer] = port
            if event == "completed":
                self._complete.add(peer)
            if len(self._complete) >= self._leechers:
                self.all_complete.set()
        return bencode({b"interval": _INTERVAL, b"peers": others})


@contextmanager
def tracking(leechers: int) -> Iterator[tuple[Tracker, str]]:
    """A tracker for so many leechers, with its address, while the block runs."""
    tracker = Tracker(leechers)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            query = self.path.partition("?")[2]
            # A peer's id is any 20 bytes, escaped.
            given = dict(parse_qsl(query, encoding="latin-1"))
            peer = unquote_to_bytes(query.partition("peer_id=")[2].partition("&")[0])
            answer = tracker.announce(peer, int(given["port"]), given.get("event", ""))
            self.send_response(200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            """Nobody wants to read it."""

    server = ThreadingHTTPServer((_HOST, 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield tracker, f"http://{_HOST}:{server.server_address[1]}/announce"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

"""Two ways to copy a file over TCP without the protocol: what a swarm's cost is measured against.

- The **pump**: for each leecher a process that does nothing but `sendfile`, and the leecher, that
  does nothing but `recv_into` and `pwrite`. What the system itself costs.
- The **star**: the seed is one process for all leechers, and each leecher asks it for one piece
  at a time: the protocol's request and piece messages, stop and wait, and nothing else. What the
  protocol itself costs, without mesh, haves, choking, machines or log.

Each process is started as `python -m harness.bench.baselines ROLE ...`, waits until all are connected,
and ends with one status line in the form that peers use, where "the first unchoke" is the start
of the transfer.
"""

from __future__ import annotations

import argparse
import json
import os
import selectors
import socket
import struct
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from peerio.filesystem import reserve
from peerio.status import Status

_HOST = "127.0.0.1"
_PATIENCE = 30.0
"""Seconds for all processes to find each other."""
_CHUNK = 256 * 1024
_HEADER = struct.Struct("!IBI")
_MORE_FOLLOWS = getattr(socket, "MSG_MORE", 0)  # Linux alone has it
_REQUEST, _PIECE = 6, 7


@dataclass(frozen=True, slots=True)
class Job:
    """What one process is to do.

    `peer` numbers the processes of a run from 0, `others` is how many there are besides; sizes
    are bytes; `port` is where the content flows, `barrier` where all await the start.
    """

    path: Path
    peer: int
    others: int
    leechers: int
    size: int
    piece_size: int
    port: int
    barrier: int

    def piece_length(self, index: int) -> int:
        """Bytes of a piece; the last may be shorter."""
        return min(self.piece_size, self.size - index * self.piece_size)

    @property
    def pieces(self) -> int:
        """Number of pieces."""
        return -(-self.size // self.piece_size)


def pump_send(job: Job, start: Start) -> int:
    """Send the whole file over one connection; returns the number of messages, as all do: none."""
    with _listen(job.port) as listener, listener.accept()[0] as sock, job.path.open("rb") as file:
        start.wait()
        sent = 0
        while sent < job.size:
            sent += os.sendfile(sock.fileno(), file.fileno(), sent, job.size - sent)
    return 0


def pump_receive(job: Job, start: Start) -> int:
    """Take in the whole file over one connection."""
    with _dial(job.port) as sock, _reserved(job) as file:
        buffer = memoryview(bytearray(_CHUNK))
        start.wait()
        received = 0
        while count := sock.recv_into(buffer):
            os.pwrite(file.fileno(), buffer[:count], received)
            received += count
    if received != job.size:
        raise ConnectionError(f"{received} of {job.size} bytes came")
    return 0


def star_serve(job: Job, start: Start) -> int:
    """Answer the requests of all leechers until the last has closed."""
    with ExitStack() as stack:
        selector = stack.enter_context(selectors.DefaultSelector())
        file = stack.enter_context(job.path.open("rb"))
        listener = stack.enter_context(_listen(job.port))
        for _ in range(job.leechers):
            sock = stack.enter_context(listener.accept()[0])
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.settimeout(0)
            selector.register(sock, selectors.EVENT_READ, _Upload(job, sock, file.fileno()))
        start.wait()
        return _serve(selector)


def _serve(selector: selectors.BaseSelector) -> int:
    """The seed's loop; returns the messages: a request and its piece are two."""
    messages = 0
    while selector.get_map():
        for key, events in selector.select():
            upload: _Upload = key.data
            if events == selectors.EVENT_READ:
                if not upload.take_request():
                    selector.unregister(upload.sock)
                    continue
                messages += 2
                if upload.blocks():
                    selector.modify(upload.sock, selectors.EVENT_WRITE, upload)
            elif not upload.blocks():
                selector.modify(upload.sock, selectors.EVENT_READ, upload)
    return messages


class _Upload:
    """The seed's side of one connection: the piece under way, as a range of the file."""

    def __init__(self, job: Job, sock: socket.socket, file: int) -> None:
        self.sock = sock
        self._job = job
        self._file = file
        self._position = self._end = 0

    def take_request(self) -> bool:
        """Read one request and send the piece's header; False at end of stream."""
        request = self.sock.recv(_HEADER.size)
        if not request:
            return False
        _length, _type, index = _HEADER.unpack(request)
        length = self._job.piece_length(index)
        self._position = index * self._job.piece_size
        self._end = self._position + length
        # One segment with the content that follows. It can't block: the last piece was taken whole.
        self.sock.send(_HEADER.pack(5 + length, _PIECE, index), _MORE_FOLLOWS)
        return True

    def blocks(self) -> bool:
        """Send on; whether the socket takes no more before the piece is out."""
        sock, file, end = self.sock.fileno(), self._file, self._end
        try:
            while (position := self._position) < end:
                self._position += os.sendfile(sock, file, position, end - position)
        except BlockingIOError:
            return True
        return False


def star_ask(job: Job, start: Start) -> int:
    """Ask for each piece in turn, and write it before asking for the next."""
    buffer = memoryview(bytearray(_HEADER.size + min(job.piece_size, _CHUNK)))
    with _dial(job.port) as sock, _reserved(job) as file:
        start.wait()
        for index in range(job.pieces):
            sock.send(_HEADER.pack(5, _REQUEST, index))
            position = index * job.piece_size
            end = position + job.piece_length(index)
            skip = _HEADER.size  # the piece's header comes with the first part of its content
            while position < end:
                part = buffer[: skip + end - position]
                if sock.recv_into(part, 0, socket.MSG_WAITALL) != len(part):
                    raise ConnectionError(f"the seed left before piece {index} was whole")
                position += os.pwrite(file.fileno(), part[skip:], position)
                skip = 0
    return 2 * job.pieces


class Start:
    """The moment at which all processes are connected and the transfer begins."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self.at = self.cpu = 0.0

    def wait(self) -> None:
        """Process 0 lets all others go when the last of them has come."""
        if self._job.peer:
            with _dial(self._job.barrier) as sock:
                sock.recv(1)
        else:
            with ExitStack() as stack:
                listener = stack.enter_context(_listen(self._job.barrier))
                for _ in range(self._job.others):
                    stack.enter_context(listener.accept()[0])
        self.at = time.monotonic()
        self.cpu = time.process_time()


def _listen(port: int) -> socket.socket:
    listener = socket.create_server((_HOST, port), backlog=64)
    listener.settimeout(_PATIENCE)
    return listener


def _dial(port: int) -> socket.socket:
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            sock = socket.create_connection((_HOST, port))
        except ConnectionRefusedError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return sock


def _reserved(job: Job) -> BinaryIO:
    """A new file with its space reserved, as a peer does before it connects (spec 9.2)."""
    file = job.path.open("wb")
    reserve(file.fileno(), job.size, job.path.parent)
    return file


def end_with(lifeline: int) -> None:
    """End at once when the launcher is gone."""

    def watch() -> None:
        os.read(lifeline, 1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


ROLES: dict[str, Callable[[Job, Start], int]] = {
    "pump-send": pump_send,
    "pump-receive": pump_receive,
    "star-serve": star_serve,
    "star-ask": star_ask,
}


def main() -> None:
    """Do one process's part and tell what it took."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("role", choices=ROLES)
    parser.add_argument("path", type=Path)
    for name in ("peer", "others", "leechers", "size", "piece-size", "port", "barrier"):
        parser.add_argument(f"--{name}", type=int, required=True)
    parser.add_argument("--lifeline-fd", type=int, required=True)
    parser.add_argument("--status-fd", type=int, required=True)
    arguments = vars(parser.parse_args())
    role = ROLES[arguments.pop("role")]
    end_with(arguments.pop("lifeline_fd"))
    status_fd = arguments.pop("status_fd")
    job = Job(**arguments)
    start = Start(job)
    messages = role(job, start)
    status = Status(
        peer=job.peer,
        state="ended",
        pieces=job.pieces,
        of=job.pieces,
        up=0,
        down=0,
        messages=messages,
        status=0,
        cpu=time.process_time(),
        first_unchoke=start.at,
        cpu_at_first_unchoke=start.cpu,
    )
    os.write(status_fd, json.dumps(status.record()).encode() + b"\n")


if __name__ == "__main__":
    main()

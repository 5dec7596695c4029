"""A relay between a dialling peer and its target, so that a test can cut or keep connections."""

from __future__ import annotations

import contextlib
import socket

from tests.reference.link import reset, reset_behind, send, start


class Relay:
    """Forwards every connection made to its port to `target`, both on 127.0.0.1.

    `cut_after`: when set, the first connection is reset at both ends once that many bytes came from
    the target. `keep`: connections made while it is set stay open to the target when the dialler's end
    is gone.
    """

    def __init__(self, target: int) -> None:
        """Listen at once, so that nobody else gets the port."""
        self.target = target
        self.cut_after: int | None = None
        self.keep = False
        self.connections = 0
        self.cuts = 0
        self.sockets: list[socket.socket] = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.listener.getsockname()[1]
        start(self.accept)

    def accept(self) -> None:
        """Thread: connect each dialler to the target; refuse it when the target isn't there."""
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:  # closed
                return
            try:
                far = socket.create_connection(("127.0.0.1", self.target))
            except OSError:
                reset(near)
                continue
            for sock in (near, far):
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.connections += 1
            self.sockets += [near, far]
            start(self.forward, near, far, self.keep)
            start(self.bring_back, near, far)

    def forward(self, near: socket.socket, far: socket.socket, keep: bool) -> None:
        """Thread: bytes from the dialler to the target, then its end or reset unless kept."""
        try:
            while data := near.recv(65536):
                send(far, data)
        except OSError:
            if not keep:
                reset_behind(far)
        else:
            if not keep:
                half_close(far)

    def bring_back(self, near: socket.socket, far: socket.socket) -> None:
        """Thread: bytes from the target to the dialler, up to the cut, then its end or reset."""
        count = 0
        try:
            while data := far.recv(4096):
                count += len(data)
                if self.cut_after is not None and count > self.cut_after:
                    self.cut_after = None
                    self.cuts += 1
                    reset(near)
                    reset(far)
                    return
                send(near, data)
        except OSError:
            reset_behind(near)
        else:
            half_close(near)

    def close(self) -> None:
        """Close everything."""
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for sock in self.sockets:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()


def half_close(sock: socket.socket) -> None:
    """Pass on the end of a stream."""
    with contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_WR)

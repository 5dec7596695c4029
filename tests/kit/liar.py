"""Hosts that say whatever a test has them say."""

from __future__ import annotations

import json
import queue
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

from core.config import PeerInfo
from harness.errors import HostError
from harness.remote.session import Host, Session

OPENED = {
    "answer": "open",
    "home": "/home/eve/swarmproof",
    "python": "3.12.1",
    "executable": "/usr/bin/python3",
    "system": "Linux",
}
Said = bytes | dict[str, Any]


def line(said: Said) -> bytes:
    """What is said, as it comes over the wire."""
    return said if isinstance(said, bytes) else json.dumps(said).encode() + b"\n"


class LyingWire:
    """A host that answers each order by what `answers` says; `files` is what it has to fetch."""

    def __init__(
        self, answers: Callable[[dict[str, Any]], list[Said]], files: dict[str, bytes] | None = None
    ) -> None:
        self._answers = answers
        self._files = files or {}
        self._out: queue.Queue[bytes] = queue.Queue()
        self._is_first = True
        self.closed = False
        self.fetched: list[str] = []

    def send(self, data: bytes) -> None:
        if self.closed:
            raise HostError("closed")
        if not data.startswith(b"{"):  # the agent itself, or a sign of life
            return
        order = json.loads(data)
        said = self._answers(order) if "do" in order else [OPENED]
        self.say(*said)

    def say(self, *said: Said) -> None:
        for one in said:
            self._out.put(line(one))

    def receive(self) -> bytes:
        if not self._is_first:
            self._out.task_done()
        self._is_first = False
        return self._out.get()

    def await_taken(self) -> None:
        """Wait until all that was said is taken in."""
        self._out.join()

    def why_ended(self) -> str:
        return "it hung up"

    def put(self, content: BinaryIO, remote: str) -> None:
        pass

    def get(self, remote: str, local: Path, size: int) -> None:
        self.fetched.append(remote)
        content = self._files[Path(remote).name]
        if len(content) != size:
            raise HostError(f"{size} bytes were announced")
        local.write_bytes(content)

    def close(self, patience: float) -> None:
        self.closed = True
        self._out.put(b"")


def host(name: str, *peers: int, seed: int = 0) -> Host:
    """A host of this name with these peers."""
    return Host(name, tuple(PeerInfo(i, name, 6000 + i % 1000, i == seed) for i in peers))


def session(
    name: str, *peers: int, answers: Callable[[dict[str, Any]], list[Said]]
) -> tuple[Session, LyingWire]:
    """A session with a host that lies."""
    wire = LyingWire(answers)
    return Session(host(name, *peers), wire, "swarmproof"), wire

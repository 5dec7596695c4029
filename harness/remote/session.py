"""The controller's end of the line to a host's agent."""

from __future__ import annotations

import json
import queue
import threading
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from harness.remote.parcel import agent_source

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import BinaryIO

    from core.config import PeerInfo

LIMIT = 60.0
"""Seconds of silence after which either end takes the other for gone."""
HEARTBEAT = 5.0
"""Seconds between two signs of life to the agent."""
_PATIENCE = 3.0
"""Seconds for an agent to end when the connection is closed."""


class HostError(Exception):
    """What went wrong with a host; `str(e)` says what and what to do, without the host's name."""


class Wire(Protocol):
    """A connection to a host on which the agent's command was started, such as over SSH.

    Every method but `close` raises HostError when the connection is gone.
    """

    def send(self, data: bytes) -> None:
        """Write to the agent's stdin."""

    def readline(self) -> bytes:
        """A line of the agent's stdout, `b""` at its end; HostError when none comes for `LIMIT`."""

    def why_ended(self) -> str:
        """What the agent's stdout ended for."""

    def put(self, content: BinaryIO, remote: str) -> None:
        """Copy a file there."""

    def get(self, remote: str, local: Path) -> None:
        """Copy a file here."""

    def close(self, patience: float) -> None:
        """End the agent, which is awaited for so many seconds, and the connection."""


@dataclass(frozen=True, slots=True)
class Host:
    """A host as PeerInfo.cfg names it, with the peers that run there in start order."""

    name: str
    peers: tuple[PeerInfo, ...]


class Session:
    """A host's agent, while connected."""

    def __init__(self, host: Host, wire: Wire, home: str, *, limit: float = LIMIT) -> None:
        """Start the agent; HostError when that fails."""
        self.host = host
        self._wire = wire
        self._sending = threading.Lock()
        self._closed = threading.Event()
        self._answers: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self._telling = threading.Lock()
        self._tell: Callable[[dict[str, Any]], None] | None = None
        self._lost: dict[str, Any] | None = None
        wire.send(agent_source())
        wire.send(json.dumps({"home": home, "limit": limit}).encode() + b"\n")
        threading.Thread(target=self._read, daemon=True).start()
        self.about = self._answer()
        """What the agent said first: `home`, `python`, `executable`, `system`."""
        threading.Thread(target=self._beat, daemon=True).start()

    def ask(self, do: str, **details: Any) -> dict[str, Any]:
        """Have an order carried out; HostError when that fails or the host is gone."""
        self.order(do, **details)
        return self._answer()

    def order(self, do: str, **details: Any) -> None:
        """Give an order that isn't answered but by events; HostError when the host is gone."""
        self._send(json.dumps({"do": do, **details}).encode() + b"\n")

    def listen(self, take: Callable[[dict[str, Any]], None]) -> None:
        """Have `take` called with the agent's events from now on, on another thread.

        The last one is `{"event": "lost", "error": "why"}`, also when it came before.
        """
        with self._telling:
            self._tell = take
            if self._lost is not None:
                take(self._lost)

    def put(self, content: BinaryIO, path: str) -> None:
        """Copy a file to `path` in the home; HostError when that fails."""
        self._wire.put(content, f"{self.about['home']}/{path}")

    def get(self, path: str, local: Path) -> None:
        """Copy the file at `path` in the home here; HostError when that fails."""
        self._wire.get(f"{self.about['home']}/{path}", local)

    def close(self) -> None:
        """End the agent, and with it whatever peers it runs."""
        self._closed.set()
        self._wire.close(_PATIENCE)

    def _send(self, data: bytes) -> None:
        with self._sending:
            self._wire.send(data)

    def _answer(self) -> dict[str, Any]:
        message = self._answers.get()
        if message.get("event") == "lost":
            self._answers.put(message)  # for whoever asks next
        if "error" in message:
            raise HostError(message["error"])
        return message

    def _read(self) -> None:
        """Thread: sort the agent's lines into answers and events."""
        reason = ""
        try:
            while line := self._wire.readline():
                self._take(line)
            reason = self._wire.why_ended()
        except HostError as error:
            reason = str(error)
        self._lost = {"event": "lost", "error": reason}
        self._answers.put(self._lost)
        self._pass_on(self._lost)

    def _take(self, line: bytes) -> None:
        try:
            message = json.loads(line)
        except ValueError:
            return  # what a login prints, or half a line of an agent that was killed
        if not isinstance(message, dict):
            return
        if "event" in message:
            self._pass_on(message)
        else:
            self._answers.put(message)

    def _pass_on(self, event: dict[str, Any]) -> None:
        with self._telling:
            if self._tell is not None:
                self._tell(event)

    def _beat(self) -> None:
        """Thread: signs of life, until the end."""
        with suppress(HostError):
            while not self._closed.wait(HEARTBEAT):
                self._send(b"\n")

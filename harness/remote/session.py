"""The controller's end of the line to a host's agent."""

from __future__ import annotations

import json
import queue
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Protocol, TypeVar

from core.config import PeerInfo
from harness.errors import HostError
from harness.remote.bundle import agent_source
from harness.remote.decoder import Decoder, Progress
from harness.remote.host.messages import (
    Alive,
    Answer,
    Diagnostic,
    Ended,
    Message,
    Opened,
    Refused,
    Started,
)

LIMIT = 60.0
"""Seconds of silence after which either end takes the other for gone."""
HEARTBEAT = 5.0
"""Seconds between two signs of life to the agent."""
MOST_DIAGNOSTICS = 10_000
"""Lines for people that are shown of one host."""
_PATIENCE = 3.0
"""Seconds for an agent to end when the connection is closed."""


class Wire(Protocol):
    """A connection to a host on which the agent's command was started, such as over SSH.

    Every method but `close` raises HostError when the connection is gone.
    """

    def send(self, data: bytes) -> None:
        """Write to the agent's stdin."""

    def receive(self) -> bytes:
        """Some of the agent's stdout, `b""` at its end; HostError when nothing comes for `LIMIT`."""

    def why_ended(self) -> str:
        """What the agent's stdout ended for."""

    def put(self, content: BinaryIO, remote: str) -> None:
        """Copy a file there."""

    def get(self, remote: str, local: Path, size: int) -> None:
        """Copy a file of so many bytes here; HostError, and no file, when it has more or fewer."""

    def close(self, patience: float) -> None:
        """End the agent, which is awaited for so many seconds, and the connection."""


@dataclass(frozen=True, slots=True)
class Host:
    """A host as PeerInfo.cfg names it, with the peers that run there in start order."""

    name: str
    peers: tuple[PeerInfo, ...]


@dataclass(frozen=True, slots=True)
class Lost:
    """The last event of a host: nothing more will come from it."""

    why: str


def named(table: Mapping[Key, Value], key: Key) -> Value:
    """What a host answered about this one of those that it was asked for; HostError if nothing."""
    try:
        return table[key]
    except KeyError:
        raise HostError(f"it didn't answer about {key}") from None


Event = Started | Progress | Diagnostic | Ended | Lost
AnswerType = TypeVar("AnswerType", bound=Answer)
Key = TypeVar("Key")
Value = TypeVar("Value")


class Session:
    """A host's agent, while connected.

    Who says what it can't, such as the end of a peer that wasn't started there, is lost to us: the
    connection ends, and with it whatever runs there.
    """

    def __init__(self, host: Host, wire: Wire, home: str, *, limit: float = LIMIT) -> None:
        """Start the agent; HostError when that fails."""
        self.host = host
        self._wire = wire
        self._decoder = Decoder({peer.peer_id for peer in host.peers})
        self._sending = threading.Lock()
        self._closed = threading.Event()
        self._asked: type[Answer] | None = Opened
        self._answers: queue.SimpleQueue[Answer | Lost] = queue.SimpleQueue()
        self._starting: set[int] = set()
        self._running: set[int] = set()
        self._diagnostics = 0
        self._telling = threading.Lock()
        self._tell: Callable[[Event], None] | None = None
        self._lost: Lost | None = None
        wire.send(agent_source())
        wire.send(json.dumps({"home": home, "limit": limit}).encode() + b"\n")
        threading.Thread(target=self._read, daemon=True).start()
        self.about = self._answer(Opened)
        """What the agent said first."""
        threading.Thread(target=self._beat, daemon=True).start()

    @property
    def is_lost(self) -> bool:
        """Whether nothing more can come from this host."""
        return self._lost is not None

    def ask(self, kind: type[AnswerType], **details: Any) -> AnswerType:
        """Have an order carried out that is answered so; HostError when that fails or the host is gone."""
        self._asked = kind
        self.order(kind.KIND, **details)
        return self._answer(kind)

    def order(self, do: str, **details: Any) -> None:
        """Give an order that isn't answered but by events; HostError when the host is gone."""
        if self._lost is not None:
            raise HostError(self._lost.why)
        self._send(json.dumps({"do": do, **details}).encode() + b"\n")

    def start(self, peer_id: int, command: list[str]) -> None:
        """Have a peer started, of which events tell; HostError when the host is gone."""
        self._starting.add(peer_id)
        self.order("start", peer=peer_id, command=command)

    def listen(self, take: Callable[[Event], None]) -> None:
        """Have `take` called with the agent's events from now on, on another thread.

        The last one is `Lost`, also when it came before.
        """
        with self._telling:
            self._tell = take
            if self._lost is not None:
                take(self._lost)

    def put(self, content: BinaryIO, path: str) -> None:
        """Copy a file to `path` in the home; HostError when that fails."""
        self._wire.put(content, f"{self.about.home}/{path}")

    def get(self, path: str, local: Path, size: int) -> None:
        """Copy the file at `path` in the home here; HostError when that fails, or it isn't of this size."""
        self._wire.get(f"{self.about.home}/{path}", local, size)

    def close(self) -> None:
        """End the agent, and with it whatever peers it runs."""
        self._closed.set()
        self._wire.close(_PATIENCE)

    def _send(self, data: bytes) -> None:
        with self._sending:
            self._wire.send(data)

    def _answer(self, kind: type[AnswerType]) -> AnswerType:
        message = self._answers.get()
        if isinstance(message, kind):
            return message
        if isinstance(message, Lost):
            self._answers.put(message)  # for whoever asks next
            raise HostError(message.why)
        raise HostError(message.why if isinstance(message, Refused) else "it gave no answer")

    def _read(self) -> None:
        """Thread: sort the agent's messages into answers and events."""
        try:
            while data := self._wire.receive():
                try:
                    for message in self._decoder.feed(data):
                        self._take(message)
                except HostError:
                    self._wire.close(0)  # it isn't one of ours: nothing there is to go on for us
                    raise
            why = self._wire.why_ended()
        except HostError as error:
            why = str(error)
        self._lost = Lost(why)
        self._answers.put(self._lost)
        self._pass_on(self._lost)

    def _take(self, message: Message | Progress) -> None:
        """Pass a message on, if it is one that can come now; HostError otherwise."""
        match message:
            case Answer():
                if self._asked is None or not isinstance(message, self._asked | Refused):
                    raise HostError(f"it answered what wasn't asked: {message.KIND}")
                self._asked = None
                self._answers.put(message)
            case Started(peer=peer) if peer in self._starting - self._running:
                self._running.add(peer)
                self._pass_on(message)
            case Progress(peer=peer) if peer in self._running:
                self._pass_on(message)
            case Ended(peer=peer) if peer in self._starting:
                self._starting.discard(peer)
                self._running.discard(peer)
                self._pass_on(message)
            case Started(peer=peer) | Progress(peer=peer) | Ended(peer=peer):
                raise HostError(f"it told of peer {peer}, which isn't running there")
            case Diagnostic():
                self._take_diagnostic(message)
            case Alive():
                pass

    def _take_diagnostic(self, message: Diagnostic) -> None:
        self._diagnostics += 1
        if self._diagnostics < MOST_DIAGNOSTICS:
            self._pass_on(message)
        elif self._diagnostics == MOST_DIAGNOSTICS:
            self._pass_on(Diagnostic("it says too much: what follows is in its peers' stderr only"))

    def _pass_on(self, event: Event) -> None:
        with self._telling:
            if self._tell is not None:
                self._tell(event)

    def _beat(self) -> None:
        """Thread: signs of life, until the end."""
        with suppress(HostError):
            while not self._closed.wait(HEARTBEAT):
                self._send(b"\n")

"""What a host says, bytes in, messages out: the one place where another machine's words are read.

A host speaks for its own peers only, and in the messages of harness/remote/host/messages.py. Whatever else
comes is that host's failure: HostError, and nothing more can come of it.
"""

from __future__ import annotations

from collections.abc import Container, Iterator
from dataclasses import dataclass
from typing import Any

from harness import records
from harness.errors import HostError
from harness.local.children import whole_lines
from harness.records import RecordError
from harness.remote.host.messages import KINDS, Diagnostic, Line, Message, Opened
from peerio.status import Status

LONGEST_LINE = 4 << 20
"""Bytes of a message; a status line of each of 300 peers with 300 neighbors would fit in one."""
LONGEST_BANNER = 1 << 16
"""Bytes that a login may print before the agent speaks."""


@dataclass(frozen=True, slots=True)
class Progress:
    """A peer of this host told how it stands."""

    peer: int
    status: Status


class Decoder:
    """Reads what the host of these `peers` says."""

    def __init__(self, peers: Container[int]) -> None:
        self._peers = peers
        self._rest = bytearray()
        self._is_open = False
        self._banner = 0

    def feed(self, data: bytes) -> Iterator[Message | Progress]:
        """The messages that `data` completes, the first of which is `Opened`; HostError when one isn't right."""
        for line in whole_lines(self._rest, data):
            self._check_length(line)
            if self._is_open:
                yield self._message(line)
            elif (opened := self._opening(line)) is not None:
                self._is_open = True
                yield opened
        self._check_length(self._rest)

    def _check_length(self, line: bytes | bytearray) -> None:
        if len(line) > LONGEST_LINE:
            raise HostError(f"it said more than {LONGEST_LINE} bytes in one line")

    def _opening(self, line: bytes) -> Opened | None:
        """The agent's first words; None for those of a login."""
        try:
            message = self._message(line)
        except HostError:
            message = None
        if isinstance(message, Opened):
            return message
        self._banner += len(line)
        if self._banner > LONGEST_BANNER:
            raise HostError("it says much, but not what an agent says: what does its login run?")
        return None

    def _message(self, line: bytes) -> Message | Progress:
        try:
            return self._read(records.parse(line))
        except RecordError as error:
            raise HostError(f"it said what no agent says: {error}") from None

    def _read(self, record: Any) -> Message | Progress:
        match record:
            case {"answer": str(name), **rest}:
                key = ("answer", name)
            case {"event": str(name), **rest}:
                key = ("event", name)
            case _:
                raise RecordError("neither an answer nor an event")
        if key not in KINDS:
            raise RecordError(f"the {key[0]} {records.printable(name)} is unknown")
        message = records.read(KINDS[key], rest, own=self._peers)
        return self._progress(message) if isinstance(message, Line) else message

    def _progress(self, message: Line) -> Message | Progress:
        """What a status line says; one that is torn, for want of room in a pipe, is a diagnostic."""
        try:
            status = records.read_status(message.line.encode())
        except ValueError:
            text = records.printable(message.line)
            return Diagnostic(f"peer {message.peer}: unreadable status: {text}")
        if status.peer != message.peer:
            raise RecordError(f"a status line of peer {message.peer} speaks for {status.peer}")
        return Progress(message.peer, status)

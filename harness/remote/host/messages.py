"""What an agent says to the controller: an answer to each order, and events of its peers.

One class a message, for both ends: the agent writes it (`record`), the controller reads it
(harness/remote/decoder.py). A rule stands beside a field's type where the type alone isn't enough;
text without a rule is for people.

Nothing but the standard library is imported: this file also runs on the hosts.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import Annotated, Any, ClassVar

OWN = "own"
"""The rule for ids of peers: those of the host that speaks."""
LONGEST_PATH = 4096
"""Characters of a path or name."""

Peer = Annotated[int, OWN]
ExitStatus = Annotated[int, range(256).__contains__]
Digest = Annotated[str, re.compile("[0-9a-f]{64}").fullmatch]
PieceDigest = Annotated[str, re.compile("[0-9a-f]{16}").fullmatch]
Place = Annotated[str, lambda text: text.isprintable() and 0 < len(text) <= LONGEST_PATH]
"""A path that goes into commands: nothing in it that a terminal would act on."""
Name = Annotated[str, lambda text: len(text) <= LONGEST_PATH]
"""What is only looked up."""
Raw = Annotated[str, lambda _text: True]
"""What is read once more."""


@dataclass(frozen=True, slots=True)
class Message:
    """`KIND` is how a message names itself, under the key `KEY`."""

    KEY: ClassVar = "event"
    KIND: ClassVar[str]

    def record(self) -> dict[str, Any]:
        """Return the message as JSON has it."""
        return {self.KEY: self.KIND, **asdict(self)}


class Answer(Message):
    """What an order was carried out with; `KIND` is the order."""

    __slots__ = ()
    KEY = "answer"


@dataclass(frozen=True, slots=True)
class Opened(Answer):
    """The first words: where the agent works and by what; `executable` is its Python."""

    KIND = "open"
    home: Place
    python: str
    executable: Place
    system: str


@dataclass(frozen=True, slots=True)
class Clock(Answer):
    """Seconds since the epoch."""

    KIND = "time"
    time: float


@dataclass(frozen=True, slots=True)
class Look(Answer):
    """What a check wants to know: for each port why it can't be used, bytes, what still runs."""

    KIND = "look"
    ports: dict[Peer, str | None]
    unresolved: list[str]
    free: int
    sizes: dict[Name, int | None]
    running: list[tuple[str, int]]


@dataclass(frozen=True, slots=True)
class HasProgram(Answer):
    """Whether the project is there."""

    KIND = "has_program"
    there: bool


@dataclass(frozen=True, slots=True)
class Unpacked(Answer):
    """It is in place."""

    KIND = "unpack"


@dataclass(frozen=True, slots=True)
class Configured(Answer):
    """It is written."""

    KIND = "configure"


@dataclass(frozen=True, slots=True)
class Sum:
    """A file's SHA-256, or why there is none."""

    sha256: Digest | None = None
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Sums(Answer):
    """By the paths that were asked for."""

    KIND = "sums"
    sums: dict[Name, Sum]


@dataclass(frozen=True, slots=True)
class PieceSums(Answer):
    """The short hashes of the pieces of one file, in order (harness/remote/host/place.py)."""

    KIND = "piece_sums"
    sums: list[PieceDigest]


@dataclass(frozen=True, slots=True)
class Adopted(Answer):
    """The new path of the file that was in the way, if one was."""

    KIND = "adopt"
    aside: str | None


@dataclass(frozen=True, slots=True)
class Reused(Answer):
    """Where the very file was found, which is the peer's copy now; None where it wasn't."""

    KIND = "reuse"
    found: str | None


@dataclass(frozen=True, slots=True)
class Delivered(Answer):
    """Where the file is now, and the new path of the one that was in the way, if one was."""

    KIND = "deliver"
    where: str
    aside: str | None


@dataclass(frozen=True, slots=True)
class Prepared(Answer):
    """Peers can be started."""

    KIND = "prepare"


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept of one peer of a launch: its exit status, its last status line."""

    exit_status: ExitStatus | None = None
    line: Raw | None = None


@dataclass(frozen=True, slots=True)
class Note:
    """What is kept of the latest launch on a host."""

    run: str = ""
    random_seed: int | None = None
    peers: dict[Peer, Kept] | None = None


@dataclass(frozen=True, slots=True)
class Results(Answer):
    """Names and sizes of what a launch left, and its `Note`.

    They are read entry by entry, so that a wrong one costs only itself.
    """

    KIND = "results"
    results: dict[Name, Any]
    note: Any


@dataclass(frozen=True, slots=True)
class Stopped(Answer):
    """What was ended: its name, its process id, how."""

    KIND = "stop"
    ended: list[tuple[str, int, str]]


@dataclass(frozen=True, slots=True)
class Refused(Answer):
    """To an order that couldn't be carried out, whichever it was."""

    KIND = "refused"
    why: str


@dataclass(frozen=True, slots=True)
class Alive(Message):
    """A sign of life."""

    KIND = "alive"


@dataclass(frozen=True, slots=True)
class Started(Message):
    """A peer's process runs."""

    KIND = "started"
    peer: Peer
    pid: int


@dataclass(frozen=True, slots=True)
class Line(Message):
    """A peer's status line."""

    KIND = "line"
    peer: Peer
    line: Raw


@dataclass(frozen=True, slots=True)
class Diagnostic(Message):
    """A line that a peer wrote to its stderr, or that the agent has for people."""

    KIND = "diagnostic"
    line: str


@dataclass(frozen=True, slots=True)
class Ended(Message):
    """A peer's process is gone."""

    KIND = "ended"
    peer: Peer
    status: ExitStatus


KINDS: dict[tuple[str, str], type[Message]] = {
    (kind.KEY, kind.KIND): kind
    for kind in (
        *(Opened, Clock, Look, HasProgram, Unpacked, Configured, Sums, PieceSums, Adopted),
        *(Reused, Delivered, Prepared, Results),
        *(Stopped, Refused, Alive, Started, Line, Diagnostic, Ended),
    )
}

"""A trace as columns: one row for each thing that a record tells, and what rare kinds say besides.

Most records have one row. One that tells of a message and its line, or of a draw and its request, has
two; one of haves that go to several neighbors has a row for each of these. Haves that stand together
share a row. Whatever follows a damaged line is left out, since nothing
is known of what lies between; so every check works on a true prefix of a life.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from dataclasses import dataclass, field
from itertools import compress, count
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

    from verifier.history.lives import Life
    from verifier.reading.finding import LogFile

TYPES = (
    "handshake",
    "choke",
    "unchoke",
    "interested",
    "not interested",
    "have",
    "bitfield",
    "request",
    "piece",
    "unknown",
)
"""Types of messages (spec 3.2), in the order of their codes."""

EVENTS = (
    "made_connection",
    "was_connected",
    "preferred_neighbors",
    "optimistic_neighbor",
    "unchoked",
    "choked",
    "received_have",
    "received_interested",
    "received_not_interested",
    "downloaded_piece",
    "completed",
)
"""Events of the log (spec 8.1), in the order of their codes."""


class Code:
    """What a record is, as a small number: messages by direction and type, events, the rest."""

    OUT = 0
    OUT_HANDSHAKE, OUT_CHOKE, OUT_UNCHOKE, OUT_INTERESTED, OUT_NOT_INTERESTED = range(5)
    OUT_HAVE, OUT_BITFIELD, OUT_REQUEST, OUT_PIECE, OUT_UNKNOWN = range(5, 10)
    IN = 16
    IN_HANDSHAKE, IN_CHOKE, IN_UNCHOKE, IN_INTERESTED, IN_NOT_INTERESTED = range(16, 21)
    IN_HAVE, IN_BITFIELD, IN_REQUEST, IN_PIECE, IN_UNKNOWN = range(21, 26)
    IN_SKIPPED_PIECE = 26
    """A piece that wasn't kept; `IN_PIECE` are those that were."""
    EVENT = 32
    MADE, WAS_CONNECTED, PREFERRED_LINE, OPTIMISTIC_LINE, UNCHOKED, CHOKED = range(32, 38)
    RECEIVED_HAVE, RECEIVED_INTERESTED, RECEIVED_NOT_INTERESTED, DOWNLOADED, COMPLETED = range(
        38, 43
    )
    START, END, OPEN, CLOSED, TRANSITION, PREFERRED, OPTIMISTIC = range(48, 55)
    REQUEST, FREED, SKIPPED, DROPPED, REJECTED = range(55, 60)


OUTS = range(Code.OUT, Code.OUT + len(TYPES))
INS = range(Code.IN, Code.IN_SKIPPED_PIECE + 1)
HAVES = {Code.OUT_HAVE, Code.IN_HAVE, Code.RECEIVED_HAVE}
LINES = range(Code.EVENT, Code.EVENT + len(EVENTS))


@dataclass(slots=True)
class Start:
    """The first record: the configuration in force; intervals in seconds, sizes in bytes.

    `resumed` are the pieces that an earlier life left.
    """

    k: int
    p: float
    m: float
    file_size: int
    piece_size: int
    has_file: bool
    resumed: frozenset[int] = frozenset()


@dataclass(slots=True)
class End:
    """The last record; `status` is None where the peer ended without deciding to."""

    status: int | None
    hurried: bool
    """A signal came, so that flush and drain had 1 s at most (spec 7.2)."""
    skipped_pieces: int
    freed_requests: int
    rejected_pieces: int


@dataclass(slots=True)
class Decision:
    """A reselection, of preferred neighbors or of the optimistic one; times in seconds."""

    tick: int
    due: float
    skipped: int
    candidates: list[int]
    chosen: list[int]
    draw: list[int]
    rates: list[int] = field(default_factory=list)
    complete: bool = False


@dataclass(eq=False, slots=True)
class Flow:
    """What went one way over a connection, at one of its ends: of each message its row and its key."""

    rows: array[int] = field(default_factory=lambda: array("i"))
    keys: array[int] = field(default_factory=lambda: array("q"))
    """What a message says in one number, the same at both ends: its number (-1 if it has none), and in
    the lowest four bits its type, a place in `TYPES`; see also `odd_key`."""
    astray: int = -1
    """The place of the first whose record gives it another number than its place."""

    def __len__(self) -> int:
        return len(self.rows)

    def cut(self, rows: int) -> None:
        """Forget messages of rows that there aren't."""
        most = bisect_left(self.rows, rows)
        del self.rows[most:], self.keys[most:]


def odd_key(said: int, size: int) -> int:
    """The key of a message whose type has no fixed length, or that has another one."""
    return hash((said, size))


@dataclass(eq=False, slots=True)
class Link:
    """One end of one connection. `outs` and `ins` are its messages.

    `rejected` tells that wrong content came over it. `had` counts the writer's downloads, and what
    it began with, before its bitfield; -1 while none was sent. `mate` is the other end, where a trace
    shows it.
    """

    index: int
    name: str
    neighbor: int
    incoming: bool | None = None
    opened: int = -1
    closed: int = -1
    cause: str = ""
    rejected: bool = False
    outs: Flow = field(default_factory=Flow)
    ins: Flow = field(default_factory=Flow)
    had: int = -1
    mate: tuple[TraceLife, Link] | None = None


@dataclass(eq=False, slots=True)
class TraceLife:
    """One trace: a life of a peer, in columns.

    Of each row: `codes` what it is; `links` its connection or -1; `numbers` the piece, the
    bitfield's count or the id in a handshake; `values` a message's bytes, a sentence's hash, or an
    index into `decisions`, `transitions` or `causes`; `mseqs` a message's number, an event's line,
    or the draw of a request; `times` the monotonic clock; `lines` its line in the file. Of haves,
    sent, received or logged, `numbers` is a place in `haves`, `values` how many stand there, and
    `mseqs` the number or line of the first. `log` is its number among all files under judgement,
    for witnesses.
    """

    file: LogFile
    life: Life
    log: int
    peer: int
    version: int = 0
    codes: bytearray = field(default_factory=bytearray)
    links: array[int] = field(default_factory=lambda: array("i"))
    numbers: array[int] = field(default_factory=lambda: array("q"))
    values: array[int] = field(default_factory=lambda: array("q"))
    mseqs: array[int] = field(default_factory=lambda: array("q"))
    times: array[float] = field(default_factory=lambda: array("d"))
    lines: array[int] = field(default_factory=lambda: array("i"))
    haves: array[int] = field(default_factory=lambda: array("q"))
    ends: list[Link] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)
    transitions: list[tuple[str, str, str, str]] = field(default_factory=list)
    causes: list[str] = field(default_factory=list)
    lists: dict[int, list[int]] = field(default_factory=dict)
    digests: dict[int, str] = field(default_factory=dict)
    downloads: array[int] = field(default_factory=lambda: array("q"))
    mismatched: list[int] = field(default_factory=list)
    start: Start | None = None
    end: End | None = None
    damage: tuple[int, str] | None = None

    def __len__(self) -> int:
        return len(self.codes)

    @property
    def name(self) -> str:
        """The peer as people call it."""
        return f"peer {self.peer}"

    @property
    def seed(self) -> bool:
        """Whether it had the file from the start."""
        return self.start is not None and self.start.has_file

    @property
    def begun(self) -> frozenset[int]:
        """The pieces that an earlier life left."""
        return frozenset() if self.start is None else self.start.resumed

    def own(self, pieces: int) -> bytearray:
        """The pieces that it began with, a byte each."""
        own = bytearray([self.seed]) * pieces
        for piece in self.begun:
            own[piece] = 1
        return own

    def rows(self, wanted: Collection[int]) -> list[int]:
        """The rows with these codes, in order."""
        mask = bytes(code in wanted for code in range(256))
        return list(compress(count(), self.codes.translate(mask)))

    def pieces(self, row: int) -> array[int]:
        """The pieces of a row of haves."""
        start = self.numbers[row]
        return self.haves[start : start + self.values[row]]

    def told(self, flow: Flow, place: int) -> str:
        """A message as people call it."""
        row = flow.rows[place]
        code, number, size = self.codes[row], self.numbers[row], f" ({self.values[row]} bytes)"
        if code in HAVES:
            number, size = self.pieces(row)[place - bisect_left(flow.rows, row)], ""
        name = TYPES[Code.OUT_PIECE if code == Code.IN_SKIPPED_PIECE else code % Code.IN]
        return f"{name} {number}{size}" if number >= 0 else f"{name}{size}"

    def link(self, row: int) -> Link | None:
        """The connection that a row is about."""
        number = self.links[row]
        return self.ends[number] if number >= 0 else None

    def cause(self, row: int) -> str:
        """The cause that a row of `FREED`, `SKIPPED` or `DROPPED` gives; `REJECTED` has one only."""
        return self.causes[self.values[row]]

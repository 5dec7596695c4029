"""What a run is made of: plans of sessions, what was seen, and what was found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum

FAILED = "FAIL"
"""The word in the note on a swarm that failed."""
Script = Callable[..., None]
"""A conversation: takes the stage on which it is held."""


class Outcome(Enum):
    """What came of a case."""

    KEPT = "kept"
    BROKEN = "broken"
    WARNED = "warning"
    TOLD = "info"
    BLOCKED = "blocked"
    UNDECIDED = "undecided"
    UNTRIED = "not exercised"


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened on a connection, with its time in seconds since the start."""

    at: float
    who: int
    """Id of the played peer."""
    sent: bool
    """Whether the played peer sent it; otherwise the program did."""
    kind: str
    """A message's name, or `connection`, `handshake`, `end of stream`, `reset`, `bytes`."""
    index: int | None = None
    data: bytes = b""
    """Payload without the index; a piece's content only where it is wrong."""
    size: int = 0
    """Bytes of content of a piece."""
    link: int = 0
    """Number of the connection in this session."""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """What one session says about one case."""

    case: str
    session: str
    outcome: Outcome
    because: str = ""
    events: tuple[Event, ...] = ()
    lines: tuple[str, ...] = ()
    """Other things to show: output, log lines."""
    blocked_by: str = ""
    spine: bool = False
    """Whether the conversation got stuck here."""
    cause: str = ""
    """How it broke, where that explains more than the case alone."""


@dataclass(frozen=True, slots=True)
class Case:
    """One question."""

    id: str
    level: str
    """F: may fail a program; W: warning; i: information."""
    clause: str
    rule: str
    """What is expected, as a sentence for the reader."""
    hint: str
    """The mistake behind it, and what to look for in the code."""
    timing: bool = False
    needs: tuple[str, ...] = ()
    """Cases whose breach explains a breach of this one."""

    @property
    def family(self) -> str:
        """The letters of its id."""
        return self.id.partition("-")[0]


@dataclass(frozen=True, slots=True)
class Plan:
    """One session: who is played, under which configuration, and the conversation."""

    name: str
    you: int
    peers: tuple[tuple[int, bool], ...]
    """Ids in the order of PeerInfo.cfg, each with whether it has the file."""
    k: int
    p: float
    m: float
    pieces: int
    piece_size: int
    last: int
    script: Script
    answers: tuple[str, ...]
    """Cases that it answers, in the order of the conversation."""
    about: str
    lawful: bool = True
    """Whether all played peers keep to the assignment; otherwise nothing is worse than a warning."""
    cap: bool = False
    """Whether its findings are warnings though it is lawful."""
    watched: bool = True
    """Whether the passive cases look at it."""
    quick: bool = True
    seconds: float = 2.0
    """Usual length, for the order of the sessions."""
    ends: bool = False
    """Whether the program is expected to end by itself."""
    special: str = ""
    """The case that a program breaks which works elsewhere, but not under this configuration."""
    form: str = "plain"
    """How the configuration files are written."""

    @property
    def file_size(self) -> int:
        """Bytes of the file."""
        return (self.pieces - 1) * self.piece_size + self.last

    def piece_length(self, index: int) -> int:
        """Bytes of one piece."""
        return self.last if index == self.pieces - 1 else self.piece_size

    @property
    def seed(self) -> bool:
        """Whether the program has the file."""
        return dict(self.peers)[self.you]

    @property
    def predecessors(self) -> list[int]:
        """Those whom the program has to dial."""
        ids = [one for one, _ in self.peers]
        return ids[: ids.index(self.you)]

    @property
    def successors(self) -> list[int]:
        """Those who dial the program."""
        ids = [one for one, _ in self.peers]
        return ids[ids.index(self.you) + 1 :]


@dataclass(slots=True)
class Record:
    """All that is left of a session when it is over."""

    plan: Plan
    events: list[Event] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    marks: dict[str, float] = field(default_factory=dict)
    seconds: float = 0.0
    lag: float = 0.0
    """The longest that the probe's own loop was late, in seconds."""
    status: int | None = None
    ended_at: float | None = None
    """When the program ended by itself."""
    output: tuple[str, ...] = ()
    trace: tuple[str, ...] = ()
    """Lines of a stack trace in its output."""
    log: tuple[str, ...] = ()
    log_place: str = ""
    """Where its log was found, below the session's folder; empty if nowhere."""
    problem: str = ""
    """Why the session couldn't be held at all (of the probe's or the system's making)."""
    folder: str = ""
    alone: bool = False
    stuck: str = ""
    """The case at which the conversation got stuck, `time` or `flood`; empty where it went through."""

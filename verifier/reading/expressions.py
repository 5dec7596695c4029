"""What makes reading fast: regular expressions for prescribed lines, made from the eleven sentences and a
block's form of time; the values of what they find; and the readings of other lines, kept by shape.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from verifier.reading.dialects import NOT_ELEVEN, Reading, read_line
from verifier.reading.encodings import decode
from verifier.reading.sentences import PRESCRIBED, Kind, Sentence
from verifier.reading.times import Stamp, match_time, parse_time
from verifier.reading.words import topics

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_FIELDS = {
    "other": rb"(\d{1,18})",
    "piece": rb"(\d{1,9})",
    "count": rb"(\d{1,9})",
    "ids": rb"((?:\d{1,18}(?:,\d{1,18})*)?)",
}


def _predicate(kind: Kind) -> bytes:
    """The expression for a prescribed sentence behind its subject, a group for each field."""
    words = re.escape(PRESCRIBED[kind].removeprefix("Peer {subject} ")).encode()
    return re.sub(rb"\\\{(\w+)\\\}", lambda field: _FIELDS[field[1].decode()], words)


def _groups() -> Iterator[tuple[int, tuple[Kind, dict[str, int]]]]:
    """For each kind in `OWN`, its last group, which is empty: the kind, and its fields' groups."""
    last = 0
    for kind in OTHERS:
        fields = re.findall(r"\{(\w+)\}", PRESCRIBED[kind])[1:]
        groups = {field: last + nth for nth, field in enumerate(fields, 1)}
        last += len(fields) + 1
        yield last, (kind, groups)


HAVE = _predicate(Kind.HAVE)
OTHERS = [kind for kind in Kind if kind is not Kind.HAVE]
OWN = re.compile(b"|".join(_predicate(kind) + b"()" for kind in OTHERS))
GROUPS = dict(_groups())


@dataclass(frozen=True, slots=True)
class Shape:
    """How a block writes its times: the expression for its lines, and the time's fixed end."""

    pattern: re.Pattern[bytes]
    tail: str
    digits: int
    time_only: bool


def _generalise(match: re.Match[bytes]) -> bytes:
    text = match[0]
    if text.isdigit():
        return rb"\d+"
    return rb"[A-Za-z]+" if text.isalpha() else re.escape(text)


def shape_of(data: bytes, owner: bytes) -> Shape | None:
    """The form of time in a block's first prescribed line; None when there is no such line."""
    match = re.search(rb"^([^\n]{1,60}?): Peer " + owner + rb" ", data, re.MULTILINE)
    stamp = match and parse_time(match[1].decode("utf-8", "replace"))
    if not match or not stamp:
        return None
    text = match[1]
    fraction = re.search(rb"(?<=\d:\d\d)\.(\d{1,9})(?!\d)", text)
    head, tail = (text[: fraction.start()], text[fraction.end() :]) if fraction else (text, b"")
    digits = len(fraction[1]) if fraction else 0
    time = b"(%b)%b%b" % (
        re.sub(rb"\d+|[A-Za-z]+|[^\dA-Za-z]+", _generalise, head),
        rb"(\.\d{%d})" % digits if digits else rb"()",
        re.escape(tail),
    )
    line = rb"^(?:%b: Peer %b (?:%b|([^\n]+))|([^\n]*))$" % (time, owner, HAVE)
    return Shape(
        re.compile(line, re.MULTILINE),
        tail.decode("utf-8", "replace"),
        digits,
        stamp.form in {"time-only", "hour-minute"},
    )


class Rows(NamedTuple):
    """A block's lines as columns; `ids` and `texts` are neighbors and pieces as written in haves."""

    others: list[int]
    pieces: list[int]
    times: list[float]
    ids: Sequence[bytes]
    texts: Sequence[bytes]
    first: int
    time_only: bool


class Seconds(dict[bytes, float]):
    """Seconds of a time text without its fraction, each text read once."""

    def __init__(self, tail: str, order: str | None) -> None:
        super().__init__()
        self._tail = tail
        self._order = order

    def __missing__(self, head: bytes) -> float:
        stamp = parse_time(head.decode("utf-8", "replace") + self._tail, self._order)
        value = self[head] = float("nan") if stamp is None else stamp.seconds
        return value


class Indices(dict[bytes, int]):
    """A number's text to its index; texts that aren't in the table give `absent`."""

    def __init__(self, table: dict[bytes, int], absent: int) -> None:
        super().__init__(table)
        self._absent = absent

    def __missing__(self, text: bytes) -> int:
        return self._absent


MOST_PUZZLES = 1000
"""Different lines that state no event, after which only what is known by then is looked at closely."""
MOST_KNOWN = 10_000
LONGEST_SHAPE = 400
"""Bytes of a line that is kept by its shape."""
TOO_MANY = f"more than {MOST_PUZZLES} different lines state no event"
_DIGITS = bytes.maketrans(b"123456789", b"000000000")
_ABOUT = re.compile(
    rb"piece|download|have|chok|interest|preferred|optimistic|connect", re.IGNORECASE
)
"""What a line has in it that has a topic."""
_LISTS = re.compile(rb"n.?e.?i.?g.?h.?b", re.IGNORECASE)
"""Choices are read one by one: what stands for nobody there depends on digits."""


class Read(NamedTuple):
    """A line's reading, and what it is about if it states no event."""

    reading: Reading
    about: tuple[str, ...]


class _Plan(NamedTuple):
    """How lines of one shape are read: where the time begins (-1: nowhere), and what one of them states."""

    start: int
    read: Read


class Readings:
    """Reads lines one at a time; what a line states depends on its digits only in known places, so those
    of a shape that was met before (the line with each digit a zero) cost little.
    """

    def __init__(self) -> None:
        self.order: str | None = None
        """The file's order of day, month and year."""
        self._plans: dict[bytes, _Plan] = {}
        self._puzzles: set[bytes] = set()
        self._known: set[bytes] = set()
        self._latest: tuple[str, Stamp | None] = ("", None)

    def read(self, data: bytes) -> Read:
        """What a line states; nothing for one too many of those that state nothing, unless its like did."""
        short = len(data) <= LONGEST_SHAPE
        shape = data[:LONGEST_SHAPE].translate(_DIGITS)
        plan = self._plans.get(shape) if short else None
        text = decode(data)
        if plan is not None and (again := self._again(plan, text)) is not None:
            return again
        if len(self._puzzles) >= MOST_PUZZLES and shape not in self._known:
            return Read(Reading(None, (), (), TOO_MANY), _about(data, text))
        read = self._afresh(data, text)
        if not read.reading.events and read.reading.continued is None:
            self._puzzles.add(shape if short else data)
        elif len(self._known) < MOST_KNOWN:
            self._known.add(shape)
        if short and len(self._plans) < MOST_KNOWN:
            plan = self._plan(data, text, read)
            if plan is not None:
                self._plans[shape] = plan
        return read

    def _afresh(self, data: bytes, text: str) -> Read:
        reading = read_line(text, self.order)
        return Read(reading, () if reading.problem is None else _about(data, text))

    def _plan(self, data: bytes, text: str, read: Read) -> _Plan | None:
        """How others of this shape are to be read; None where more than numbers depends on digits."""
        reading = read.reading
        whole = reading.problem is None and len(reading.events) == 1 and reading.spans
        nothing = reading.problem == NOT_ELEVEN and not reading.events
        if not (whole or nothing) or _LISTS.search(data) or text.startswith("\ufeff"):
            return None
        if "leading-zeros" in reading.deviations or "impossible-time" in reading.deviations:
            return None
        start = text.find(reading.time) if reading.stamp is not None else -1
        return _Plan(start, read)

    def _again(self, plan: _Plan, text: str) -> Read | None:
        """The reading of a line by that of another one of its shape; None where it may differ."""
        reading = plan.read.reading
        stamp = None
        if plan.start >= 0:
            time = text[plan.start : plan.start + len(reading.time)]
            if time != self._latest[0]:
                self._latest = (time, match_time(text, plan.start, self.order)[0])
            stamp = self._latest[1]
            if stamp is None:
                return None
        if not reading.events:
            return Read(reading._replace(stamp=stamp), plan.read.about)
        values: dict[str, int] = {}
        for name, begin, end in reading.spans:
            digits = text[begin : end or None]
            if digits[0] == "0" and len(digits) > 1:
                return None
            values[name] = int(digits)
        subject = values.get("subject")
        if values.get("subject_again", subject) != subject:
            return None
        event = Sentence(
            reading.events[0].kind,
            subject,
            values.get("other"),
            values.get("piece"),
            values.get("count"),
        )
        return Read(reading._replace(stamp=stamp, events=(event,)), ())


def _about(data: bytes, text: str) -> tuple[str, ...]:
    return topics(text) if _ABOUT.search(data) else ()

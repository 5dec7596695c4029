"""What makes reading fast: regular expressions for prescribed lines, made from the eleven sentences and a
block's form of time; the values of what they find; and the readings of other lines, kept by shape.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from operator import add
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


_NUMBERS = {"other": rb"(0|[1-9]\d{0,17})", "piece": rb"(0|[1-9]\d{0,8})"}
"""Those of a have in other words."""
_FRACTION = re.compile(rb"(?<=\d:\d\d)[.,](\d{1,9})(?!\d)")
MOSTLY = 0.8
"""The share of a block's lines that are of its first minute, so that it is worth a look whether all are."""


def _predicate(kind: Kind) -> bytes:
    """The expression for a prescribed sentence behind its subject, a group for each field."""
    words = re.escape(PRESCRIBED[kind].removeprefix("Peer {subject} ")).encode()
    return re.sub(rb"\\\{(\w+)\\\}", lambda field: _FIELDS[field[1].decode()], words)


def _groups() -> Iterator[tuple[int, tuple[Kind, dict[str, int]]]]:
    """For each kind in `OWN`, its last group, which is empty: the kind, and its fields' groups.

    Two groups for the time stand before them.
    """
    last = 2
    for kind in OTHERS:
        fields = re.findall(r"\{(\w+)\}", PRESCRIBED[kind])[1:]
        groups = {field: last + nth for nth, field in enumerate(fields, 1)}
        last += len(fields) + 1
        yield last, (kind, groups)


HAVE = _predicate(Kind.HAVE)
OTHERS = [kind for kind in Kind if kind is not Kind.HAVE]
OWN = b"|".join(_predicate(kind) + b"()" for kind in OTHERS)
GROUPS = dict(_groups())


class Table(NamedTuple):
    """A block's lines as columns: time, neighbor and piece of each have; other lines stand in `odd`."""

    times: list[float]
    ids: Sequence[bytes]
    pieces: Sequence[bytes]
    odd: Sequence[bytes]


@dataclass(frozen=True, slots=True)
class Shape:
    """How a block writes its haves.

    `pattern` finds head and fraction of the time and the two numbers, or any other line. `dense` finds
    the seconds instead of the whole time, behind `skipped` bytes that it doesn't look at. `others` is for
    the other prescribed lines. `tail` is the time's fixed end; `swapped` tells that the piece comes first,
    and `deviations` how each have departs from the prescribed form.
    """

    pattern: re.Pattern[bytes]
    dense: re.Pattern[bytes] | None
    skipped: int
    others: re.Pattern[bytes] | None
    tail: str
    resolution: float
    time_only: bool
    swapped: bool = False
    deviations: tuple[str, ...] = ()

    def fits(self, line: bytes) -> bool:
        """Whether a line is a have of this shape."""
        found = self.pattern.fullmatch(line)
        return found is not None and bool(found[1])

    def table(self, data: bytes, seconds: Seconds) -> Table:
        """The columns of a block; `seconds` reads its times."""
        table = None if self.dense is None else self._densely(self.dense, data, seconds)
        if table is None:
            heads, parts, one, two, odd = zip(*self.pattern.findall(data), strict=True)
            times = list(map(seconds.__getitem__, heads))
            if self.resolution < 1:
                times = list(map(add, times, _floats(parts)))
            table = Table(times, one, two, odd)
        return table._replace(ids=table.pieces, pieces=table.ids) if self.swapped else table

    def _densely(self, dense: re.Pattern[bytes], data: bytes, seconds: Seconds) -> Table | None:
        """The same where all haves are of one minute, whose time is read once; None where they aren't.

        The times are the same to the last bit: sums are rounded to 2**-22 s, which is far more than the
        errors of seconds and fractions, and no number of six decimals lies close to the middle.
        """
        first = next((found for found in self.pattern.finditer(data) if found[1]), None)
        if first is None or first.end(1) - 2 - first.start() != self.skipped:
            return None
        prefix = data[first.start() : first.end(1) - 2]
        same = data.startswith(prefix) + data.count(b"\n" + prefix)
        if same < MOSTLY * data.count(b"\n"):
            return None
        parts, one, two, odd = zip(*dense.findall(data), strict=True)
        lines = list(filter(None, odd))
        haves = len(one) - one.count(b"")
        if same != haves + sum(line.startswith(prefix) for line in lines):
            return None
        base = seconds[first[1][:-2] + b"00"]
        return Table([base + part for part in _floats(parts)], one, two, odd)

    def other(self, line: bytes, seconds: Seconds) -> tuple[float, Sentence] | None:
        """Time and sentence of a prescribed line other than a have; None for any other line."""
        found = None if self.others is None else self.others.fullmatch(line)
        if found is None:
            return None
        time = seconds[found[1]] + float(found[2].replace(b",", b".") or 0)
        kind, groups = GROUPS[found.lastindex or 0]
        if kind is Kind.PREFERRED:
            text = found[groups["ids"]]
            return time, Sentence(kind, ids=tuple(map(int, text.split(b","))) if text else ())
        values = {field: int(found[group]) for field, group in groups.items()}
        return time, Sentence(
            kind, None, values.get("other"), values.get("piece"), values.get("count")
        )


def _floats(texts: Sequence[bytes]) -> Iterator[float]:
    """The values of texts like `.25` or `59,25`; nothing is zero."""
    filled: Sequence[bytes] = [text or b"0" for text in texts]
    joined = b" ".join(filled)
    if b"," in joined:
        filled = joined.replace(b",", b".").split(b" ")
    return map(float, filled)


def _generalise(match: re.Match[bytes]) -> bytes:
    text = match[0]
    if text.isdigit():
        return rb"\d+"
    return rb"[A-Za-z]+" if text.isalpha() else re.escape(text)


def _shape(lead: bytes, time: bytes, stamp: Stamp, behind: bytes, others: bytes = b"") -> Shape:
    """The shape of lines with such a time behind this text; what follows is given as an expression."""
    fraction = _FRACTION.search(time)
    head, tail = (time[: fraction.start()], time[fraction.end() :]) if fraction else (time, b"")
    digits = len(fraction[1]) if fraction else 0
    decimals = rb"[.,]\d{%d}" % digits if digits else b""
    any_head = re.sub(rb"\d+|[A-Za-z]+|[^\dA-Za-z]+", _generalise, head)
    end = re.escape(tail)
    skipped = len(lead) + len(head) - 2
    any_time = rb"(%b)(%b)%b" % (any_head, decimals, end)
    time_only = stamp.form in {"time-only", "hour-minute"}
    line = rb"^(?:%b%b%b|([^\n]*))$" % (_like(lead), any_time, behind)
    short = rb"^(?:.{%d}([0-5]\d%b)%b%b|([^\n]*))$" % (skipped, decimals, end, behind)
    dense = 0 < digits <= 6 and not time_only
    return Shape(
        re.compile(line, re.MULTILINE),
        re.compile(short, re.MULTILINE) if dense else None,
        skipped,
        re.compile(any_time + others) if others else None,
        tail.decode("utf-8", "replace"),
        10.0**-digits if digits else max(1.0, stamp.resolution),
        time_only,
    )


def shape_of(data: bytes, owner: bytes) -> Shape | None:
    """The form of a block's first prescribed line; None when there is no such line."""
    match = re.search(rb"^([^\n]{1,60}?): Peer " + owner + rb" ", data, re.MULTILINE)
    stamp = match and parse_time(match[1].decode("utf-8", "replace"))
    if not match or not stamp:
        return None
    subject = rb": Peer %b " % owner
    return _shape(b"", match[1], stamp, subject + HAVE, rb"%b(?:%b)" % (subject, OWN))


def shape_like(data: bytes, reading: Reading, owner: int, order: str | None) -> Shape | None:
    """The form of a line that states a have in other words; None for any other, or where it isn't sure.

    What such a line states depends on its digits in the time and in the two numbers only.
    """
    event, stamp, text = next(iter(reading.events), None), reading.stamp, decode(data)
    if event is None or stamp is None or reading.problem or not reading.spans:
        return None
    named = {name for name, _, _ in reading.spans}
    if (
        event.kind is not Kind.HAVE
        or event.subject not in {None, owner}
        or not named >= _NUMBERS.keys()
    ):
        return None
    width = len if text.encode() != data else lambda part: len(part.encode())
    start = text.find(reading.time)
    spans = sorted((len(text) + begin, len(text) + end, name) for name, begin, end in reading.spans)
    begin = start + len(reading.time)
    behind = b""
    for first, last, name in spans:
        behind += _like(data[width(text[:begin]) : width(text[:first])])
        behind += _NUMBERS.get(name, b"%d" % owner)
        begin = last
    behind += _like(data[width(text[:begin]) :])
    lead, end = width(text[:start]), width(text[: start + len(reading.time)])
    shape = _shape(data[:lead], data[lead:end], stamp, behind)
    names = [name for _, _, name in spans if name in _NUMBERS]
    shape = replace(shape, swapped=names[0] == "piece", deviations=reading.deviations)
    table = shape.table(data, Seconds(shape.tail, order))
    right = (stamp.seconds, b"%d" % (event.other or 0), b"%d" % (event.piece or 0))
    return shape if (table.times[0], table.ids[0], table.pieces[0]) == right else None


def _like(text: bytes) -> bytes:
    """The expression for texts that differ from this one in digits only."""
    return re.sub(rb"\d+", lambda found: rb"\d{%d}" % len(found[0]), re.escape(text))


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

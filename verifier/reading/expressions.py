"""The regular expressions for prescribed lines, made from the eleven sentences and a block's form of time, and
the values of what they find.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from verifier.reading.sentences import PRESCRIBED, Kind
from verifier.reading.times import parse_time

if TYPE_CHECKING:
    from collections.abc import Iterator

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

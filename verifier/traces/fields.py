"""The fields of a trace's records: read from lines of JSON, and held to what they may be (docs/trace.md)."""

from __future__ import annotations

import json
from typing import Any

_MOST_PIECES = 2**24
MOST = 2**40
"""Numbers above this are no piece, size or number of anything."""


class BadRecordError(Exception):
    """A line isn't a record of the format; the message says why."""


def decode(data: bytes) -> list[Any]:
    """Many lines at once, which is fast, or one by one where one of them can't be read.

    A line that can't be read stands as its reason.
    """
    try:
        records = json.loads(b"[" + data[:-1].replace(b"\n", b",\n") + b"]")
        if len(records) == data.count(b"\n"):
            return list(records)
    except (ValueError, RecursionError):
        pass
    return [_decode_one(line) for line in data.split(b"\n")[:-1]]


def _decode_one(line: bytes) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError) as error:
        return f"it isn't JSON ({type(error).__name__})"


def as_whole(value: Any) -> int:
    """A whole number that isn't negative."""
    if type(value) is not int or not 0 <= value < MOST:
        raise BadRecordError(f"{str(value)[:40]!r} where a number was expected")
    return value


def as_text(value: Any) -> str:
    """A text."""
    if type(value) is not str:
        raise BadRecordError(f"{str(value)[:40]!r} where a text was expected")
    return value


def as_number(value: Any) -> float:
    """A number, as seconds are."""
    if type(value) not in {int, float} or not abs(value) < 1e18:
        raise BadRecordError(f"{str(value)[:40]!r} where a number was expected")
    return float(value)


def as_numbers(value: Any) -> list[int]:
    """A list of whole numbers that aren't negative."""
    if type(value) is not list:
        raise BadRecordError(f"{str(value)[:40]!r} where a list was expected")
    if value and (set(map(type, value)) != {int} or min(value) < 0 or max(value) >= MOST):
        raise BadRecordError(f"{str(value)[:40]!r} where a list of numbers was expected")
    return value


def spanned(value: Any) -> frozenset[int]:
    """Pieces written as pairs of a first and a last one."""
    spans = [as_numbers(span) for span in value]
    if any(len(span) != 2 or span[1] >= _MOST_PIECES for span in spans):
        raise BadRecordError("'resumed' isn't a list of [first, last]")
    return frozenset(piece for first, last in spans for piece in range(first, last + 1))

"""What the beginning of a log shows: the order of its dates, and whether it begins in the middle of a
line, since what stood above was cut off, or rotated away.

Such a line is the end of a longer one, as other lines of the file show. Its first number may lack digits,
so nothing in it is believed.

And what a connection's beginning shows: a program with several threads may write its line when messages
of it are written already. Where it is the first one of a neighbor, the scanner sees it, as nothing else
explains these messages; else they look like messages of the connection before.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING, NamedTuple

from verifier.reading.columns import LATE_LINES
from verifier.reading.dialects import read_line
from verifier.reading.encodings import decode
from verifier.reading.files import Block, blocks
from verifier.reading.sentences import PRESCRIBED
from verifier.reading.times import guess_order, is_ambiguous, match_time

if TYPE_CHECKING:
    from pathlib import Path

    from verifier.reading.columns import Connection, LogColumns

TORN = "the file ends in the middle of it"
SAMPLE = 1 << 16
"""Bytes at a file's beginning that are looked at."""
LINES = 100
"""Lines at a log's beginning that tell the order of day, month and year."""
DATE = re.compile(
    rb"^[^\n\d]{0,40}(\d{1,2}[-/.]\d{1,2}[-/.](?:\d{4}|\d\d)|\d\d[-/.]\d{1,2}[-/.]\d{1,2})\b",
    re.MULTILINE,
)
"""A date of three numbers at a line's beginning whose order is open."""
MOST_DATES = 1000
_OPENING = re.compile(
    rb"\b(?:start(?:s|ed|ing|up)?|starts up|listen(?:s|ed|ing)?|launch\w*|initiali[sz]\w*|initalized|boot\w*"
    rb"|load(?:s|ed|ing)?|config\w*|running|welcome|set(?:ting)? up|connecting|trying)\b",
    re.IGNORECASE,
)
"""What a program writes of itself when it starts."""
HOUR = 3600.0
_DIGITS = re.compile(rb"\d+")
SENTENCES = tuple(re.sub(r"\{\w+\}", "0", text).encode() for text in PRESCRIBED.values())
"""The eleven sentences with each number a zero."""
_FIRST_NUMBER = re.compile(rb"\W{0,2}(\d+)")


def begins_torn(data: bytes) -> bool:
    """Whether the first of a file's lines is the end of one that began above it."""
    first, _, rest = data[:SAMPLE].partition(b"\n")
    lines = rest.split(b"\n")[:-1]
    if not first.strip() or not lines:
        return False
    form = _DIGITS.sub(b"0", first)
    forms = {_DIGITS.sub(b"0", line) for line in lines}
    time = _time(first)
    if form in forms or (time and any(other.startswith(time.form) for other in forms)):
        return _lacks_digits(first, lines)
    if any(other.endswith(form) for other in forms) or _lacks_its_time(first, lines):
        return True
    prescribed = any(other.endswith(SENTENCES) for other in forms)
    return prescribed and any(one.endswith(form) and one != form for one in SENTENCES)


def opens(line: bytes) -> bool:
    """Whether a line that states no event tells that the program starts."""
    return _OPENING.search(line[:200]) is not None


class _Time(NamedTuple):
    """A time that a line begins with: its text with each number a zero, and what it states."""

    form: bytes
    seconds: float


def _time(line: bytes) -> _Time | None:
    text = decode(line)
    start = len(text) - len(text.lstrip("[( "))
    stamp, end = match_time(text, start)
    return stamp and _Time(_DIGITS.sub(b"0", text[:end].encode()), stamp.seconds)


def _lacks_digits(first: bytes, lines: list[bytes]) -> bool:
    """Whether the first number is shorter than in all other lines, and the time far from the next."""
    mine = _FIRST_NUMBER.match(first)
    found = [number for line in lines if (number := _FIRST_NUMBER.match(line))]
    if mine is None or not found or len(mine[1]) >= min(len(number[1]) for number in found):
        return False
    one, two = _time(first), _time(found[0].string)
    return one is None or two is None or abs(one.seconds - two.seconds) > HOUR


def _lacks_its_time(first: bytes, lines: list[bytes]) -> bool:
    """Whether the line states an event without a time, and the next one that states any has one."""
    reading = read_line(decode(first))
    if not reading.events or reading.stamp is not None:
        return False
    for line in lines[:50]:
        following = read_line(decode(line))
        if following.events:
            return following.stamp is not None
    return False


def order_of(path: Path, first: Block) -> str | None:
    """The order of day, month and year in a file: by its beginning, or where that allows several, by
    all dates in it.
    """
    sample = decode(first.data[:SAMPLE]).split("\n")[:LINES]
    times = list(dict.fromkeys(read_line(text).time for text in sample))
    if any(map(is_ambiguous, times)):
        dates = {date for block in blocks(path) for date in DATE.findall(block.data)}
        times += [f"{date.decode()} 00:00:00" for date in sorted(dates)[:MOST_DATES]]
    return guess_order(times)


def reclaim(log: LogColumns) -> None:
    """Give each connection what stands above its line and has a later time."""
    latest: dict[int, int] = {}
    for number, conn in enumerate(log.conns):
        before = latest.get(conn.other)
        if before is not None and not conn.implicit and conn.time < conn.above:
            lines = _messages(log, before, number) + _haves(log.conns[before], conn)
            if lines:
                conn.line = conn.opened = min(lines)
        latest[conn.other] = number


def _messages(log: LogColumns, before: int, number: int) -> list[int]:
    """Move the other lines, all but haves; their numbers."""
    events, conn, moved = log.events, log.conns[number], []
    first = bisect_left(events.lines, conn.line - LATE_LINES)
    for row in range(first, bisect_left(events.lines, conn.line)):
        if events.conns[row] == before and events.times[row] > conn.time:
            events.conns[row] = number
            moved.append(events.lines[row])
    return moved


def _haves(before: Connection, conn: Connection) -> list[int]:
    """Move the haves; the numbers of their lines."""
    first = bisect_left(before.lines, conn.line - LATE_LINES)
    first = bisect_right(before.times, conn.time, first)
    moved = list(before.lines[first:])
    conn.pieces, conn.lines, conn.times = (
        before.pieces[first:] + conn.pieces,
        before.lines[first:] + conn.lines,
        before.times[first:] + conn.times,
    )
    del before.pieces[first:], before.lines[first:], before.times[first:]
    return moved

"""Reads one log line of any program as the events of spec 8.1 that it states.

Lenient about form, strict about meaning: quotes, brackets, spelling, case and marks may differ,
and each difference is named; but a line that states anything else, or more, is not read. This
is the slow path: a line in the prescribed form costs less elsewhere. Readings are kept by *shape*
(the line with its numbers blanked), so a million lines cost a few hundred analyses.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from verifier.reading.patterns import COUNT_ALONE, FIELDS, PATTERNS
from verifier.reading.phrases import PHRASES, SUBJECT_NEEDED
from verifier.reading.sentences import PRESCRIBED, Kind, Sentence
from verifier.reading.times import NAMES, Stamp, match_time
from verifier.reading.words import (
    NUMBER,
    STRAIGHT_QUOTES,
    form_deviations,
    nobody_as_zero,
    normalise,
)

NOT_ELEVEN = "not one of the eleven sentences"
CUT_OFF = "a sentence is cut off by the next one on the same line"
TOO_LONG = "longer than 16384 characters"
NUMBER_TOO_LONG = "a number of more than 18 digits"

_LONGEST = 16384
"""Characters of a line: room for a list of 2,700 preferred neighbors."""
_LONGEST_SHAPE = 400
"""Characters of a shape worth keeping: longer ones are program's own lines and seldom repeat."""
_LONGEST_SEVERAL = 4000
_LONGEST_PART = 600
"""Characters of one of several sentences on a line."""
_MOST_STARTS = 32
_LONGEST_TIME = 40
"""Characters between the beginnings of one time."""

_DIGITS = re.compile(r"[0-9]+")
_LONG_LIST = re.compile(
    r".{0,200}?ne?i?g?h?bo?u?r\w{0,3}\b[^a-z]*(?:(?:and|peer)\b[^a-z]*)*$", re.IGNORECASE
)
"""The only sentence that may be long: the preferred neighbors."""
_LEVEL = "trace|debug|fine|finer|finest|config|info|information|notice|warn|warning|error|severe"
_SOURCE = r"root|__main__|main|thread-?\w{0,20}|pool-\d{1,9}-thread-\d{1,9}|[a-z_]\w{0,40}(?:\.[a-z_$][\w$]{0,40}){1,8}"
_PREFIX = re.compile(
    r"[ \t]*(?:(?:LEVEL)[ ]+\d{1,7}[ ]+---[ ]+\[[^\[\]]{1,40}\][ ]+[\w.$]{1,60}[ ]*:[ ]*|\[[ ]*(?:LEVEL|SOURCE)[ ]*\][ \t]*[:|-]?[ \t]*|(?:LEVEL|SOURCE)[ ]*(?:[:|-][ \t]*|(?=\[))|LEVEL[ \t]+(?=peer\b|(?:SOURCE)[ ]*[:|-]))?".replace(
        "LEVEL", _LEVEL
    ).replace("SOURCE", _SOURCE),
    re.IGNORECASE | re.ASCII,
)
_TAG = re.compile(
    r"(?:(?:\[(?![ ]*(?:peer\b|\d+[ ]*\]))[^\[\]]{1,60}\]|\((?![ ]*(?:peer\b|\d+[ ]*\)))[^()]{1,60}\)"
    r"|[a-z][\w.$/:-]{0,40}(?:[ ][a-z][\w.$/:-]{0,40}){0,4}[ \t]*[:|>-])[ \t]*[:|>-]?[ \t]*){1,4}",
    re.IGNORECASE | re.ASCII,
)
"""What a program's own logger puts before a sentence: names in brackets, words that end in a mark."""
_OTHERWISE = re.compile(
    r"\b(?:sen[dt]\w*|not?|never|will|would|expect\w*|fail\w*|ignor\w*|wait\w*|before|after|if|when|until"
    r"|duplicat\w*|cannot|can't|request\w*|reject\w*|drop\w*|test\w*)\b",
    re.IGNORECASE,
)
"""Words that would change what the sentence behind them states."""
_BEFORE_TIME = re.compile(
    r"(?:(?:logged )?(?:at|on|time|date|timestamp)\b[ ]*[:=-]?[ ]*)(?=[\[(<]?[0-9a-z])",
    re.IGNORECASE,
)
_BRACKETS = {"[": "]", "(": ")", "<": ">", "{": "}"}
_AFTER_TIME = re.compile(r"[ \t]*[:|,>\u2013-]{0,2}[ \t]*")
_TORN_TIME = re.compile(r"[0-9:./, \-+T\[\]()|]{1,40}(?=peer\b)", re.IGNORECASE)
"""A time that has lost its beginning, or that no form fits, right before a sentence."""
_INNER_START = re.compile(
    rf"[\[(<](?=[0-9A-Z])|(?<=[.\s])(?=[0-9]{{1,4}}[-/.:][0-9])|(?<=[.\s])(?=[0-9]{{9,19}}\b)"
    rf"|(?<=[.\s])(?=[0-9]{{1,2}}[ ./-](?:{'|'.join(NAMES)}))"
    rf"|(?<=[.\s])(?=(?:{'|'.join(NAMES)})[a-z]{{0,6}}[ ,./-])|(?<=\.)(?=[ ]?(?:peer|{_LEVEL})\b)",
    re.IGNORECASE,
)
"""Where a further sentence may begin."""


class Reading(NamedTuple):
    """What one line states."""

    stamp: Stamp | None
    """The time of the (first) event, or None if there is none or it cannot be read."""
    events: tuple[Sentence, ...]
    """The events in the order of the line; normally one."""
    deviations: tuple[str, ...]
    """Short stable names of all differences from the prescribed form; empty when there are none."""
    problem: str | None
    """Why the line, or a part of it, states no event; None when all of it was read."""
    continued: int | None = None
    """Set, with no events, on a line that holds only `Now the number of pieces it has is N.`: the
    count of the DOWNLOADED of the line before, whose own `count` is then None."""
    time: str = ""
    """The time as written: samples for `times.guess_order`."""
    spans: tuple[tuple[str, int, int], ...] = ()
    """Of a single event, where the digits of each field stand in the line, counted from its end."""


class _Head(NamedTuple):
    """What stands before a sentence."""

    stamp: Stamp | None
    end: int
    deviations: tuple[str, ...]
    time: str


class _Body(NamedTuple):
    """What all sentences of one shape have in common."""

    kind: Kind | None
    """None for the count on a line of its own."""
    slots: tuple[tuple[str, int], ...]
    """Field and the number (counted from 0) of the line that it takes."""
    ids: range
    """The numbers that are list items."""
    deviations: tuple[str, ...]


def read_line(text: str, order: str | None = None) -> Reading:
    """What one line states, whatever it is; never raises.

    `order` is the file's order of day, month and year if its dates allow several (see
    `times.guess_order`). The subject is taken from the line: a line about another peer (some
    programs log a neighbor's completion so) is told apart only by comparing it with the owner.
    Where `events` and `problem` are both set, a part of the line could not be read.
    """
    notes: list[str] = []
    text = text.rstrip("\r\n")
    if "\0" in text:
        text = text.replace("\0", "")
        notes.append("nul-bytes")
    if text.startswith("\ufeff"):
        text = text[1:]
        notes.append("byte-order-mark")
    if len(text) > _LONGEST:
        return Reading(None, (), tuple(notes), TOO_LONG)
    reading = _read_one(text, order)
    if reading.problem == NOT_ELEVEN and len(text) <= _LONGEST_SEVERAL and _DIGITS.search(text):
        reading = _read_several(text, order) or reading
    return reading._replace(deviations=(*notes, *reading.deviations)) if notes else reading


def _read_one(text: str, order: str | None) -> Reading:
    """The reading of a line that holds at most one sentence."""
    head = _head(text, order)
    body = text[head.end :]
    reading = _read_body(body, head)
    if reading.problem == NOT_ELEVEN and head.stamp is None and (torn := _TORN_TIME.match(body)):
        head = _Head(None, head.end + torn.end(), ("unreadable-time",), "")
        reading = _read_body(text[head.end :], head)
    if reading.problem != NOT_ELEVEN:
        return reading
    tag = _TAG.match(body) if _DIGITS.search(body) else None
    if tag is None or _OTHERWISE.search(tag.group()):
        return reading
    notes = tuple(dict.fromkeys((*head.deviations, "logger-prefix")))
    tagged = _read_body(body[tag.end() :], head._replace(deviations=notes))
    return tagged if tagged.events else reading


def _read_body(text: str, head: _Head) -> Reading:
    text = nobody_as_zero(text)
    shape = _DIGITS.sub(NUMBER, text)
    if len(shape) <= _LONGEST_SHAPE:
        body = _body(shape)
    else:
        body = _body.__wrapped__(shape) if _LONG_LIST.match(shape) else None
    if body is None:
        return Reading(head.stamp, (), head.deviations, NOT_ELEVEN, time=head.time)
    texts = _DIGITS.findall(text)
    if any(len(digits) > 18 for digits in texts):
        return Reading(head.stamp, (), head.deviations, NUMBER_TOO_LONG, time=head.time)
    numbers = [int(digits) for digits in texts]
    values = {name: numbers[at] for name, at in body.slots}
    if values.get("subject_again", values.get("subject")) != values.get("subject"):
        return Reading(head.stamp, (), head.deviations, NOT_ELEVEN, time=head.time)
    deviations = head.deviations + body.deviations
    stated = {*body.ids, *(at for _, at in body.slots)}
    if any(texts[at][0] == "0" and texts[at] != "0" for at in stated):
        deviations += ("leading-zeros",)
    found = [one.span() for one in _DIGITS.finditer(text)]
    spans = tuple(
        (name, found[at][0] - len(text), found[at][1] - len(text)) for name, at in body.slots
    )
    if body.kind is None:
        deviations = tuple(name for name in deviations if name not in ("no-time", "no-subject"))
        return Reading(head.stamp, (), deviations, None, values["count"], head.time)
    event = Sentence(
        body.kind,
        values.get("subject"),
        values.get("other"),
        values.get("piece"),
        values.get("count"),
        tuple(numbers[at] for at in body.ids),
    )
    return Reading(head.stamp, (event,), deviations, None, time=head.time, spans=spans)


def _read_several(text: str, order: str | None) -> Reading | None:
    """The reading of a line on which several sentences stand, or None if it is not one.

    Read from its end. What precedes an inner time, and is no whole sentence, was cut off: its
    last number may lack digits, so it is not believed.
    """
    parts: list[Reading] = []
    end = len(text)
    starts = [found.start() for found in _INNER_START.finditer(text, 1)][:_MOST_STARTS]
    while starts:
        start = starts.pop()
        if end - start > _LONGEST_PART:
            break
        part = _read_one(text[start:end], order)
        if part.events:
            start, part = _whole_time(text[:end], start, part, starts, order)
            if start == 0:
                break
            starts = [one for one in starts if one < start]
            parts.insert(0, part)
            end = start
    if not parts:
        return None
    first = _read_one(text[:end], order)
    whole = "no-full-stop" not in first.deviations or text[end - 1].isspace()
    if first.events and whole:
        parts.insert(0, first)
        problem = None
    elif parts[0].stamp is None:
        return None
    else:
        problem = CUT_OFF
    return Reading(
        parts[0].stamp,
        tuple(event for part in parts for event in part.events),
        tuple(
            dict.fromkeys(["several-on-a-line", *(d for part in parts for d in part.deviations)])
        ),
        problem,
        time=parts[0].time,
    )


def _whole_time(
    text: str, start: int, part: Reading, starts: list[int], order: str | None
) -> tuple[int, Reading]:
    """Where the sentence found at `start` begins with all of its time, and its reading.

    A time may have several beginnings: `Sat Dec 02 17:34:33` has three.
    """
    for earlier in (one for one in (0, *starts) if start - _LONGEST_TIME <= one < start):
        longer = _read_one(text[earlier:], order)
        if longer.events == part.events and longer.stamp is not None:
            return earlier, longer
    return start, part


def _head(text: str, order: str | None) -> _Head:
    """The time, and what loggers put around it."""
    notes: list[str] = []
    start = _skip_prefixes(text, 0, notes)
    if before := _BEFORE_TIME.match(text, start):
        start = before.end()
        notes.append("words-before-time")
    opened = text[start : start + 1] in _BRACKETS
    stamp, end = match_time(text, start + opened, order)
    if end == start + opened:
        start = before.start() if before else start
        return _Head(
            None, start, tuple(n for n in (*notes, "no-time") if n != "words-before-time"), ""
        )
    time = text[start + opened : end]
    if stamp is None:
        notes.append("impossible-time")
    elif stamp.form in ("time-only", "hour-minute"):
        notes.append("time-without-date")
    closed = text[end : end + 1] in _BRACKETS.values() and text[end : end + 1] != ""
    if opened != closed:
        notes.append("unbalanced-brackets-around-time")
        # Where only the closing one is there, the time may lack its first digits.
        stamp = stamp if opened else None
    after = _AFTER_TIME.match(text, end + closed)
    mark = after.group() if after else ""
    if mark != ": ":
        notes.append(_mark_after_time(mark))
    end = _skip_prefixes(text, end + closed + len(mark), notes)
    return _Head(stamp, end, tuple(dict.fromkeys(notes)), time)


def _mark_after_time(mark: str) -> str:
    if not mark.strip():
        return "no-colon-after-time"
    return "blanks-around-colon-after-time" if mark.strip() == ":" else "other-mark-after-time"


def _skip_prefixes(text: str, start: int, notes: list[str]) -> int:
    for _ in range(4):
        found = _PREFIX.match(text, start)
        if not found or found.end() == start:
            break
        if found.group().strip():
            notes.append("logger-prefix")
        start = found.end()
    return start


@lru_cache(maxsize=4096)
def _body(shape: str) -> _Body | None:
    """How a text whose numbers are blanked is to be read; None if it is no sentence."""
    words, notes = normalise(shape)
    for kind, pattern in (*PATTERNS, *PHRASES):
        if found := pattern.fullmatch(words):
            slots, ids, wording = _groups(found)
            reworded = any(name.startswith("reworded") for name in wording)
            if "no-subject" in wording and reworded and kind in SUBJECT_NEEDED:
                continue  # `Preferred neighbors: 3` may as well be a setting
            if _is_prescribed(kind, shape, len(ids)):
                return _Body(kind, slots, ids, ())
            listed = found["ids"] or "" if kind is Kind.PREFERRED else ""
            notes += wording + form_deviations(kind, shape, listed)
            return _Body(kind, slots, ids, tuple(dict.fromkeys(notes)) or ("other-form",))
    if found := COUNT_ALONE.fullmatch(words):
        slots, ids, wording = _groups(found)
        return _Body(None, slots, ids, ("count-on-own-line", *dict.fromkeys(notes + wording)))
    if shape == NUMBER + ".":
        return _Body(None, (("count", 0),), range(0), ("count-on-own-line", "bare-count"))
    return None


def _groups(found: re.Match[str]) -> tuple[tuple[tuple[str, int], ...], range, list[str]]:
    """Fields with their numbers, list items, and the deviations in the wording."""
    slots: list[tuple[str, int]] = []
    ids = range(0)
    notes: list[str] = []
    for group, text in found.groupdict().items():
        if text is None:
            continue
        name = group.rstrip("_0123456789")
        first = found.string.count("#", 0, found.start(group))
        if name == "ids":
            ids = range(first, first + text.count("#"))
        elif name in FIELDS:
            slots.append((name, first))
        else:
            notes.append(name.replace("_", "-"))
    return tuple(slots), ids, notes


def _is_prescribed(kind: Kind, shape: str, items: int) -> bool:
    """Whether it is the very text of spec 8.1, with straight or curly quotes, `,` or `, `."""
    text = PRESCRIBED[kind].format(
        subject=NUMBER, other=NUMBER, piece=NUMBER, count=NUMBER, ids=",".join(NUMBER * items)
    )
    shape = shape.translate(STRAIGHT_QUOTES)
    return shape == text or (kind is Kind.PREFERRED and shape.replace(", ", ",") == text)

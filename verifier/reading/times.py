"""The time at the start of a log line, in any format that programs write (spec 8.1).

A time without a zone is taken as if it were UTC: the checks use differences of times, and one
machine's logs share their zone. Nothing here asks the machine for its own zone or clock.
"""

from __future__ import annotations

import re
from datetime import date
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable


class Stamp(NamedTuple):
    """A time as a line states it."""

    seconds: float
    """Since the epoch, or since midnight where the line has no date (`form` is `time-only`)."""
    resolution: float
    """The smallest step that the text can state, in seconds: 60, 1, 0.001, 1e-6, ..."""
    zoned: bool
    """Whether the text names a zone that is known here, so that `seconds` is truly UTC."""
    form: str
    """Short name of the format: an order of `ORDERS`, or one of the keys of `_FORMS`."""


ORDERS = ("year-month-day", "month-day-year", "day-month-year")
"""The orders of a date of three numbers; where nothing decides, the first that is possible."""

_LONGEST = 80
"""Characters in which a time must end; the longest known form needs about 60."""
_USUAL_YEAR = 2020
"""Of two-digit years, the reading nearest to it is preferred: `28/11/17` is in 2017."""
_YEARLESS = 2000
"""Stands for the year where there is none; it has a February 29."""

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_ZONES = {
    **dict.fromkeys(("Z", "UTC", "GMT", "WET"), 0.0),
    **dict.fromkeys(("CET", "WEST"), 1.0),
    **dict.fromkeys(("CEST", "EET"), 2.0),
    **dict.fromkeys(("EDT", "AST"), -4.0),
    **dict.fromkeys(("EST", "CDT"), -5.0),
    **dict.fromkeys(("CST", "MDT"), -6.0),
    **dict.fromkeys(("MST", "PDT"), -7.0),
    "PST": -8.0,
}
"""Hours east of Greenwich; names with several meanings as the assignment's country uses them."""

_BLANK = r"[ \t\u202f\xa0]"
_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
NAMES = (*_WEEKDAYS, *_MONTHS)
"""How the names of days and months begin, in lower case."""
_WEEKDAY = rf"(?:(?:{'|'.join(_WEEKDAYS)})[a-z]{{0,6}}\.?,?{_BLANK}{{1,2}})?"
_MONTH = rf"(?P<month>{'|'.join(_MONTHS)})[a-z]{{0,6}}\.?"
_CLOCK = (
    r"(?P<hour>\d{1,2})(?P<mark>[:.\-])(?P<minute>\d{1,2})"
    r"(?:(?P=mark)(?P<second>\d{1,2})(?:[.,:](?P<fraction>\d{1,9}))?)?"
    rf"(?:{_BLANK}?(?P<half>[ap])\.?m\b\.?)?"
)
_ZONE = (
    rf"(?:{_BLANK}?(?P<zone>(?:utc|gmt)?[+-]\d\d(?::?\d\d)?\b|(?:{'|'.join(_ZONES)}|ist|bst)\b)"
    r"(?:\[[a-z_]{1,20}/[a-z_/]{1,30}\])?)?"
)
_NUMBERS = r"(?P<a>\d{1,4})(?P<sep>[-/.])(?P<b>\d{1,2})(?P=sep)(?P<c>\d{4}|\d{1,2})"
_JOIN = rf"(?:[T_\-/.:|;@]|,?{_BLANK}{{1,3}}(?:(?:at|[-|@:;]){_BLANK}{{1,2}})?|,)"
_YEAR = r"(?P<year>\d{4}|\d\d)"
_DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?"
_BEFORE_DATE = rf"(?:,{_BLANK}?|{_BLANK}(?:(?:-|on){_BLANK})?)"

_FORMS = {
    "numbers": rf"{_WEEKDAY}{_NUMBERS}{_JOIN}{_CLOCK}{_ZONE}",
    "compact": (
        r"(?P<year>\d{4})(?P<b>\d\d)(?P<day>\d\d)[T_\- ]?"
        r"(?P<hour>\d\d):?(?P<minute>\d\d):?(?P<second>\d\d)(?:[.,](?P<fraction>\d{1,9}))?" + _ZONE
    ),
    "ctime": (
        rf"{_WEEKDAY}{_MONTH}{_BLANK}{{1,2}}(?P<day>\d{{1,2}}){_BLANK}{_CLOCK}"
        rf"(?:{_BLANK}(?P<zone>[a-z]{{1,5}}|(?:gmt|utc)?[+-]\d\d:?\d\d))?{_BLANK}(?P<year>\d{{4}})"
    ),
    "no-year": rf"{_WEEKDAY}{_MONTH}{_BLANK}{{1,2}}{_DAY},?{_BLANK}{_CLOCK}{_ZONE}",
    "month-name": (
        rf"{_WEEKDAY}{_MONTH}[ \-/]{{1,2}}{_DAY}(?:,{_BLANK}?|[ \-/]){_YEAR}{_JOIN}{_CLOCK}{_ZONE}"
    ),
    "day-month-name": (
        rf"{_WEEKDAY}{_DAY}[ \-/.]?{_MONTH}(?:,{_BLANK}?|[ \-/.]?){_YEAR}{_JOIN}{_CLOCK}{_ZONE}"
    ),
    "year-month-name": (rf"(?P<year>\d{{4}})[ \-/.]?{_MONTH}[ \-/.]?{_DAY}{_JOIN}{_CLOCK}{_ZONE}"),
    "clock-first": rf"{_CLOCK}{_ZONE}{_BEFORE_DATE}{_NUMBERS}",
    "clock-first-month-name": (
        rf"{_CLOCK}{_ZONE}{_BEFORE_DATE}{_WEEKDAY}{_MONTH}[ \-/]{{1,2}}{_DAY}(?:,{_BLANK}?|[ \-/]){_YEAR}"
    ),
    "clock-first-day-month-name": (
        rf"{_CLOCK}{_ZONE}{_BEFORE_DATE}{_WEEKDAY}{_DAY}[ \-/.]{_MONTH}(?:,{_BLANK}?|[ \-/.]){_YEAR}"
    ),
    "time-only": (
        r"(?P<hour>\d{1,2})(?P<mark>:|\.(?=\d\d\.\d\d))(?P<minute>\d{1,2})(?P=mark)(?P<second>\d{1,2})"
        rf"(?:[.,:](?P<fraction>\d{{1,9}}))?(?:{_BLANK}?(?P<half>[ap])\.?m\b\.?)?{_ZONE}"
    ),
    "hour-minute": rf"(?P<hour>\d{{1,2}}):(?P<minute>\d\d)(?:{_BLANK}?(?P<half>[ap])\.?m\b\.?)?",
    "epoch": r"(?P<epoch>\d{19}|\d{16}|\d{13}|\d{9,10})(?:[.,](?P<fraction>\d{1,9}))?",
}
_PATTERNS = {
    name: re.compile(pattern + r"(?!\d)", re.IGNORECASE | re.ASCII)
    for name, pattern in _FORMS.items()
}
_TIMELESS = str.maketrans("123456789", "000000000")
_EPOCH_UNITS = {9: 1.0, 10: 1.0, 13: 1e-3, 16: 1e-6, 19: 1e-9}


class _Layout(NamedTuple):
    """Where the fields of a time are: the same for all texts that differ in digits only."""

    form: str
    end: int
    fields: tuple[tuple[str, int, int], ...]


@lru_cache(maxsize=2048)
def _layout(shape: str) -> _Layout | None:
    """How a text of this shape (each digit a zero) is to be cut, or None if no form fits."""
    for name, pattern in _PATTERNS.items():
        if found := pattern.match(shape):
            fields = tuple(
                (key, *found.span(key)) for key, text in found.groupdict().items() if text
            )
            return _Layout(name, found.end(), fields)
    return None


def match_time(text: str, start: int = 0, order: str | None = None) -> tuple[Stamp | None, int]:
    """The time that begins at `start`, and where it ends.

    The end is `start` where there is no time; the stamp alone is None where the text has the form
    of a time but no such time exists (`25:61:00`). `order` is one of `ORDERS`, for a date of
    three numbers that allows several.
    """
    head = text[start : start + _LONGEST]
    layout = _layout(head.translate(_TIMELESS))
    if layout is None:
        return None, start
    fields = {name: head[begin:end] for name, begin, end in layout.fields}
    return _stamp(layout.form, fields, order), start + layout.end


def parse_time(text: str, order: str | None = None) -> Stamp | None:
    """The time that the whole text states, or None; surrounding blanks and brackets may stay."""
    text = _unbracketed(text)
    stamp, end = match_time(text, 0, order)
    return stamp if end == len(text) else None


def _unbracketed(text: str) -> str:
    text = text.strip()
    return text[1:-1] if (text[:1], text[-1:]) in (("[", "]"), ("(", ")")) else text


def _stamp(form: str, fields: dict[str, str], order: str | None) -> Stamp | None:
    fraction = fields.get("fraction", "")
    part = int(fraction) / 10 ** len(fraction) if fraction else 0.0
    if form == "epoch":
        unit = _EPOCH_UNITS[len(fields["epoch"])]
        seconds = (int(fields["epoch"]) + part) * unit
        return Stamp(seconds, unit / 10 ** len(fraction), zoned=True, form=form)
    clock = _clock(fields)
    if clock is None:
        return None
    day = 0
    if "a" in fields:
        dated = _numeric_days(fields["a"], fields["b"], fields["c"])
        form = order if order in dated else next(iter(dated), "")
        if not form:
            return None
        day = dated[form]
    elif "day" in fields:
        month = fields["month"].lower() if "month" in fields else fields["b"]
        found = _named_day(fields.get("year", str(_YEARLESS)), month, fields["day"])
        if found is None:
            return None
        day = found
    offset = _offset(fields.get("zone", ""))
    resolution = 10.0 ** -len(fraction) if "second" in fields else 60.0
    seconds = day * 86400.0 + clock + part - (offset or 0.0)
    return Stamp(seconds, resolution, offset is not None, form)


def _clock(fields: dict[str, str]) -> int | None:
    """Seconds since midnight, or None if no such time exists."""
    hour, minute = int(fields["hour"]), int(fields["minute"])
    second = int(fields.get("second", "0"))
    if half := fields.get("half", "").lower():
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if half == "p" else 0)
    if hour > 24 or minute > 59 or second > 60:
        return None
    return hour * 3600 + minute * 60 + second


@lru_cache(maxsize=512)
def _offset(zone: str) -> float | None:
    """Seconds east of Greenwich; None for no zone and for names that are not known here."""
    zone = zone.upper()
    digits = zone.lstrip("UTCGM")
    if not digits.startswith(("+", "-")):
        hours = _ZONES.get(zone)
        return None if hours is None else hours * 3600
    numbers = digits[1:].replace(":", "")
    seconds = int(numbers[:2]) * 3600.0 + int(numbers[2:] or "0") * 60.0
    return -seconds if digits[0] == "-" else seconds


@lru_cache(maxsize=512)
def _named_day(year: str, month: str, day: str) -> int | None:
    number = int(month) if month.isdigit() else _MONTHS.index(month) + 1
    return _days(_full_year(year), number, int(day))


@lru_cache(maxsize=512)
def _numeric_days(a: str, b: str, c: str) -> dict[str, int]:
    """The possible orders of three numbers with the days since the epoch, best first."""
    first, second, third = int(a), int(b), int(c)
    found = {}
    if len(a) in (2, 4) and len(c) <= 2:
        found["year-month-day"] = _days(_full_year(a), second, third)
    if len(a) <= 2 and len(c) in (2, 4):
        found["month-day-year"] = _days(_full_year(c), first, second)
        found["day-month-year"] = _days(_full_year(c), second, first)
    possible = {order: days for order, days in found.items() if days is not None}
    usual = date(_USUAL_YEAR, 1, 1).toordinal() - _EPOCH_DAY
    # Sorting by whole years keeps the order of ORDERS where the year does not decide.
    return dict(sorted(possible.items(), key=lambda item: abs(item[1] - usual) // 366))


_EPOCH_DAY = date(1970, 1, 1).toordinal()


def _full_year(text: str) -> int:
    return int(text) if len(text) == 4 else 2000 + int(text)


def _days(year: int, month: int, day: int) -> int | None:
    """Days since the epoch, or None if there is no such date."""
    try:
        return date(year, month, day).toordinal() - _EPOCH_DAY
    except ValueError:
        return None


def guess_order(times: Iterable[str]) -> str | None:
    """Which of `ORDERS` the dates of one file have; None if no date there is three numbers.

    An order that some date excludes is out. Of those left, one log spans hours, not months, so
    the order in which the dates lie closest together wins, those that name their month included;
    then the first of `ORDERS`.
    """
    possible: dict[str, list[int]] = {}
    certain: list[int] = []
    for text in dict.fromkeys(times):
        fields = _fields_of(text)
        if "a" in fields:
            dated = _numeric_days(fields["a"], fields["b"], fields["c"])
            known = possible or {order: [] for order in dated}
            possible = {o: [*days, dated[o]] for o, days in known.items() if o in dated} or known
        elif "month" in fields and "year" in fields:
            day = _named_day(fields["year"], fields["month"].lower(), fields["day"])
            certain += [] if day is None else [day]

    def spread(order: str) -> int:
        days = possible[order] + certain
        return max(days) - min(days)

    return min(possible, key=spread, default=None)


def is_ambiguous(text: str) -> bool:
    """Whether the text's date is three numbers that allow several orders."""
    fields = _fields_of(text)
    return "a" in fields and len(_numeric_days(fields["a"], fields["b"], fields["c"])) > 1


def _fields_of(text: str) -> dict[str, str]:
    head = _unbracketed(text)[:_LONGEST]
    layout = _layout(head.translate(_TIMELESS))
    return {name: head[begin:end] for name, begin, end in layout.fields} if layout else {}

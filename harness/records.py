"""JSON that somebody else wrote, read into values of the types that it is to have.

Other machines' words are checked here like a neighbor's messages: what isn't as it should be raises
one error, and whatever is for people has nothing in it that a terminal would act on.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Container, Mapping
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin, get_type_hints

from peerio.status import Status

Kind = TypeVar("Kind")

LONGEST_TEXT = 2000
"""Characters of a text for people; what is longer is cut."""
_LARGEST = 1 << 63
_DIGITS = re.compile("[0-9]{1,19}")


class RecordError(ValueError):
    """What was written isn't what was expected; `str(e)` says where and what."""


def printable(text: str) -> str:
    """The text with what isn't printable escaped, and cut where it is too long."""
    shown = "".join(c if c.isprintable() else _escape(c) for c in text[: LONGEST_TEXT + 1])
    return shown if len(text) <= LONGEST_TEXT else f"{shown[:LONGEST_TEXT]}…"


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode()


def parse(line: bytes) -> Any:
    """What a line of JSON holds; RecordError when it is none."""
    try:
        return json.loads(line.decode(), parse_constant=_refuse)
    except RecursionError:
        raise RecordError("too deeply nested") from None
    except ValueError as error:
        raise RecordError(f"not JSON: {printable(str(error))}") from None


def _refuse(constant: str) -> None:
    raise RecordError(f"{constant} is no number")


def read(kind: type[Kind], value: object, *, own: Container[object] = ()) -> Kind:
    """A value of this kind: a dataclass, or what stands in one; RecordError when it is none.

    Numbers are finite and at least 0, and text is Unicode. `Annotated` adds a rule: a function that
    tells whether a value is right, or a name for "one of `own`". Text without a rule comes back
    `printable`.
    """
    result: Kind = _Reader({"own": own}).read(kind, value, kind.__name__)
    return result


def read_status(line: bytes) -> Status:
    """What a peer's status line says; RecordError when it is none."""
    return read(Status, parse(line))


class _Reader:
    def __init__(self, sets: Mapping[str, Container[object]]) -> None:
        self._sets = sets

    def read(self, kind: Any, value: Any, at: str) -> Any:
        origin, arguments = get_origin(kind), get_args(kind)
        if kind is Any:
            return value
        if origin is Annotated:
            return self._by_rule(arguments[0], arguments[1], value, at)
        if origin in {Union, UnionType}:
            (other,) = set(arguments) - {NoneType}
            return None if value is None else self.read(other, value, at)
        if origin is dict:
            key, item = arguments
            return self._table(key, item, _typed(dict, value, at), at)
        if origin is list:
            (item,) = arguments
            numbered = enumerate(_typed(list, value, at))
            return [self.read(item, one, f"{at}[{i}]") for i, one in numbered]
        if origin is tuple:
            items = _typed(list, value, at)
            if len(items) != len(arguments):
                raise RecordError(f"{at}: expected {len(arguments)} values")
            return tuple(self.read(k, v, at) for k, v in zip(arguments, items, strict=True))
        if is_dataclass(kind):
            return self._record(kind, _typed(dict, value, at), at)
        value = _plain(kind, value, at)
        return printable(value) if kind is str else value

    def _by_rule(self, kind: Any, rule: Any, value: Any, at: str) -> Any:
        value = _plain(kind, value, at)
        is_right = value in self._sets[rule] if isinstance(rule, str) else rule(value)
        if not is_right:
            raise RecordError(f"{at}: {_shown(value)} can't be")
        return value

    def _table(self, key: Any, item: Any, table: dict[str, Any], at: str) -> dict[Any, Any]:
        found = {}
        for text, value in table.items():
            name: object = text
            if int in (key, *get_args(key)):
                if not _DIGITS.fullmatch(text):
                    raise RecordError(f"{at}: {_shown(text)} is no number")
                name = int(text)
            found[self.read(key, name, at)] = self.read(item, value, f"{at}[{_shown(text)}]")
        return found

    def _record(self, kind: Any, record: dict[str, Any], at: str) -> Any:
        hints = _hints(kind)
        if unknown := record.keys() - hints.keys():
            raise RecordError(f"{at}: {_shown(min(unknown))} isn't expected")
        for field in fields(kind):
            required = field.default is MISSING and field.default_factory is MISSING
            if required and field.name not in record:
                raise RecordError(f"{at}: {field.name} is missing")
        return kind(**{n: self.read(hints[n], value, f"{at}.{n}") for n, value in record.items()})


@cache
def _hints(kind: Any) -> dict[str, Any]:
    hints = get_type_hints(kind, include_extras=True)
    return {field.name: hints[field.name] for field in fields(kind)}


def _plain(kind: Any, value: Any, at: str) -> Any:
    """A number, a truth value, or text."""
    if kind is float and type(value) is int and value < _LARGEST:
        value = float(value)
    value = _typed(kind, value, at)
    if kind is float and not (math.isfinite(value) and value >= 0):
        raise RecordError(f"{at}: {value} can't be")
    if kind is int and not 0 <= value < _LARGEST:
        raise RecordError(f"{at}: {_shown(value)} can't be")
    if kind is str:
        try:
            value.encode()
        except UnicodeEncodeError:
            raise RecordError(f"{at}: {_shown(value)} isn't Unicode") from None
    return value


def _typed(kind: type[Kind], value: object, at: str) -> Kind:
    if type(value) is not kind:
        raise RecordError(f"{at}: expected {kind.__name__}, found {_shown(value)}")
    return value


def _shown(value: object) -> str:
    """The beginning of a value, for a message."""
    text = printable(json.dumps(value))
    return text if len(text) <= 60 else f"{text[:60]}…"

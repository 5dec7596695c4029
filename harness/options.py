"""What a command can be told: a dataclass of options each, from which its command line is made.

A field says with `option` everything that there is to know of it; harness/cli.py makes tasks of that.
Numbers are read here as people write them, and shown as tables have them.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar

from core.exits import ExitStatus
from harness.errors import HarnessError
from peerio.program import quantities

Reader = Callable[[str], Any]
"""Makes a value of what was written; ValueError says what was expected."""

Given = TypeVar("Given")
_UNITS = {"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
_PLACE = re.compile(r"(?:[^\s:/\[\]]+|\[[0-9a-fA-F:.%]+\]):\d{1,5}")
_META = "option"


@dataclass(frozen=True, slots=True)
class Option:
    """One option: its name without dashes, its meaning, how it is read; flags aren't, but are or aren't given."""

    name: str
    field: str
    help: str
    read: Reader
    default: Any

    @property
    def keyword(self) -> str:
        """Its name as a parameter's."""
        return self.name.replace("-", "_")

    @property
    def shown(self) -> str:
        """What stands for its value in help texts: `PIECE_SIZE`."""
        return self.keyword.upper()

    @property
    def is_flag(self) -> bool:
        """Whether it takes no value; one that is on unless told otherwise has a `--no-` form."""
        return isinstance(self.default, bool)

    @property
    def is_switch(self) -> bool:
        """Whether it is on, off, or left to the command."""
        return self.read is switch

    def value(self, text: str) -> Any:
        """What was written, read; the default where nothing was. HarnessError names the option."""
        if not text:
            return self.default
        try:
            return self.read(text)
        except ValueError as error:
            raise HarnessError(
                f"--{self.name} {text!r}: {error}", status=ExitStatus.USAGE
            ) from None


@dataclass(frozen=True, slots=True)
class NoOptions:
    """Of a command that can't be told anything."""


def option(meaning: str, read: Reader = str, *, default: Any = None, name: str = "") -> Any:
    """A field of a dataclass of options; `name` where the option's isn't the field's."""
    return field(default=default, metadata={_META: (meaning, read, name)})


def options_of(kind: type, only: Sequence[str] | None = None) -> Iterator[Option]:
    """The options of a dataclass, in its order, or those of these fields."""
    for one in fields(kind):
        if _META in one.metadata and (only is None or one.name in only):
            meaning, read, name = one.metadata[_META]
            assert one.default is not MISSING
            name = name or one.name.replace("_", "-")
            yield Option(name, one.name, meaning, read, one.default)


def read(
    kind: type[Given], given: Mapping[str, str | bool], only: Sequence[str] | None = None
) -> Given:
    """The options that were given, by their keywords; HarnessError names one that can't be read."""
    values = {}
    for one in options_of(kind, only):
        value = given.get(one.keyword, "")
        if one.is_switch and not isinstance(value, str):
            value = "yes" if value else "no" if given.get(f"no_{one.keyword}") else ""
        values[one.field] = value if isinstance(value, bool) else one.value(value)
    return kind(**values)


def unknown(kind: str, word: str, known: Collection[str]) -> str:
    """Say that there is no such word, and which one is nearest."""
    near = difflib.get_close_matches(word, known, 1, 0.5)
    advice = f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}"
    return f"there is no {kind} {word!r}: {advice}"


def switch(text: str) -> bool:
    """Read yes or no: an option of this reader, whose default is None, has flags `--name` and `--no-name`."""
    if text not in ("yes", "no"):
        raise ValueError("expected yes or no")
    return text == "yes"


def count(least: int = 0) -> Callable[[str], int]:
    """Read a whole number of at least `least`."""

    def read(text: str) -> int:
        if not re.fullmatch(r"[0-9]+", text) or int(text) < least:
            raise ValueError(f"expected a whole number of at least {least}")
        return int(text)

    return read


def counts(least: int = 0) -> Callable[[str], tuple[int, ...]]:
    """Read one or several whole numbers of at least `least`, with commas between."""
    read_one = count(least)

    def read(text: str) -> tuple[int, ...]:
        try:
            return tuple(read_one(part.strip()) for part in text.split(","))
        except ValueError:
            raise ValueError(
                f"expected whole numbers of at least {least}, with commas between"
            ) from None

    return read


def size(least: int = 0) -> Callable[[str], int]:
    """Read bytes, written as `32768`, `1MB` or `256KiB`."""

    def read(text: str) -> int:
        found = quantities.size(text)
        if found < least:
            raise ValueError(f"expected at least {least} bytes, such as {quantities.SIZES}")
        return found

    return read


def rate(text: str) -> int:
    """Read bytes a second, written as sizes are; 0 is no limit."""
    return quantities.rate(text)


def seconds(text: str) -> float:
    """Read a time that isn't 0, written as `90`, `90s` or `1.5m`."""
    found = quantities.duration(text)
    if not found:
        raise ValueError(f"expected more than 0 seconds, such as {quantities.DURATIONS}")
    return found


def path(text: str) -> Path:
    """Read a path, which may begin in the user's home."""
    return Path(text).expanduser()


def address(text: str) -> str:
    """Read where a scheduler listens; without a way to it, such as `tls://`, it is `tcp://`."""
    way, _, place = text.rpartition("://")
    if way not in {"", "tcp", "tls", "ws", "wss"} or not _PLACE.fullmatch(place):
        raise ValueError("expected an address such as tcp://scheduler:8786")
    return f"{way or 'tcp'}://{place}"


def format_bytes(count: float) -> str:
    """Bytes in the largest unit that leaves a number of at least 1: `9.5 MiB`."""
    for unit in ("GiB", "MiB", "KiB"):
        if count >= _UNITS[unit]:
            return f"{count / _UNITS[unit]:.1f} {unit}"
    return f"{count:.0f} B"

"""Numbers on the command line and in tables."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from invoke.context import Context

from core.exits import ExitStatus
from harness.cli import Command
from harness.errors import HarnessError
from harness.invoking import task_of
from harness.options import count, format_bytes, option, path, read, seconds, size


@dataclass(frozen=True)
class Told:
    """What a command could be told."""

    piece_size: int | None = option("Bytes.", size(least=1))
    peers: int | None = option("How many.", count(least=1))
    timeout: float | None = option("Seconds.", seconds)
    where: Path = option("A path.", path, default=Path("here"), name="dir")
    plain: bool = option("A flag.", default=False)


def told(name: str, text: str) -> Any:
    """What comes of one option; `name` is a field's."""
    return getattr(read(Told, {name.replace("where", "dir"): text}), name)


@pytest.mark.parametrize(
    ("text", "found"),
    [("32768", 32768), ("256KiB", 262144), ("1 MiB", 1048576), ("2GiB", 2 << 30), ("", None)],
)
def test_sizes(text: str, found: int | None) -> None:
    """Sizes are bytes, with a unit where one is given; the empty text is an option not given."""
    assert told("piece_size", text) == found


@pytest.mark.parametrize("text", ["-1", "1.5MiB", "1MB", "many", "0", "\N{SUPERSCRIPT TWO}"])
def test_unusable_sizes(text: str) -> None:
    """An unusable size is wrong use of the command line and names the option."""
    with pytest.raises(HarnessError, match="--piece-size") as caught:
        told("piece_size", text)
    assert caught.value.status == ExitStatus.USAGE


def test_counts() -> None:
    """Counts are whole numbers with a least value."""
    assert told("peers", "12") == 12
    assert told("peers", "") is None
    for text in ("0", "-3", "1.0", "x", "\N{SUPERSCRIPT TWO}"):
        with pytest.raises(HarnessError, match="--peers"):
            told("peers", text)


def test_seconds() -> None:
    """Durations are positive and finite."""
    assert told("timeout", "2.5") == 2.5
    assert told("timeout", "") is None
    for text in ("0", "-1", "inf", "nan", "soon"):
        with pytest.raises(HarnessError, match="--timeout"):
            told("timeout", text)


def test_paths() -> None:
    """A path may begin in the user's home; an option's name needn't be its field's."""
    assert told("where", "~/x") == Path.home() / "x"
    assert told("where", "") == Path("here")


def test_a_task_offers_its_options() -> None:
    """A command's task takes each field of its dataclass, or those that it offers, and hands them over read."""
    given: list[Told] = []

    def run(options: Told) -> int:
        given.append(options)
        return 0

    command = Command("try", run, Told, "Try it.", "try --peers 2", ("0 it worked",))
    arguments = {argument.name: argument for argument in task_of(command).get_arguments()}
    assert list(arguments) == ["piece_size", "peers", "timeout", "dir", "plain"]
    assert arguments["plain"].kind is bool
    assert arguments["dir"].help == "A path."
    task_of(command)(Context(), peers="3", dir="x", plain=True)
    assert given == [Told(peers=3, where=Path("x"), plain=True)]
    few = task_of(replace(command, only=("peers",)))
    assert [argument.name for argument in few.get_arguments()] == ["peers"]
    assert few.__doc__ == "Try it.\n\nExample: invoke try --peers 2.\nExit status: 0 it worked."


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1536, "1.5 KiB"),
        (10_000_232, "9.5 MiB"),
        (3 << 30, "3.0 GiB"),
    ],
)
def test_shown_bytes(number: float, text: str) -> None:
    """Bytes are shown in the largest unit that leaves at least 1."""
    assert format_bytes(number) == text

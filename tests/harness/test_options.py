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
from harness.options import (
    address,
    count,
    counts,
    format_bytes,
    option,
    path,
    rate,
    read,
    seconds,
    size,
)


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
    [
        ("32768", 32768),
        ("256KiB", 262144),
        ("1 MiB", 1048576),
        ("2GiB", 2 << 30),
        ("1MB", 1_000_000),
        ("1mb", 1_000_000),
        ("512k", 512_000),
        ("512K", 512_000),
        ("512ki", 524_288),
        ("1.5G", 1_500_000_000),
        ("1.5GiB", 3 << 29),
        ("2T", 2 * 10**12),
        ("100B", 100),
        (".5k", 500),
        (" 7 ", 7),
        ("", None),
    ],
)
def test_sizes(text: str, found: int | None) -> None:
    """Sizes are bytes, with a unit where one is given; the empty text is an option not given."""
    assert told("piece_size", text) == found


@pytest.mark.parametrize(
    "text",
    [
        "-1",
        "1.5",
        "1.0005k",
        "0.1KiB",
        "many",
        "0",
        "1iB",
        "1 KB s",
        "1e3",
        "k",
        "1..5k",
        "9999999T",
        "1Mbit",
        "1,5M",
        "1_000",
        "\N{SUPERSCRIPT TWO}",
        "\N{ARABIC-INDIC DIGIT TWO}",
        "0x10",
    ],
)
def test_unusable_sizes(text: str) -> None:
    """An unusable size is wrong use of the command line, names the option and the forms that there are."""
    with pytest.raises(HarnessError, match="--piece-size") as caught:
        told("piece_size", text)
    assert caught.value.status == ExitStatus.USAGE
    assert "such as 32768, 512k, 1MB (a million), 256KiB or 1.5GiB" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "found"),
    [("200000", 200_000), ("200kB/s", 200_000), ("1MiB/s", 1 << 20), ("0", 0), ("1.5M", 1_500_000)],
)
def test_rates(text: str, found: int) -> None:
    """Rates are sizes a second; 0 is no limit."""
    assert rate(text) == found


def test_unusable_rates() -> None:
    """An unusable rate names the forms, and that they are bytes a second."""
    with pytest.raises(ValueError, match="expected bytes a second, such as 32768"):
        rate("1MB/h")


def test_counts() -> None:
    """Counts are whole numbers with a least value."""
    assert told("peers", "12") == 12
    assert told("peers", "") is None
    for text in ("0", "-3", "1.0", "x", "\N{SUPERSCRIPT TWO}"):
        with pytest.raises(HarnessError, match="--peers"):
            told("peers", text)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("2.5", 2.5),
        ("30s", 30),
        ("5m", 300),
        ("5min", 300),
        ("1.5h", 5400),
        ("1h30m", 5400),
        ("1m 30s", 90),
        ("500ms", 0.5),
        ("0.1s", 0.1),
        ("2d", 172_800),
        ("", None),
    ],
)
def test_seconds(text: str, found: float | None) -> None:
    """Durations are seconds, or have units."""
    assert told("timeout", text) == found


@pytest.mark.parametrize(
    "text", ["0", "0s", "-1", "inf", "nan", "soon", "5 minutes", "1:30", "s", "1e3", "3M"]
)
def test_unusable_seconds(text: str) -> None:
    """Durations are positive and finite; what isn't one is told the forms."""
    with pytest.raises(HarnessError, match=r"--timeout.* such as 30, 30s, 2\.5m, 1h30m or 500ms"):
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


def test_several_counts() -> None:
    """Numbers with commas between are read each as one is, and a wrong one is told."""
    assert counts(2)("3,6, 12") == (3, 6, 12)
    assert counts(2)("4") == (4,)
    for text in ("3,", "3;6", "1,3", "x"):
        with pytest.raises(ValueError, match="expected whole numbers of at least 2"):
            counts(2)(text)


@pytest.mark.parametrize(
    "text", ["", "scheduler", "scheduler:", "http://a:1", "a b:1", "tcp://:8786", "tcp://a:x"]
)
def test_what_is_no_address(text: str) -> None:
    """What can't be a scheduler's address is told before anything is tried."""
    with pytest.raises(ValueError, match="expected an address such as tcp://scheduler:8786"):
        address(text)


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("tcp://10.0.0.1:8786", "tcp://10.0.0.1:8786"),
        ("scheduler:8786", "tcp://scheduler:8786"),
        ("tls://[fe80::1]:8786", "tls://[fe80::1]:8786"),
    ],
)
def test_addresses(text: str, read: str) -> None:
    """An address is a host and a port, by TCP unless it says otherwise."""
    assert address(text) == read

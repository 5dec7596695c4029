"""Numbers on the command line and in tables."""

from __future__ import annotations

import pytest

from harness import options as numbers
from harness.errors import USAGE, HarnessError


@pytest.mark.parametrize(
    ("text", "size"),
    [("32768", 32768), ("256KiB", 262144), ("1 MiB", 1048576), ("2GiB", 2 << 30), ("", None)],
)
def test_sizes(text: str, size: int | None) -> None:
    """Sizes are bytes, with a unit where one is given; the empty text is an option not given."""
    assert numbers.parse_size("piece-size", text) == size


@pytest.mark.parametrize("text", ["-1", "1.5MiB", "1MB", "many", "0", "\N{SUPERSCRIPT TWO}"])
def test_unusable_sizes(text: str) -> None:
    """An unusable size is wrong use of the command line and names the option."""
    with pytest.raises(HarnessError, match="--piece-size") as caught:
        numbers.parse_size("piece-size", text, least=1)
    assert caught.value.status == USAGE


def test_counts() -> None:
    """Counts are whole numbers with a least value."""
    assert numbers.parse_count("peers", "12", least=1) == 12
    assert numbers.parse_count("peers", "") is None
    for text in ("0", "-3", "1.0", "x", "\N{SUPERSCRIPT TWO}"):
        with pytest.raises(HarnessError, match="--peers"):
            numbers.parse_count("peers", text, least=1)


def test_seconds() -> None:
    """Durations are positive and finite."""
    assert numbers.parse_seconds("timeout", "2.5") == 2.5
    assert numbers.parse_seconds("timeout", "") is None
    for text in ("0", "-1", "inf", "nan", "soon"):
        with pytest.raises(HarnessError, match="--timeout"):
            numbers.parse_seconds("timeout", text)


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1536, "1.5 KiB"),
        (10_000_232, "9.5 MiB"),
        (3 << 30, "3.0 GiB"),
    ],
)
def test_shown_bytes(count: float, text: str) -> None:
    """Bytes are shown in the largest unit that leaves at least 1."""
    assert numbers.format_bytes(count) == text

"""Numbers as people write them on a command line, and as tables show them.

An option that wasn't given is the empty text, and parsed as None.
"""

from __future__ import annotations

import re

from harness.errors import USAGE, HarnessError

_UNITS = {"": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
_SIZE = re.compile(r"([0-9]+)\s*(KiB|MiB|GiB)?")


def parse_count(option: str, text: str, *, least: int = 0) -> int | None:
    """A whole number of at least `least`; HarnessError that names the option otherwise."""
    if not text:
        return None
    if not re.fullmatch(r"[0-9]+", text) or int(text) < least:
        raise HarnessError(
            f"--{option} {text!r}: expected a whole number of at least {least}", status=USAGE
        )
    return int(text)


def parse_size(option: str, text: str, *, least: int = 0) -> int | None:
    """Bytes, written as `32768` or `256KiB`; HarnessError that names the option otherwise."""
    if not text:
        return None
    match = _SIZE.fullmatch(text.strip())
    size = int(match[1]) * _UNITS[match[2] or ""] if match else -1
    if size < least:
        raise HarnessError(
            f"--{option} {text!r}: expected at least {least} bytes, such as 32768 or 256KiB",
            status=USAGE,
        )
    return size


def parse_seconds(option: str, text: str) -> float | None:
    """A positive number of seconds; HarnessError that names the option otherwise."""
    if not text:
        return None
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 < seconds < float("inf"):
        raise HarnessError(
            f"--{option} {text!r}: expected a positive number of seconds", status=USAGE
        )
    return seconds


def format_bytes(count: float) -> str:
    """Bytes in the largest unit that leaves a number of at least 1: `9.5 MiB`."""
    for unit in ("GiB", "MiB", "KiB"):
        if count >= _UNITS[unit]:
            return f"{count / _UNITS[unit]:.1f} {unit}"
    return f"{count:.0f} B"

"""Sizes and durations as people write them: `1MB`, `512k`, `1.5GiB`; `30`, `30s`, `5m`, `1h30m`.

Every option that takes bytes or seconds is read here. As in the standards, kB and MB are thousands and
millions, KiB and MiB are powers of 1024; the B may be left out.
"""

from __future__ import annotations

import re
from decimal import Decimal

SIZES = "32768, 512k, 1MB (a million), 256KiB or 1.5GiB (powers of 1024)"
"""The forms of a size, for messages."""
DURATIONS = "30, 30s, 2.5m, 1h30m or 500ms"
"""The forms of a duration, for messages."""
_NUMBER = r"([0-9]+(?:\.[0-9]+)?|\.[0-9]+)"
_SIZE = re.compile(rf"{_NUMBER} ?(?:([kmgt]?)(i?)b?)", re.ASCII | re.IGNORECASE)
_STEPS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}
_DURATION = re.compile(rf"(?:{_NUMBER} ?(ms|s|sec|m|min|h|d) ?)+", re.ASCII)
_PART = re.compile(rf"{_NUMBER} ?([a-z]+)", re.ASCII)
_SECONDS = {
    "ms": Decimal("0.001"),
    "s": Decimal(1),
    "sec": Decimal(1),
    "m": Decimal(60),
    "min": Decimal(60),
    "h": Decimal(3600),
    "d": Decimal(86400),
}
_LARGEST = 1 << 63


def size(text: str) -> int:
    """Bytes; ValueError names the forms. What doesn't come to whole bytes is none of them."""
    found = _SIZE.fullmatch(text.strip())
    if found is None or (found[3] and not found[2]):
        raise ValueError(f"expected bytes, such as {SIZES}")
    base = 1024 if found[3] else 1000
    value = Decimal(found[1]) * base ** _STEPS[found[2].lower()]
    if value != value.to_integral_value():
        raise ValueError(
            f"that is {value.normalize():f} bytes: expected whole bytes, such as {SIZES}"
        )
    if value >= _LARGEST:
        raise ValueError(f"more bytes than any file has: expected bytes, such as {SIZES}")
    return int(value)


def rate(text: str) -> int:
    """Bytes a second, which may have `/s` behind them; ValueError names the forms."""
    try:
        return size(text.strip().removesuffix("/s"))
    except ValueError as error:
        raise ValueError(str(error).replace("expected bytes", "expected bytes a second")) from None


def duration(text: str) -> float:
    """Seconds, 0 or more; ValueError names the forms."""
    text = text.strip()
    if re.fullmatch(_NUMBER, text, re.ASCII):
        return float(text)
    if _DURATION.fullmatch(text) is None:
        raise ValueError(f"expected a time in seconds, or such as {DURATIONS}")
    parts = (Decimal(number) * _SECONDS[unit] for number, unit in _PART.findall(text))
    return float(sum(parts, Decimal(0)))

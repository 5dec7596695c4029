"""How names and values from outside may stand in a message: without characters that steer a terminal."""

from __future__ import annotations

_STEERING = (
    *range(32),
    *range(127, 160),
    0x61C,
    0x200E,
    0x200F,
    *range(0x2028, 0x202F),
    *range(0x2066, 0x206A),
)
"""Control characters, line separators, and those that turn a text's direction around."""
_SHOWN = {code: f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}" for code in _STEERING}


def shown(text: object) -> str:
    """The text with such characters, and bytes that are no text, written as escapes."""
    return str(text).translate(_SHOWN).encode("utf-8", "backslashreplace").decode()

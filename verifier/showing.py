"""How names and values from outside may stand in a message: without characters that steer a terminal;
and the line on a terminal that tells what is under way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import TextIO

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


class Teller:
    """Tells on a terminal what is under way, in one line that is written over; elsewhere nothing."""

    def __init__(self, stream: TextIO | None) -> None:
        self._terminal = stream if stream is not None and stream.isatty() else None

    def __call__(self, text: str) -> None:
        """It is this now."""
        if self._terminal is not None:
            self._terminal.write(f"\r{text[:79]}\x1b[K")
            self._terminal.flush()

    def clear(self) -> None:
        """Make room for the report."""
        self("")

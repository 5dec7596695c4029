"""The terminal as a command sees it: how wide it is, what it can show, and lines broken between words."""

from __future__ import annotations

import re

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

_WIDE = 160
"""Columns where nobody looks at a terminal: enough for any table."""


def make_console() -> Console:
    """Where tables go: as wide as the terminal, and wide enough for any table elsewhere."""
    console = Console(highlight=False, markup=False)
    if not console.is_terminal:
        console.width = _WIDE
    return console


def can_redraw(console: Console) -> bool:
    """Whether what was shown can be replaced: a terminal that moves its cursor."""
    return console.is_terminal and not console.is_dumb_terminal


def has_color(console: Console) -> bool:
    """Whether colors are shown and wanted (https://no-color.org)."""
    return console.color_system is not None and not console.no_color


def say(console: Console, text: str, style: str = "") -> None:
    """Print lines for people; a terminal's are broken between words, a file's or a pipe's not at all.

    A word that is longer than the terminal is wide, such as a path, stays whole. Colors that the text
    brings with it are kept.
    """
    for line in text.splitlines():
        styled = Text.from_ansi(line, style=style)
        parts = broken(styled, console.width) if console.is_terminal else [styled]
        for part in parts:
            console.print(part, soft_wrap=True)


def broken(line: Text, width: int) -> list[Text]:
    """Return a line in parts that fit, cut between words; from the second on they are indented by two more."""
    words = list(re.finditer(r"\S+", line.plain))
    indent = " " * (words[0].start() + 2 if words else 0)
    cuts, start, room = [], 0, width
    for word in words[1:]:
        if cell_len(line.plain[start : word.end()]) > room:
            start, room = word.start(), width - len(indent)
            cuts.append(start)
    first, *more = line.divide(cuts)
    parts = [first, *(Text(indent).append_text(part) for part in more)]
    for part in parts:
        part.rstrip()
    return parts

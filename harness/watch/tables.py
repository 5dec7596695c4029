"""Tables that fit the width there is: whole columns are left out, never the end of a word."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

_BAR = (8, 20)
"""Columns that a progress bar has at least and at most."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its heading and a cell for each row.

    `rank` says how soon it is left out where there is too little room: the highest first, 0 never.
    `least` is the width that it has in any case, so that tables don't jump when numbers grow.
    """

    heading: str
    cells: Sequence[str | Text | tuple[int, int]]
    right: bool = False
    rank: int = 0
    least: int = 0

    @property
    def is_bar(self) -> bool:
        """Whether its cells are pairs, done and total, that are shown as bars."""
        return any(isinstance(cell, tuple) for cell in self.cells)

    @property
    def width(self) -> int:
        """What its widest cell needs; a bar can do with less than it would like."""
        if self.is_bar:
            return max(_BAR[0], len(self.heading))
        cells = (cell if isinstance(cell, str) else str(cell) for cell in self.cells)
        return max(self.least, cell_len(self.heading), *map(cell_len, cells), 0)


def fitting(columns: Sequence[Column], width: int) -> Table:
    """A table of the columns for which there is room; a bar takes what they leave."""
    kept = list(columns)
    while (free := width - _needed(kept, 1)) < 0 and (rank := max(one.rank for one in kept)):
        kept = [one for one in kept if one.rank < rank]
    bars = sum(one.is_bar for one in kept)
    bar = min(_BAR[1], _BAR[0] + max(0, free) // max(1, bars))
    wanted = _needed(kept, 2) + bars * (_BAR[1] - _BAR[0])
    table = Table(box=None, padding=(0, 2 if wanted <= width else 1, 0, 0), pad_edge=False)
    for one in kept:
        table.add_column(
            one.heading,
            justify="right" if one.right else "left",
            width=bar if one.is_bar else one.width,
            no_wrap=True,
        )
    for row in zip(*(one.cells for one in kept), strict=True):
        table.add_row(*(_shown(cell, bar) for cell in row))
    return table


def _needed(columns: Sequence[Column], gap: int) -> int:
    return sum(one.width for one in columns) + gap * (len(columns) - 1)


def _shown(cell: str | Text | tuple[int, int], bar: int) -> str | Text | ProgressBar:
    if isinstance(cell, tuple):
        done, total = cell
        return ProgressBar(total=total, completed=done, width=bar)
    return cell

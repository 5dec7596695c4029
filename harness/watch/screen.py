"""What a running swarm looks like on a terminal, for the size that it has.

From the top: how far all are together, a row for each peer, the last diagnostics, who trades with
whom, and what its letters mean. What there is no room for is left out from the bottom.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from harness.options import format_bytes
from harness.watch.board import Board, PeerView
from harness.watch.tables import Column, fitting

LEGEND = (
    ("D", "downloads from it"),
    ("d", "wants to download, but is choked"),
    ("K", "is unchoked by it, but not interested"),
    ("U", "uploads to it"),
    ("u", "chokes it, though it is interested"),
    ("?", "unchokes it, but it isn't interested"),
    ("O", "its optimistically unchoked neighbor"),
    ("I", "incoming connection: the other one dialed"),
)
"""The letters of the pair table: the row's peer towards the column's."""
_SAID = 3
"""Diagnostics that the screen shows."""
_NUMBER = 10
"""Columns of a number of bytes: `1023.9 KiB`."""


def screen(board: Board, said: Sequence[str], width: int, height: int) -> Group:
    """All that fits into so many columns and rows; `said` are the diagnostics so far."""
    parts: list[RenderableType] = [Text(title(board.summary(), width), style="bold", no_wrap=True)]
    views, left_out = chosen(list(board.peers.values()), height - 2)
    parts.append(progress_table(views, width))
    if left_out:
        parts.append(Text(left_out, style="dim"))
    free = height - 2 - len(views) - bool(left_out)
    told = [line for text in said[-_SAID:] for line in wrapped(text, width)]
    told = told[-max(0, min(free, _SAID)) :] if free > 0 else []
    parts += [Text(line, style="yellow", no_wrap=True) for line in told]
    free -= len(told)
    pairs = pair_table(board)
    if len(board.peers) + 1 <= free and pair_width(board) <= width:
        parts.append(pairs)
        free -= len(board.peers) + 1
        letters = legend(width)
        if len(letters) <= free:
            parts += [Text(line, style="dim", no_wrap=True) for line in letters]
    return Group(*parts)


def title(segments: Sequence[str], width: int) -> str:
    """As many of the segments in one line as there is room for, the first in any case."""
    text, *more = segments
    for segment in more:
        if len(text) + 3 + len(segment) > width:
            break
        text += f"   {segment}"
    return text


def chosen(views: list[PeerView], rows: int) -> tuple[list[PeerView], str]:
    """The peers that are shown in so many rows, and a line on those that aren't: done ones go first."""
    if len(views) <= rows:
        return views, ""
    rows = max(1, rows - 1)
    running = [view for view in views if view.exit_status != 0]
    kept = {view.peer_id for view in [*running, *(v for v in views if v.exit_status == 0)][:rows]}
    done = sum(view.exit_status == 0 for view in views if view.peer_id not in kept)
    text = f"and {len(views) - len(kept)} more peers, {done} of them done"
    return [view for view in views if view.peer_id in kept], text


def progress_table(views: Sequence[PeerView], width: int) -> Table:
    """How far each peer is, and how fast."""
    held = [(view.held, view.pieces) for view in views]
    sums = [(view.status.up, view.status.down) if view.status else (0, 0) for view in views]
    states = [Text(view.state, style="red" if view.exit_status else "") for view in views]
    most = max((len(f"{of}/{of}") for _, of in held), default=0)
    columns = (
        Column("Peer", [f"{v.peer_id}{' seed' if v.has_file else ''}" for v in views]),
        Column("Progress", held, rank=1),
        Column("Pieces", [f"{n}/{of}" for n, of in held], right=True, least=most),
        _bytes("Up/s", [view.up_rate for view in views], rank=3),
        _bytes("Down/s", [view.down_rate for view in views], rank=2),
        _bytes("Up", [up for up, _ in sums], rank=5),
        _bytes("Down", [down for _, down in sums], rank=5),
        Column("Neighbors", [str(len(v.flags)) for v in views], right=True, rank=4),
        Column("State", states, least=8),
    )
    return fitting(columns, width)


def _bytes(heading: str, values: Sequence[float], rank: int) -> Column:
    cells = [format_bytes(value) for value in values]
    return Column(heading, cells, right=True, rank=rank, least=_NUMBER)


def pair_table(board: Board) -> Table:
    """How each pair stands: the row's peer towards the column's, in BitTorrent's flags."""
    ids = [str(peer_id) for peer_id in board.peers]
    columns = [Column("towards", ids)]
    for other in board.peers:
        cells = [view.flags.get(other, "").center(4) for view in board.peers.values()]
        columns.append(Column(str(other).center(4), cells))
    return fitting(columns, pair_width(board))


def pair_width(board: Board) -> int:
    """The columns that the table of pairs takes."""
    widths = [max(4, len(str(peer_id))) for peer_id in board.peers]
    return max(len("towards"), *widths) + sum(width + 1 for width in widths)


def legend(width: int) -> list[str]:
    """What the letters mean: in as many columns as there is room for."""
    cells = [f"{letter} {meaning}" for letter, meaning in LEGEND]
    for count in (2, 1):
        rows = -(-len(cells) // count)
        columns = [cells[i : i + rows] for i in range(0, len(cells), rows)]
        widths = [max(map(len, column)) for column in columns]
        if sum(widths) + 3 * (count - 1) <= width:
            break
    lines = zip(*columns, strict=True)
    return ["   ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)) for line in lines]


def wrapped(text: str, width: int) -> list[str]:
    """A diagnostic in lines that fit, broken between words."""
    return textwrap.wrap(text, max(1, width), subsequent_indent="  ", break_on_hyphens=False)

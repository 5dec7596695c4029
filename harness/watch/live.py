"""Shows a running swarm: a live table on a terminal, plain lines elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from harness.options import format_bytes
from harness.output import Lines

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from harness.watch.board import Board, PeerView
    from peerio.status import Status

LEGEND = """\
D downloads from it   d wants to, but is choked   K is unchoked, but not interested
U uploads to it       u chokes it, though it asks   ? unchokes it, but it isn't interested
O its optimistic choice   I the other one dialled"""
_PLAIN_EVERY = 2.0
"""Seconds between two rounds of plain lines."""


def make_console() -> Console:
    """Where tables go: as wide as the terminal, and wide enough for any table elsewhere."""
    console = Console(highlight=False, markup=False)
    if not console.is_terminal:
        console.width = 160
    return console


def make_display(board: Board, console: Console, *, plain: bool) -> LiveDisplay | PlainDisplay:
    """A live table on a terminal, unless plain lines are asked for."""
    in_place = console.is_terminal and not plain
    return LiveDisplay(board, console) if in_place else PlainDisplay(board)


class Display:
    """Keeps a board up to date and shows it; the `Observer` of a launcher, while entered."""

    def __init__(self, board: Board) -> None:
        self._board = board

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Nothing to put back."""

    def on_start(self, peer_id: int, pid: int) -> None:
        """A peer's process runs; it is shown as starting from the first."""

    def on_status(self, status: Status) -> None:
        """A peer told how it stands."""
        self._board.on_status(status)

    def on_end(self, peer_id: int, exit_status: int) -> None:
        """A peer's process is gone."""
        self._board.on_end(peer_id, exit_status)


class LiveDisplay(Display):
    """A table that is drawn anew at each tick, with diagnostics above it."""

    def __init__(self, board: Board, console: Console) -> None:
        super().__init__(board)
        self._console = console
        self._live = Live(self._table(), console=console, auto_refresh=False, transient=True)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Take the table away, for the result comes in its place, and give the cursor back."""
        self._live.stop()

    def on_diagnostic(self, line: str) -> None:
        """A line above the table."""
        self._console.print(Text(line, style="yellow"))

    def on_tick(self) -> None:
        """Draw the table."""
        self._live.update(self._table(), refresh=True)

    def _table(self) -> Group:
        title = Text(f"{self._board.elapsed():.1f} s", style="bold")
        tables = progress_table(self._board), pair_table(self._board)
        return Group(title, *tables, Text(LEGEND, style="dim"))


class PlainDisplay(Display):
    """One line per peer that isn't done, every two seconds; whoever doesn't read them stops nothing."""

    def __init__(self, board: Board) -> None:
        super().__init__(board)
        self._next = _PLAIN_EVERY
        self._lines = Lines()

    def __enter__(self) -> Self:
        self._lines.open()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Print what waits."""
        self._lines.close()

    def on_end(self, peer_id: int, exit_status: int) -> None:
        """Say so, in the peer's last line."""
        super().on_end(peer_id, exit_status)
        self._print(self._board.peers[peer_id])

    def on_diagnostic(self, line: str) -> None:
        """A line of its own."""
        self._lines.put(line)

    def on_tick(self) -> None:
        """A round of lines when it is time for one."""
        if self._board.elapsed() < self._next:
            return
        self._next += _PLAIN_EVERY
        for view in self._board.peers.values():
            if view.exit_status is None:
                self._print(view)

    def _print(self, view: PeerView) -> None:
        self._lines.put(f"{self._board.elapsed():6.1f} s  {plain_line(view)}")


def plain_line(view: PeerView) -> str:
    """A peer in one line."""
    pieces = view.status.pieces if view.status else 0
    flags = ", ".join(f"{neighbor} {text or '-'}" for neighbor, text in sorted(view.flags.items()))
    return (
        f"peer {view.peer_id}: {view.state}, {pieces}/{view.pieces} pieces, "
        f"up {format_bytes(view.up_rate)}/s, down {format_bytes(view.down_rate)}/s"
        + (f", {view.left:.0f} s left" if view.left is not None else "")
        + (f", neighbors {flags}" if flags else "")
    )


def progress_table(board: Board) -> Table:
    """How far each peer is, and how fast."""
    table = Table(box=None, padding=(0, 1))
    table.add_column("Peer")
    table.add_column("Progress", width=20)
    for heading in ("Pieces", "Left", "Up/s", "Down/s", "Up", "Down", "Neighbors"):
        table.add_column(heading, justify="right")
    table.add_column("State")
    for view in board.peers.values():
        status = view.status
        pieces = status.pieces if status else 0
        table.add_row(
            f"{view.peer_id}{' seed' if view.has_file else ''}",
            ProgressBar(total=view.pieces, completed=pieces, width=20),
            f"{pieces}/{view.pieces}",
            "" if view.left is None else f"{view.left:.0f} s",
            format_bytes(view.up_rate),
            format_bytes(view.down_rate),
            format_bytes(status.up if status else 0),
            format_bytes(status.down if status else 0),
            str(len(view.flags)),
            Text(view.state, style="red" if view.exit_status else ""),
        )
    return table


def pair_table(board: Board) -> Table:
    """How each pair stands: the row's peer towards the column's, in BitTorrent's flags."""
    table = Table(box=None, padding=(0, 1))
    table.add_column("towards")
    for neighbor in board.peers:
        table.add_column(str(neighbor), justify="center")
    for view in board.peers.values():
        table.add_row(str(view.peer_id), *(view.flags.get(other, "") for other in board.peers))
    return table

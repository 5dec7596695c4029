"""Shows a running swarm: a live table on a terminal, plain lines elsewhere."""

from __future__ import annotations

from collections import deque
from contextlib import ExitStack, suppress
from io import UnsupportedOperation
from typing import Self

from rich.console import Console

from harness.options import format_bytes
from harness.output import Lines
from harness.watch.board import Board, PeerView
from harness.watch.console import can_redraw, say
from harness.watch.pausing import pausing
from harness.watch.screen import screen
from peerio.status import Status

_PLAIN_EVERY = 2.0
"""Seconds between two rounds of plain lines."""
_KEPT = 200
"""Diagnostics that are printed once more when the live table is gone."""


def make_display(board: Board, console: Console, *, plain: bool) -> LiveDisplay | PlainDisplay:
    """A live table on a terminal, unless plain lines are asked for."""
    in_place = can_redraw(console) and not plain
    return LiveDisplay(board, console) if in_place else PlainDisplay(board)


class Display:
    """Keeps a board up to date and shows it; the `Observer` of a launcher, while entered."""

    def __init__(self, board: Board) -> None:
        self._board = board

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
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
    """A table on the terminal's second screen, drawn again at each tick.

    There nothing is scrolled or wrapped again when the window changes, so nothing stale stays; when the
    swarm has ended, the first screen is back as it was, and the diagnostics are printed there. So it is
    while the command is stopped by Ctrl-Z.
    """

    def __init__(self, board: Board, console: Console) -> None:
        super().__init__(board)
        self._console = console
        self._said: deque[str] = deque(maxlen=_KEPT)
        self._count = 0
        self._pausing = ExitStack()

    def __enter__(self) -> Self:
        with suppress(UnsupportedOperation):  # no file of the system
            self._pausing.enter_context(pausing(self._console.file.fileno()))
        self._console.set_alt_screen(enable=True)
        self._console.show_cursor(show=False)
        self.on_tick()
        return self

    def __exit__(self, *_error: object) -> None:
        """Take the table away, for the result comes in its place, and give the cursor back."""
        self._pausing.close()
        self._write("\x1b[H\x1b[2J")
        self._console.set_alt_screen(enable=False)
        self._console.show_cursor(show=True)
        if left_out := self._count - len(self._said):
            kept = "each peer's are kept in peer_ID.stderr, beside its log"
            say(self._console, f"{left_out} earlier lines aren't shown here; {kept}")
        for line in self._said:
            say(self._console, line, style="yellow")

    def on_diagnostic(self, line: str) -> None:
        """A line below the table, until newer ones come."""
        self._said.append(line)
        self._count += 1

    def on_tick(self) -> None:
        """Draw everything for the size that the terminal has now."""
        width, height = self._console.size
        with self._console.capture() as drawn:
            self._console.print(screen(self._board, list(self._said), width, height))
        rows = drawn.get().splitlines()[:height]
        # Each row is erased behind its end and not filled with blanks, which would be wrapped if the
        # window got narrower just now.
        self._write("\x1b[H" + "\x1b[K\r\n".join(rows) + "\x1b[K\x1b[J")

    def _write(self, text: str) -> None:
        self._console.file.write(text)
        self._console.file.flush()


class PlainDisplay(Display):
    """One line for all and one for each peer that isn't done, every two seconds, for files and pipes.

    A reader that doesn't read them stops nothing.
    """

    def __init__(self, board: Board) -> None:
        super().__init__(board)
        self._next = _PLAIN_EVERY
        self._lines = Lines()

    def __enter__(self) -> Self:
        self._lines.open()
        return self

    def __exit__(self, *_error: object) -> None:
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
        summary = ", ".join(self._board.summary()[1:])
        self._lines.put(f"{self._board.elapsed():6.1f} s  all: {summary}")
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

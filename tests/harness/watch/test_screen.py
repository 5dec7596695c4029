"""Screens of a running swarm in terminals of different sizes, and what stands in them."""

from __future__ import annotations

import io

import pytest
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from core.config import PeerInfo, SwarmConfig
from harness.local.copies import Copy
from harness.local.result import Result
from harness.watch.board import Board, format_seconds
from harness.watch.console import broken, say
from harness.watch.screen import screen
from peerio.status import Status

SIZES = [(60, 24), (80, 24), (120, 24)]


class Clock:
    now = 0.0


def board_of(peers: int, clock: Clock) -> Board:
    """A board of a swarm in the middle of its work: 1001 has the file, every peer as much as its number."""
    infos = tuple(PeerInfo(1001 + n, "localhost", 6001 + n, n == 0) for n in range(peers))
    board = Board(SwarmConfig(2, 1, 2, "file", 306 << 10, 1 << 10, infos), lambda: clock.now)
    for clock.now in (1.0, 2.0):
        for number, info in enumerate(infos):
            others = {other.peer_id: "DUOI" for other in infos if other is not info}
            pieces = 306 if number == 0 else int(10 * clock.now) + number
            moved = int(clock.now * 1000 * 1024)
            board.on_status(
                Status(info.peer_id, "running", pieces, 306, moved, moved, 0, neighbors=others)
            )
    return board


def drawn(board: Board, width: int, height: int, said: tuple[str, ...] = ()) -> list[str]:
    """The rows of a screen, without colors."""
    output = io.StringIO()
    console = Console(file=output, width=width, height=height, no_color=True, _environ={})
    console.print(screen(board, said, width, height))
    return [line.rstrip() for line in output.getvalue().splitlines()]


@pytest.mark.parametrize(("width", "height"), [*SIZES, (50, 10), (200, 60)])
@pytest.mark.parametrize("peers", [2, 6, 10, 20, 60])
def test_screens_fit(peers: int, width: int, height: int) -> None:
    """In no size a row is too long, there are no more rows than the terminal has, and nothing is cut off."""
    said = (
        "peer 1003: a neighbor that accepts no data for 25 s is disconnected, which is a long line",
    )
    for rows in (drawn(board_of(peers, Clock()), width, height, told) for told in ((), said)):
        assert max(map(cell_len, rows)) <= width
        assert len(rows) <= height
        assert not any("…" in row for row in rows)
        assert "Pieces" in rows[1].split()
        assert rows[1].split()[-1] == "State"
        assert all("running" in row for row in rows[2 : 2 + min(peers, height - 3)])


def test_a_whole_screen() -> None:
    """Sixty columns hold the peers, who trades with whom, and the legend."""
    rows = drawn(board_of(3, Clock()), 60, 24)
    assert rows == [
        "2.0 s   43/612 pieces   2.9 MiB/s   about 26 s left   7 %",
        "Peer      Progress     Pieces       Up/s     Down/s State",
        "1001 seed ━━━━━━━━━━━ 306/306 1000.0 KiB 1000.0 KiB running",
        "1002      ╸            21/306 1000.0 KiB 1000.0 KiB running",
        "1003      ╸            22/306 1000.0 KiB 1000.0 KiB running",
        "towards 1001 1002 1003",
        "1001         DUOI DUOI",
        "1002    DUOI      DUOI",
        "1003    DUOI DUOI",
        "D downloads from it",
        "d wants to download, but is choked",
        "K is unchoked by it, but not interested",
        "U uploads to it",
        "u chokes it, though it is interested",
        "? unchokes it, but it isn't interested",
        "O its optimistically unchoked neighbor",
        "I incoming connection: the other one dialed",
    ]


def test_more_peers_than_rows() -> None:
    """Where not all peers have room, the ones that are done go first, and how many are left out is told."""
    board = board_of(30, Clock())
    for peer_id in range(1001, 1006):
        board.on_end(peer_id, 0)
    rows = drawn(board, 80, 24)
    assert len(rows) == 24
    assert [row.split()[0] for row in rows[2:23]] == [str(n) for n in range(1006, 1027)]
    assert rows[23] == "and 9 more peers, 5 of them done"


def test_the_time_left() -> None:
    """The time left follows from the pieces of the last ten seconds; where none came, that is told."""
    clock = Clock()
    board = board_of(2, clock)
    assert board.forecast() == "about 27 s left"
    clock.now = 15.0
    assert board.forecast() == "no piece for 13 s"
    board.on_status(Status(1002, "running", 306, 306, 0, 0, 0))
    assert board.forecast() == "all are complete"
    assert [format_seconds(s) for s in (0.2, 99, 100, 5000, 9000)] == [
        "1 s",
        "99 s",
        "2 min",
        "83 min",
        "2.5 h",
    ]


@pytest.mark.parametrize("width", [60, 80, 120])
def test_the_result_fits(width: int, tmp_path: object) -> None:
    """The table after the end cuts no heading and no cell either, and keeps status, pieces and checksum."""
    board = board_of(3, Clock())
    for peer_id in board.peers:
        board.on_end(peer_id, 0)
    copies = {n: Copy(None, "ab" * 32, None, identical=n < 1003) for n in board.peers}  # type: ignore[arg-type]
    output = io.StringIO()
    table = Result(None, 1, board.peers, copies, 0).table(width)  # type: ignore[arg-type]
    Console(file=output, width=width, no_color=True).print(table)
    rows = output.getvalue().splitlines()
    assert max(map(len, rows)) <= width
    assert len(rows) == 4
    assert {"Peer", "Status", "Pieces", "SHA-256"} <= set(rows[0].split())
    assert rows[3].rstrip().endswith("abababababababab… differs")


def test_lines_are_broken_between_words() -> None:
    """A terminal's lines are cut between words, and a word that is too long stays whole."""
    line = Text("  one two threethreethree four")
    assert [part.plain for part in broken(line, 12)] == [
        "  one two",
        "    threethreethree",
        "    four",
    ]
    assert [part.plain for part in broken(Text(""), 12)] == [""]


def test_lines_elsewhere_stay_whole() -> None:
    """A file or a pipe gets each line as one, however long."""
    output = io.StringIO()
    say(Console(file=output, width=20), "word " * 30 + "end\nsecond")
    assert output.getvalue() == "word " * 30 + "end\nsecond\n"

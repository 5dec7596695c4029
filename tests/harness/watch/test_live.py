"""What is shown of a running swarm."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import pytest
from rich.console import Console

from core.config import PeerInfo, SwarmConfig
from harness.records import read_status
from harness.watch import live
from harness.watch.board import Board
from peerio.status import Status

if TYPE_CHECKING:
    from rich.table import Table

PEERS = (PeerInfo(1001, "localhost", 6001, True), PeerInfo(1002, "localhost", 6002, False))
CONFIG = SwarmConfig(2, 1, 2, "file", 400, 100, PEERS)


class Clock:
    now = 100.0


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def board(clock: Clock) -> Board:
    return Board(CONFIG, lambda: clock.now)


def status(peer: int, pieces: int, **changes: Any) -> Status:
    values: dict[str, Any] = {"state": "running", "up": 0, "down": 0, "messages": 0, **changes}
    return Status(peer=peer, pieces=pieces, of=4, **values)


def text_of(table: Table) -> str:
    shown = io.StringIO()
    Console(file=shown, width=140, markup=False).print(table)
    return shown.getvalue()


def test_rates_are_of_the_last_second(board: Board, clock: Clock) -> None:
    """A rate is what came within the last second or so, not the mean since the start."""
    for now, down in ((100.0, 0), (110.0, 1000), (110.5, 1500), (111.0, 2000), (111.5, 2500)):
        clock.now = now
        board.on_status(status(1002, 1, down=down))
    assert board.peers[1002].down_rate == pytest.approx(1000.0)


def test_times_count_from_the_start(board: Board, clock: Clock) -> None:
    """When a peer was complete and when its process was gone is told in seconds since the start."""
    clock.now = 103.0
    board.on_status(status(1002, 4))
    clock.now = 104.0
    board.on_status(status(1002, 4, state="ending"))
    board.on_end(1002, 0)
    view = board.peers[1002]
    assert (view.completed_at, view.ended_at) == (3.0, 4.0)


def test_states_in_words(board: Board) -> None:
    """A peer is starting until it tells its state, and done or failed when its process is gone."""
    view = board.peers[1002]
    assert view.state == "starting"
    board.on_status(status(1002, 1, neighbors={1001: "D"}))
    assert (view.state, view.flags) == ("running", {1001: "D"})
    board.on_end(1002, 4)
    assert (view.state, view.flags) == ("ended with 4", {})
    board.on_end(1001, 0)
    assert board.peers[1001].state == "done"


def test_progress_table(board: Board) -> None:
    """The table shows each peer's pieces, bytes, neighbors and state."""
    board.on_status(status(1002, 3, down=1536, neighbors={1001: "DI"}))
    rows = text_of(live.progress_table(board)).splitlines()
    assert rows[1].split()[:2] == ["1001", "seed"]
    assert "0/4" in rows[1]
    for text in ("1002", "3/4", "1.5 KiB", " 1 ", "running"):
        assert text in rows[2]


def test_pair_table(board: Board) -> None:
    """Each pair stands in it twice, once from either side, in BitTorrent's flags."""
    board.on_status(status(1001, 4, neighbors={1002: "uOI"}))
    board.on_status(status(1002, 3, neighbors={1001: "d"}))
    rows = [line.split() for line in text_of(live.pair_table(board)).splitlines()]
    assert rows == [["towards", "1001", "1002"], ["1001", "uOI"], ["1002", "d"]]


def test_every_flag_is_explained() -> None:
    """The legend names each of the flags."""
    words = live.LEGEND.split()
    assert all(flag in words for flag in "DdUuK?OI")


def test_live_display_on_a_terminal(board: Board) -> None:
    """On a terminal diagnostics stand above the table, which is gone when the swarm has ended."""
    output = io.StringIO()
    console = Console(file=output, force_terminal=True, width=140, markup=False)
    with live.LiveDisplay(board, console) as display:
        display.on_start(1001, 1)
        display.on_status(status(1002, 3))
        display.on_tick()
        display.on_diagnostic("peer 1002: [a] warning")
        display.on_end(1002, 0)
    shown = output.getvalue()
    assert "peer 1002: [a] warning" in shown
    assert "3/4" in shown
    assert shown.rindex("\x1b[?25h") > shown.rindex("\x1b[?25l")  # the cursor is back


def test_plain_lines(board: Board, clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    """Elsewhere a line per running peer comes every two seconds, and one at each end."""
    with live.PlainDisplay(board) as display:
        display.on_status(status(1002, 3, neighbors={1001: "DI"}))
        clock.now = 101.0
        display.on_tick()
        assert capsys.readouterr().out == ""
        clock.now = 102.5
        display.on_tick()
        display.on_tick()
        first, second = capsys.readouterr().out.splitlines()
        assert first.startswith("   2.5 s  peer 1001: starting, 0/4 pieces")
        assert second == (
            "   2.5 s  peer 1002: running, 3/4 pieces, up 0 B/s, down 0 B/s, neighbors 1001 DI"
        )
        display.on_diagnostic("peer 1002: a warning")
        display.on_end(1002, 3)
        assert capsys.readouterr().out.splitlines() == [
            "peer 1002: a warning",
            "   2.5 s  peer 1002: ended with 3, 3/4 pieces, up 0 B/s, down 0 B/s",
        ]


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"[]",
        b"3",
        b"{}",
        b'{"peer": 1}',
        b"\xff",
        b'{"neighbors": {"x": "D"}}',
        b'{"neighbors": 3}',
    ],
)
def test_what_is_no_status(line: bytes) -> None:
    """A line that isn't a status is a ValueError, whatever it is."""
    with pytest.raises(ValueError):
        read_status(line)

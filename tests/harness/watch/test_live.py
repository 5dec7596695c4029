"""What is shown of a running swarm."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console

from core.config import PeerInfo, SwarmConfig
from harness.records import read_status
from harness.watch import live
from harness.watch.board import Board
from harness.watch.screen import LEGEND
from peerio.status import Status

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


def test_every_flag_is_explained() -> None:
    """The legend names each of the flags."""
    assert {letter for letter, _ in LEGEND} == set("DdUuK?OI")


def test_live_display_on_a_terminal(board: Board) -> None:
    """On a terminal the table has a screen of its own; when the swarm has ended, that is gone, the cursor
    is back, and the diagnostics are printed.
    """
    output = io.StringIO()
    console = Console(file=output, force_terminal=True, width=140, height=24, markup=False)
    with live.LiveDisplay(board, console) as display:
        display.on_start(1001, 1)
        display.on_status(status(1002, 3))
        display.on_tick()
        display.on_diagnostic("peer 1002: [a] warning")
        display.on_end(1002, 0)
    drawn, after = output.getvalue().split("\x1b[?1049l")
    assert drawn.startswith("\x1b[?1049h")
    assert "3/4" in drawn
    assert after.startswith("\x1b[?25h")
    assert "peer 1002: [a] warning" in after
    assert "3/4" not in after


def test_diagnostics_that_are_many(board: Board) -> None:
    """After the live table the latest diagnostics are printed, and how many came before them."""
    output = io.StringIO()
    console = Console(file=output, force_terminal=True, width=140, height=24, markup=False)
    with live.LiveDisplay(board, console) as display:
        for number in range(300):
            display.on_diagnostic(f"warning {number}")
    after = output.getvalue().split("\x1b[?1049l")[1]
    assert "100 earlier lines aren't shown here" in after
    assert "warning 99\x1b" not in after
    assert "warning 100\x1b" in after


@pytest.mark.parametrize(("terminal", "kind"), [("dumb", "PlainDisplay"), ("xterm", "LiveDisplay")])
def test_a_terminal_that_cannot_redraw(
    board: Board, monkeypatch: pytest.MonkeyPatch, terminal: str, kind: str
) -> None:
    """Where TERM is dumb there are plain lines."""
    monkeypatch.setenv("TERM", terminal)
    console = Console(file=io.StringIO(), force_terminal=True)
    assert type(live.make_display(board, console, plain=False)).__name__ == kind


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
        everybody, first, second = capsys.readouterr().out.splitlines()
        assert everybody == "   2.5 s  all: 3/4 pieces, 0 B/s, about 1 s left, 75 %"
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

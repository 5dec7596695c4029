"""A log that lost its beginning is told from one that is whole, and what it shows is still judged."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.kit.verifier.judging import Run, fired, good_run, judge
from verifier.findings import Severity
from verifier.reading.beginnings import begins_torn

if TYPE_CHECKING:
    from pathlib import Path

TIMES = (
    "2026-11-22T10:00:0{}.123456",
    "[2026-11-22 10:00:0{}]",
    "22/11/2026 10:00:0{}",
    "[Sun Nov 22 10:00:0{} CET 2026]",
    "INFO 10:00:0{}",
    "179534640{}.25",
)
LINES = (
    "{}: Peer 1001 is connected from Peer 1002.",
    "{}: Peer 1001 received the 'have' message from 1002 for the piece 7.",
    "{}: Peer 1001 has the preferred neighbors 1002.",
    "{}: Peer 1001 received the 'have' message from 1002 for the piece 12.",
)


@pytest.mark.parametrize("time", TIMES)
def test_a_torn_first_line_is_recognised(time: str) -> None:
    """Whatever the form of its times, a log whose first line lost its beginning is told from a whole one."""
    lines = [line.format(time.format(second)) + "\n" for second, line in enumerate(LINES)]
    assert not begins_torn("".join(lines).encode())
    assert not begins_torn("".join(["Logger of peer 1001 started\n", *lines]).encode())
    for cut in range(3, len(lines[1]) - 2):
        torn = lines[1][cut:]
        # Two digits of a year less make no other time.
        if not torn.startswith("26-11-22"):
            assert begins_torn("".join([torn, *lines[2:]]).encode()), torn


def test_unpadded_times_are_whole() -> None:
    """A first number with fewer digits than the next lines' is no torn one if its time is near theirs."""
    lines = [f"{time}: Peer 1001 is choked by 1002.\n" for time in ("9:59:59", "10:00:00")]
    assert not begins_torn("".join(lines).encode())
    lines = [f"{time}: Peer 1001 is choked by 1002.\n" for time in ("0:00:01", "20:00:01")]
    assert begins_torn("".join(lines).encode())


def _headless(lines: int) -> Run:
    """A good run whose third log lost its first lines."""
    run = good_run()
    del run.log(1003)[:lines]
    return run


@pytest.mark.parametrize("lines", [4, 9, 30, 120])
def test_the_log_is_named(lines: int, tmp_path: Path) -> None:
    """What can't be known for want of a log's beginning is undecided, and the reason names that log."""
    verdict = judge(_headless(lines).write(tmp_path), lenient=True)
    reasons = {reason for one in verdict.results for reason in one.tally.reasons}
    assert not fired(verdict)
    assert any(reason.startswith("log_peer_1003.log may have lost") for reason in reasons)


def test_a_whole_log_lost_nothing(tmp_path: Path) -> None:
    """A good run's logs are called whole, and so is one that doesn't log a connection with one peer."""
    run = good_run()
    assert not any(life.lost_start for life in judge(run.write(tmp_path), lenient=True).case.lives)
    del run.log(1003)[run.find(1003, "connected from Peer 1005")]
    verdict = judge(run.write(tmp_path), lenient=True)
    assert not any(life.lost_start for life in verdict.case.lives)
    assert {"C02", "C04"} <= fired(verdict)


def test_what_stands_below_is_judged(tmp_path: Path) -> None:
    """In a log that lost its beginning a piece that comes twice, and a have that is missing between two
    others, are errors as ever.
    """
    run = _headless(120)
    lines = run.log(1003)
    lines.insert(run.find(1003, "has downloaded the piece", 3), lines[run.find(1003, "downloaded")])
    del lines[run.find(1003, "'have' message from 1002", 20)]
    assert {"D02", "H01"} <= fired(judge(run.write(tmp_path), lenient=True), Severity.ERROR)

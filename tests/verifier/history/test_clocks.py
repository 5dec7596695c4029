"""Clocks that differ, lack fractions or are stepped change no verdict but the clock's own."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from tests.kit.verifier.judging import Run, fired, good_run, judge


def restamp(run: Run, peer: int, change: Callable[[datetime, int], str]) -> None:
    """Rewrite each time of a log; `change` gets the time and the line's number."""
    lines = run.log(peer)
    for place, line in enumerate(lines):
        stamp, text = line.split(": ", 1)
        lines[place] = f"{change(datetime.fromisoformat(stamp), place)}: {text}"


def broken() -> Run:
    """A run with a fault that doesn't depend on clocks."""
    run = good_run()
    del run.log(1003)[run.find(1003, "'have' message from 1004", 3)]
    return run


Change = Callable[[datetime, int], str]
CHANGES: dict[str, Callable[[int], Change]] = {
    "minutes apart": lambda peer: lambda when, _: (when + timedelta(minutes=7 * (peer - 1002))).isoformat(),
    "other zones": lambda peer: lambda when, _: when.astimezone(timezone(timedelta(hours=peer - 1003))).isoformat(),
    "zones not written": lambda peer: lambda when, _: when.astimezone(timezone(timedelta(hours=peer - 1003))).replace(tzinfo=None).isoformat(),
    "whole seconds": lambda _: lambda when, _: when.isoformat(timespec="seconds"),
    "brackets": lambda _: lambda when, _: f"[{when:%Y-%m-%d %H:%M:%S}]",
}  # fmt: skip


@pytest.mark.parametrize("name", CHANGES)
def test_clocks_apart(name: str, tmp_path: Path) -> None:
    """Shifted clocks, zones and whole seconds leave the verdict as it is (invariants 1.1)."""
    for number, run in enumerate((good_run(), broken())):
        plain = fired(judge(run.write(tmp_path / f"{number}")))
        for peer in range(1001, 1006):
            restamp(run, peer, CHANGES[name](peer))
        assert fired(judge(run.write(tmp_path / f"{number} changed"))) == plain


@pytest.mark.parametrize("seconds", [-90, 90, 7200, -7200])
@pytest.mark.parametrize("peer", [1001, 1003, 1005])
def test_stepped_clock(peer: int, seconds: int, tmp_path: Path) -> None:
    """A clock stepped in the middle of a run adds the clock findings alone."""
    for number, run in enumerate((good_run(), broken())):
        plain = fired(judge(run.write(tmp_path / f"{number}")))
        middle = len(run.log(peer)) // 2

        def stepped(when: datetime, place: int, middle: int = middle) -> str:
            return (when + timedelta(seconds=seconds * (place >= middle))).isoformat()

        restamp(run, peer, stepped)
        found = fired(judge(run.write(tmp_path / f"{number} stepped")))
        assert plain < found <= plain | {"F05", "G03"}


def test_offsets_are_found(tmp_path: Path) -> None:
    """The interval of a clock's offset holds the true one and is narrow (invariants 3)."""
    run = good_run()
    restamp(run, 1003, lambda when, _: (when + timedelta(seconds=100)).isoformat())
    verdict = judge(run.write(tmp_path))
    least, most = verdict.case.clocks.interval(0, 2)
    assert least <= 100 <= most
    assert most - least < 2


def test_epoch_and_no_times(tmp_path: Path) -> None:
    """Seconds since the epoch are times, too; without any time the checks that need none still decide."""
    run = broken()
    plain = fired(judge(run.write(tmp_path / "plain")))
    for peer in range(1001, 1006):
        restamp(run, peer, lambda when, _: f"{when.timestamp():.6f}")
    assert plain <= fired(judge(run.write(tmp_path / "epoch")))
    for peer in range(1001, 1006):
        lines = run.log(peer)
        lines[:] = [re.sub(r"^\S+: ", "", line) for line in lines]
    assert plain <= fired(judge(run.write(tmp_path / "none"))) | {"F02"}

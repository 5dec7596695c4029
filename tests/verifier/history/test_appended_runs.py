"""Runs that were appended to one file are judged as each of them is by itself."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tests.kit.verifier.simulator import Shape, Swarm
from verifier.api import verify
from verifier.findings import Severity
from verifier.judge import Options

if TYPE_CHECKING:
    from pathlib import Path

    from verifier.judge import Verdict

    Logs = dict[str, list[str]]

BEGIN = datetime.fromisoformat("2026-11-22T10:00:00+00:00")
CONFIGS = ("Common.cfg", "PeerInfo.cfg")


def _moment(line: str) -> datetime:
    return datetime.fromisoformat(line.split(": ", 1)[0])


def _run(rng: random.Random, shape: Shape, folder: Path, seed: int) -> Logs | None:
    """The logs of one simulated run, maybe with a peer that comes late or not at all, a connection that
    is cut, or stopped in the middle; its files are written into the folder.
    """
    kind = rng.choice(["plain", "late", "cut", "stopped", "absent"])
    absent = kind == "absent"
    now = replace(shape, leechers=shape.leechers - absent)
    ids = [1001 + number for number in range(now.seeds + now.leechers)]
    if kind == "late":
        now.late = {ids[-1]: rng.uniform(2, 30)}
    elif kind == "cut":
        one, other = rng.sample(ids, 2)
        now.cuts = [(rng.uniform(0.5, 4), one, other)]
    swarm = Swarm(now, seed).run(150)
    swarm.write(folder)
    logs = {path.name: path.read_text().splitlines() for path in folder.glob("log_peer_*")}
    if kind == "stopped":
        last = max(_moment(lines[0]) for lines in logs.values()) + timedelta(seconds=3)
        logs = {
            name: [line for line in lines if _moment(line) <= last] for name, lines in logs.items()
        }
    if absent:
        with (folder / "PeerInfo.cfg").open("a") as file:
            file.write(f"{ids[-1] + 1} localhost 7000 0\n")
    return logs if swarm.finished else None


def told(verdict: Verdict) -> set[tuple[str, tuple[int, ...]]]:
    """The findings, by check; what F01 and F08 say of the files isn't of the run, nor how often F02 met what."""
    return {
        (one.check.id, tuple(one.tally.counts))
        for one in verdict.results
        if any(one.tally.counts[1:]) and one.check.id not in {"F01", "F02", "F08"}
    }


@pytest.mark.parametrize("seed", range(10))
def test_each_run_is_judged_as_by_itself(seed: int, tmp_path: Path) -> None:
    """Each of several runs in one file gets the verdict that it gets alone, with and without times."""
    rng = random.Random(seed)
    shape = Shape(
        leechers=rng.randint(2, 4),
        pieces=rng.choice([5, 20]),
        k=rng.randint(1, 3),
        m=2,
        rate=2e4,
        p=1,
    )
    timed, later = rng.random() < 0.7, timedelta()
    folders, together = [], dict[str, list[str]]()
    for number in range(rng.randint(2, 4)):
        folder = tmp_path / str(number)
        folder.mkdir()
        logs = _run(rng, shape, folder, 10 * seed + number)
        if logs is None:
            continue
        ends = []
        for name, lines in logs.items():
            ends += [_moment(line) for line in lines[-1:]]
            parts = [line.split(": ", 1) for line in lines]
            stamps = [datetime.fromisoformat(time) + later for time, _ in parts]
            written = [
                f"{stamp.isoformat(timespec='microseconds')}: {text}" if timed else text
                for stamp, (_, text) in zip(stamps, parts, strict=True)
            ]
            (folder / name).write_text("".join(f"{line}\n" for line in written))
            together.setdefault(name, []).extend(written)
        later += max(ends) - BEGIN + timedelta(seconds=rng.choice([0.5, 3, 20, 90]))
        folders.append(folder)
    for name in CONFIGS:
        (tmp_path / name).write_text(max(((one / name).read_text() for one in folders), key=len))
    (tmp_path / "both").mkdir()
    for name, lines in together.items():
        (tmp_path / "both" / name).write_text("".join(f"{line}\n" for line in lines))
    split = verify([tmp_path / "both"], Options(lenient=True, run="all", config=tmp_path)).verdicts
    alone = [verify([one], Options(lenient=True, config=tmp_path)).verdicts[0] for one in folders]
    assert [told(verdict) for verdict in split] == [told(verdict) for verdict in alone]


@pytest.mark.parametrize("hours", [0.25, 30])
@pytest.mark.parametrize("owner", [1001, 1003])
def test_a_log_of_another_run_among_these_is_told_from_them(
    owner: int, hours: float, tmp_path: Path
) -> None:
    """A peer's log that a later run overwrote is a run of its own: no other log is held against it."""
    shape = Shape(leechers=3, pieces=40, k=2, m=2, p=1, rate=2e4)
    one, two = (Swarm(shape, seed).run().write(tmp_path / str(seed)) for seed in (1, 2))
    name = f"log_peer_{owner}.log"
    lines = [line.split(": ", 1) for line in (two / name).read_text().splitlines()]
    later = timedelta(hours=hours)
    (one / name).write_text(
        "".join(
            f"{(datetime.fromisoformat(time) + later).isoformat(timespec='microseconds')}: {text}\n"
            for time, text in lines
        )
    )
    runs = verify([one], Options(lenient=True, run="all")).verdicts
    assert [[life.file.peer_id for life in run.case.lives] for run in runs] == [
        [peer for peer in (1001, 1002, 1003, 1004) if peer != owner],
        [owner],
    ]
    for run in runs:
        assert not [one.check.id for one in run.results if one.tally.counts[Severity.ERROR]]


def test_a_clock_that_is_hours_ahead_makes_no_other_run(tmp_path: Path) -> None:
    """A log with a wrong clock, whose pieces came over the connections of the others, belongs to them."""
    folder = Swarm(Shape(leechers=3, pieces=40, p=1, rate=2e4), 1).run().write(tmp_path)
    path = folder / "log_peer_1003.log"
    path.write_text(path.read_text().replace("2026-11-22T10:", "2026-11-24T17:"))
    (run,) = verify([folder], Options(lenient=True, run="all")).verdicts
    assert len(run.case.lives) == 4

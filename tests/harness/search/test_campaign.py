"""Campaigns: batches, what is told of failures, and how one goes on after an interrupt."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Collection
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest

from core.exits import ExitStatus
from harness.errors import HarnessError
from harness.search import campaign, judging
from harness.search.campaign import Batch, Judged, Tally, again, batches, run_batch, run_simulations
from harness.search.judging import Options

ROOT = Path(__file__).parents[3]
TINY = Options(swarms=6, random_seed=3, peers=2, pieces=1)


class Here:
    """Workers in this process, so that a test can change what they run."""

    def places(self) -> int:
        return 2

    def state(self) -> str:
        return ""

    def submit(self, work: Callable[[Any], Any], part: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result(work(part))
        return future

    def wait(self, futures: Collection[Future[Any]], seconds: float) -> None:
        """All is done."""

    def close(self) -> None:
        """Nothing is open."""


def last_line(capsys: pytest.CaptureFixture[str]) -> str:
    return capsys.readouterr().out.splitlines()[-1]


def digest(line: str) -> str:
    return line.rpartition("digest ")[2]


@pytest.mark.parametrize("swarms", [1, 2, 7, 1000, 54_321])
@pytest.mark.parametrize("cost", [0.0, 0.001, 0.5, 100.0])
def test_batches_have_each_seed_once(swarms: int, cost: float) -> None:
    """Whatever swarms cost, the batches are all seeds, each once and in order."""
    tally = Tally()
    first = 0
    for batch in batches(Options(swarms=swarms, random_seed=11), tally, lambda: 2):
        assert batch.first == 11 + first
        assert batch.count >= 1
        first += batch.count
        tally.swarms, tally.cpu = first, cost * first
    assert first == swarms


def test_batches_take_about_as_long_as_they_should() -> None:
    """A batch takes about `SPAN` seconds once the cost is known, and less at the end."""
    tally = Tally(swarms=10, cpu=1.0)
    sizes = [one.count for one in batches(Options(swarms=10_000), tally, lambda: 4)]
    assert sizes[0] == 150
    assert sizes[-1] <= 15
    assert sizes == sorted(sizes, reverse=True)


def test_who_runs_them_makes_no_difference(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same seeds give the same steps, failures and digest in processes as in this one; other seeds others."""
    assert run_simulations(TINY) == 0
    in_processes = last_line(capsys)
    monkeypatch.setattr(campaign, "_workers", lambda _options: Here())
    assert run_simulations(TINY) == 0
    here = last_line(capsys)
    assert in_processes.split(", ")[:3] == here.split(", ")[:3]
    assert digest(in_processes) == digest(here)
    assert run_simulations(Options(swarms=6, random_seed=4, peers=2, pieces=1)) == 0
    assert digest(last_line(capsys)) != digest(here)


def test_an_error_of_ours_costs_its_swarm_only(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is raised in a swarm is its problem, with the place that raised it, and the others are judged."""

    def broken(options: Options, seed: int) -> tuple[int, list[str]]:
        if seed % 3 == 0:
            raise ValueError("a bug")
        return judging.simulate(options, seed)

    monkeypatch.setattr(campaign, "simulate", broken)
    monkeypatch.setattr(campaign, "_workers", lambda _options: Here())
    assert run_simulations(TINY) == 1
    out = capsys.readouterr().out
    for seed in (3, 6):
        assert f"seed {seed}: raised ValueError: a bug (test_campaign.py:" in out
    assert "6 swarms, " in out
    assert ", 2 failed, " in out


@pytest.mark.parametrize(
    "options",
    [
        Options(random_seed=17),
        Options(random_seed=17, peers=4, pieces=9, faults=2, trace=True),
        Options(random_seed=17, keep=Path("a folder")),
    ],
)
def test_the_command_runs_the_same_swarm(options: Options) -> None:
    """The command that is told of a failing seed has all options that say what the swarm is like."""
    words = shlex.split(again(options, options.random_seed))
    assert words[:2] == ["invoke", "simulate"]
    assert ("--trace" in words) == options.trace
    words = [word for word in words if word != "--trace"]
    given = dict(zip(words[2::2], words[3::2], strict=True))
    assert given["--random-seed"] == "17"
    assert given.get("--peers") == (None if options.peers is None else str(options.peers))
    assert given["--keep"] == ("seed-17" if options.keep is None else "a folder")


def test_a_batch_that_kills_its_processes_fails(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Seeds whose processes die again and again are told as failed, with how they died, and the others are judged."""
    monkeypatch.setattr(campaign, "FIRST", 2)
    monkeypatch.setattr(campaign, "SPAN", 0.0)

    def deadly(options: Options, batch: Batch) -> Judged:
        if 5 in batch.seeds:
            os.kill(os.getpid(), signal.SIGKILL)
        return run_batch(options, batch)

    monkeypatch.setattr(campaign, "run_batch", deadly)
    assert run_simulations(TINY) == 1
    out = capsys.readouterr().out
    assert "seed 5: 3 processes that ran seeds 5 to 5 died, the last ended by SIGKILL; " in out
    assert ", 1 failed, " in out
    assert ", 2 batches run again, " in out


def test_keep_is_for_here_only() -> None:
    """Logs can't be kept here of swarms that run elsewhere: the message says what to do."""
    with pytest.raises(HarnessError, match="leave out --keep") as caught:
        run_simulations(Options(swarms=2, keep=Path("x"), on="tcp://localhost:1"))
    assert caught.value.status == ExitStatus.USAGE


def test_an_interrupt_says_how_to_go_on() -> None:
    """Ctrl-C ends a campaign with status 130 and one message that says how far it was, and no process stays."""
    program = (
        "import os, signal, sys\n"
        "from harness import program\n"
        "from harness.search import campaign\n"
        "usual = campaign._tell\n"
        "def tell(*given):\n"
        "    usual(*given)\n"
        "    if given[2] == 5:\n"
        "        os.kill(os.getpid(), signal.SIGINT)\n"
        "campaign._tell = tell\n"
        "sys.exit(program.command(sys.argv[1:])())\n"
    )
    words = [
        "simulate",
        "--swarms",
        "100000",
        "--random-seed",
        "2",
        "--peers",
        "2",
        "--pieces",
        "1",
    ]
    done = subprocess.run(
        [sys.executable, "-c", program, *words],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": f"{ROOT}:{ROOT / 'io'}"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 130
    assert done.stderr.splitlines()[-1] == (
        "swarmproof simulate: interrupted: 4 of 100000 swarms are judged, 0 failed; "
        "go on with --random-seed 6 --swarms 99996"
    )
    assert "Traceback" not in done.stderr

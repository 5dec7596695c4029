"""The tasks, and the commands behind them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from invoke.collection import Collection
from invoke.exceptions import Exit

import tasks
from harness import develop as commands
from harness.develop import Cleaning, Thoroughness
from harness.errors import HarnessError
from harness.invoking import finish
from harness.local import runfolder

Started = tuple[list[list[str]], set[str]]
NAMESPACE = Collection.from_module(tasks)


@pytest.mark.parametrize(
    "name", ["swarm", "test", "check", "bench", "clean", "remote.check", "remote.swarm"]
)
def test_every_task_has_help(name: str) -> None:
    """Each task answers --help with a sentence, and each of its options with its meaning."""
    task = NAMESPACE[name]
    assert task.__doc__.strip().endswith(".")
    assert all(argument.help for argument in task.get_arguments())


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Started:
    """Commands that would have been started; those whose name is in `fails` end with 3."""
    calls: list[list[str]] = []
    fails: set[str] = set()

    def run(command: list[str]) -> int:
        calls.append(command)
        return 3 if fails & set(command) else 0

    monkeypatch.setattr(commands, "_run", run)
    return calls, fails


def test_everything_runs_under_this_interpreter(started: Started) -> None:
    """No command is looked up on the path: each is a module of the interpreter that runs this."""
    calls, _fails = started
    assert commands.test(Thoroughness()) == 0
    assert [call[:3] for call in calls] == [
        [sys.executable, "-m", name] for name in ("ruff", "ruff", "mypy", "pytest", "pytest")
    ]


def test_long_runs_are_asked_for(started: Started) -> None:
    """Without --thorough the long runs are left out."""
    calls, _fails = started
    commands.test(Thoroughness())
    commands.test(Thoroughness(thorough=True))
    quick, thorough = (
        [call for call in part if "pytest" in call] for part in (calls[:5], calls[5:])
    )
    assert len(quick) == len(thorough) == 2
    assert not any("--thorough" in call for call in quick)
    assert all("--thorough" in call for call in thorough)


def test_every_test_runs_once(started: Started) -> None:
    """What is run apart, with coverage, is what the other run leaves out."""
    calls, _fails = started
    commands.test(Thoroughness())
    core, rest = calls[3:]
    folders = [word for word in core if word.startswith("tests/")]
    assert "--cov" in core
    assert folders
    assert [word for word in rest if word.startswith("--ignore")] == [
        f"--ignore={folder}" for folder in folders
    ]


def test_first_failure_ends_the_checks(started: Started) -> None:
    """A failed check is the exit status, and nothing runs after it."""
    calls, fails = started
    fails.add("mypy")
    assert commands.test(Thoroughness()) == 3
    assert len(calls) == 3


def test_clean_spares_what_is_not_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Caches go; the virtual environment stays, and the run folders unless they are asked for."""
    monkeypatch.setattr(commands, "ROOT", tmp_path)
    monkeypatch.setattr(commands, "RUNS", tmp_path / "runs")
    for name in ("core/__pycache__", ".venv/lib/__pycache__", ".mypy_cache", "runs/x", "dist"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / ".coverage.host").touch()
    commands.clean(Cleaning())
    left = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")}
    assert left == {"core", ".venv", ".venv/lib", ".venv/lib/__pycache__", "runs", "runs/x"}
    commands.clean(Cleaning(runs=True))
    assert not (tmp_path / "runs").exists()


def test_what_cannot_be_done_is_one_message() -> None:
    """A task ends with the message and the exit status of what it couldn't do."""

    def refuse() -> int:
        raise HarnessError("no", status=2)

    with pytest.raises(Exit) as caught:
        finish(refuse)
    assert (caught.value.message, caught.value.code) == ("no", 2)


def test_interrupted_before_anything_runs() -> None:
    """Ctrl-C while a run is prepared ends with 130."""

    def interrupted() -> int:
        raise KeyboardInterrupt

    with pytest.raises(Exit) as caught:
        finish(interrupted)
    assert caught.value.code == 130


def test_ci_runs_the_tests_in_a_fresh_environment() -> None:
    """`.ci/run` is a bash script that anybody may start, and calls `invoke test`."""
    script = runfolder.ROOT / ".ci" / "run"
    assert script.read_text().startswith("#!/usr/bin/env bash\n")
    assert '/bin/invoke" test' in script.read_text()
    assert script.stat().st_mode & 0o111

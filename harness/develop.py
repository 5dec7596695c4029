"""The checks and tests as commands; each runs under the interpreter that runs this one."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.local.runfolder import ROOT, RUNS
from harness.options import NoOptions, option

_CHECKS = (
    ("ruff", "check", "."),
    ("ruff", "format", "--check", "."),
    ("mypy",),
)
_RULES = "tests/verifier"
_FLOORS = (
    ("core", 95, ("tests/core", "tests/stateful")),
    (
        "verifier",
        85,
        (
            f"{_RULES}/test_histories.py",
            f"{_RULES}/checks/test_catalogue.py",
            f"{_RULES}/checks/test_idle_and_files.py",
            f"{_RULES}/checks/test_wrong_configuration.py",
            f"{_RULES}/history/test_cut_logs.py",
            f"{_RULES}/history/test_missing_log.py",
            f"{_RULES}/reading/test_dialects.py",
            f"{_RULES}/reading/test_runs.py",
            f"{_RULES}/reading/test_times.py",
            f"{_RULES}/report/test_page_data.py",
            f"{_RULES}/report/test_reports.py",
            f"{_RULES}/traces/test_trace_kills_messages.py",
            f"{_RULES}/traces/test_trace_kills_order.py",
        ),
    ),
)
"""Packages whose branches are counted, the least share in percent, and the tests that must reach it.

Those of the core show what it decides and nothing else. Those of the verifier are the quick ones of
each kind: what is counted takes more than twice as long, and the kill matrix takes minutes as it is.
"""
_CACHES = (".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis", "htmlcov", "dist")


def run_module(*command: str) -> int:
    """Run a Python module as a command in the project's folder; its exit status."""
    return _run([sys.executable, "-m", *command])


@dataclass(frozen=True, slots=True)
class Thoroughness:
    """What is tested."""

    thorough: bool = option(
        "Also the long runs: many swarms in a row, a full disk, hours of fake time.", default=False
    )


@dataclass(frozen=True, slots=True)
class Cleaning:
    """What is removed."""

    runs: bool = option("Also all run folders, with their logs.", default=False)


def check(_options: NoOptions | None = None) -> int:
    """Lint, format check, type check; the first one's exit status that isn't 0."""
    for command in _CHECKS:
        print(f"$ python -m {' '.join(command)}", flush=True)
        if status := run_module(*command):
            return status
    return 0


def test(options: Thoroughness) -> int:
    """The checks, tests with branch coverage of the core and the verifier, all others; the first failure ends it.

    Coverage is measured apart, since it makes everything slower that it looks at.
    """
    if status := check():
        return status
    # One more than there are cores, for a third of the time is spent waiting for hosts and timers.
    usual = ["-n", "3", *(["--thorough"] if options.thorough else [])]
    measured: list[str] = []
    for package, least, tests in _FLOORS:
        floor = [f"--cov={package}", f"--cov-fail-under={least}"]
        report = "--cov-report=term-missing:skip-covered"
        if status := run_module("pytest", *usual, *floor, report, *tests):
            return status
        measured += tests
    return run_module("pytest", *usual, *(f"--ignore={one}" for one in measured))


def clean(options: Cleaning) -> int:
    """Remove what tools left behind and, if asked for, all run folders; 0."""
    for name in _CACHES:
        shutil.rmtree(ROOT / name, ignore_errors=True)
    for path in ROOT.glob(".coverage*"):
        path.unlink()
    for cache in ROOT.rglob("__pycache__"):
        if not _is_foreign(cache):
            shutil.rmtree(cache, ignore_errors=True)
    if options.runs:
        shutil.rmtree(RUNS, ignore_errors=True)
    return 0


def _is_foreign(path: Path) -> bool:
    """Whether it belongs to a virtual environment or another hidden folder."""
    return any(part.startswith(".") for part in path.relative_to(ROOT).parts)


def _run(command: Sequence[str]) -> int:
    code = subprocess.run(command, cwd=ROOT, check=False).returncode
    return code if code >= 0 else 128 - code

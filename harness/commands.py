"""The checks and tests as commands; each runs under the interpreter that runs this one."""

from __future__ import annotations

import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

from harness import catalogue, conformance, diagrams
from harness.runfolder import ROOT, RUNS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_CHECKS = (
    ("ruff", "check", "."),
    ("ruff", "format", "--check", "."),
    ("mypy",),
)
_CACHES = (".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis", "htmlcov", "dist")


def run_module(*command: str) -> int:
    """Run a Python module as a command in the project's folder; its exit status."""
    return _run([sys.executable, "-m", *command])


def check() -> int:
    """Lint, format check, type check; the first one's exit status that isn't 0."""
    for command in _CHECKS:
        print(f"$ python -m {' '.join(command)}", flush=True)
        if status := run_module(*command):
            return status
    return 0


def test(*, thorough: bool) -> int:
    """The checks, then all tests with the core's branch coverage; the first failure ends it."""
    if status := check():
        return status
    options = ["-n", "2", "--cov", "--cov-report=term-missing:skip-covered"]
    return run_module("pytest", *options, *(["--thorough"] if thorough else []))


def docs() -> None:
    """Write the generated parts of the documents anew, where they differ."""
    for page, text in (
        (diagrams.PAGE, diagrams.render()),
        (conformance.PAGE, conformance.render()),
        (catalogue.PAGE, catalogue.render()),
    ):
        if not page.exists() or page.read_text(encoding="utf-8") != text:
            page.write_text(text, encoding="utf-8")
            print(f"written: {page.relative_to(ROOT)}")


def clean(*, runs: bool) -> None:
    """Remove what tools left behind and, if asked for, all run folders."""
    for name in _CACHES:
        shutil.rmtree(ROOT / name, ignore_errors=True)
    for path in ROOT.glob(".coverage*"):
        path.unlink()
    for cache in ROOT.rglob("__pycache__"):
        if not _is_foreign(cache):
            shutil.rmtree(cache, ignore_errors=True)
    if runs:
        shutil.rmtree(RUNS, ignore_errors=True)


def _is_foreign(path: Path) -> bool:
    """Whether it belongs to a virtual environment or another hidden folder."""
    return any(part.startswith(".") for part in path.relative_to(ROOT).parts)


def _run(command: Sequence[str]) -> int:
    code = subprocess.run(command, cwd=ROOT, check=False).returncode
    return code if code >= 0 else 128 - code

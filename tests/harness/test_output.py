"""`harness.output`, and signals while commands are loaded: nothing that nobody reads ends or stops a command."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.output import busy
from tests.test_robustness import SIGNALLER, closed_pipe, unread_pipe

ROOT = Path(__file__).resolve().parents[2]
PRINTS = """
import sys
sys.path[:0] = [".", "io"]
from harness.invoking import finish
from invoke.exceptions import Exit

def work():
    for number in range(10_000):
        print("line", number)
    return 7

try:
    finish(work)
except Exit as end:
    sys.exit(end.code)
"""
SHOWS = """
import sys
sys.path[:0] = [".", "io"]
from harness.output import Lines

lines = Lines()
lines.open()
for number in range(100_000):
    lines.put(f"line {number}")
lines.close()
"""


@pytest.mark.parametrize("stdout", [closed_pipe, lambda: os.open("/dev/full", os.O_WRONLY)])
def test_stdout_that_takes_nothing(stdout: Callable[[], int]) -> None:
    """A command whose output can't be written does its work and ends with its status, without a traceback."""
    ended = subprocess.run(
        [sys.executable, "-c", PRINTS],
        cwd=ROOT,
        stdout=stdout(),
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (7, "")


@pytest.mark.parametrize("stdout", [closed_pipe, unread_pipe])
def test_lines_that_nobody_reads(stdout: Callable[[], int]) -> None:
    """Lines on a running swarm wait for nobody: a reader that doesn't read costs lines."""
    ended = subprocess.run(
        [sys.executable, "-c", SHOWS],
        cwd=ROOT,
        stdout=stdout(),
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        timeout=60,
    )
    assert (ended.returncode, ended.stderr) == (0, "")


def test_characters_that_the_terminal_lacks() -> None:
    """Where stdout is ASCII, as in the locale C, what it lacks is written plainer and ends nothing."""
    program = PRINTS.replace('print("line", number)', 'print("9… ━ → é") if number == 0 else None')
    ended = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (7, "9... - -> \\xe9\n", "")


def test_programs_where_stdout_is_ascii() -> None:
    """The verifier alone escapes what an ASCII terminal lacks, and ends as usual."""
    ended = subprocess.run(
        [sys.executable, "-m", "verifier", "--explain", "W12"],
        cwd=ROOT,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "W12" in ended.stdout


def test_a_full_disk_is_one_message(tmp_path: Path) -> None:
    """An error of the system that nobody foresaw is one message and status 1, not a traceback."""
    program = PRINTS.replace('print("line", number)', 'raise OSError(28, "No space left", "x")')
    ended = subprocess.run(
        [
            sys.executable,
            "-c",
            program.replace("sys.exit(end.code)", "sys.exit(f'{end.code} {end}')"),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.stderr.startswith("1 ")
    assert "can't go on: [Errno 28] No space left: 'x'" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_ctrl_c_while_a_command_is_loaded(tmp_path: Path) -> None:
    """Ctrl-C while `invoke` loads the commands ends it with 130, and without a traceback."""
    (tmp_path / "sitecustomize.py").write_text(
        SIGNALLER.format(module="harness.cli", name="SIGINT")
    )
    ended = subprocess.run(
        [sys.executable, "-m", "invoke", "--list"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (130, "")


def test_who_waits_is_told_what_for(capsys: pytest.CaptureFixture[str]) -> None:
    """What goes on for long tells how long already, and what it is at just now."""
    with busy("judging the logs", every=0.01) as at:
        at("checking D08 (3 of 92)")
        while "(3 of 92)" not in (told := capsys.readouterr().err):
            pass
    assert told.splitlines()[-1].startswith("judging the logs: 0 s, checking D08")

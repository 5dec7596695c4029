"""Ctrl-Z while a live table is shown."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from harness.watch.pausing import ENTER, LEAVE
from tests.kit.pythons import ROOT

pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGTSTP"), reason="no Ctrl-Z on this system")
SHOWING = """
import signal, sys
from harness.watch.pausing import pausing
if sys.argv[1:]:
    signal.signal(signal.SIGTSTP, signal.SIG_IGN)
with pausing(1):
    sys.stdout.write("shown")
    sys.stdout.flush()
    sys.stdin.read()
print("over")
"""


def showing(*words: str) -> subprocess.Popen[bytes]:
    """A process that shows something until its stdin ends, in a group of its own, as shells start them."""
    return subprocess.Popen(
        [sys.executable, "-c", SHOWING, *words],
        env={**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'io'}"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        process_group=0,
    )


def stopped(process: subprocess.Popen[bytes]) -> bool:
    """Whether the process, which was sent a signal, is stopped by it; waits for that."""
    _, status = os.waitpid(process.pid, os.WUNTRACED)
    return os.WIFSTOPPED(status)


def test_ctrl_z_gives_the_terminal_back_and_fg_takes_it() -> None:
    """Each time that it is stopped the first screen and the cursor are back before, and gone again when it goes on."""
    with showing() as process:
        assert process.stdin
        assert process.stdout
        assert process.stdout.read(5) == b"shown"
        for _ in range(2):
            process.send_signal(signal.SIGTSTP)
            assert stopped(process)
            assert os.read(process.stdout.fileno(), 100) == LEAVE
            process.send_signal(signal.SIGCONT)
            assert os.read(process.stdout.fileno(), 100) == ENTER
        process.stdin.close()
        assert process.stdout.read() == b"over\n"
    assert process.returncode == 0


def test_a_shell_without_job_control_is_left_alone() -> None:
    """Where Ctrl-Z is ignored from the start it stays so: nobody could bring the process back."""
    with showing("ignored") as process:
        assert process.stdout
        assert process.stdout.read(5) == b"shown"
        process.send_signal(signal.SIGTSTP)
        rest, _ = process.communicate()
    assert (process.returncode, rest) == (0, b"over\n")

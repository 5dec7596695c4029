"""Work in processes: each part has its own, and whatever happens to one, nothing is left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from verifier.work.handing import LostError, hand_out
from verifier.work.processes import Limits, Processes

ROOT = Path(__file__).parents[3]


def work(part: str) -> str:
    """Do what the part says."""
    match part.split():
        case ["die"]:
            os.kill(os.getpid(), signal.SIGKILL)
        case ["die", "once", path] if not Path(path).exists():
            Path(path).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        case ["hang"]:
            signal.pause()
        case ["leave"]:
            os._exit(3)
    return f"{part} done"


def test_each_part_has_its_fate() -> None:
    """A part whose process dies or hangs says so, and the others are done."""
    parts = ["a", "die", "b", "hang", "leave", "c"]
    answers = dict(hand_out(Processes(2, Limits(seconds=1.0)), work, parts, len(parts)))
    assert [answers[one] for one in "abc"] == ["a done", "b done", "c done"]
    assert str(answers["die"]) == "ended by SIGKILL"
    assert str(answers["leave"]) == "ended with status 3"
    assert isinstance(answers["leave"], LostError)
    assert isinstance(answers["hang"], TimeoutError)
    assert str(answers["hang"]) == "it takes longer than 1 s"


def test_a_killed_process_loses_its_part_only(tmp_path: Path) -> None:
    """The part of a killed process is done again by another one."""
    parts = ["a", f"die once {tmp_path / 'died'}", "b"]
    answers = dict(hand_out(Processes(2), work, parts, 3, tries=2))
    assert list(answers.values()) == [f"{part} done" for part in parts]


def test_what_is_raised_is_told_with_its_place() -> None:
    """What work raises in a process is one line with the place that raised it."""
    with pytest.raises(RuntimeError, match=r"ZeroDivisionError: .* \(test_processes\.py:\d+\)"):
        list(hand_out(Processes(1), lambda part: 1 // part, [0], 1))


def test_the_limit_of_memory_holds() -> None:
    """A part that asks for more memory than it may have fails, and nothing else does."""
    with pytest.raises(RuntimeError, match="MemoryError"):
        list(hand_out(Processes(1, Limits(memory=1 << 30)), bytearray, [1 << 31], 1))


def test_processes_end_with_the_one_that_began_them(tmp_path: Path) -> None:
    """When the program is killed without a word, its processes end by themselves."""
    program = (
        "import os, signal, sys\n"
        "from verifier.work.handing import hand_out\n"
        "from verifier.work.processes import Processes\n"
        "def work(part):\n"
        "    print(os.getpid(), flush=True)\n"
        "    signal.pause()\n"
        "list(hand_out(Processes(2), work, [1, 2], 2))\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        workers = [int(process.stdout.readline()) for _ in range(2)]
        process.kill()
        assert process.stdout.read() == ""  # its end comes when nobody has it open any more
    deadline = time.monotonic() + 10
    while any(Path(f"/proc/{one}").exists() for one in workers):
        assert time.monotonic() < deadline, "a process stays"

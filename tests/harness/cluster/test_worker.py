"""What a worker of a cluster does with a part, without any cluster."""

from __future__ import annotations

import os
import pickle
import signal
import sys
import zipfile
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from harness.cluster import worker
from harness.remote.bundle import bundle


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The program's archive in the folder of a worker, with the library that says where that is."""
    library: Any = ModuleType("distributed")
    library.get_worker = lambda: SimpleNamespace(local_directory=str(tmp_path))
    monkeypatch.setitem(sys.modules, "distributed", library)
    made = bundle(("core", "io/peerio", "harness", "verifier"))
    (tmp_path / "program.zip").write_bytes(made.archive)
    return "program.zip"


def run(archive: str, work: object, part: object) -> tuple[Any, str]:
    """The answer to a part, and how its process died."""
    answer, died = worker.run_apart(archive, pickle.dumps((work, part)))
    return pickle.loads(answer) if answer else None, died


def test_a_part_is_done_in_a_process_of_its_own(archive: str) -> None:
    """The answer is the work's result; what it prints and who it is don't matter to the worker."""
    (_, raised), died = run(archive, abs, "x")
    assert raised.startswith("TypeError: bad operand type for abs(): 'str' (part.py:")
    assert not died
    assert run(archive, abs, -7) == ((7, ""), "")
    assert run(archive, print, "x") == ((None, ""), "")


def test_a_process_that_dies_says_how(archive: str) -> None:
    """Of a process without an answer its status is told, and the last that it said."""
    _, died = run(archive, os._exit, 3)
    assert died == "ended with status 3"
    _, died = run(archive, signal.raise_signal, signal.SIGKILL)
    assert died == "ended with status -9"
    answer, died = worker.run_apart(archive, b"nonsense")
    assert not answer
    assert died.startswith("ended with status 1 _pickle.UnpicklingError")


def test_what_is_there_is_not_unpacked_again(tmp_path: Path) -> None:
    """The first part unpacks the program, the next ones find it, and nothing else is left beside it."""
    with zipfile.ZipFile(tmp_path / "program.zip", "w") as file:
        file.writestr("a/b.txt", "x")
    folder = worker.unpacked(tmp_path / "program.zip")
    assert (folder / "a" / "b.txt").read_text() == "x"
    (folder / "mark").touch()
    assert worker.unpacked(tmp_path / "program.zip") == folder
    assert (folder / "mark").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["program", "program.zip"]

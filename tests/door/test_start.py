"""What a peer loads when it starts: what its run needs, and nothing else (docs/peerprocess_overview.md)."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import structlog

from peerio import eventlog
from peerio.eventlog import EventLog
from peerio.program.late import load_late
from tests.kit.swarm.swarms import reserve_port

ROOT = Path(__file__).resolve().parents[2]
BESIDE = {"rich", "better_exceptions", "colorama", "greenlet", "twisted"}
"""What structlog loads where it is installed."""
NEEDLESS = BESIDE | {
    "ast", "asyncio", "concurrent", "datetime", "decimal", "difflib", "email", "encodings.idna",
    "hashlib", "importlib.metadata", "importlib.resources", "inspect", "multiprocessing", "secrets",
    "shutil", "ssl", "traceback", "tokenize", "structlog.dev", "structlog.stdlib", "subprocess", "tempfile", "zipfile",
    "peerio.dialects", "peerio.hashes", "peerio.resume", "peerio.simulation", "peerio.trace",
}  # fmt: skip
if sys.version_info >= (3, 12):  # where `dataclasses` itself asks `inspect` for annotations
    NEEDLESS -= {"ast", "inspect", "tokenize"}
BY_HAND = {"json", "peerio.status"}
LAUNCHED = {"peerio.program.speaking"}
MOST_OURS, MOST_OTHERS = 64, 100
"""There are 59 and 83 by Python 3.11; before anybody counted there were 376 together."""


def loaded(command: list[str], beside: Path, fd: int | None = None) -> set[str]:
    """The modules that a Python loads, from its first to its last moment."""
    run = subprocess.run(
        [sys.executable, "-X", "importtime", *command],
        env={**os.environ, "PYTHONPATH": str(beside)},
        stderr=subprocess.PIPE,
        pass_fds=[] if fd is None else [fd],
        check=True,
        text=True,
    )
    lines = [line for line in run.stderr.splitlines() if line.startswith("import time:")]
    return {line.rpartition("|")[2].strip() for line in lines}


@pytest.fixture(params=[BY_HAND, LAUNCHED], ids=["by hand", "launched"])
def modules(request: pytest.FixtureRequest, tmp_path: Path) -> set[str]:
    """What a seed loads that is alone in its swarm, beyond what Python loads anyway, and less what it may."""
    beside = tmp_path / "beside"
    beside.mkdir()
    for name in BESIDE:
        (beside / f"{name}.py").touch()
    with reserve_port() as holder:
        port = holder.getsockname()[1]
    (tmp_path / "PeerInfo.cfg").write_text(f"1 localhost {port} 1\n")
    (tmp_path / "Common.cfg").write_text(
        "NumberOfPreferredNeighbors 1\nUnchokingInterval 1\nOptimisticUnchokingInterval 1\n"
        "FileName file\nFileSize 4\nPieceSize 4\n"
    )
    (tmp_path / "peer_1").mkdir()
    (tmp_path / "peer_1" / "file").write_bytes(b"1234")
    command = [str(ROOT / "peerProcess.py"), "1", "--workdir", str(tmp_path)]
    bare = loaded(["-c", ""], beside)
    if request.param is BY_HAND:
        return loaded(command, beside) - bare
    reader, writer = os.pipe()
    try:
        return loaded([*command, "--status-fd", str(writer)], beside, writer) - bare
    finally:
        os.close(reader)
        os.close(writer)


def within(module: str, names: set[str]) -> bool:
    return any(module == name or module.startswith(f"{name}.") for name in names)


def test_nothing_is_loaded_in_vain(modules: set[str], request: pytest.FixtureRequest) -> None:
    """A peer loads neither what only other runs need nor what only others of its libraries' users need."""
    needless = NEEDLESS | request.node.callspec.params["modules"]
    assert {module for module in modules if within(module, needless)} == set()


def test_few_modules_are_loaded(modules: set[str]) -> None:
    """A peer's start is 150 modules at most: nobody adds one that brings hundreds."""
    ours = {module for module in modules if within(module, {"core", "peerio"})}
    assert len(ours) <= MOST_OURS
    assert len(modules - ours) <= MOST_OTHERS


@pytest.fixture
def tardy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[object]]:
    """A module `tardy` that is loaded late; the list has an entry for each time that it ran."""
    (tmp_path / "tardy.py").write_text(
        "import builtins, time\n"
        "builtins.ran.append(time.sleep(0.01))\n"
        "import sys; early = hasattr(sys.modules[__name__], 'value')\n"
        "value = 7\n"
        "def __getattr__(name):\n"
        "    if name != 'made':\n"
        "        raise AttributeError(name)\n"
        "    return 8\n"
    )
    ran: list[object] = []
    monkeypatch.setattr("builtins.ran", ran, raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    load_late("tardy", "sys", "no_such_module")
    yield ran
    del sys.modules["tardy"]


def test_late_is_not_never(tardy: list[object]) -> None:
    """A module that is loaded late runs at the first look at something of it, once, and not at its import."""
    module = importlib.import_module("tardy")
    assert not tardy
    assert (module.value, module.early, module.made) == (7, False, 8)
    with pytest.raises(AttributeError):
        _ = module.other
    assert len(tardy) == 1


def test_late_for_two_threads(tardy: list[object]) -> None:
    """A thread that looks while another has the module loaded waits until it is there."""
    module = importlib.import_module("tardy")
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda _: module.value, range(4))) == [7] * 4
    assert len(tardy) == 1


def test_the_log_is_a_logger_of_structlog() -> None:
    """The event log is built on structlog, whose package works as ever beside it."""
    assert issubclass(EventLog, structlog.BoundLoggerBase)
    assert structlog.get_logger() is not None


def test_another_structlog(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where structlog keeps its base elsewhere the whole package is loaded."""
    (tmp_path / "structlog").mkdir()
    (tmp_path / "structlog" / "__init__.py").write_text("class BoundLoggerBase: pass\n")
    for name in [one for one in sys.modules if within(one, {"structlog"})]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.syspath_prepend(tmp_path)
    importlib.invalidate_caches()
    assert eventlog._bound_logger_base().__module__ == "structlog"
    monkeypatch.delitem(sys.modules, "structlog")

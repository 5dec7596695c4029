"""Peers, swarms, the verifier and the probe in a Python that lacks what Windows', or macOS', lacks."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from tests.kit import tiny
from tests.kit.platforms import lacking, typeshed
from tests.kit.pythons import ROOT

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="it takes away what Linux has")
SYSTEMS = ["windows", "macos"]
EVERYTHING = """\
import importlib, pathlib, sys
root = pathlib.Path({root!r})
names = []
for top in ("core", "io/peerio", "harness", "verifier", "probe", "swarmproof"):
    for path in sorted((root / top).rglob("*.py")):
        name = ".".join(path.relative_to(root).with_suffix("").parts).removeprefix("io.")
        if not name.endswith("__main__") and name not in {elsewhere!r}:
            importlib.import_module(name.removesuffix(".__init__"))
            names.append(name)
print(len(names))
"""

ELSEWHERE = {
    "harness.packing.first",  # they run by themselves
    "probe.program.keeper",
    "harness.bench.libtorrent_peer",  # of libraries that an extra brings, which this Python would disturb
    "harness.cluster.scheduler",
}


class Python:
    """A Python of another system, as far as our code can tell."""

    def __init__(self, system: str, folder: Path) -> None:
        self.path = folder / f"python-{system}"
        self.path.write_text(
            "#!/bin/sh\n"
            f'export LACKING_EXECUTABLE="$0" PYTHONPATH="{ROOT}:{ROOT / "io"}"\n'
            f'exec "{sys.executable}" "{lacking.HERE}" {system} "$@"\n'
        )
        self.path.chmod(0o755)

    def run(self, *words: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.path, *words], cwd=cwd, capture_output=True, text=True, timeout=60, check=False
        )

    def start(self, *words: str | Path, cwd: Path) -> subprocess.Popen[str]:
        pipe = subprocess.PIPE
        return subprocess.Popen([self.path, *words], cwd=cwd, stdout=pipe, stderr=pipe, text=True)


@pytest.fixture(params=SYSTEMS)
def python(request: pytest.FixtureRequest, tmp_path: Path) -> Python:
    return Python(request.param, tmp_path)


@pytest.fixture(params=["windows", pytest.param("macos", marks=pytest.mark.thorough)])
def another(request: pytest.FixtureRequest, tmp_path: Path) -> Python:
    """The one that differs most, or both."""
    return Python(request.param, tmp_path)


@pytest.fixture
def windows(tmp_path: Path) -> Python:
    return Python("windows", tmp_path)


# That the stand-in is one.


def test_the_names_are_typesheds() -> None:
    """The names that are taken away are those that typeshed says the other system lacks."""
    names = json.loads(typeshed.NAMES.read_text(encoding="utf-8"))
    assert set(names) == set(SYSTEMS) == set(typeshed.SYSTEMS)
    known = {"windows": {"os": "killpg sendfile pwrite set_blocking fork O_NONBLOCK", "signal": "SIGHUP SIGKILL"}, "macos": {"os": "posix_fallocate sched_setscheduler", "socket": "MSG_MORE"}}  # fmt: skip
    for system in SYSTEMS:
        found = typeshed.lacking(system)
        for module, gone in found.items():
            here = {name for name in gone if hasattr(__import__(module), name)}
            assert here <= set(names[system][module]), (system, module)
        for module, some in known[system].items():
            assert set(some.split()) <= set(names[system][module])


def test_windows_is_missed_where_it_should_be(windows: Python, tmp_path: Path) -> None:
    """Code of ours finds no fork, fcntl, SIGHUP or /proc, gets CRLF without O_BINARY, and can't wait for a pipe."""
    ended = windows.run("-c", TRIED, cwd=tmp_path)
    assert (ended.stdout, ended.stderr) == ("all is missing\n", "")


TRIED = """\
import os, select, selectors, signal, subprocess, sys, threading
import pathlib
def fails(kind, call):
    try:
        call()
    except kind:
        return
    raise SystemExit(f"{call} should fail")
def imports(name):
    exec(f"import {name}", {"__file__": __file__, "__builtins__": __builtins__})
for name in ("fcntl", "resource", "pwd"):
    fails(ModuleNotFoundError, lambda: imports(name))
assert sys.platform == "win32" and os.name == "nt"
assert not hasattr(os, "fork") and not hasattr(signal, "SIGHUP") and not hasattr(select, "poll")
fails(FileNotFoundError, lambda: open("/proc/self/stat"))
assert not pathlib.Path("/proc/self").exists()
for flags, written in ((0, b"a\\r\\n"), (os.O_BINARY, b"a\\n")):
    fd = os.open("written", os.O_WRONLY | os.O_CREAT | os.O_TRUNC | flags)
    os.write(fd, b"a\\n")
    fails(PermissionError, lambda: os.unlink("written"))
    os.close(fd)
    assert pathlib.Path("written").read_bytes() == written
pathlib.Path("written").write_text("a\\n")
assert pathlib.Path("written").read_bytes() == b"a\\r\\n"
reader, writer = os.pipe()
fails(OSError, lambda: select.select([reader], [], [], 0))
one = selectors.DefaultSelector()
one.register(reader, selectors.EVENT_READ)
fails(OSError, lambda: one.select(0))
fails(ValueError, lambda: subprocess.Popen(["true"], pass_fds=(reader,)))
fails(OSError, lambda: os.symlink("a", "b"))
go = threading.Event()
thread = threading.Thread(target=go.wait)
thread.start()
fails(AssertionError, thread.join)
go.set()
print("all is missing")
"""


# What runs there.


def test_everything_can_be_imported(python: Python, tmp_path: Path) -> None:
    """Every module can be imported there: none needs at its top what isn't there."""
    ended = python.run("-c", EVERYTHING.format(root=str(ROOT), elsewhere=ELSEWHERE), cwd=tmp_path)
    assert ended.stderr == ""
    assert int(ended.stdout) > 150


@pytest.mark.swarm
def test_a_swarm_and_its_verdict(python: Python, tmp_path: Path) -> None:
    """A swarm completes there, its copies are identical, its logs have LF and break no rule."""
    config = tiny.write(tmp_path / "configured")
    here = tmp_path / "a folder"
    here.mkdir()
    swarm = python.run("-m", "swarmproof", "swarm", "--config", config, cwd=here)
    assert swarm.returncode == 0, swarm.stdout + swarm.stderr
    assert "2 of 2 copies identical" in swarm.stdout
    (run,) = (path for path in (here / "runs").iterdir() if not path.is_symlink())
    for path in (*run.glob("*.log"), *run.glob("*.jsonl"), *run.glob("*.cfg")):
        assert b"\r" not in path.read_bytes(), path
    verdict = python.run("-m", "verifier", run, cwd=here)
    assert verdict.returncode == 0, verdict.stdout
    assert "PASS" in verdict.stdout


@pytest.mark.swarm
def test_peers_by_hand(another: Python, tmp_path: Path) -> None:
    """Two peers that are started by hand there share the file, and both end with 0."""
    tiny.write(tmp_path)
    words = [(ROOT / "peerProcess.py", one, "--quiet") for one in ("1001", "1002")]
    peers = [another.start(*one, cwd=tmp_path) for one in words]
    for peer in peers:
        _, err = peer.communicate(timeout=60)
        assert (peer.returncode, err) == (0, "")
    assert (tmp_path / "peer_1002" / tiny.NAME).read_bytes() == bytes(tiny.SIZE)


@pytest.mark.swarm
def test_the_probe(another: Python, tmp_path: Path) -> None:
    """The probe starts a program there, speaks with it, and finds nothing wrong with ours."""
    command = f"'{another.path}' '{ROOT / 'peerProcess.py'}' {{id}}"
    probed = another.run("-m", "probe", command, "HS-01", "--quiet", "--project", ".", cwd=tmp_path)
    assert probed.returncode == 0, probed.stdout + probed.stderr
    assert "PASS" in probed.stdout


@pytest.mark.swarm
def test_the_probe_tells_a_program_that_ends(another: Python, tmp_path: Path) -> None:
    """A program that ends at once is told so there, with its exit status and its last words."""
    (tmp_path / "ends.py").write_text("import sys; print('no luck'); sys.exit(7)\n")
    shown = another.run(
        "-m", "probe", f"'{sys.executable}' ends.py {{id}}", "--quiet", cwd=tmp_path
    )
    assert shown.returncode == 2
    assert "exit status 7" in shown.stdout
    assert "no luck" in shown.stdout


@pytest.mark.thorough
def test_simulated_swarms(windows: Python, tmp_path: Path) -> None:
    """Processes that are spawned, not forked, simulate swarms."""
    ended = windows.run("-m", "swarmproof", "simulate", "--peers", "3", "--pieces", "5", cwd=tmp_path)  # fmt: skip
    assert ended.returncode == 0, ended.stderr


@pytest.mark.thorough
def test_measurements_are_refused(windows: Python, tmp_path: Path) -> None:
    """Where the system doesn't tell what processes cost, `bench` says so in one sentence."""
    ended = windows.run("-m", "swarmproof", "bench", "--quick", "--peers", "2", cwd=tmp_path)
    assert ended.returncode == 1
    assert ended.stderr.count("\n") == 1
    assert "measure on Linux or macOS" in ended.stderr


# Ctrl-C.


def wait_for(path: Path) -> None:
    """Until a file is there and has something in it."""
    until = time.monotonic() + 30
    while not (path.exists() and path.stat().st_size):
        assert time.monotonic() < until, path
        time.sleep(0.02)


@pytest.mark.swarm
def test_ctrl_c_ends_a_peer(another: Python, tmp_path: Path) -> None:
    """Ctrl-C ends a peer that waits for others there, in order and at once, with 130."""
    tiny.write(tmp_path)
    peer = another.start(ROOT / "peerProcess.py", "1002", cwd=tmp_path)
    wait_for(tmp_path / "peer_1002" / f"{tiny.NAME}.part")
    peer.send_signal(signal.SIGINT)
    _, err = peer.communicate(timeout=10)
    assert peer.returncode == 130
    assert "Traceback" not in err


def slow_swarm(python: Python, folder: Path) -> tuple[subprocess.Popen[str], Path]:
    """A swarm that has begun and takes for ever, with its run's folder."""
    config = tiny.write(folder / "configured")
    (config / "swarm.toml").write_text("rate = 1\n")
    shutil.rmtree(config / "peer_1001")
    swarm = python.start("-m", "swarmproof", "swarm", "--config", config, cwd=folder)
    until = time.monotonic() + 30
    while not [*folder.glob("runs/2*/log_peer_1002.log")]:
        assert time.monotonic() < until
        time.sleep(0.02)
    (run,) = folder.glob("runs/2*")
    return swarm, run


@pytest.mark.swarm
def test_ctrl_c_ends_a_swarm(another: Python, tmp_path: Path) -> None:
    """Ctrl-C ends a swarm there with 130, and no peer goes on."""
    swarm, run = slow_swarm(another, tmp_path)
    swarm.send_signal(signal.SIGINT)
    _, err = swarm.communicate(timeout=30)
    assert swarm.returncode == 130
    assert "Traceback" not in err
    assert not [one for one in command_lines() if str(run) in one]


@pytest.mark.swarm
def test_no_peer_outlives_a_killed_launcher(windows: Python, tmp_path: Path) -> None:
    """When the launcher is killed there, its peers end by themselves."""
    swarm, run = slow_swarm(windows, tmp_path)
    swarm.kill()
    swarm.communicate()
    until = time.monotonic() + 30
    while [one for one in command_lines() if str(run) in one]:
        assert time.monotonic() < until, "a peer is left"
        time.sleep(0.05)


def command_lines() -> list[str]:
    """Of all processes that run."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            found.append(path.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
    return found

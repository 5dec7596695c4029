"""`swarmproof.pyz`: one file, the same bytes each time, and nothing needed but Python."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest

from harness.packing import archive
from tests.kit import tiny
from tests.kit.pythons import ROOT, new_pythons, old_pythons


@pytest.fixture(scope="module")
def pyz(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file, alone in a folder with blanks in its name."""
    path = tmp_path_factory.mktemp("one file") / "swarmproof.pyz"
    path.write_bytes(archive.archive(archive.files()))
    return path


class Machine:
    """A user with a home of his own and a Python that has nothing installed."""

    def __init__(self, pyz: Path, home: Path, python: str | Path = sys.executable) -> None:
        self.command = [python, "-I", "-S", pyz]
        self.environment: dict[str, Any] = {"HOME": home, "PATH": os.environ["PATH"]}

    def run(self, *words: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*self.command, *words],
            cwd=cwd,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )


@pytest.fixture(scope="module")
def machine(pyz: Path, tmp_path_factory: pytest.TempPathFactory) -> Machine:
    return Machine(pyz, tmp_path_factory.mktemp("a home"))


def test_the_same_bytes(pyz: Path) -> None:
    """Made again of the same files it is the same, to the byte, and holds no time but 1980."""
    assert archive.archive(archive.files()) == pyz.read_bytes()
    with zipfile.ZipFile(pyz) as packed:
        names = packed.namelist()
        assert names == sorted(names)
        assert {entry.date_time[0] for entry in packed.infolist()} == {1980}


def test_it_has_what_the_wheel_has() -> None:
    """The file and the wheel hold the same parts of the project, in the same places."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wheel = settings["tool"]["hatch"]["build"]["targets"]["wheel"]
    alone = {"peerProcess.py"}  # put there by hatch_build.py
    assert {*wheel["only-include"]} | alone == {*archive.FRONT, *archive.TREE}
    sources = {name: f"{archive.INSIDE}/{name}" for name in ("configs", "core", "harness", "io", "probe", "verifier")}  # fmt: skip
    assert wheel["sources"] == sources
    assert f"{archive.INSIDE}/peerProcess.py" in (ROOT / "hatch_build.py").read_text()


def test_licences_go_with_the_libraries(pyz: Path) -> None:
    """Each library comes with its licence, and so does the project."""
    with zipfile.ZipFile(pyz) as packed:
        for name in (*archive.LIBRARIES, "swarmproof"):
            folder = f"{archive.INSIDE}/licences/{name}/"
            assert any(one.startswith(folder) for one in packed.namelist()), name


@pytest.mark.swarm
def test_a_swarm_and_its_verdict(machine: Machine, tmp_path: Path) -> None:
    """A swarm runs in an empty folder by the file alone, and is judged there."""
    config = tiny.write(tmp_path / "a configuration")
    here = tmp_path / "empty"
    here.mkdir()
    swarm = machine.run("swarm", "--config", config, cwd=here)
    assert swarm.returncode == 0, swarm.stdout + swarm.stderr
    assert "2 of 2 copies identical" in swarm.stdout
    assert [path.name for path in here.iterdir()] == ["runs"]
    verdict = machine.run("verify", cwd=here)
    assert verdict.returncode == 0
    assert "PASS" in verdict.stdout


@pytest.mark.swarm
def test_a_peer_by_hand_and_the_probe(machine: Machine, pyz: Path, tmp_path: Path) -> None:
    """The probe runs by the file alone, and tests the peer that the file is."""
    probed = machine.run(
        "probe", f"'{sys.executable}' -I -S '{pyz}' peer {{id}}", "HS-01", "--quiet", cwd=tmp_path
    )
    assert probed.returncode == 0, probed.stdout + probed.stderr
    assert "PASS" in probed.stdout


@pytest.mark.thorough
def test_other_processes_find_it(machine: Machine, tmp_path: Path) -> None:
    """What runs in processes of their own, simulated swarms, finds the project in the file too."""
    simulated = machine.run("simulate", "--peers", "3", "--pieces", "5", cwd=tmp_path)
    assert simulated.returncode == 0, simulated.stderr
    assert "1 swarms, " in simulated.stdout


def test_what_is_left_out_is_told(machine: Machine, tmp_path: Path) -> None:
    """Commands whose libraries aren't in the file name them, and end without a traceback."""
    tiny.write(tmp_path)
    ended = machine.run("remote", "check", cwd=tmp_path)
    assert ended.returncode in {1, 2}
    assert ended.stderr.count("\n") == 1
    assert "paramiko" in ended.stderr


def test_it_is_unpacked_once_and_mended(pyz: Path, tmp_path: Path) -> None:
    """It is unpacked into the user's cache once; where a file has gone from there, it comes back."""
    home = tmp_path / "home"
    machine = Machine(pyz, home)
    assert machine.run("--version", cwd=tmp_path).returncode == 0
    (folder,) = (home / ".cache" / "swarmproof").iterdir()
    part = folder / archive.INSIDE / "core" / "exits.py"
    before = part.stat().st_ino
    assert machine.run("--version", cwd=tmp_path).returncode == 0
    assert part.stat().st_ino == before
    part.unlink()
    assert machine.run("--version", cwd=tmp_path).returncode == 0
    assert part.is_file()
    assert list(folder.parent.iterdir()) == [folder]


def test_a_home_that_cannot_be_written(pyz: Path, tmp_path: Path) -> None:
    """Without a place that lasts it is unpacked for this one time, and nothing of that is left."""
    blocked = tmp_path / "home"
    blocked.write_text("not a folder")
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    machine = Machine(pyz, blocked)
    machine.environment["TMPDIR"] = temporary
    ended = machine.run("--version", cwd=tmp_path)
    assert ended.returncode == 0, ended.stderr
    assert list(temporary.iterdir()) == []


@pytest.mark.thorough
def test_many_at_once_unpack_it(pyz: Path, tmp_path: Path) -> None:
    """Processes that start at once in a new home all run, and one unpacked copy stays."""
    machine = Machine(pyz, tmp_path)
    started = [
        subprocess.Popen(
            [*machine.command, "--version"],
            env=machine.environment,
            cwd=tmp_path,
            stdout=subprocess.DEVNULL,
        )
        for _ in range(6)
    ]
    assert [process.wait(60) for process in started] == [0] * 6
    assert len(list((tmp_path / ".cache" / "swarmproof").iterdir())) == 1


def test_a_damaged_file_is_told(pyz: Path, tmp_path: Path) -> None:
    """A file that was damaged on its way ends with one sentence, or with Python's own."""
    content = bytearray(pyz.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 2000] = bytes(2000)
    broken = tmp_path / "swarmproof.pyz"
    broken.write_bytes(content)
    ended = Machine(broken, tmp_path).run("--version", cwd=tmp_path)
    assert ended.returncode == 1
    assert ended.stderr.count("\n") == 1
    assert "can't be unpacked" in ended.stderr


def test_an_old_python_is_told(pyz: Path, tmp_path: Path) -> None:
    """A Python below 3.11 that is given the file says in one sentence that it is too old."""
    if not old_pythons():
        pytest.skip("no Python below 3.11 is installed here")
    for version, python in old_pythons().items():
        ended = subprocess.run(
            [python, pyz, "swarm"], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert (ended.returncode, ended.stderr.count("\n")) == (1, 1), version
        assert "needs Python 3.11 or newer" in ended.stderr


@pytest.mark.thorough
@pytest.mark.swarm
def test_on_each_python(pyz: Path, tmp_path: Path) -> None:
    """Every Python from 3.11 on that is installed here runs a swarm by the file alone."""
    config = tiny.write(tmp_path / "configured")
    for version, python in new_pythons().items():
        here = tmp_path / version
        here.mkdir()
        ended = Machine(pyz, here, python).run("swarm", "--config", config, cwd=here)
        assert ended.returncode == 0, f"{version}: {ended.stdout}{ended.stderr}"

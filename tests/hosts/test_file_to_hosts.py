"""`invoke remote.swarm --hosts`: a file to some hosts, without any configuration by hand."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.exits import ExitStatus
from tests.kit.hosts.commands import await_condition
from tests.kit.hosts.lab import ROOT, Lab

NAME = "lecture ü 1.bin"
HOSTS = "laptop-one,root@laptop-two,laptop-three:22"


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    with Lab(tmp_path / "lab", hosts=3) as lab:
        yield lab


class Handing:
    """A file on the controller, and the command that hands it to the hosts."""

    def __init__(self, lab: Lab, size: int) -> None:
        self.lab = lab
        self.runs = lab.controller.home / "runs"
        self.file = lab.controller.home / NAME
        self.file.write_bytes(os.urandom(size))

    def command(self, *options: str | Path) -> list[str]:
        invoke = [sys.executable, "-m", "invoke", "--search-root", str(ROOT), "remote.swarm"]
        where = ["--hosts", HOSTS, "--ssh-config", self.lab.ssh_config, "--runs", self.runs]
        return [*invoke, *map(str, [*where, "--file", self.file, *options])]

    def run(self, *options: str | Path) -> subprocess.CompletedProcess[str]:
        return self.lab.controller.run(self.command(*options), timeout=100)

    def arrived(self, folder: str) -> bool:
        content = self.file.read_bytes()
        return all((host.home / folder / NAME).read_bytes() == content for host in self.lab.hosts)


def test_a_file_to_hosts(lab: Lab) -> None:
    """Each host gets the file under its name where the user said, and one table tells it all; again nothing is sent."""
    handing = Handing(lab, 3_000_000)
    done = handing.run("--to", "incoming/new")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "PASS: " in done.stdout
    assert "4 of 4 copies identical, exit status 0." in done.stdout
    assert handing.arrived("incoming/new")
    for name, host in zip(HOSTS.split(","), lab.hosts, strict=True):
        (row,) = (line for line in done.stdout.splitlines() if re.match(rf" {name} +100\d", line))
        assert f"{host.home}/incoming/new/{NAME}" in row
        assert re.search(r" 0 +\d+\.\d s +\d+\.\d [KM]iB/s ", row)
    assert re.search(r"10\.99\.0\.254 +1004 seed +0 .*\(this machine\)", done.stdout)
    again = handing.run("--to", "incoming/new")
    assert again.returncode == 0, again.stdout + again.stderr
    assert " sent, " not in again.stdout
    assert again.stdout.count("is here and right") == 3
    assert [path.name for path in (lab.hosts[0].home / "incoming/new").iterdir()] == [NAME]
    for host in lab.hosts:
        assert host.processes() == {}


def test_an_interrupted_handing_is_resumed(lab: Lab) -> None:
    """What hosts had when everything was killed isn't sent again with --resume (spec 9.2)."""
    handing = Handing(lab, 6_000_000)
    first = lab.controller.start(
        handing.command("--piece-size", "16KiB", "--from-first", "--k", "1", "--trace"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    log = lab.hosts[2].home / "swarmproof/swarm/log_peer_1003.log"
    await_condition(lambda: log.exists() and log.read_text().count("downloaded the piece") > 40)
    first.kill()
    first.communicate()
    await_condition(lambda: not any(host.processes() for host in lab.hosts))
    done = handing.run("--piece-size", "16KiB", "--from-first", "--resume")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "PASS: " in done.stdout
    assert re.search(r"peer 1003: .* of 367 pieces are right|is here and right", done.stdout)
    for number, host in enumerate(lab.hosts[1:], 1002):
        copy = host.home / f"swarmproof/swarm/peer_{number}" / NAME
        assert copy.read_bytes() == handing.file.read_bytes()


def test_wrong_use(lab: Lab) -> None:
    """Without a file, or with hosts that aren't any, one message says what is expected."""
    invoke = [sys.executable, "-m", "invoke", "--search-root", str(ROOT), "remote.swarm"]
    for options, words in (
        (["--hosts", "a,b"], "--hosts needs --file"),
        (["--hosts", "a,,a", "--file", "x"], "expected each host once"),
        (["--hosts", "a b", "--file", "x"], "expected hosts separated by commas"),
        (["--resume"], "--resume needs --file"),
    ):
        done = lab.controller.run([*invoke, *options], timeout=60)
        assert done.returncode == ExitStatus.USAGE
        assert words in done.stderr
        assert "Traceback" not in done.stderr

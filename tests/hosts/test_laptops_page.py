"""docs/laptops.md over hosts in miniature, which have the names that it uses."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from tests.kit import laptops
from tests.kit.hosts.commands import Commands, lose_patience
from tests.kit.hosts.lab import ROOT, Lab

SIZE = 2_000_000
OLD_PYTHON = """\
#!/bin/sh
exec python3 -c 'import sys; sys.version_info = (3, 8, 1); sys.version = "3.8.1"; exec(sys.argv[1])' "$2"
"""


def sh(commands: list[str]) -> list[str]:
    """The commands as one script that ends at the first failure."""
    return ["bash", "-ec", "\n".join(commands)]


def place_project(folder: Path) -> None:
    """What a clone holds."""
    hidden = shutil.ignore_patterns(".*", "__pycache__", "runs", "tests", "*.egg-info")
    shutil.copytree(ROOT, folder, ignore=hidden)


def test_the_steps_by_hand(tmp_path: Path) -> None:
    """The page's steps by hand, given as they stand, share a file and end in a verdict."""
    build, copy, place, start, gather = laptops.steps()
    with Lab(tmp_path / "lab", hosts=3) as lab:
        seat, folder = lab.controller, lab.controller.home / "swarmproof"
        place_project(folder)
        (seat.home / ".ssh").mkdir()
        shutil.copy(lab.ssh_config, seat.home / ".ssh" / "config")
        command, *configure = build
        assert command == "invoke package"
        done = seat.run([sys.executable, "-m", *command.split()], cwd=folder)
        assert done.returncode == 0, done.stderr
        content = os.urandom(SIZE)
        (lab.hosts[0].home / "TheFile.dat").write_bytes(content)
        done = seat.run(sh(configure), cwd=folder)
        assert done.returncode == 0, done.stderr
        common = folder / "dist" / "Common.cfg"
        text = re.sub(r"(?m)Interval .*", "Interval 0.5", common.read_text())
        common.write_text(re.sub(r"FileSize .*", f"FileSize {SIZE}", text))
        done = seat.run(sh(copy), cwd=folder)
        assert done.returncode == 0, done.stderr
        done = lab.hosts[0].run(sh(place))
        assert done.returncode == 0, done.stderr
        peers = []
        for number, host in reversed(list(enumerate(lab.hosts, 1001))):
            *before, command = start
            mine = command.replace("1001", str(number))
            assert number == 1001 or f"`{mine}`" in laptops.PAGE.read_text()
            peers.append(host.start(sh([*before, mine]), stderr=subprocess.PIPE, text=True))
        for peer in peers:
            _, err = peer.communicate(timeout=60)
            assert peer.returncode == 0, err
        for number, host in zip((1002, 1003), lab.hosts[1:], strict=True):
            assert (host.home / f"swarm/peer_{number}/TheFile.dat").read_bytes() == content
        done = seat.run(sh(gather), cwd=folder)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "PASS: " in done.stdout


def test_remote_commands_say_what_the_page_quotes(tmp_path: Path) -> None:
    """Every message that docs/laptops.md quotes of `invoke remote.*` is one that it gives when provoked."""
    quoted = {general(message) for message in laptops.messages("## By one command")}
    with Lab(tmp_path / "lab", hosts=3) as lab:
        commands = Commands(lab, size=8_000_000, port=6401, name="TheFile.dat", rate=100_000)
        said = []

        def provoke(*options: str) -> None:
            told = commands.run("check", *options).stdout
            said.extend(told.replace(str(lab.hosts[0].home), "/home/anna").splitlines())

        (lab.hosts[1].home / "old").write_text(OLD_PYTHON)
        (lab.hosts[1].home / "old").chmod(0o755)
        provoke("--python", "python3.99")
        provoke("--python", "./old")
        script = "import socket; s = socket.create_server(('', 6401)); print('up', flush=True); s.accept()"
        holder = lab.hosts[1].start(["python3", "-c", script], stdout=subprocess.PIPE, text=True)
        assert holder.stdout
        assert holder.stdout.readline() == "up\n"
        lab.hosts[2].unplug()
        lose_patience(lab)
        provoke()
        holder.kill()
        lab.hosts[2].plug()
        known = lab.controller.folder / "etc/known_hosts"
        keys = known.read_text()
        known.write_text("")
        provoke()
        known.write_text(keys)
        commands.place_file()
        assert commands.run("deploy").returncode == 0
        launch = commands.start("launch")
        commands.await_transfer()
        provoke()
        launch.kill()
        launch.communicate()
        assert quoted - {general(line) for line in said} == set(), said


def general(text: str) -> str:
    """A message without the numbers that the system gives to processes."""
    return re.sub(r"process \d+", "process N", text)

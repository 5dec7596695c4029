"""`invoke remote.*` with a host that lies, over real SSH: its own failure, and nobody else's."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

from core.exits import ExitStatus
from tests.kit.hosts.commands import Commands
from tests.kit.hosts.faked import liar
from tests.kit.hosts.lab import Lab

PYTHON = "./python"
"""By which each host starts its agent, in its home: a liar at one of them."""


def test_a_host_that_lies(tmp_path: Path) -> None:
    """Another's peer reported as done is the liar's failure, sizes are kept to, and nothing it says acts on the terminal."""
    with Lab(tmp_path / "lab", hosts=2) as lab:
        commands = Commands(lab, size=100_000)
        honest, eve = lab.hosts
        for host, command in (
            (honest, [sys.executable]),
            (eve, [sys.executable, liar.__file__, f"{eve.home}/swarmproof"]),
        ):
            script = host.home / PYTHON
            script.write_text(f'#!/bin/sh\nexec {shlex.join(map(str, command))} "$@"\n')
            script.chmod(0o755)
        commands.place_file()
        deployed = commands.run("deploy", "--python", PYTHON)
        assert deployed.returncode == 0, deployed.stdout + deployed.stderr

        launched = commands.run("launch", "--python", PYTHON, "--timeout", "3")
        assert launched.returncode == ExitStatus.HOSTS_FAILED, launched.stdout + launched.stderr
        assert (
            "laptop-two is lost: it said what no agent says: Ended.peer: 1001 can't be"
            in launched.stdout
        )
        assert "Traceback" not in launched.stderr
        commands.await_nobody()

        swarm = eve.home / "swarmproof/swarm"
        swarm.mkdir(parents=True)
        for name in ("log_peer_1002.log", "trace_peer_1002.jsonl"):
            with (swarm / name).open("wb") as file:
                file.truncate(liar.HUGE)
        (swarm / "peer_1002.stderr").write_text("words")
        collected = commands.run("collect", "--python", PYTHON, "--runs", commands.runs)
        assert collected.returncode == ExitStatus.HOSTS_FAILED, collected.stdout + collected.stderr
        folder = commands.runs / "latest"
        assert {path.name for path in folder.iterdir() if "peer_1002" in path.name} == {
            "peer_1002.stderr"
        }
        assert (folder / "log_peer_1001.log").exists()
        problems = "\n".join(commands.result()["problems"])
        assert "log_peer_1002.log: can't be brought here: 10 bytes were announced" in problems
        assert "trace_peer_1002.jsonl: 1.4 GiB are more than such a swarm writes" in problems
        assert "laptop-two: what it kept of the launch: Note.peers: 1001 can't be" in problems
        for done in (launched, collected):
            assert (done.stdout + done.stderr).replace("\n", "").isprintable()

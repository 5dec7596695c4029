"""What is asked for on the command line of `invoke remote.*`, and what is refused before a connection."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path

import pytest

from harness.errors import HarnessError
from harness.local import runfolder
from harness.remote.plan import Options, make_plan

COMMON = """\
NumberOfPreferredNeighbors 1
UnchokingInterval 1
OptimisticUnchokingInterval 1
FileName file
FileSize 10
PieceSize 5
"""


def configured(folder: Path, *lines: str) -> str:
    (folder / "Common.cfg").write_text(COMMON)
    (folder / "PeerInfo.cfg").write_text("".join(f"{line}\n" for line in lines))
    return str(folder)


def test_peers_of_a_host_belong_together(tmp_path: Path) -> None:
    """Hosts are those of PeerInfo.cfg in its order, each with all of its peers."""
    plan = make_plan(Options(configured(tmp_path, "7 b 6001 1", "3 a 6001 0", "5 b 6002 0")))
    assert [(host.name, [peer.peer_id for peer in host.peers]) for host in plan.hosts] == [
        ("b", [7, 5]),
        ("a", [3]),
    ]


@pytest.mark.parametrize("host", ["localhost", "127.0.0.2", "::1"])
def test_this_machine_means_another_one_there(tmp_path: Path, host: str) -> None:
    """A loopback host among others is refused, since it is another machine on every machine."""
    with pytest.raises(HarnessError, match=f"peer 1: on every machine '{host}' is that machine"):
        make_plan(Options(configured(tmp_path, f"1 {host} 6001 1", "2 b 6001 0")))
    make_plan(Options(configured(tmp_path, f"1 {host} 6001 1", f"2 {host} 6002 0")))


def test_time_is_unlimited_unless_asked_for(tmp_path: Path) -> None:
    """A swarm across machines takes its time, unless swarm.toml or --timeout says otherwise."""
    config = configured(tmp_path, "1 a 6001 1", "2 b 6001 0")
    assert make_plan(Options(config)).limits.timeout == math.inf
    (tmp_path / "swarm.toml").write_text("timeout = 7\nrate = 100\n")
    limits = make_plan(Options(config)).limits
    assert (limits.timeout, limits.rate) == (7, 100)
    assert make_plan(Options(config, timeout=9)).limits.timeout == 9
    file = tmp_path / "a file"
    file.write_text("x")
    assert make_plan(Options(config, file=file)).limits.rate == 0


def test_an_ssh_configuration_that_is_not_there(tmp_path: Path) -> None:
    """An --ssh-config that isn't there is refused before any connection."""
    config = configured(tmp_path, "1 a 6001 1")
    with pytest.raises(HarnessError, match="--ssh-config nowhere: no such file"):
        make_plan(Options(config, ssh_config=Path("nowhere")))


def test_without_the_extra(tmp_path: Path) -> None:
    """Without the extra `remote` all other commands work, and these say in one sentence what to do."""
    (tmp_path / "paramiko.py").write_text("raise ModuleNotFoundError('no', name='paramiko')\n")

    def invoke(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "invoke", *arguments],
            cwd=runfolder.ROOT,
            env={"PYTHONPATH": f"{tmp_path}:{runfolder.ROOT}:{runfolder.ROOT / 'io'}"},
            capture_output=True,
            text=True,
            check=False,
        )

    assert invoke("--list").returncode == 0
    assert invoke("remote.swarm", "--help").returncode == 0
    refused = invoke("remote.check")
    assert refused.returncode == 1
    assert refused.stderr == (
        "the commands of remote need paramiko, which isn't installed here: run `pip install -e '.[remote]'` in the project's folder\n"
    )

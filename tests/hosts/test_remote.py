"""`invoke remote.*` over hosts in miniature: real sshd, real peers, nothing left behind."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.exits import ExitStatus
from tests.kit.hosts.commands import PIECE_SIZE, PORT, WITHIN, Commands, lose_patience
from tests.kit.hosts.lab import Lab

MB = 1_000_000


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    with Lab(tmp_path / "lab", hosts=3) as lab:
        yield lab


def assert_swarm_is_ok(commands: Commands, done: subprocess.CompletedProcess[str]) -> None:
    assert done.returncode == 0, done.stdout + done.stderr
    assert "PASS: " in done.stdout
    assert "3 of 3 copies identical, exit status 0." in done.stdout
    for host in commands.lab.hosts:
        assert host.processes() == {}
    content = commands.file.read_bytes()
    for peer_id, host in zip((1001, 1002, 1003), commands.lab.hosts, strict=True):
        copy = host.home / f"swarmproof/swarm/peer_{peer_id}" / commands.file.name
        assert copy.read_bytes() == content


def test_a_swarm_across_hosts(lab: Lab) -> None:
    """`invoke remote.swarm` does it all on hosts that have Python alone, and its verdict is PASS."""
    commands = Commands(lab, size=3 * MB)
    done = commands.run("swarm", "--file", commands.file, "--runs", commands.runs)
    assert_swarm_is_ok(commands, done)
    folder = commands.runs / "latest"
    for peer_id in (1001, 1002, 1003):
        assert (folder / f"log_peer_{peer_id}.log").exists()
        assert (folder / f"trace_peer_{peer_id}.jsonl").exists()
    assert commands.result()["problems"] == []
    again = commands.run("deploy", "--file", commands.file)
    assert again.returncode == 0, again.stdout
    assert "sent" not in again.stdout
    assert "was there" in again.stdout


def test_nothing_to_collect(tmp_path: Path) -> None:
    """Before anything was launched there is nothing to collect: one sentence says what comes first, and no run folder is made."""
    with Lab(tmp_path / "lab", hosts=1) as lab:
        commands = Commands(lab, size=MB)
        done = commands.run("collect", "--runs", commands.runs)
        assert (done.returncode, done.stdout) == (1, "")
        assert "nothing was launched on these hosts yet: `swarmproof remote launch`" in done.stderr
        assert not commands.runs.exists()


def test_several_peers_on_hosts_behind_another(tmp_path: Path) -> None:
    """Hosts may have several peers, and be reached through each other, as the ssh configuration says."""
    with Lab(tmp_path / "lab", hosts=2) as lab:
        commands = Commands(lab, size=MB, peers_each=2)
        behind = f"Host {lab.hosts[1].name}\n"
        text = lab.ssh_config.read_text()
        jump = f"{behind}    ProxyJump {lab.hosts[0].name}\n"
        lab.ssh_config.write_text(text.replace(behind, jump))
        done = commands.run("swarm", "--file", commands.file, "--runs", commands.runs)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "4 of 4 copies identical, exit status 0." in done.stdout


def test_a_name_that_others_do_not_know_and_a_small_disk(lab: Lab) -> None:
    """A check tells of hosts that don't know each other's names, and of those without room for the file."""
    commands = Commands(lab, size=MB)
    commands.place_file()
    (lab.hosts[0].folder / "etc/hosts").write_text("127.0.0.1 localhost\n")
    common = commands.folder / "Common.cfg"
    text = common.read_text().replace(f"FileSize {MB}", f"FileSize {MB}0000000")
    common.write_text(text.replace(f"PieceSize {PIECE_SIZE}", "PieceSize 1073741824"))
    told = commands.run("check").stdout
    assert "laptop-one: the name 'laptop-two' isn't known there: write addresses into" in told
    assert "laptop-two: 9313.2 GiB are needed, and " in told
    assert f"a file.bin has {MB} bytes, but Common.cfg says {MB}0000000: put the right" in told


@pytest.mark.thorough
@pytest.mark.timeout(300)
def test_acceptance_a_200_mb(tmp_path: Path) -> None:
    """200 MB at 100 Mbit/s and 5 ms: launch, transfer, collection, verdict ok, no process left (acceptance A)."""
    with Lab(tmp_path / "lab", hosts=3, rate=100e6, rtt=0.005) as lab:
        commands = Commands(lab, size=200 * MB)
        options = ("--file", commands.file, "--runs", commands.runs)
        assert_swarm_is_ok(commands, commands.run("swarm", *options, timeout=250))


def test_a_killed_launch_leaves_nothing(lab: Lab) -> None:
    """After `kill -9` of the controller nothing is left on any host, and the next launch works at once
    after `remote.stop`, ends by Ctrl-C in order, and can be collected (acceptance D).
    """
    commands = Commands(lab, size=8 * MB, rate=100_000)
    commands.place_file()
    assert commands.run("deploy").returncode == 0
    launch = commands.start("launch")
    commands.await_transfer()
    launch.kill()
    launch.communicate()
    stopped = commands.run("stop")
    assert stopped.returncode == 0, stopped.stdout
    assert not any(host.processes() for host in lab.hosts)
    second = commands.start("launch")
    commands.await_transfer()
    second.send_signal(signal.SIGINT)
    out, _ = second.communicate(timeout=WITHIN)
    assert second.returncode == 130, out
    assert "exit status 130; logs and traces: `invoke remote.collect`" in out
    assert not any(host.processes() for host in lab.hosts)
    collected = commands.run("collect", "--runs", commands.runs)
    assert collected.returncode == 0, collected.stdout + collected.stderr
    assert [peer["status"] for peer in commands.result()["peers"]] == [130, 130, 130]


def test_a_second_launch_is_refused_and_the_first_goes_on(lab: Lab) -> None:
    """While a launch runs, another one and a deployment are refused; without a controller all ends by itself."""
    commands = Commands(lab, size=8 * MB, rate=100_000)
    commands.place_file()
    assert commands.run("deploy").returncode == 0
    first = commands.start("launch")
    commands.await_transfer()
    for task in ("launch", "deploy", "check"):
        refused = commands.run(task)
        assert refused.returncode == ExitStatus.HOSTS_FAILED, refused.stdout
        assert "laptop-two: an earlier launch still runs: peer 1002 (process " in refused.stdout
        assert "`invoke remote.stop`" in refused.stdout
    assert all(len(host.processes()) == 2 for host in lab.hosts)
    first.kill()
    first.communicate()
    commands.await_nobody()


def test_everything_wrong_is_told_at_once(lab: Lab) -> None:
    """A check names every host and what is wrong there: a missing file, a port in use, a host that is down."""
    commands = Commands(lab, size=MB)
    one, two, three = lab.hosts
    script = f"import socket; s = socket.create_server(('', {PORT})); print('ready', flush=True); s.accept()"
    holder = two.start(["python3", "-c", script], stdout=subprocess.PIPE, text=True)
    assert holder.stdout
    assert holder.stdout.readline() == "ready\n"
    three.unplug()
    lose_patience(lab)
    checked = commands.run("check")
    assert checked.returncode == ExitStatus.HOSTS_FAILED
    problems = checked.stdout.splitlines()[4:]
    assert sorted(problem.partition(":")[0] for problem in problems) == sorted(
        host.name for host in lab.hosts
    )
    told = "\n".join(problems)
    assert f"{one.home}/swarmproof/swarm/peer_1001/a file.bin is missing: put it there" in told
    assert f"{two.name}: port {PORT} is in use: end the program that holds it" in told
    assert f"{three.name}: no answer from {three.address} port 22: is it switched on" in told
    nothing = commands.run("swarm", "--file", commands.file, "--runs", commands.runs)
    assert nothing.returncode == ExitStatus.HOSTS_FAILED
    assert not commands.runs.exists()
    holder.kill()
    assert [path.name for path in one.home.iterdir()] == []


def test_only_known_hosts_are_trusted(lab: Lab) -> None:
    """A host whose key isn't known, or is another than the known one, isn't spoken to."""
    commands = Commands(lab, size=MB)
    known = lab.controller.folder / "etc/known_hosts"
    keys = dict(line.split(maxsplit=1) for line in known.read_text().splitlines())
    one, two, _three = keys
    known.write_text(f"{one} {keys[two]}\n")
    checked = commands.run("check")
    assert checked.returncode == ExitStatus.HOSTS_FAILED
    assert "laptop-one: its key isn't the one that is known here" in checked.stdout
    assert "laptop-two: its key isn't known here yet: run `ssh laptop-two` once" in checked.stdout


def test_what_can_be_collected_is(lab: Lab) -> None:
    """Where a host is gone, the others' logs are brought all the same, and it is named."""
    commands = Commands(lab, size=MB)
    done = commands.run("swarm", "--file", commands.file, "--runs", commands.runs)
    assert done.returncode == 0, done.stdout + done.stderr
    lab.hosts[1].vanish()
    lose_patience(lab)
    collected = commands.run("collect", "--file", commands.file, "--runs", commands.runs)
    assert collected.returncode == ExitStatus.HOSTS_FAILED
    assert "laptop-two: no answer from 10.99.0.2 port 22" in collected.stdout
    assert "2 of 3 copies identical, exit status 8. NOT ALL IS HERE" in collected.stdout
    (problem,) = commands.result()["problems"]
    assert problem.startswith("laptop-two: ")
    logs = {path.name for path in (commands.runs / "latest").glob("log_*")}
    assert logs == {"log_peer_1001.log", "log_peer_1003.log"}


@pytest.mark.thorough
def test_an_unplugged_cable_does_no_harm(lab: Lab) -> None:
    """A host whose cable is out for 20 s is still in the swarm, which completes."""
    commands = Commands(lab, size=2 * MB, rate=80_000)
    commands.place_file()
    swarm = commands.start("swarm", "--runs", commands.runs)
    commands.await_transfer()
    lab.hosts[2].unplug()
    time.sleep(20)  # it is the time that is tested
    lab.hosts[2].plug()
    out, _ = swarm.communicate(timeout=110)
    assert swarm.returncode == 0, out
    assert "laptop-three is lost" not in out


@pytest.mark.thorough
@pytest.mark.timeout(300)
def test_a_host_that_vanishes_is_named(lab: Lab) -> None:
    """A host that is gone counts as failed; the others end by themselves with 3, and their logs come."""
    commands = Commands(lab, size=2 * MB, rate=80_000)
    commands.place_file()
    swarm = commands.start("swarm", "--runs", commands.runs)
    commands.await_transfer()
    lab.hosts[2].vanish()
    out, _ = swarm.communicate(timeout=250)
    assert swarm.returncode == ExitStatus.HOSTS_FAILED, out
    assert "laptop-three is lost: no sign of life for 60 s: peer 1003 counts as failed" in out
    assert [peer["status"] for peer in commands.result()["peers"]] == [3, 3, 8]
    assert not lab.hosts[0].processes()

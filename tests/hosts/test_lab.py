"""The hosts in miniature themselves: what other tests rely on."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.kit.hosts import needs
from tests.kit.hosts.host import Clock, Host
from tests.kit.hosts.lab import ROOT, Lab
from tests.kit.hosts.namespaces import processes_in

SEND = """
import socket, sys
sock = socket.create_connection((sys.argv[1], 7000), 10)
sock.sendall(bytes(int(sys.argv[2])))
sock.shutdown(socket.SHUT_WR)
sock.recv(1)
"""
RECEIVE = """
import socket, time
server = socket.create_server(("", 7000))
print("ready", flush=True)
sock = server.accept()[0]
count, begin = len(sock.recv(1 << 16)), time.monotonic()
while data := sock.recv(1 << 16):
    count += len(data)
print(count / (time.monotonic() - begin))
"""


def start_script(host: Host, script: str, *arguments: str) -> subprocess.Popen[Any]:
    """Start a script there that says "ready", and wait until it does."""
    command = ["python3", "-c", script, *arguments]
    process = host.start(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where hosts can't be made the tests are skipped, and the reason names what is missing."""
    look = needs.missing.__wrapped__
    with monkeypatch.context() as without:
        without.setattr("os.geteuid", lambda: 1000)
        assert look() == "hosts in miniature need root, to make network namespaces"
    for program in needs.PACKAGES:
        with monkeypatch.context() as without:
            without.setattr(needs, "SYSTEM_PATH", "/nowhere")
            without.setattr(needs, "PACKAGES", {program: needs.PACKAGES[program]})
            assert (
                look() == f"hosts in miniature need {program} (package {needs.PACKAGES[program]})"
            )
    with monkeypatch.context() as without:
        without.setattr(needs, "TRIAL", "echo no bridges >&2; exit 2")
        assert look() == "hosts in miniature can't be made here: no bridges"


def test_a_host_is_a_machine_of_its_own(tmp_path: Path) -> None:
    """A host has its own name, home, address and processes, and doesn't see another's home."""
    with Lab(tmp_path / "lab", hosts=2) as lab:
        one, two = lab.hosts
        (two.home / "secret").touch()
        script = (
            f'hostname; echo "$HOME"; getent hosts {two.name}; ls {two.folder} 2>&1 >&-; echo $$'
        )
        name, home, found, hidden, number = one.run(["sh", "-c", script]).stdout.splitlines()
        assert (name, home) == (one.name, str(one.home))
        assert found.split() == [two.address, two.name]
        assert "No such file" in hidden
        assert int(number) < 100  # it has its own numbers
        sleeper = one.start(["sleep", "1000"])
        deadline = time.monotonic() + 20
        while one.processes() != {sleeper.pid: "sleep 1000"}:
            assert time.monotonic() < deadline, one.processes()
            time.sleep(0.01)
        assert two.processes() == {}


def test_ssh_from_the_controller(tmp_path: Path) -> None:
    """The controller reaches every host by its name over SSH, and finds its home and its clock there."""
    if needs.faketime() is None:
        pytest.skip("a host with another time needs libfaketime (package faketime)")
    ahead = Clock(ahead=600, zone="Asia/Kolkata")
    with Lab(tmp_path / "lab", hosts=2, clocks={1: ahead}) as lab:
        for host, seconds, zone in ((lab.hosts[0], 0, "+0000"), (lab.hosts[1], 600, "+0530")):
            script = "pwd; date +%s; date +%z"
            done = lab.controller.run(["ssh", "-F", lab.ssh_config, host.name, script])
            home, now, offset = done.stdout.splitlines()
            assert home == str(host.home), done.stderr
            assert abs(int(now) - time.time() - seconds) < 60
            assert offset == zone


def test_what_measures_intervals_sees_no_fake(tmp_path: Path) -> None:
    """A host whose clock is ahead measures intervals as all others do."""
    if needs.faketime() is None:
        pytest.skip("a host with another time needs libfaketime (package faketime)")
    with Lab(tmp_path / "lab", hosts=1, clocks={0: Clock(ahead=600)}) as lab:
        script = "import time; print(time.monotonic()); time.sleep(0.2); print(time.monotonic())"
        before = time.monotonic()
        begin, end = map(float, lab.hosts[0].run(["python3", "-c", script]).stdout.split())
        assert before < begin + 0.2 <= end < time.monotonic()


@pytest.mark.parametrize("rtt", [0.0, 0.004])
def test_rates_and_delay(rtt: float, tmp_path: Path) -> None:
    """A stream between two hosts gets what the rate leaves for content, and takes the round trip."""
    with Lab(tmp_path / "lab", hosts=2, rate=40e6, rtt=rtt) as lab:
        one, two = lab.hosts
        receiver = start_script(two, RECEIVE)
        assert one.run(["python3", "-c", SEND, two.name, "2000000"]).returncode == 0
        # Headers cost 4 to 6 %, and the first burst is free.
        assert 0.7 * 40e6 < 8 * float(receiver.communicate()[0]) < 1.1 * 40e6
        done = one.run(["ssh-keyscan", "-T", "5", two.name])
        assert "ssh-ed25519" in done.stdout
        assert round_trip(lab) >= rtt


def round_trip(lab: Lab) -> float:
    """Seconds that a connection takes from one host to another."""
    script = (
        "import socket, sys, time; begin = time.monotonic();"
        "socket.create_connection((sys.argv[1], 22)); print(time.monotonic() - begin)"
    )
    return float(lab.hosts[0].run(["python3", "-c", script, lab.hosts[1].name]).stdout)


def test_lost_frames(tmp_path: Path) -> None:
    """Where every frame is lost nothing arrives."""
    lab = Lab(tmp_path / "lab", hosts=2, loss=1.0)
    with lab:
        script = "import socket, sys; socket.create_connection((sys.argv[1], 22), 0.3)"
        done = lab.hosts[0].run(["python3", "-c", script, lab.hosts[1].address])
        assert "timed out" in done.stderr or "No route" in done.stderr


@pytest.mark.parametrize("rtt", [0.0, 0.002])
def test_a_pulled_cable(rtt: float, tmp_path: Path) -> None:
    """While a cable is out nothing arrives and no connection is told; then all goes on."""
    with Lab(tmp_path / "lab", hosts=2, rtt=rtt) as lab:
        one, two = lab.hosts
        receiver = start_script(two, RECEIVE)
        two.unplug()
        sender = one.start(["python3", "-c", SEND, two.name, "1000"])
        with pytest.raises(subprocess.TimeoutExpired):
            sender.wait(0.2)
        two.plug()
        assert sender.wait(20) == 0
        assert receiver.wait(20) == 0


def test_a_host_that_vanishes(tmp_path: Path) -> None:
    """Of a host that vanished no process is left, and its connections elsewhere hear nothing."""
    with Lab(tmp_path / "lab", hosts=2) as lab:
        one, two = lab.hosts
        receiver = start_script(two, RECEIVE)
        script = (
            "import socket, sys; sock = socket.create_connection((sys.argv[1], 7000));"
            "print('ready', flush=True); sock.recv(1)"
        )
        waiting = start_script(one, script, two.name)
        two.vanish()
        assert receiver.wait(20) == -signal.SIGKILL
        with pytest.raises(subprocess.TimeoutExpired):
            waiting.wait(0.2)


OWNER = """
import sys
from pathlib import Path
from tests.kit.hosts.lab import Lab
with Lab(Path(sys.argv[1]), hosts=2, rtt=0.004) as lab:
    lab.hosts[0].start(["sleep", "1000"])
    for host in lab.hosts:
        print(Path(f"/proc/{host.pid}/ns/pid_for_children").readlink())
        print(host.pid)
    print("", flush=True)
    sys.stdin.read()
"""


def test_nothing_is_left_behind(tmp_path: Path) -> None:
    """When a lab's owner is killed, its hosts and all that ran on them end."""
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER, tmp_path / "lab"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with owner:
        assert owner.stdout is not None
        namespaces = list(iter(owner.stdout.readline, "\n"))
        owner.kill()
    places = [line.strip() for line in namespaces if line.startswith("pid:")]
    assert len(places) == 2
    deadline = time.monotonic() + 20
    while any(processes_in(place) for place in places) or str(tmp_path) in everything():
        assert time.monotonic() < deadline, everything()
        time.sleep(0.02)


def everything() -> str:
    """The command lines of all processes in this PID namespace."""
    return "\n".join(processes_in(str(Path("/proc/self/ns/pid").readlink())).values())

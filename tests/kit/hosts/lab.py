"""Hosts in miniature: a few machines on one switch, inside this one.

Each host is a network, mount, PID and UTS namespace of its own, so it has its own address, name, home
folder and processes, and a real sshd; all are joined by a bridge in one more namespace. None of the
namespaces has a name: they live as long as the processes in them, and these end when a pipe ends that
only the lab holds. So nothing is left behind, however the lab's owner ends, and labs work side by side.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Self

from tests.kit.hosts import ssh
from tests.kit.hosts.host import WITHIN, Clock, Host, run_in_network
from tests.kit.hosts.needs import SYSTEM_PATH

ROOT = Path(__file__).resolve().parents[3]
NUMBERS = dict(enumerate(("one", "two", "three", "four", "five", "six", "seven", "eight")))
CABLES_A_ROUND_TRIP = 4
BURST_TIME = 0.0005
LEAST_BURST = 80 * 1024
"""A rate limit lets through at once what it allows in `BURST_TIME` seconds, but always the 64 KiB that
TCP hands over at a time. Half a piece and more would hide what it costs to ask for one at a time."""
LONGEST_WAIT = "50ms"
"""What would have to wait longer for the rate limit is lost, as in a router whose memory is full."""


class Lab:
    """`hosts` machines, and `controller`, a place that reaches all of them by SSH.

    `folder` is made, and stays. `rate` limits what each host sends and what it receives, in bits a
    second; `rtt` is the round trip between two hosts, in seconds, `loss` the share of frames lost on
    the way from one to another; `clocks` are those of hosts, by their place in `hosts`. Every host
    knows the names of all. The controller has this process's environment, but for its home.
    """

    def __init__(
        self,
        folder: Path,
        *,
        hosts: int,
        rate: float | None = None,
        rtt: float = 0.0,
        loss: float = 0.0,
        clocks: Mapping[int, Clock] | None = None,
    ) -> None:
        self.folder = folder
        self._rate = rate
        self._delay = rtt / CABLES_A_ROUND_TRIP
        self._loss = 1 - (1 - loss) ** 0.5  # two cables lead from one host to another
        self._wired = bool(rtt or loss)
        """Cables are `tests.kit.hosts.wire`'s; else the kernel's, which know neither delay nor loss."""
        self.hosts = [
            self._host(f"laptop-{NUMBERS.get(i, i + 1)}", 1 + i, (clocks or {}).get(i, Clock()))
            for i in range(hosts)
        ]
        self.controller = self._host("controller", 254, Clock())
        interpreters = Path(sys.executable).parent
        self.controller.environment = {
            **os.environ,
            "PATH": f"{interpreters}:{os.environ['PATH']}",
            "HOME": str(self.controller.home),
        }
        self.ssh_config = self.controller.folder / "etc/ssh_config"
        self._ends = ExitStack()

    def _host(self, name: str, number: int, clock: Clock) -> Host:
        return Host(name, number, self.folder / name, clock)

    def __enter__(self) -> Self:
        with ExitStack() as ends:
            self._write_files()
            for host in self._everybody:
                host.boot(hidden=self.controller.home if host is self.controller else self.folder)
                ends.callback(host.shut_down)
            switch = self._start_switch(ends)
            for host in self._everybody:
                host.await_up()
            self._lay_cables(switch, ends)
            for host in self.hosts:
                self._await_sshd(host)
            self._ends = ends.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.close()

    @property
    def _everybody(self) -> list[Host]:
        return [*self.hosts, self.controller]

    def _write_files(self) -> None:
        """Each host's account, its names of all hosts, its keys."""
        names = "".join(f"{host.address} {host.name}\n" for host in self._everybody)
        for host in self._everybody:
            host.home.mkdir(parents=True)
            etc = host.folder / "etc"
            etc.mkdir()
            (etc / "passwd").write_text(ssh.accounts(host.home))
            (etc / "hosts").write_text(f"127.0.0.1 localhost\n::1 localhost\n{names}")
        ssh.make_client(self.controller, self.hosts, self.ssh_config)

    def _start_switch(self, ends: ExitStack) -> int:
        """A process in the network namespace of the bridge; its id."""
        return self._start_helper(ends, ["unshare", "--net", "sh", "-c", "echo ready; exec cat"])

    def _start_helper(self, ends: ExitStack, command: list[str]) -> int:
        """Start what says "ready" and ends with its stdin; its id."""
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env={"PATH": SYSTEM_PATH},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        ends.enter_context(process)  # closes its pipes and waits
        assert process.stdout is not None
        if process.stdout.readline() != b"ready\n":
            raise RuntimeError(f"{command} doesn't work here")
        return process.pid

    def _lay_cables(self, switch: int, ends: ExitStack) -> None:
        """Join every host to the bridge."""
        run_in_network(switch, "ip", "link add bridge0 type bridge", "link set bridge0 up")
        for number, host in enumerate(self._everybody):
            host.plugged_into(switch, f"port{number}")
        if self._wired:
            pairs = [f"{host.port}={host.pid}" for host in self._everybody]
            settings = [str(self._delay), str(self._loss), str(switch)]
            module = [sys.executable, "-m", "tests.kit.hosts.wire"]
            self._start_helper(ends, [*module, *settings, *pairs])
        for host in self._everybody:
            self._lay_cable(host)

    def _lay_cable(self, host: Host) -> None:
        """Join a host to the bridge, with its address and limits."""
        lines = [f"link set {host.port} master bridge0 up"]
        if not self._wired:
            lines.insert(0, f"link add {host.port} type veth peer name eth0 netns {host.pid}")
        run_in_network(host.switch, "ip", *lines)
        run_in_network(
            host.pid,
            "ip",
            f"link set eth0 address {host.hardware_address}",
            f"address add {host.address}/24 dev eth0",
            "link set eth0 up",
        )
        if self._rate and host is not self.controller:
            run_in_network(host.pid, "tc", limit("eth0", self._rate))
            run_in_network(host.switch, "tc", limit(host.port, self._rate))

    def reboot(self, host: Host) -> None:
        """Start a host that has vanished again, with the files that it had; not with delay or loss."""
        assert not self._wired, "its cable's other end is gone"
        (host.folder / "sshd.txt").unlink()
        host.boot(hidden=self.folder)
        host.await_up()
        with suppress(RuntimeError):  # the system may have removed the old cable already
            run_in_network(host.switch, "ip", f"link delete {host.port}")
        self._lay_cable(host)
        self._await_sshd(host)

    def _await_sshd(self, host: Host) -> None:
        log = host.folder / "sshd.txt"
        deadline = time.monotonic() + WITHIN
        while not (log.exists() and "Server listening" in log.read_text()):
            assert time.monotonic() < deadline, log.read_text() if log.exists() else "no sshd"
            time.sleep(0.01)


def limit(device: str, rate: float) -> str:
    """For `tc`: limit what this device sends, in bits a second."""
    burst = max(LEAST_BURST, int(rate / 8 * BURST_TIME))
    return (
        f"qdisc add dev {device} root tbf rate {rate:.0f}bit burst {burst} latency {LONGEST_WAIT}"
    )

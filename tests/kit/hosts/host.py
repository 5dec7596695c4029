"""One host in miniature: its namespaces, its cable, and what runs on it."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.kit.hosts import init
from tests.kit.hosts.namespaces import inside, processes_in
from tests.kit.hosts.needs import SYSTEM_PATH, faketime

WITHIN = 20.0
"""Seconds for what takes a tenth of one on a quiet machine."""
INTERPRETERS = Path(sys.executable).resolve().parent

_births = threading.Lock()
"""Held while this thread's children are born into another PID namespace."""


@dataclass(frozen=True)
class Clock:
    """What a host takes for the time: seconds ahead of the real one, and its time zone."""

    ahead: float = 0.0
    zone: str = "UTC"

    def environment(self) -> dict[str, str]:
        """The variables that make a process see it so; what measures intervals sees the real time."""
        if not self.ahead:
            return {"TZ": self.zone}
        return {
            "TZ": self.zone,
            "LD_PRELOAD": str(faketime()),
            "FAKETIME": f"{self.ahead:+g}s",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "PYTHONPATH": str(Path(__file__).with_name("faked")),
        }


class Host:
    """One machine. `home` is root's home there; other hosts don't see it.

    `environment` is what its processes find, also over SSH.
    """

    def __init__(self, name: str, number: int, folder: Path, clock: Clock) -> None:
        self.name = name
        self.address = f"10.99.0.{number}"
        self.hardware_address = f"02:00:00:00:00:{number:02x}"
        self.folder = folder
        self.home = folder / "home"
        self.environment = {
            "HOME": str(self.home),
            "PATH": f"{INTERPRETERS}:{SYSTEM_PATH}",
            "LANG": "C.UTF-8",
            **clock.environment(),
        }
        self._started: list[subprocess.Popen[Any]] = []
        self.port, self.switch = "", 0
        """Where its cable ends: a device in the network namespace of a process."""
        self._namespace = ""

    # Life.

    def boot(self, hidden: Path) -> None:
        """Start its first process, which won't see the folder `hidden`; `await_up` follows."""
        with (self.folder / "console.txt").open("wb") as console:
            self._init = subprocess.Popen(
                [
                    *("unshare", "--net", "--mount", "--uts", "--pid", "--fork"),
                    *("--kill-child=SIGKILL", "--mount-proc"),
                    *(sys.executable, "-I", "-S", init.__file__, self.name, self.folder, hidden),
                ],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=console,
                env={"PATH": SYSTEM_PATH},
                start_new_session=True,
            )

    def await_up(self) -> None:
        """Wait until its namespaces are there and furnished."""
        assert self._init.stdout is not None
        if self._init.stdout.readline() != b"ready\n":
            raise RuntimeError(f"{self.name} isn't up: {(self.folder / 'console.txt').read_text()}")
        self._namespace = str(Path(f"/proc/{self.pid}/ns/pid_for_children").readlink())

    @property
    def pid(self) -> int:
        """A process in its network, mount and UTS namespaces, the parent of its first one."""
        return self._init.pid

    def vanish(self) -> None:
        """The machine is gone: nothing of it lives, and no packet told anybody."""
        self.unplug()
        self._init.kill()
        self._collect()
        deadline = time.monotonic() + WITHIN
        while left := processes_in(self._namespace):
            assert time.monotonic() < deadline, left
            time.sleep(0.01)

    def shut_down(self) -> None:
        """End it; it may have vanished before."""
        assert self._init.stdin is not None
        assert self._init.stdout is not None
        self._init.stdin.close()
        self._init.stdout.close()
        self._collect()

    def _collect(self) -> None:
        """Wait for its end; its first process can't end before whom we started there was waited for."""
        for process in [*self._started, self._init]:
            process.wait(WITHIN)

    # Cable.

    def plugged_into(self, switch: int, port: str) -> None:
        """Its cable ends in this device, in the network namespace of the process `switch`."""
        self.port, self.switch = port, switch

    def unplug(self) -> None:
        """Pull its cable: what is sent from now on is lost, and nobody is told."""
        self._set_port("down")

    def plug(self) -> None:
        """Put its cable in again."""
        self._set_port("up")

    def _set_port(self, state: str) -> None:
        run_in_network(self.switch, "ip", f"link set {self.port} {state}")

    # Work.

    def start(
        self,
        command: Sequence[str | Path],
        *,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        **options: Any,
    ) -> subprocess.Popen[Any]:
        """Start a command there, in its home unless `cwd` is given; `options` are those of Popen.

        The process that is returned is the command's own. `env` is added to the host's environment.
        """
        variables = [
            f"{name}={value}" for name, value in (self.environment | {**(env or {})}).items()
        ]
        enter = ("nsenter", "--target", str(self.pid), "--net", "--mount", "--uts", "--")
        with _births, inside(f"/proc/{self.pid}/ns/pid_for_children"):
            process = subprocess.Popen(
                [*enter, "env", "-i", f"--chdir={cwd or self.home}", *variables, *command],
                **{"stdin": subprocess.DEVNULL, "start_new_session": True, **options},
            )
        self._started.append(process)
        return process

    def run(
        self, command: Sequence[str | Path], *, timeout: float = 60.0, **options: Any
    ) -> subprocess.CompletedProcess[str]:
        """Run a command there to its end; its output as text, unless `options` send it elsewhere."""
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        process = self.start(command, **{**pipes, **options})
        try:
            out, err = process.communicate(timeout=timeout)
        except BaseException:
            process.kill()
            process.communicate()
            raise
        return subprocess.CompletedProcess(list(command), process.returncode, out, err)

    def processes(self) -> dict[int, str]:
        """Command lines of what runs there but for its first process and sshd, by their id here."""
        return {
            pid: command
            for pid, command in processes_in(self._namespace).items()
            if init.__file__ not in command and "sshd" not in command.split()[0]
        }


def run_in_network(pid: int, program: str, *lines: str) -> None:
    """Give `ip` or `tc` these lines, in the network namespace of a process."""
    done = subprocess.run(
        ["nsenter", "--target", str(pid), "--net", "--", program, "-batch", "-"],
        input="\n".join(lines) + "\n",
        env={"PATH": SYSTEM_PATH},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{program}: {done.stderr.strip()}; it was given {lines}")

"""Which processes were launched on this host: written down, found again, ended by their ids.

A process is known by its id and the moment of its birth, so that an id that the system gave to
another process since is never hit. Records lie in a folder for this boot of this machine, since
machines may share a home folder.

Nothing but the standard library is imported: this file runs on the hosts.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

PROC = Path("/proc")
LAUNCHER = "launcher"
"""The name of an agent's record; those of peers have their peer's."""
_KILL_TIME = 2.0
_PAUSE = 0.05


@dataclass(frozen=True, slots=True)
class Record:
    """A process that was launched: its id, its birth as `birth` tells it, and what it is."""

    pid: int
    born: str
    name: str

    @property
    def lives(self) -> bool:
        """Whether this very process still runs."""
        return birth(self.pid) == self.born

    def signal(self, number: int) -> None:
        """Send it a signal, if it still runs; PermissionError if it isn't ours."""
        if self.lives:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)


def birth(pid: int) -> str | None:
    """Return what tells a process from all others that have or had its id; None when it is gone.

    One that has ended, but wasn't waited for, is gone.
    """
    if not (PROC / "self" / "stat").exists():
        return _birth_by_ps(pid)
    try:
        # The name in parentheses may hold anything; state and ticks at the birth follow it.
        _, _, rest = (PROC / str(pid) / "stat").read_text(errors="replace").rpartition(")")
    except OSError:
        return None
    fields = rest.split()
    return None if fields[0] in "ZX" else fields[19]


def _birth_by_ps(pid: int) -> str | None:
    """Do the same for systems without /proc, such as macOS."""
    command = ["ps", "-o", "stat=", "-o", "lstart=", "-p", str(pid)]
    environment = {**os.environ, "LC_ALL": "C", "TZ": "UTC"}
    shown = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    state, _, start = shown.stdout.strip().partition(" ")
    return start.strip() if start and not state.startswith("Z") else None


def boot() -> str:
    """Return what tells this boot of this machine from others, where the system has it."""
    try:
        return (PROC / "sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return "boot"


class Records:
    """The records of this host in `home`."""

    def __init__(self, home: Path) -> None:
        self._folder = home / "processes" / boot()

    def keep(self, name: str, pid: int) -> None:
        """Write down a process that runs; OSError when that fails."""
        born = birth(pid)
        if born is not None:
            self._folder.mkdir(parents=True, exist_ok=True)
            text = json.dumps(asdict(Record(pid, born, name)))
            # In one step: a record is whole or not there.
            fresh = self._folder / f"{pid}.new"
            fresh.write_text(text)
            fresh.replace(self._path(pid))

    def drop(self, pid: int) -> None:
        """Forget a process that has ended; a record that stays does no harm, since it tells the birth."""
        with suppress(OSError):
            self._path(pid).unlink()

    def living(self) -> list[Record]:
        """Those that still run, peers before launchers; records of others are removed."""
        found = []
        for path in self._folder.glob("*.json"):
            record = _read(path)
            if record is not None and record.lives:
                found.append(record)
            else:
                path.unlink(missing_ok=True)
        return sorted(found, key=lambda record: (record.name == LAUNCHER, record.name))

    def end_all(self, grace: float) -> list[tuple[Record, str]]:
        """End all that still run, and only those; what became of each.

        Peers come first: a launcher that saw its own end would tell them a second time, which
        ends them at once instead of in order.
        """
        living = self.living()
        launchers = [record for record in living if record.name == LAUNCHER]
        peers = [record for record in living if record.name != LAUNCHER]
        ended = [*_end(peers, grace), *_end(launchers, grace)]
        self.living()
        return ended

    def _path(self, pid: int) -> Path:
        return self._folder / f"{pid}.json"


def _read(path: Path) -> Record | None:
    try:
        return Record(**json.loads(path.read_text()))
    except (OSError, ValueError, TypeError):
        return None


def _end(records: list[Record], grace: float) -> list[tuple[Record, str]]:
    """SIGTERM, and SIGKILL to those that still run when the grace is over."""
    how = dict.fromkeys(records, "ended")
    for number, patience in ((signal.SIGTERM, grace), (signal.SIGKILL, _KILL_TIME)):
        running = [record for record in records if record.lives]
        for record in running:
            try:
                record.signal(number)
            except PermissionError:
                how[record] = "isn't this user's, and runs on"
                continue
            if number == signal.SIGKILL:
                how[record] = "killed"
        _await_end(running, patience)
    return list(how.items())


def _await_end(records: list[Record], patience: float) -> None:
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline and any(record.lives for record in records):
        time.sleep(_PAUSE)

"""Measures processes that a launcher runs: CPU, wall time, messages and memory."""

from __future__ import annotations

import re
import time
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

try:
    import resource
except ImportError:  # on Windows
    resource = None  # type: ignore[assignment]  # looked at below

from collections.abc import Mapping, Sequence

from harness.errors import HarnessError
from harness.local.launcher import Launcher
from peerio.status import Status

_PEAK = re.compile(rb"VmHWM:\s+(\d+) kB")


@dataclass(frozen=True, slots=True)
class Whole:
    """What whole processes took, with their start: as Measurement says, but from before the first was started."""

    cpu: float
    wall: float
    peak_memory: int | None


@dataclass(frozen=True, slots=True)
class Measurement:
    """What a transfer took, from its start (the swarm's first unchoke) to the last process's end.

    Seconds of user and system time of all processes, seconds of wall time, messages sent and
    received by all, and the most memory that one of them held, in bytes (None where the system
    doesn't tell).
    """

    cpu: float
    wall: float
    messages: int
    peak_memory: int | None
    whole: Whole


def measure(commands: Mapping[int, Sequence[str]], folder: Path, *, timeout: float) -> Measurement:
    """Run all commands and measure them; HarnessError when one fails or the time is up."""
    before, begun = _children_cpu(), time.monotonic()
    meter = _Meter()
    outcome = Launcher(commands, folder, meter, timeout=timeout).run()
    if outcome.exit_status != 0:
        message = "\n".join(["a run of the benchmark failed:", *meter.diagnostics])
        raise HarnessError(message, status=outcome.exit_status)
    start, cpu = meter.start(), _children_cpu() - before
    peak = max(meter.peaks.values(), default=None)
    return Measurement(
        cpu=cpu - meter.cpu_at(start),
        wall=meter.end - start,
        messages=meter.messages(),
        peak_memory=peak,
        whole=Whole(cpu, meter.end - begun, peak),
    )


class _Meter:
    """The `Observer` of a launcher that notes what is needed to measure."""

    def __init__(self) -> None:
        self.diagnostics: list[str] = []
        self.peaks: dict[int, int] = {}
        self.end = 0.0
        self._pids: dict[int, int] = {}
        self._last: dict[int, Status] = {}
        self._cpu_used: dict[int, list[tuple[float, float]]] = {}

    def on_start(self, peer_id: int, pid: int) -> None:
        """From here on it uses CPU."""
        self._pids[peer_id] = pid
        self._cpu_used[peer_id] = [(time.monotonic(), 0.0)]

    def on_status(self, status: Status) -> None:
        """Keep it, and look at all processes: how often, decides how well `cpu_at` knows."""
        self._last[status.peer] = status
        if status.first_unchoke is not None and status.cpu_at_first_unchoke is not None:
            exact = (status.first_unchoke, status.cpu_at_first_unchoke)
            self._cpu_used[status.peer].append(exact)
        self.on_tick()

    def on_diagnostic(self, line: str) -> None:
        """Keep it for the case that the run fails."""
        self.diagnostics.append(line)

    def on_end(self, peer_id: int, exit_status: int) -> None:  # noqa: ARG002 - the launcher's to judge
        """The last one ends the measurement."""
        self.end = time.monotonic()
        del self._pids[peer_id]

    def on_tick(self) -> None:
        """Note how much CPU and memory each process has used so far."""
        for peer_id, pid in self._pids.items():
            with suppress(OSError):
                self._cpu_used[peer_id].append((time.monotonic(), _cpu_of(pid)))
            with suppress(OSError):
                self.peaks[peer_id] = max(peak_memory_of(pid), self.peaks.get(peer_id, 0))

    def start(self) -> float:
        """Monotonic seconds of the first unchoke of all; HarnessError when there was none."""
        times = [s.first_unchoke for s in self._last.values() if s.first_unchoke is not None]
        if not times:
            raise HarnessError("a run of the benchmark failed: nobody was unchoked")
        return min(times)

    def messages(self) -> int:
        """Messages sent and received by all."""
        return sum(status.messages for status in self._last.values())

    def cpu_at(self, moment: float) -> float:
        """Seconds of CPU that all processes had used at `moment`, between two looks by proportion."""
        return sum(interpolate(points, moment) for points in self._cpu_used.values())


def interpolate(points: list[tuple[float, float]], at: float) -> float:
    """The value at `at` on the line through `points`; the last one's after its end."""
    ordered = sorted(points)
    for (x0, y0), (x1, y1) in pairwise(ordered):
        if x0 <= at < x1:
            return y0 + (y1 - y0) * (at - x0) / (x1 - x0)
    return ordered[-1][1] if at >= ordered[-1][0] else ordered[0][1]


def _children_cpu() -> float:
    if resource is None:
        raise HarnessError(
            "this system doesn't tell what processes cost: measure on Linux or macOS"
        )
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _cpu_of(pid: int) -> float:
    """User and system seconds of a running process; OSError where the system has no such clock.

    The number of a process's CPU clock is what clock_getcpuclockid(3) gives on Linux.
    """
    return time.clock_gettime((~pid << 3) | 2)


def peak_memory_of(pid: int) -> int:
    """Bytes of memory that a running process held at most; OSError where the system is silent."""
    found = _PEAK.search(Path(f"/proc/{pid}/status").read_bytes())
    return int(found[1]) * 1024 if found else 0

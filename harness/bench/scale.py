"""How a swarm's cost grows with its peers, measured in the simulator: no sockets, no real time.

Each size runs in a process of its own, so that its peak of memory is its own. What is measured is the
core, the runtime, the event log and the networking of all peers together on one processor.
"""

from __future__ import annotations

import multiprocessing
import sys
import time
from dataclasses import dataclass
from datetime import datetime

try:
    import resource
except ImportError:  # on Windows
    resource = None  # type: ignore[assignment]  # looked at below

from collections.abc import Sequence

from harness.options import count, option
from peerio.simulation.life import EPOCH
from peerio.simulation.scenario import Scenario
from peerio.simulation.swarm import Outcome, Swarm

SIZES = (4, 6, 10, 20, 50, 100, 200)
PIECES = 200
UPLOAD = 4000.0
"""Bytes a second that each peer may upload: 200 pieces of 1,000 bytes take 50 s."""
RANDOM_SEED = 1
BAR = 40
"""Characters of the longest bar of the curve."""


@dataclass(frozen=True, slots=True)
class Point:
    """One swarm's figures. Times are seconds, memory is bytes."""

    peers: int
    pieces: int
    events: int
    cpu: float
    memory: int
    completed: float
    """Virtual time from the first start until the last peer had everything."""
    bound: float
    """No swarm can be faster (`fluid_bound`)."""

    @property
    def rate(self) -> float:
        """Events a second of processor time."""
        return self.events / self.cpu


def fluid_bound(scenario: Scenario) -> float:
    """The least time in which a file, as a fluid, can reach all leechers: seconds.

    max(F/u_s, F/d_min, N·F/(u_s + Σu_i)): the seeds must send each bit once, the slowest must take in
    everything, and what all take in together must be sent by somebody. Downloads aren't limited here,
    so the second is 0.
    """
    if scenario.upload is None:
        return 0.0
    size = float(scenario.config().file_size)
    leechers = scenario.peers - scenario.seeds
    together = size * leechers / (scenario.upload * scenario.peers)
    return max(size / (scenario.upload * scenario.seeds), together) if leechers else 0.0


def completion(outcome: Outcome) -> float:
    """When the last peer completed the file, in virtual seconds."""
    last = 0.0
    for lives in outcome.lives.values():
        for line in lives[-1].log.lines:
            if line.endswith("has downloaded the complete file."):
                at = datetime.fromisoformat(line.partition(": ")[0]).timestamp()
                last = max(last, at - EPOCH)
    return last


def measure(peers: int, pieces: int = PIECES, upload: float | None = UPLOAD) -> Point:
    """Run one swarm in this process; RuntimeError if it doesn't end well."""
    scenario = Scenario(peers=peers, pieces=pieces, k=4, upload=upload, trace=False)
    begin = time.process_time()
    outcome = Swarm(scenario, RANDOM_SEED).run()
    cpu = time.process_time() - begin
    if not outcome.ok:
        raise RuntimeError(f"{peers} peers ended with {outcome.statuses}")
    unit = 1 if sys.platform == "darwin" else 1024
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit if resource else 0
    done, bound = completion(outcome), fluid_bound(scenario)
    return Point(peers, pieces, outcome.steps, cpu, memory, done, bound)


def measure_apart(sizes: Sequence[int], pieces: int) -> list[Point]:
    """Each swarm in a new process, one after the other; the figures are printed as they come."""
    context = multiprocessing.get_context("spawn")
    points = []
    print(row("peers", "events", "CPU s", "events/s", "MiB", "completed s", "bound s", "ratio"))
    with context.Pool(1, maxtasksperchild=1) as pool:
        for peers in sizes:
            point = pool.apply(measure, (peers, pieces))
            print(describe(point), flush=True)
            points.append(point)
    return points


def row(*cells: str) -> str:
    """Cells as a row of a Markdown table."""
    return "| " + " | ".join(cells) + " |"


def describe(point: Point) -> str:
    """One swarm's figures as a row."""
    return row(
        str(point.peers),
        f"{point.events:,}",
        f"{point.cpu:.2f}",
        f"{point.rate:,.0f}",
        f"{point.memory / (1 << 20):.0f}",
        f"{point.completed:.1f}",
        f"{point.bound:.1f}",
        f"{point.completed / point.bound:.2f}",
    )


def curve(points: Sequence[Point]) -> list[str]:
    """Processor time against peers, as bars of text; N² beside it, scaled to the last point."""
    most = points[-1]
    lines = []
    for point in points:
        square = most.cpu * (point.peers / most.peers) ** 2
        bar = "#" * max(1, round(BAR * point.cpu / most.cpu))
        lines.append(f"{point.peers:4} {bar:{BAR}} {point.cpu:8.2f} s   N²: {square:8.2f} s")
    return lines


@dataclass(frozen=True, slots=True)
class Options:
    """What was asked for on the command line."""

    peers: int | None = option("Largest swarm (default: 200, which takes minutes).", count(least=2))
    pieces: int = option("Number of pieces (default: 200).", count(least=1), default=PIECES)


def run_scale(options: Options) -> int:
    """Measure all sizes up to the largest that is asked for, print a table and the curve; 0."""
    most_peers = options.peers
    small = measure(6, 100, None)
    print(f"6 peers, 100 pieces, no limit: {small.cpu:.3f} s")
    sizes = [size for size in SIZES if most_peers is None or size <= most_peers] or [
        most_peers or 4
    ]
    points = measure_apart(sizes, options.pieces)
    print("\n".join(["", *curve(points)]))
    return 0

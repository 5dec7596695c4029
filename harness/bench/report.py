"""What the benchmark found, as a table and as JSON."""

from __future__ import annotations

import os
import platform
import socket
import statistics
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from rich.table import Table

from harness.bench.meter import Measurement, Whole
from harness.options import format_bytes

SWARM = "swarm"
KINDS = ("pump", "star", SWARM)
"""What is measured, in the order in which each repetition runs it."""
HASHED = "hashed"
"""The swarm once more, with piece hashes, where that is asked for."""
_GIB = 1 << 30
_TCP_CONGESTION = getattr(socket, "TCP_CONGESTION", None)


@dataclass(frozen=True, slots=True)
class Scenario:
    """One swarm to measure: sizes in bytes, one of the peers is the seed."""

    peers: int
    piece_size: int
    file_size: int

    @property
    def delivered(self) -> int:
        """Bytes that all leechers together receive."""
        return (self.peers - 1) * self.file_size

    def __str__(self) -> str:
        sizes = f"{format_bytes(self.piece_size)} pieces of {format_bytes(self.file_size)}"
        return f"{self.peers} peers, {sizes}"


@dataclass(frozen=True, slots=True)
class Row:
    """One run."""

    scenario: Scenario
    kind: str
    measurement: Measurement

    @property
    def cpu_per_gib(self) -> float:
        """CPU seconds per delivered GiB."""
        return self.measurement.cpu / self.scenario.delivered * _GIB

    @property
    def wall(self) -> float:
        """Seconds of wall time."""
        return self.measurement.wall

    @property
    def messages_per_second(self) -> float:
        """Messages sent and received by all, a second of wall time."""
        return self.measurement.messages / self.measurement.wall

    @property
    def peak_memory(self) -> float:
        """Bytes that one process held at most; not a number where the system doesn't tell."""
        return self.measurement.peak_memory or float("nan")

    @property
    def whole(self) -> WholeRow:
        """The run as whole processes."""
        return WholeRow(self.scenario, self.kind, self.measurement.whole)

    def line(self) -> str:
        """The run in one line."""
        return f"{self.scenario}, {self.kind}: {self.cpu_per_gib:.2f} CPU-s/GiB, {self.wall:.2f} s"


@dataclass(frozen=True, slots=True)
class WholeRow:
    """One run as whole processes, of ours or of another program."""

    scenario: Scenario
    kind: str
    whole: Whole

    @property
    def cpu_per_gib(self) -> float:
        """CPU seconds per delivered GiB."""
        return self.whole.cpu / self.scenario.delivered * _GIB

    def line(self) -> str:
        """The run in one line."""
        figures = f"{self.cpu_per_gib:.2f} CPU-s/GiB, {self.whole.wall:.2f} s"
        return f"{self.scenario}, {self.kind}: {figures} with its start"


_FIGURES: dict[str, tuple[Callable[[Row], float], Callable[[float], str]]] = {
    "cpu_per_gib": (lambda row: row.cpu_per_gib, "{:.2f}".format),
    "wall": (lambda row: row.wall, "{:.2f}".format),
    "messages_per_second": (lambda row: row.messages_per_second, "{:.0f}".format),
    "peak_memory": (lambda row: row.peak_memory, format_bytes),
}
_HEADINGS = ("CPU-s/GiB", "Wall s", "Messages/s", "Peak memory")


def congestion_control() -> str:
    """The TCP congestion control that new sockets get."""
    if _TCP_CONGESTION is None:
        return "unknown"
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as sock:
        return sock.getsockopt(socket.IPPROTO_TCP, _TCP_CONGESTION, 16).rstrip(b"\0").decode()


def surroundings(workspace: Path) -> str:
    """What the figures depend on besides the program, in one line."""
    return (
        f"TCP congestion control: {congestion_control()}. Files in {workspace.parent}. "
        f"{os.cpu_count()} CPUs, Python {platform.python_version()}."
    )


def table(rows: Sequence[Row]) -> Table:
    """The medians; after each, in brackets, as a multiple of the pump's and of the star's."""
    result = Table(box=None, padding=(0, 1), caption="in brackets: times the pump's, the star's")
    for heading in ("Peers", "Pieces", "File", *_HEADINGS):
        result.add_column(heading, justify="right", no_wrap=True)
    result.add_column("")
    for scenario in dict.fromkeys(row.scenario for row in rows):
        for kind, figures in _summary(rows, scenario).items():
            sizes = (format_bytes(scenario.piece_size), format_bytes(scenario.file_size))
            cells = [_cell(figures[name], show) for name, (_value, show) in _FIGURES.items()]
            result.add_row(str(scenario.peers), *sizes, *cells, kind)
    return result


def whole_table(rows: Sequence[WholeRow]) -> Table:
    """Whole processes with their start: medians with least and most, and how many times ours' each takes."""
    result = Table(box=None, padding=(0, 1), title="Whole processes, with their start")
    for heading in ("Peers", "Pieces", "File", "CPU-s/GiB", "Wall s", "Peak memory", "CPU to ours"):
        result.add_column(heading, justify="right", no_wrap=True)
    result.add_column("")
    for scenario in dict.fromkeys(row.scenario for row in rows):
        sizes = (format_bytes(scenario.piece_size), format_bytes(scenario.file_size))
        for kind, figures in _whole_summary(rows, scenario).items():
            cpu, wall = (figures[name] for name in ("cpu_per_gib", "wall"))
            cells = [
                "{median:.2f} ({least:.2f} to {most:.2f})".format(**one) for one in (cpu, wall)
            ]
            cells += [format_bytes(figures["peak_memory"]["most"]), f"{cpu['to_swarm']:.2f}"]
            result.add_row(str(scenario.peers), *sizes, *cells, kind)
    return result


def _whole_summary(
    rows: Sequence[WholeRow], scenario: Scenario
) -> dict[str, dict[str, dict[str, float]]]:
    """Of each kind each figure's median, least, most, and its CPU's ratio to the swarm's of the same repetition."""
    runs: dict[str, list[WholeRow]] = {}
    for row in rows:
        if row.scenario == scenario:
            runs.setdefault(row.kind, []).append(row)
    summary = {}
    for kind, own in runs.items():
        figures = {
            "cpu_per_gib": [row.cpu_per_gib for row in own],
            "wall": [row.whole.wall for row in own],
            "peak_memory": [float(row.whole.peak_memory or "nan") for row in own],
        }
        summary[kind] = {name: _spread(values) for name, values in figures.items()}
        pairs = zip(own, runs[SWARM], strict=False)
        ratios = [one.whole.cpu / ours.whole.cpu for one, ours in pairs]
        summary[kind]["cpu_per_gib"]["to_swarm"] = statistics.median(ratios)
    return summary


def _spread(values: Sequence[float]) -> dict[str, float]:
    return {"median": statistics.median(values), "least": min(values), "most": max(values)}


def record(rows: Sequence[Row], wholes: Sequence[WholeRow], workspace: Path) -> dict[str, Any]:
    """Everything, for programs: each run and the medians with their ratios."""
    return {
        "time": datetime.now().astimezone().isoformat(timespec="seconds"),
        "congestion_control": congestion_control(),
        "folder": str(workspace.parent),
        "cpus": os.cpu_count(),
        "machine": platform.platform(),
        "python": platform.python_version(),
        "scenarios": [
            {
                **asdict(scenario),
                "medians": _summary(rows, scenario),
                "whole": _whole_summary(wholes, scenario),
                "runs": [
                    {"kind": row.kind, **asdict(row.measurement), "cpu_per_gib": row.cpu_per_gib}
                    for row in rows
                    if row.scenario == scenario
                ],
            }
            for scenario in dict.fromkeys(row.scenario for row in rows)
        ],
    }


def _summary(rows: Sequence[Row], scenario: Scenario) -> dict[str, dict[str, dict[str, float]]]:
    """Of each kind each figure's median, least and most, and its ratios to the baselines.

    A ratio is the median of those within the repetitions, each of which ran all kinds in turn.
    """
    runs = {
        kind: [row for row in rows if (row.scenario, row.kind) == (scenario, kind)]
        for kind in (*KINDS, HASHED)
    }
    summary: dict[str, dict[str, dict[str, float]]] = {}
    for kind, own in runs.items():
        for name, (value, _show) in _FIGURES.items():
            values = [value(row) for row in own]
            if not values:
                continue
            figures = _spread(values)
            for baseline in KINDS[:2]:
                pairs = zip(values, map(value, runs[baseline]), strict=False)
                ratios = [mine / base for mine, base in pairs if base]
                if ratios:
                    figures[f"to_{baseline}"] = statistics.median(ratios)
            summary.setdefault(kind, {})[name] = figures
    return summary


def _cell(figures: dict[str, float], show: Callable[[float], str]) -> str:
    ratios = [f"{figures[key]:.2f}" if key in figures else "-" for key in ("to_pump", "to_star")]
    return f"{show(figures['median'])} ({', '.join(ratios)})"

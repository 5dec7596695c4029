"""`invoke remote.check`: what would keep the swarm from running, found before anything starts."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.numbers import format_bytes

if TYPE_CHECKING:
    from rich.console import Console

    from harness.remote.fleet import Fleet
    from harness.remote.plan import Plan
    from harness.remote.session import Session

_CLOCK_TRIES = 5


@dataclass(frozen=True, slots=True)
class Findings:
    """What a check found on one host; seconds, bytes."""

    python: str
    ports: str
    free: int
    ahead: float
    uncertainty: float
    file: str
    problems: list[str]


def check(plan: Plan, fleet: Fleet, console: Console) -> bool:
    """Look at every host and tell in one table; whether all is well."""
    outcomes = fleet.each(lambda session: _check_host(plan, session))

    def row(_name: str, found: Findings) -> list[str]:
        clock = f"{found.ahead:+.3f} s ± {found.uncertainty:.3f} s"
        return [found.python, found.ports, format_bytes(found.free), clock, found.file]

    outcomes.show(console, ["Python", "Ports", "Free", "Clock ahead", "File"], row)
    problems = [f"{name}: {text}" for name, f in outcomes.values.items() for text in f.problems]
    for problem in problems:
        console.print(problem, style="red", soft_wrap=True)
    return not problems and not outcomes.errors


def _check_host(plan: Plan, session: Session) -> Findings:
    peers = session.host.peers
    seeds = {peer.peer_id: plan.copy_of(peer) for peer in peers if peer.has_file}
    look = session.ask(
        "look",
        peers={str(peer.peer_id): [peer.host, peer.port] for peer in peers},
        names=[host.name for host in plan.hosts if host is not session.host],
        files=list(seeds.values()),
    )
    running = [f"{name} (process {pid})" for name, pid in look["running"]]
    problems = [
        f"an earlier launch still runs: {', '.join(running)}: end it with `invoke remote.stop`"
    ][: len(running)]
    ports = {peer.port: look["ports"][str(peer.peer_id)] for peer in peers}
    problems += [
        f"port {port} {reason}: end the program that holds it, or write another port into PeerInfo.cfg"
        for port, reason in ports.items()
        if reason and not running
    ]
    problems += [
        f"doesn't find the host {name!r}: write addresses into PeerInfo.cfg, or make the name known there"
        for name in look["unresolved"]
    ]
    problems += _missing_space(plan, session, look["free"])
    found = [] if plan.options.file else _missing_files(plan, session, seeds, look["sizes"])
    ahead, uncertainty = _clock(session)
    return Findings(
        python=session.about["python"],
        ports=", ".join(f"{port} {reason or 'is free'}" for port, reason in ports.items()),
        free=look["free"],
        ahead=ahead,
        uncertainty=uncertainty,
        file=_file_cell(plan, bool(seeds), bool(found)),
        problems=problems + found,
    )


def _file_cell(plan: Plan, is_expected: bool, is_lacking: bool) -> str:  # noqa: FBT001 -- two facts
    if not is_expected:
        return ""
    if plan.options.file:
        return "will be sent"
    return "see below" if is_lacking else "is there"


def _missing_space(plan: Plan, session: Session, free: int) -> list[str]:
    """Leechers need room for the file; seeds where it is to be sent."""
    needing = [p for p in session.host.peers if not p.has_file or plan.options.file]
    needed = len(needing) * plan.config.file_size
    if needed <= free:
        return []
    return [
        f"{format_bytes(needed)} are needed, and {format_bytes(free)} are free: make room, or name a folder elsewhere with --home"
    ]


def _missing_files(
    plan: Plan, session: Session, seeds: dict[int, str], sizes: dict[str, Any]
) -> list[str]:
    problems = []
    for peer_id, path in seeds.items():
        where = f"{session.about['home']}/swarm/{path}"
        size = sizes[path]
        if size is None:
            problems.append(
                f"peer {peer_id} is to have the file, but {where} is missing: "
                "put it there, or name yours with --file"
            )
        elif size != plan.config.file_size:
            problems.append(
                f"{where} has {size} bytes, but Common.cfg says {plan.config.file_size}: "
                "put the right one there, or name yours with --file"
            )
    return problems


def _clock(session: Session) -> tuple[float, float]:
    """How far the host's clock is ahead of ours, and how well that is known."""
    best = (0.0, float("inf"))
    for _ in range(_CLOCK_TRIES):
        before = time.time()
        there = session.ask("time")["time"]
        after = time.time()
        if (after - before) / 2 < best[1]:
            best = (there - (before + after) / 2, (after - before) / 2)
    return best

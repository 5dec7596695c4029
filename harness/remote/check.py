"""`invoke remote.check`: what would keep the swarm from running, found before anything starts."""

from __future__ import annotations

import time
from dataclasses import dataclass

from rich.console import Console

from harness.options import format_bytes
from harness.remote.fleet import Fleet
from harness.remote.host.messages import Clock, Look
from harness.remote.plan import Plan
from harness.remote.session import Session, named
from harness.watch.console import say

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
        say(console, problem, style="red")
    return not problems and not outcomes.errors


def _check_host(plan: Plan, session: Session) -> Findings:
    peers = session.host.peers
    look = session.ask(
        Look,
        peers={str(peer.peer_id): [peer.host, peer.port] for peer in peers},
        names=[host.name for host in plan.hosts if host is not session.host],
        files=[plan.copy_of(peer) for peer in peers],
    )
    ahead, uncertainty = _clock(session)
    sizes = {path: named(look.sizes, path) for path in map(plan.copy_of, peers)}
    lacking = _missing_files(plan, session, sizes)
    ports = {peer.port: named(look.ports, peer.peer_id) for peer in peers}
    return Findings(
        python=session.about.python,
        ports=", ".join(f"{port} {reason or 'is free'}" for port, reason in ports.items()),
        free=look.free,
        ahead=ahead,
        uncertainty=uncertainty,
        file=_file_cell(plan, session, lacking),
        problems=[
            *(_still_running(look.running) or _unusable_ports(ports)),
            *_unknown_names(look.unresolved),
            *_missing_space(plan, session, sizes, look.free),
            *lacking,
        ],
    )


def _file_cell(plan: Plan, session: Session, lacking: list[str]) -> str:
    if not any(peer.has_file for peer in session.host.peers):
        return ""
    if plan.options.file:
        return "will be sent"
    return "see below" if lacking else "is there"


def _still_running(running: list[tuple[str, int]]) -> list[str]:
    processes = ", ".join(f"{name} (process {pid})" for name, pid in running)
    if not processes:
        return []
    return [f"an earlier launch still runs: {processes}: end it with `invoke remote.stop`"]


def _unusable_ports(ports: dict[int, str | None]) -> list[str]:
    advice = "end the program that holds it, or write another port into PeerInfo.cfg"
    return [f"port {port} {reason}: {advice}" for port, reason in ports.items() if reason]


def _unknown_names(names: list[str]) -> list[str]:
    advice = "write addresses into PeerInfo.cfg, or make the name known there"
    return [f"the name {name!r} isn't known there: {advice}" for name in names]


def _missing_space(
    plan: Plan, session: Session, sizes: dict[str, int | None], free: int
) -> list[str]:
    """Leechers need room for the file; seeds where it is to be sent."""
    needed = plan.config.file_size * sum(
        not peer.has_file or (plan.options.file is not None and sizes[plan.copy_of(peer)] is None)
        for peer in session.host.peers
    )
    if needed <= free:
        return []
    advice = "make room, or name a folder elsewhere with --home"
    return [f"{format_bytes(needed)} are needed, and {format_bytes(free)} are free: {advice}"]


def _missing_files(plan: Plan, session: Session, sizes: dict[str, int | None]) -> list[str]:
    """What is wrong with the seeds' files, unless they are going to be sent."""
    problems = []
    for peer in session.host.peers:
        path = plan.copy_of(peer)
        if plan.options.file or not peer.has_file or sizes[path] == plan.config.file_size:
            continue
        where = f"{session.about.home}/swarm/{path}"
        if sizes[path] is None:
            problems.append(
                f"peer {peer.peer_id} is to have the file, but {where} is missing: "
                "put it there, or name yours with --file"
            )
        else:
            problems.append(
                f"{where} has {sizes[path]} bytes, but Common.cfg says {plan.config.file_size}: "
                "put the right one there, or name yours with --file"
            )
    return problems


def _clock(session: Session) -> tuple[float, float]:
    """How far the host's clock is ahead of ours, and how well that is known."""
    best = (0.0, float("inf"))
    for _ in range(_CLOCK_TRIES):
        before = time.time()
        there = session.ask(Clock).time
        after = time.time()
        if (after - before) / 2 < best[1]:
            best = (there - (before + after) / 2, (after - before) / 2)
    return best

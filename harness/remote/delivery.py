"""What people wanted: the file on every host, where they said, and one table that says so."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from harness.local.result import Result
from harness.options import format_bytes
from harness.remote.fleet import Fleet
from harness.remote.host.messages import Delivered
from harness.remote.plan import Plan
from harness.remote.session import Session


def deliver(plan: Plan, fleet: Fleet, result: Result, console: Console) -> dict[int, str]:
    """Put each complete copy into the folder that `--to` names; where each peer's file is.

    What can't be put there stays in the peer's folder, and is told.
    """
    places = {}
    folder = plan.options.to

    def put(session: Session) -> dict[int, tuple[str, str | None]]:
        if folder is None or session.host.name == plan.here:
            return {}
        put = {}
        for peer in session.host.peers:
            if result.copies[peer.peer_id].identical:
                answer = session.ask(Delivered, path=plan.copy_of(peer), folder=folder)
                put[peer.peer_id] = (answer.where, answer.aside)
        return put

    outcomes = fleet.each(put)
    for session in fleet.sessions.values():
        for peer in session.host.peers:
            places[peer.peer_id] = f"{session.about.home}/swarm/{plan.copy_of(peer)}"
    for name, done in outcomes.values.items():
        for peer_id, (where, aside) in done.items():
            places[peer_id] = where
            if aside:
                console.print(f"{name}: what was there is now {aside}", soft_wrap=True)
    if folder is not None:
        for problem in outcomes.problems:
            console.print(problem, style="red", soft_wrap=True)
    if plan.here:
        for peer in plan.config.peers:
            if peer.host == plan.here:
                places[peer.peer_id] = f"{plan.options.file} (this machine)"
    return places


def arrivals(plan: Plan, result: Result, places: dict[int, str]) -> Table:
    """One line for each host: how long it took, how fast, where the file is, and its hash."""
    table = Table(box=None, padding=(0, 1))
    table.add_column("Host")
    table.add_column("Peer")
    for heading in ("Status", "Time", "Average"):
        table.add_column(heading, justify="right")
    table.add_column("File", no_wrap=True)
    table.add_column("SHA-256")
    for peer in plan.config.peers:
        view, copy = result.peers[peer.peer_id], result.copies[peer.peer_id]
        seconds = None if peer.has_file else view.completed_at
        down = view.status.down if view.status else 0
        table.add_row(
            plan.ways.get(peer.host, peer.host),
            f"{peer.peer_id}{' seed' if peer.has_file else ''}",
            str(view.exit_status),
            "" if seconds is None else f"{seconds:.1f} s",
            f"{format_bytes(down / seconds)}/s" if seconds and down else "",
            places.get(peer.peer_id, "unknown") if copy.sha256 else str(copy.problem),
            f"{copy.sha256[:16]}…{'' if copy.identical else ' differs'}" if copy.sha256 else "",
        )
    return table

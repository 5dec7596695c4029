"""`invoke remote.collect`: logs, traces and checksums of all hosts, brought to one run folder."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness import copies, runfolder, status
from harness.board import Board
from harness.copies import Copy
from harness.errors import HOSTS_FAILED, HarnessError
from harness.numbers import format_bytes
from harness.result import Result

if TYPE_CHECKING:
    from rich.console import Console

    from harness.remote.fleet import Fleet, Outcomes
    from harness.remote.plan import Plan
    from harness.remote.session import Session


@dataclass(frozen=True, slots=True)
class Collected:
    """What came from one host."""

    files: dict[str, int]
    """Names and sizes in bytes."""
    copies: dict[int, Copy]
    """Each peer's, not yet compared."""
    note: dict[str, Any]
    """What its agent kept of the launch."""


def collect(
    plan: Plan, fleet: Fleet, console: Console, *, board: Board | None, exit_status: int
) -> Result:
    """Bring everything here and tell in one table; the result says what is missing.

    Without a `board`, since nobody watched the launch, what the agents kept of it stands in.
    """
    try:
        folder = runfolder.new_run_folder(plan.options.runs)
        for name, text in plan.files.items():
            (folder / name).write_text(text, encoding="utf-8")
    except OSError as error:
        raise HarnessError(f"the run folder can't be made: {error}") from error
    outcomes = fleet.each(lambda session: _collect_from(plan, folder, session))

    def row(_name: str, got: Collected) -> list[str]:
        return [f"{len(got.files)} files", format_bytes(sum(got.files.values()))]

    outcomes.show(console, ["Logs and traces", "Size"], row)
    notes = [got.note for got in outcomes.values.values()]
    seed = next((note["random_seed"] for note in notes if "random_seed" in note), plan.random_seed)
    views = (board or _board_of(plan, notes)).peers
    compared = copies.judge(_copies(plan, outcomes), plan.config)
    if outcomes.errors and exit_status == 0:
        exit_status = HOSTS_FAILED
    return Result(folder, seed, views, compared, exit_status, tuple(outcomes.problems))


def _collect_from(plan: Plan, folder: Path, session: Session) -> Collected:
    told = session.ask("results")
    ours = "|".join(str(peer.peer_id) for peer in session.host.peers)
    # What a host tells isn't taken for a path: only names that are a peer's own.
    expected = re.compile(rf"((log|trace)_)?peer_({ours})\.(log|jsonl|stderr)(\.\d+)?")
    files = {name: size for name, size in told["results"].items() if expected.fullmatch(name)}
    for name in files:
        session.get(f"swarm/{name}", folder / name)
    paths = {peer.peer_id: plan.copy_of(peer) for peer in session.host.peers}
    sums = session.ask("sums", paths=list(paths.values()))["sums"]
    return Collected(
        files,
        {
            peer_id: Copy(Path(path), sums[path].get("sha256"), sums[path].get("problem"))
            for peer_id, path in paths.items()
        },
        told["note"],
    )


def _copies(plan: Plan, outcomes: Outcomes[Collected]) -> dict[int, Copy]:
    """Every peer's copy in start order; those of a host that failed aren't known."""
    known = {i: copy for got in outcomes.values.values() for i, copy in got.copies.items()}
    unknown = {
        peer.peer_id: Copy(Path(plan.copy_of(peer)), None, "unknown: its host failed")
        for peer in plan.config.peers
    }
    return unknown | known


def _board_of(plan: Plan, notes: list[dict[str, Any]]) -> Board:
    """How the peers ended, as far as their agents lived to see it."""
    board = Board(plan.config)
    for peer_id, view in board.peers.items():
        for note in notes:
            told = note.get("peers", {}).get(str(peer_id), {})
            view.exit_status = told.get("exit_status", view.exit_status)
            if "line" in told:
                view.status = status.parse(told["line"].encode())
    return board

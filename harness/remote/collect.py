"""`invoke remote.collect`: logs, traces and checksums of all hosts, brought to one run folder."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console

from core.exits import ExitStatus
from harness import records
from harness.errors import HarnessError, HostError
from harness.local import copies, runfolder
from harness.local.copies import Copy
from harness.local.corruption import suspects
from harness.local.result import Result
from harness.options import format_bytes
from harness.records import RecordError
from harness.remote.fleet import Fleet, Outcomes
from harness.remote.host.messages import Note, PieceSums, Results, Sums
from harness.remote.plan import Plan
from harness.remote.session import Session, named
from harness.watch.board import Board
from harness.watch.console import say

ROOM = 64 << 20
"""Bytes of logs and traces of a peer that are taken in any case."""
ROOM_A_PIECE = 2048
"""Bytes more for each piece and each peer that may announce it: some three times what we write."""


@dataclass(slots=True)
class Collected:
    """What came from one host."""

    files: dict[str, int] = field(default_factory=dict)
    """Names and sizes in bytes."""
    copies: dict[int, Copy] = field(default_factory=dict)
    """Each peer's, not yet compared."""
    note: Note = field(default_factory=Note)
    """What its agent kept of the launch."""
    problems: list[str] = field(default_factory=list)
    """Why something didn't come; each is that thing's alone."""


def collect(
    plan: Plan, fleet: Fleet, console: Console, *, board: Board | None, exit_status: int
) -> Result:
    """Bring everything here and tell in one table; the result says what is missing.

    Without a `board`, since nobody watched the launch, what the agents kept of it stands in.
    """
    try:
        folder = runfolder.new_run_folder(plan.options.runs)
        for name, text in plan.files.items():
            (folder / name).write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise HarnessError(f"the run folder can't be made: {error}") from error
    outcomes = fleet.each(lambda session: _collect_from(plan, folder, session))
    runfolder.point_latest_to(folder)

    def row(_name: str, got: Collected) -> list[str]:
        return [f"{len(got.files)} files", format_bytes(sum(got.files.values()))]

    outcomes.show(console, ["Logs and traces", "Size"], row)
    notes = [got.note for got in outcomes.values.values()]
    views = (board or _board_of(plan, notes)).peers
    compared = copies.judge(_copies(plan, outcomes), plan.config)
    problems = [
        *outcomes.problems,
        *(f"{name}: {text}" for name, got in outcomes.values.items() for text in got.problems),
    ]
    for problem in problems[len(outcomes.problems) :]:
        say(console, problem, style="red")
    if problems and exit_status == 0:
        exit_status = ExitStatus.HOSTS_FAILED
    return Result(folder, _seed(plan, notes), views, compared, exit_status, tuple(problems))


def _collect_from(plan: Plan, folder: Path, session: Session) -> Collected:
    answer = session.ask(Results)
    got = Collected()
    peers = {peer.peer_id: plan.copy_of(peer) for peer in session.host.peers}
    try:
        got.note = records.read(Note, answer.note, own=peers)
    except RecordError as error:
        got.problems.append(f"what it kept of the launch: {error}")
    try:
        _fetch(plan, session, answer.results, folder, got)
        sums = session.ask(Sums, paths=list(peers.values())).sums
        for peer_id, path in peers.items():
            found = named(sums, path)
            got.copies[peer_id] = Copy(Path(path), found.sha256, found.problem)
    except HostError as error:
        got.problems.append(str(error))
    return got


def _fetch(
    plan: Plan, session: Session, results: dict[str, Any], folder: Path, got: Collected
) -> None:
    """Bring the files here, each of which fails for itself; HostError when the host is gone."""
    ours = "|".join(str(peer.peer_id) for peer in session.host.peers)
    # What a host tells isn't taken for a path: only names that are a peer's own.
    expected = re.compile(rf"((log|trace)_)?peer_({ours})\.(log|jsonl|stderr)(\.[0-9]{{1,3}})?")
    room = _room(plan, session)
    for name in filter(expected.fullmatch, results):
        try:
            size = records.read(int, results[name])
            if size > room:
                raise HostError(
                    f"{format_bytes(size)} are more than such a swarm writes "
                    f"({format_bytes(room)} are left for this host): see what it is, over there"
                )
            room -= size
            session.get(f"swarm/{name}", folder / name, size)
        except (RecordError, HostError) as error:
            if session.is_lost:
                raise
            got.problems.append(f"{name}: {error}")
        else:
            got.files[name] = size


def hashes_there(plan: Plan, fleet: Fleet, result: Result) -> dict[int, list[str]]:
    """Ask for the hashes of the pieces of the copies that differ, and of the seed's, by peer (harness/local/corruption.py);
    without those of a host that fails.
    """
    wanted = suspects(result.copies, plan.config)
    hashes: dict[int, list[str]] = {}

    def ask(session: Session) -> None:
        for peer in session.host.peers:
            if peer.peer_id in wanted:
                order = {"path": plan.copy_of(peer), "piece_size": plan.config.piece_size}
                hashes[peer.peer_id] = session.ask(PieceSums, **order).sums

    if wanted:
        fleet.each(ask)
    return hashes


def _room(plan: Plan, session: Session) -> int:
    """Bytes that are taken of a host."""
    config = plan.config
    each = ROOM + ROOM_A_PIECE * config.piece_count * len(config.peers)
    return each * len(session.host.peers)


def _copies(plan: Plan, outcomes: Outcomes[Collected]) -> dict[int, Copy]:
    """Every peer's copy in start order; those of a host that failed aren't known."""
    known = {i: copy for got in outcomes.values.values() for i, copy in got.copies.items()}
    unknown = {
        peer.peer_id: Copy(Path(plan.copy_of(peer)), None, "unknown: its host failed")
        for peer in plan.config.peers
    }
    return unknown | known


def _seed(plan: Plan, notes: Iterable[Note]) -> int:
    """Return the launch's random seed, as most hosts have it; this command's where none does."""
    seeds = Counter(note.random_seed for note in notes if note.random_seed is not None)
    return seeds.most_common(1)[0][0] if seeds else plan.random_seed


def _board_of(plan: Plan, notes: Iterable[Note]) -> Board:
    """How the peers ended, as far as their agents lived to see it."""
    board = Board(plan.config)
    for note in notes:
        for peer_id, kept in (note.peers or {}).items():
            view = board.peers[peer_id]
            view.exit_status = kept.exit_status
            with suppress(ValueError):  # it may be torn
                status = records.read_status((kept.line or "").encode())
                view.status = status if status.peer == peer_id else None
    return board

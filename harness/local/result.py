"""How a swarm ended: a table for people, `result.json` for programs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.local.copies import Copy
from harness.options import format_bytes
from harness.watch.board import PeerView
from harness.watch.tables import Column, fitting

if TYPE_CHECKING:
    from rich.table import Table

FILE_NAME = "result.json"


@dataclass(frozen=True, slots=True)
class Result:
    """The end of a run: what the launcher saw of each peer, and what its copy is worth.

    `problems` says what is missing of it, such as the logs of a host that couldn't be reached;
    `interrupted` that a signal such as Ctrl-C's ended it.
    """

    folder: Path
    random_seed: int
    peers: Mapping[int, PeerView]
    copies: Mapping[int, Copy]
    exit_status: int
    problems: Sequence[str] = ()
    interrupted: bool = False

    def write(self) -> None:
        """Write `result.json` into the run folder."""
        record = {
            "status": self.exit_status,
            "interrupted": self.interrupted,
            "random_seed": self.random_seed,
            "problems": list(self.problems),
            "peers": [self._record(view) for view in self.peers.values()],
        }
        text = json.dumps(record, indent=2) + "\n"
        (self.folder / FILE_NAME).write_text(text, encoding="utf-8", newline="\n")

    def _record(self, view: PeerView) -> dict[str, Any]:
        status = view.status
        copy = self.copies[view.peer_id]
        return {
            "peer": view.peer_id,
            "has_file": view.has_file,
            "status": view.exit_status,
            "reason": status.reason if status else None,
            "pieces": status.pieces if status else 0,
            "up": status.up if status else 0,
            "down": status.down if status else 0,
            "completed_after": view.completed_at,
            "ended_after": view.ended_at,
            "sha256": copy.sha256,
            "identical": copy.identical,
        }

    def table(self, width: int) -> Table:
        """One line per peer: how long it took, what went up and down, and its copy."""
        views = list(self.peers.values())
        sums = [(view.status.up, view.status.down) if view.status else (0, 0) for view in views]
        complete = ["" if v.has_file else _seconds(v.completed_at, v) for v in views]
        columns = (
            Column("Peer", [f"{v.peer_id}{' seed' if v.has_file else ''}" for v in views]),
            Column("Status", [_status(view) for view in views], right=True),
            Column("Pieces", [f"{view.held}/{view.pieces}" for view in views], right=True),
            Column("Complete", complete, right=True, rank=1),
            Column("Ended", [_seconds(v.ended_at, v) for v in views], right=True, rank=3),
            Column("Up", [format_bytes(up) for up, _ in sums], right=True, rank=4),
            Column("Down", [format_bytes(down) for _, down in sums], right=True, rank=4),
            Column("SHA-256", [_digest(self.copies[v.peer_id]) for v in views], rank=2),
        )
        return fitting(columns, width)

    def last_words(self) -> str:
        """What it comes to, and where everything lies."""
        place = shown(self.folder)
        where = f"Logs, traces and results: {place}/"
        if self.problems:
            where = f"NOT ALL IS HERE, see above. {where}"
        if self.interrupted:
            return (
                f"Interrupted, exit status {self.exit_status}. The logs end too early, so they weren't "
                f"judged: `verify --dir {place}` judges them all the same. {where}"
            )
        same = sum(copy.identical for copy in self.copies.values())
        copies = f"{same} of {len(self.copies)} copies identical"
        return f"{copies}, exit status {self.exit_status}. {where}"


def shown(path: Path) -> Path:
    """A path as people call it: from the working folder on, if it lies in there."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def why_incomplete(folder: Path) -> str:
    """Why a run's logs end too early, as its `result.json` has it; empty if they are to be judged."""
    try:
        record = json.loads((folder / FILE_NAME).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return "hasn't ended, or whatever ran it was killed"
    except (OSError, ValueError):
        return ""
    is_interrupted = isinstance(record, dict) and record.get("interrupted") is True
    return "was interrupted" if is_interrupted else ""


def _seconds(value: float | None, view: PeerView) -> str:
    """A time that nobody watched isn't known; one that didn't come is told."""
    if value is None:
        return "" if view.exit_status == 0 else "never"
    return f"{value:.2f} s"


def _status(view: PeerView) -> str:
    return "" if view.exit_status is None else str(view.exit_status)


def _digest(copy: Copy) -> str:
    if copy.sha256 is None:
        return str(copy.problem)
    return f"{copy.sha256[:16]}…{'' if copy.identical else ' differs'}"

"""How a swarm ended: a table for people, `result.json` for programs."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.table import Table

from harness.options import format_bytes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from harness.local.copies import Copy
    from harness.watch.board import PeerView

FILE_NAME = "result.json"


@dataclass(frozen=True, slots=True)
class Result:
    """The end of a run: what the launcher saw of each peer, and what its copy is worth.

    `problems` says what is missing of it, such as the logs of a host that couldn't be reached.
    """

    folder: Path
    random_seed: int
    peers: Mapping[int, PeerView]
    copies: Mapping[int, Copy]
    exit_status: int
    problems: Sequence[str] = ()

    def write(self) -> None:
        """Write `result.json` into the run folder."""
        record = {
            "status": self.exit_status,
            "random_seed": self.random_seed,
            "problems": list(self.problems),
            "peers": [self._record(view) for view in self.peers.values()],
        }
        text = json.dumps(record, indent=2) + "\n"
        (self.folder / FILE_NAME).write_text(text, encoding="utf-8")

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

    def table(self) -> Table:
        """One line per peer: how long it took, what went up and down, and its copy."""
        table = Table(box=None, padding=(0, 1))
        table.add_column("Peer")
        for heading in ("Status", "Pieces", "Complete after", "Ended after", "Up", "Down"):
            table.add_column(heading, justify="right")
        table.add_column("SHA-256")
        for peer_id, view in self.peers.items():
            table.add_row(
                f"{peer_id}{' seed' if view.has_file else ''}",
                str(view.exit_status),
                f"{view.status.pieces if view.status else 0}/{view.pieces}",
                "" if view.has_file else _seconds(view.completed_at, view),
                _seconds(view.ended_at, view),
                format_bytes(view.status.up if view.status else 0),
                format_bytes(view.status.down if view.status else 0),
                _digest(self.copies[peer_id]),
            )
        return table

    def last_words(self) -> str:
        """What it comes to, and where everything lies."""
        same = sum(copy.identical for copy in self.copies.values())
        place = self.folder
        if place.is_relative_to(Path.cwd()):
            place = place.relative_to(Path.cwd())
        return (
            f"{same} of {len(self.copies)} copies identical, exit status {self.exit_status}. "
            f"{'NOT ALL IS HERE, see above. ' if self.problems else ''}Logs, traces and results: {place}/"
        )


def _seconds(value: float | None, view: PeerView) -> str:
    """A time that nobody watched isn't known; one that didn't come is told."""
    if value is None:
        return "" if view.exit_status == 0 else "never"
    return f"{value:.2f} s"


def _digest(copy: Copy) -> str:
    if copy.sha256 is None:
        return str(copy.problem)
    return f"{copy.sha256[:16]}…{'' if copy.identical else ' differs'}"

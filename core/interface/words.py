"""The words that core and shell share, so that a type checker sees a misspelt one (docs/trace.md, spec 8.1)."""

from __future__ import annotations

from typing import Literal

LogEvent = Literal[
    "made_connection",
    "was_connected",
    "preferred_neighbors",
    "optimistic_neighbor",
    "unchoked",
    "choked",
    "received_have",
    "received_interested",
    "received_not_interested",
    "downloaded_piece",
    "completed",
]
"""The eleven prescribed lines (spec 8.1)."""

NoteKind = Literal[
    "preferred", "optimistic", "request", "freed", "skipped", "dropped", "transition"
]
"""The records of a trace that tell of a decision (docs/trace.md)."""

FreedCause = Literal["choke", "loss", "overdue"]
"""Why a request that was open is given up (spec 6.4, 2.8, 6.6)."""

SkipCause = Literal["failed", "had it", "not asked", "in progress"]
"""Why a piece that came isn't kept (spec 6.5)."""

DropCause = Literal["choked", "lacking", "repeated", "loss"]
"""Why a neighbor's request isn't served (spec 4.8, 4.9)."""

"""Writes `docs/machines.md`: each machine's diagram, drawn from the table that runs (`invoke docs`)."""

from __future__ import annotations

import inspect
from pathlib import Path

from core.machines import Connection, Download, ItsInterest, OurInterest, Upload
from core.machines.base import NeighborMachine
from harness.local.runfolder import ROOT

MACHINES: tuple[type[NeighborMachine], ...] = (
    Connection,
    Upload,
    Download,
    OurInterest,
    ItsInterest,
)
PAGE = ROOT / "docs" / "machines.md"
_INTRODUCTION = """\
# The machines

Made from the tables in `core/machines/` by `invoke docs`: change the table, not this page. What is
known of a neighbor is the product of these machines, which don't read each other's states; a trigger
for which a state has no arrow is refused there. The rules behind each table, with their clauses, are
the prose above it. [peerprocess_overview.md](peerprocess_overview.md) tells how they work together.
"""


def render() -> str:
    """The whole page, as Markdown with Mermaid diagrams."""
    return "\n".join([_INTRODUCTION, *map(_section, MACHINES)])


def _section(kind: type[NeighborMachine]) -> str:
    """One machine: what it stands for, its diagram, what it does besides, what triggers mean."""
    source = Path(inspect.getfile(kind)).relative_to(ROOT).as_posix()
    arrows = [f"    {row['source']} --> {row['dest']}: {row['trigger']}" for row in kind.TABLE]
    triggers = dict.fromkeys(row["trigger"] for row in kind.TABLE)
    lines = [
        f"## {kind.KIND}",
        f"{kind.__doc__} Table: [{source}](../{source})",
        "```mermaid",
        "stateDiagram-v2",
        f"    [*] --> {kind.STATES[0]}",
        *arrows,
        "```",
        *(f"- `{name}`: {getattr(kind, name).__doc__}" for name in triggers),
        *_actions(kind),
        "",
    ]
    return "\n".join(lines)


def _actions(kind: type[NeighborMachine]) -> list[str]:
    """What entering or leaving a state does, by the methods that the library calls then."""
    return [
        f"- {words} *{state}*: {method.__doc__}"
        for words, prefix in (("on leaving", "leave"), ("on entering", "enter"))
        for state in kind.STATES
        if (method := getattr(kind, f"{prefix}_{state}", None)) is not None
    ]

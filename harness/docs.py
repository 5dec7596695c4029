"""Writes what is made in `docs/` (`invoke docs`): the machines' diagrams, drawn from the tables that run,
the verifier's checks of each clause, and the probe's catalogue.
"""

from __future__ import annotations

import inspect
import re
from pathlib import Path

from core.machines import Connection, Download, ItsInterest, OurInterest, Upload
from core.machines.base import NeighborMachine
from harness import catalogue
from harness.local.runfolder import ROOT
from harness.options import NoOptions
from verifier.rules import CHECKS

MACHINES: tuple[type[NeighborMachine], ...] = (
    Connection,
    Upload,
    Download,
    OurInterest,
    ItsInterest,
)
DIAGRAMS = ROOT / "docs" / "machines.md"
CONFORMANCE = ROOT / "docs" / "conformance.md"
NO_CHECK = "none"
_ROW = re.compile(r"(?m)^(\| (\d+\.\d+) \|.*\|)[^|]*\|$")
_INTRODUCTION = """\
# The machines

Made from the tables in `core/machines/` by `invoke docs`: change the table, not this page. What is
known of a neighbor is the product of these machines, which don't read each other's states; a trigger
for which a state has no arrow is refused there. The rules behind each table, with their clauses, are
the prose above it. [peerprocess_overview.md](peerprocess_overview.md) tells how they work together.
"""


def write(_options: NoOptions | None = None) -> int:
    """Write the generated parts of the documents anew, where they differ; 0."""
    for page, text in (
        (DIAGRAMS, diagrams()),
        (CONFORMANCE, conformance()),
        (catalogue.PAGE, catalogue.render()),
    ):
        if not page.exists() or page.read_text(encoding="utf-8") != text:
            page.write_text(text, encoding="utf-8")
            print(f"written: {page.relative_to(ROOT)}")
    return 0


def conformance() -> str:
    """The table of clauses, with the checks that cite each row's clause in its last cell."""
    text = CONFORMANCE.read_text(encoding="utf-8")
    return _ROW.sub(lambda row: f"{row[1]} {_guards(row[2])} |", text)


def _guards(clause: str) -> str:
    found = [check.id for check in CHECKS.values() if clause in check.clause.split(", ")]
    return ", ".join(found) or NO_CHECK


def diagrams() -> str:
    """The page of machines, as Markdown with Mermaid diagrams."""
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

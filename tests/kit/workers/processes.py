"""Which processes a test has started, directly or not."""

from __future__ import annotations

from pathlib import Path


def started_below(parent: int) -> set[int]:
    """The processes that descend from one."""
    parents = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            after = path.read_text().rpartition(") ")[2].split()
        except OSError:
            continue
        parents[int(path.parent.name)] = (int(after[1]), after[0])
    found = {parent}
    while more := {one for one, (above, state) in parents.items() if above in found and state != "Z"} - found:  # fmt: skip
        found |= more
    return found - {parent}

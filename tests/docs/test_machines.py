"""The diagrams are those of the machines that run."""

from __future__ import annotations

import core.machines
from core.machines.base import NeighborMachine
from harness import docs
from tests.kit.markdown import blocks


def test_diagrams_are_current() -> None:
    """`docs/machines.md` is what `invoke docs` would write now."""
    assert docs.DIAGRAMS.read_text(encoding="utf-8") == docs.diagrams(), "run `invoke docs`"


def test_every_machine_is_drawn() -> None:
    """No machine of `core.machines` lacks a diagram."""
    names = [getattr(core.machines, name) for name in core.machines.__all__]
    kinds = {kind for kind in names if isinstance(kind, type) and issubclass(kind, NeighborMachine)}
    assert kinds == set(docs.MACHINES)


def test_a_diagram_is_the_table() -> None:
    """A diagram has an arrow for each line of its machine's table, and one for where it starts."""
    for kind, block in zip(docs.MACHINES, blocks(docs.diagrams()), strict=True):
        assert block.language == "mermaid"
        assert block.text.count("-->") == len(kind.TABLE) + 1

"""The reference peer itself: shares no code with ours, knows its bytes, completes in every habit."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

from tests.kit.swarm.swarms import Swarm, reference
from tests.reference import wire
from tests.reference.habits import ENDINGS, HABITS

REFERENCE = Path(__file__).parents[1] / "reference"
HARMLESS = sorted(HABITS.keys() - {*ENDINGS, "no-bitfield", "empty-bitfield", "zero-bitfield"})


@pytest.mark.parametrize("path", sorted(REFERENCE.glob("*.py")))
def test_wall(path: Path) -> None:
    """The reference peer imports the standard library and itself only (acceptance D)."""
    names: list[str] = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names.append(node.module or "")
            assert node.level == 0
    for name in names:
        assert name.startswith("tests.reference") or name.split(".")[0] in sys.stdlib_module_names


def test_golden_bytes() -> None:
    """The reference's bytes are those of the assignment, written out by hand (spec 2.2, 3)."""
    assert wire.handshake(1001) == b"P2PFILESHARINGPROJ" + b"\0" * 10 + b"\0\0\x03\xe9"
    assert wire.frame(wire.Type.CHOKE) == b"\0\0\0\x01\0"
    assert wire.have(258) == b"\0\0\0\x05\x04\0\0\x01\x02"
    assert wire.bitfield({0, 9}, 10) == b"\0\0\0\x03\x05\x80\x40"
    assert wire.request(1) == b"\0\0\0\x05\x06\0\0\0\x01"
    assert wire.piece(3, b"ab") == b"\0\0\0\x07\x07\0\0\0\x03ab"


@pytest.mark.swarm
def test_all_harmless_habits_at_once(tmp_path: Path) -> None:
    """Reference peers with all the habits that can be combined complete a swarm (spec 3.4)."""
    members = (
        reference(1001, *HARMLESS, seed=True),
        reference(1002, *HARMLESS, "abrupt-close-early"),
        reference(1003, "empty-bitfield", "zero-bitfield", "abrupt-close"),
        reference(1004, "no-bitfield"),
    )
    with Swarm(tmp_path, *members) as swarm:
        swarm.start()
        swarm.complete()


@pytest.mark.swarm
@pytest.mark.thorough
@pytest.mark.parametrize("habit", HABITS)
def test_each_habit(habit: str, tmp_path: Path) -> None:
    """Reference peers complete with each habit alone, as seed and as leecher (acceptance D)."""
    members = (reference(1001, habit, seed=True), reference(1002, habit), reference(1003))
    with Swarm(tmp_path, *members) as swarm:
        swarm.start()
        swarm.complete()

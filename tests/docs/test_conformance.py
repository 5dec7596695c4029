"""`docs/conformance.md` is complete and names nothing that doesn't exist."""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator
from functools import cache
from operator import attrgetter
from pathlib import Path
from typing import NamedTuple

import pytest

from harness import docs
from tests.kit.markdown import ROOT
from verifier.rules import CHECKS


class Row(NamedTuple):
    """What the page says of one clause."""

    clause: str
    implemented: str
    tested: str
    checks: str


PAGE = (ROOT / "docs" / "conformance.md").read_text(encoding="utf-8")
ROWS = [Row(*cells) for cells in re.findall(r"(?m)^\| ([\d.]+) \| (.*) \| (.*) \| (.*) \|$", PAGE)]


def named(cell: str) -> Iterator[tuple[str, list[str]]]:
    """The files of a cell, each with the names that stand after it."""
    for group in cell.split("; "):
        path, *names = re.findall(r"`([^`]+)`", group)
        yield path, names


def module_of(path: str) -> str:
    return path.removeprefix("io/").removesuffix(".py").replace("/", ".")


@cache
def functions_of(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_no_clause_is_missing() -> None:
    """The page has each clause of the specification once, in its order."""
    text = (ROOT / "docs" / "specification.md").read_text(encoding="utf-8")
    assert [row.clause for row in ROWS] == re.findall(r"(?m)^- (\d+\.\d+) ", text)


@pytest.mark.parametrize("row", ROWS, ids=[row.clause for row in ROWS])
def test_what_implements_a_clause_exists(row: Row) -> None:
    """Each file that is said to implement a clause exists, and has the names that are given."""
    for path, names in named(row.implemented):
        assert (ROOT / path).is_file(), path
        assert names, path
        for name in names:
            attrgetter(name)(importlib.import_module(module_of(path)))


@pytest.mark.parametrize("row", ROWS, ids=[row.clause for row in ROWS])
def test_what_tests_a_clause_exists(row: Row) -> None:
    """Each test that is said to defend a clause exists."""
    for path, names in named(row.tested):
        assert names, path
        assert set(names) <= functions_of(ROOT / path), path


def test_checks_are_current() -> None:
    """Each check stands at the clauses that it cites, and no other does: as `invoke docs` writes it."""
    assert docs.conformance() == PAGE, "run `invoke docs`"
    listed = {check for row in ROWS for check in row.checks.split(", ")} - {docs.NO_CHECK}
    assert listed == set(CHECKS)

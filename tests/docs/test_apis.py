"""The API documents name everything that is public."""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from tests.kit.markdown import ROOT, code_spans

MODULES = {
    "protocol_api.md": ("peerio.protocol", "core.interface.messages", "core.errors"),
    "networking_api.md": ("peerio.contract", "peerio.networking"),
    "peerprocess_api.md": (
        "peerProcess",
        "peerio.program.process",
        "peerio.program.signals",
        "peerio.program.limits",
        "peerio.program.diagnostics",
        "core.exits",
        "core.peer",
        "core.interface.events",
        "core.interface.effects",
        "core.config",
        "peerio.runtime",
        "peerio.config",
        "peerio.storage",
        "peerio.eventlog",
        "peerio.trace",
        "peerio.status",
    ),
}
PAIRS = [(page, module) for page, modules in MODULES.items() for module in modules]


def defined(tree: ast.Module | ast.ClassDef) -> Iterator[str]:
    """The public functions, classes, constants and fields that a module or class defines."""
    for node in tree.body:
        names: list[str] = []
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names = [node.name]
        elif isinstance(node, ast.Assign):
            names = [target.id for target in node.targets if isinstance(target, ast.Name)]
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names = [node.target.id]
        yield from (name for name in names if not name.startswith("_"))


def public_names(module: ModuleType) -> set[str]:
    """What a module offers, with the methods and fields of its public classes."""
    assert module.__file__ is not None
    tree = ast.parse(Path(module.__file__).read_text(encoding="utf-8"))
    names = set(getattr(module, "__all__", defined(tree)))
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            names.update(defined(node))
    return {name for name in names if len(name) > 1}  # type variables aren't offered


@pytest.mark.parametrize(("page", "module"), PAIRS)
def test_everything_public_is_named(page: str, module: str) -> None:
    """Each public name of the modules that an API document covers, and of their classes, is in it."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    words = {word for code in code_spans(text) for word in re.findall(r"\w+", code)}
    assert public_names(importlib.import_module(module)) - words == set()

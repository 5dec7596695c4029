"""Which names of the standard library another system's Python lacks, as typeshed has it for type checkers.

python -m tests.kit.platforms.typeshed      writes names.json anew
"""

from __future__ import annotations

import ast
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import mypy

NAMES = Path(__file__).with_name("names.json")
SYSTEMS = {"windows": "win32", "macos": "darwin"}
"""The systems, with what `sys.platform` is there."""
MODULES = ("errno", "mmap", "os", "select", "selectors", "signal", "socket", "time")
_OLDEST, _NEWEST = (3, 11), (3, 99)
"""Versions of Python: what Windows got later isn't there in the oldest that we run on."""
_STUBS = Path(mypy.__file__).parent / "typeshed" / "stdlib"


def lacking(system: str) -> dict[str, list[str]]:
    """For each module the names that Linux has and this system hasn't."""
    return {
        module: sorted(_names(module, "linux", _NEWEST) - _names(module, SYSTEMS[system], _OLDEST))
        for module in MODULES
    }


def _names(module: str, platform: str, version: tuple[int, int]) -> set[str]:
    package, single = _STUBS / module / "__init__.pyi", _STUBS / f"{module}.pyi"
    stub = package if package.exists() else single
    return set(_defined(ast.parse(stub.read_text(encoding="utf-8")).body, platform, version))


def _defined(body: list[ast.stmt], platform: str, version: tuple[int, int]) -> Iterator[str]:
    for node in body:
        match node:
            case ast.If():
                branch = node.body if _holds(node.test, platform, version) else node.orelse
                yield from _defined(branch, platform, version)
            case ast.FunctionDef() | ast.ClassDef():
                yield node.name
            case ast.AnnAssign(target=ast.Name(name)):
                yield name
            case ast.Assign():
                yield from (one.id for one in node.targets if isinstance(one, ast.Name))
            case ast.Import() | ast.ImportFrom():
                yield from (one.asname or one.name for one in node.names)


def _holds(test: ast.expr, platform: str, version: tuple[int, int]) -> bool:
    """Whether a condition of a stub holds on this platform, by this version of Python."""
    match test:
        case ast.BoolOp(ast.And()):
            return all(_holds(one, platform, version) for one in test.values)
        case ast.BoolOp(ast.Or()):
            return any(_holds(one, platform, version) for one in test.values)
        case ast.Compare(ops=[ast.Eq()], comparators=[ast.Constant(value)]):
            return value == platform
        case ast.Compare(ops=[ast.NotEq()], comparators=[ast.Constant(value)]):
            return value != platform
        case ast.Compare(ops=[ast.GtE()], comparators=[bound]):
            return bool(version >= ast.literal_eval(bound))
        case ast.Compare(ops=[ast.Lt()], comparators=[bound]):
            return bool(version < ast.literal_eval(bound))
    raise ValueError(ast.unparse(test))


def write() -> None:
    """Write the list anew, without names that no Python that we run on has."""
    NAMES.write_text(
        json.dumps({one: lacking(one) for one in SYSTEMS}, indent=1) + "\n", encoding="utf-8"
    )


if __name__ == "__main__":
    write()
    sys.stdout.write(f"written: {NAMES}\n")

"""The walls of the house, read from the syntax trees: who imports whom, who may touch bytes and sockets."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from harness.remote.bundle import AGENT, source_of
from tests.kit.markdown import RESULTS

ROOT = Path(__file__).resolve().parents[1]
LIBRARY_OF_PEERIO = {"structlog"}
LONGEST_FILE = 400


def sources(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


CORE = sources("core")
PEERIO = sources("io")
VERIFIER = sources("verifier")
PROBE = sources("probe")
PROGRAMS = [path for path in (ROOT / "peerProcess.py", ROOT / "tasks.py") if path.exists()]
PRODUCT = [
    *CORE,
    *PEERIO,
    *VERIFIER,
    *PROBE,
    *sources("harness"),
    *sources("swarmproof"),
    *PROGRAMS,
]
TESTS = sources("tests")


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def imports_of(path: Path) -> Iterator[str]:
    """Every module that a file imports, wherever in it, by its whole name."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{name_of(path)}:{node.lineno}: imports are absolute"
            yield node.module or ""


def packages_of(path: Path) -> set[str]:
    return {module.partition(".")[0] for module in imports_of(path)}


def is_standard(package: str) -> bool:
    return package in sys.stdlib_module_names


def attributes_of(path: Path) -> Iterator[tuple[int, str]]:
    """Every attribute that is looked up, with its line."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Attribute):
            yield node.lineno, node.attr


def each(paths: list[Path]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("path", paths, ids=name_of)


# Who may import whom (design 1.2).


@each(CORE)
def test_core_is_pure(path: Path) -> None:
    """`core` imports itself, `transitions` and pure parts of the standard library: no clock, file, socket, thread or log (design 1.2)."""
    impure = {
        "time", "socket", "selectors", "select", "threading", "os", "pathlib", "logging", "asyncio",
        "io", "sys", "subprocess", "signal", "multiprocessing", "secrets", "datetime", "tempfile",
        "shutil", "queue", "ssl", "struct", "builtins", "ctypes", "mmap",
    }  # fmt: skip
    packages = packages_of(path)
    assert not packages & impure
    assert all(package in {"core", "transitions"} or is_standard(package) for package in packages)


@each(CORE)
def test_core_takes_chance_as_an_argument(path: Path) -> None:
    """`core` uses no global random function, nor `open`, `print` or `input`: chance comes with a `Random` (design 1.2, 5.1)."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            assert all(alias.name != "random" for alias in node.names), node.lineno
        elif isinstance(node, ast.ImportFrom) and node.module == "random":
            assert [alias.name for alias in node.names] == ["Random"], node.lineno
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in {"open", "print", "input", "Random"}, node.lineno


@each(PEERIO)
def test_peerio_imports_core_only(path: Path) -> None:
    """`peerio` imports `core` and itself, never a program, the verifier or the harness (design 1.2)."""
    allowed = {"core", "peerio"} | LIBRARY_OF_PEERIO
    assert {p for p in packages_of(path) if not is_standard(p)} <= allowed


@each(VERIFIER)
def test_verifier_stands_alone(path: Path) -> None:
    """The verifier imports itself and the standard library (design 1.2)."""
    assert {p for p in packages_of(path) if not is_standard(p)} <= {"verifier"}


@each(PROBE)
def test_probe_stands_alone(path: Path) -> None:
    """The probe imports itself and the standard library, and the verifier at its one seam (issue 15)."""
    seam = {"verifier"} if name_of(path) == "probe/logs.py" else set()
    assert {p for p in packages_of(path) if not is_standard(p)} <= {"probe"} | seam


@each([path for path in PROBE if name_of(path) == "probe/program/keeper.py"])
def test_the_keeper_needs_python_only(path: Path) -> None:
    """The keeper runs as a script of its own, so it imports nothing of the project."""
    assert all(is_standard(package) for package in packages_of(path))


@each(PRODUCT)
def test_product_does_not_import_tests(path: Path) -> None:
    """Nothing of the product imports from `tests` (design 1)."""
    assert "tests" not in packages_of(path)


@each(sources("tests/reference"))
def test_reference_peer_shares_no_code(path: Path) -> None:
    """The reference peer is written from the specification alone and shares no code with ours (acceptance D)."""
    assert not packages_of(path) & {"core", "peerio", "peerProcess", "verifier"}


def test_io_is_not_a_package() -> None:
    """`io/` is a source root: an `__init__.py` would make type checkers take it for the standard library's `io` (design 1.1)."""
    assert not (ROOT / "io" / "__init__.py").exists()


def modules_of(paths: list[Path]) -> dict[str, Path]:
    """Files by the name that others import them by."""
    found = {}
    for path in paths:
        parts = path.relative_to(ROOT / "io" if "io" in path.parts else ROOT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def test_imports_form_no_circle() -> None:
    """No module of the product imports itself by way of others, not even for its types alone."""
    modules = modules_of(PRODUCT)
    waiting = {
        name: {
            found if found in modules else module
            for module, names in imported_names(path)
            for found in ([f"{module}.{one}" for one in names] or [module])
        }
        & modules.keys() - {name}
        for name, path in modules.items()
    }
    while free := {name for name, needs in waiting.items() if not needs}:
        waiting = {name: needs - free for name, needs in waiting.items() if name not in free}
    assert not waiting, f"in a circle, or needing one: {sorted(waiting)}"


def imported_names(path: Path) -> Iterator[tuple[str, list[str]]]:
    """What a file imports: modules, each with the names taken from it."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, []) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or "", [alias.name for alias in node.names]


@pytest.mark.parametrize(
    "folder", sorted({path.parent for path in [*PRODUCT, *TESTS]}), ids=name_of
)
def test_folders_fit_a_head(folder: Path) -> None:
    """A folder has at most 14 modules beside its `__init__`."""
    assert len([path for path in folder.glob("*.py") if path.name != "__init__.py"]) <= 14


@each([path for path in TESTS if path.parent != ROOT / "tests" and "kit" not in path.parts])
def test_helpers_stand_apart(path: Path) -> None:
    """Among the tests lie tests: what helps them is in `tests/kit`, or in a folder without tests."""
    if any(path.parent.glob("test_*.py")):
        assert path.name.startswith("test_") or path.name == "conftest.py"


# The team plan's shared rules.

BYTE_PACKING = {"pack", "pack_into", "unpack", "unpack_from", "to_bytes", "from_bytes"}
PROTOCOL = "io/peerio/protocol.py"
SHIPPED = [*CORE, *PEERIO, *PROGRAMS]


@each([path for path in SHIPPED if name_of(path) != PROTOCOL])
def test_bytes_are_packed_in_protocol_only(path: Path) -> None:
    """No binary format is packed or parsed outside `protocol.py` (team plan: shared rules)."""
    assert "struct" not in packages_of(path)
    found = [(line, name) for line, name in attributes_of(path) if name in BYTE_PACKING]
    assert not found


SOCKETS_ALLOWED = {
    "io/peerio/networking.py": "owns sockets",
    PROTOCOL: "type annotations and `recv` of the blocking helpers `read_exact` and `recv_message`",
    "io/peerio/storage.py": "the type of the socket that a piece is handed to",
    "io/peerio/filesystem.py": "sendfile, and its fallback, take a socket",
    "io/peerio/simulation/sockets.py": "the constants of sockets, to be what they are to networking",
    "io/peerio/simulation/hosts.py": "the same",
}
RECEIVING = {"recv", "recv_into", "recvfrom", "accept", "listen", "connect", "connect_ex", "bind"}


def touches_sockets(path: Path) -> bool:
    return name_of(path) in SOCKETS_ALLOWED or name_of(path).startswith("io/peerio/net/")


@each([path for path in SHIPPED if not touches_sockets(path)])
def test_sockets_are_networkings(path: Path) -> None:
    """Sockets are touched in `networking.py` and `io/peerio/net/` only (team plan: interface boundaries)."""
    assert not packages_of(path) & {"socket", "selectors", "select", "socketserver", "asyncio"}


@pytest.mark.parametrize("name", [PROTOCOL, "io/peerio/storage.py", "io/peerio/filesystem.py"])
def test_the_exceptions_make_no_socket(name: str) -> None:
    """Who is excepted from the rule on sockets still makes, binds, connects and accepts none."""
    path = ROOT / name
    forbidden = RECEIVING - ({"recv"} if name == PROTOCOL else set())
    assert not [found for found in attributes_of(path) if found[1] in forbidden]
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            made = node.func.attr in {"socket", "create_connection", "create_server", "socketpair"}
            assert not made, f"{name}:{node.lineno}"


def test_peer_process_receives_nothing() -> None:
    """There is no raw `sock.recv()` inside `peerProcess.py` (team plan: shared rules)."""
    assert not {name for _, name in attributes_of(ROOT / "peerProcess.py")} & RECEIVING


@each([path for path in PEERIO if path.parent.name == "net" or path.name == "networking.py"])
def test_networking_does_not_choke(path: Path) -> None:
    """No choke or unchoke is decided inside networking: it knows neither message nor machine (team plan: shared rules)."""
    for node in ast.walk(tree_of(path)):
        words = {
            ast.Name: lambda n: n.id,
            ast.Attribute: lambda n: n.attr,
            ast.alias: lambda n: n.name,
        }.get(type(node))
        if words is not None:
            assert "choke" not in words(node).lower(), getattr(node, "lineno", 0)
            assert words(node) not in {
                "core.choking",
                "core.uploads",
                "core.downloads",
                "core.peer",
            }


# Settings and documents.


def settings() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def test_extras_are_the_groups() -> None:
    """The extras for pip are the same as the dependency groups for uv (design 1.1)."""
    assert settings()["project"]["optional-dependencies"] == settings()["dependency-groups"]


def test_no_extra_refers_to_the_project() -> None:
    """No extra asks for the project itself, which made old versions of pip search for minutes (issue 16)."""
    extras = settings()["project"]["optional-dependencies"]
    assert not [name for names in extras.values() for name in names if "swarmproof" in name]


def test_the_extra_dev_has_all_others() -> None:
    """The tests need what every other extra brings, since they try all commands; but for the program of others that `bench` compares with, which isn't to be had everywhere."""
    extras = settings()["project"]["optional-dependencies"]
    others = {name for extra, names in extras.items() if extra != "bench" for name in names}
    assert others == set(extras["dev"])


SSH = "harness/remote/ssh.py"
CLUSTER = "harness/cluster/scheduler.py"
WORKER = "harness/cluster/worker.py"
LIBTORRENT = "harness/bench/libtorrent_peer.py"


@each([path for path in PRODUCT if name_of(path) != SSH])
def test_ssh_is_remote_only(path: Path) -> None:
    """Fabric and what it stands on are imported in one file only: no other command needs that extra."""
    assert not packages_of(path) & {"fabric", "paramiko"}


@each([path for path in PRODUCT if name_of(path) not in {CLUSTER, WORKER}])
def test_dask_is_for_clusters_only(path: Path) -> None:
    """Dask is imported in one file here, and in the one that is sent to its workers: no other command needs that extra."""
    assert not packages_of(path) & {"distributed", "dask", "cloudpickle"}


@each([path for path in PRODUCT if name_of(path) != LIBTORRENT])
def test_libtorrent_is_for_the_benchmark_only(path: Path) -> None:
    """The library libtorrent is imported by its own peer in the benchmark only."""
    assert "libtorrent" not in packages_of(path)


def test_what_workers_get_needs_dask_only() -> None:
    """What is sent to a cluster's workers by its code imports nothing of ours."""
    assert {p for p in packages_of(ROOT / WORKER) if not is_standard(p)} == {"distributed"}


@each([source_of(name) for name in AGENT])
def test_agent_needs_python_only(path: Path) -> None:
    """What is sent to hosts as their agent imports itself and the standard library."""
    ours = {module for module in imports_of(path) if not is_standard(module.partition(".")[0])}
    assert ours <= {*AGENT, "harness.remote.host"}


def clauses() -> list[tuple[int, int]]:
    text = (ROOT / "docs" / "specification.md").read_text()
    found = re.findall(r"(?m)^- \**(\d+)\.(\d+)\b", text)
    return [(int(chapter), int(number)) for chapter, number in found]


def test_clauses_are_numbered_without_gaps() -> None:
    """The specification's clauses are numbered without gaps, chapter by chapter, since all cite them by number."""
    numbers = clauses()
    assert numbers[0] == (1, 1)
    assert max(chapter for chapter, _ in numbers) == 9
    for (chapter, number), following in pairwise(numbers):
        assert following in {(chapter, number + 1), (chapter + 1, 1)}
    text = (ROOT / "docs" / "specification.md").read_text()
    assert re.findall(r"(?m)^## (\d+) ", text) == [str(n) for n in range(1, 10)]


@each([*PRODUCT, *TESTS])
def test_cited_clauses_exist(path: Path) -> None:
    """Every clause that code or a test cites is one of the specification's."""
    cited = re.findall(r"\(spec ([\d., and]+)", path.read_text())
    numbers = [
        tuple(map(int, one.split("."))) for text in cited for one in re.findall(r"\d+\.\d+", text)
    ]
    assert set(numbers) <= set(clauses())


OUTSIDE = re.compile(r"\.\./" + "shared|/work" + r"/|\bfarm" + "-")
ALLOWED_LOOKUPS: dict[str, str] = {
    "tests/kit/verifier/corpus.py": "real logs of other programs are no part of the project",
}
"""Files that may look for something beside the repository, and why."""


def texts() -> list[Path]:
    kinds = {".py", ".md", ".toml", ".cfg", ".txt", ".yml", ".yaml", ".json", ""}
    skipped = {
        ".git",
        ".venv",
        ".ruff_cache",
        ".mypy_cache",
        ".pytest_cache",
        ".hypothesis",
        *RESULTS,
    }
    found = []
    for path in ROOT.rglob("*"):
        inside = path.relative_to(ROOT)
        hidden = path.name.startswith(".") and path.name != ".gitignore"
        if path.suffix in kinds and path.is_file() and not hidden and not skipped & {*inside.parts}:
            found.append(path)
    return found


def test_the_tree_is_whole_in_itself() -> None:
    """Nothing in the tree refers to a folder beside it, since whoever has the repository has nothing else."""
    for path in texts():
        if name_of(path) not in ALLOWED_LOOKUPS:
            found = OUTSIDE.search(path.read_text(encoding="utf-8", errors="replace"))
            assert not found, f"{name_of(path)}: {found and found[0]!r}"


# Form.


LONGEST_FUNCTION = 40
"""Lines without prose and blank ones."""


def prose_in(function: ast.FunctionDef | ast.AsyncFunctionDef, lines: list[str]) -> int:
    """How many of a function's lines are docstrings, comments or blank."""
    strings = [
        node
        for node in ast.walk(function)
        if isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    ]
    in_strings = {
        number
        for node in strings
        for number in range(node.lineno, (node.end_lineno or node.lineno) + 1)
    }
    numbers = range(function.lineno, (function.end_lineno or function.lineno) + 1)
    return sum(
        number in in_strings or not (text := lines[number - 1].strip()) or text.startswith("#")
        for number in numbers
    )


@each(PRODUCT)
def test_functions_fit_a_screen(path: Path) -> None:
    """A function of the product has at most 40 lines beside its prose."""
    lines = path.read_text(encoding="utf-8").splitlines()
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1 - prose_in(node, lines)
            assert length <= LONGEST_FUNCTION, f"{node.name}: {length} lines"


def functions_that_test(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith(
            "test_"
        ):
            yield node


@each([path for path in TESTS if path.name.startswith("test_")])
def test_every_test_says_its_rule(path: Path) -> None:
    """Every test has a docstring whose first paragraph is one sentence: the rule that it defends."""
    for test in functions_that_test(path):
        paragraph = (ast.get_docstring(test) or "").partition("\n\n")[0]
        text = " ".join(paragraph.split())
        where = f"{name_of(path)}:{test.lineno}: {test.name}"
        assert text.endswith("."), where
        assert len(re.findall(r"[.!?](?= [A-Z]|$)", text)) == 1, f"{where}: more than one sentence"


@each(PRODUCT)
def test_files_fit_a_head(path: Path) -> None:
    """A source file has at most 400 lines."""
    assert len(path.read_text().splitlines()) <= LONGEST_FILE

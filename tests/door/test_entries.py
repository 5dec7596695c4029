"""Every way in says in one sentence that Python is too old, or that a library is missing."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tests.kit.pythons import ROOT, old_pythons

ENTRIES = {
    "peerProcess.py": (["peerProcess.py", "1001"], 1),
    "verifier/__main__.py": (["-m", "verifier", "logs"], 2),
    "probe/__main__.py": (["-m", "probe", "x {id}"], 2),
    "swarmproof/__main__.py": (["-m", "swarmproof", "swarm"], 1),
    "tasks.py": (["tasks.py"], 1),
}
"""Files that people start: how, and the exit status where that is impossible."""
NEEDS_NOTHING = {"verifier/__main__.py", "probe/__main__.py"}
WITHOUT = """\
import sys, runpy
sys.path.insert(0, {root!r})
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name == {missing!r}:
            raise ModuleNotFoundError("No module named " + name, name=name)
sys.meta_path.insert(0, Missing())
sys.argv = {arguments!r}
runpy.{run}
"""


def say(python: str | Path, *arguments: str) -> tuple[int, str]:
    """Exit status and stderr of a Python in the project's folder."""
    ended = subprocess.run(
        [python, "-B", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert ended.stdout == ""
    return ended.returncode, ended.stderr


@pytest.mark.parametrize("name", ENTRIES)
def test_an_old_python_is_told(name: str) -> None:
    """On each Python below 3.11 that is here, every entry ends with one sentence and its documented status."""
    if not old_pythons():
        pytest.skip("no Python below 3.11 is installed here")
    arguments, expected = ENTRIES[name]
    for version, python in old_pythons().items():
        status, text = say(python, *arguments)
        assert (status, text.count("\n")) == (expected, 1), f"{version}: {text}"
        assert "needs Python 3.11 or newer" in text
        assert version in text


@pytest.mark.parametrize("name", [*ENTRIES, "harness/packing/first.py"])
def test_old_pythons_can_read_the_entries(name: str) -> None:
    """An entry's file has nothing that Python 2.7 to 3.10 couldn't parse: not before the check, and not after."""
    text = (ROOT / name).read_text(encoding="ascii")
    tree = ast.parse(text, feature_version=(3, 7))
    for node in ast.walk(tree):
        assert not isinstance(node, ast.JoinedStr | ast.AnnAssign | ast.NamedExpr), node.lineno
        if isinstance(node, ast.FunctionDef):
            arguments = [*node.args.args, *node.args.kwonlyargs]
            assert node.returns is None
            assert not any(one.annotation for one in arguments)
        assert not (isinstance(node, ast.ImportFrom) and node.module == "__future__")


def without(missing: str, name: str) -> list[str]:
    """A command line that starts an entry as if a module weren't installed."""
    words = ENTRIES[name][0]
    if words[0] == "-m":
        run = f"run_module({words[1]!r}, None, '__main__', alter_sys=True)"
        words = ["", *words[2:]]
    else:
        run = f"run_path({words[0]!r}, None, '__main__')"
    return ["-c", WITHOUT.format(root=str(ROOT), missing=missing, arguments=words, run=run)]


@pytest.mark.parametrize(
    ("name", "missing"),
    [
        (name, missing)
        for name in ENTRIES
        if name not in NEEDS_NOTHING
        for missing in ("transitions", "rich")
        if (name, missing) != ("peerProcess.py", "rich")  # a peer doesn't need it
    ],
)
def test_a_missing_library_is_named(name: str, missing: str) -> None:
    """An entry without a library that it needs says in one sentence which, for which Python, and what to do."""
    status, text = say(sys.executable, *without(missing, name))
    assert (status, text.count("\n")) == (1, 1), text
    assert f"{missing} isn't installed for {sys.executable}: run `pip install .` in {ROOT}" in text
    assert "swarmproof.pyz" in text


def test_what_needs_no_library_runs_without() -> None:
    """The verifier and the probe run by a Python that has nothing installed."""
    for module in ("verifier", "probe"):
        code = f"import sys; sys.path.insert(0, {str(ROOT)!r}); sys.argv[1:] = ['--help']; import runpy; runpy.run_module({module!r}, None, '__main__')"
        command = [sys.executable, "-I", "-S", "-B", "-c", code]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
        assert ended.returncode == 0, ended.stderr

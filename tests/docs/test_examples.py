"""The examples in the documents run."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.kit.markdown import blocks, documents, name_of


def examples(path: Path) -> str:
    """A document's Python blocks as one program whose lines have the document's numbers."""
    program = ""
    for block in blocks(path.read_text(encoding="utf-8")):
        if block.language == "python":
            program += "\n" * (block.line - program.count("\n") - 1) + block.text
    return program


WITH_EXAMPLES = [path for path in documents() if examples(path)]


@pytest.mark.parametrize("path", WITH_EXAMPLES, ids=name_of)
def test_examples_run(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The Python blocks of a document, one after the other in an empty folder, do what it says."""
    monkeypatch.chdir(tmp_path)
    exec(compile(examples(path), path, "exec"), {"__name__": "example"})

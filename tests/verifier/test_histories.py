"""The recorded histories in tests/histories: each is read and judged as its description says."""

from __future__ import annotations

import gzip
import tomllib
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.kit.histories.book import BOOK, HISTORIES
from tests.kit.histories.shelf import README, readme, stored
from tests.kit.verifier.judging import fired
from verifier.api import Report, verify
from verifier.findings import Severity
from verifier.judge import Options, Verdict
from verifier.reading.sentences import Kind
from verifier.report.text import conclusion

FOLDERS = sorted(path.parent for path in HISTORIES.glob("*/history.toml"))
MODES = ("strict", "lenient")
LARGEST, MOST = 60_000, 600_000
"""Bytes of one history and of all."""
KINDS = {
    "makes a connection": Kind.MAKES,
    "is connected": Kind.CONNECTED_FROM,
    "preferred": Kind.PREFERRED,
    "optimistic": Kind.OPTIMISTIC,
    "unchoked": Kind.UNCHOKED,
    "choked": Kind.CHOKED,
    "have": Kind.HAVE,
    "interested": Kind.INTERESTED,
    "not interested": Kind.NOT_INTERESTED,
    "downloaded": Kind.DOWNLOADED,
    "complete": Kind.COMPLETE,
}

each = pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)


def described(folder: Path) -> dict[str, Any]:
    """What a history says of itself."""
    return tomllib.loads((folder / "history.toml").read_text(encoding="utf-8"))


def judged(folder: Path, mode: str) -> Report:
    """All its runs."""
    return verify([folder], Options(lenient=mode == "lenient", run="all"))


def outcome(verdict: Verdict) -> dict[str, Any]:
    """What came of one run, in the words of its description."""
    errors = fired(verdict, Severity.ERROR)
    return {
        "verdict": conclusion(verdict).partition(":")[0],
        "errors": sorted(errors),
        "warnings": sorted(fired(verdict) - errors),
        "undecided": sorted(result.check.id for result in verdict.unknown),
    }


@pytest.mark.parametrize("mode", MODES)
@each
def test_verdicts(folder: Path, mode: str) -> None:
    """Each run comes out as described: its verdict, and just the rules that are broken or undecided."""
    report = judged(folder, mode)
    expected = described(folder)
    if "refused" in expected:
        assert (report.status, report.verdicts) == (2, [])
        assert expected["refused"] in report.problems[0]
        return
    assert report.problems == []
    found = [outcome(verdict) for verdict in report.verdicts]
    said = [{**run[mode], **sorted_ids(run[mode])} for run in expected["runs"]]
    assert found == said


def sorted_ids(said: dict[str, Any]) -> dict[str, list[str]]:
    return {key: sorted(said[key]) for key in ("errors", "warnings", "undecided")}


@each
def test_events(folder: Path) -> None:
    """Every sentence that was written is read, whatever its wording and encoding, and no other (spec 8.1)."""
    expected = described(folder)
    if "refused" in expected:
        return
    read: Counter[Kind] = Counter()
    report = verify([folder], Options(run="all", checks=("F01",)))  # any rule: the logs are read
    for verdict in report.verdicts:
        for life in verdict.case.lives:
            columns = life.columns
            read.update(Kind(kind) for kind in columns.events.kinds)
            read[Kind.HAVE] += columns.have_count
    assert {name: read[kind] for name, kind in KINDS.items()} == expected["events"]


@pytest.mark.parametrize("name", BOOK)
def test_made_again(name: str) -> None:
    """A history comes out the same when it is made again; what is packed, once it is unpacked."""
    history = BOOK[name]
    made, there = history.files(), stored(history.folder)
    assert sorted(made) == sorted(there)
    assert {file: unpacked(file, data) for file, data in made.items()} == {
        file: unpacked(file, data) for file, data in there.items()
    }, "`python -m tests.kit.histories` makes them anew"


def unpacked(name: str, data: bytes) -> bytes:
    """Libraries of one format pack differently."""
    return gzip.decompress(data) if name.endswith(".gz") else data


def test_they_are_listed() -> None:
    """The README names each history with its verdicts, and there is none but those of the recipes."""
    assert README.read_text(encoding="utf-8") == readme()
    assert [folder.name for folder in FOLDERS] == sorted(BOOK)


def test_there_are_enough_and_they_are_small() -> None:
    """At least twenty, of every verdict in both modes, and small enough for everybody's clone."""
    sizes = {folder.name: sum(map(len, stored(folder).values())) for folder in FOLDERS}
    assert len(sizes) >= 20
    assert max(sizes.values()) <= LARGEST
    assert sum(sizes.values()) <= MOST
    runs = [run for folder in FOLDERS for run in described(folder).get("runs", [])]
    assert {run["strict"]["verdict"] for run in runs} >= {"PASS", "FAIL"}
    assert {run["lenient"]["verdict"] for run in runs} == {"PASS", "FAIL", "UNDECIDED"}
    assert any("refused" in described(folder) for folder in FOLDERS)

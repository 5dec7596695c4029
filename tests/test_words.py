"""Words that the type checker knows: a misspelt state, outcome, cause or kind doesn't pass."""

from __future__ import annotations

from pathlib import Path

import pytest
from mypy import api

ROOT = Path(__file__).resolve().parents[1]

WRONG = {
    "upload": 'neighbor.upload.state == "choke"',
    "download": 'neighbor.download.state == "idel"',
    "our_interest": 'neighbor.our_interest.state == "intrested"',
    "its_interest": 'neighbor.its_interest.state == "uninterested"',
    "link": 'link.state == "opened"',
    "flush": 'link.flush(source, None, 0.0) == "emtpy"',
    "on_flushed": 'link.on_flushed == "half close"',
    "event": 'Log("complete", {})',
    "note": 'Note("free", {})',
    "freed": 'freed == "lost"',
    "skipped": 'skipped == "has it"',
    "dropped": 'dropped == "choke"',
    "close": 'closed == "closed in order"',
    "way": 'way == "inwards"',
}
RIGHT = {
    "upload": 'neighbor.upload.state == "choked"',
    "link": 'link.state == "open"',
    "flush": 'link.flush(source, None, 0.0) == "empty"',
    "event": 'Log("completed", {})',
    "freed": 'freed == "loss"',
}
START = """\
from core.interface.effects import Log, Note
from core.interface.words import DropCause, FreedCause, SkipCause
from core.state import Neighbor
from peerio.contract import CloseCause, Way
from peerio.net.link import Link, PieceSource

def check(neighbor: Neighbor, link: Link, source: PieceSource, freed: FreedCause, skipped: SkipCause,
          dropped: DropCause, closed: CloseCause, way: Way) -> None:
"""


@pytest.fixture(scope="module")
def complaints(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The expressions that `mypy --strict` complains of, among all of this page."""
    folder = tmp_path_factory.mktemp("words")
    uses = [*WRONG.values(), *RIGHT.values()]
    path = folder / "uses.py"
    path.write_text(START + "".join(f"    print({use})\n" for use in uses), encoding="utf-8")
    settings = ("--config-file", str(ROOT / "pyproject.toml"), "--cache-dir", str(folder / "cache"))
    output, errors, _ = api.run([*settings, "--no-error-summary", str(path)])
    assert not errors
    first = START.count("\n") + 1
    lines = [line.split(":") for line in output.splitlines() if ": error:" in line]
    assert all(Path(line[0]).name == path.name for line in lines), output
    return {uses[int(line[1]) - first] for line in lines}


@pytest.mark.parametrize("use", WRONG.values(), ids=WRONG)
def test_a_misspelt_word_is_an_error(complaints: set[str], use: str) -> None:
    """A state, outcome, cause, kind or event that doesn't exist is an error of the type checker."""
    assert use in complaints


@pytest.mark.parametrize("use", RIGHT.values(), ids=RIGHT)
def test_a_right_word_is_none(complaints: set[str], use: str) -> None:
    """The words that exist pass, so that the complaints are about the words."""
    assert use not in complaints

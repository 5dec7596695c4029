"""What our program writes is what the verifier reads: two tables, written independently, agree."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.interface.words import LogEvent
from peerio.eventlog import SENTENCES, EventLog, LineFile, Stamp
from verifier.reading.dialects import read_line
from verifier.reading.sentences import Kind, Sentence

EVENTS: dict[str, tuple[dict[str, object], Sentence]] = {
    "made_connection": ({"neighbor": 1002}, Sentence(Kind.MAKES, 1001, 1002)),
    "was_connected": ({"neighbor": 1002}, Sentence(Kind.CONNECTED_FROM, 1001, 1002)),
    "preferred_neighbors": (
        {"neighbors": [1002, 1004]},
        Sentence(Kind.PREFERRED, 1001, ids=(1002, 1004)),
    ),
    "optimistic_neighbor": ({"neighbor": 1002}, Sentence(Kind.OPTIMISTIC, 1001, 1002)),
    "unchoked": ({"neighbor": 1002}, Sentence(Kind.UNCHOKED, 1001, 1002)),
    "choked": ({"neighbor": 1002}, Sentence(Kind.CHOKED, 1001, 1002)),
    "received_have": ({"neighbor": 1002, "pieces": [7]}, Sentence(Kind.HAVE, 1001, 1002, 7)),
    "received_interested": ({"neighbor": 1002}, Sentence(Kind.INTERESTED, 1001, 1002)),
    "received_not_interested": ({"neighbor": 1002}, Sentence(Kind.NOT_INTERESTED, 1001, 1002)),
    "downloaded_piece": (
        {"piece": 7, "neighbor": 1002, "count": 3},
        Sentence(Kind.DOWNLOADED, 1001, 1002, 7, 3),
    ),
    "completed": ({}, Sentence(Kind.COMPLETE, 1001)),
}


@pytest.mark.parametrize("event", SENTENCES)
def test_written_is_read(tmp_path: Path, event: LogEvent) -> None:
    """Each of our eleven sentences is read as the event it tells, without a deviation (spec 8.1)."""
    fields, expected = EVENTS[event]
    lines = LineFile(tmp_path / "log")
    EventLog(lines, 1001, Stamp()).write(event, fields)
    lines.close()
    reading = read_line((tmp_path / "log").read_text().removesuffix("\n"))
    assert reading.events == (expected,)
    assert not reading.deviations
    assert reading.stamp is not None


def test_the_empty_preferred_set(tmp_path: Path) -> None:
    """Nobody preferred is written as the specification has it, and read so (spec 8.1)."""
    lines = LineFile(tmp_path / "log")
    EventLog(lines, 1001, Stamp()).write("preferred_neighbors", {"neighbors": []})
    lines.close()
    text = (tmp_path / "log").read_text()
    assert text.endswith(": Peer 1001 has the preferred neighbors .\n")
    assert read_line(text.removesuffix("\n")).events == (Sentence(Kind.PREFERRED, 1001),)

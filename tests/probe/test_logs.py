"""A program's log against what happened on the wire, in whatever wording."""

from __future__ import annotations

import dataclasses

import probe.cases  # noqa: F401 -- registers the cases
from probe.cases import logs
from probe.model import Outcome, Record
from tests.kit.probe.histories import History, plan

TIME = "[2026-11-25 10:00:00]: "
RIGHT = [
    "Peer 1003 makes a connection to Peer 1001.",
    "Peer 1003 is unchoked by 1001.",
    "Peer 1003 has downloaded the piece 4 from 1001. Now the number of pieces it has is 1.",
    "Peer 1003 is choked by 1001.",
]


def fetched(lines: list[str]) -> Record:
    """One piece came from 1001, which then choked; the log says `lines`."""
    history = History().connect(1001)
    history.says(0.1, 1001, "handshake", 1003).hears(0.1, 1001, "handshake", 1001)
    history.hears(1, 1001, "unchoke").says(1.1, 1001, "request", 4)
    history.hears(1.2, 1001, "piece", 4).hears(2, 1001, "choke")
    record = history.record
    record.log = tuple(TIME + line for line in lines)
    record.log_place, record.marks = "log_peer_1003.log", {"log at home": 1}
    return record


def outcomes(lines: list[str]) -> dict[str, str]:
    found = logs.judge(fetched(lines), until=5, exact=True)
    return {one.case: one.outcome.value for one in found}


def test_a_right_log_is_kept() -> None:
    """A line for each event, and nothing else, keeps all cases on the log."""
    assert set(outcomes(RIGHT).values()) == {"kept"}


def test_a_missing_line_is_told() -> None:
    """An event without a line is reported with the sentence that is missing (LG-02)."""
    found = {one.case: one for one in logs.judge(fetched(RIGHT[:3]), until=5, exact=True)}
    assert found["LG-02"].outcome is Outcome.BROKEN
    assert "is choked by" in found["LG-02"].because


def test_other_words_are_no_missing_line() -> None:
    """A line in another wording counts for LG-02, and is a matter of LG-03; one that nobody can read is a warning."""
    other = [*RIGHT[:3], "peer 1003 is choked by peer 1001"]
    assert (outcomes(other)["LG-02"], outcomes(other)["LG-03"]) == ("kept", "broken")
    for unreadable in ("CHOKE!! <1001>", "event 0 peer=1001"):
        assert outcomes([*RIGHT[:3], unreadable])["LG-02"] == "warning"
    for unrelated in ("sent request to 1001", "event 0 peer=1002"):
        assert outcomes([*RIGHT[:3], unrelated])["LG-02"] == "broken"


def test_an_event_that_did_not_happen() -> None:
    """A line about what nobody did is reported (LG-07), one about another peer's event isn't."""
    assert outcomes([*RIGHT, "Peer 1003 is choked by 1002."])["LG-07"] == "broken"
    assert outcomes([*RIGHT, "Peer 1002 is choked by 1004."])["LG-07"] == "kept"


def test_what_was_lost_with_a_connection_is_not_asked_for() -> None:
    """What a neighbor sent right before the program closed may never have been read (spec 3.6)."""
    record = fetched(RIGHT[:3])
    History.says(_again(record), 2.1, 1001, "reset")
    assert {one.case: one.outcome for one in logs.judge(record, until=5, exact=True)}["LG-02"] is Outcome.KEPT  # fmt: skip


def _again(record: Record) -> History:
    history = History(plan())
    history.record, history.links = record, {1001: 1}
    return history


def test_choices_without_lines() -> None:
    """An unchoke whose choice no line tells is reported, unless that line may have been lost at the end (LG-05)."""
    history = History(plan(you=1001))
    for who in (1002, 1003):
        history.connect(who, by_program=False).says(2, who, "unchoke")
    record = history.record
    record.log = (TIME + "Peer 1001 has the preferred neighbors 1002.",)
    assert logs.choices(record, ended=True).outcome is Outcome.BROKEN
    assert logs.choices(record, ended=False).outcome is Outcome.KEPT
    record.log = (TIME + "Peer 1001 has the preferred neighbors 1002,1003.",)
    assert logs.choices(record, ended=True).outcome is Outcome.KEPT


def test_choices_in_unreadable_words() -> None:
    """A line that may mean a choice, but can't be read, makes a missing one a warning; one about anything else doesn't (LG-05)."""
    history = History(plan(you=1001)).connect(1002, by_program=False)
    history.says(2, 1002, "unchoke")
    for line, outcome in (
        ("preferred: 1002", Outcome.WARNED),
        ("ranking #1 -> 1002", Outcome.WARNED),
        ("ranking #1 -> 1003", Outcome.BROKEN),
        ("sent bitfield to 1002", Outcome.BROKEN),
    ):
        history.record.log = (TIME + line,)
        assert logs.choices(history.record, ended=True).outcome is outcome, line


def test_completion_in_unreadable_words_is_no_wrong_count() -> None:
    """A completion that can't be read is a matter of LG-02; LG-06 only counts those that can."""
    record = fetched(RIGHT)
    whole = TIME + "Peer 1003 has downloaded the complete file."
    record.plan = dataclasses.replace(record.plan, pieces=1)
    assert logs.counts(record).outcome is Outcome.KEPT
    record.log += (whole, whole)
    assert logs.counts(record).outcome is Outcome.BROKEN


def test_counts_go_up_by_one() -> None:
    """The number of pieces in the log goes up by one at each download (LG-06)."""
    record = fetched(RIGHT)
    assert logs.counts(record).outcome is Outcome.KEPT
    record.log = tuple(line.replace("has is 1", "has is 0") for line in record.log)
    assert logs.counts(record).outcome is Outcome.BROKEN

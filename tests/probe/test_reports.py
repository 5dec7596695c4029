"""From findings to verdicts, causes and reports."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

import probe.cases
import probe.sessions  # noqa: F401 -- registers the sessions
from probe import cli
from probe.engine import Run, look_at
from probe.model import Event, Finding, Outcome, Record
from probe.registry import CASES, PLANS
from probe.report import gradescope as report_gradescope
from probe.report import json as report_json
from probe.report import junit as report_junit
from probe.report import text as report_text
from probe.report import verdicts
from tests.kit.probe.histories import History, plan

NONE: frozenset[str] = frozenset()


def broken(case: str, session: str = "serve", **more: object) -> Finding:
    made: dict[str, object] = {"because": f"{case} is broken. More about it."} | more
    return Finding(case, session, Outcome.BROKEN, **made)  # type: ignore[arg-type]


def kept(case: str, session: str = "serve") -> Finding:
    return Finding(case, session, Outcome.KEPT)


def test_one_breach_is_enough() -> None:
    """A case that one session breaks is broken, whatever others say; one that some keep is kept."""
    found = [kept("SV-02"), broken("SV-02", "exact"), kept("SV-03"), Finding("SV-03", "x", Outcome.BLOCKED, blocked_by="SV-02")]  # fmt: skip
    results = verdicts.combine(found, ["SV-02", "SV-03", "SV-04"])
    assert [one.outcome.value for one in results.values()] == ["broken", "kept", "not exercised"]


def test_the_level_follows_the_law() -> None:
    """A case of level W is a warning at most, and one of level i only informs."""
    results = verdicts.combine([broken("IN-06"), broken("EN-08")], ["IN-06", "EN-08"])
    assert [one.outcome for one in results.values()] == [Outcome.WARNED, Outcome.TOLD]


def test_played_mischief_is_a_warning_at_most() -> None:
    """What a session finds in which a played peer misbehaves is no more than a warning (rule 1)."""
    record = Record(PLANS["wrong-header"], findings=[broken("HS-04", "wrong-header")])
    look_at(record, "")
    assert {one.case: one.outcome for one in record.findings}["HS-04"] is Outcome.WARNED


def test_what_comes_after_a_stuck_step_is_blocked() -> None:
    """The cases behind the step at which a conversation got stuck are blocked by it (rule 2)."""
    record = Record(PLANS["serve"], findings=[broken("CH-01", spine=True)])
    look_at(record, "CH-01")
    blocked = {
        one.case: one.blocked_by for one in record.findings if one.outcome is Outcome.BLOCKED
    }
    assert blocked["EN-02"] == "CH-01"
    assert "CH-01" not in blocked


def test_a_late_probe_judges_no_times() -> None:
    """Timing cases are void where the probe's own loop was late, and all others stand (rule 5)."""
    record = Record(PLANS["slots"], findings=[broken("CH-02", "slots"), broken("CH-04", "slots")])
    record.lag = 0.3
    look_at(record, "")
    found = {one.case: one.outcome for one in record.findings}
    assert (found["CH-02"], found["CH-04"]) == (Outcome.UNDECIDED, Outcome.BROKEN)


def test_a_breach_that_another_explains_is_blocked() -> None:
    """A case that needs one that is broken elsewhere isn't judged (rule 10)."""
    results = verdicts.combine([broken("CH-01"), broken("HS-03", "bytewise")], ["CH-01", "HS-03"])
    assert results["HS-03"].blocked_by == "CH-01"


def test_roots_before_symptoms() -> None:
    """The cause that explains most comes first, and its symptoms stand with it."""
    lowest = broken("BF-01", "contact-seed", cause="lowest-bit")
    found = [broken("CN-02"), lowest, broken("FR-06"), broken("RQ-04"), broken("IN-06")]
    roots = verdicts.roots(verdicts.combine(found, [one.case for one in found]))
    assert [root.result.case for root in roots] == ["BF-01", "CN-02", "IN-06"]
    assert [one.case for one in roots[0].explains] == ["FR-06"]
    assert [one.case for one in roots[0].blocks] == ["RQ-04"]


def test_a_cause_that_is_refuted_explains_nothing() -> None:
    """Whoever reads our bitfield right doesn't misread it, however its own is written (BF-05 kept)."""
    lowest = broken("BF-01", "contact-seed", cause="lowest-bit")
    found = [lowest, broken("BF-03"), broken("IN-02"), kept("BF-05")]
    roots = verdicts.roots(verdicts.combine(found, [one.case for one in found]))
    assert [root.result.case for root in roots] == ["BF-01", "IN-02"]
    assert [one.case for one in roots[0].explains] == ["BF-03"]


def test_exit_statuses() -> None:
    """Broken is 1, undecided 3, a warning counts with --strict, and what is expected doesn't."""
    results = verdicts.combine([broken("SV-02"), broken("IN-06")], ["SV-02", "IN-06"])
    assert verdicts.status(results, strict=False) == 1
    assert verdicts.status(results, strict=False, expected=frozenset({"SV-02"})) == 0
    assert verdicts.status(results, strict=True, expected=frozenset({"SV-02"})) == 1
    unsure = verdicts.combine([Finding("CH-05", "slots", Outcome.UNDECIDED)], ["CH-05"])
    assert verdicts.status(unsure, strict=False) == 3


def test_repetitions_are_counted() -> None:
    """With several repetitions a finding says in how many it was seen."""
    results = verdicts.combine_all([[broken("RQ-09")], [kept("RQ-09")], [broken("RQ-09")]], ["RQ-09"])  # fmt: skip
    assert results["RQ-09"].times == (2, 3)


def run_of(*findings: Finding) -> tuple[Run, dict[str, verdicts.Result]]:
    record = History(plan()).connect(1001).record
    record.findings = list(findings)
    run = Run([record], seconds=20.0)
    return run, verdicts.combine(findings, CASES)


EVENTS = tuple(Event(1.5 + at, 1002, sent=bool(at % 2), kind="have", index=at) for at in range(30))
MANY = [broken(case, events=EVENTS, lines=("at Peer.java:7\x1b[31m",)) for case in CASES]


def test_the_first_screen_fits() -> None:
    """However much is broken, the first screen has at most 30 lines; --full shows all."""
    run, results = run_of(*MANY)
    text = report_text.render(run, results)
    assert len(text.splitlines()) <= 30
    assert "more: " in text
    assert len(report_text.render(run, results, full=True).splitlines()) > 100


def test_a_failed_swarm_is_no_pass() -> None:
    """Where a swarm failed the report doesn't end with PASS, though no conversation found anything."""
    run, results = run_of(kept("SV-02"))
    run.notes = ["swarm of five, the other is the seed: FAIL: 1001 had not ended after 60 s"]
    text = report_text.render(run, results)
    assert text.endswith("Nothing is broken in the conversations, but a swarm failed.\n")


def test_nothing_broken_says_so() -> None:
    """A program without a fault is told PASS."""
    run, results = run_of(*(kept(case) for case in CASES))
    assert "PASS" in report_text.render(run, results)


def test_an_expected_finding_that_is_kept_is_told() -> None:
    """A known finding that isn't there any more is reported."""
    run, results = run_of(kept("SV-02"))
    assert "expected, but kept now: SV-02" in report_text.render(run, results, expected=frozenset({"SV-02"}))  # fmt: skip


def test_json_is_complete() -> None:
    """The JSON report has every case, and findings with their conversation."""
    run, results = run_of(broken("SV-02", events=EVENTS), kept("SV-03"))
    made = json.loads(report_json.render(run, results, 1, "./a {id}"))
    assert (made["version"], made["status"], len(made["cases"])) == (1, 1, 119)
    case = next(one for one in made["cases"] if one["id"] == "SV-02")
    assert case["findings"][0]["conversation"][0].split()[1:] == ["1002", "<-", "have", "0"]
    assert made["roots"][0]["case"] == "SV-02"


def test_junit_is_xml_whatever_was_printed() -> None:
    """The JUnit report can be parsed, counts failures, and warnings only with --strict."""
    run, results = run_of(*MANY[:3], broken("IN-06", because="a \x1b[0m b"))
    plain = ET.fromstring(report_junit.render(run, results, strict=False, expected=NONE))
    strict = ET.fromstring(report_junit.render(run, results, strict=True, expected=NONE))
    assert len(plain.findall(".//failure")) < len(strict.findall(".//failure"))
    assert len(plain.findall(".//testcase")) == 119


def test_gradescope_gives_points_for_what_is_kept() -> None:
    """A kept case of level F is a point, a broken one none, and what wasn't asked costs nothing."""
    run, results = run_of(kept("SV-02"), broken("SV-03"))
    tests = {one["number"]: one for one in json.loads(report_gradescope.render(run, results, "x"))["tests"]}  # fmt: skip
    assert [tests[case]["score"] for case in ("SV-02", "SV-03")] == [1, 0]
    assert tests["SV-04"]["max_score"] == 0


def test_a_diagnosis_is_the_whole_report() -> None:
    """Where contact ends in a diagnosis, each report says that and nothing else (rule 3)."""
    run, results = run_of()
    run.diagnosis = broken("HS-01", "contact-seed", lines=("you sent", "it must be"))
    assert "Nothing else was tried" in report_text.render(run, results)
    assert json.loads(report_json.render(run, results, 2, ""))["diagnosis"]["case"] == "HS-01"
    assert len(ET.fromstring(report_junit.render(run, results, strict=False, expected=NONE)).findall(".//failure")) == 1  # fmt: skip
    assert json.loads(report_gradescope.render(run, results, ""))["score"] == 0


def test_a_session_that_was_not_held_writes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    """Conversations go beside their session's files, and nowhere where there are none."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "held").mkdir()
    run = Run(records=[Record(plan()), Record(plan(), folder=str(tmp_path / "held"))])
    cli._write_scripts([run])
    assert [path.name for path in tmp_path.iterdir()] == ["held"]
    assert (tmp_path / "held" / "conversation.txt").exists()


def test_undecided_cases_are_named_beside_findings() -> None:
    """What couldn't be judged is named also where something is broken, in full with its reason."""
    open_one = Finding("CH-08", "rate", Outcome.UNDECIDED, "You asked for too little.")
    results = verdicts.combine([broken("RQ-03"), open_one], CASES)
    assert "Undecided: CH-08." in report_text.render(Run(), results)
    text = report_text.render(Run(), results, full=True)
    assert "Undecided: CH-08. You asked for too little." in text

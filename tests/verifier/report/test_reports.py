"""The reports: text for people, JSON and JUnit for programs, the command line around them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.kit.verifier.judging import good_run
from verifier.api import verify
from verifier.checks.registry import Scope
from verifier.cli import main
from verifier.engine import Spread, run_check
from verifier.findings import Outcome, Severity, Standing, Tally
from verifier.judge import Options
from verifier.report.text import conclusion
from verifier.rules import CHECKS


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    """A run with one have missing."""
    run = good_run()
    del run.log(1003)[run.find(1003, "'have' message from 1004", 3)]
    return run.write(tmp_path)


def test_text_explains(broken: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A violation is told with rule, witness lines in causal order, and a because (invariants 1.5)."""
    assert main([str(broken)]) == 1
    text = capsys.readouterr().out
    start = text.index("error H01 announced-to-all (spec 5.3)")
    lines = text[start:].splitlines()
    assert lines[1].startswith("  log_peer_1004.log:")
    assert "has downloaded the piece" in lines[1]
    assert "because log_peer_1003.log has no have" in text
    assert text.splitlines()[-1].startswith("FAIL: ")
    assert "\x1b" not in text


def test_color_only_when_asked(broken: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Colour is for terminals, or on demand."""
    main([str(broken), "--color", "always"])
    assert "\x1b[31m" in capsys.readouterr().out


def test_not_exercised_is_not_ok(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A rule that never applied is told as not applied (invariants 1.4)."""
    assert main([str(good_run().write(tmp_path))]) == 0
    assert "not applied: D16" in capsys.readouterr().out


def test_rules_are_counted_first(tmp_path: Path) -> None:
    """The verdict counts rules by how they came out, then the lines that break one."""
    run = good_run()
    haves = [line for line in run.files["log_peer_1003.log"] if "'have' message from 1004" in line]
    for line in haves[2:5]:
        run.files["log_peer_1003.log"].remove(line)
    verdict = verify([run.write(tmp_path)]).verdicts[0]
    standings = [result.tally.standing for result in verdict.results]
    fails = standings.count(Standing.FAIL)
    told = re.fullmatch(
        r"FAIL: (\d+) rules: (\d+) pass(?:, (\d+) warnings?)?, (\d+) fail(?:, (\d+) undecided)?"
        r"(?:, (\d+) not applied)?; (\d+) lines concerned",
        conclusion(verdict),
    )
    assert told is not None
    rules, *parts, lines = (int(number or 0) for number in told.groups())
    assert rules == sum(parts) == len(standings)
    assert parts[2] == fails
    assert lines == verdict.count(Severity.ERROR) + verdict.count(Severity.WARNING)


@pytest.mark.parametrize("lenient", [False, True])
def test_line_ends_are_form(lenient: bool, tmp_path: Path) -> None:
    """CRLF line ends are a warning of form in either mode: the sentences are those prescribed."""
    folder = good_run().write(tmp_path)
    path = folder / "log_peer_1003.log"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    verdict = verify([folder], Options(lenient=lenient)).verdicts[0]
    assert verdict.status == 0
    tally = next(result.tally for result in verdict.results if result.check.id == "F02")
    assert tally.standing is Standing.WARNING


def test_json(broken: Path) -> None:
    """The JSON report carries version, status, every check and every finding's lines."""
    report = verify([broken], form="json")
    data = json.loads(report.text)
    assert (data["version"], data["status"]) == (1, 1)
    run = data["runs"][0]
    assert [check["id"] for check in run["checks"]] == [
        name for name, check in CHECKS.items() if check.scope is not Scope.TRACE
    ]
    found = next(check for check in run["checks"] if check["id"] == "H01")
    assert found["outcome"] == "violated"
    witness = found["findings"][0]["witnesses"][0]
    assert witness["log"] == "log_peer_1004.log"
    assert "has downloaded the piece" in witness["text"]
    assert run["offsets"][0] == {"log": "log_peer_1001.log", "least": 0.0, "most": 0.0}
    assert set(run["metrics"]) >= {"completion", "uploads", "fairness", "copies", "longest_wait"}


def test_junit(broken: Path) -> None:
    """The JUnit report has a case for each check, with failures for errors."""
    suite = ET.fromstring(verify([broken], form="junit").text.encode())[0]
    cases = {case.get("name", "").split()[0]: case for case in suite.findall("testcase")}
    told = {one.get("name"): one.get("value") for one in suite.iter("property")}
    assert told["verdict"] == "FAIL"
    assert f"{len(cases)} rules: " in (told["rules"] or "")
    assert cases["H01"].find("failure") is not None
    assert cases["D16"].find("skipped") is not None
    assert suite.get("failures") == str(
        sum(1 for case in cases.values() if case.find("failure") is not None)
    )


def test_select_and_ignore(broken: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Checks are chosen by id or family; names that don't exist are an error."""
    assert main([str(broken), "--select", "k,f01"]) == 0
    assert "H have" not in capsys.readouterr().out
    assert main([str(broken), "--ignore", "H,I,D,T,G"]) == 0
    assert main([str(broken), "--select", "Z9"]) == 2
    assert "Z9: no such check" in capsys.readouterr().err


@pytest.mark.parametrize("name", sorted(CHECKS))
def test_explain(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Every check explains its rule, clause, reason and example."""
    assert main(["--explain", name.lower()]) == 0
    text = capsys.readouterr().out
    assert text.startswith(name)
    assert all(word in text for word in ("rule:", "clause:", "how:", "order:", "needs:", "broken:"))


def test_several_folders(broken: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each folder is judged; the worst status counts, unusable input above all."""
    assert main([str(broken), str(tmp_path / "nowhere")]) == 2
    told = capsys.readouterr()
    assert "FAIL:" in told.out
    assert told.err.startswith("verifier: ")


def test_crash_is_unknown() -> None:
    """A check that crashes gives unknown with the reason (invariants 1.4)."""
    tally = run_check(CHECKS["K01"], object(), lenient=False)
    assert tally.outcome is Outcome.UNKNOWN
    assert "the check failed: AttributeError" in next(iter(tally.reasons))


def test_only_unknown_is_three(tmp_path: Path) -> None:
    """With --lenient a program that never logs haves is unknown, status 3 (invariants 1.9)."""
    run = good_run()
    for peer in range(1001, 1006):
        run.log(peer)[:] = [line for line in run.log(peer) if "'have'" not in line]
    folder = run.write(tmp_path)
    assert verify([folder]).status == 1
    report = verify([folder], Options(lenient=True, checks=("H01", "D06", "T02")))
    assert report.status == 3


def test_lenient_faults_of_logging_are_warnings(tmp_path: Path) -> None:
    """Faults of logging are errors in strict and warnings with --lenient (invariants 1.9)."""
    run = good_run()
    run.change(1003, r"\.\n$", "\n", 5)
    folder = run.write(tmp_path)
    assert verify([folder]).status == 1
    report = verify([folder], Options(lenient=True))
    assert report.status == 0
    assert report.verdicts[0].count(Severity.WARNING) == 1


def test_tally_keeps_totals() -> None:
    """Findings beyond those kept still count."""
    tally = Tally(Severity.ERROR)
    for number in range(100):
        tally.report(str(number))
    other = Tally(Severity.ERROR)
    other.add(tally)
    assert (other.counts[Severity.ERROR], len(other.findings)) == (100, 20)


def test_spread_over_processes(broken: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Several processes reach the verdict that one reaches, and tell unreadable files."""
    alone = json.loads(verify([broken], form="json").text)
    monkeypatch.setattr("verifier.judge.make_engine", lambda config, files: Spread(config, 2))
    spread = json.loads(verify([broken], form="json").text)
    for run in (alone["runs"][0], spread["runs"][0]):
        run.pop("seconds")
    assert spread == alone
    (broken / "log_peer_1003.log").write_bytes(b"\x1f\x8bgarbage")
    assert "can't be read" in verify([broken]).problems[0]

"""What documents quote of the programs' output has the numbers that the programs have."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import probe.cases  # noqa: F401 -- registers them
from probe.registry import CASES
from tests.kit.markdown import documents, name_of
from verifier.checks.registry import Scope
from verifier.rules import CHECKS

ON_LOGS = sum(check.scope is not Scope.TRACE for check in CHECKS.values())
COUNTS = {len(CHECKS), ON_LOGS}
"""Rules that are counted: with traces, and without."""
QUOTING = [path for path in documents() if path.name != "CHANGELOG.md"]


@pytest.mark.parametrize("path", QUOTING, ids=name_of)
def test_verdicts_count_the_rules_that_there_are(path: Path) -> None:
    """A verdict in a document counts as many rules as the verifier has, and its parts make up the whole."""
    text = path.read_text(encoding="utf-8")
    for total, parts in re.findall(r"(?:PASS|FAIL|UNDECIDED): (\d+) rules: ([^;`\n]*)", text):
        numbers = re.findall(r"(\d+) (?:pass|warning|fail|undecided|not applied)", parts)
        assert int(total) in COUNTS
        assert sum(map(int, numbers)) == int(total)
    assert all(int(number) in COUNTS for number in re.findall(r"(\d+) rules, none broken", text))


@pytest.mark.parametrize("path", QUOTING, ids=name_of)
def test_probes_count_the_cases_that_there_are(path: Path) -> None:
    """A whole run of the probe in a document counts as many cases as there are, kept, broken and blocked together."""
    found = re.findall(
        r"(\d+) cases in \d+ conversations, \d+ s:([^\n]*)", path.read_text(encoding="utf-8")
    )
    for total, parts in found:
        assert int(total) == len(CASES) == sum(map(int, re.findall(r"\d+", parts)))

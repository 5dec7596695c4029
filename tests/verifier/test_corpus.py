"""Real logs of other programs, where they are at hand: judged without a crash, and as the wire says.

Their place is given by SWARMPROOF_CORPUS, or is `../shared/corpus` beside the repository.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.kit.verifier.judging import fired
from verifier.api import verify
from verifier.findings import Severity
from verifier.judge import Options

ROOT = Path(__file__).parents[2]
CORPUS = Path(os.environ.get("SWARMPROOF_CORPUS", ROOT.parent / "shared" / "corpus"))
pytestmark = pytest.mark.skipif(
    not CORPUS.is_dir(), reason=f"no logs of other programs in {CORPUS}"
)

CLEAN = [
    "impl-01/alone",
    "impl-01/mixed-foreign-seed",
    "impl-01/mixed-spec-seed",
    "impl-11/alone",
    "impl-11/mixed-foreign-seed",
    "impl-11/mixed-spec-seed",
]
"""Runs on whose wire no deviation was seen."""

FLAGGED = {
    "impl-02/alone": {"D02", "D08"},
    "impl-02/alone-ratelimited": {"D02", "D08"},
    "impl-02/mixed-foreign-seed": {"D02"},
    "impl-02/mixed-spec-seed": {"D02", "T01"},
    "impl-04/mixed-spec-seed": {"D02"},
    "impl-08/alone": {"D02"},
    "impl-09/alone": {"T01"},
    "impl-11/alone-ratelimited": {"T01"},
    "impl-14/alone-ratelimited": {"T01"},
    "impl-14/mixed-spec-seed": {"D11"},
}
"""Runs with duplicates, pieces while choked, or leechers that stopped short, and what tells it."""


def errors(name: str) -> set[str]:
    """The checks that find errors in a run, leniently."""
    report = verify([CORPUS / "runs" / name], Options(lenient=True))
    assert report.problems == []
    return fired(report.verdicts[0], Severity.ERROR)


@pytest.mark.parametrize("name", CLEAN)
def test_clean_on_the_wire(name: str) -> None:
    """A run without a deviation on the wire has no errors."""
    assert errors(name) == set()


@pytest.mark.parametrize("name", FLAGGED)
def test_faulty_on_the_wire(name: str) -> None:
    """Faults that were seen on the wire, and that the logs show, are found."""
    assert FLAGGED[name] <= errors(name)


FOLDERS = sorted({path.parent for path in CORPUS.rglob("log_peer_*")})


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: path.relative_to(CORPUS).as_posix())
def test_no_check_crashes(folder: Path) -> None:
    """Every set can be judged or is refused with a message; no check fails."""
    report = verify([folder], Options(lenient=True))
    for verdict in report.verdicts:
        reasons = [reason for result in verdict.results for reason in result.tally.reasons]
        assert not [reason for reason in reasons if "failed" in reason]

"""Logs of other programs and the recorded histories: judged without a crash, and as the wire says.

The histories are in `tests/histories`; real logs of other programs are judged too where they are at hand.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.kit.histories.book import HISTORIES
from tests.kit.verifier.corpus import CORPUS
from tests.kit.verifier.judging import fired
from verifier.api import verify
from verifier.findings import Severity
from verifier.judge import Options

PLACES = [HISTORIES, *([CORPUS / "runs"] if CORPUS.is_dir() else [])]
"""Where there are runs whose wire is known."""

CLEAN = {
    HISTORIES: [
        "plain-swarm",
        "broken-connections",
        "killed-and-started-again",
        "clocks-apart",
        "counts-too-early",
        "unlogged-connections",
        "java-dates-and-brackets",
        "short-sentences",
        "counts-on-their-own-lines",
        "no-times",
        "utf-16",
        "nul-bytes",
        "traced-crash",
        "reference-habits",
        "reference-cut-once",
        "mixed-programs",
        "our-program",
    ],
    CORPUS / "runs": [
        "impl-01/alone",
        "impl-01/mixed-foreign-seed",
        "impl-01/mixed-spec-seed",
        "impl-11/alone",
        "impl-11/mixed-foreign-seed",
        "impl-11/mixed-spec-seed",
    ],
}
"""Runs on whose wire no deviation was seen, or none was made."""

FLAGGED = {
    HISTORIES: {
        "keeps-duplicates": {"D02"},
        "misspelled-duplicates": {"D02"},
        "serves-the-choked": {"D08"},
        "one-preferred-too-many": {"K01"},
        "one-too-many-in-brackets": {"K01"},
        "always-interested": {"I02"},
        "no-answer-to-bitfields": {"I01"},
        "no-have-to-the-source": {"H01"},
        "traced-pipelining": {"W04"},
        "traced-wrong-handshake": {"W02"},
    },
    CORPUS / "runs": {
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
    },
}
"""Runs with duplicates, pieces while choked, leechers that stopped short and the like, and what tells it."""


def errors(folder: Path) -> set[str]:
    """The checks that find errors in a run, leniently."""
    report = verify([folder], Options(lenient=True))
    assert report.problems == []
    return fired(report.verdicts[0], Severity.ERROR)


def name_of(folder: Path) -> str:
    """The last parts of its path."""
    return folder.relative_to(HISTORIES if HISTORIES in folder.parents else CORPUS).as_posix()


@pytest.mark.parametrize(
    "folder", [place / name for place in PLACES for name in CLEAN[place]], ids=name_of
)
def test_clean_on_the_wire(folder: Path) -> None:
    """A run without a deviation on the wire has no errors."""
    assert errors(folder) == set()


@pytest.mark.parametrize(
    ("folder", "ids"),
    [
        pytest.param(place / name, ids, id=name_of(place / name))
        for place in PLACES
        for name, ids in FLAGGED[place].items()
    ],
)
def test_faulty_on_the_wire(folder: Path, ids: set[str]) -> None:
    """Faults that were seen on the wire, and that the logs show, are found."""
    assert ids <= errors(folder)


FOLDERS = sorted(path.parent for path in HISTORIES.glob("*/history.toml"))
FOLDERS += sorted({path.parent for path in CORPUS.rglob("log_peer_*")})


@pytest.mark.parametrize("folder", FOLDERS, ids=name_of)
def test_no_check_crashes(folder: Path) -> None:
    """Every set can be judged or is refused with a message; no check fails."""
    report = verify([folder], Options(lenient=True))
    assert report.verdicts or report.problems
    for verdict in report.verdicts:
        reasons = [reason for result in verdict.results for reason in result.tally.reasons]
        assert not [reason for reason in reasons if "failed" in reason]

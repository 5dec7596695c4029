"""What came of a submission: the small result that is handed back, and the whole of it as plain values."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any

from verifier.findings import Standing
from verifier.grading.scoring import Peers, Score
from verifier.judge import Verdict
from verifier.report.json import quotes_of, run_document
from verifier.report.text import word_of

VERSION = 1
NOT_JUDGED = "NOT JUDGED"
MOST_REMARKS = 30
LONGEST_REMARK = 400


@dataclass(slots=True)
class Grade:
    """One row of the table.

    `verdict` is PASS, FAIL, UNDECIDED or NOT JUDGED, `parts` are the points of the rubric's parts in its
    order, `complete` and `peers` how many peers of all have the file, `rules` the ids of the broken
    rules, `warnings` of those that only warn.
    """

    name: str
    slug: str
    verdict: str
    score: float
    most: float
    parts: list[float]
    complete: int = 0
    peers: int = 0
    run_count: int = 0
    rules: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    seconds: float = 0.0


@dataclass(slots=True)
class Found:
    """What was found in a submission: sets of logs, runs, and which of these counts."""

    strict: bool
    rubric: str
    sets: list[dict[str, Any]] = field(default_factory=list)
    runs: list[dict[str, Any]] = field(default_factory=list)
    counted: int | None = None


def cut(remarks: list[str]) -> list[str]:
    """Remarks, each once, as many and as long as a table can have."""
    kept = [one if len(one) <= LONGEST_REMARK else one[:LONGEST_REMARK] + "..." for one in remarks]
    kept = list(dict.fromkeys(kept))
    more = len(kept) - MOST_REMARKS
    return [*kept[:MOST_REMARKS], f"and {more} more remarks"] if more > 0 else kept


def standings(verdict: Verdict, standing: Standing) -> list[str]:
    """The rules of a run that came out so."""
    return [one.check.id for one in verdict.results if one.tally.standing is standing]


def parts_document(score: Score) -> list[dict[str, Any]]:
    """The parts of a score with all that they were made of."""
    return [
        {
            "name": one.part.name,
            "points": one.points,
            "most": one.part.points,
            "visibility": one.part.visibility,
            "capped": one.capped,
            "criteria": [
                {
                    "id": line.criterion,
                    "meaning": line.meaning,
                    "gives": line.criterion in one.part.gives,
                    "standing": line.fact.standing,
                    "credit": line.fact.credit.value,
                    "points": line.points,
                    "most": line.most,
                    "note": line.fact.note,
                }
                for line in one.lines
            ],
        }
        for one in score.parts
    ]


def run_entry(verdict: Verdict, label: str, score: Score, peers: Peers) -> dict[str, Any]:
    """One run: its report as the verifier writes it, and its score."""
    return {
        "label": label,
        "verdict": word_of(verdict),
        "score": score.points,
        "most": score.most,
        "capped": score.capped,
        "peer_counts": dataclasses.asdict(peers),
        "parts": parts_document(score),
        **run_document(verdict, quotes_of(verdict)),
    }


def document(
    grade: Grade, capped: str, parts: list[dict[str, Any]], found: Found
) -> dict[str, Any]:
    """All that is known of a submission; `parts` and `capped` are those of the run that counts."""
    return {
        "version": VERSION,
        **dataclasses.asdict(grade),
        "strict": found.strict,
        "rubric": found.rubric,
        "counted": found.counted,
        "capped": capped,
        "parts": parts,
        "sets": found.sets,
        "runs": found.runs,
    }

"""The lines of a grading on the terminal: one a submission, and how far all is."""

from __future__ import annotations

from collections import Counter

from verifier.grading.grade import NOT_JUDGED, Grade
from verifier.grading.submissions import Submission
from verifier.report.text import Painter

WIDEST = 36
"""Characters of a name before its line stops being in column."""
MOST_RULES = 12
"""Ids that a line shows."""
LONGEST = 110
"""Characters of a remark in a line; the page has all of it."""
COLORS = {"PASS": "32", "FAIL": "31", "UNDECIDED": "33", NOT_JUDGED: "35"}


class Table:
    """Prints grades as they come."""

    def __init__(self, submissions: list[Submission], *, color: bool) -> None:
        self._width = min(WIDEST, max(len(one.name) for one in submissions))
        self._painter = Painter(color=color)

    def line(self, grade: Grade) -> str:
        """Name, verdict, score, complete peers of all, broken rules, and the first remark."""
        verdict = self._painter.paint(f"{grade.verdict:10}", COLORS[grade.verdict])
        score = f"{grade.score:.2f}/{grade.most:g}"
        peers = f"{grade.complete}/{grade.peers} peers" if grade.peers else "-"
        cells = [
            f"{grade.name:{self._width}}",
            verdict,
            f"{score:>10}",
            f"{peers:>9}",
            rules(grade),
        ]
        line = "  ".join(cells)
        return f"{line}  {remark(grade)}".rstrip()


def rules(grade: Grade) -> str:
    """The broken rules' ids, and how many rules only warn."""
    found = " ".join(grade.rules[:MOST_RULES])
    more = len(grade.rules) - MOST_RULES
    found += f" and {more} more" if more > 0 else ""
    count = len(grade.warnings)
    warned = f"{count} warning{'s' * (count > 1)}" if count else ""
    return ", ".join(one for one in (found, warned) if one) or "-"


def remark(grade: Grade) -> str:
    """The first remark, and how many more there are."""
    if not grade.remarks:
        return ""
    first, *others = grade.remarks
    text = first if len(first) <= LONGEST else first[: LONGEST - 3] + "..."
    return (
        f"{text} (and {len(others)} more remarks)"
        if len(others) > 1
        else text + (" (and 1 more remark)" if others else "")
    )


def summary(grades: list[Grade]) -> str:
    """How all came out."""
    counts = Counter(grade.verdict for grade in grades)
    told = ", ".join(f"{counts[one]} {one}" for one in COLORS if counts[one])
    return f"{len(grades)} submission{'s' * (len(grades) != 1)}: {told}"

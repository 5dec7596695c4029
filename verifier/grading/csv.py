"""The table for a spreadsheet: a row a submission, no cell of which is taken for a formula."""

from __future__ import annotations

import csv
import io
import re

from verifier.grading.grade import Grade
from verifier.grading.rubric import Rubric

FORMULA = re.compile(r"(^|[,;|\t\r\n\"])(\s*)([=+\-@\uff1d\uff0b\uff0d\uff20])")
"""What begins a formula, also where a spreadsheet cuts cells at another sign than the comma."""


def harmless(text: str) -> str:
    """A text that no spreadsheet takes for a formula: an apostrophe stands before what begins one."""
    return FORMULA.sub(r"\1\2'\3", text)


def render(grades: list[Grade], rubric: Rubric) -> str:
    """The whole table; it begins with the mark of UTF-8 only where something in it isn't ASCII."""
    rows: list[list[object]] = [
        [
            "submission",
            "verdict",
            "score",
            "of",
            *(part.name for part in rubric.parts),
            "peers complete",
            "peers",
            "runs",
            "violated rules",
            "warnings",
            "remarks",
        ]
    ]
    rows += [
        [
            grade.name,
            grade.verdict,
            grade.score,
            grade.most,
            *grade.parts,
            grade.complete,
            grade.peers,
            grade.run_count,
            " ".join(grade.rules),
            " ".join(grade.warnings),
            "; ".join(grade.remarks),
        ]
        for grade in grades
    ]
    made = io.StringIO()
    writer = csv.writer(made, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\r\n")
    writer.writerows(
        [harmless(cell) if isinstance(cell, str) else cell for cell in row] for row in rows
    )
    text = made.getvalue()
    return text if text.isascii() else f"\ufeff{text}"

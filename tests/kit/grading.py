"""Grades folders in tests by the command line, and reads what it writes."""

from __future__ import annotations

import csv
import json
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import Any

from verifier.cli import main


@dataclass
class Graded:
    """What a grading wrote: its exit status, its lines, and where the rest is."""

    status: int
    out: Path
    printed: str = ""
    errors: str = ""
    overview: dict[str, Any] = field(default_factory=dict)

    def row(self, name: str) -> dict[str, Any]:
        """A submission's row in `grades.json`."""
        (found,) = (one for one in self.overview["submissions"] if one["name"] == name)
        return dict(found)

    def document(self, name: str) -> dict[str, Any]:
        """A submission's own JSON."""
        path = self.out / "submissions" / f"{self.row(name)['slug']}.json"
        found: dict[str, Any] = json.loads(path.read_text())
        return found

    def cells(self) -> list[dict[str, str]]:
        """The rows of `grades.csv`, by the names of their columns."""
        text = (self.out / "grades.csv").read_text(encoding="utf-8-sig")
        return list(csv.DictReader(text.splitlines()))

    def line(self, name: str) -> str:
        """A submission's line on the terminal."""
        (found,) = (one for one in self.printed.splitlines() if one.split(" ")[0] == name)
        return found


def grade(out: Path, *arguments: object) -> Graded:
    """Run `python -m verifier grade` in this process, with two submissions at a time."""
    printed, errors = StringIO(), StringIO()
    with redirect_stdout(printed), redirect_stderr(errors):
        status = main(["grade", *map(str, arguments), "--out", str(out), "--jobs", "2"])
    overview = out / "grades.json"
    found = json.loads(overview.read_text()) if overview.exists() else {}
    return Graded(status, out, printed.getvalue(), errors.getvalue(), found)

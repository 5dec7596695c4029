"""Fills the last column of `docs/conformance.md`: the verifier's checks of each clause (`invoke docs`)."""

from __future__ import annotations

import re

from harness.runfolder import ROOT
from verifier.rules import CHECKS

PAGE = ROOT / "docs" / "conformance.md"
NONE = "none"
_ROW = re.compile(r"(?m)^(\| (\d+\.\d+) \|.*\|)[^|]*\|$")


def render() -> str:
    """The whole page, with the checks that cite each row's clause in its last cell."""
    return _ROW.sub(lambda row: f"{row[1]} {_guards(row[2])} |", PAGE.read_text(encoding="utf-8"))


def _guards(clause: str) -> str:
    found = [check.id for check in CHECKS.values() if clause in check.clause.split(", ")]
    return ", ".join(found) or NONE

"""The report for Gradescope: its results.json, a point for each case that may fail a program."""

from __future__ import annotations

import json
from typing import Any

from probe.engine import Run
from probe.model import Outcome
from probe.registry import CASES
from probe.report.text import line
from probe.report.verdicts import Result

_FULL = {Outcome.KEPT, Outcome.TOLD, Outcome.WARNED}


def render(run: Run, results: dict[str, Result], text: str) -> str:
    """The whole report; `text` is the one for people, shown on top."""
    tests = [] if run.diagnosis else [_test(one) for one in results.values()]
    made: dict[str, Any] = {
        "execution_time": round(run.seconds),
        "output": text,
        "output_format": "text",
        "tests": tests,
    }
    if run.diagnosis:
        made["score"] = 0
    return json.dumps(made, indent=1) + "\n"


def _test(one: Result) -> dict[str, Any]:
    """A case: what couldn't be judged for no fault of the program costs nothing."""
    case = CASES[one.case]
    worth = case.level == "F" and one.outcome not in {Outcome.UNDECIDED, Outcome.UNTRIED}
    full = one.outcome in _FULL
    made: dict[str, Any] = {
        "name": f"{case.id} {case.rule}",
        "number": case.id,
        "max_score": 1 if worth else 0,
        "score": 1 if worth and full else 0,
        "status": "passed" if full and one.outcome is not Outcome.WARNED else "failed",
        "output": _said(one),
    }
    if one.outcome in {Outcome.UNDECIDED, Outcome.UNTRIED}:
        del made["status"]
    return made


def _said(one: Result) -> str:
    if one.blocked_by:
        return f"Not judged, because of {one.blocked_by}."
    found = one.findings[0] if one.findings else None
    if not one.bad or not found:
        return found.because if found and found.because else one.outcome.value
    return "\n".join([found.because, *map(line, found.events), *found.lines, CASES[one.case].hint])

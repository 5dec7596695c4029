"""The report for programs: JSON, version 1; docs/probe.md describes it. Within a version fields are only added."""

from __future__ import annotations

import json
from typing import Any

from probe.engine import Run
from probe.model import Event, Finding, Record
from probe.registry import CASES
from probe.report.text import line
from probe.report.verdicts import Result, roots

VERSION = 1
MOST_EVENTS = 40


def render(run: Run, results: dict[str, Result], status: int, command: str) -> str:
    """The whole report as text."""
    causes = [] if run.diagnosis else roots(results)
    explained = {one.case: root.result.case for root in causes for one in root.explains}
    made: dict[str, Any] = {
        "version": VERSION,
        "status": status,
        "command": command,
        "seconds": round(run.seconds, 2),
        "data_place": run.place,
        "diagnosis": run.diagnosis and _finding(run.diagnosis) | {"case": run.diagnosis.case},
        "roots": [
            {
                "case": root.result.case,
                "explains": [one.case for one in root.explains],
                "blocks": [one.case for one in root.blocks],
            }
            for root in causes
        ],
        "cases": [_case(one, explained.get(case)) for case, one in results.items()],
        "sessions": [_session(one) for one in run.records],
        "notes": run.notes,
    }
    return json.dumps(made, indent=1) + "\n"


def _case(result: Result, explained_by: str | None) -> dict[str, Any]:
    case = CASES[result.case]
    return {
        "id": case.id,
        "level": case.level,
        "clause": case.clause,
        "rule": case.rule,
        "hint": case.hint,
        "outcome": result.outcome.value,
        "blocked_by": result.blocked_by or None,
        "explained_by": explained_by,
        "seen": list(result.times) if result.times[1] else None,
        "kept_in": result.kept_in,
        "findings": [_finding(one) for one in result.findings if one.because or one.lines],
    }


def _finding(one: Finding) -> dict[str, Any]:
    return {
        "session": one.session,
        "because": one.because,
        "conversation": [line(event) for event in one.events[-MOST_EVENTS:]],
        "events": [_event(event) for event in one.events[-MOST_EVENTS:]],
        "lines": list(one.lines),
    }


def _event(one: Event) -> dict[str, Any]:
    return {
        "seconds": round(one.at, 4),
        "peer": one.who,
        "from_program": not one.sent,
        "kind": one.kind,
        "index": one.index,
        "connection": one.link,
    }


def _session(one: Record) -> dict[str, Any]:
    return {
        "name": one.plan.name,
        "about": one.plan.about,
        "lawful": one.plan.lawful,
        "seconds": round(one.seconds, 2),
        "lag": round(one.lag, 3),
        "exit_status": one.status,
        "ended_after": one.ended_at and round(one.ended_at, 2),
        "problem": one.problem or None,
        "folder": one.folder,
        "repeated_alone": one.alone,
    }

"""Writes results.json as Gradescope's autograders do: a test for each part of the rubric."""

from __future__ import annotations

import json
from typing import Any

from verifier.report.text import printable

MOST_TEXT = 20_000
"""Characters of a test's output."""


def render(document: dict[str, Any]) -> str:
    """The file for one submission, of its document (see `grade`)."""
    whole = {
        "score": document["score"],
        "output": _summary(document),
        "output_format": "text",
        "visibility": "visible",
        "tests": [_test(document, nth, part) for nth, part in enumerate(document["parts"], 1)],
        "extra_data": {
            "verdict": document["verdict"],
            "rules": document["rules"],
            "warnings": document["warnings"],
        },
    }
    return json.dumps(whole, indent=1) + "\n"


def _summary(document: dict[str, Any]) -> str:
    """What stands above the tests: verdict, peers, what was found."""
    lines = [f"{document['verdict']}: {document['score']:g} of {document['most']:g} points"]
    if document["peers"]:
        lines.append(f"{document['complete']} of {document['peers']} peers have the complete file")
    lines += [
        f"{one['label']}: {one['logs']} logs; {one['problem'] or one['configuration']}"
        for one in document["sets"]
    ]
    lines += [f"remark: {remark}" for remark in document["remarks"]]
    return _text(lines)


def _test(document: dict[str, Any], nth: int, part: dict[str, Any]) -> dict[str, Any]:
    """One part: passed where nothing is missing."""
    full = part["points"] >= part["most"]
    return {
        "number": str(nth),
        "name": part["name"],
        "status": "passed" if full else "failed",
        "score": part["points"],
        "max_score": part["most"],
        "output": _text(_lines(document, part)),
        "output_format": "text",
        "visibility": part["visibility"],
    }


def _lines(document: dict[str, Any], part: dict[str, Any]) -> list[str]:
    """Each criterion with its points; what is broken with its lines."""
    lines = [part["capped"]] if part["capped"] else []
    checks = {}
    if document["counted"] is not None:
        checks = {one["id"]: one for one in document["runs"][document["counted"]]["checks"]}
    for one in part["criteria"]:
        if not one["gives"] and one["credit"] == "full":
            continue
        note = f": {one['note']}" if one["note"] else ""
        points = f"{one['points']:g} of {one['most']:g}" if one["gives"] else f"{one['points']:g}"
        lines.append(f"{one['id']} {one['meaning']}: {one['standing']}, {points}{note}")
        if one["standing"] in ("fail", "warning") and one["id"] in checks:
            for finding in checks[one["id"]]["findings"][:1]:
                lines += [
                    f"    {at['log']}:{at['line']}  {at['text'].strip()[:160]}"
                    for at in finding["witnesses"]
                ]
    return lines


def _text(lines: list[str]) -> str:
    text = "\n".join(printable(line) for line in lines)
    return text if len(text) <= MOST_TEXT else text[:MOST_TEXT] + "\n..."

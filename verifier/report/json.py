"""The report as JSON, version 1 (described in README.md beside this file)."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from verifier.findings import Finding, Severity, Standing
from verifier.judge import Result, Verdict
from verifier.report.text import quoted

VERSION = 1


def document(verdicts: list[Verdict], problems: list[str], status: int) -> dict[str, Any]:
    """Everything as plain values; `problems` are inputs that couldn't be judged."""
    return {
        "version": VERSION,
        "status": status,
        "problems": problems,
        "runs": [run_document(verdict, quotes_of(verdict)) for verdict in verdicts],
    }


def render(verdicts: list[Verdict], problems: list[str], status: int) -> str:
    """The document as text."""
    return json.dumps(document(verdicts, problems, status), indent=1) + "\n"


def quotes_of(verdict: Verdict) -> dict[tuple[int, int], str]:
    """The text of the lines of all findings that are kept; by log and line."""
    found = [finding for result in verdict.results for finding in result.tally.findings]
    return quoted(verdict, found)


def run_document(verdict: Verdict, quotes: dict[tuple[int, int], str]) -> dict[str, Any]:
    """One run of the document."""
    case = verdict.case
    config = case.config
    return {
        "folder": str(verdict.folder),
        "run": verdict.run,
        "lenient": case.swarm.lenient,
        "status": verdict.status,
        "seconds": round(verdict.seconds, 3),
        "errors": verdict.count(Severity.ERROR),
        "warnings": verdict.count(Severity.WARNING),
        "notes": verdict.notes,
        "peers": [
            {"id": peer.peer_id, "has_file": peer.has_file, "logs": _labels(verdict, index)}
            for index, peer in enumerate(config.peers)
        ],
        "pieces": config.pieces,
        "lines": sum(life.columns.line_count - life.window[0] + 1 for life in case.lives),
        "offsets": _offsets(verdict),
        "checks": [_check(verdict, result, quotes) for result in verdict.results],
        "metrics": dataclasses.asdict(verdict.metrics),
    }


def _labels(verdict: Verdict, peer: int) -> list[str]:
    return [verdict.case.source(log).label for log in verdict.case.swarm.by_peer[peer]]


def _offsets(verdict: Verdict) -> list[dict[str, Any]]:
    """Each log's clock against the first one's: the interval in seconds, null where unbounded."""
    clocks = verdict.case.clocks
    rows = []
    for life in verdict.case.lives:
        least, most = clocks.interval(0, life.index)
        rows.append({"log": life.file.label, "least": _finite(least), "most": _finite(most)})
    return rows


def _finite(number: float) -> float | None:
    return round(number, 6) if abs(number) < float("inf") else None


def _check(verdict: Verdict, result: Result, quotes: dict[tuple[int, int], str]) -> dict[str, Any]:
    check, tally = result.check, result.tally
    return {
        "id": check.id,
        "name": check.name,
        "severity": check.severity.name.lower(),
        "clause": check.clause,
        "rule": check.rule,
        "outcome": tally.outcome.value,
        "exercised": tally.exercised,
        "errors": tally.counts[Severity.ERROR],
        "warnings": tally.counts[Severity.WARNING],
        "infos": tally.counts[Severity.INFO],
        "unknown": list(tally.reasons),
        "findings": [_finding(verdict, finding, quotes) for finding in tally.findings],
    }


def standing_of(check: dict[str, Any]) -> Standing:
    """How a rule of the document came out, in the words of the reports for people."""
    if check["errors"]:
        return Standing.FAIL
    if check["warnings"]:
        return Standing.WARNING
    if check["unknown"]:
        return Standing.UNDECIDED
    return Standing.PASS if check["exercised"] else Standing.NOT_APPLIED


def _finding(
    verdict: Verdict, finding: Finding, quotes: dict[tuple[int, int], str]
) -> dict[str, Any]:
    return {
        "severity": finding.severity.name.lower(),
        "because": finding.because,
        "witnesses": [
            {
                "log": verdict.case.source(witness.log).label,
                "line": witness.line,
                "text": quotes.get((witness.log, witness.line), "")[:1000],
            }
            for witness in finding.witnesses
        ],
    }

"""The report in the JUnit form that continuous integration reads: a case for each check."""

from __future__ import annotations

import re
from xml.sax.saxutils import escape, quoteattr

from verifier.findings import Outcome, Severity
from verifier.judge import Result, Verdict
from verifier.report.text import summary, word_of
from verifier.showing import shown

UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render(verdicts: list[Verdict], problems: list[str]) -> str:
    """One suite for each run; errors are failures, what couldn't be judged is an error."""
    parts = ['<?xml version="1.0" encoding="utf-8"?>', "<testsuites>"]
    parts += [_suite(verdict) for verdict in verdicts]
    for problem in problems:
        text = _clean(problem)
        parts.append(
            '<testsuite name="input" tests="1" failures="0" errors="1" skipped="0">'
            f'<testcase name="input"><error message={quoteattr(text)}/></testcase></testsuite>'
        )
    return "\n".join([*parts, "</testsuites>"]) + "\n"


def _clean(text: str) -> str:
    return UNPRINTABLE.sub("?", text)


def _suite(verdict: Verdict) -> str:
    results = verdict.results
    failures = sum(1 for result in results if result.tally.counts[Severity.ERROR])
    skipped = sum(1 for result in results if _skipped(result))
    name = quoteattr(_clean(f"{shown(verdict.folder)} {verdict.run}".strip()))
    head = (
        f'<testsuite name={name} tests="{len(results)}" failures="{failures}" errors="0"'
        f' skipped="{skipped}" time="{verdict.seconds:.3f}">'
    )
    told = "".join(
        f'<property name="{key}" value={quoteattr(value)}/>'
        for key, value in (("verdict", word_of(verdict)), ("rules", summary(verdict)))
    )
    cases = (_case(verdict, result) for result in results)
    return "\n".join([head, f"<properties>{told}</properties>", *cases, "</testsuite>"])


def _skipped(result: Result) -> bool:
    return result.tally.outcome in {Outcome.UNKNOWN, Outcome.NOT_EXERCISED}


def _case(verdict: Verdict, result: Result) -> str:
    check, tally = result.check, result.tally
    name = quoteattr(f"{check.id} {check.name}")
    head = f'<testcase classname="verifier.{check.family}" name={name}'
    text = "\n".join(
        f"{finding.because} ("
        + ", ".join(f"{verdict.case.source(w.log).label}:{w.line}" for w in finding.witnesses)
        + ")"
        for finding in tally.findings
    )
    body = escape(_clean(text))
    if tally.counts[Severity.ERROR]:
        return f"{head}><failure message={quoteattr(check.rule)}>{body}</failure></testcase>"
    if _skipped(result):
        reasons = "; ".join(tally.reasons)
        reason = quoteattr(_clean(f"undecided: {reasons}" if reasons else "not applied"))
        return f"{head}><skipped message={reason}/></testcase>"
    if tally.counts[Severity.WARNING]:
        return f"{head}><system-out>{body}</system-out></testcase>"
    return f"{head}/>"

"""The report for CI servers: JUnit's XML, a suite a family, a test a case."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

from probe.engine import Run
from probe.model import Outcome
from probe.registry import CASES, FAMILIES
from probe.report.text import line
from probe.report.verdicts import Result

_SKIPPED = {Outcome.BLOCKED, Outcome.UNDECIDED, Outcome.UNTRIED}
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd]")


def render(run: Run, results: dict[str, Result], *, strict: bool, expected: frozenset[str]) -> str:
    """The whole report as text."""
    suites = ET.Element("testsuites", name="probe", time=f"{run.seconds:.2f}")
    if run.diagnosis:
        suite = ET.SubElement(suites, "testsuite", name="contact", tests="1", failures="1")
        test = ET.SubElement(suite, "testcase", classname="probe.contact", name=run.diagnosis.case)
        text = "\n".join([run.diagnosis.because, *run.diagnosis.lines])
        ET.SubElement(test, "failure", message=_plain(run.diagnosis.because)).text = _plain(text)
    else:
        for family, title in FAMILIES.items():
            found = [one for one in results.values() if CASES[one.case].family == family]
            if found:
                _suite(suites, f"{family} {title}", found, strict=strict, expected=expected)
    ET.indent(suites)
    return ET.tostring(suites, encoding="unicode", xml_declaration=True) + "\n"


def _suite(
    suites: ET.Element, name: str, found: list[Result], *, strict: bool, expected: frozenset[str]
) -> None:
    bad = {Outcome.BROKEN, Outcome.WARNED} if strict else {Outcome.BROKEN}
    failures = [one for one in found if one.outcome in bad and one.case not in expected]
    skipped = [one for one in found if one.outcome in _SKIPPED]
    suite = ET.SubElement(
        suites,
        "testsuite",
        name=name,
        tests=str(len(found)),
        failures=str(len(failures)),
        skipped=str(len(skipped)),
    )
    for one in found:
        case = CASES[one.case]
        test = ET.SubElement(
            suite, "testcase", classname=f"probe.{case.family}", name=f"{case.id} {case.rule}"
        )
        text = _plain(_text(one))
        if one in failures:
            ET.SubElement(test, "failure", message=_plain(one.findings[0].because)).text = text
        elif one in skipped:
            ET.SubElement(test, "skipped", message=text or one.outcome.value)
        elif one.bad:
            ET.SubElement(test, "system-out").text = f"{one.outcome.value}: {text}"


def _text(one: Result) -> str:
    if one.blocked_by:
        return f"blocked by {one.blocked_by}"
    if not one.findings or not one.bad:
        return next((found.because for found in one.findings), "") if not one.bad else ""
    found = one.findings[0]
    return "\n".join([found.because, *map(line, found.events), *found.lines, CASES[one.case].hint])


def _plain(text: str) -> str:
    """Text without what XML can't hold."""
    return _NOT_XML.sub("?", text)

"""The catalogue: 119 cases with stable ids, each asked somewhere, written into the document."""

from __future__ import annotations

import re

import probe.cases
import probe.sessions  # noqa: F401 -- registers the sessions
from harness import catalogue
from probe.registry import CASES, EXPLAINS, FAMILIES, PLANS, answered_by, is_passive
from probe.report import listing
from tests.kit.markdown import ROOT


def test_ids_are_those_of_the_catalogue() -> None:
    """There are 119 cases; an id is never used for another, nor renumbered."""
    counts = {family: sum(one.family == family for one in CASES.values()) for family in FAMILIES}
    assert counts == {
        "ST": 4, "CF": 9, "CN": 7, "HS": 10, "FR": 10, "BF": 8, "IN": 8, "RQ": 12, "SV": 6, "HV": 4,
        "CH": 15, "FI": 3, "EN": 9, "LG": 7, "RB": 7,
    }  # fmt: skip
    assert sum(counts.values()) == 119


def test_every_case_is_asked() -> None:
    """Each case is answered by a session or looked at in all lawful ones."""
    assert not [case for case in CASES if not answered_by(case) and not is_passive(case)]
    assert not [case for plan in PLANS.values() for case in plan.answers if case not in CASES]


def test_references_lead_somewhere() -> None:
    """What a case needs and what it explains are cases, and nothing needs itself."""
    for one in CASES.values():
        assert set(one.needs) <= set(CASES), one.id
        assert one.id not in one.needs
    for key, cases in EXPLAINS.items():
        assert key.split()[0] in CASES
        assert set(cases) <= set(CASES), key


def test_only_the_assignment_can_fail_a_program() -> None:
    """No case that may fail a program stands on clauses that are wholly this project's own."""
    text = (ROOT / "docs" / "specification.md").read_text(encoding="utf-8")
    ours = set(re.findall(r"(?m)^- (\d+\.\d+) \*\*\[ours\]\*\*", text))
    for one in CASES.values():
        if one.level == "F":
            assert not set(one.clause.split(", ")) <= ours, one.id


def test_the_catalogue_is_current() -> None:
    """`docs/probe.md` has what `invoke docs` writes."""
    assert catalogue.PAGE.read_text(encoding="utf-8") == catalogue.render()


def test_every_case_is_explained() -> None:
    """--explain has a page for each case, --list a line."""
    table = listing.table()
    for case in CASES:
        assert CASES[case].hint in listing.explain(case)
        assert f"{case}  " in table

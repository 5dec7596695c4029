"""Writes the end of `docs/probe.md`: the probe's cases and sessions (`invoke docs`)."""

from __future__ import annotations

import probe.cases
import probe.sessions  # noqa: F401 -- registers the sessions
from harness.local.runfolder import ROOT
from probe.registry import CASES, FAMILIES, PLANS
from probe.report.listing import sessions_of

PAGE = ROOT / "docs" / "probe.md"
_MARK = "<!-- written by `invoke docs` from probe/cases/ and probe/sessions/ -->\n"


def render() -> str:
    """The whole page, with the catalogue behind its mark."""
    head, _, _ = PAGE.read_text(encoding="utf-8").partition(_MARK)
    return head + _MARK + "\n".join([*_cases(), *_sessions()]) + "\n"


def _cases() -> list[str]:
    lines = ["F: may be broken. W: a warning. i: information."]
    for family, title in FAMILIES.items():
        lines += ["", f"### {family}: {title}", "| case | | clause | rule | usual mistake | asked in |", "|---|---|---|---|---|---|"]  # fmt: skip
        lines += [
            f"| {one.id} | {one.level} | {one.clause} | {_cell(one.rule)} | {_cell(one.hint)} | {sessions_of(one.id)} |"
            for one in CASES.values()
            if one.family == family
        ]
    return lines


def _sessions() -> list[str]:
    lines = ["", "### Sessions", "`*` has the file, **bold** is your program. k, p and m are the three numbers of `Common.cfg`.", "", "| session | peers, in order | k p m | pieces | conversation |", "|---|---|---|---|---|"]  # fmt: skip
    for plan in PLANS.values():
        peers = " ".join(
            f"{'**' if one == plan.you else ''}{one}{'*' if has else ''}{'**' if one == plan.you else ''}".replace("***", "\\***")
            for one, has in plan.peers
        )  # fmt: skip
        mark = "" if plan.lawful else " †"
        lines.append(f"| {plan.name}{mark} | {peers} | {plan.k} {plan.p:g} {plan.m:g} | {plan.pieces} | {_cell(plan.about)} |")  # fmt: skip
    return lines


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")

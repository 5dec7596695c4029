"""Each broken rule with its lines and why they break it, and what is undecided; last, what only informs."""

from __future__ import annotations

from html import escape
from typing import Any

from verifier.report.explanation import explain
from verifier.report.page.run import RunDocument
from verifier.report.page.words import WORDS, badge
from verifier.report.text import printable

SHOWN = 400
"""Characters of a line that are shown; a trace's can be long."""
FIRST = 5
"""Findings of a check that are shown unfolded."""
WEIGHTS = ("error", "warning", "info")


def violations(run: RunDocument) -> str:
    """Errors and warnings, worst first; then what can't be decided."""
    checks = run.document["checks"]
    broken = [one for one in checks if one["outcome"] == "violated"]
    broken.sort(key=lambda one: not one["errors"])
    unknown = [one for one in checks if one["unknown"]]
    parts = ["<section><h2>Broken rules</h2>"]
    parts += [_check(run, one) for one in broken] or ["<p>No rule is broken.</p>"]
    if unknown:
        parts.append("<h2>Undecided from these logs</h2>")
        parts += [_unknown(run, one, own=one not in broken) for one in unknown]
    return "\n".join([*parts, "</section>"])


def notes(run: RunDocument) -> str:
    """Findings that only inform, folded."""
    checks = run.document["checks"]
    noted = [one for one in checks if one["infos"] and one["outcome"] != "violated"]
    if not noted:
        return ""
    count = sum(one["infos"] for one in noted)
    found = "\n".join(_check(run, one) for one in noted)
    return (
        "<section><h2>Notes</h2>\n"
        f"<details><summary>{count} findings that are only information</summary>\n{found}\n</details></section>"
    )


def _title(run: RunDocument, check: dict[str, Any], mark: str, *, own: bool = True) -> str:
    name = f' id="{run.id}-{check["id"]}"' if own else ""
    explained = (
        f"\n<details><summary>What the rule demands</summary>"
        f'<pre tabindex="0">{escape(explain(check["id"]))}</pre></details>'
        if run.explained
        else ""
    )
    return (
        f'<section{name} class="check"><h3>{mark} {check["id"]} {escape(check["name"])}'
        f" <small>spec {escape(check['clause'])}</small></h3>\n"
        f'<p class="rule">{escape(check["rule"])}</p>{explained}'
    )


def _check(run: RunDocument, check: dict[str, Any]) -> str:
    """One check's findings, as many as the report keeps, and how many more there are."""
    worst = next(weight for weight in WEIGHTS if check[f"{weight}s"])
    findings = [_finding(run, check, nth) for nth in range(len(check["findings"]))]
    if len(findings) > FIRST:
        others = len(findings) - FIRST
        findings.insert(FIRST, f"<details><summary>{others} more of these</summary>")
        findings.append("</details>")
    total = check["errors"] + check["warnings"] + check["infos"]
    more = total - len(check["findings"])
    rest = (
        f"<p>and {more} more, not listed; the rule applied {check['exercised']} times</p>"
        if more
        else ""
    )
    title = _title(run, check, badge(worst, WORDS[worst]))
    return "\n".join([title, *findings, f"{rest}</section>"])


def _finding(run: RunDocument, check: dict[str, Any], nth: int) -> str:
    """The lines of one finding in causal order, why they break the rule, and the way to see them."""
    finding = check["findings"][nth]
    name = f"{check['id']}-{nth}"
    lines = "\n".join(
        f"<li><b>{escape(witness['log'])}:{witness['line']}</b>"
        f" <code>{escape(printable(witness['text'].strip())[:SHOWN])}</code></li>"
        for witness in finding["witnesses"]
    )
    button = _button(name, run.places(name))
    return (
        f'<div class="finding {finding["severity"]}" id="{run.id}-{name}"><ol>{lines}</ol>\n'
        f'<p class="because"><b>because</b> {escape(printable(finding["because"]))}</p>\n{button}</div>'
    )


def _button(name: str, places: list[list[int | None] | None] | None) -> str:
    """The way to a finding's lines in the timeline, where there is one."""
    if places is None:
        return ""
    if any(at and at[1] is not None for at in places):
        return f'<button type="button" data-finding="{name}">Show in the timeline</button>'
    return '<small class="none">its place in the timeline is unknown</small>'


def _unknown(run: RunDocument, check: dict[str, Any], *, own: bool) -> str:
    reasons = "".join(f"<li>{escape(printable(reason))}</li>" for reason in check["unknown"])
    return f"{_title(run, check, badge('undecided'), own=own)}\n<ul>{reasons}</ul></section>"

"""The grades as pages that need no network: a table of all submissions, and a page for each."""

from __future__ import annotations

import dataclasses
import json
from html import escape
from importlib.resources import files
from typing import Any

from verifier.grading.grade import Grade
from verifier.grading.rubric import Rubric
from verifier.report.page.run import RunDocument
from verifier.report.page.sections import families
from verifier.report.page.violations import notes, violations
from verifier.report.page.words import NOTHING, Numbers, badge, table
from verifier.report.text import printable

VERSION = 1
SIGNS = {"PASS": "pass", "FAIL": "fail", "UNDECIDED": "undecided", "NOT JUDGED": "not applied"}
"""Which sign a verdict has."""
SHOWN = 2
"""Remarks of a submission in the table."""


def overview(
    grades: list[Grade], rubric: Rubric, remarks: list[str], *, strict: bool
) -> dict[str, Any]:
    """All rows as plain values: `grades.json`."""
    return {
        "version": VERSION,
        "rubric": rubric.name,
        "strict": strict,
        "most": rubric.points,
        "parts": [{"name": part.name, "points": part.points} for part in rubric.parts],
        "remarks": remarks,
        "submissions": [dataclasses.asdict(grade) for grade in grades],
    }


def render_overview(document: dict[str, Any]) -> str:
    """That document as text."""
    return json.dumps(document, indent=1) + "\n"


def index(document: dict[str, Any]) -> str:
    """The table of all submissions, of the overview's document."""
    numbers = Numbers(document, "")
    rows = document["submissions"]
    counts = {word: sum(row["verdict"] == word for row in rows) for word in SIGNS}
    told = ", ".join(
        f"{badge(SIGNS[word], word)} {count}" for word, count in counts.items() if count
    )
    mode = "judged strictly" if document["strict"] else "judged leniently"
    parts = document["parts"]
    remarks = _list(document["remarks"], "remarks")
    head = _heads(parts)
    body = "\n".join(_row(numbers, nth, row, parts) for nth, row in enumerate(rows))
    content = (
        f"<header><h1>Grades</h1>\n<p>{len(rows)} submissions: {told}</p>\n"
        f'<p class="about">{mode}, rubric <b>{escape(document["rubric"])}</b>,'
        f" {numbers.show('most', form='g')} points</p>{remarks}</header>\n"
        f"<main>{_tools(counts)}\n"
        f'<div class="wide" tabindex="0"><table class="grades" id="grades"><caption class="unseen">'
        "A row for each submission; the buttons in the head sort</caption>"
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody></table></div></main>"
    )
    return _page(f"Grades of {len(rows)} submissions", content, "index.js")


def _tools(counts: dict[str, int]) -> str:
    """The filters, and how many rows are in view."""
    choices = "".join(f"<option>{word}</option>" for word, count in counts.items() if count)
    return (
        '<form class="tools" id="filter"><label>Filter <input type="search" name="text"'
        ' placeholder="name, rule or remark"></label>\n<label>Verdict <select name="verdict">'
        f'<option value="">all</option>{choices}</select></label>\n'
        '<output id="shown" aria-live="polite"></output></form>'
    )


def _heads(parts: list[dict[str, Any]]) -> str:
    """A head for each column, with the button that sorts by it."""
    named = [(escape(one["name"]), f" <small>of {one['points']:g}</small>") for one in parts]
    titles = [("Submission", ""), ("Verdict", ""), ("Score", ""), *named, ("Peers complete", "")]
    cells = [
        f'<th scope="col" class="{"part" if 3 <= nth < 3 + len(parts) else "plain"}">'
        f'<button type="button" data-sort="{nth}">{title}</button>{more}</th>'
        for nth, (title, more) in enumerate([*titles, ("Broken rules", "")])
    ]
    return "".join([*cells, '<th scope="col">Remarks</th>'])


def _row(numbers: Numbers, nth: int, row: dict[str, Any], parts: list[dict[str, Any]]) -> str:
    """A submission: each cell with the value that it is sorted by."""
    at = ("submissions", nth)
    link = f'<a href="submissions/{escape(row["slug"])}.html">{escape(row["name"])}</a>'
    cells = [
        _cell("Verdict", badge(SIGNS[row["verdict"]], row["verdict"]), row["verdict"]),
        _cell("Score", f"<b>{numbers.show(*at, 'score', form='.2f')}</b>", row["score"]),
    ]
    cells += [
        _cell(
            part["name"],
            numbers.show(*at, "parts", number, form=".2f"),
            row["parts"][number],
            kind="part",
        )
        for number, part in enumerate(parts)
    ]
    share = row["complete"] / row["peers"] if row["peers"] else -1
    peers = f"{numbers.show(*at, 'complete')} of {numbers.show(*at, 'peers')}"
    cells.append(_cell("Peers complete", peers if row["peers"] else NOTHING, share))
    told = [f"<b>{' '.join(row['rules'])}</b>"] if row["rules"] else []
    if row["warnings"]:
        number = len(row["warnings"])
        told.append(
            f"<details><summary>{number} warning{'s' * (number > 1)}</summary>"
            f"{' '.join(row['warnings'])}</details>"
        )
    count = len(row["rules"]) + len(row["warnings"]) / 1000
    cells.append(_cell("Broken rules", " ".join(told) or NOTHING, count))
    remarks = _list(row["remarks"][:SHOWN], "remarks")
    cells.append(f'<td class="remarks">{remarks}{_more(row)}</td>')
    return f'<tr data-verdict="{row["verdict"]}"><th scope="row">{link}</th>{"".join(cells)}</tr>'


def _cell(title: str, content: str, value: object, *, kind: str = "plain") -> str:
    """A cell that says on small screens what it is, and by what it is sorted."""
    sorts = f' data-value="{escape(str(value))}"'
    return f'<td class="{kind}" data-title="{escape(title)}"{sorts}>{content}</td>'


def _more(row: dict[str, Any]) -> str:
    more = len(row["remarks"]) - SHOWN
    return f"<small>and {more} more on its page</small>" if more > 0 else ""


def _list(items: list[str], kind: str) -> str:
    told = "".join(f"<li>{escape(printable(item))}</li>" for item in items)
    return f'<ul class="{kind}">{told}</ul>' if items else ""


def submission(document: dict[str, Any]) -> str:
    """The page of one submission, of its document (see `grade`)."""
    numbers = Numbers(document, "")
    verdict = document["verdict"]
    runs = [RunDocument(run, nth, explained=True) for nth, run in enumerate(document["runs"])]
    about = (
        f"{numbers.show('complete')} of {numbers.show('peers')} peers have the complete file;"
        if document["peers"]
        else ""
    )
    mode = "judged strictly" if document["strict"] else "judged leniently"
    content = (
        f'<header><p><a href="../index.html">All grades</a></p>\n'
        f'<p class="verdict {SIGNS[verdict].replace(" ", "-")}">{badge(SIGNS[verdict], verdict)}'
        f" <b>{numbers.show('score', form='.2f')}</b> of {numbers.show('most', form='g')} points</p>\n"
        f"<h1>{escape(document['name'])}</h1>\n"
        f'<p class="about">{about} {mode}, rubric {escape(document["rubric"])};'
        f' <a href="{escape(document["slug"])}.json">all of it as JSON</a></p>\n'
        f"{_list(document['remarks'], 'remarks')}</header>\n"
        f"<main>{_found(document)}\n{_parts(document, numbers)}\n"
        f"{''.join(_run(run, document) for run in runs)}</main>"
    )
    return _page(f"{document['name']}: {verdict}, {document['score']:.2f}", content)


def _found(document: dict[str, Any]) -> str:
    """The sets of logs that were found."""
    rows = [
        [
            escape(one["label"]),
            str(one["logs"]),
            escape(one["configuration"]) or NOTHING,
            escape(printable(one["problem"])) or "judged",
        ]
        for one in document["sets"]
    ]
    found = table(("Logs in", "Logs", "Configuration", "Outcome"), rows, kind="found")
    return f"<section><h2>What was found</h2>\n{found if rows else '<p>No logs.</p>'}</section>"


def _parts(document: dict[str, Any], numbers: Numbers) -> str:
    """The points of each part, and of each criterion folded below it."""
    parts = "\n".join(
        _part(part, ("parts", nth), numbers) for nth, part in enumerate(document["parts"])
    )
    which = ""
    if len(document["runs"]) > 1 and document["counted"] is not None:
        label = document["runs"][document["counted"]]["label"]
        which = f"<p>The run that counts: {escape(label)}.</p>"
    return f"<section><h2>Points</h2>\n{which}{parts}</section>"


def _part(part: dict[str, Any], at: tuple[str | int, ...], numbers: Numbers) -> str:
    """A part's points, and folded, unless some are missing, what earned or cost them."""
    told = [
        (nth, one)
        for nth, one in enumerate(part["criteria"])
        if one["gives"] or one["credit"] != "full"
    ]
    rows = [_criterion(one, (*at, "criteria", nth), numbers) for nth, one in told]
    quiet = [one["id"] for one in part["criteria"] if not one["gives"] and one["credit"] == "full"]
    rest = f"<p><small>Kept or not applied, and so without cost: {' '.join(quiet)}.</small></p>"
    full = part["points"] >= part["most"]
    capped = f" <small>capped: {escape(part['capped'])}</small>" if part["capped"] else ""
    lines = table(("Criterion", "Outcome", "Points", "Why"), rows, kind="criteria")
    return (
        f'<details class="part"{"" if full else " open"}><summary><b>{escape(part["name"])}</b>'
        f" {numbers.show(*at, 'points', form='.2f')} of {numbers.show(*at, 'most', form='g')}"
        f"{capped}</summary>\n{lines}{rest if quiet else ''}</details>"
    )


def _criterion(one: dict[str, Any], at: tuple[str | int, ...], numbers: Numbers) -> list[str]:
    """A row: what it is, how it came out, its points, and why."""
    most = f" of {numbers.show(*at, 'most', form='.2f')}" if one["gives"] else ""
    sign = "not applied" if one["standing"] == "not judged" else one["standing"]
    return [
        f"{escape(one['id'])} <small>{escape(one['meaning'])}</small>",
        badge(sign, one["standing"]),
        f"{numbers.show(*at, 'points', form='.2f')}{most}",
        escape(printable(one["note"])),
    ]


def _run(run: RunDocument, document: dict[str, Any]) -> str:
    """One run: how each family came out, then each broken rule; folded where another one counts."""
    word = run.document["verdict"]
    title = f"{badge(SIGNS[word], word)} {escape(run.document['label'])}"
    body = (
        f"{_list(run.document['notes'], 'notes')}{families(run)}\n{violations(run)}\n{notes(run)}"
    )
    if len(document["runs"]) > 1:
        title += f", {run.numbers.show('score', form='.2f')} points"
    if run.id == f"run-{document['counted']}":
        return f'<article class="run" id="{run.id}"><h2>{title}</h2>\n{body}</article>'
    return (
        f'<article class="run" id="{run.id}"><details class="other"><summary><h2>{title}'
        f" <small>(another run counts)</small></h2></summary>\n{body}</details></article>"
    )


def _page(title: str, content: str, script: str = "") -> str:
    """A whole page: it loads nothing, and runs nothing but its own scripts."""
    here, charts = files("verifier.grading"), files("verifier.report.page")
    styles = [charts.joinpath("report.css"), here.joinpath("page.css")]
    scripts = [here.joinpath(one) for one in ("page.js", script) if one]
    style, code = ("\n".join(one.read_text("utf-8") for one in some) for some in (styles, scripts))
    policy = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'"
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        f"<title>{escape(printable(title))}</title>\n<style>\n{style}\n</style>\n</head>\n"
        f'<body class="{"index" if script else "submission"}">\n'
        f'<button type="button" id="theme">Light or dark</button>\n{content}\n'
        f"<script>\n{code}\n</script>\n</body>\n</html>\n"
    )

"""The report as HTML pages that work offline, one for each run: verdict, violations, charts, and all they are drawn with.

The charts are drawn by Plotly. Of its JavaScript the page holds the part for charts with two axes,
`page/plotly.min.js`, as Plotly publishes it (plotly.js-cartesian-dist-min, MIT license).
"""

from __future__ import annotations

from html import escape
from importlib.resources import files
from pathlib import Path
from urllib.parse import quote

from verifier.judge import Verdict
from verifier.report import output
from verifier.report.page import sections
from verifier.report.page.run import Run
from verifier.report.page.violations import notes, violations
from verifier.report.page.words import badge, table
from verifier.report.text import about, conclusion, summary, word_of
from verifier.showing import shown

MOST_BYTES = 2_000_000
"""A page's size, where the charts' data can be made few enough: it must load fast, and can be mailed."""
REMARKS = 2_000
"""Bytes for what a run's part of the page says of how it was made smaller, and for the tags around its data."""
LEAST_DATA = 50_000
"""Bytes that the charts' data may always have."""
SCRIPTS = ("common.js", "lanes.js", "timeline.js", "charts.js", "report.js")
PARTS = (
    sections.head,
    violations,
    sections.families,
    sections.timeline,
    sections.peers,
    sections.pieces,
    sections.copies,
    sections.uploads,
    sections.fairness,
    notes,
)
"""A run from top to bottom."""


def write(path: Path, verdicts: list[Verdict], problems: list[str]) -> None:
    """Write the page of a run; of several an index, and a page for each in a folder beside it.

    ReportError where something can't be written.
    """
    if len(verdicts) < 2 or (path.exists() and not path.is_file()):  # as into a pipe
        output.write(path, render(verdicts, problems))
        return
    folder = path.with_name(f"{path.stem}-runs")
    output.make_folder(folder)
    digits = len(str(len(verdicts)))
    names = [f"{number:0{digits}}.html" for number in range(1, len(verdicts) + 1)]
    for number, (verdict, name) in enumerate(zip(verdicts, names, strict=True)):
        back = f'<p><a href="../{quote(path.name)}">All {len(verdicts)} runs</a></p>'
        title = f"{conclusion(verdict)}, {shown(verdict.folder)}"
        output.write(folder / name, _page(title, back, [(verdict, number)]))
    output.write(path, index(verdicts, problems, [f"{folder.name}/{name}" for name in names]))


def index(verdicts: list[Verdict], problems: list[str], pages: list[str]) -> str:
    """A row for each run, which leads to its page."""
    rows = []
    for verdict, page in zip(verdicts, pages, strict=True):
        word = word_of(verdict)
        name = f"{shown(verdict.folder)}{', ' * bool(verdict.run)}{verdict.run}"
        link = f'<a href="{quote(page)}">{escape(name)}</a>'
        rows.append(
            [link, badge(word.lower(), word), escape(summary(verdict)), escape(about(verdict))]
        )
    head = f"<header><h1>{len(verdicts)} runs</h1>{_problems(problems)}</header>"
    titles = ("Run", "Verdict", "Rules", "What was judged")
    body = f"{head}\n<main>{table(titles, rows, kind='runs')}</main>"
    parts = {
        "title": f"{len(verdicts)} runs",
        "style": _style(),
        "problems": body,
        "runs": "",
        "plotly": "const Report = { charts: [] };",
        "scripts": files("verifier.report.page").joinpath("report.js").read_text(encoding="utf-8"),
    }
    return _filled(_skeleton(), parts)


def render(verdicts: list[Verdict], problems: list[str]) -> str:
    """All runs in one page."""
    title = "; ".join(f"{conclusion(one)}, {shown(one.folder)}" for one in verdicts) or "not judged"
    runs = [(verdict, number) for number, verdict in enumerate(verdicts)]
    return _page(title, _problems(problems), runs)


def _problems(problems: list[str]) -> str:
    told = "".join(f"<li>{escape(problem)}</li>" for problem in problems)
    return f'<ul class="problems">{told}</ul>' if problems else ""


def _skeleton() -> str:
    return files("verifier.report.page").joinpath("report.html").read_text(encoding="utf-8")


def _style() -> str:
    return files("verifier.report.page").joinpath("report.css").read_text(encoding="utf-8")


def _page(title: str, head: str, runs: list[tuple[Verdict, int]]) -> str:
    """A page with the charts of runs, each with its number, below what is said of them all."""
    page = files("verifier.report.page")
    parts = {
        "title": escape(title),
        "style": _style(),
        "problems": head,
        "plotly": page.joinpath("plotly.min.js").read_text(encoding="utf-8"),
        "scripts": "\n".join(page.joinpath(one).read_text(encoding="utf-8") for one in SCRIPTS),
    }
    room = MOST_BYTES - len(_skeleton()) - sum(len(part.encode()) for part in parts.values())
    parts["runs"] = "\n".join(_run(*run, room // len(runs)) for run in runs)
    return _filled(_skeleton(), parts)


def _run(verdict: Verdict, number: int, room: int) -> str:
    """A run's part of the page, in so many bytes where it can be."""
    run = Run(verdict, number)
    body = "\n".join(part(run) for part in PARTS)
    if run.thin(max(LEAST_DATA, room - len(body.encode()) - REMARKS)):
        body = "\n".join(part(run) for part in PARTS)  # which says so
    return (
        f'<article class="run" id="{run.id}">\n{body}\n'
        f'<script type="application/json" class="data">{run.script()}</script>\n</article>'
    )


def _filled(skeleton: str, parts: dict[str, str]) -> str:
    """The skeleton with each `{{name}}` replaced once; what is put in isn't looked through."""
    filled = []
    for text in skeleton.split("{{"):
        name, closed, rest = text.partition("}}")
        filled.append(parts[name] + rest if closed else text)
    return "".join(filled)

"""The report as one HTML page that works offline: verdict, violations, charts, and all they are drawn with.

The charts are drawn by Plotly. Of its JavaScript the page holds the part for charts with two axes,
`page/plotly.min.js`, as Plotly publishes it (plotly.js-cartesian-dist-min, MIT license).
"""

from __future__ import annotations

from html import escape
from importlib.resources import files
from typing import TYPE_CHECKING

from verifier.report.page import sections
from verifier.report.page.run import Run
from verifier.report.page.violations import notes, violations
from verifier.report.text import conclusion

if TYPE_CHECKING:
    from verifier.judge import Verdict

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


def render(verdicts: list[Verdict], problems: list[str]) -> str:
    """The page."""
    page = files("verifier.report.page")
    title = "; ".join(f"{conclusion(one)}, {one.folder}" for one in verdicts) or "not judged"
    runs = [_run(verdict, number) for number, verdict in enumerate(verdicts)]
    told = "".join(f"<li>{escape(problem)}</li>" for problem in problems)
    parts = {
        "title": escape(title),
        "style": page.joinpath("report.css").read_text(encoding="utf-8"),
        "problems": f'<ul class="problems">{told}</ul>' if problems else "",
        "runs": "\n".join(runs),
        "plotly": page.joinpath("plotly.min.js").read_text(encoding="utf-8"),
        "scripts": "\n".join(page.joinpath(one).read_text(encoding="utf-8") for one in SCRIPTS),
    }
    return _filled(page.joinpath("report.html").read_text(encoding="utf-8"), parts)


def _run(verdict: Verdict, number: int) -> str:
    run = Run(verdict, number)
    body = "\n".join(part(run) for part in PARTS)
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

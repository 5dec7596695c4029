"""The report as one HTML page that works offline: verdict, charts, violations, and all they are drawn with.

The charts are drawn by Plotly's JavaScript, which the Python package of that name brings along: the
only thing in the verifier that isn't its own, imported here and nowhere else, and only when a page is
asked for.
"""

from __future__ import annotations

from functools import cache
from html import escape
from importlib.resources import files
from typing import TYPE_CHECKING

from verifier.report.output import ReportError
from verifier.report.page import sections
from verifier.report.page.run import Run
from verifier.report.page.violations import violations
from verifier.report.text import conclusion
from verifier.showing import shown

if TYPE_CHECKING:
    from verifier.judge import Verdict

SCRIPTS = ("common.js", "lanes.js", "timeline.js", "charts.js", "report.js")
PARTS = (
    sections.head,
    sections.families,
    sections.timeline,
    sections.peers,
    sections.pieces,
    sections.copies,
    sections.uploads,
    sections.fairness,
    violations,
)
"""A run from top to bottom."""


@cache
def plotly() -> str:
    """Plotly's JavaScript; ReportError where the package isn't installed."""
    try:
        from plotly.offline import get_plotlyjs  # noqa: PLC0415  # all other reports do without it
    except ImportError:
        raise ReportError(
            "the HTML report needs the package plotly: install it with `pip install plotly`, or with"
            " `pip install -e '.[report]'` in the project's folder"
        ) from None
    return str(get_plotlyjs())


def render(verdicts: list[Verdict], problems: list[str]) -> str:
    """The page; ReportError where Plotly isn't installed."""
    library = plotly()
    page = files("verifier.report.page")
    title = "; ".join(f"{conclusion(one)}, {shown(one.folder)}" for one in verdicts) or "not judged"
    runs = [_run(verdict, number) for number, verdict in enumerate(verdicts)]
    told = "".join(f"<li>{escape(problem)}</li>" for problem in problems)
    parts = {
        "title": escape(title),
        "style": page.joinpath("report.css").read_text(encoding="utf-8"),
        "problems": f'<ul class="problems">{told}</ul>' if problems else "",
        "runs": "\n".join(runs),
        "plotly": library,
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

"""The verifier's page for a run: written into its folder, and opened."""

from __future__ import annotations

import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import USAGE, HarnessError
from verifier.api import verify
from verifier.judge import Options
from verifier.report import html, output
from verifier.report.text import conclusion

if TYPE_CHECKING:
    from verifier.api import Report

NAME = "report.html"
"""The page's name in a run's folder."""


def run_report(folder: Path, path: Path | None, *, lenient: bool, show: bool) -> int:
    """Judge a folder, write its page (by default beside the logs) and open it; the exit status.

    That of the verdict; HarnessError with status 2 when there is nothing to judge or no page.
    """
    check_library()
    report = verify([folder], Options(lenient=lenient))
    if report.problems:
        raise HarnessError(report.problems[0], status=USAGE)
    target = write_report(path or folder / NAME, report)
    for verdict in report.verdicts:
        print(conclusion(verdict))
    print(f"Report: {shown(target)}")
    if show and not webbrowser.open(target.resolve().as_uri()):
        print("no browser could be started here: open that file in one")
    return report.status


def check_library() -> None:
    """See that pages can be made, before anything is run; HarnessError with status 2 if not."""
    try:
        html.plotly()
    except output.ReportError as error:
        raise HarnessError(str(error), status=USAGE) from None


def write_report(path: Path, report: Report) -> Path:
    """Write the page of what was judged already; HarnessError with status 2 when that fails."""
    try:
        output.write(path, html.render(report.verdicts, report.problems))
    except output.ReportError as error:
        raise HarnessError(str(error), status=USAGE) from None
    return path


def shown(path: Path) -> Path:
    """A path as people call it: from the working folder on, if it lies in there."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path

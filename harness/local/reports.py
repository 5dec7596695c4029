"""What the verifier says of a run: `invoke verify`, and `invoke report`, which writes a page and opens it."""

from __future__ import annotations

import sys
import webbrowser
from dataclasses import dataclass
from pathlib import Path

from core.exits import ExitStatus
from harness.errors import HarnessError
from harness.local.result import FILE_NAME, shown, why_incomplete
from harness.local.runfolder import latest_run
from harness.options import option, path
from verifier import cli
from verifier.api import Report, verify
from verifier.judge import Options as Judging
from verifier.report import html, output
from verifier.report.text import conclusion

NAME = "report.html"
"""The page's name in a run's folder."""


@dataclass(frozen=True, slots=True)
class VerifyOptions:
    """What is judged, and how."""

    folder: Path | None = option(
        "Folder with the logs of a run (default: the latest run's).", path, name="dir"
    )
    lenient: bool = option(
        "Judge faults of logging as warnings, as for other teams' programs.", default=False
    )
    form: str = option(
        "text, json or junit (default: text); `invoke report` makes a page.", default="text"
    )


@dataclass(frozen=True, slots=True)
class ReportOptions:
    """What is judged, and where its page goes."""

    folder: Path | None = option(
        "Folder with the logs of a run (default: the latest run's).", path, name="dir"
    )
    page: Path | None = option(
        "File to write (default: report.html in that folder).", path, name="output"
    )
    lenient: bool = option(
        "Judge faults of logging as warnings, as for other teams' programs.", default=False
    )
    show: bool = option(
        "Show the page in the browser (the default), or don't.", default=True, name="open"
    )


def run_verify(options: VerifyOptions) -> int:
    """Judge a folder and print what is to say of it; the exit status of the verdict."""
    folder = to_judge(options.folder)
    lenient = ["--lenient"] if options.lenient else []
    return cli.main([str(folder), "--format", options.form, *lenient])


def run_report(options: ReportOptions) -> int:
    """Judge a folder, write its page (by default beside the logs) and open it; the exit status.

    That of the verdict; HarnessError with status 2 when there is nothing to judge or no page.
    """
    folder = to_judge(options.folder)
    report = verify([folder], Judging(lenient=options.lenient))
    if report.problems:
        raise HarnessError(report.problems[0], status=ExitStatus.USAGE)
    target = write_report(options.page or folder / NAME, report)
    for verdict in report.verdicts:
        print(conclusion(verdict))
    print(f"Report: {shown(target)}")
    if options.show and not webbrowser.open(target.resolve().as_uri()):
        print("no browser could be started here: open that file in one")
    return report.status


def write_report(path: Path, report: Report) -> Path:
    """Write the page of what was judged already; HarnessError with status 2 when that fails."""
    try:
        html.write(path, report.verdicts, report.problems)
    except output.ReportError as error:
        raise HarnessError(str(error), status=ExitStatus.USAGE) from None
    return path


def to_judge(asked_for: Path | None) -> Path:
    """The folder that is judged. Of an incomplete run a note tells; the latest isn't taken if it is one."""
    folder = asked_for or latest_run()
    if asked_for is None and (why := why_incomplete(folder)):
        raise HarnessError(
            f"{shown(folder)}: the latest run {why}, so its logs end too early: "
            f"judge them all the same with --dir {shown(folder)}, or name another run",
            status=ExitStatus.USAGE,
        )
    if (folder / FILE_NAME).is_file() and (why := why_incomplete(folder)):
        text = f"note: this run {why}: what is missing at the ends of its logs is no peer's fault"
        print(text, file=sys.stderr)
    return folder

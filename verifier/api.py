"""The one call for other programs: judge folders, get exit status and text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from verifier.judge import UNUSABLE, Options, Verdict, verify_folder
from verifier.reading.config import InputError
from verifier.report import json, junit
from verifier.report import text as text_report


@dataclass(slots=True)
class Report:
    """What came of some folders.

    `status` is 0 without errors, 1 with a violation, 2 when an input couldn't be judged, 3 when
    nothing is broken but something is unknown. `text` is the report in the form asked for,
    `problems` one message for each folder that couldn't be judged.
    """

    status: int
    text: str
    problems: list[str] = field(default_factory=list)
    verdicts: list[Verdict] = field(default_factory=list)


def verify(
    folders: Sequence[Path],
    options: Options | None = None,
    *,
    form: str = "text",
    color: bool = False,
    notes: bool = False,
) -> Report:
    """Judge the run in each folder; `form` is `text`, `json`, `junit` or `html`, or `none` for no text."""
    verdicts: list[Verdict] = []
    problems: list[str] = []
    for folder in folders:
        try:
            verdicts += verify_folder(folder, options or Options())
        except InputError as error:
            problems.append(str(error))
    statuses = [verdict.status for verdict in verdicts] + [UNUSABLE] * bool(problems)
    status = next((one for one in (UNUSABLE, 1, 3) if one in statuses), 0)
    if form == "json":
        text = json.render(verdicts, problems, status)
    elif form == "junit":
        text = junit.render(verdicts, problems)
    elif form == "html":
        from verifier.report import html  # noqa: PLC0415  # no other report needs to wait for it

        text = html.render(verdicts, problems)
    elif form == "none":
        text = ""
    else:
        text = "\n".join(text_report.render(one, color=color, notes=notes) for one in verdicts)
    return Report(status, text, problems, verdicts)

"""The command line: `python -m verifier DIR [DIR ...]`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from verifier.api import Report, verify
from verifier.checks.registry import FAMILIES, select
from verifier.judge import UNUSABLE, Options
from verifier.report import output
from verifier.report.explanation import explain
from verifier.report.text import conclusion
from verifier.rules import CHECKS
from verifier.showing import Teller, shown

PROGRAM = "python -m verifier"
"""What people call it by, unless `swarmproof verify` was what they called."""
EPILOG = """\
exit statuses:
  0  no errors
  1  a rule is broken
  2  the input can't be judged, the report can't be written, or wrong use
  3  nothing is broken, but something can't be known

examples:
  python -m verifier logs/                    judge a run
  python -m verifier --lenient logs/          judge another team's program
  python -m verifier --explain K09            what a rule demands, and why
  python -m verifier logs/ --format html -o report.html   a page with charts of the run
  python -m verifier grade submissions/       judge and score many; `grade --help` tells more
"""


def _names(text: str) -> list[str]:
    return [name.strip().upper() for name in text.split(",") if name.strip()]


def _run(text: str) -> str:
    if text in {"all", "last"} or (text.isdecimal() and 0 < int(text) < 10**6):
        return text
    raise argparse.ArgumentTypeError(f"'{text}': expected all, last, or a number from 1")


def parser(program: str = PROGRAM) -> argparse.ArgumentParser:
    """What can be said on the command line; `program` is what it is called by."""
    made = argparse.ArgumentParser(
        prog=program,
        description="Replays the logs of all peers of a run and shows every broken rule with its lines.",
        epilog=EPILOG.replace(PROGRAM, program),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument(
        "folders", nargs="*", type=Path, metavar="DIR", help="folder with the logs of a run"
    )
    made.add_argument(
        "--config", type=Path, metavar="DIR", help="folder with Common.cfg and PeerInfo.cfg"
    )
    made.add_argument(
        "--lenient",
        action="store_true",
        help="for other teams' programs: faults of logging are warnings",
    )
    _add_choice_of_rules(made)
    _add_choice_of_runs(made)
    _add_forms_of_report(made)
    return made


def _add_choice_of_rules(made: argparse.ArgumentParser) -> None:
    made.add_argument(
        "--select",
        type=_names,
        default=[],
        metavar="IDS",
        help="only these checks or families, such as K,D08",
    )
    made.add_argument(
        "--ignore", type=_names, default=[], metavar="IDS", help="without these checks or families"
    )
    made.add_argument(
        "--explain",
        type=str.upper,
        metavar="ID",
        help="print a check's rule, clause, reason and example",
    )


def _add_choice_of_runs(made: argparse.ArgumentParser) -> None:
    made.add_argument(
        "--run",
        type=_run,
        default="last",
        metavar="all|last|N",
        help="which of several runs in one file",
    )
    made.add_argument(
        "--lives",
        choices=["run", "all"],
        default="run",
        help="all: take in every log_peer_ID.log.N",
    )
    made.add_argument(
        "--trace",
        choices=["auto", "require", "ignore"],
        default="auto",
        help="use of trace_peer_ID.jsonl",
    )


def _add_forms_of_report(made: argparse.ArgumentParser) -> None:
    made.add_argument(
        "--format",
        choices=["text", "json", "junit", "html"],
        default="text",
        help="form of the report; html is a page with charts, and needs -o",
    )
    made.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="FILE",
        help="write the report to this file, and only the verdict to the terminal",
    )
    made.add_argument("--notes", action="store_true", help="show findings that only inform, too")
    made.add_argument(
        "--color",
        choices=["auto", "always", "never"],
        default="auto",
        help="colour (auto: on terminals)",
    )


def main(arguments: Sequence[str] | None = None, program: str = PROGRAM) -> int:
    """Judge what the command line names; the exit status. `program` is what it is called by."""
    given_arguments = sys.argv[1:] if arguments is None else list(arguments)
    if given_arguments[:1] == ["grade"]:
        from verifier.grading import cli  # noqa: PLC0415  # no other command needs to wait for it

        return cli.main(given_arguments[1:])
    made = parser(program)
    given = made.parse_args(given_arguments)
    try:
        if given.explain is not None:
            if given.explain not in CHECKS:
                raise KeyError(given.explain)
            print(explain(given.explain), end="")
            return 0
        chosen = select(given.select, given.ignore)
    except KeyError as error:
        families = ", ".join(f"{letter} ({name})" for letter, name in FAMILIES.items())
        print(f"verifier: {error.args[0]}: no such check; families are {families}", file=sys.stderr)
        return UNUSABLE
    if not given.folders:
        made.error("name at least one folder with logs")
    checks = tuple(check.id for check in chosen)
    told = Teller(sys.stderr)
    options = Options(
        checks, given.lenient, given.run, given.lives, given.config, given.trace, told=told
    )
    color = _wants_color(given.color, given.output)
    form = "none" if given.format == "html" else given.format  # its pages are written one by one
    try:
        _prepare(given.format, given.output, made)
        report = verify(given.folders, options, form=form, color=color, notes=given.notes)
        told.clear()
        for problem in report.problems:
            print(f"verifier: {problem}", file=sys.stderr)
        _deliver(report, given.output, given.format)
    except output.ReportError as error:
        print(f"verifier: {error}", file=sys.stderr)
        return UNUSABLE
    return report.status


def _wants_color(given: str, path: Path | None) -> bool:
    """Whether the report is coloured: on demand, or on a terminal that may be."""
    if given == "auto":
        return path is None and sys.stdout.isatty() and "NO_COLOR" not in os.environ
    return given == "always"


def _prepare(form: str, path: Path | None, made: argparse.ArgumentParser) -> None:
    """Before anything is judged: see that the report can be made and has somewhere to go."""
    if form == "html" and path is None:
        made.error(
            "--format html needs -o FILE, such as -o report.html: it is no text for a terminal"
        )
    if path is not None:
        output.check(path)


def _deliver(report: Report, path: Path | None, form: str) -> None:
    """Print the report, or write it and print only how each run came out."""
    if path is None:
        sys.stdout.write(report.text)
        return
    if form == "html":
        from verifier.report import html  # noqa: PLC0415  # no other report needs to wait for it

        html.write(path, report.verdicts, report.problems)
    else:
        output.write(path, report.text)
    for verdict in report.verdicts:
        print(f"{shown(verdict.folder)}: {conclusion(verdict)}")
    print(f"written: {shown(path)}")

"""The command line `python -m verifier grade PATH [PATH ...]`."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from verifier.configuration import find_configuration
from verifier.grading import csv, pages, rubric
from verifier.grading.grade import NOT_JUDGED, Grade
from verifier.grading.grader import Settings
from verifier.grading.members import is_archive
from verifier.grading.pool import run_all
from verifier.grading.submissions import Found, Submission, find_submissions, slug_of
from verifier.grading.table import Table, summary
from verifier.judge import OK, UNKNOWN, UNUSABLE
from verifier.reading.config import InputError, load
from verifier.report import output
from verifier.showing import shown
from verifier.work.handing import Workers
from verifier.work.progress import ProgressLine

INTERRUPTED = 130
LONGEST = 86_400.0
"""Seconds of the longest timeout."""
EPILOG = """\
exit statuses:
  0  every submission was judged, whatever its score
  2  there is nothing to grade, the rubric or the configuration is wrong, results can't be written,
     or wrong use
  3  all is written, but some submission couldn't be judged; its remark says why
  130, 143  interrupted, terminated

examples:
  python -m verifier grade submissions/                         a folder of folders, zips and tars
  python -m verifier grade submissions/ --config project/ --rubric ours.toml
  python -m verifier grade --rubric-example > ours.toml         the default rubric, with comments
  python -m verifier grade submission/ --format gradescope --out results/    one submission
"""


def parser() -> argparse.ArgumentParser:
    """What can be said on the command line."""
    made = argparse.ArgumentParser(
        prog="python -m verifier grade",
        description="Judges and scores many submissions: each folder or archive directly below PATH.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = made.add_argument
    add("paths", nargs="*", type=Path, metavar="PATH", help="folder of submissions, or an archive")
    add("--out", type=Path, default=Path("grades"), metavar="DIR", help="folder for the results (default: grades)")  # fmt: skip
    add("--rubric", type=Path, metavar="FILE", help="points and what earns them (default: see --rubric-example)")  # fmt: skip
    add("--rubric-example", action="store_true", help="print the default rubric, and end")
    add("--strict", action="store_true", help="faults of logging are errors; without it, warnings")
    add("--jobs", type=_jobs, default=os.cpu_count() or 1, metavar="N", help="submissions at a time (default: one for each processor)")  # fmt: skip
    add("--config", type=Path, metavar="DIR", help="folder of Common.cfg and PeerInfo.cfg, for submissions without them")  # fmt: skip
    add("--timeout", type=_seconds, default=120.0, metavar="SECONDS", help="for one submission (default: 120)")  # fmt: skip
    add("--format", choices=["pages", "gradescope"], default="pages", help="gradescope: PATH is one submission; write results.json to DIR")  # fmt: skip
    add("--color", choices=["auto", "always", "never"], default="auto", help="colour (auto: on terminals)")  # fmt: skip
    return made


def _jobs(text: str) -> int:
    if not (text.isdecimal() and 0 < int(text) <= 1024):
        raise argparse.ArgumentTypeError(f"'{text}': expected a whole number from 1 to 1024")
    return int(text)


def _seconds(text: str) -> float:
    try:
        found = float(text)
    except ValueError:
        found = 0.0
    if not 0 < found <= LONGEST:
        raise argparse.ArgumentTypeError(
            f"'{text}': expected seconds, above 0 and at most {LONGEST:g}"
        )
    return found


def main(arguments: Sequence[str] | None = None, workers: Workers | None = None) -> int:
    """Grade what the command line names, by workers elsewhere if there are any; the exit status."""
    made = parser()
    given = made.parse_args(arguments)
    if given.rubric_example:
        print(rubric.example(), end="")
        return OK
    if not given.paths:
        made.error("name at least one folder of submissions")
    if given.format == "gradescope" and len(given.paths) != 1:
        made.error("--format gradescope takes one submission: name its folder or archive")
    try:
        return _grade(given, workers)
    except (InputError, output.ReportError) as error:
        print(f"verifier: {error}", file=sys.stderr)
        return UNUSABLE
    except KeyboardInterrupt:
        print(
            "verifier: interrupted: the pages of those listed are written, no table",
            file=sys.stderr,
        )
        return INTERRUPTED


def _grade(given: argparse.Namespace, workers: Workers | None) -> int:
    """Find, grade, print and write; the exit status."""
    single = given.format == "gradescope"
    settings = Settings(
        rubric.load(given.rubric),
        given.out.resolve(),
        given.strict,
        _configuration(given.config),
        given.format,
    )
    found = _single(given.paths[0]) if single else find_submissions(given.paths, given.out)
    output.make_folder(settings.out if single else settings.out / "submissions")
    for remark in found.remarks:
        print(f"verifier: {remark}", file=sys.stderr)
    grades = _run(found.submissions, settings, given, workers)
    if single:
        print(f"written: {shown(given.out / 'results.json')}")
    else:
        _write(grades, settings, found.remarks)
        print(f"\n{summary(grades)}")
        print(
            f"written: {shown(given.out / 'index.html')}, and grades.csv and grades.json beside it"
        )
    return UNKNOWN if any(grade.verdict == NOT_JUDGED for grade in grades) else OK


def _configuration(path: Path | None) -> Path | None:
    """The folder of the configuration, wherever the work goes on; InputError where there is none."""
    if path is None:
        return None
    if not path.is_dir():
        raise InputError(
            f"--config {shown(path)}: expected the folder of Common.cfg and PeerInfo.cfg"
        )
    found = find_configuration(path, path, path)
    load(found.common, found.peer_info)
    return path.resolve()


def _single(path: Path) -> Found:
    """A submission that is named itself."""
    if not path.is_dir() and not (path.is_file() and is_archive(path.name)):
        problem = "is no folder, zip, tar, tar.gz or tgz" if path.exists() else "is missing"
        raise InputError(f"{shown(path)} {problem}; name the folder or archive of one submission")
    path = path.resolve()
    return Found([Submission(shown(path.name), slug_of(path.name, set()), path)], [])


def _run(
    submissions: list[Submission],
    settings: Settings,
    given: argparse.Namespace,
    workers: Workers | None,
) -> list[Grade]:
    """Grade all, printing a line of each; a signal ends all processes before this one."""
    color = given.color == "always" or (
        given.color == "auto" and sys.stdout.isatty() and "NO_COLOR" not in os.environ
    )
    table, progress = Table(submissions, color=color), ProgressLine(sys.stderr, "graded")
    grades = []
    running = run_all(
        submissions,
        settings,
        jobs=given.jobs,
        timeout=given.timeout,
        workers=workers,
        told=progress.tell,
    )
    with closing(running), _termination():
        for grade in running:
            progress.clear()
            print(table.line(grade), flush=True)
            grades.append(grade)
    progress.clear()
    return grades


@contextmanager
def _termination() -> Iterator[None]:
    """Let a termination end this process in order, as an interrupt does: after all that it started."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only there signals can be handled
        return
    before = signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _write(grades: list[Grade], settings: Settings, remarks: list[str]) -> None:
    """The tables of all submissions."""
    document = pages.overview(grades, settings.rubric, remarks, strict=settings.strict)
    output.write(settings.out / "grades.json", pages.render_overview(document))
    output.write(settings.out / "grades.csv", csv.render(grades, settings.rubric))
    output.write(settings.out / "index.html", pages.index(document))

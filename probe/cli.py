"""The command line: `python -m probe 'COMMAND {id}'`."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from types import FrameType

import probe.cases
import probe.sessions  # noqa: F401 -- registers the sessions
from probe import initial, swarm
from probe.conversation.stage import Cancelled
from probe.engine import CONTACT, Engine, Run
from probe.model import FAILED
from probe.program import isolation, program
from probe.registry import CASES, PLANS, SelectionError, select
from probe.report import gradescope as report_gradescope
from probe.report import json as report_json
from probe.report import junit as report_junit
from probe.report import listing, verdicts
from probe.report import text as report_text
from probe.report.progress import Progress
from probe.settings import PROGRAM, Settings, SettingsError, read

UNUSABLE = 2
MARK = ".probe"
"""In a folder that a run made, so that no other folder is ever emptied."""


class _Ended(Exception):  # noqa: N818 -- a signal, no error
    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def main(arguments: list[str] | None = None, called: str = PROGRAM) -> int:
    """Do what the command line says; the exit status. `called` is what people called it by."""
    flag = threading.Event()
    _catch_signals(flag)
    try:
        return _main(arguments, flag, called)
    except (SettingsError, SelectionError, program.ProgramError, isolation.IsolationError) as error:
        print(f"probe: {error}", file=sys.stderr)
        return UNUSABLE
    except (KeyboardInterrupt, Cancelled):
        print("probe: interrupted", file=sys.stderr)
        return 130
    except _Ended as ended:
        return 128 + ended.number
    except OSError as error:
        print(f"probe: {error}", file=sys.stderr)
        return UNUSABLE


def _catch_signals(flag: threading.Event) -> None:
    """SIGTERM and SIGHUP end everything in order, as Ctrl-C does."""

    def end(number: int, _frame: FrameType | None) -> None:
        flag.set()
        raise _Ended(number)

    with suppress(ValueError):  # not in the main thread: a test
        for name in ("SIGTERM", "SIGHUP"):
            if number := getattr(signal, name, None):  # the second is unknown on Windows
                signal.signal(number, end)


def _main(arguments: list[str] | None, flag: threading.Event, called: str) -> int:
    settings = read(arguments, program=called)
    if settings.list:
        print(listing.table(), end="")
        return 0
    if settings.explain:
        print(listing.explain(settings.explain), end="")
        return 0
    if "{id}" not in settings.command:
        raise SettingsError(
            "say how your program is started, with {id} for the peer's id, such as 'java -cp out peerProcess {id}'; "
            "or have --init write it into probe.toml"
        )
    if not Path(settings.project).is_dir():
        raise SettingsError(
            f"--project {settings.project}: no such folder: expected that of your program"
        )
    if settings.isolate:
        isolation.enter()
    cases, plans = select(settings.selection, settings.ignore)
    if settings.quick:
        plans = {name for name in plans if PLANS[name].quick}
        cases = {case for case in cases if listing.is_quick(case)}
    if settings.build:
        program.build(settings.build, Path(settings.project))
    if settings.init:
        return initial.write(settings, _out(settings), flag)
    return _judge(settings, cases, plans, flag)


def _judge(settings: Settings, cases: set[str], plans: set[str], flag: threading.Event) -> int:
    """Hold the sessions, report; the exit status."""
    expected = _expected(settings.expect)
    out = _out(settings)
    runs = _hold(settings, plans, out, flag)
    run = runs[-1] if runs[-1].diagnosis else runs[0]
    results = verdicts.combine_all([one.findings() for one in runs], cases)
    if settings.swarm and not run.diagnosis:
        run.notes += swarm.hold(settings, out / "swarm", flag)
    status = (
        UNUSABLE
        if run.diagnosis
        else verdicts.status(results, strict=settings.strict, expected=expected)
    )
    if FAILED in " ".join(run.notes) and status != UNUSABLE:
        status = 1
    text = report_text.render(run, results, full=settings.full, expected=expected)
    _write_scripts(runs)
    deliver(settings, run, results, status=status, text=text, expected=expected)
    return status


def _hold(settings: Settings, plans: set[str], out: Path, flag: threading.Event) -> list[Run]:
    progress = Progress(len(plans | set(CONTACT)) * settings.repeat, quiet=settings.quiet)
    runs: list[Run] = []
    try:
        for number in range(settings.repeat):
            folder = out / str(number + 1) if settings.repeat > 1 else out
            runs.append(Engine(settings, folder, progress, flag).run(sorted(plans)))
            if runs[-1].diagnosis:
                break
    finally:
        progress.end()
    return runs


def _write_scripts(runs: list[Run]) -> None:
    """Each session's conversation beside its configuration, log and output."""
    for record in (record for run in runs for record in run.records if record.folder):
        with suppress(OSError):
            text = "".join(f"{report_text.line(event)}\n" for event in record.events)
            Path(record.folder, "conversation.txt").write_text(text, encoding="utf-8")


def deliver(
    settings: Settings,
    run: Run,
    results: dict[str, verdicts.Result],
    *,
    status: int,
    text: str,
    expected: frozenset[str],
) -> None:
    """Write the report in the form that is asked for; to a file, the text still goes to the terminal."""
    form = settings.format
    if form == "json":
        report = report_json.render(run, results, status, settings.command)
    elif form == "junit":
        report = report_junit.render(run, results, strict=settings.strict, expected=expected)
    elif form == "gradescope":
        report = report_gradescope.render(run, results, text)
    else:
        report = text
    if settings.output:
        try:
            Path(settings.output).write_text(report, encoding="utf-8")
        except OSError as error:
            raise SettingsError(f"-o {settings.output}: {error.strerror}") from None
        report = text
    print(report, end="")


def _expected(name: str) -> frozenset[str]:
    """The ids in a file of known findings: one a line, # begins a comment."""
    if not name:
        return frozenset()
    try:
        lines = Path(name).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"--expect {name}: {error}") from None
    ids = {word.upper() for one in lines if (word := one.partition("#")[0].strip())}
    if unknown := sorted(ids - set(CASES)):
        raise SettingsError(f"--expect {name}: {unknown[0]} is no case; --list names them")
    return frozenset(ids)


def _out(settings: Settings) -> Path:
    """The folder of this run; `latest` points to it."""
    if settings.out:
        given = Path(settings.out).resolve()
        if given.exists() and (
            not given.is_dir() or (any(given.iterdir()) and not (given / MARK).exists())
        ):
            raise SettingsError(
                f"--out {given}: expected a new or empty folder, or one of an earlier run"
            )
        given.mkdir(parents=True, exist_ok=True)
        (given / MARK).touch()
        return given
    home = Path.cwd() / "probe-runs"
    folder = home / time.strftime("%Y%m%d-%H%M%S")
    number = 1
    while folder.exists():
        number += 1
        folder = home / (time.strftime("%Y%m%d-%H%M%S") + f"-{number}")
    folder.mkdir(parents=True)
    with suppress(OSError):
        link = home / "latest"
        temporary = home / f".latest-{os.getpid()}"
        temporary.symlink_to(folder.name)
        temporary.replace(link)
    return folder

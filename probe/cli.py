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
from probe import isolation, listing, program, report_text, verdicts
from probe.engine import CONTACT, Engine, Run
from probe.progress import Progress
from probe.registry import PLANS, SelectionError, select
from probe.settings import Settings, SettingsError, read
from probe.stage import Cancelled

UNUSABLE = 2


class _Ended(Exception):  # noqa: N818 -- a signal, no error
    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def main(arguments: list[str] | None = None) -> int:
    """Do what the command line says; the exit status."""
    flag = threading.Event()
    _catch_signals(flag)
    try:
        return _main(arguments, flag)
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
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, end)


def _main(arguments: list[str] | None, flag: threading.Event) -> int:
    settings = read(arguments)
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
    if settings.isolate:
        isolation.enter()
    cases, plans = select(settings.selection, settings.ignore)
    if settings.quick:
        plans = {name for name in plans if PLANS[name].quick}
        cases = {case for case in cases if listing.is_quick(case)}
    if settings.build:
        program.build(settings.build, Path(settings.project))
    return _judge(settings, cases, plans, flag)


def _judge(settings: Settings, cases: set[str], plans: set[str], flag: threading.Event) -> int:
    out = _out(settings)
    progress = Progress(len(plans | set(CONTACT)), quiet=settings.quiet)
    runs: list[Run] = []
    try:
        for number in range(settings.repeat):
            folder = out / str(number + 1) if settings.repeat > 1 else out
            runs.append(Engine(settings, folder, progress, flag).run(sorted(plans)))
            if runs[-1].diagnosis:
                break
    finally:
        progress.end()
    run = runs[0]
    results = verdicts.combine(run.findings(), cases)
    print(report_text.render(run, results, full=settings.full), end="")
    return UNUSABLE if run.diagnosis else verdicts.status(results, strict=settings.strict)


def _out(settings: Settings) -> Path:
    """The folder of this run; `latest` points to it."""
    if settings.out:
        return Path(settings.out).resolve()
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

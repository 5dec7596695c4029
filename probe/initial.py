"""`--init`: find out where the program expects its files, and write `probe.toml` from what works."""

from __future__ import annotations

import dataclasses
import itertools
import shlex
import threading
from collections.abc import Iterator
from pathlib import Path

from probe.conversation.stage import Stage
from probe.engine import look_at, named_place
from probe.model import Outcome, Record
from probe.registry import PLANS
from probe.settings import Settings, SettingsError, as_toml

FILE = "probe.toml"
_PATIENCE = 0.4
"""Factor on the waits of an attempt: most programs are up within 6 s or never."""
_MOST_PLACES = 3
_USUAL = ("src", "bin", "out", "build")
"""Folders into which a start script may go before it starts the program."""
_SEARCHED = ("*/Common.cfg", "*/*/Common.cfg")


def attempts(settings: Settings) -> Iterator[Settings]:
    """Ways to lay out a session's folder, the assignment's own first."""
    project = Path(settings.project)
    found = sorted({path.parent for pattern in _SEARCHED for path in project.glob(pattern)})
    places = [path.relative_to(project).as_posix() for path in found][:_MOST_PLACES]
    for copy in ("link", "copy"):
        for data in ("peer_{id}", "{id}", "."):
            yield dataclasses.replace(settings, copy=copy, data=data)
        for data in ("../peer_{id}", "peer_{id}", "../{id}") if settings.workdir else ():
            yield dataclasses.replace(settings, copy=copy, data=data, configs=["."])
        for workdir in _script_folders(settings):
            for data in ("peer_{id}", "{id}"):
                yield dataclasses.replace(settings, copy=copy, workdir=workdir, data=data)
    for place in places:
        for data in ("peer_{id}", f"{place}/peer_{{id}}", f"{place}/{{id}}", "{id}"):
            yield dataclasses.replace(settings, copy="copy", configs=[place], data=data)
        yield dataclasses.replace(settings, copy="copy", workdir=place)
    for place in [one for one in _USUAL if (project / one).is_dir() and one not in places]:
        for data in ("peer_{id}", f"{place}/peer_{{id}}"):
            yield dataclasses.replace(settings, copy="copy", configs=[place], data=data)


def _script_folders(settings: Settings) -> list[str]:
    """Folders of the files that the command names, where they are not the project's own."""
    try:
        words = shlex.split(settings.command)
    except ValueError:
        return []
    project = Path(settings.project)
    found = []
    for word in words:
        for path in [*project.glob(f"*/{Path(word).name}"), project / word]:
            inside = path.parent.relative_to(project) if path.is_relative_to(project) else Path()
            if path.is_file() and inside != Path() and ".." not in inside.parts:
                found.append(inside.as_posix())
    return list(dict.fromkeys(found))[:_MOST_PLACES]


def write(settings: Settings, out: Path, flag: threading.Event) -> int:
    """Try the ways in turn; write the first that works. The exit status."""
    target = Path.cwd() / FILE
    if target.exists():
        raise SettingsError(f"{target} exists already; remove it first, or change it by hand")
    best: tuple[Settings, Record] | None = None
    first: Record | None = None
    ways = attempts(settings)
    number = 0
    while one := next(ways, None):
        number += 1
        record = _try(one, out / f"attempt-{number}", flag)
        print(f"{number:2}  {_words(one)}: {_came(record)}", flush=True)
        if first is None:
            first = record
            named = [dataclasses.replace(one, data=place) for place in named_place(record)]
            ways = itertools.chain(named, ways)
        if _told(record):
            best = (one, record)
            break
        if best is None and any(
            event.kind == "handshake" and not event.sent for event in record.events
        ):
            best = (one, record)
    if best is None:
        assert first is not None
        for found in first.findings:
            if found.outcome is Outcome.BROKEN:
                print(f"\n{found.because}")
                print("".join(f"  {line}\n" for line in found.lines), end="")
                break
        print("\nNothing worked; probe.toml is not written. docs/probe.md says what can be set.")
        return 2
    made = dataclasses.replace(best[0], patience=settings.patience)
    project = Path(made.project)
    if project.is_relative_to(Path.cwd()):
        made.project = project.relative_to(Path.cwd()).as_posix()
    target.write_text(as_toml(made), encoding="utf-8")
    print(f"\nwritten: {target}\nnow run: python -m probe")
    return 0


def _try(settings: Settings, out: Path, flag: threading.Event) -> Record:
    quick = dataclasses.replace(settings, patience=_PATIENCE)
    stage = Stage(PLANS["contact-seed"], quick, out, flag)
    record = stage.hold()
    look_at(record, stage.stuck_at)
    return record


def _told(record: Record) -> bool:
    """Whether the seed told pieces, or speaks in a dialect, which it does with its file or not at all."""
    return any(
        not event.sent and event.kind in {"bitfield", "bytes"} and any(event.data)
        for event in record.events
    )


def _words(settings: Settings) -> str:
    parts = [f"file in {settings.data}"]
    if settings.copy == "copy":
        parts.append("copy of the project")
    if settings.workdir:
        parts.append(f"started in {settings.workdir}")
    if settings.configs:
        parts.append(f"configuration also in {settings.configs[0]}")
    return ", ".join(parts)


def _came(record: Record) -> str:
    if _told(record):
        return "works"
    if any(event.kind == "handshake" and not event.sent for event in record.events):
        return "answers, but tells no pieces"
    if any(event.kind == "connection" for event in record.events):
        return "accepts connections, but doesn't answer"
    return "doesn't come up"

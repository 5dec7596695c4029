"""Finds the logs of a run and their traces, wherever they lie in a folder.

Only regular files count. A folder is walked without following links to folders, to a depth and a number
of entries that no submission reaches, so that whatever lies there gets an answer.
"""

from __future__ import annotations

import os
import re
import stat
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from verifier.reading.config import InputError
from verifier.showing import shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

DEPTH = 6
MOST_ENTRIES = 100_000
"""Entries of a folder and all below it that are looked at."""
EXACT = re.compile(r"log_peer_(?P<id>\d{1,18})\.log(?:\.(?P<generation>\d{1,6}))?(?:\.gz)?")
_DATE = r"(?:\d{4}[_.-]?\d\d[_.-]?\d\d|\d\d[_.-]\d\d[_.-]\d{4})(?:[T_. -]?\d[\d_.:-]*)?"
_BRACKETED = r"[\[({<]?(?P<id>\d{1,18})[\])}>]?"
VARIANT = re.compile(
    rf"(?=.*log)(?P<date>{_DATE}[ _.-]+)?(?:(?:p2p|event|my)[ _.-]?)?(?:logs?(?:[ _.-]?(?:file|of|for))?[ _.-]*)?"
    rf"(?:peer(?:process)?[ _.-]*(?:id[ _.-]*)?)?{_BRACKETED}"
    rf"(?:[ _.-]*(?:logs?|output|logfile))?(?P<date_2>[ _.-]+{_DATE})?(?: ?\(\d{{1,3}}\)| ?-? ?copy)?"
    rf"(?:\.(?:log|txt|out)){{0,2}}(?P<date_3>[ _.-]+{_DATE})?(?:\.(?P<generation>\d{{1,6}}))?(?:\.gz)?",
    re.IGNORECASE,
)
"""Names that programs give their logs instead: `peer_1001.log`, `log_peer_[1001].log.txt`, with a date."""
TRACE = re.compile(r"trace_peer_\d{1,18}\.jsonl(?:\.\d{1,6})?(?:\.gz)?")
NEAREST = (
    re.compile(r".*(?:log.*\d|\d.*log).*", re.IGNORECASE),
    re.compile(r".*(?:log|peer).*", re.IGNORECASE),
    re.compile(r".*\.(?:txt|out|zip|7z|rar|tar|tgz|tar\.gz)", re.IGNORECASE),
)
"""What may have been meant as a log, or hold some, the likeliest first."""
MOST_TOLD = 5
"""Files that are named one by one."""
PACKED = (".zip", ".7z", ".rar", ".tar", ".tgz", ".tar.gz")


@dataclass(frozen=True, slots=True)
class LogFile:
    """One log: `generation` is 0 for the current one, else the N of `log_peer_ID.log.N`; `label` is
    its name for messages.
    """

    path: Path
    label: str
    peer_id: int
    generation: int
    size: int
    exact: bool = True
    """Whether it has the prescribed name, so that it is a log and nothing else."""


class Logs(NamedTuple):
    """The logs of a run, by peer, and what there is to say about their names.

    `unusable` are peers of whose log only something is there that is no file, and what it is.
    """

    files: list[LogFile]
    notes: list[str]
    unusable: dict[int, str]


class Place(NamedTuple):
    """One folder: how deep it lies, its regular files, and what else is there."""

    level: int
    path: Path
    files: list[os.DirEntry[str]]
    others: list[os.DirEntry[str]]


def walk(folder: Path, depth: int = DEPTH) -> Iterator[Place]:
    """Each folder from the top down, nearest first; InputError when there is too much in it."""
    waiting = deque([(0, folder)])
    seen = 0
    while waiting:
        level, place = waiting.popleft()
        entries: list[os.DirEntry[str]] = []
        try:
            with os.scandir(place) as scan:
                for entry in scan:
                    entries.append(entry)
                    if seen + len(entries) > MOST_ENTRIES:
                        raise InputError(
                            f"{shown(folder)}: more than {MOST_ENTRIES:,} files and folders are in it;"
                            " name the folder that holds the logs"
                        )
        except OSError:
            if not level:
                raise
            continue
        seen += len(entries)
        found = Place(level, place, [], [])
        for entry in sorted(entries, key=lambda entry: entry.name):
            with suppress(OSError):
                # A link to a file is one; a dangling link isn't, nor is a link to a folder a folder.
                if entry.is_dir(follow_symlinks=False):
                    found.others.append(entry)
                    if level < depth and not entry.name.startswith("."):
                        waiting.append((level + 1, Path(entry.path)))
                    continue
                (found.files if entry.is_file() else found.others).append(entry)
                continue
            found.others.append(entry)
        yield found


def log_name(name: str) -> re.Match[str] | None:
    """The parts of a log's file name, the prescribed one or another program's; None for what is none."""
    return EXACT.fullmatch(name) or VARIANT.fullmatch(name)


def find_logs(folder: Path) -> Logs:
    """The logs in a folder, or in its subfolders; InputError when there is no usable set."""
    found: list[tuple[int, Path, re.Match[str]]] = []
    unusable: dict[int, str] = {}
    near = _Nearest(folder)
    try:
        for place in walk(folder):
            if place.level and any(name.re is EXACT for level, _, name in found if not level):
                break  # they lie in the folder itself; what is below it belongs to something else
            for entry in place.files:
                if name := log_name(entry.name):
                    found.append((place.level, place.path / entry.name, name))
                else:
                    near.take(place.path / entry.name)
            for entry in place.others:
                if name := EXACT.fullmatch(entry.name):
                    label = shown((place.path / entry.name).relative_to(folder).as_posix())
                    unusable.setdefault(int(name["id"]), f"{label} is {kind_of(entry)}, no file")
    except FileNotFoundError:
        raise InputError(f"{shown(folder)}: no such folder") from None
    except NotADirectoryError:
        raise InputError(
            f"{shown(folder)}: not a folder; name the folder that holds the logs"
        ) from None
    except OSError as error:
        raise InputError(f"{shown(folder)}: can't be read: {error.strerror or error}") from None
    except ValueError:
        raise InputError(f"{shown(folder)}: no folder can have this name") from None
    except InputError:
        if not found:
            raise
    if not found:
        hint = near.hint() or next((f"; {what}" for what in unusable.values()), "")
        raise InputError(
            f"{shown(folder)}: no log_peer_[id].log in it or below{hint};"
            " name the folder that holds the logs"
        )
    named_so = any(name.re is EXACT for _, _, name in found)
    top = not named_so and any(level == 0 for level, _, _ in found)
    chosen = [(path, name) for level, path, name in found if level == 0 or not top]
    return by_peer(folder, chosen, unusable)


class _Nearest:
    """The likeliest of the files that are no logs by their names: the one that may have been meant."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._rank = len(NEAREST)
        self._path: Path | None = None

    def take(self, path: Path) -> None:
        """One more file; of equally likely ones the first stays."""
        rank = next((n for n, one in enumerate(NEAREST) if one.fullmatch(path.name)), len(NEAREST))
        if rank < self._rank:
            self._rank, self._path = rank, path

    def hint(self) -> str:
        """What to say of it."""
        if self._path is None:
            return ""
        name = shown(self._path.relative_to(self._folder).as_posix())
        unpack = ", which is to be unpacked first" if name.lower().endswith(PACKED) else ""
        return f"; the nearest thing there is {name}{unpack}"


def kind_of(entry: os.DirEntry[str]) -> str:
    """What stands where a file was expected."""
    try:
        mode = entry.stat().st_mode
    except OSError:
        return "a link that leads nowhere"
    kinds = (
        (stat.S_ISDIR, "a folder"),
        (stat.S_ISFIFO, "a pipe"),
        (stat.S_ISSOCK, "a socket"),
    )
    return next((word for test, word in kinds if test(mode)), "a device")


def by_peer(
    folder: Path, found: list[tuple[Path, re.Match[str]]], unusable: Mapping[int, str] | None = None
) -> Logs:
    """One log a peer and generation; a name of its own comes second to the prescribed one."""
    notes: list[str] = []
    logs: dict[tuple[int, int], LogFile] = {}
    files: dict[tuple[int, int], str] = {}
    doubles: list[str] = []
    exact = {int(name["id"]) for _, name in found if name.re is EXACT}
    odd = [(path, name) for path, name in found if name.re is not EXACT]
    for path, name in [(path, name) for path, name in found if name.re is EXACT] + odd:
        peer_id, label = int(name["id"]), shown(path.relative_to(folder).as_posix())
        if name.re is not EXACT and peer_id in exact:
            notes.append(f"{label} is left out: log_peer_{peer_id}.log is there too")
            continue
        try:
            facts = path.stat()
        except OSError as error:
            raise InputError(f"{shown(path)}: can't be read: {error.strerror or error}") from None
        key = (facts.st_dev, facts.st_ino)
        if facts.st_ino and files.setdefault(key, label) != label:
            doubles.append(f"{label} is left out: it is {files[key]} by another name")
            continue
        number = _generation(name, peer_id, odd)
        if (peer_id, number) in logs:
            raise InputError(
                f"{shown(folder)}: {logs[peer_id, number].label} and {label} are both of"
                f" peer {peer_id}; name the folder of one run"
            )
        logs[peer_id, number] = LogFile(
            path, label, peer_id, number, facts.st_size, name.re is EXACT
        )
    named = [log.label for log in logs.values() if not log.exact]
    if named:
        notes.append(f"{named[0]}: named otherwise than log_peer_[id].log, and read all the same")
    notes += doubles[:MOST_TOLD]
    if len(doubles) > MOST_TOLD:
        notes.append(f"so are {len(doubles) - MOST_TOLD} more")
    there = {log.peer_id for log in logs.values()}
    lacking = {peer_id: what for peer_id, what in (unusable or {}).items() if peer_id not in there}
    return Logs([logs[key] for key in sorted(logs)], notes, lacking)


def _generation(
    name: re.Match[str], peer_id: int, odd: Iterable[tuple[Path, re.Match[str]]]
) -> int:
    """The number of a log: of several with dates the newest is the current one, the oldest is 1."""
    date = _date(name)
    if not date:
        return int(name.groupdict()["generation"] or 0)
    same = sorted(
        {_date(other) for _, other in odd if int(other["id"]) == peer_id and _date(other)}
    )
    return 0 if date == same[-1] else same.index(date) + 1


def _date(name: re.Match[str]) -> str:
    """The date in a log's name, as digits that sort by time; empty where there is none."""
    parts = name.groupdict()
    date = next((text for key, text in parts.items() if key.startswith("date") and text), "")
    if found := re.match(r"\D*(\d\d)\D(\d\d)\D(\d{4})(.*)", date):
        date = f"{found[3]}{found[1]}{found[2]}{found[4]}"
    return re.sub(r"\D", "", date)


def find_traces(folder: Path) -> list[Path]:
    """The traces in a folder and its subfolders."""
    found: list[Path] = []
    with suppress(OSError, InputError):
        for place in walk(folder):
            found += [place.path / one.name for one in place.files if TRACE.fullmatch(one.name)]
    return sorted(found)

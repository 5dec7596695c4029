"""Finds the logs of a run, their traces and its configuration, wherever they lie in a folder.

Only regular files count. A folder is walked without following links to folders, to a depth and a number
of entries that no submission reaches, so that whatever lies there gets an answer.
"""

from __future__ import annotations

import os
import re
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from verifier.reading.config import InputError
from verifier.showing import shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

DEPTH = 6
MOST_ENTRIES = 100_000
EXACT = re.compile(r"log_peer_(?P<id>\d{1,18})\.log(?:\.(?P<generation>\d{1,6}))?(?:\.gz)?")
VARIANT = re.compile(
    r"(?=.*log)(?:logs?[ _.-]?)?peer[ _.-]?(?:id[ _.-]?)?[\[({]?(?P<id>\d{1,18})[\])}]?"
    r"(?:[ _.-]?(?:logs?|output))?(?P<date>[ _.-](?:\d{4}[_.-]?\d\d[_.-]?\d\d|\d\d[_.-]\d\d[_.-]\d{4})[T\d_. -]*)?"
    r"(?:\.(?:log|txt)){0,2}(?:\.(?P<generation>\d{1,6}))?(?:\.gz)?",
    re.IGNORECASE,
)
"""Names that programs give their logs instead: `peer_1001.log`, `log_peer_[1001].log.txt`, with a date."""
TRACE = re.compile(r"trace_peer_\d{1,18}\.jsonl(?:\.\d{1,6})?(?:\.gz)?")
CONFIGS = {"common": "Common.cfg", "peerinfo": "PeerInfo.cfg"}
BESIDE = ("src", "resources", "config", "configs", "cfg")
"""Folders beside a run's in which projects keep the configuration."""


@dataclass(frozen=True, slots=True)
class LogFile:
    """One log: `generation` is 0 for the current one, else the N of `log_peer_ID.log.N`."""

    path: Path
    label: str
    peer_id: int
    generation: int
    size: int


class Logs(NamedTuple):
    """The logs of a run, by peer, and what there is to say about their names."""

    files: list[LogFile]
    notes: list[str]


def walk(folder: Path, depth: int = DEPTH) -> Iterator[tuple[int, Path, list[os.DirEntry[str]]]]:
    """Each folder from the top down, nearest first, with how deep it lies and its regular files."""
    waiting = deque([(0, folder)])
    seen = 0
    while waiting and seen < MOST_ENTRIES:
        level, place = waiting.popleft()
        try:
            with os.scandir(place) as scan:
                entries = sorted(scan, key=lambda entry: entry.name)
        except OSError:
            if not level:
                raise
            continue
        seen += len(entries)
        files = []
        for entry in entries:
            try:
                if entry.is_dir(follow_symlinks=False):
                    if level < depth and not entry.name.startswith("."):
                        waiting.append((level + 1, Path(entry.path)))
                elif entry.is_file():  # a link to a file is one, a dangling link isn't
                    files.append(entry)
            except OSError:
                continue
        yield level, place, files


def log_name(name: str) -> re.Match[str] | None:
    """The parts of a log's file name, the prescribed one or another program's; None for what is none."""
    return EXACT.fullmatch(name) or VARIANT.fullmatch(name)


def find_logs(folder: Path) -> Logs:
    """The logs in a folder, or in its subfolders; InputError when there is no usable set."""
    found: list[tuple[int, Path, re.Match[str]]] = []
    nearest = ""
    try:
        for level, place, files in walk(folder):
            for entry in files:
                if name := log_name(entry.name):
                    found.append((level, place / entry.name, name))
                elif not nearest and entry.name.lower().endswith((".log", ".txt", ".log.gz")):
                    nearest = (place / entry.name).relative_to(folder).as_posix()
    except FileNotFoundError:
        raise InputError(f"{shown(folder)}: no such folder") from None
    except NotADirectoryError:
        raise InputError(
            f"{shown(folder)}: not a folder; name the folder that holds the logs"
        ) from None
    except OSError as error:
        raise InputError(f"{shown(folder)}: can't be read: {error.strerror or error}") from None
    if not found:
        hint = f"; the nearest thing there is {shown(nearest)}" if nearest else ""
        raise InputError(
            f"{shown(folder)}: no log_peer_[id].log in it or below{hint};"
            " name the folder that holds the logs"
        )
    if any(level == 0 for level, _, _ in found):
        found = [one for one in found if one[0] == 0]
    return by_peer(folder, [(path, name) for _, path, name in found])


def by_peer(folder: Path, found: list[tuple[Path, re.Match[str]]]) -> Logs:
    """One log a peer and generation; a name of its own comes second to the prescribed one."""
    notes: list[str] = []
    logs: dict[tuple[int, int], LogFile] = {}
    exact = {int(name["id"]) for _, name in found if name.re is EXACT}
    odd = [(path, name) for path, name in found if name.re is not EXACT]
    for path, name in [(path, name) for path, name in found if name.re is EXACT] + odd:
        peer_id, label = int(name["id"]), path.relative_to(folder).as_posix()
        if name.re is not EXACT and peer_id in exact:
            notes.append(f"{label} is left out: log_peer_{peer_id}.log is there too")
            continue
        number = _generation(name, peer_id, odd)
        if (peer_id, number) in logs:
            raise InputError(
                f"{shown(folder)}: {shown(logs[peer_id, number].label)} and {shown(label)} are both of"
                f" peer {peer_id}; name the folder of one run"
            )
        logs[peer_id, number] = LogFile(path, label, peer_id, number, path.stat().st_size)
    named = [log.label for log in logs.values() if not EXACT.fullmatch(log.path.name)]
    if named:
        notes.append(
            f"{shown(named[0])}: named otherwise than log_peer_[id].log, and read all the same"
        )
    return Logs([logs[key] for key in sorted(logs)], notes)


def _generation(
    name: re.Match[str], peer_id: int, odd: Iterable[tuple[Path, re.Match[str]]]
) -> int:
    """The number of a log: of several with dates the newest is the current one, the oldest is 1."""
    groups = name.groupdict()
    if not groups.get("date"):
        return int(groups["generation"] or 0)
    same = sorted(
        other["date"] for _, other in odd if int(other["id"]) == peer_id and other["date"]
    )
    return 0 if groups["date"] == same[-1] else same.index(groups["date"]) + 1


def find_traces(folder: Path) -> list[Path]:
    """The traces in a folder and its subfolders."""
    return sorted(
        place / entry.name
        for _, place, files in walk(folder)
        for entry in files
        if TRACE.fullmatch(entry.name)
    )


class Configuration(NamedTuple):
    """Where a run's two configuration files are, and what there is to say about it."""

    common: Path
    peer_info: Path
    notes: list[str]


def find_configuration(folder: Path, logs: Path, named: Path | None = None) -> Configuration:
    """Common.cfg and PeerInfo.cfg of the logs that lie in `logs`, at or below `folder`.

    In the folder that was named, else the nearest to the logs: beside them, above them up to `folder`,
    anywhere else below `folder`, one above it and in the usual places there. InputError names what is
    missing and the nearest thing that is there.
    """
    missing: dict[str, str] = {}
    nearest = ""
    for place in [named] if named is not None else places(folder, logs):
        picked = {stem: pick(place, stem) for stem in CONFIGS}
        common, peer_info = picked["common"], picked["peerinfo"]
        if common and peer_info:
            beside = place in (named, logs)
            where = [] if beside else [f"Common.cfg and PeerInfo.cfg: those of {shown(place)}"]
            return Configuration(common, peer_info, where)
        for stem, path in picked.items():
            other = next((one for one in picked.values() if one), None)
            if path is None and other is not None and not missing:
                missing[CONFIGS[stem]] = f"{CONFIGS[stem]} is missing beside {shown(other)}"
        nearest = nearest or _nearest(place)
    if missing:
        what = next(iter(missing.values()))
        raise InputError(f"{what}; put it there, or name the folder of both with --config DIR")
    hint = f"; the nearest thing there is {nearest}" if nearest else ""
    searched = shown(named) if named is not None else f"{shown(folder)}, below it or one above"
    raise InputError(
        f"no Common.cfg and PeerInfo.cfg in {searched}{hint}; name their folder with --config DIR"
    )


def places(folder: Path, logs: Path, depth: int = DEPTH) -> Iterator[Path]:
    """Where the configuration may lie, the nearest to the logs first, each once."""
    seen = set()

    def all_places() -> Iterator[Path]:
        yield logs
        for parent in logs.parents:
            if parent == folder or folder in parent.parents:
                yield parent
        yield folder
        yield from (place for _, place, _ in walk(folder, depth))
        above = folder.resolve().parent
        yield above
        yield from (above / name for name in BESIDE)

    for place in all_places():
        if place not in seen:
            seen.add(place)
            yield place


def pick(place: Path, stem: str) -> Path | None:
    """The file of that name whatever its case; else the only variant, such as PeerInfo.large.cfg."""
    files = [
        path
        for path in _files(place)
        if path.suffix.lower() in {".cfg", ".txt", ".config", ".conf"}
    ]
    cfgs = [path for path in files if path.suffix.lower() == ".cfg"]
    exact = [path for path in cfgs if _stem(path) == stem] or [
        path for path in files if _stem(path) == stem
    ]
    variants = [path for path in cfgs if _stem(path).startswith(stem)]
    if exact:
        return exact[0]
    if len(variants) > 1:
        names = ", ".join(shown(path.name) for path in variants)
        raise InputError(
            f"{shown(place)}: {names}: several candidates; keep one, or use --config DIR"
        )
    return variants[0] if variants else None


def _stem(path: Path) -> str:
    stem = path.stem.lower().removesuffix(".cfg")
    return stem.replace("_", "").replace("-", "").replace(" ", "")


def _files(place: Path) -> list[Path]:
    try:
        with os.scandir(place) as scan:
            return sorted(Path(entry.path) for entry in scan if entry.is_file())
    except OSError:
        return []


def _nearest(place: Path) -> str:
    """A file that may have been meant: its name tells of configuration."""
    for path in _files(place):
        if re.search(r"common|peer.?info|config|\.cfg", path.name, re.IGNORECASE):
            return shown(path)
    return ""

"""Finds the runs in a submission: which logs belong together, and which configuration fits them."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from verifier.configuration import CONFIGS, Configuration, pick, places
from verifier.judge import Options, Verdict, verify_logs
from verifier.reading.config import InputError, WrongConfiguration
from verifier.reading.finding import by_peer, log_name, walk
from verifier.showing import shown

DEPTH = 40
"""Folders in each other that are looked into: a submission's projects lie deeper than a run's logs."""
MOST_SETS = 50
"""Sets of logs that are judged."""


@dataclass(slots=True)
class RunSet:
    """Logs that lie so that they are of one run, or of several in the same files."""

    folder: Path
    logs: list[tuple[Path, re.Match[str]]] = field(default_factory=list)

    @property
    def peers(self) -> set[int]:
        """Whose logs they are."""
        return {int(name["id"]) for _, name in self.logs}


@dataclass(slots=True)
class Judged:
    """What became of one set: its verdicts, or why there are none; `label` says where it lies."""

    label: str
    logs: int
    configuration: str = ""
    verdicts: list[Verdict] = field(default_factory=list)
    problem: str = ""


def find_sets(root: Path) -> tuple[list[RunSet], list[str]]:
    """The sets of logs in a submission, and what there is to remark.

    Logs in one folder belong together. So do those of different peers in folders beside each other,
    unless some peer has two: then each folder is a run. A set that is there twice counts once.
    """
    own: dict[Path, list[tuple[Path, re.Match[str]]]] = {}
    for place in walk(root, DEPTH):
        for entry in place.files:
            if name := log_name(entry.name):
                own.setdefault(place.path, []).append((place.path / entry.name, name))
    below: dict[Path, list[RunSet]] = {}
    for folder in sorted(_with_parents(own, root), key=lambda one: -len(one.parts)):
        here = [RunSet(folder, own[folder])] if folder in own else []
        merged = _merged(folder, here + below.pop(folder, []))
        if folder == root:
            return _without_copies(root, merged)
        below.setdefault(folder.parent, []).extend(merged)
    return [], []


def _with_parents(own: dict[Path, list[tuple[Path, re.Match[str]]]], root: Path) -> set[Path]:
    """The folders with logs and all between them and the root."""
    found = set()
    for place in own:
        found.add(place)
        found.update(one for one in place.parents if one == root or root in one.parents)
    return found


def _merged(place: Path, sets: list[RunSet]) -> list[RunSet]:
    """One set of those below a folder that are of different peers each."""
    singles = [one for one in sets if len(one.peers) == 1]
    named = [one for one in singles if str(*one.peers) in one.folder.name]
    for group in (sets, singles, named):
        together = [peer for one in group for peer in one.peers]
        if len(group) > 1 and len(together) == len(set(together)) and not _apart(group):
            whole = RunSet(place, [log for one in group for log in one.logs])
            return [whole, *(one for one in sets if one not in group)]
    return sets


def _apart(sets: list[RunSet]) -> bool:
    """Whether each has several peers and a configuration of its own beside it: different runs."""
    return all(
        len(one.peers) > 1 and all(_picked(one.folder, stem) for stem in CONFIGS) for one in sets
    )


def _picked(place: Path, stem: str) -> Path | None:
    try:
        return pick(place, stem)
    except InputError:
        return None


def _without_copies(root: Path, sets: list[RunSet]) -> tuple[list[RunSet], list[str]]:
    """Each set once, though the same logs lie in two folders."""
    kept: dict[str, RunSet] = {}
    remarks = []
    for one in sorted(sets, key=lambda one: (len(one.folder.parts), one.folder)):
        digest = hashlib.sha256()
        for path, name in sorted(one.logs, key=lambda log: log[0].name):
            digest.update(f"{name['id']} {name['generation']} ".encode())
            with path.open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
        first = kept.setdefault(digest.hexdigest(), one)
        if first is not one:
            remarks.append(f"{label_of(root, one)} holds the logs of {label_of(root, first)} again")
    found = list(kept.values())
    if len(found) > MOST_SETS:
        remarks.append(f"{len(found)} sets of logs: the first {MOST_SETS} are judged")
    return found[:MOST_SETS], remarks


def label_of(root: Path, one: RunSet) -> str:
    """Where a set lies in the submission, as people say it."""
    inside = one.folder.relative_to(root).as_posix()
    return "the top folder" if inside == "." else shown(inside)


def judge_set(root: Path, one: RunSet, named: Path | None, *, lenient: bool) -> Judged:
    """Judge all runs of a set by the nearest configuration that fits; `named` serves where none is there."""
    judged = Judged(label_of(root, one), len(one.logs))
    options = Options(lenient=lenient, run="all", alone=True)
    problem = ""
    try:
        logs = by_peer(root, one.logs)
        for found in _configurations(root, one, named):
            try:
                judged.verdicts = verify_logs(one.folder, logs, found, options, time.perf_counter())
            except WrongConfiguration as error:
                problem = problem or str(error)
            except InputError as error:
                problem = str(error)
                if found.common.parent in (one.folder, named):
                    break
            else:
                judged.configuration = f"{shown(found.common)}, {shown(found.peer_info)}"
                return judged
    except InputError as error:
        problem = problem or str(error)
    judged.problem = problem or _missing(root)
    return judged


def _configurations(root: Path, one: RunSet, named: Path | None) -> Iterator[Configuration]:
    """All that may be this set's, the nearest first; the named one last."""
    folders = places(root, one.folder, DEPTH)
    inside = [place for place in folders if place == root or root in place.parents]
    for place in [*inside, *([named] if named else [])]:
        try:
            common, peer_info = (pick(place, stem) for stem in CONFIGS)
        except InputError:
            if place in (one.folder, named):
                raise
            continue
        if common and peer_info:
            notes = [f"Common.cfg and PeerInfo.cfg: those of {shown(place)}"]
            yield Configuration(common, peer_info, [] if place == one.folder else notes)


def _missing(root: Path) -> str:
    """That there is no configuration, and which half of one is there."""
    there = [
        shown((place.path / entry.name).relative_to(root))
        for place in walk(root, DEPTH)
        for entry in place.files
        if entry.name.lower().endswith(".cfg")
    ]
    hint = f"; there is {', '.join(there[:3])}" if there else ""
    return f"no folder with Common.cfg and PeerInfo.cfg{hint}; name the configuration with --config DIR"

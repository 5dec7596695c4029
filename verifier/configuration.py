"""Finds the configuration of the run whose logs lie somewhere."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from difflib import get_close_matches
from pathlib import Path
from typing import NamedTuple

from verifier.reading.config import InputError
from verifier.reading.finding import DEPTH, kind_of, walk
from verifier.showing import shown

CONFIGS = {"common": "Common.cfg", "peerinfo": "PeerInfo.cfg"}
BESIDE = re.compile(
    r"src|res|resources?|data|main|input"
    r"|(?:project[ _-]?)?(?:config|cfg|conf|configuration)s?(?:[ _-]?files?)?(?:[ _-]?(?:small|large))?",
    re.IGNORECASE,
)
"""Folders beside a run's in which projects keep the configuration."""
BESIDE_DEPTH = 3
SUFFIXES = {"", ".cfg", ".txt", ".config", ".conf", ".cnf", ".ini", ".properties"}
ALIKE = 0.6
"""How alike a name must be to one that is missing to be named for it."""


class Configuration(NamedTuple):
    """Where a run's two configuration files are, and what there is to say about it."""

    common: Path
    peer_info: Path
    notes: list[str]


def find_configuration(folder: Path, logs: Path, named: Path | None = None) -> Configuration:
    """Common.cfg and PeerInfo.cfg of the logs that lie in `logs`, at or below `folder`.

    In the folder that was named, else the nearest to the logs: beside them, anywhere else at or below
    `folder`, one above it and in the usual places there; if need be each in a folder of its own.
    InputError names what is missing and the nearest thing that is there.
    """
    problem = nearest = ""
    first: dict[str, Path] = {}
    for place in [named] if named is not None else places(folder, logs):
        inside = folder in (place, *place.parents)
        if not inside and len(first) == len(CONFIGS):
            break
        try:
            picked = {stem: pick(place, stem) for stem in CONFIGS}
        except InputError as error:
            problem = problem or str(error)
            continue
        common, peer_info = picked["common"], picked["peerinfo"]
        if common and peer_info:
            beside = place in (named, logs)
            where = [] if beside else [f"Common.cfg and PeerInfo.cfg: those of {shown(place)}"]
            return Configuration(common, peer_info, where)
        for stem, path in picked.items():
            if path is not None:
                problem = problem or _missing(place, CONFIGS[stem], path)
                if inside:
                    first.setdefault(stem, path)
        nearest = nearest or _nearest(place)
    if len(first) == len(CONFIGS):
        apart = [f"{CONFIGS[stem]}: that of {shown(path.parent)}" for stem, path in first.items()]
        return Configuration(first["common"], first["peerinfo"], apart)
    if problem:
        raise InputError(problem)
    hint = f"; the nearest thing there is {nearest}" if nearest else ""
    searched = shown(named) if named is not None else f"{shown(folder)}, below it or one above"
    raise InputError(
        f"no Common.cfg and PeerInfo.cfg in {searched}{hint}; name their folder with --config DIR"
    )


def _missing(place: Path, there: str, other: Path) -> str:
    """What there is to say of the one that is missing beside the other, which is there."""
    (name,) = set(CONFIGS.values()) - {there}
    advice = "; put it there, or name the folder of both with --config DIR"
    with suppress(OSError), os.scandir(place) as scan:
        for entry in scan:
            if entry.name.lower() == name.lower():
                return f"{shown(entry.path)} is {kind_of(entry)}, no file{advice}"
    names = [path.name for path in _files(place) if path != other]
    alike = get_close_matches(name, names, 1, ALIKE)
    hint = f"; the nearest thing there is {shown(alike[0])}" if alike else ""
    return f"{name} is missing beside {shown(other)}{hint}{advice}"


def places(folder: Path, logs: Path, depth: int = DEPTH) -> Iterator[Path]:
    """Where the configuration may lie, the nearest to the logs first, each once."""
    seen = set()

    def candidates() -> Iterator[Path]:
        yield logs
        yield from sorted(
            (place.path for place in walk(folder, depth)),
            key=lambda place: (_steps(place, logs), place),
        )
        above = folder.resolve().parent
        yield above
        with suppress(OSError):
            with os.scandir(above) as scan:
                beside = sorted(one.path for one in scan if BESIDE.fullmatch(one.name))
            for one in beside:
                yield from (place.path for place in walk(Path(one), BESIDE_DEPTH))

    for place in candidates():
        if place not in seen:
            seen.add(place)
            yield place


def _steps(one: Path, other: Path) -> int:
    """How many folders up and down lie between two."""
    same = sum(1 for a, b in zip(one.parts, other.parts, strict=False) if a == b)
    return len(one.parts) + len(other.parts) - 2 * same


def pick(place: Path, stem: str) -> Path | None:
    """The file of that name whatever its case; else the only variant, such as PeerInfo.large.cfg."""
    files = [path for path in _files(place) if path.suffix.lower() in SUFFIXES]
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
    found = []
    with suppress(OSError), os.scandir(place) as scan:
        for entry in scan:
            with suppress(OSError):  # a link in a circle
                if entry.is_file():
                    found.append(Path(entry.path))
    return sorted(found)


def _nearest(place: Path) -> str:
    """A file that may have been meant: its name tells of configuration."""
    for path in _files(place):
        if re.search(r"common|peer.?info|config|\.cfg", path.name, re.IGNORECASE):
            return shown(path)
    return ""

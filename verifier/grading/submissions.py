"""Finds the submissions: each folder or archive directly below the folders that are named."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from verifier.grading.members import SKIPPED, is_archive, is_foreign
from verifier.reading.config import InputError
from verifier.reading.finding import log_name
from verifier.showing import shown

CONFIGS = ("common.cfg", "peerinfo.cfg")
LONGEST_SLUG = 80
"""Characters of a name that become the name of its files."""


@dataclass(frozen=True, slots=True)
class Submission:
    """One of those to be graded: `name` is told to people, `slug` names its files."""

    name: str
    slug: str
    path: Path

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Found:
    """All submissions in the order of their names, and what else lies there, and isn't one."""

    submissions: list[Submission]
    remarks: list[str]


def find_submissions(paths: list[Path], out: Path | None = None) -> Found:
    """The submissions below these folders; an archive that is named is one itself.

    `out`, the folder of the results, is none. InputError when a path is neither, or nothing is there.
    """
    found: list[tuple[str, Path]] = []
    remarks: list[str] = []
    for path in paths:
        if path.is_dir():
            here = _below(path, out, remarks)
        elif path.is_file() and is_archive(path.name):
            here = [(path.name, path)]
        else:
            problem = "is no folder, zip, tar, tar.gz or tgz" if path.exists() else "is missing"
            raise InputError(f"{shown(path)} {problem}; name a folder of submissions")
        several = len(paths) > 1
        found += [(f"{path.name or path}/{name}" if several else name, one) for name, one in here]
    if not found:
        told = "".join(f"; {remark}" for remark in remarks[:3])
        raise InputError(
            f"{', '.join(map(shown, paths))}: no folder or archive directly below it{told}"
        )
    slugs: set[str] = set()
    return Found(
        [Submission(name, slug_of(name, slugs), path.resolve()) for name, path in found], remarks
    )


def _below(folder: Path, out: Path | None, remarks: list[str]) -> list[tuple[str, Path]]:
    """What is a submission directly below a folder."""
    try:
        with os.scandir(folder) as scan:
            entries = sorted(scan, key=lambda entry: (entry.name.casefold(), entry.name))
    except OSError as error:
        raise InputError(f"{shown(folder)}: can't be read: {error.strerror or error}") from None
    found, told = [], False
    for entry in entries:
        path = folder / entry.name
        if SKIPPED.fullmatch(entry.name) or (out and path.resolve() == out.resolve()):
            continue
        if entry.is_symlink():
            remarks.append(f"{shown(entry.name)} is a link, and isn't followed")
        elif entry.is_dir() or is_archive(entry.name):
            found.append((shown(entry.name), path))
        elif is_foreign(entry.name):
            remarks.append(
                f"{shown(entry.name)} isn't unpacked: expected a zip, tar, tar.gz or tgz"
            )
        elif not told and (log_name(entry.name) or entry.name.lower() in CONFIGS):
            told = True
            remarks.append(
                f"{shown(entry.name)} lies directly in {shown(folder)}: is that a submission itself?"
                " Then name the folder above it"
            )
    return found


def slug_of(name: str, taken: set[str]) -> str:
    """A file name of a submission's name, unlike all others whatever the case, and add it to them."""
    plain = re.sub(r"[^A-Za-z0-9._-]+", "_", name)[:LONGEST_SLUG].strip(".") or "submission"
    slug, number = plain, 1
    while slug.casefold() in taken:
        number += 1
        slug = f"{plain}-{number}"
    taken.add(slug.casefold())
    return slug

"""Writes a report to a file, whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

from verifier.showing import shown


class ReportError(Exception):
    """A report can't be made or written; the message says why, and what to do."""


def check(path: Path) -> None:
    """Before minutes are spent on a report: whether there is a place for it; ReportError if not."""
    if path.is_dir():
        raise ReportError(
            f"{shown(path)}: can't be written: it is a folder; name a file, such as report.html"
        )
    if not path.exists() and not path.resolve().parent.is_dir():
        raise ReportError(
            f"{shown(path)}: can't be written: there is no folder {shown(path.parent)}"
        )


def make_folder(path: Path) -> None:
    """Make a folder, unless it is there; ReportError if that fails."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ReportError(f"{path}: can't be made: {error.strerror or error}") from None


def write(path: Path, text: str) -> None:
    """Put the text in place in one step, so that no reader meets half of it; ReportError if it fails.

    What is there and is no plain file (`/dev/stdout`, a pipe) is written to as it is.
    """
    check(path)
    target = path.resolve()
    fresh = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        if path.exists() and not path.is_file():
            path.write_text(text, encoding="utf-8", errors="backslashreplace")
            return
        try:
            fresh.write_text(text, encoding="utf-8", errors="backslashreplace")
            fresh.replace(target)
        finally:
            fresh.unlink(missing_ok=True)
    except OSError as error:
        raise ReportError(f"{shown(path)}: can't be written: {error.strerror or error}") from None

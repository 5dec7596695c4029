"""Piece hashes of a file that is to be shared (docs/hashes.md), and the piece size that fits it."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

from core.config import SwarmConfig
from core.exits import ExitStatus
from harness.errors import HarnessError
from harness.options import format_bytes, option, path, size
from peerio import hashes

LEAST_PIECE, LARGEST_PIECE = 16 << 10, 4 << 20
MOST_PIECES = 2000
"""More make logs long, and bring a swarm nothing."""
MOST_PREFERRED = 8
LARGEST_TRACED = 64 << 20
"""Bytes of a file above which traces are written only where they are asked for."""
_SILENCE = 2.0
"""Seconds without a word on how far it is."""


@dataclass(frozen=True, slots=True)
class Options:
    """What was asked for."""

    file: Path | None = option("The file to hash.", path)
    piece_size: int | None = option(
        "Bytes of a piece, such as 256KiB: that of Common.cfg (default: what fits the file).",
        size(least=1),
    )
    output: Path | None = option(
        "Folder to write pieces.sha256 into (default: beside the file).", path
    )


def run_hash(options: Options) -> int:
    """Write a file's hashes, and say what was written; the exit status."""
    if options.file is None:
        raise HarnessError("name the file to hash: --file FILE", status=ExitStatus.USAGE)
    folder = options.output or options.file.parent
    if not folder.is_dir():
        raise HarnessError(f"--output {folder}: expected a folder that is there")
    piece_size = options.piece_size
    if piece_size is None:
        piece_size = fitting_piece_size(options.file.stat().st_size if options.file.exists() else 1)
    target = write_hashes(folder, options.file, piece_size)
    count = sum(len(line) == 64 for line in target.read_text(encoding="utf-8").splitlines())
    print(f"{target}: {count} pieces of {format_bytes(piece_size)} (PieceSize {piece_size})")
    return ExitStatus.COMPLETE


def fitting_piece_size(file_size: int) -> int:
    """A power of two such that a file has at most `MOST_PIECES` pieces, as far as pieces may be large."""
    found = LEAST_PIECE
    while found < LARGEST_PIECE and file_size > found * MOST_PIECES:
        found *= 2
    return found


def fitted(config: SwarmConfig) -> SwarmConfig:
    """The same swarm with what suits its file and its number of peers: a quick start, no tiny pieces."""
    neighbors = min(max(len(config.peers) - 1, 1), MOST_PREFERRED)
    return replace(
        config,
        piece_size=fitting_piece_size(config.file_size),
        preferred_neighbors=neighbors,
        unchoking_interval=1,
    )


def is_traced(asked: bool | None, file_size: int) -> bool:  # noqa: FBT001 -- what an option says
    """Whether peers write traces: as asked for, else unless the file is large, which is told."""
    if asked is None and file_size > LARGEST_TRACED:
        print(
            f"no traces, since the file is larger than {format_bytes(LARGEST_TRACED)}: "
            "the logs are judged all the same (--trace writes them)"
        )
        return False
    return asked is not False


def text_of(source: Path, name: str, piece_size: int) -> str:
    """The text of `pieces.sha256` for a file that is shared under a name; HarnessError if it can't be read.

    What takes long is told while it lasts.
    """
    progress = Progress(f"hashing {source.name}")
    try:
        return hashes.hash_file(source, piece_size, progress, name=name)
    except hashes.HashesError as error:
        raise HarnessError(str(error)) from error


def write_hashes(folder: Path, source: Path, piece_size: int, name: str | None = None) -> Path:
    """Write `pieces.sha256` of a file into a folder, and return its path; HarnessError if it can't be."""
    target = folder / hashes.FILE_NAME
    text = text_of(source, name or source.name, piece_size)
    try:
        target.write_text(text, encoding="utf-8")
    except OSError as error:
        raise HarnessError(f"{target}: can't be written: {error.strerror}") from error
    return target


class Progress:
    """Tells every few seconds how far something is, on stderr."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._due = time.monotonic() + _SILENCE

    def __call__(self, done: int, whole: int) -> None:
        """So many bytes of all are done."""
        if time.monotonic() >= self._due:
            self._due = time.monotonic() + _SILENCE
            text = f"{self._what}: {format_bytes(done)} of {format_bytes(whole)}"
            print(text, file=sys.stderr, flush=True)

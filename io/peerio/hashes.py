"""Piece hashes: `pieces.sha256` beside the configuration files (spec 9.3).

It is the counterpart of a metainfo file's hashes: what each piece must be, so that a peer notices wrong
content before it counts, and knows after a restart which pieces it has. Text in UTF-8:

    FileName lecture.mp4
    FileSize 10000232
    PieceSize 32768
    e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
    ...

The three keys say which file was hashed and how it is cut, and must be those of `Common.cfg`. Then comes
a line for each piece, in order: the SHA-256 of its content in 64 hex digits. Blank lines and lines that
begin with `#` say nothing.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from peerio import filesystem
from peerio.config import PIECE_HASHES

if TYPE_CHECKING:
    from core.config import SwarmConfig

FILE_NAME = PIECE_HASHES
_SIZE = 32
"""Bytes of one hash."""
_HASH = re.compile(rb"[0-9a-fA-F]{64}")
_READ_AT_ONCE = 1 << 18
_BATCH, _BATCH_BYTES = 256, 1 << 26
"""Pieces, and about as many bytes, that are handed to the threads at once."""
_REMEDY = "make it again with `invoke hash`, or remove it to run without"


class HashesError(Exception):
    """The file of hashes can't be used, or made; `str()` is the whole message."""


class PieceHashes:
    """What each piece must be."""

    def __init__(self, digests: bytes) -> None:
        self._digests = digests

    def __len__(self) -> int:
        return len(self._digests) // _SIZE

    def __getitem__(self, piece: int) -> bytes:
        return self._digests[piece * _SIZE : (piece + 1) * _SIZE]


def load(workdir: Path, config: SwarmConfig) -> PieceHashes | None:
    """The hashes in `workdir`, None where there is no such file.

    Raises HashesError when it can't be read, or is of another file or another piece size than
    `Common.cfg` says.
    """
    path = workdir / FILE_NAME
    try:
        lines = path.read_bytes().splitlines()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise HashesError(f"{path}: can't be read: {error.strerror}; {_REMEDY}") from error
    said = [(number, line.strip()) for number, line in enumerate(lines, 1)]
    said = [(number, line) for number, line in said if line and not line.startswith(b"#")]
    _check_keys(path, said[:3], config)
    hashes = said[3:]
    for number, line in hashes:
        if not _HASH.fullmatch(line):
            raise HashesError(
                f"{FILE_NAME}:{number}: {line[:60].decode(errors='replace')!r}: expected the SHA-256 "
                f"of piece {len([n for n, _ in hashes if n < number])}, 64 hex digits; {_REMEDY}"
            )
    if len(hashes) != config.piece_count:
        raise HashesError(
            f"{path}: has {len(hashes)} hashes: expected {config.piece_count}, one for each piece; "
            f"{_REMEDY}"
        )
    return PieceHashes(bytes.fromhex(b"".join(line for _, line in hashes).decode()))


def _check_keys(path: Path, lines: list[tuple[int, bytes]], config: SwarmConfig) -> None:
    """Whether the first three lines say what `Common.cfg` does; all that differs is told at once."""
    expected = {
        "FileName": config.file_name,
        "FileSize": str(config.file_size),
        "PieceSize": str(config.piece_size),
    }
    found = {}
    for _, line in lines:
        key, *rest = line.decode(errors="replace").split(maxsplit=1)
        found[key] = "".join(rest)
    differing = [
        f"{key} {found[key]!r} (Common.cfg: {value!r})" if key in found else f"no {key}"
        for key, value in expected.items()
        if found.get(key) != value
    ]
    if differing:
        raise HashesError(
            f"{path}: doesn't fit Common.cfg: it has {', '.join(differing)}; {_REMEDY}"
        )


def format_hashes(name: str, size: int, piece_size: int, digests: list[bytes]) -> str:
    """The text of the file, to be written as UTF-8."""
    head = [
        "# SHA-256 of each piece, in order (docs/hashes.md).",
        f"FileName {name}",
        f"FileSize {size}",
        f"PieceSize {piece_size}",
    ]
    return "\n".join([*head, *(digest.hex() for digest in digests), ""])


def digests_of(fd: int, size: int, piece_size: int) -> Iterator[bytes]:
    """The SHA-256 of each piece of an open file, in order; of a piece that isn't all there, b"".

    Raises OSError when it can't be read. Hashing lets other threads run, so all processors help.
    """
    count = -(-size // piece_size)

    def digest(piece: int) -> bytes:
        return _digest(fd, piece * piece_size, min(piece_size, size - piece * piece_size))

    workers = (
        min(4, os.cpu_count() or 1) if hasattr(os, "pread") else 1
    )  # else the position is shared
    with ThreadPoolExecutor(workers) as pool:
        batch = max(1, min(_BATCH, _BATCH_BYTES // piece_size))
        for first in range(0, count, batch):
            yield from pool.map(digest, range(first, min(first + batch, count)))


def _digest(fd: int, start: int, size: int) -> bytes:
    found, end = hashlib.sha256(), start + size
    while start < end:
        data = filesystem.pread(fd, min(_READ_AT_ONCE, end - start), start)
        if not data:
            return b""
        found.update(data)
        start += len(data)
    return found.digest()


def hash_file(
    path: Path,
    piece_size: int,
    on_progress: Callable[[int, int], None] = lambda _done, _all: None,
    *,
    name: str | None = None,
) -> str:
    """The text of `pieces.sha256` for a file; `on_progress` is told bytes hashed, and all bytes.

    `name` is the FileName, where the file lies under another one here.

    Raises HashesError when the file can't be read, is empty, or changes meanwhile.
    """
    digests: list[bytes] = []
    try:
        fd = filesystem.open_existing(path)
        try:
            before = os.fstat(fd)
            size = before.st_size
            if not size:
                raise HashesError(f"{path}: it is empty: expected at least one byte")
            for digest in digests_of(fd, size, piece_size):
                digests.append(digest)
                on_progress(min(len(digests) * piece_size, size), size)
            after = os.fstat(fd)
        finally:
            os.close(fd)
    except OSError as error:
        raise HashesError(f"{path}: can't be read: {error.strerror}") from error
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise HashesError(f"{path}: changed while it was hashed: try again when it is at rest")
    return format_hashes(name or path.name, size, piece_size, digests)

"""What an earlier life of a leecher left, and which of it is right (spec 9.2, 9.3).

A file is resumed by its hashes alone: whatever a power cut, a full disk or a stranger did to it, a piece
counts if its content is right, and is fetched again if it isn't. Nothing is removed before that is known.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from typing import TYPE_CHECKING

from peerio import filesystem
from peerio.hashes import FILE_NAME, PieceHashes, digests_of
from peerio.storage import Storage, StorageError, make_way, reserve_space

if TYPE_CHECKING:
    from pathlib import Path

    from core.config import SwarmConfig

Tell = Callable[[str], None]
Progress = Callable[[int, int], None]
"""Told how many pieces are checked, and how many there are."""


def open_resumed(
    folder: Path,
    config: SwarmConfig,
    hashes: PieceHashes | None,
    *,
    warn: Tell,
    progress: Progress,
) -> tuple[Storage, bytes]:
    """A leecher's file, with what an earlier life left of it, and which pieces are right, a byte each.

    Raises StorageError where there is something to resume and no hashes, and as
    `Storage.create_leecher` does. Whatever `progress` raises ends the check.
    """
    final = folder / config.file_name
    part = folder / f"{config.file_name}.part"
    found = [path for path in (final, part) if _is_left(path, part)]
    if not found:
        return Storage.create_leecher(folder, config, warn=warn, hashes=hashes), b""
    if hashes is None:
        raise StorageError(
            f"{found[0]}: can't be resumed without {FILE_NAME}, which tells which pieces are right: "
            f"put it beside Common.cfg (`invoke hash` makes it where the whole file is), or start "
            "without --resume, which discards or moves aside what is here"
        )
    has = {path: _check(path, config, hashes, progress) for path in found}
    if final in has and all(has[final]):
        warn(f"{final}: is here and right, all {config.piece_count} pieces")
        part.unlink(missing_ok=True)
        return Storage.open_seed(folder, config), has[final]
    best = max(found, key=lambda path: has[path].count(1))
    count = has[best].count(1)
    lacking = config.piece_count - count
    if not count or not _is_plain(best):
        warn(f"{best}: nothing of it can be kept: starting with nothing")
        return Storage.create_leecher(folder, config, warn=warn, hashes=hashes), b""
    warn(f"{best}: {count} of {config.piece_count} pieces are right; {lacking} are missing or torn")
    return _continue(best, part, config, hashes, warn), has[best]


def _is_left(path: Path, part: Path) -> bool:
    """Whether a file may be an earlier life's: a `.part` is one of its own, the whole file may be a link."""
    try:
        return _is_plain(path) if path == part else stat.S_ISREG(path.stat().st_mode)
    except OSError:
        return False


def _is_plain(path: Path) -> bool:
    """Whether writing into a file changes nothing but that: it is no link, nor has another name."""
    try:
        found = path.lstat()
    except OSError:
        return False
    return stat.S_ISREG(found.st_mode) and found.st_nlink <= 1


def _check(path: Path, config: SwarmConfig, hashes: PieceHashes, progress: Progress) -> bytes:
    """Which pieces of a file are right, a byte each."""
    has = bytearray()
    try:
        fd = filesystem.open_existing(path)
        try:
            for digest in digests_of(fd, config.file_size, config.piece_size):
                has.append(digest == hashes[len(has)])
                progress(len(has), config.piece_count)
        finally:
            os.close(fd)
    except OSError as error:
        raise StorageError(f"{path}: can't be read: {error.strerror}; remove it") from error
    return bytes(has)


def _continue(
    best: Path, part: Path, config: SwarmConfig, hashes: PieceHashes, warn: Tell
) -> Storage:
    """Open the file that is resumed for writing, as the `.part`; nothing of it is lost on failure."""
    final = part.with_name(config.file_name)
    try:
        if best != part:  # its name says more than is true, as after a power cut
            best.replace(part)
        fd = os.open(part, os.O_RDWR | getattr(os, "O_BINARY", 0))
    except OSError as error:
        raise StorageError(f"{part}: can't be continued: {error.strerror}") from error
    try:
        os.ftruncate(fd, config.file_size)
        reserve_space(fd, part, config.file_size)
        make_way(final, warn)
    except OSError as error:
        os.close(fd)
        raise StorageError(f"{part}: can't be continued: {error.strerror}") from error
    except StorageError:
        os.close(fd)
        raise
    return Storage(fd, part, config, warn=warn, hashes=hashes)

"""Reads logs and traces in blocks of whole lines, plain or gzip'd, in any encoding.

Whatever is in a file, memory stays bounded: a line longer than `LONGEST` is cut to its beginning,
NUL bytes (blocks of them stay behind after a crash) are taken out and told, and a gzip file that
expands beyond all measure is refused.
"""

from __future__ import annotations

import gzip
import os
import stat
import zlib
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, cast

from verifier.reading.config import InputError
from verifier.reading.encodings import as_utf8, decode
from verifier.showing import shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

BLOCK = 1 << 20
LONGEST = 1 << 16
MOST_EXPANDED = 1 << 25
"""Bytes that a gzip file may expand to whatever its own size."""
MOST_RATIO = 60
"""How many times its own size a gzip file may expand to beyond that: logs reach about a third of it."""
_HOLE = bytes(BLOCK)
CRLF = "CRLF line ends"
"""The name of that deviation."""


@dataclass(frozen=True, slots=True)
class Block:
    """Whole lines without a carriage return or NUL; `deviations` tells what was taken out."""

    data: bytes
    deviations: tuple[str, ...] = ()
    truncated: bool = False


def blocks(path: Path) -> Iterator[Block]:
    """The file's lines in order, about a mebibyte at a time; InputError when it can't be read."""
    try:
        with _open(path) as file:
            yield from _assemble(as_utf8(_chunks(path, file)))
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(f"{shown(path)}: can't be read: {reason}") from None


def _open(path: Path) -> IO[bytes]:
    # A pipe without a writer would keep us waiting at `open`.
    descriptor = os.open(
        path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    )
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise InputError(f"{shown(path)}: not a regular file")
    file = os.fdopen(descriptor, "rb")
    zipped = file.read(2) == b"\x1f\x8b"
    file.seek(0)
    return cast("IO[bytes]", gzip.GzipFile(fileobj=file, mode="rb")) if zipped else file


def _chunks(path: Path, file: IO[bytes]) -> Iterator[bytes]:
    """The file's bytes; InputError for a gzip file that expands beyond all measure."""
    limit = None
    if isinstance(file, gzip.GzipFile):
        limit = max(MOST_EXPANDED, MOST_RATIO * path.stat().st_size)
    count = 0
    while chunk := file.read(BLOCK):
        count += len(chunk)
        if limit is not None and count > limit:
            raise InputError(
                f"{shown(path)}: expands to more than {limit >> 20} MiB, {MOST_RATIO} times its own size"
                " or more: it isn't read"
            )
        yield chunk if chunk != _HOLE else b"\0"  # it may go on for gigabytes that no disk holds


def _assemble(chunks: Iterable[tuple[bytes, str]]) -> Iterator[Block]:
    """Join chunks so that each block ends with a line's end."""
    rest = b""
    cutting = False
    returns: bool | None = None
    for chunk, unusual in chunks:
        told = [unusual] if unusual else []
        data = chunk
        if returns is None:  # lines that end with a carriage return alone
            returns = b"\r" in data and b"\n" not in data
        if returns and b"\r" in data:
            data = data.replace(b"\r", b"\n")
            told.append(CRLF)
        if b"\0" in data:
            data = data.translate(None, b"\0")
            told.append("NUL bytes")
        if cutting:
            _, newline, data = data.partition(b"\n")
            if not newline:
                continue
            cutting, data, rest = False, rest + b"\n" + data, b""
        end = data.rfind(b"\n") + 1
        whole, rest = (rest + data[:end], data[end:]) if end else (b"", rest + data)
        if len(rest) > LONGEST:
            cutting, rest = True, rest[:LONGEST]
            told.append(f"a line longer than {LONGEST} bytes")
        yield _clean(whole, told, truncated=False)
    if rest:
        yield _clean(rest + b"\n", [], truncated=not cutting)


def _clean(data: bytes, told: list[str], *, truncated: bool) -> Block:
    if b"\r" in data:
        data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        told.append(CRLF)
    return Block(data, tuple(told), truncated)


def texts(path: Path, wanted: set[int]) -> dict[int, str]:
    """The text of some lines, for showing; lines that aren't there are left out."""
    found: dict[int, str] = {}
    before = 0
    for block in blocks(path):
        count = block.data.count(b"\n")
        inside = [line for line in wanted if before < line <= before + count]
        if inside:
            split = block.data.split(b"\n", max(inside) - before)
            for line in inside:
                found[line] = decode(split[line - before - 1])
        before += count
    return found

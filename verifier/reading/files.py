"""Finds the logs of a run and reads them in blocks of whole lines, plain or gzip'd.

Whatever is in a file, memory stays bounded: a line longer than `LONGEST` is cut to its beginning,
NUL bytes (blocks of them stay behind after a crash) are taken out and told.
"""

from __future__ import annotations

import gzip
import re
import zlib
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, cast

from verifier.reading.config import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

BLOCK = 1 << 20
LONGEST = 1 << 16
DEPTH = 3
NAME = re.compile(r"log_peer_(\d{1,18})\.log(?:\.(\d{1,6}))?(\.gz)?")


@dataclass(frozen=True, slots=True)
class LogFile:
    """One log: `generation` is 0 for the current one, else the N of `log_peer_ID.log.N`."""

    path: Path
    label: str
    peer_id: int
    generation: int
    size: int


@dataclass(frozen=True, slots=True)
class Block:
    """Whole lines without a carriage return or NUL; `deviations` tells what was taken out."""

    data: bytes
    deviations: tuple[str, ...] = ()
    truncated: bool = False


def _candidates(folder: Path, depth: int) -> Iterator[tuple[int, Path]]:
    """Files that are named like logs, with how deep they lie."""
    for path in sorted(folder.iterdir()):
        if path.is_dir() and depth < DEPTH:
            try:
                yield from _candidates(path, depth + 1)
            except OSError:
                continue
        elif NAME.fullmatch(path.name):
            yield depth, path


def find_logs(folder: Path) -> list[LogFile]:
    """The logs in a folder, or in its subfolders; InputError when there is no usable set."""
    try:
        found = list(_candidates(folder, 0))
    except FileNotFoundError:
        raise InputError(f"{folder}: no such folder") from None
    except NotADirectoryError:
        raise InputError(f"{folder}: not a folder; name the folder that holds the logs") from None
    except OSError as error:
        raise InputError(f"{folder}: can't be read: {error.strerror or error}") from None
    if any(depth == 0 for depth, _ in found):
        found = [(depth, path) for depth, path in found if depth == 0]
    logs: dict[tuple[int, int], LogFile] = {}
    for _, path in found:
        match = NAME.fullmatch(path.name)
        assert match is not None
        key = (int(match[1]), int(match[2] or 0))
        label = path.relative_to(folder).as_posix()
        if key in logs:
            raise InputError(
                f"{folder}: {logs[key].label} and {label} are both of peer {key[0]};"
                " name the folder of one run"
            )
        logs[key] = LogFile(path, label, *key, path.stat().st_size)
    if not logs:
        raise InputError(
            f"{folder}: no log_peer_[id].log in it; name the folder that holds the logs"
        )
    return [logs[key] for key in sorted(logs)]


def _open(path: Path) -> IO[bytes]:
    with path.open("rb") as file:
        zipped = file.read(2) == b"\x1f\x8b"
    return cast("IO[bytes]", gzip.open(path, "rb")) if zipped else path.open("rb")


def blocks(path: Path) -> Iterator[Block]:
    """The file's lines in order, about a mebibyte at a time; InputError when it can't be read."""
    try:
        with _open(path) as file:
            yield from _assemble(iter(lambda: file.read(BLOCK), b""))
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(f"{path}: can't be read: {reason}") from None


def _assemble(chunks: Iterable[bytes]) -> Iterator[Block]:
    """Join chunks so that each block ends with a line's end."""
    rest = b""
    cutting = False
    for chunk in chunks:
        told: list[str] = []
        data = chunk
        if b"\0" in data:
            data = data.replace(b"\0", b"")
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
        told.append("CRLF line ends")
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
                found[line] = split[line - before - 1].decode("utf-8", "replace")
        before += count
    return found

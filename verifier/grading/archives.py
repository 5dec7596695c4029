"""Unpacks a submission, a folder or an archive, into a folder of ours.

Only regular files are ever made, each new, readable by us alone, below that folder; no link is made, so
none can lead outside. What is taken is decided before (see `members`).
"""

from __future__ import annotations

import gzip
import io
import os
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import IO, Protocol, cast

from verifier.grading.members import (
    LAYERS,
    MOST_BYTES,
    MOST_MEMBERS,
    MOST_PARTS,
    Budget,
    Kind,
    Member,
    Refused,
    is_archive,
    is_foreign,
    is_peers,
    plan,
)
from verifier.showing import shown

CHUNK = 1 << 20
LARGEST_READ = 1 << 24
"""Bytes that a library may ask for in one go: a directory of 50,000 members has less."""
MOST_EXPANDED = 4 * MOST_BYTES
"""Bytes of a gzip'd tar that are gone through, taken or not."""
CUT = "the archive is cut: what lies behind the cut is missing"
"""What is remarked of one, before all else."""
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
BROKEN = (OSError, EOFError, zlib.error, zipfile.BadZipFile, tarfile.TarError, ValueError)
"""What the libraries raise for archives that are damaged or made up, RuntimeErrors besides."""


class Source(Protocol):
    """A folder or an archive that is open."""

    @property
    def packed(self) -> int | None:
        """The archive's own size in bytes; None for a folder."""

    def members(self) -> Iterator[Member]:
        """All entries in order; Refused when there is no end of them."""

    def open(self, member: Member) -> IO[bytes]:
        """The content of a file."""

    def close(self) -> None:
        """Give back what it holds."""


class Careful(io.RawIOBase):
    """A file of which no library reads too much at once, or goes too far."""

    def __init__(self, file: IO[bytes], most: int) -> None:
        self._file = file
        self._most = most

    def read(self, size: int = -1) -> bytes:
        """As of any file; Refused for more than a directory or a header can need."""
        if self._file.tell() > self._most:
            raise Refused(f"expands to more than {self._most >> 20:,} MiB: not unpacked")
        data = self._file.read(min(size, LARGEST_READ + 1) if size >= 0 else LARGEST_READ + 1)
        if len(data) > LARGEST_READ:
            raise Refused(
                f"its list of members, or the head of one, is larger than {LARGEST_READ >> 20} MiB:"
                " not unpacked"
            )
        return data

    def seek(self, offset: int, whence: int = 0) -> int:
        """As of any file; Refused beyond the limit, as a gzip file is read through to get there."""
        if offset > self._most:
            raise Refused(f"expands to more than {self._most >> 20:,} MiB: not unpacked")
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """As of any file."""
        return self._file.tell()

    def readable(self) -> bool:
        """It can be read."""
        return True

    def seekable(self) -> bool:
        """It can be moved about in."""
        return True

    def close(self) -> None:
        """Close the file, too."""
        self._file.close()
        super().close()


class Folder:
    """A folder as it lies there; links are told, never followed."""

    packed: int | None = None

    def __init__(self, path: Path) -> None:
        self._path = path

    def members(self) -> Iterator[Member]:
        """All entries below it, nearest first."""
        waiting = [(self._path, "", 0)]
        while waiting:
            place, prefix, level = waiting.pop(0)
            try:
                with os.scandir(place) as scan:  # no more than is too many
                    entries = sorted(islice(scan, MOST_MEMBERS + 1), key=lambda one: one.name)
            except OSError:
                if not level:
                    raise
                yield Member(prefix, 0, Kind.CLOSED)
                continue
            for entry in entries:
                found = entry.stat(follow_symlinks=False)
                kind, name = _kind(found.st_mode), f"{prefix}{entry.name}"
                if kind is Kind.FOLDER and level < MOST_PARTS and not entry.name.startswith("."):
                    waiting.append((Path(entry.path), f"{name}/", level + 1))
                yield Member(name, found.st_size, kind, Path(entry.path))

    def open(self, member: Member) -> IO[bytes]:
        """A file that is still a regular one."""
        assert isinstance(member.key, Path)
        flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
        descriptor = os.open(member.key, flags)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise OSError("it is no regular file any more")
        return os.fdopen(descriptor, "rb")

    def close(self) -> None:
        """Nothing is held."""


class Zip:
    """A zip archive."""

    def __init__(self, path: Path) -> None:
        size = path.stat().st_size
        self.packed: int | None = size
        careful = Careful(path.open("rb"), size)
        try:
            self._zip = zipfile.ZipFile(cast("IO[bytes]", careful))
        except zipfile.BadZipFile:
            careful.close()
            raise Refused(
                "the list of members at its end is missing: it is cut, or no zip"
            ) from None
        except BaseException:
            careful.close()
            raise
        self._careful = careful

    def members(self) -> Iterator[Member]:
        """As its directory tells."""
        for info in self._zip.infolist():
            mode = info.external_attr >> 16
            kind = Kind.FOLDER if info.is_dir() else _kind(mode) if stat.S_IFMT(mode) else Kind.FILE
            if kind is Kind.FILE and info.flag_bits & 1:
                kind = Kind.LOCKED
            elif kind is Kind.FILE and info.compress_type not in METHODS:
                kind = Kind.UNREADABLE
            yield Member(info.filename, info.file_size, kind, info)

    def open(self, member: Member) -> IO[bytes]:
        """Expanded as it is read, to no more than the directory tells."""
        assert isinstance(member.key, zipfile.ZipInfo)
        return self._zip.open(member.key)

    def close(self) -> None:
        """Close the file."""
        self._zip.close()
        self._careful.close()


class Tar:
    """A tar archive, gzip'd or not; `cut` tells that it ended before its end."""

    def __init__(self, path: Path, *, zipped: bool) -> None:
        size = path.stat().st_size
        self.packed: int | None = size
        self.cut = False
        inner = cast("IO[bytes]", gzip.GzipFile(path, "rb") if zipped else path.open("rb"))
        self._careful = Careful(inner, MOST_EXPANDED if zipped else size)
        try:
            self._tar = tarfile.TarFile(fileobj=cast("IO[bytes]", self._careful))
        except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile):
            self._careful.close()
            raise Refused(
                "it is no zip, tar, tar.gz or tgz, or is damaged at its beginning"
            ) from None
        except BaseException:
            self._careful.close()
            raise

    def members(self) -> Iterator[Member]:
        """As its headers tell, one after the other."""
        while True:
            try:
                info = self._tar.next()
            except (EOFError, tarfile.ReadError, zlib.error):
                self.cut = True
                return
            if info is None:
                return
            if info.size < 0:
                raise Refused("a member's size is negative: not unpacked")
            self._tar.members = []  # type: ignore[attr-defined]  # or it would keep them all
            kind = Kind.FOLDER if info.isdir() else Kind.FILE if info.isreg() else Kind.SPECIAL
            if info.issym() or info.islnk():
                kind = Kind.LINK
            yield Member(info.name, info.size, kind, info)

    def open(self, member: Member) -> IO[bytes]:
        """From its place in the tar."""
        assert isinstance(member.key, tarfile.TarInfo)
        found = self._tar.extractfile(member.key)
        assert found is not None, "it is a regular file"
        return found

    def close(self) -> None:
        """Close the file."""
        self._tar.close()
        self._careful.close()


def _kind(mode: int) -> Kind:
    if stat.S_ISDIR(mode):
        return Kind.FOLDER
    if stat.S_ISLNK(mode):
        return Kind.LINK
    return Kind.FILE if stat.S_ISREG(mode) else Kind.SPECIAL


def _opened(path: Path) -> Source:
    """A folder or archive, by what it is and not by its name; Refused for anything else."""
    if path.is_dir():
        return Folder(path)
    with path.open("rb") as file:
        begin = file.read(4)
    if begin[:2] == b"\x1f\x8b":
        return Tar(path, zipped=True)
    if begin[:2] == b"PK" or zipfile.is_zipfile(path):
        return Zip(path)
    return Tar(path, zipped=False)


def unpack(path: Path, target: Path, budget: Budget, layers: int = LAYERS) -> list[str]:
    """Put what is read of a submission into a new folder; what there is to remark.

    Refused, with the reason, when nothing of it can be taken; archives inside that can't are remarks.
    """
    target.mkdir(parents=True)
    try:
        with closing(_opened(path)) as source:
            remarks = _take(source, target, budget)
    except Refused as error:
        raise Refused(f"{shown(path.name)}: {error}") from None
    except (*BROKEN, RuntimeError, NotImplementedError) as error:
        told = getattr(error, "strerror", None) or shown(error) or type(error).__name__
        raise Refused(
            f"{shown(path.name)}: can't be {'unpacked' if path.is_file() else 'read'}: {told}"
        ) from None
    inner = layers - path.is_file()
    for place in [path for path in sorted(target.rglob("*")) if path.is_file()]:
        label = place.relative_to(target)
        if is_archive(place.name) and not is_peers(label.parts):
            remarks += _unpack_inner(place, label.as_posix(), budget, inner)
        elif is_foreign(place.name):
            remarks.append(
                f"{shown(place.name)} isn't unpacked: expected a zip, tar, tar.gz or tgz"
            )
    return remarks


def _unpack_inner(path: Path, label: str, budget: Budget, layers: int) -> list[str]:
    """Unpack an archive that lay in another, into a folder of its name, and remove it."""
    if not layers:
        return [f"{shown(label)} isn't unpacked: it lies in an archive in an archive"]
    target = path.with_name(f"{path.name}.unpacked")
    try:
        return unpack(path, target, budget, layers)
    except Refused as error:
        shutil.rmtree(target, ignore_errors=True)
        return [str(error)]
    finally:
        path.unlink()


def _take(source: Source, target: Path, budget: Budget) -> list[str]:
    """Write what is taken of an archive or folder; what there is to remark."""
    members = []
    for member in source.members():
        members.append(member)
        if len(members) > MOST_MEMBERS:
            raise Refused(f"more than {MOST_MEMBERS:,} members: nothing of it is unpacked")
    decided = plan(members, source.packed, budget)
    remarks = decided.remarks
    for name, member in decided.taken.items():
        try:
            with source.open(member) as content:
                _write(target / name, content, member.size)
        except (*BROKEN, RuntimeError) as error:
            told = getattr(error, "strerror", None) or shown(error) or type(error).__name__
            remarks.append(f"left out ({told}): {shown(name)}")
    if getattr(source, "cut", False):
        remarks.insert(0, CUT)
    return remarks


def _write(path: Path, content: IO[bytes], size: int) -> None:
    """Write a new file of at most so many bytes; a file that can't be read to its end isn't kept."""
    path.parent.mkdir(parents=True, exist_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
    with os.fdopen(os.open(path, flags, 0o600), "wb") as file:
        try:
            left = size
            while left > 0 and (chunk := content.read(min(CHUNK, left))):
                file.write(chunk)
                left -= len(chunk)
            if left:
                raise EOFError("its end is missing")
        except BaseException:
            path.unlink()
            raise

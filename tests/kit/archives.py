"""Archives for the tests of grading: of good runs, and such that mean harm."""

from __future__ import annotations

import gzip
import io
import os
import stat
import struct
import tarfile
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

from verifier.grading import members

Maker = Callable[[Path, Path], None]
"""Makes an archive at a path, of the run in a folder."""
HOSTILE: dict[str, Maker] = {}
"""Each archive that means harm, by a name that ends as its archive's."""


def zip_folder(path: Path, folder: Path, *, prefix: str = "") -> None:
    """A zip of all files below a folder."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                archive.write(file, prefix + file.relative_to(folder).as_posix())


def tar_folder(path: Path, folder: Path, *, mode: str = "w:gz") -> None:
    """A tar, gzip'd by default, of a folder."""
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]  # any mode
        archive.add(folder, ".")


def hostile(name: str) -> Callable[[Maker], Maker]:
    """Register a maker under the archive's name."""

    def register(maker: Maker) -> Maker:
        HOSTILE[name] = maker
        return maker

    return register


def _zip_besides(path: Path, run: Path, *names: str, content: bytes = b"owned\n") -> None:
    """A good run with members of these names besides."""
    zip_folder(path, run)
    with zipfile.ZipFile(path, "a") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the same name twice
        for name in names:
            archive.writestr(name, content)


def _tar_besides(path: Path, run: Path, *infos: tarfile.TarInfo) -> None:
    """A good run with these members besides."""
    with tarfile.open(path, "w:gz") as archive:
        archive.add(run, ".")
        for info in infos:
            archive.addfile(info, io.BytesIO(bytes(info.size)) if info.size else None)


def info(
    name: str, kind: bytes = tarfile.REGTYPE, link: str = "", size: int = 0
) -> tarfile.TarInfo:
    """A member of a tar."""
    made = tarfile.TarInfo(name)
    made.type, made.linkname, made.size = kind, link, size
    return made


@hostile("climbs.zip")
def climbs(path: Path, run: Path) -> None:
    """Names that climb out, one of them with another system's separators."""
    _zip_besides(path, run, "../owned.log", "a/../../owned.cfg", "..\\..\\owned.txt")


@hostile("absolute.tar.gz")
def absolute(path: Path, run: Path) -> None:
    """Absolute names, one with a drive."""
    names = (f"{path.parent}/owned.log", "C:\\owned.log", "//owned.txt")
    _tar_besides(path, run, *(info(name, size=4) for name in names))


@hostile("links.tar.gz")
def links(path: Path, run: Path) -> None:
    """A link to a folder outside and a file through it, and links to files outside."""
    _tar_besides(
        path,
        run,
        info("out", tarfile.SYMTYPE, str(path.parent)),
        info("out/owned.log", size=4),
        info("log_peer_1006.log", tarfile.SYMTYPE, "/etc/passwd"),
        info("log_peer_1007.log", tarfile.LNKTYPE, "/etc/passwd"),
    )


@hostile("zip-link.zip")
def zip_link(path: Path, run: Path) -> None:
    """A member of a zip that says that it is a link."""
    zip_folder(path, run)
    with zipfile.ZipFile(path, "a") as archive:
        made = zipfile.ZipInfo("log_peer_1006.log")
        made.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(made, "/etc/passwd")


@hostile("devices.tar")
def devices(path: Path, run: Path) -> None:
    """A pipe and a device under the names of logs, at which a reader would wait for ever."""
    with tarfile.open(path, "w") as archive:
        archive.add(run, ".")
        archive.addfile(info("log_peer_1006.log", tarfile.FIFOTYPE))
        archive.addfile(info("log_peer_1007.log", tarfile.CHRTYPE))


@hostile("case.zip")
def case(path: Path, run: Path) -> None:
    """A name that differs from another in case only, the same name twice, and a file as a folder."""
    _zip_besides(path, run, "LOG_PEER_1001.log", "log_peer_1002.log", "log_peer_1003.log/x.log")


@hostile("million.zip")
def million(path: Path, _run: Path) -> None:
    """A directory of a million members, all of the same empty content."""
    count = 10**6
    head = struct.pack("<4s5H3L2H", b"PK\3\4", 20, 0, 0, 0, 0, 0, 0, 0, 1, 0) + b"a"
    entry = struct.pack("<4s6H3L5H2L", b"PK\1\2", 20, 20, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0)
    directory = (entry + b"a") * count
    end64 = struct.pack(
        "<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, count, count, len(directory), len(head)
    )
    locator = struct.pack("<4sLQL", b"PK\6\7", 0, len(head) + len(directory), 1)
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    path.write_bytes(head + directory + end64 + locator + end)


@hostile("million.tar.gz")
def million_of_tar(path: Path, _run: Path) -> None:
    """A million empty members, 512 bytes each, which gzip makes small."""
    block = info("a.log").tobuf()
    with gzip.open(path, "wb", compresslevel=1) as file:
        for _ in range(1000):
            file.write(block * 1000)
        file.write(bytes(1024))


@hostile("bomb.zip")
def bomb(path: Path, run: Path) -> None:
    """A good run, and logs besides that expand to gigabytes."""
    zip_folder(path, run)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        for number in range(2):
            with archive.open(f"bomb{number}.log", "w") as file:
                for _ in range(members.FREE // (1 << 22)):
                    file.write(bytes(1 << 22))


@hostile("bomb.tar.gz")
def bomb_of_tar(path: Path, run: Path) -> None:
    """A member of 8 GiB that is declared, and begins."""
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(info("bomb.log", size=8 << 30).tobuf())
        for _ in range(64):
            file.write(bytes(1 << 20))


@hostile("header.tar.gz")
def header(path: Path, _run: Path) -> None:
    """A header of extensions that claims a gigabyte, which a reader would hold in memory."""
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(info("x", tarfile.XHDTYPE, size=1 << 30).tobuf())
        for _ in range(64):
            file.write(bytes(1 << 20))


@hostile("lies.zip")
def lies(path: Path, run: Path) -> None:
    """A log whose size in the directory isn't that of its content."""
    zip_folder(path, run)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("notes.log", bytes(1 << 20))
    data = bytearray(path.read_bytes())
    at = data.rindex(b"PK\1\2")
    data[at + 24 : at + 28] = struct.pack("<L", 100)
    path.write_bytes(bytes(data))


@hostile("locked.zip")
def locked(path: Path, run: Path) -> None:
    """A member that says that it is encrypted."""
    zip_folder(path, run)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("secret.log", "x")
    data = bytearray(path.read_bytes())
    at = data.rindex(b"PK\1\2")
    data[at + 8] |= 1
    path.write_bytes(bytes(data))


@hostile("nested.zip")
def nested(path: Path, run: Path) -> None:
    """A good run, and a zip in a zip in a zip."""
    inner = io.BytesIO()
    for depth in range(3):
        outer = io.BytesIO()
        with zipfile.ZipFile(outer, "w") as archive:
            archive.writestr(f"inner{depth}.zip" if depth else "x.log", inner.getvalue() or "x")
        inner = outer
    zip_folder(path, run)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("deep.zip", inner.getvalue())


@hostile("names.tar.gz")
def names(path: Path, run: Path) -> None:
    """Names with characters that steer a terminal, too long ones, and folders without end."""
    _tar_besides(
        path,
        run,
        info("\x1b[2Jlog_peer_1006\n.log", size=4),
        info("x" * 300 + ".log", size=4),
        info("a/" * 100 + "x.log", size=4),
    )


@hostile("no-archive.zip")
def no_archive(path: Path, _run: Path) -> None:
    """A text that is named as an archive."""
    path.write_text("my submission is on my laptop\n")


@hostile("cut.tar.gz")
def cut(path: Path, run: Path) -> None:
    """An archive whose second half never came."""
    tar_folder(path, run)
    os.truncate(path, path.stat().st_size // 2)


@hostile("cut.zip")
def cut_zip(path: Path, run: Path) -> None:
    """A zip whose second half never came, and so has no directory."""
    zip_folder(path, run)
    os.truncate(path, path.stat().st_size // 2)


@hostile("empty.zip")
def empty(path: Path, _run: Path) -> None:
    """A zip with nothing in it."""
    with zipfile.ZipFile(path, "w"):
        pass


@hostile("sparse.tar.gz")
def sparse(path: Path, run: Path) -> None:
    """A member whose size is negative, with which old libraries go round and round."""
    made = info("log_peer_1006.log")
    buffer = bytearray(made.tobuf())
    buffer[124:136] = b"\xff" * 10 + b"\xfc\x00"
    buffer[148:156] = b" " * 8
    buffer[148:156] = b"%06o\0 " % sum(buffer)
    with gzip.open(path, "wb") as file:
        file.write(bytes(buffer) + bytes(1024))

"""What storage needs of the operating system, with one portable way where a system lacks its own.

Which way is taken is decided here, once, at import (design 4.6): Windows has neither `sendfile`,
`pwrite` nor `posix_fallocate`, and can't rename an open file; macOS has no `posix_fallocate`.
All functions raise plain OSError; what that means for a peer is said in `peerio.storage`.
"""

from __future__ import annotations

import errno
import os
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import socket
    from pathlib import Path

_BINARY = getattr(os, "O_BINARY", 0)  # Windows would translate line ends otherwise
_COPIED_AT_ONCE = 65_536

# How a file system says that it can't reserve space by itself.
_CANNOT_RESERVE = {errno.EOPNOTSUPP, errno.ENOTSUP, errno.EINVAL, errno.ENOSYS}
# How a file system says that it can't sync a folder, or needn't.
_CANNOT_SYNC_FOLDER = {errno.EOPNOTSUPP, errno.ENOTSUP, errno.EINVAL}


def _pwrite_by_seek(fd: int, data: memoryview | bytes, offset: int) -> int:
    os.lseek(fd, offset, os.SEEK_SET)
    return os.write(fd, data)


def _pread_by_seek(fd: int, count: int, offset: int) -> bytes:
    os.lseek(fd, offset, os.SEEK_SET)
    return os.read(fd, count)


pwrite = os.pwrite if hasattr(os, "pwrite") else _pwrite_by_seek
pread = os.pread if hasattr(os, "pread") else _pread_by_seek
sendfile = os.sendfile if hasattr(os, "sendfile") else None
posix_fallocate = os.posix_fallocate if hasattr(os, "posix_fallocate") else None
can_open_folders = hasattr(os, "O_DIRECTORY")
can_rename_open_files = os.name == "posix"


def open_existing(path: Path) -> int:
    """Opens a file for reading only and returns its descriptor."""
    return os.open(path, os.O_RDONLY | _BINARY)


def create(path: Path) -> int:
    """Makes a new empty file for reading and writing and returns its descriptor.

    Raises FileExistsError rather than open what is there, be it a symbolic link.
    """
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | _BINARY, 0o666)


def open_log(path: Path) -> int:
    """Creates a file to which all writes append; it must not exist."""
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | _BINARY, 0o644)


def write_all(fd: int, data: memoryview | bytes, offset: int) -> None:
    """Writes all of `data` at `offset`, mostly in one call."""
    written = pwrite(fd, data, offset)
    while written < len(data):
        # A disk that fills up cuts a write short first; the next one says why.
        count = pwrite(fd, memoryview(data)[written:], offset + written)
        if count == 0:
            raise OSError(errno.EIO, "The system takes no more bytes and gives no reason")
        written += count


def send_copy(sock: socket.socket, fd: int, offset: int, count: int) -> tuple[int, OSError | None]:
    """Sends from a file by way of memory: the portable `sendfile`.

    Returns the bytes sent and None; or 0 and what was wrong with the file (None: it ends before
    `offset`). An OSError that is raised is the socket's. `count` is at least 1.
    """
    try:
        data = pread(fd, min(count, _COPIED_AT_ONCE), offset)
    except OSError as error:
        return 0, error
    return (sock.send(data) if data else 0), None


def is_same_file(fd: int, path: Path) -> bool:
    """Whether the open file is (still) the one of that path."""
    try:
        return os.path.samestat(os.fstat(fd), os.lstat(path))
    except OSError:
        return False


def free_bytes(folder: Path) -> int | None:
    """The bytes that are free for new files in `folder`; None where the system can't say."""
    import shutil  # noqa: PLC0415 -- it loads all that compresses, for a disk that is full

    try:
        usage = shutil.disk_usage(folder)
    except OSError:
        return None
    return usage.free if usage.total else None  # some file systems give zeros for "unknown"


def reserve(fd: int, size: int, folder: Path) -> None:
    """Gives the new file in `folder` its size and makes sure of the space for it (design 4.5).

    Where neither system nor file system can reserve space, a look at what is free must do.
    """
    if posix_fallocate is not None:
        try:
            posix_fallocate(fd, 0, size)
        except OSError as error:
            if error.errno not in _CANNOT_RESERVE:
                raise
        else:
            return
    free = free_bytes(folder)
    if free is not None and free < size:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    os.ftruncate(fd, size)


def next_free_number(*paths: Path) -> int:
    """The number under which all of `paths`, files of one folder, can be moved aside together.

    It is above every number in use, so that `.1` is the oldest also when some were deleted.
    """
    folder = paths[0].parent
    names = "|".join(re.escape(path.name) for path in paths)
    pattern = re.compile(rf"(?:{names})\.([1-9][0-9]*)")
    taken = (pattern.fullmatch(entry.name) for entry in folder.iterdir())
    return max((int(match[1]) for match in taken if match), default=0) + 1


def move_aside(path: Path, number: int | None = None) -> Path:
    """Renames `path` to a number, by default the next free one; returns the new path."""
    aside = path.with_name(f"{path.name}.{number or next_free_number(path)}")
    path.rename(aside)
    return aside


def rename_open(fd: int, source: Path, target: Path) -> None:
    """Renames the file `source`, which is open as `fd` and stays so, also when this fails."""
    if can_rename_open_files:
        source.rename(target)
        return
    os.close(fd)
    now = source
    try:
        source.rename(target)
        now = target
    finally:
        reopened = os.open(now, os.O_RDWR | _BINARY)
        if reopened != fd:
            os.dup2(reopened, fd, inheritable=False)
            os.close(reopened)


def sync(fd: int, folder: Path) -> None:
    """Waits until the file, and its name in `folder`, are on the disk."""
    os.fsync(fd)
    if not can_open_folders:
        return
    folder_fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder_fd)
    except OSError as error:
        if error.errno not in _CANNOT_SYNC_FOLDER:
            raise
    finally:
        os.close(folder_fd)

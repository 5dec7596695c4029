"""One peer's copy of the file on disk (spec 9, design 4.2 to 4.6).

A seed's file is opened read only, through symbolic links too, and never touched. A leecher
writes into `[FileName].part`, whose space is reserved before anything else happens; pieces go
from a socket into it by `pwrite` and out of it by `sendfile`. No mmap: a full disk would kill the
process with SIGBUS. What the operating system lacks is `peerio.filesystem`'s business.

Nothing that anybody may want is lost when a leecher can't start. In this order:
1. the folder is made;
2. a `.part` of an earlier run is discarded: worthless by spec 9.2, and its space counts;
3. a new `.part` is made, and its space reserved;
4. only now a file with the real name is moved aside, which needs no space.
A failure in 3 or 4 removes the new `.part` again.
"""

from __future__ import annotations

import contextlib
import os
import stat
import threading
from typing import TYPE_CHECKING

from peerio import filesystem

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable
    from hashlib import _Hash
    from pathlib import Path

    from core.config import SwarmConfig
    from peerio.hashes import PieceHashes

_ZEROS = 1 << 20
"""Bytes that are overwritten at once."""


class StorageError(Exception):
    """The file can't be opened, read, written or kept; `str()` is the whole message."""


class Storage:
    """The open file of one peer. All methods belong to the network thread.

    `fd` is the file's descriptor, -1 once closed, so that a late write fails instead of going
    into whatever was opened under the same number since.
    """

    def __init__(
        self,
        fd: int,
        path: Path,
        config: SwarmConfig,
        *,
        warn: Callable[[str], None] | None = None,
        hashes: PieceHashes | None = None,
    ) -> None:
        """For the class methods; only a leecher has something to warn of, and hashes to check."""
        self.fd = fd
        self.path = path
        self._config = config
        self._warn = warn
        self._hashes = hashes
        self._writable = warn is not None
        # A few file systems say 0 of every file.
        self._links = min(os.fstat(fd).st_nlink, 1)
        self._is_complete = False
        self._sync: threading.Thread | None = None
        self._sync_error: OSError | None = None

    @classmethod
    def open_seed(cls, folder: Path, config: SwarmConfig) -> Storage:
        """Opens the complete file that a seed shares, read only (spec 9.1).

        Raises StorageError when it is missing, not a regular file, of another size than FileSize,
        or unreadable.
        """
        path = folder / config.file_name
        expected = (
            f"expected the complete file of {config.file_size} bytes, "
            "since PeerInfo.cfg says that this peer has it"
        )
        try:
            # Before opening, because opening a named pipe would wait for its other end.
            if not stat.S_ISREG(path.stat().st_mode):
                raise StorageError(f"{path}: not a regular file: {expected}")
            fd = filesystem.open_existing(path)
        except FileNotFoundError as error:
            raise StorageError(
                f"{path}: not found: {expected}; put it there, or write 0 at the end of its line"
            ) from error
        except OSError as error:
            raise StorageError(f"{path}: can't be read: {error.strerror}: {expected}") from error
        size = os.fstat(fd).st_size
        if size != config.file_size:
            os.close(fd)
            raise StorageError(
                f"{path}: has {size} bytes: {expected}; "
                "use the right file, or correct FileSize in Common.cfg"
            )
        return cls(fd, path, config)

    @classmethod
    def create_leecher(
        cls,
        folder: Path,
        config: SwarmConfig,
        *,
        warn: Callable[[str], None],
        hashes: PieceHashes | None = None,
    ) -> Storage:
        """Makes the empty `.part` in `folder` and reserves its space (spec 9.2, design 4.5).

        What lay there goes as the module's text says; `warn` is told where a file was moved to.
        With `hashes` each piece that is written is checked (spec 9.3).
        Raises StorageError, with needed and free bytes when the space can't be reserved.
        """
        path = folder / config.file_name
        part = folder / f"{config.file_name}.part"
        try:
            folder.mkdir(exist_ok=True)
        except OSError as error:
            raise StorageError(f"{folder}: can't make this folder: {error.strerror}") from error
        try:
            if os.path.lexists(part):
                part.unlink()
        except OSError as error:
            raise StorageError(
                f"{part}: can't discard what an earlier run left: {error.strerror}; remove it"
            ) from error
        fd = _create_reserved(part, config.file_size)
        try:
            make_way(path, warn)
        except StorageError:
            _remove(fd, part)
            raise
        return cls(fd, part, config, warn=warn, hashes=hashes)

    def sink(self, index: int, *, digest: bool = False) -> PieceSink:
        """Where the content of one piece goes; `digest` asks for a hash of it (docs/trace.md).

        A piece that is complete must not be written again: pages on their way out of `sendfile`
        are the file's own (design 4.4).
        """
        assert self._writable, "a complete file is never written"
        assert 0 <= index < self._config.piece_count
        start = index * self._config.piece_size
        expected = None if self._hashes is None else self._hashes[index]
        end = start + self._config.piece_length(index)
        return PieceSink(self, start, end, digest=digest, expected=expected)

    def erase(self, index: int) -> None:
        """Overwrites a piece that was written and is wrong with zeros (spec 9.3).

        Raises StorageError when it can't be.
        """
        sink = self.sink(index)
        left = self._config.piece_length(index)
        while left:
            part = bytes(min(left, _ZEROS))
            sink.write(part)
            left -= len(part)

    def send_piece(self, sock: socket.socket, index: int, offset: int, count: int) -> int:
        """Hands at most `count` bytes (1 or more) of a piece, from its byte `offset` on, to `sock`.

        Returns how many it took. Raises the socket's own OSError (BlockingIOError when it takes
        nothing now), and StorageError when the file shrank or can't be read (design 4.3).
        """
        start = index * self._config.piece_size + offset
        if filesystem.sendfile is None:
            return self._send_copy(sock, start, count)
        try:
            sent = filesystem.sendfile(sock.fileno(), self.fd, start, count)
        except (BlockingIOError, ConnectionError):
            raise
        except OSError:
            # The file's error, or the socket's, or a file system without sendfile: copying tells.
            return self._send_copy(sock, start, count)
        if sent == 0:
            raise self._shrunken(start)
        return sent

    def _send_copy(self, sock: socket.socket, start: int, count: int) -> int:
        sent, error = filesystem.send_copy(sock, self.fd, start, count)
        if error is not None:
            raise StorageError(
                f"{self.path}: can't read at byte {start}: {error.strerror}"
            ) from error
        if sent == 0:
            raise self._shrunken(start)
        return sent

    def _shrunken(self, start: int) -> StorageError:
        return StorageError(
            f"{self.path}: ends before byte {start}: expected {self._config.file_size} bytes, "
            "as there were when it was opened; the file must not change while it is shared"
        )

    def complete(self) -> None:
        """Gives the complete file its real name at once; a helper thread syncs it (design 4.5a).

        Call it once, when every piece is written. A file that was put under the real name
        meanwhile is moved aside with a warning. Raises StorageError when renaming fails; the
        content can still be sent then.
        """
        assert self._warn is not None, "only a leecher's file becomes complete"
        self._writable = False
        self.check_kept()
        final = self.path.with_name(self._config.file_name)
        make_way(final, self._warn)
        try:
            filesystem.rename_open(self.fd, self.path, final)
        except OSError as error:
            raise StorageError(
                f"{self.path}: can't be renamed to {final.name}: {error.strerror}; "
                "it is complete: rename it by hand"
            ) from error
        self.path = final
        self._is_complete = True
        # A daemon: whoever interrupts the peer a second time doesn't wait for the disk.
        sync = threading.Thread(target=self._run_sync, args=(self.fd,), name="sync", daemon=True)
        with contextlib.suppress(RuntimeError):  # no thread to be had: `close` syncs
            sync.start()
            self._sync = sync

    def check_kept(self) -> None:
        """Raises StorageError if somebody removed, replaced or cut the file that is being written.

        Called with each write, so that the last piece can't make a file that was cut look whole.
        """
        found = os.fstat(self.fd)
        if found.st_size != self._config.file_size:
            raise StorageError(
                f"{self.path}: has {found.st_size} bytes: expected {self._config.file_size}, which "
                "were reserved; something else changed it while this peer wrote it"
            )
        if found.st_nlink < self._links or (
            not self._writable and not filesystem.is_same_file(self.fd, self.path)
        ):
            raise StorageError(f"{self.path}: was removed, moved or replaced while this peer ran")

    def _run_sync(self, fd: int) -> None:
        try:
            filesystem.sync(fd, self.path.parent)
        except OSError as error:
            self._sync_error = error

    def close(self) -> None:
        """Waits until a complete file is on the disk, then closes it; a second call does nothing.

        Raises StorageError when the file could not be synced (it may not survive a power cut), and
        when a leecher's isn't any more what and where it was written.
        """
        if self.fd < 0:
            return
        if self._sync is not None:
            while self._sync.is_alive():  # see Networking.join
                self._sync.join(1.0)
        elif self._is_complete:
            self._run_sync(self.fd)
        try:
            if self._warn is not None:
                self.check_kept()
        finally:
            fd, self.fd = self.fd, -1
            os.close(fd)
        if self._sync_error is not None:
            raise StorageError(
                f"{self.path}: can't be synced to the disk: {self._sync_error.strerror}; "
                "check the disk, and the file before using it"
            ) from self._sync_error


class PieceSink:
    """Takes the content of one piece, front to back, into the file."""

    __slots__ = ("_digest", "_end", "_expected", "_hash", "_position", "_storage")

    def __init__(
        self,
        storage: Storage,
        start: int,
        end: int,
        *,
        digest: bool,
        expected: bytes | None = None,
    ) -> None:
        self._storage = storage
        self._position = start
        self._end = end
        self._expected = expected
        self._digest = digest
        self._hash: _Hash | None = None
        if digest or expected is not None:
            from hashlib import sha256  # noqa: PLC0415 -- OpenSSL, which few peers need

            self._hash = sha256()

    def write(self, data: memoryview | bytes) -> None:
        """Writes the next bytes of the piece, never more than it has left.

        Raises StorageError when they can't be written, as on a full disk.
        """
        end = self._position + len(data)
        assert end <= self._end, "the decoder gives a piece no more than its size"
        try:
            self._storage.check_kept()
            filesystem.write_all(self._storage.fd, data, self._position)
        except OSError as error:
            path = self._storage.path
            raise StorageError(
                f"{path}: can't write {len(data)} bytes at byte {self._position}: "
                f"{error.strerror}; {_free(path.parent)}"
            ) from error
        self._position = end
        if self._hash is not None:
            self._hash.update(data)

    def hexdigest(self) -> str | None:
        """The first 8 bytes of the SHA-256 of all content so far; None unless it was asked for."""
        return self._hash.hexdigest()[:16] if self._digest and self._hash is not None else None

    def is_right(self) -> bool:
        """Whether all content, now whole, is what its hash says; without hashes it always is."""
        wanted = self._expected
        return wanted is None or (self._hash is not None and self._hash.digest() == wanted)


def _create_reserved(path: Path, size: int) -> int:
    """The descriptor of a new file with space for `size` bytes."""
    try:
        fd = filesystem.create(path)
    except OSError as error:
        raise StorageError(f"{path}: can't create this file: {error.strerror}") from error
    reserve_space(fd, path, size, on_failure=lambda: _remove(fd, path))
    return fd


def reserve_space(
    fd: int, path: Path, size: int, *, on_failure: Callable[[], None] = lambda: None
) -> None:
    """Gives an open file its size, and space for all of it.

    Raises StorageError with needed and free bytes; `on_failure` is called before what is free is counted.
    """
    try:
        filesystem.reserve(fd, size, path.parent)
    except OSError as error:
        on_failure()
        raise StorageError(
            f"{path}: can't reserve {size} bytes: {error.strerror}; "
            f"{_free(path.parent)}; make room, or run the peer in another folder"
        ) from error


def make_way(path: Path, warn: Callable[[str], None]) -> None:
    """Moves aside whatever has the real name (spec 9.2); StorageError if it can't be."""
    if not os.path.lexists(path):
        return
    try:
        aside = filesystem.move_aside(path)
    except OSError as error:
        raise StorageError(
            f"{path}: can't be moved aside: {error.strerror}; move it elsewhere"
        ) from error
    warn(f"{path}: moved aside to {aside.name}, since a leecher starts with nothing")


def _remove(fd: int, path: Path) -> None:
    os.close(fd)
    with contextlib.suppress(OSError):  # what went wrong before is what matters
        path.unlink()


def _free(folder: Path) -> str:
    free = filesystem.free_bytes(folder)
    return f"{'an unknown number of' if free is None else free} bytes are free there"

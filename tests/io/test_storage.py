"""`peerio.storage` and `peerio.filesystem`: spec 9, design 4.2 to 4.6."""

from __future__ import annotations

import errno
import hashlib
import importlib.util
import os
import random
import shutil
import socket
import stat
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from core.config import PeerInfo, SwarmConfig
from peerio import filesystem
from peerio.storage import Storage, StorageError

Pair = tuple[socket.socket, socket.socket]
Patch = pytest.MonkeyPatch
PIECE = 1000
SIZE = 3 * PIECE + 7
CONTENT = random.Random(1).randbytes(SIZE)
PEERS = (PeerInfo(1, "localhost", 6001, has_file=True),)


def config_of(size: int = SIZE, piece: int = PIECE, name: str = "The File.dat") -> SwarmConfig:
    """One file's configuration; only names and sizes matter here."""
    return SwarmConfig(1, 1.0, 1.0, name, size, piece, PEERS)


CONFIG = config_of()


def never(message: str) -> None:
    raise AssertionError(message)


def raising(number: int) -> Callable[..., int]:
    """A system call that always fails with this errno."""

    def call(*_: object) -> int:
        raise OSError(number, os.strerror(number))

    return call


def content_of(folder: Path) -> dict[str, bytes]:
    """Every file of a folder."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def piece_of(index: int) -> bytes:
    return CONTENT[index * PIECE : (index + 1) * PIECE]


def fill(storage: Storage) -> None:
    """Writes every piece, last one first."""
    for index in reversed(range(CONFIG.piece_count)):
        storage.sink(index).write(piece_of(index))


@pytest.fixture(params=["system", "portable"])
def system(request: pytest.FixtureRequest, monkeypatch: Patch) -> str:
    """Runs a test with this system's own calls, then as on a system that lacks all of them."""
    if request.param == "portable":
        monkeypatch.setattr(filesystem, "pwrite", filesystem._pwrite_by_seek)
        monkeypatch.setattr(filesystem, "pread", filesystem._pread_by_seek)
        monkeypatch.setattr(filesystem, "sendfile", None)
        monkeypatch.setattr(filesystem, "posix_fallocate", None)
        monkeypatch.setattr(filesystem, "can_open_folders", False)
        monkeypatch.setattr(filesystem, "can_rename_open_files", False)
    return str(request.param)


@pytest.fixture
def seed(tmp_path: Path, system: str) -> Iterator[Storage]:
    (tmp_path / CONFIG.file_name).write_bytes(CONTENT)
    storage = Storage.open_seed(tmp_path, CONFIG)
    yield storage
    storage.close()


@pytest.fixture
def leecher(tmp_path: Path, system: str) -> Iterator[Storage]:
    storage = Storage.create_leecher(tmp_path / "peer_2", CONFIG, warn=never)
    yield storage
    storage.close()


@pytest.fixture
def pair() -> Iterator[Pair]:
    """A sending end that doesn't block, and a receiving end that does."""
    sender, receiver = socket.socketpair()
    sender.setblocking(False)
    with sender, receiver:
        yield sender, receiver


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 1 MiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)]
    try:
        mount = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        pytest.skip(f"no mount command: {error}")
    if mount.returncode:
        pytest.skip(f"a small tmpfs can't be mounted here: {mount.stderr.splitlines()[:1]}")
    try:
        yield disk
    finally:
        # Lazily, so that a test that failed with the file open leaves no mount behind.
        subprocess.run(["umount", "-l", str(disk)], check=True)


# A seed's file


def test_seed_sends_every_piece(seed: Storage, pair: Pair) -> None:
    """A seed sends each piece from its file, any part of it, the shorter last one too (spec 9.1)."""
    sender, receiver = pair
    for index in range(CONFIG.piece_count):
        length = CONFIG.piece_length(index)
        sent = 0
        while sent < length:
            sent += seed.send_piece(sender, index, sent, min(333, length - sent))
        assert receiver.recv(length, socket.MSG_WAITALL) == piece_of(index)


def test_a_full_socket_takes_a_part_and_then_blocks(
    tmp_path: Path, system: str, pair: Pair
) -> None:
    """What a socket doesn't take is left for later: the count says how much went (design 4.3)."""
    size = 8 * 2**20
    content = random.Random(2).randbytes(size)
    config = config_of(size, size)
    (tmp_path / config.file_name).write_bytes(content)
    storage = Storage.open_seed(tmp_path, config)
    sender, receiver = pair
    sent, received, full = 0, bytearray(), 0
    while sent < size:
        try:
            sent += storage.send_piece(sender, 0, sent, size - sent)
        except BlockingIOError:
            full += 1
            received += receiver.recv(2**20)
    received += receiver.recv(size - len(received), socket.MSG_WAITALL)
    storage.close()
    assert full > 1
    assert received == content


def test_seed_is_read_only(seed: Storage, tmp_path: Path) -> None:
    """A seed's file can't be written through its descriptor (spec 9.1)."""
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.write(seed.fd, b"x")
    assert content_of(tmp_path) == {CONFIG.file_name: CONTENT}


@pytest.mark.parametrize("link", [os.symlink, os.link])
def test_seed_may_be_a_link(tmp_path: Path, link: Callable[[Path, Path], None], pair: Pair) -> None:
    """A seed's file may be a symbolic or a hard link, so that a real file needs no copy (spec 9.1)."""
    (tmp_path / "elsewhere").write_bytes(CONTENT)
    link(tmp_path / "elsewhere", tmp_path / CONFIG.file_name)
    storage = Storage.open_seed(tmp_path, CONFIG)
    assert storage.send_piece(pair[0], 0, 0, PIECE) == PIECE
    storage.close()


def seed_error(folder: Path) -> str:
    with pytest.raises(StorageError) as caught:
        Storage.open_seed(folder, CONFIG)
    return str(caught.value)


EXPECTED = (
    f"expected the complete file of {SIZE} bytes, since PeerInfo.cfg says that this peer has it"
)


@pytest.mark.parametrize("folder", ["", "missing folder"])
def test_seed_without_its_file(tmp_path: Path, folder: str) -> None:
    """A missing file is an error that names it, its size, and what to do (spec 9.1)."""
    path = tmp_path / folder / CONFIG.file_name
    told = seed_error(path.parent)
    assert told.startswith(f"{path}: not found: {EXPECTED}; put it there, or write 0")


def test_seed_with_a_dangling_link(tmp_path: Path) -> None:
    """A symbolic link to nothing is a missing file (spec 9.1)."""
    (tmp_path / CONFIG.file_name).symlink_to(tmp_path / "gone")
    assert ": not found: " in seed_error(tmp_path)


@pytest.mark.parametrize("size", [0, SIZE - 1, SIZE + 1])
def test_seed_of_another_size(tmp_path: Path, size: int) -> None:
    """A short or long file is an error that names both sizes (spec 9.1)."""
    path = tmp_path / CONFIG.file_name
    path.write_bytes(bytes(size))
    told = seed_error(tmp_path)
    assert told.startswith(f"{path}: has {size} bytes: {EXPECTED}")
    assert told.endswith("correct FileSize in Common.cfg")


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo])
def test_seed_that_is_no_regular_file(tmp_path: Path, make: Callable[[Path], None]) -> None:
    """A folder or a named pipe is refused at once, without waiting for its other end (spec 9.1)."""
    path = tmp_path / CONFIG.file_name
    make(path)
    assert seed_error(tmp_path) == f"{path}: not a regular file: {EXPECTED}"


def test_seed_that_can_not_be_read(tmp_path: Path, monkeypatch: Patch) -> None:
    """An unreadable file is an error with the system's reason (spec 9.1)."""
    path = tmp_path / CONFIG.file_name
    path.write_bytes(CONTENT)
    monkeypatch.setattr(filesystem, "open_existing", raising(errno.EACCES))
    assert seed_error(tmp_path) == f"{path}: can't be read: Permission denied: {EXPECTED}"


def test_seed_in_a_circle_of_links(tmp_path: Path) -> None:
    """A link to itself is an unreadable file, not a traceback (spec 9.1)."""
    path = tmp_path / CONFIG.file_name
    path.symlink_to(path)
    assert ": can't be read: Too many levels of symbolic links" in seed_error(tmp_path)


# Sending when something is wrong


def test_a_file_that_shrank_is_an_error(seed: Storage, tmp_path: Path, pair: Pair) -> None:
    """What is left is sent; then the end of the file is an error, not a retry (design 4.3)."""
    os.truncate(tmp_path / CONFIG.file_name, PIECE + 10)
    assert seed.send_piece(pair[0], 1, 0, PIECE) == 10
    with pytest.raises(StorageError) as caught:
        seed.send_piece(pair[0], 1, 10, PIECE - 10)
    told = f"{tmp_path / CONFIG.file_name}: ends before byte {PIECE + 10}: expected {SIZE} bytes"
    assert str(caught.value).startswith(told)


def test_the_sockets_errors_are_the_sockets(seed: Storage, pair: Pair) -> None:
    """A closed connection is the neighbor's doing and never a storage error."""
    sender, receiver = pair
    receiver.close()
    with pytest.raises(ConnectionError):
        seed.send_piece(sender, 0, 0, PIECE)
    sender.close()
    with pytest.raises(OSError, match="Bad file descriptor"):
        seed.send_piece(sender, 0, 0, PIECE)


def test_a_file_system_without_sendfile(seed: Storage, monkeypatch: Patch, pair: Pair) -> None:
    """A file from which the system can't send is copied instead (design 4.6)."""
    monkeypatch.setattr(filesystem, "sendfile", raising(errno.EINVAL))
    assert seed.send_piece(pair[0], 0, 0, PIECE) == PIECE
    assert pair[1].recv(PIECE, socket.MSG_WAITALL) == piece_of(0)


@pytest.mark.parametrize("sendfile", [None, raising(errno.EIO)])
def test_a_file_that_can_not_be_read(
    seed: Storage, monkeypatch: Patch, sendfile: Callable[..., int] | None, pair: Pair
) -> None:
    """A bad disk is a storage error that names file, place and reason, not a lost neighbor."""
    monkeypatch.setattr(filesystem, "sendfile", sendfile)
    monkeypatch.setattr(filesystem, "pread", raising(errno.EIO))
    with pytest.raises(StorageError, match=r": can't read at byte 1005: Input/output error$"):
        seed.send_piece(pair[0], 1, 5, 10)


# A leecher's file


def test_leecher_writes_into_part_and_gets_the_real_name(leecher: Storage, tmp_path: Path) -> None:
    """Until complete the data is in `.part`, and only a complete file has the real name (spec 9.2)."""
    fill(leecher)
    assert content_of(tmp_path / "peer_2") == {"The File.dat.part": CONTENT}
    leecher.complete()
    assert content_of(tmp_path / "peer_2") == {"The File.dat": CONTENT}
    leecher.close()
    assert content_of(tmp_path / "peer_2") == {"The File.dat": CONTENT}


def test_leecher_sends_what_it_has_before_and_after_the_end(leecher: Storage, pair: Pair) -> None:
    """A leecher serves its pieces from `.part`, and from the same file once it is renamed."""
    sender, receiver = pair
    leecher.sink(3).write(piece_of(3))
    assert leecher.send_piece(sender, 3, 0, 7) == 7
    fill(leecher)
    leecher.complete()
    assert leecher.send_piece(sender, 1, 0, PIECE) == PIECE
    assert receiver.recv(7 + PIECE, socket.MSG_WAITALL) == piece_of(3) + piece_of(1)


def test_space_is_reserved_at_the_start(leecher: Storage, tmp_path: Path, system: str) -> None:
    """The `.part` has its full size before anything is received, allocated if possible (design 4.5)."""
    status = (tmp_path / "peer_2" / "The File.dat.part").stat()
    assert status.st_size == SIZE
    if system == "system":
        assert status.st_blocks * 512 >= SIZE


def test_pieces_arrive_in_parts_and_interleaved(leecher: Storage, tmp_path: Path) -> None:
    """Sinks are independent: each writes at its own place, whatever the sizes of the parts."""
    sinks = [leecher.sink(index, digest=index % 2 == 0) for index in range(CONFIG.piece_count)]
    for start in range(0, PIECE, 7):
        for index, sink in enumerate(sinks):
            sink.write(memoryview(piece_of(index))[start : start + 7])
    assert content_of(tmp_path / "peer_2") == {"The File.dat.part": CONTENT}
    for index, sink in enumerate(sinks):
        digest = hashlib.sha256(piece_of(index)).hexdigest()[:16]
        assert sink.hexdigest() == (digest if index % 2 == 0 else None)


def test_a_short_write_is_continued(leecher: Storage, tmp_path: Path, monkeypatch: Patch) -> None:
    """A system that takes only a part of what is written is given the rest (design 4.2)."""
    pwrite = filesystem.pwrite
    monkeypatch.setattr(filesystem, "pwrite", lambda fd, data, at: pwrite(fd, data[:300], at))
    fill(leecher)
    assert content_of(tmp_path / "peer_2") == {"The File.dat.part": CONTENT}


def test_a_write_that_takes_nothing_is_an_error(leecher: Storage, monkeypatch: Patch) -> None:
    """A system that takes no bytes and gives no reason doesn't hang the peer."""
    monkeypatch.setattr(filesystem, "pwrite", lambda *_: 0)
    with pytest.raises(StorageError, match="can't write 1000 bytes at byte 1000: "):
        leecher.sink(1).write(piece_of(1))


@pytest.mark.parametrize("index", [1, 3])
def test_a_sink_takes_no_more_than_its_piece(leecher: Storage, index: int) -> None:
    """No piece can spill into its neighbor or beyond the file, whoever made the mistake."""
    sink = leecher.sink(index)
    sink.write(piece_of(index))
    with pytest.raises(AssertionError):
        sink.write(b"x")


def test_a_complete_file_is_never_written(seed: Storage, leecher: Storage) -> None:
    """Neither a seed nor a leecher that is complete gives out a sink (design 4.4)."""
    fill(leecher)
    leecher.complete()
    for storage in (seed, leecher):
        with pytest.raises(AssertionError):
            storage.sink(0)
        with pytest.raises(AssertionError):
            seed.complete()


def test_leecher_discards_a_part(tmp_path: Path, system: str) -> None:
    """A leecher starts with nothing: the `.part` of an earlier run is discarded (spec 9.2)."""
    (tmp_path / "The File.dat.part").write_bytes(b"x" * 2 * SIZE)
    Storage.create_leecher(tmp_path, CONFIG, warn=never).close()
    assert content_of(tmp_path) == {"The File.dat.part": bytes(SIZE)}


@pytest.mark.parametrize("link", [os.symlink, os.link])
def test_leecher_never_writes_through_a_link(
    tmp_path: Path, link: Callable[[Path, Path], None]
) -> None:
    """A `.part` that is a link is discarded as a link: what it leads to stays as it was."""
    (tmp_path / "precious").write_bytes(b"precious")
    link(tmp_path / "precious", tmp_path / "The File.dat.part")
    storage = Storage.create_leecher(tmp_path, CONFIG, warn=never)
    fill(storage)
    storage.close()
    assert (tmp_path / "precious").read_bytes() == b"precious"


def test_leecher_moves_a_file_aside(tmp_path: Path, system: str) -> None:
    """A file with the real name is moved to the next free number, with a warning (spec 9.2)."""
    told: list[str] = []
    for run in (b"first", b"second", b"third"):
        (tmp_path / "The File.dat").write_bytes(run)
        Storage.create_leecher(tmp_path, CONFIG, warn=told.append).close()
    assert content_of(tmp_path) == {
        "The File.dat.1": b"first",
        "The File.dat.2": b"second",
        "The File.dat.3": b"third",
        "The File.dat.part": bytes(SIZE),
    }
    assert told == [
        f"{tmp_path / 'The File.dat'}: moved aside to The File.dat.{number}, "
        "since a leecher starts with nothing"
        for number in (1, 2, 3)
    ]


@pytest.mark.parametrize("make", [os.mkdir, lambda path: path.symlink_to("nowhere")])
def test_leecher_moves_aside_whatever_has_the_real_name(
    tmp_path: Path, make: Callable[[Path], None]
) -> None:
    """A folder or a dangling link under the real name is moved aside just so (spec 9.2)."""
    make(tmp_path / "The File.dat")
    told: list[str] = []
    Storage.create_leecher(tmp_path, CONFIG, warn=told.append).close()
    assert len(told) == 1
    assert {path.name for path in tmp_path.iterdir()} == {"The File.dat.1", "The File.dat.part"}


def test_a_file_put_under_the_real_name_meanwhile_is_kept(tmp_path: Path, system: str) -> None:
    """Completing replaces nothing that appeared under the real name during the run (spec 9.2)."""
    told: list[str] = []
    storage = Storage.create_leecher(tmp_path, CONFIG, warn=told.append)
    fill(storage)
    (tmp_path / "The File.dat").write_bytes(b"mine")
    storage.complete()
    storage.close()
    assert content_of(tmp_path) == {"The File.dat": CONTENT, "The File.dat.1": b"mine"}
    assert len(told) == 1


@pytest.mark.parametrize(
    ("names", "number"),
    [
        ([], 1),
        (["a.log.1"], 2),
        (["a.log.1", "a.log.2", "b.log.7"], 8),
        (["a.log.10", "a.log.9"], 11),
        (["a.log.3"], 4),
        (["a.log.x", "a.log.01", "a.log.0", "aXlog.5", "xa.log.5", "a.log.5.gz"], 1),
    ],
)
def test_next_free_number(tmp_path: Path, names: list[str], number: int) -> None:
    """Files of one run get one number, above all in use, so that `.1` is the oldest (spec 9.2)."""
    for name in names:
        (tmp_path / name).touch()
    assert filesystem.next_free_number(tmp_path / "a.log", tmp_path / "b.log") == number


# A leecher that can't start


def leecher_error(folder: Path, config: SwarmConfig = CONFIG) -> str:
    with pytest.raises(StorageError) as caught:
        Storage.create_leecher(folder, config, warn=never)
    return str(caught.value)


def test_leecher_whose_folder_can_not_be_made(tmp_path: Path) -> None:
    """A file in place of the folder is an error that names it (spec 1.1)."""
    (tmp_path / "peer_2").touch()
    told = leecher_error(tmp_path / "peer_2")
    assert told == f"{tmp_path / 'peer_2'}: can't make this folder: File exists"


def test_leecher_whose_part_can_not_be_discarded(tmp_path: Path) -> None:
    """A folder named `.part` is somebody's: it is left alone and told (spec 9.2)."""
    part = tmp_path / "The File.dat.part"
    part.mkdir()
    (tmp_path / "The File.dat").write_bytes(b"mine")
    told = leecher_error(tmp_path)
    assert told.startswith(f"{part}: can't discard what an earlier run left: ")
    assert (tmp_path / "The File.dat").read_bytes() == b"mine"


def test_leecher_whose_file_can_not_be_made(tmp_path: Path) -> None:
    """A name that is too long with `.part` is an error with the system's reason."""
    config = config_of(name="x" * 252)
    told = leecher_error(tmp_path, config)
    assert told.endswith(".part: can't create this file: File name too long")


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EFBIG, errno.EDQUOT])
def test_a_full_disk_is_told_before_anything_is_touched(
    tmp_path: Path, monkeypatch: Patch, number: int
) -> None:
    """The error tells needed and free bytes, and the folder is as it was (design 4.5)."""
    (tmp_path / "The File.dat").write_bytes(b"mine")
    monkeypatch.setattr(filesystem, "posix_fallocate", raising(number))
    monkeypatch.setattr(filesystem, "free_bytes", lambda _: 12)
    told = leecher_error(tmp_path)
    assert told.startswith(f"{tmp_path / 'The File.dat.part'}: can't reserve {SIZE} bytes: ")
    assert f"{os.strerror(number)}; 12 bytes are free there; make room" in told
    assert content_of(tmp_path) == {"The File.dat": b"mine"}


def test_a_file_that_can_not_be_moved_aside(tmp_path: Path, monkeypatch: Patch) -> None:
    """If moving aside fails, the file with the real name stays and no `.part` does (spec 9.2)."""
    (tmp_path / "The File.dat").write_bytes(b"mine")
    monkeypatch.setattr(filesystem, "move_aside", raising(errno.EACCES))
    told = leecher_error(tmp_path)
    assert told.endswith("The File.dat: can't be moved aside: Permission denied; move it elsewhere")
    assert content_of(tmp_path) == {"The File.dat": b"mine"}


@pytest.mark.parametrize(
    "number", [errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS, pytest.param(0, id="no call")]
)
@pytest.mark.parametrize(
    ("free", "refused"), [(SIZE - 1, True), (SIZE, False), pytest.param(None, False, id="unknown")]
)
def test_where_space_can_not_be_reserved_a_look_must_do(
    tmp_path: Path, monkeypatch: Patch, number: int, free: int | None, refused: bool
) -> None:
    """Without reservation the file gets its size if enough bytes are free (design 4.5)."""
    monkeypatch.setattr(filesystem, "posix_fallocate", raising(number) if number else None)
    monkeypatch.setattr(filesystem, "free_bytes", lambda _: free)
    if refused:
        assert "No space left on device; 3006 bytes are free there" in leecher_error(tmp_path)
        assert content_of(tmp_path) == {}
    else:
        Storage.create_leecher(tmp_path, CONFIG, warn=never).close()
        assert content_of(tmp_path) == {"The File.dat.part": bytes(SIZE)}


def test_unknown_free_space_is_not_none(tmp_path: Path, monkeypatch: Patch) -> None:
    """A file system that reports zeros, or nothing, isn't taken for a full one."""
    assert filesystem.free_bytes(tmp_path)
    assert filesystem.free_bytes(tmp_path / "missing") is None
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(total=0, used=0, free=0))
    assert filesystem.free_bytes(tmp_path) is None


# On a disk that is really full


def test_reserving_on_a_small_disk(small_disk: Path) -> None:
    """A file larger than the disk is refused, with the numbers, and nothing is lost (design 4.5)."""
    (small_disk / "The File.dat").write_bytes(b"mine")
    free = filesystem.free_bytes(small_disk)
    told = leecher_error(small_disk, config_of(2 * 2**20))
    assert f"can't reserve {2 * 2**20} bytes: No space left on device; {free} bytes are" in told
    assert content_of(small_disk) == {"The File.dat": b"mine"}


def test_the_space_of_an_old_part_counts(small_disk: Path) -> None:
    """The `.part` of an earlier run doesn't keep the next run from starting (spec 9.2)."""
    (small_disk / "The File.dat.part").write_bytes(bytes(900_000))
    Storage.create_leecher(small_disk, config_of(900_000), warn=never).close()
    assert content_of(small_disk) == {"The File.dat.part": bytes(900_000)}


def test_a_reserved_file_can_be_written_on_a_full_disk(small_disk: Path) -> None:
    """What was reserved can be written, however full the disk gets meanwhile (design 4.5)."""
    storage = Storage.create_leecher(small_disk, config_of(500_000, 500_000), warn=never)
    fill_up(small_disk)
    storage.sink(0).write(b"x" * 500_000)
    storage.close()


def test_the_disk_fills_up_during_the_run(small_disk: Path, monkeypatch: Patch) -> None:
    """Where nothing could be reserved, a disk that fills up is one clear error (spec 7.4)."""
    monkeypatch.setattr(filesystem, "posix_fallocate", None)
    storage = Storage.create_leecher(small_disk, config_of(500_000, 500_000), warn=never)
    fill_up(small_disk)
    with pytest.raises(StorageError) as caught:
        storage.sink(0).write(b"x" * 500_000)
    storage.close()
    told = f"{small_disk / 'The File.dat.part'}: can't write 500000 bytes at byte 0: "
    assert str(caught.value) == f"{told}No space left on device; 0 bytes are free there"


def fill_up(disk: Path) -> None:
    with pytest.raises(OSError, match="No space left"):
        (disk / "other").write_bytes(bytes(2 * 2**20))


# Completing and closing


def test_the_real_name_comes_at_once_and_close_waits_for_the_sync(
    tmp_path: Path, monkeypatch: Patch
) -> None:
    """Syncing happens on a helper thread with the file open, and is awaited at the end (design 4.5a)."""
    storage = Storage.create_leecher(tmp_path, CONFIG, warn=never)
    fill(storage)
    release, order = threading.Event(), []

    def slow_sync(fd: int, folder: Path) -> None:
        release.wait(60)
        order.append(f"synced {os.fstat(fd).st_size} in {folder.name}")

    def close() -> None:
        storage.close()
        order.append("closed")

    monkeypatch.setattr(filesystem, "sync", slow_sync)
    storage.complete()
    assert content_of(tmp_path) == {"The File.dat": CONTENT}
    assert order == []
    closer = threading.Thread(target=close)
    closer.start()
    release.set()
    closer.join()
    assert order == [f"synced {SIZE} in {tmp_path.name}", "closed"]


def test_file_and_folder_are_synced(leecher: Storage, monkeypatch: Patch) -> None:
    """Both the content and the new name reach the disk (design 4.5a)."""
    synced: list[bool] = []
    monkeypatch.setattr(os, "fsync", lambda fd: synced.append(stat.S_ISDIR(os.fstat(fd).st_mode)))
    fill(leecher)
    leecher.complete()
    leecher.close()
    assert synced == ([False, True] if filesystem.can_open_folders else [False])


@pytest.mark.parametrize("number", [errno.EINVAL, errno.EIO])
def test_a_folder_that_can_not_be_synced(tmp_path: Path, monkeypatch: Patch, number: int) -> None:
    """File systems that don't sync folders are fine; a real failure isn't."""
    fds: list[int] = []

    def fsync(fd: int) -> None:
        fds.append(fd)
        if len(fds) == 2:
            raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fsync)
    storage = Storage.create_leecher(tmp_path, CONFIG, warn=never)
    storage.complete()
    if number == errno.EINVAL:
        storage.close()
    else:
        with pytest.raises(StorageError, match="can't be synced to the disk: Input/output error"):
            storage.close()
    assert len(fds) == 2


def test_closing_twice_is_closing_once(leecher: Storage, seed: Storage) -> None:
    """A second close does nothing, and a late write can't hit another file."""
    sink = leecher.sink(0)
    for storage in (leecher, seed):
        storage.close()
        storage.close()
        assert storage.fd == -1
    with pytest.raises(StorageError, match="Bad file descriptor"):
        sink.write(b"x")


def test_a_rename_that_fails_leaves_the_content_served(
    leecher: Storage, tmp_path: Path, monkeypatch: Patch, pair: Pair
) -> None:
    """If `.part` can't get the real name, that is an error, and pieces can still be sent (spec 7.4)."""
    fill(leecher)
    part = tmp_path / "peer_2" / "The File.dat.part"
    monkeypatch.setattr(Path, "rename", raising(errno.EACCES))
    with pytest.raises(StorageError) as caught:
        leecher.complete()
    assert str(caught.value) == (
        f"{part}: can't be renamed to The File.dat: Permission denied; "
        "it is complete: rename it by hand"
    )
    assert leecher.send_piece(pair[0], 1, 0, PIECE) == PIECE
    assert content_of(part.parent) == {part.name: CONTENT}


Harm = Callable[[Path], object]
GONE = "was removed, moved or replaced while this peer ran"


def cut(path: Path) -> None:
    os.truncate(path, SIZE - 1)


def replace(path: Path) -> None:
    path.rename(path.with_name("elsewhere"))
    path.write_bytes(bytes(SIZE))


def move_folder(path: Path) -> None:
    path.parent.rename(path.parent.with_name("elsewhere"))


HARMS: list[tuple[Harm, str]] = [
    (Path.unlink, GONE),
    (replace, GONE),
    (move_folder, GONE),
    (cut, f"has {SIZE - 1} bytes: expected {SIZE}"),
]


@pytest.mark.parametrize(("harm", "words"), HARMS)
def test_what_happens_to_the_part_is_noticed(
    leecher: Storage, tmp_path: Path, harm: Harm, words: str
) -> None:
    """A `.part` that was removed, replaced, moved or cut never becomes the complete file (spec 7.4, 9.2)."""
    fill(leecher)
    part = tmp_path / "peer_2" / "The File.dat.part"
    harm(part)
    with pytest.raises(StorageError) as caught:
        leecher.complete()
    assert str(caught.value).startswith(f"{part}: {words}")
    assert not list(tmp_path.rglob("The File.dat"))
    with pytest.raises(StorageError):
        leecher.close()


@pytest.mark.parametrize(("harm", "words"), HARMS)
def test_what_happens_to_the_complete_file_is_noticed(
    leecher: Storage, tmp_path: Path, harm: Harm, words: str
) -> None:
    """What happens to the complete file before the peer ends is noticed at the end (spec 7.4, 9.2)."""
    fill(leecher)
    leecher.complete()
    harm(tmp_path / "peer_2" / "The File.dat")
    with pytest.raises(StorageError, match=words):
        leecher.close()
    leecher.close()


@pytest.mark.parametrize("harm", [Path.unlink, cut])
def test_no_piece_is_written_into_a_lost_part(leecher: Storage, tmp_path: Path, harm: Harm) -> None:
    """The last piece doesn't make a `.part` look whole that was cut before (spec 7.4)."""
    for index in range(CONFIG.piece_count - 1):
        leecher.sink(index).write(piece_of(index))
    part = tmp_path / "peer_2" / "The File.dat.part"
    harm(part)
    with pytest.raises(StorageError, match=r"The File\.dat\.part: "):
        leecher.sink(CONFIG.piece_count - 1).write(piece_of(CONFIG.piece_count - 1))
    assert not part.exists() or part.stat().st_size == SIZE - 1
    with pytest.raises(StorageError):
        leecher.close()


def test_no_thread_to_sync_with(leecher: Storage, monkeypatch: Patch) -> None:
    """Where the system starts no thread, the complete file is synced at the end (spec 7.4)."""
    synced: list[int] = []

    def start(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", start)
    monkeypatch.setattr(filesystem, "sync", lambda fd, _folder: synced.append(fd))
    fill(leecher)
    leecher.complete()
    fd = leecher.fd
    leecher.close()
    assert synced == [fd]


def test_a_renamed_file_keeps_its_descriptor(tmp_path: Path, monkeypatch: Patch) -> None:
    """Where an open file can't be renamed it is opened again, under the same number (design 4.6)."""
    monkeypatch.setattr(filesystem, "can_rename_open_files", False)
    lower = os.open(tmp_path, os.O_RDONLY)
    storage = Storage.create_leecher(tmp_path, CONFIG, warn=never)
    before = storage.fd
    os.close(lower)  # the next file that is opened gets this number
    fill(storage)
    storage.complete()
    assert storage.fd == before
    assert os.path.samestat(os.fstat(before), (tmp_path / "The File.dat").stat())
    assert not os.get_inheritable(before)
    storage.close()


def test_each_lacking_call_is_noticed(monkeypatch: Patch) -> None:
    """On a system that lacks a call, the portable way is taken from the start (design 4.6)."""
    for name in ("pwrite", "pread", "sendfile", "posix_fallocate", "O_DIRECTORY"):
        monkeypatch.delattr(os, name)
    spec = importlib.util.spec_from_file_location("elsewhere", filesystem.__file__)
    assert spec is not None
    assert spec.loader is not None
    elsewhere = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(elsewhere)
    assert elsewhere.pwrite is elsewhere._pwrite_by_seek
    assert elsewhere.pread is elsewhere._pread_by_seek
    assert elsewhere.sendfile is None
    assert elsewhere.posix_fallocate is None
    assert not elsewhere.can_open_folders

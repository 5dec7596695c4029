"""What is kept of an earlier life's file, and what is fetched again (spec 9.2, 9.3)."""

from __future__ import annotations

import hashlib
import random
from pathlib import Path

import pytest

from core.config import PeerInfo, SwarmConfig
from peerio.hashes import PieceHashes
from peerio.resume import open_resumed
from peerio.storage import Storage, StorageError

NAME = "file.dat"
CONTENT = random.Random(9).randbytes(10 * 1000 - 333)
CONFIG = SwarmConfig(
    2, 5, 10, NAME, len(CONTENT), 1000, (PeerInfo(1, "localhost", 6001, has_file=False),)
)
HASHES = PieceHashes(
    b"".join(
        hashlib.sha256(CONTENT[start : start + 1000]).digest() for start in range(0, 9667, 1000)
    )
)


class Resumed:
    """A leecher that is told to resume in a folder."""

    def __init__(self, folder: Path, hashes: PieceHashes | None = HASHES) -> None:
        self.told: list[str] = []
        self.progress: list[tuple[int, int]] = []
        self.storage, has = open_resumed(
            folder,
            CONFIG,
            hashes,
            warn=self.told.append,
            progress=lambda *told: self.progress.append(told),
        )
        self.has = [piece for piece, flag in enumerate(has) if flag]


def torn(*pieces: int) -> bytes:
    """The content with zeros in place of some pieces."""
    parts = [CONTENT[start : start + 1000] for start in range(0, 9667, 1000)]
    return b"".join(
        bytes(len(part)) if piece in pieces else part for piece, part in enumerate(parts)
    )


def part(folder: Path, content: bytes) -> Path:
    path = folder / f"{NAME}.part"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("content", "has"),
    [
        (torn(3, 9), [0, 1, 2, 4, 5, 6, 7, 8]),
        (torn()[:4321], [0, 1, 2, 3]),
        (torn(0) + bytes(5000), [1, 2, 3, 4, 5, 6, 7, 8, 9]),
        (torn()[:-1] + b"!", [0, 1, 2, 3, 4, 5, 6, 7, 8]),
    ],
    ids=["torn", "cut off", "too long", "one byte"],
)
def test_right_pieces_are_kept(tmp_path: Path, content: bytes, has: list[int]) -> None:
    """Every piece whose hash is right is kept, in a file of the right size, and no other (spec 9.2)."""
    path = part(tmp_path, content)
    resumed = Resumed(tmp_path)
    assert resumed.has == has
    assert resumed.told == [
        f"{path}: {len(has)} of 10 pieces are right; {10 - len(has)} are missing or torn"
    ]
    assert resumed.progress == [(n, 10) for n in range(1, 11)]
    assert path.stat().st_size == len(CONTENT)
    for piece in set(range(10)) - set(has):
        sink = resumed.storage.sink(piece)
        sink.write(CONTENT[piece * 1000 : (piece + 1) * 1000])
        assert sink.is_right()
    resumed.storage.complete()
    resumed.storage.close()
    assert (tmp_path / NAME).read_bytes() == CONTENT
    assert not path.exists()


def test_the_whole_file_is_shared_as_it_is(tmp_path: Path) -> None:
    """A file that is here under its real name and right is opened for reading; a leftover `.part` goes (spec 9.2)."""
    (tmp_path / NAME).write_bytes(CONTENT)
    part(tmp_path, torn(1))
    resumed = Resumed(tmp_path)
    assert resumed.has == list(range(10))
    assert resumed.told == [f"{tmp_path / NAME}: is here and right, all 10 pieces"]
    assert [path.name for path in tmp_path.iterdir()] == [NAME]
    resumed.storage.close()


def test_a_name_that_says_too_much(tmp_path: Path) -> None:
    """A torn file under the real name, as after a power cut, goes on as the `.part` (spec 9.2)."""
    (tmp_path / NAME).write_bytes(torn(5))
    resumed = Resumed(tmp_path)
    assert resumed.has == [0, 1, 2, 3, 4, 6, 7, 8, 9]
    assert [path.name for path in tmp_path.iterdir()] == [f"{NAME}.part"]
    resumed.storage.close()


def test_the_better_one_is_resumed(tmp_path: Path) -> None:
    """Of a torn file and a `.part` the one with more right pieces goes on; the file is moved aside, not lost (spec 9.2)."""
    (tmp_path / NAME).write_bytes(torn(1, 2, 3))
    part(tmp_path, torn(1))
    resumed = Resumed(tmp_path)
    assert len(resumed.has) == 9
    assert (tmp_path / f"{NAME}.1").read_bytes() == torn(1, 2, 3)
    assert "moved aside" in resumed.told[1]
    resumed.storage.close()


@pytest.mark.parametrize("how", ["hard", "symbolic"])
def test_what_is_shared_with_another_name_is_not_written(tmp_path: Path, how: str) -> None:
    """A link is never written into: others may read that file (spec 9.2)."""
    other = tmp_path / "other"
    other.write_bytes(torn(4))
    link = tmp_path / NAME
    if how == "hard":
        link.hardlink_to(other)
    else:
        link.symlink_to(other)
    resumed = Resumed(tmp_path)
    assert resumed.has == []
    resumed.storage.close()
    assert other.read_bytes() == torn(4)


def test_nothing_is_right(tmp_path: Path) -> None:
    """Where no piece is right the leecher starts with nothing, like any other (spec 9.2)."""
    part(tmp_path, bytes(len(CONTENT)))
    resumed = Resumed(tmp_path)
    assert resumed.has == []
    assert "nothing of it can be kept" in resumed.told[0]
    resumed.storage.close()


def test_nothing_is_there(tmp_path: Path) -> None:
    """Where an earlier life left nothing, resuming is starting, with or without hashes (spec 9.2)."""
    for hashes in (HASHES, None):
        folder = tmp_path / ("with" if hashes else "without")
        resumed = Resumed(folder, hashes)
        assert (resumed.has, resumed.told) == ([], [])
        resumed.storage.close()


def test_without_hashes_nothing_is_lost(tmp_path: Path) -> None:
    """Without hashes nothing tells what is right: the message says what is needed, and all stays (spec 9.2)."""
    path = part(tmp_path, torn(2))
    with pytest.raises(StorageError, match=r"without pieces\.sha256.*Common\.cfg.*invoke hash"):
        Resumed(tmp_path, None)
    assert path.read_bytes() == torn(2)


def test_a_check_that_is_interrupted_changes_nothing(tmp_path: Path) -> None:
    """Who is stopped while it checks leaves all as it was (spec 7.4, 9.2)."""
    path = part(tmp_path, torn(2)[:5000])

    class Stopped(Exception):  # noqa: N818 -- it isn't an error
        pass

    def stop(_done: int, _all: int) -> None:
        raise Stopped

    with pytest.raises(Stopped):
        open_resumed(tmp_path, CONFIG, HASHES, warn=print, progress=stop)
    assert path.read_bytes() == torn(2)[:5000]


def test_no_room_to_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A resumed file for which there is no room stays as it is, but for its size (spec 9.2)."""
    path = part(tmp_path, torn(2)[:5000])

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("peerio.filesystem.reserve", full)
    with pytest.raises(StorageError, match="can't reserve 9667 bytes"):
        Resumed(tmp_path)
    assert path.read_bytes()[:5000] == torn(2)[:5000]


def test_storage_is_a_leechers(tmp_path: Path) -> None:
    """What is resumed is checked and watched like a new `.part` (spec 9.2, 9.3)."""
    path = part(tmp_path, torn(2))
    storage = Resumed(tmp_path).storage
    assert isinstance(storage, Storage)
    path.unlink()
    with pytest.raises(StorageError, match="was removed"):
        storage.sink(2).write(bytes(1000))
    with pytest.raises(StorageError, match="was removed"):
        storage.close()

"""Piece hashes: what `pieces.sha256` says, whether it fits, and that wrong content never counts (spec 9.3)."""

from __future__ import annotations

import hashlib
import os
import random
from dataclasses import replace
from pathlib import Path

import pytest

from core.config import PeerInfo, SwarmConfig
from peerio import filesystem, hashes
from peerio.hashes import HashesError
from peerio.storage import Storage

NAME = "lecture ü 1.mp4"
CONTENT = random.Random(9).randbytes(10 * 1000 - 333)
CONFIG = SwarmConfig(
    2, 5, 10, NAME, len(CONTENT), 1000, (PeerInfo(1, "localhost", 6001, has_file=True),)
)


def digest_of(piece: int) -> bytes:
    return hashlib.sha256(CONTENT[piece * 1000 : (piece + 1) * 1000]).digest()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the file and its hashes."""
    (tmp_path / NAME).write_bytes(CONTENT)
    write(tmp_path, hashes.hash_file(tmp_path / NAME, 1000))
    return tmp_path


def write(folder: Path, text: str) -> None:
    (folder / hashes.FILE_NAME).write_text(text, encoding="utf-8")


def test_what_is_written_reads_back(folder: Path) -> None:
    """Each piece has its SHA-256, the short last one too, under name, size and piece size (spec 9.3)."""
    text = (folder / hashes.FILE_NAME).read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    assert lines[:3] == [f"FileName {NAME}", "FileSize 9667", "PieceSize 1000"]
    assert lines[3:] == [digest_of(piece).hex() for piece in range(10)]
    found = hashes.load(folder, CONFIG)
    assert found is not None
    assert [found[piece] for piece in range(len(found))] == [digest_of(n) for n in range(10)]


def test_without_the_file_nothing_is_checked(tmp_path: Path) -> None:
    """Where there is no `pieces.sha256` there are no hashes, and that is no error (spec 9.3)."""
    assert hashes.load(tmp_path, CONFIG) is None


def test_comments_blank_lines_and_crlf_are_accepted(folder: Path) -> None:
    """Like the configuration files it may hold comments, blank lines and CRLF, and capital digits (spec 1.5, 9.3)."""
    text = (folder / hashes.FILE_NAME).read_text(encoding="utf-8")
    lines = [line.upper() if len(line) == 64 else line for line in text.splitlines()]
    write(folder, "\r\n".join(["# ours", "", *lines, "  ", "# end"]))
    assert hashes.load(folder, CONFIG) is not None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"file_name": "b"}, f"FileName {NAME!r} (Common.cfg: 'b')"),
        ({"file_size": 9668}, "FileSize '9667' (Common.cfg: '9668')"),
        ({"piece_size": 2000}, "PieceSize '1000' (Common.cfg: '2000')"),
    ],
)
def test_what_does_not_fit_is_refused(folder: Path, change: dict[str, object], words: str) -> None:
    """Hashes of another file or another cut are refused, with what differs and what to do (spec 9.3)."""
    with pytest.raises(HashesError) as refused:
        hashes.load(folder, replace(CONFIG, **change))  # type: ignore[arg-type]  # by name
    assert words in str(refused.value)
    assert "invoke hash" in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (lambda text: text.rsplit("\n", 2)[0] + "\n", "has 9 hashes: expected 10"),
        (lambda text: text + "0" * 64 + "\n", "has 11 hashes: expected 10"),
        (lambda text: text.replace(digest_of(2).hex(), "zz"), ":7: 'zz': expected the SHA-256 of piece 2"),
        (lambda text: text.replace("FileSize", "Size"), "no FileSize"),
        (lambda _text: "", "no FileName, no FileSize, no PieceSize"),
        (lambda _text: "\udcff\udcfe", "no FileName"),
    ],
    ids=["short", "long", "no hash", "no size", "empty", "no text"],
)  # fmt: skip
def test_what_is_damaged_is_refused(folder: Path, edit: object, words: str) -> None:
    """A file of hashes that is damaged is refused with one message that names the line or the number (spec 9.3)."""
    text = (folder / hashes.FILE_NAME).read_text(encoding="utf-8")
    damaged = edit(text)  # type: ignore[operator]  # a function
    (folder / hashes.FILE_NAME).write_bytes(damaged.encode(errors="surrogateescape"))
    with pytest.raises(HashesError) as refused:
        hashes.load(folder, CONFIG)
    assert words in str(refused.value)
    assert "\n" not in str(refused.value)


def test_pieces_that_are_not_there_have_no_hash(folder: Path) -> None:
    """Of a file that ends early the pieces behind its end are told apart, not taken for zeros (spec 9.2)."""
    fd = filesystem.open_existing(folder / NAME)
    found = list(hashes.digests_of(fd, 12_000, 1000))
    os.close(fd)
    assert found[:9] == [digest_of(piece) for piece in range(9)]
    assert found[9:] == [b"", b"", b""]


def test_what_can_not_be_hashed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that is missing, empty or changing is no file to hash: one message says so (spec 9.3)."""
    with pytest.raises(HashesError, match="can't be read"):
        hashes.hash_file(tmp_path / "none", 1000)
    (tmp_path / "empty").touch()
    with pytest.raises(HashesError, match="it is empty"):
        hashes.hash_file(tmp_path / "empty", 1000)
    file = tmp_path / "growing"
    file.write_bytes(CONTENT)
    monkeypatch.setattr(hashes, "_READ_AT_ONCE", 500)

    def grow(_done: int, _all: int) -> None:
        with file.open("ab") as more:
            more.write(b"!")

    with pytest.raises(HashesError, match="changed while it was hashed"):
        hashes.hash_file(file, 1000, grow)


def test_progress_is_told(folder: Path) -> None:
    """Hashing a large file tells how far it is, up to all of it."""
    told: list[tuple[int, int]] = []
    hashes.hash_file(folder / NAME, 4000, lambda done, size: told.append((done, size)))
    assert told == [(4000, 9667), (8000, 9667), (9667, 9667)]


def test_a_sink_knows_what_is_right(folder: Path) -> None:
    """Content in any parts is right if it is what the hash says, and one wrong bit makes it wrong (spec 9.3)."""
    found = hashes.load(folder, CONFIG)
    storage = Storage.create_leecher(folder / "peer_1", CONFIG, warn=print, hashes=found)
    for piece in range(10):
        content = bytearray(CONTENT[piece * 1000 : (piece + 1) * 1000])
        content[-1] ^= piece % 2
        sink = storage.sink(piece)
        for at in range(0, len(content), 300):
            sink.write(bytes(content[at : at + 300]))
        assert sink.is_right() == (piece % 2 == 0)
    storage.close()


def test_a_wrong_piece_leaves_nothing(folder: Path) -> None:
    """What was written of a wrong piece is overwritten, and its neighbors stay as they are (spec 9.3)."""
    storage = Storage.create_leecher(folder / "peer_1", CONFIG, warn=print)
    for piece in range(10):
        storage.sink(piece).write(CONTENT[piece * 1000 : (piece + 1) * 1000])
    storage.erase(4)
    storage.erase(9)
    storage.close()
    expected = CONTENT[:4000] + bytes(1000) + CONTENT[5000:9000] + bytes(667)
    assert storage.path.read_bytes() == expected


def test_without_hashes_everything_is_right(tmp_path: Path) -> None:
    """A leecher without hashes takes whatever comes, as before (spec 9.3)."""
    storage = Storage.create_leecher(tmp_path / "peer_1", CONFIG, warn=print)
    sink = storage.sink(0)
    sink.write(bytes(1000))
    assert sink.is_right()
    storage.close()

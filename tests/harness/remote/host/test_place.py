"""What lies on a host: files that are there already, and where they end."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from harness.remote.host.place import Place

CONTENT = b"the very file"
SHA256 = hashlib.sha256(CONTENT).hexdigest()


def alive() -> None:
    """Nobody waits."""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """A host's home of swarms, in a user's home of its own."""
    monkeypatch.setenv("HOME", str(tmp_path))
    found = Place(tmp_path / "swarmproof")
    found.configure({"Common.cfg": "", "pieces.sha256": "of another file"}, ["peer_1"])
    return found


def test_the_file_ends_where_it_is_wanted(place: Place, tmp_path: Path) -> None:
    """A copy gets its name in the folder that is named, in the user's home; another one there is moved aside."""
    (place.swarm / "peer_1/a b.bin").write_bytes(CONTENT)
    where, aside = place.deliver("peer_1/a b.bin", "in/here", alive)
    assert (where, aside) == (str(tmp_path / "in/here/a b.bin"), None)
    assert Path(where).read_bytes() == CONTENT
    assert place.deliver("peer_1/a b.bin", "in/here", alive) == (where, None)
    Path(where).unlink()
    Path(where).write_bytes(b"another one")
    assert place.deliver("peer_1/a b.bin", str(tmp_path / "in/here"), alive) == (
        where,
        f"{where}.1",
    )
    assert Path(f"{where}.1").read_bytes() == b"another one"
    assert (place.swarm / "peer_1/a b.bin").exists()


def test_where_files_can_not_be_linked(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On another file system the copy is made anew, whole or not at all."""

    def refuse(*_: object) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr("os.link", refuse)
    (place.swarm / "peer_1/f").write_bytes(CONTENT)
    where, _ = place.deliver("peer_1/f", "there", alive)
    assert Path(where).read_bytes() == CONTENT
    assert [path.name for path in (tmp_path / "there").iterdir()] == ["f"]


def test_the_very_file_is_used_again(place: Place, tmp_path: Path) -> None:
    """A file with the same hash, at the peer's place or in the folder, becomes the peer's copy; no other does."""
    assert place.reuse("peer_1/f", "there", SHA256, alive) is None
    (tmp_path / "there").mkdir()
    (tmp_path / "there/f").write_bytes(CONTENT + b"!")
    assert place.reuse("peer_1/f", "there", SHA256, alive) is None
    (tmp_path / "there/f").write_bytes(CONTENT)
    assert place.reuse("peer_1/f", "there", SHA256, alive) == str(tmp_path / "there/f")
    assert (place.swarm / "peer_1/f").read_bytes() == CONTENT
    assert place.reuse("peer_1/f", None, SHA256, alive) == str(place.swarm / "peer_1/f")


def test_hashes_of_another_file_go(place: Place) -> None:
    """A configuration without piece hashes removes those of an earlier file, which would fit nothing."""
    assert (place.swarm / "pieces.sha256").exists()
    place.configure({"Common.cfg": ""}, [])
    assert not (place.swarm / "pieces.sha256").exists()

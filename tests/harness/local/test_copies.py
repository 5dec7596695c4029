"""The comparison of all copies with the seed's."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from core.config import PeerInfo, SwarmConfig
from harness.local import copies

Swarm = tuple[Path, SwarmConfig]

CONTENT = b"content" * 1000


@pytest.fixture
def swarm(tmp_path: Path) -> Swarm:
    """A leecher listed before the seed, then three more: same, differing, unfinished, none."""
    infos = tuple(PeerInfo(n, "localhost", 6000 + n, n == 2) for n in range(1, 6))
    for info in infos:
        (tmp_path / f"peer_{info.peer_id}").mkdir()
    (tmp_path / "peer_1" / "f").write_bytes(CONTENT)
    (tmp_path / "peer_2" / "f").write_bytes(CONTENT)
    (tmp_path / "peer_3" / "f").write_bytes(CONTENT[:-1] + b"!")
    (tmp_path / "peer_4" / "f.part").write_bytes(CONTENT[:100])
    return tmp_path, SwarmConfig(2, 1, 2, "f", len(CONTENT), 10, infos)


def test_compare(swarm: Swarm) -> None:
    """Only a whole copy with the seed's SHA-256 is identical; one that isn't there says so."""
    found = copies.compare(*swarm)
    assert {peer_id for peer_id, copy in found.items() if copy.identical} == {1, 2}
    assert found[2].sha256 == found[1].sha256 == hashlib.sha256(CONTENT).hexdigest()
    assert found[3].sha256 not in {None, found[2].sha256}
    assert (found[4].sha256, found[4].problem) == (None, "missing")
    assert found[5].problem == "missing"


def test_missing_seed_makes_none_identical(swarm: Swarm) -> None:
    """Two copies that are both missing aren't identical."""
    folder, config = swarm
    (folder / "peer_2" / "f").unlink()
    assert not any(copy.identical for copy in copies.compare(folder, config).values())


def test_unreadable_copy_is_told(swarm: Swarm) -> None:
    """A copy that can't be read is no crash but a reason."""
    folder, config = swarm
    (folder / "peer_5" / "f").mkdir()
    assert copies.compare(folder, config)[5].problem == "can't be read: Is a directory"


def test_remove(swarm: Swarm) -> None:
    """Identical and unfinished copies are removed; one that differs is evidence and stays."""
    folder, config = swarm
    found = copies.compare(folder, config)
    copies.remove(found[peer_id] for peer_id in (1, 3, 4, 5))
    left = sorted(str(path.relative_to(folder)) for path in folder.glob("*/*"))
    assert left == ["peer_2/f", "peer_3/f"]

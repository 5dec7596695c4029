"""Files of odd sizes and names, and one that changes while it is shared, by `invoke swarm` and real peers."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from harness.local.swarm import Options, run_swarm
from tests.kit.swarm.checked import part_of, right_pieces, write_hashes
from tests.kit.swarm.swarms import Swarm, end_process, ours

pytestmark = pytest.mark.swarm
GIB = 1 << 30


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def test_one_byte_under_an_odd_name(tmp_path: Path) -> None:
    """A file of one byte whose name has blanks and other letters is handed out like any other (spec 1.5, 9.3)."""
    source = tmp_path / "ein  Blatt №1 (ü) 日本.bin"
    source.write_bytes(b"!")
    options = Options(file=source, peers=3, free_ports=True, keep=True)
    assert run_swarm(options, tmp_path / "runs") == 0
    folder = tmp_path / "runs/latest"
    assert (folder / "peer_1003" / source.name).read_bytes() == b"!"
    assert f"FileName {source.name}\n" in (folder / "pieces.sha256").read_text(encoding="utf-8")


@pytest.mark.thorough
@pytest.mark.timeout(900)
@pytest.mark.parametrize("size", [GIB, 5 * GIB + 12_345], ids=["1 GiB", "5 GiB"])
def test_a_large_file(tmp_path: Path, size: int) -> None:
    """Sparse files up to offsets above 4 GiB arrive whole, with what is in their last bytes (spec 9.2)."""
    source = tmp_path / "large.bin"
    with source.open("wb") as file:
        file.truncate(size)
        for place in (0, size // 2, size - 1000):
            os.pwrite(file.fileno(), os.urandom(1000), place)
    options = Options(file=source, peers=2, free_ports=True, keep=True, timeout=800)
    assert run_swarm(options, tmp_path / "runs") == 0
    copy = tmp_path / "runs/latest/peer_1002/large.bin"
    assert sha256(copy) == sha256(source)


def test_a_file_that_changes_while_it_is_shared(tmp_path: Path) -> None:
    """Content that was changed after it was hashed isn't taken: the leecher names its seed, and keeps what is right (spec 9.3)."""
    with Swarm(
        tmp_path, ours(1001, "--rate=300000", seed=True), ours(1002, "--wait=3"), pieces=40
    ) as swarm:
        write_hashes(swarm, swarm.copy_of(1001))
        swarm.start()
        swarm.await_line(1002, "has downloaded the piece", 3)
        with swarm.copy_of(1001).open("r+b") as file:
            for piece in range(40):
                file.seek(piece * 4096)
                file.write(b"changed")
        assert swarm.processes[1002].wait(60) == 3
        end_process(swarm.processes[1001])
        told = swarm.diagnostics(1002)
        assert "connection with peer 1001 closed: it broke the protocol: the content of" in told
        assert "1001 (it told 40 of 40 pieces, and sent wrong content for" in told
        right = right_pieces(swarm, part_of(swarm, 1002))
        assert 3 <= len(right) < 40
        assert swarm.count(1002, "has downloaded the piece") == len(right)

"""`invoke hash`, and what fits a file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from core.config import PeerInfo, SwarmConfig
from core.exits import ExitStatus
from harness.errors import HarnessError
from harness.local import hashing
from harness.local.hashing import Options, fitted, fitting_piece_size, is_traced, run_hash
from peerio.hashes import load

KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30


@pytest.mark.parametrize(
    ("size", "piece_size"),
    [
        (1, 16 * KIB),
        (16 * KIB * 2000, 16 * KIB),
        (16 * KIB * 2000 + 1, 32 * KIB),
        (200 * MIB, 128 * KIB),
        (2 * GIB, 2 * MIB),
        (8 * GIB, 4 * MIB),
        (1 << 42, 4 * MIB),
    ],
)
def test_the_piece_size_fits_the_file(size: int, piece_size: int) -> None:
    """Pieces are powers of two from 16 KiB to 4 MiB, and no more than 2,000 as far as that goes."""
    assert fitting_piece_size(size) == piece_size


@pytest.mark.parametrize(("peers", "k"), [(1, 1), (2, 1), (6, 5), (9, 8), (30, 8)])
def test_a_quick_start(peers: int, k: int) -> None:
    """A real file's swarm prefers all neighbors, up to 8, and reselects each second."""
    infos = tuple(PeerInfo(1 + n, "localhost", 6001 + n, not n) for n in range(peers))
    config = fitted(SwarmConfig(3, 5, 15, "file", 200 * MIB, 16, infos))
    assert (config.preferred_neighbors, config.unchoking_interval) == (k, 1)
    assert (config.piece_size, config.optimistic_interval) == (128 * KIB, 15)


def test_large_files_are_not_traced(capsys: pytest.CaptureFixture[str]) -> None:
    """Above 64 MiB traces are written only where they are asked for, and one line says so."""
    assert is_traced(None, 64 * MIB)
    assert capsys.readouterr().out == ""
    assert not is_traced(None, 64 * MIB + 1)
    assert capsys.readouterr().out.count("\n") == 1
    assert is_traced(True, GIB)
    assert not is_traced(False, 1)


def test_hashes_are_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The file of hashes fits a configuration of the same file and piece size (spec 9.3)."""
    source = tmp_path / "a ü b.bin"
    source.write_bytes(bytes(100_000))
    assert run_hash(Options(source)) == 0
    assert "7 pieces of 16.0 KiB (PieceSize 16384)" in capsys.readouterr().out
    config = SwarmConfig(1, 1, 1, source.name, 100_000, 16_384, ())
    assert load(tmp_path, config) is not None
    other = tmp_path / "other"
    other.mkdir()
    assert run_hash(Options(source, 1000, other)) == 0
    assert load(other, replace(config, piece_size=1000)) is not None


def test_what_can_not_be_hashed(tmp_path: Path) -> None:
    """A missing file or folder, or none named, is one message with a status."""
    with pytest.raises(HarnessError, match="name the file to hash: --file") as caught:
        run_hash(Options())
    assert caught.value.status == ExitStatus.USAGE
    with pytest.raises(HarnessError, match="can't be read"):
        run_hash(Options(tmp_path / "none"))
    with pytest.raises(HarnessError, match="--output"):
        run_hash(Options(tmp_path / "none", None, tmp_path / "nowhere"))


def test_what_takes_long_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Hashing tells every two seconds how far it is."""
    now = [0.0]
    monkeypatch.setattr("harness.local.hashing.time.monotonic", lambda: now[0])
    progress = hashing.Progress("hashing a file")
    for done in range(10):
        now[0] += 0.5
        progress(done * MIB, 10 * MIB)
    assert capsys.readouterr().err.splitlines() == [
        "hashing a file: 3.0 MiB of 10.0 MiB",
        "hashing a file: 7.0 MiB of 10.0 MiB",
    ]

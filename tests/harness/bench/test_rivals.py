"""Other programs in the benchmark: found where they are installed, and measured as whole processes."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote
from urllib.request import urlopen

import pytest

from harness.bench import compare as bench
from harness.bench import rivals
from harness.bench.report import Scenario
from harness.bench.rivals import RIVALS, Rival
from harness.bench.torrents import bencode, torrent, tracking
from harness.errors import HarnessError
from harness.watch.console import make_console

SIZE = 300_000


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source"
    path.write_bytes(bytes(range(251)) * (SIZE // 251))
    return path


def test_bencode() -> None:
    """Numbers, bytes, lists and dictionaries in order have BitTorrent's form (BEP 3)."""
    assert bencode({b"b": [1, b"xy"], b"a": {}}) == b"d1:ade1:bli1e2:xyee"


def test_a_torrent_has_the_pieces_hashes(source: Path) -> None:
    """A torrent names the tracker and has each piece's SHA-1, the last one's too."""
    made = torrent(source, 1 << 16, "http://t/announce")
    content = source.read_bytes()
    assert b"8:announce17:http://t/announce" in made
    assert made.count(b"piece lengthi65536e") == 1
    digests = [hashlib.sha1(content[at : at + (1 << 16)]).digest() for at in range(0, len(content), 1 << 16)]  # fmt: skip
    assert b"6:pieces%d:%s" % (20 * len(digests), b"".join(digests)) in made


def test_the_tracker_tells_who_came_before() -> None:
    """Each peer learns of those before it, not of itself, and all is complete when every leecher has said so."""

    def announce(address: str, peer: bytes, port: int, event: str = "") -> bytes:
        with urlopen(f"{address}?peer_id={quote(peer)}&port={port}&event={event}") as answer:
            found: bytes = answer.read()
        return found

    first, second, third = (bytes([n, 0x80, 0xFF]) * 6 + b"xy" for n in (1, 2, 3))
    with tracking(2) as (tracker, address):
        assert b"5:peers0:" in announce(address, first, 1000, "started")
        assert b"5:peers6:\x7f\0\0\x01\x03\xe8" in announce(address, second, 1001)
        assert b"5:peers12:" in announce(address, third, 1002)
        announce(address, second, 1001, "completed")
        announce(address, second, 1001, "completed")
        assert not tracker.all_complete.is_set()
        announce(address, third, 1002, "completed")
        assert tracker.all_complete.is_set()


@pytest.mark.parametrize("rival", RIVALS, ids=lambda rival: rival.name)
def test_a_rival_delivers(rival: Rival, tmp_path: Path, source: Path) -> None:
    """An installed program delivers the file to all leechers, and what its processes took is told."""
    if not rival.is_there():
        pytest.skip(f"{rival.name} isn't installed: {rival.install}")
    scenario = Scenario(3, 1 << 16, source.stat().st_size)
    whole = rivals.measure(rival, tmp_path, source, scenario, timeout=60)
    assert whole.cpu > 0
    assert whole.wall > 0
    assert whole.peak_memory is None or whole.peak_memory > 1 << 20


def failing(code: str) -> Rival:
    def command(*_: object) -> Sequence[str]:
        return [sys.executable, "-c", code]

    return Rival("other", "nowhere", lambda: True, command)


def test_a_rival_that_ends_is_no_measurement(tmp_path: Path, source: Path) -> None:
    """Another program that ends before all are complete is told, and none of its processes stays."""
    scenario = Scenario(3, 1 << 16, source.stat().st_size)
    with pytest.raises(HarnessError, match="a process of other ended"):
        rivals.measure(failing("raise SystemExit(3)"), tmp_path, source, scenario, timeout=60)


def test_a_rival_that_never_ends_is_no_measurement(tmp_path: Path, source: Path) -> None:
    """Another program that never completes is ended when its time is up."""
    scenario = Scenario(2, 1 << 16, source.stat().st_size)
    waits = failing("import signal; signal.pause()")
    with pytest.raises(HarnessError, match="other took too long"):
        rivals.measure(waits, tmp_path, source, scenario, timeout=0.1)


def test_pieces_that_bittorrent_has_not() -> None:
    """Where pieces aren't multiples of 16 KiB, others are left out."""
    assert rivals.usable(Scenario(2, 32 << 10, 1))
    assert not rivals.usable(Scenario(2, 1000, 1))


def test_what_is_missing_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of a program that isn't installed it is told how to get it, and the benchmark goes on without it."""
    there = failing("")
    missing = Rival("gone", "pip install -e '.[bench]'", lambda: False, there.command)
    monkeypatch.setattr(rivals, "RIVALS", (there, missing))
    assert bench._others(make_console()) == [there]
    assert capsys.readouterr().out == (
        "Not beside gone, which isn't installed: pip install -e '.[bench]'.\n"
    )

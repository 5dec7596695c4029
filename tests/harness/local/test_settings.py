"""`swarm.toml`, the launcher's part of a configuration."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import HarnessError
from harness.local import settings
from harness.local.settings import Settings


def load(folder: Path, text: str) -> Settings:
    (folder / "swarm.toml").write_text(text)
    return settings.load(folder)


def test_without_a_file(tmp_path: Path) -> None:
    """The file is optional: without it nothing is limited."""
    assert settings.load(tmp_path) == Settings(rate=0, timeout=300.0, rates={})


def test_rates_of_single_peers(tmp_path: Path) -> None:
    """A peer's own rate goes before that of all, also when it is "no limit"."""
    found = load(tmp_path, "rate = 100\ntimeout = 9.5\n[rates]\n1002 = 50\n1003 = 0\n")
    assert [found.rate_of(peer_id) for peer_id in (1001, 1002, 1003)] == [100, 50, 0]
    assert found.timeout == 9.5


def test_values_as_people_write_them(tmp_path: Path) -> None:
    """Rates and the timeout may have units, as on the command line."""
    found = load(tmp_path, "rate = '200kB'\ntimeout = '1.5m'\n[rates]\n1002 = '1MiB/s'\n")
    assert found == Settings(rate=200_000, timeout=90.0, rates={1002: 1 << 20})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("speed = 3", "unknown speed: expected rate, timeout, rates"),
        ("rate = 'fast'", "rate 'fast': expected bytes a second, such as 32768, 512k"),
        ("timeout = 'long'", "timeout 'long': expected a time in seconds, or such as 30, 30s"),
        ("rate = -1", "rate -1: expected bytes a second"),
        ("rate = true", "rate True: expected bytes a second"),
        ("timeout = 0", "timeout 0: expected a positive number of seconds"),
        ("timeout = nan", "timeout nan: expected a positive number of seconds"),
        ("rates = 3", "rates: expected a table"),
        ("[rates]\nseed = 3", "rates.seed: expected a peer's id"),
        ("[rates]\n1001 = 1.5", "rates.1001 1.5: expected bytes a second"),
        ("rate = ", "swarm.toml: "),
    ],
)
def test_unusable_values_are_named(tmp_path: Path, text: str, words: str) -> None:
    """Each unusable value is an error that names file and key and what was expected."""
    with pytest.raises(HarnessError, match=words) as caught:
        load(tmp_path, text)
    assert "swarm.toml" in str(caught.value)


def test_unreadable_file(tmp_path: Path) -> None:
    """A file that can't be read is told, not ignored."""
    (tmp_path / "swarm.toml").mkdir()
    with pytest.raises(HarnessError, match="can't be read"):
        settings.load(tmp_path)

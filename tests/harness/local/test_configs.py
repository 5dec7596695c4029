"""The ready-made swarms under configs/."""

from __future__ import annotations

import pytest

from harness.local import ports, settings
from harness.local.runfolder import CONFIGS
from peerio.config import load_config

NAMES = ("assignment", "small", "three-laptops", "two-seeds")
IANA_EPHEMERAL_START = 32768  # the lowest start among the systems in use


def fail_on_warning(text: str) -> None:
    raise AssertionError(text)


def test_all_are_tested() -> None:
    """No ready-made swarm escapes the tests below."""
    assert {path.name for path in CONFIGS.iterdir() if path.is_dir()} == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_can_be_used(name: str) -> None:
    """Each has the prescribed keys alone, ports that dials don't take, and never port 6008."""
    config = load_config(CONFIGS / name, warn=fail_on_warning)
    settings.load(CONFIGS / name)
    found = {peer.port for peer in config.peers}
    assert ports.NEVER not in found
    assert max(found) < IANA_EPHEMERAL_START


@pytest.mark.parametrize("name", ["assignment", "small", "two-seeds"])
def test_is_for_this_machine(name: str) -> None:
    """All but the one for laptops run on localhost, with six peers or more."""
    config = load_config(CONFIGS / name, warn=fail_on_warning)
    assert {peer.host for peer in config.peers} == {"localhost"}
    assert len(config.peers) >= 6


def test_the_course_s_numbers() -> None:
    """`assignment` has the assignment's own numbers: 306 pieces, the last of 5992 bytes (spec 1.4)."""
    config = load_config(CONFIGS / "assignment", warn=fail_on_warning)
    assert (config.file_size, config.piece_size) == (10_000_232, 32_768)
    assert (config.unchoking_interval, config.optimistic_interval) == (5, 15)
    assert config.preferred_neighbors == 2
    assert (config.piece_count, config.piece_length(305)) == (306, 5_992)


def test_the_course_s_swarm_takes_its_time() -> None:
    """`assignment` is limited so that two optimistic choices fit in, and that all is done within 45 s."""
    config = load_config(CONFIGS / "assignment", warn=fail_on_warning)
    rates = settings.load(CONFIGS / "assignment")
    leechers = sum(not peer.has_file for peer in config.peers)
    total = sum(rates.rate_of(peer.peer_id) for peer in config.peers)
    soonest = config.unchoking_interval + leechers * config.file_size / total
    assert 2 * config.optimistic_interval < soonest < 40


def test_two_seeds() -> None:
    """`two-seeds` has two of them, not next to each other."""
    config = load_config(CONFIGS / "two-seeds", warn=fail_on_warning)
    assert [peer.peer_id for peer in config.peers if peer.has_file] == [1001, 1004]


def test_three_laptops() -> None:
    """`three-laptops` is three machines with one peer each, whose names are to be edited."""
    config = load_config(CONFIGS / "three-laptops", warn=fail_on_warning)
    assert len({peer.host for peer in config.peers}) == 3
    assert (CONFIGS / "three-laptops" / "PeerInfo.cfg").read_text().startswith("#")

"""Hosts that are named on the command line become a swarm."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import HarnessError
from harness.remote.naming import names, peers_of
from harness.remote.plan import Options, make_plan

pytest.importorskip("fabric")


def test_names() -> None:
    """Hosts are separated by commas; each may have a user and the port of ssh, and is named once."""
    assert names("a, anna@b ,c:2222") == ("a", "anna@b", "c:2222")
    for text in ("", ",", "a,a", "a b", "a:x", "@a", "a@b@c"):
        with pytest.raises(ValueError, match="expected"):
            names(text)


def test_this_machine_is_the_seed(tmp_path: Path) -> None:
    """The seed is this machine and comes last, so that it connects to the hosts (spec 2.1)."""
    config = tmp_path / "ssh_config"
    config.write_text("Host laptop\n    HostName 127.0.0.9\n    User anna\n")
    ways, here, peers = peers_of(("laptop", "bob@127.0.0.8:22"), 6001, config, from_first=False)
    assert ways == {"127.0.0.9": "laptop", "127.0.0.8": "bob@127.0.0.8:22"}
    assert [(peer.peer_id, peer.host, peer.has_file) for peer in peers] == [
        (1001, "127.0.0.9", False),
        (1002, "127.0.0.8", False),
        (1003, here, True),
    ]


def test_the_first_is_the_seed(tmp_path: Path) -> None:
    """With --from-first no peer runs here, and the first host is the seed."""
    _, here, peers = peers_of(("127.0.0.8", "127.0.0.7"), 7000, None, from_first=True)
    assert here == ""
    assert [(peer.port, peer.has_file) for peer in peers] == [(7000, True), (7000, False)]
    assert tmp_path.exists()


def test_what_fits_the_file(tmp_path: Path) -> None:
    """The configuration fits file and hosts unless options say otherwise, and the hashes go with it (spec 9.3)."""
    file = tmp_path / "f"
    file.write_bytes(bytes(100_000))
    plan = make_plan(Options(hosts=("127.0.0.8", "127.0.0.7"), file=file))
    assert (plan.config.preferred_neighbors, plan.config.piece_size) == (2, 16_384)
    assert plan.files["pieces.sha256"].count("\n") == 4 + 7
    plan = make_plan(Options(hosts=("127.0.0.8",), file=file, k=4, piece_size=1000))
    assert (plan.config.preferred_neighbors, plan.config.piece_size) == (4, 1000)
    with pytest.raises(HarnessError, match="--hosts needs --file"):
        make_plan(Options(hosts=("127.0.0.8",)))
    with pytest.raises(HarnessError, match="--resume needs --file"):
        make_plan(Options(resume=True))

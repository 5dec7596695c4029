"""Where copies differ people are told where the wrong pieces came from."""

from __future__ import annotations

from pathlib import Path

from harness.local import copies
from harness.local.corruption import explain, hashes_here
from peerio.simulation.scenario import Scenario
from peerio.simulation.swarm import Swarm
from verifier.api import verify


def corrupted(folder: Path, **shape: int) -> list[str]:
    """What is told of a swarm without hashes one of whose peers sends wrong content."""
    scenario = Scenario(peers=4, pieces=20, p=0.3, upload=50_000.0, corrupters=1, **shape)  # type: ignore[arg-type]  # numbers
    swarm = Swarm(scenario, 3)
    outcome = swarm.run()
    outcome.write(folder)
    for peer_id, lives in outcome.lives.items():
        (folder / f"peer_{peer_id}").mkdir()
        (folder / f"peer_{peer_id}" / "simulated.dat").write_bytes(lives[-1].file.data)
    compared = copies.compare(folder, swarm.config)
    return explain(folder, hashes_here(compared, swarm.config), verify([folder]))


def test_wrong_pieces_are_traced_to_their_sender(tmp_path: Path) -> None:
    """Each differing copy is told with its pieces and their sources, and who sent them wrong first."""
    *told, first = corrupted(tmp_path, wrong_each=2)
    assert told
    for line in told:
        assert line.startswith(("peer 1003's copy differs", "peer 1004's copy differs"))
        assert " from peer 100" in line
        assert "changed here" not in line
    assert first.startswith("wrong first from peer 1002, whose own copy of them is right: ")
    pieces = [int(n) for n in first.partition("(")[2].strip(")…, ").split(", ") if n.isdigit()]
    assert pieces
    assert not any(piece % 2 for piece in pieces)


def test_a_copy_that_was_damaged_at_home(tmp_path: Path) -> None:
    """A piece that came right, by the trace, and is wrong in the file, is the receiver's own damage."""
    scenario = Scenario(peers=3, pieces=20, p=0.3, upload=50_000.0)
    swarm = Swarm(scenario, 3)
    outcome = swarm.run()
    outcome.write(tmp_path)
    for peer_id, lives in outcome.lives.items():
        data = bytearray(lives[-1].file.data)
        if peer_id == 1003:
            data[4321] ^= 1
        (tmp_path / f"peer_{peer_id}").mkdir()
        (tmp_path / f"peer_{peer_id}" / "simulated.dat").write_bytes(data)
    compared = copies.compare(tmp_path, swarm.config)
    told = explain(tmp_path, hashes_here(compared, swarm.config), verify([tmp_path]))
    assert told[0].startswith(
        "peer 1003's copy differs from peer 1001's in 1 piece (4): 1 from peer"
    )
    assert told[0].endswith("by its trace 1 piece (4) came right, and changed here afterwards")


def test_nothing_to_explain(tmp_path: Path) -> None:
    """Where all copies are the seed's, or there are none, nothing is told."""
    scenario = Scenario(peers=3, pieces=5, p=0.3)
    swarm = Swarm(scenario, 3)
    swarm.run().write(tmp_path)
    compared = copies.compare(tmp_path, swarm.config)
    assert hashes_here(compared, swarm.config) == {}
    assert explain(tmp_path, {}, verify([tmp_path])) == []

"""Real peers that are killed and resume, and real peers that share wrong content (spec 9.2, 9.3)."""

from __future__ import annotations

import time
from pathlib import Path
from random import Random

import pytest

from tests.kit.swarm.checked import (
    DOWNLOADED,
    downloads,
    faults_of,
    part_of,
    resume,
    right_pieces,
    tear,
    turned,
    write_hashes,
)
from tests.kit.swarm.swarms import Swarm, end_process, ours

pytestmark = pytest.mark.swarm

PIECES, PIECE_SIZE = 40, 16_384
WRONG = "connection with peer 1002 closed: it broke the protocol: the content of"


def checked_swarm(folder: Path, leechers: int, *options: str, rate: int = 400_000) -> Swarm:
    """A seed with an upload limit, and leechers; all have the hashes."""
    members = [ours(1001, f"--rate={rate}", *options, seed=True)]
    members += [ours(1002 + i, *options) for i in range(leechers)]
    swarm = Swarm(folder, *members, pieces=PIECES - 0.3, piece_size=PIECE_SIZE)
    write_hashes(swarm, swarm.copy_of(1001))
    return swarm


def kill_and_resume(folder: Path, seed: int, *options: str) -> None:
    """Kill a leecher at a random moment, tear its file, let it resume, and look at everything."""
    rng = Random(seed)
    with checked_swarm(folder, 2, *options) as swarm:
        swarm.start()
        swarm.await_line(1002, DOWNLOADED, rng.randint(1, PIECES - 8))
        time.sleep(rng.random() * 0.05)  # anywhere within a piece
        swarm.kill(1002)
        logged = set(downloads(swarm, 1002))
        if seed % 2:
            tear(part_of(swarm, 1002), rng)
        kept = right_pieces(swarm, part_of(swarm, 1002))
        assert seed % 2 or logged <= kept
        resume(swarm, 1002)
        swarm.await_end()
        told = f"{len(kept)} of {PIECES} pieces are right" if kept else "nothing of it can be kept"
        assert told in swarm.diagnostics(1002)
        again = downloads(swarm, 1002)
        assert sorted(again) == sorted(set(range(PIECES)) - kept)
        assert swarm.copy_of(1002).read_bytes() == swarm.content
        assert swarm.copy_of(1003).read_bytes() == swarm.content
        assert not faults_of(folder)


@pytest.mark.parametrize("traced", [True, False], ids=["traced", "untraced"])
@pytest.mark.parametrize("seed", [1, 2])
def test_killed_and_resumed(tmp_path: Path, seed: int, traced: bool) -> None:
    """A killed leecher fetches exactly what is missing or torn, and the verdict on all lives is clean (spec 9.2)."""
    kill_and_resume(tmp_path, seed, *(["--trace"] if traced else []))


@pytest.mark.thorough
@pytest.mark.parametrize("seed", range(10, 60))
def test_killed_at_any_moment(tmp_path: Path, seed: int) -> None:
    """The same at 50 random moments, of which half tear the file (spec 9.2)."""
    kill_and_resume(tmp_path, seed, *(["--trace"] if seed % 4 < 2 else []))


@pytest.mark.parametrize("traced", [True, False], ids=["traced", "untraced"])
def test_a_complete_peer_comes_back(tmp_path: Path, traced: bool) -> None:
    """A complete peer that is killed and started again takes part again: all dial it that did before (spec 3.6, 7.2)."""
    with checked_swarm(tmp_path, 3, *(["--trace"] if traced else []), rate=4_000_000) as swarm:
        swarm.start(1001, 1002, 1003)
        for peer_id in (1002, 1003):
            swarm.await_line(peer_id, "has downloaded the complete file")
        swarm.kill(1002)
        resume(swarm, 1002)
        swarm.await_diagnostic(1002, "is here and right")
        swarm.start(1004)
        swarm.await_end()
        assert not downloads(swarm, 1002)
        assert "all 40 pieces" in swarm.diagnostics(1002)
        assert swarm.copy_of(1004).read_bytes() == swarm.content
        assert not faults_of(tmp_path)


def test_a_whole_swarm_is_resumed(tmp_path: Path) -> None:
    """All peers are killed and resume: the run goes on, with nothing fetched twice, and its verdict is clean (spec 9.2)."""
    with checked_swarm(tmp_path, 2, "--trace") as swarm:
        swarm.start()
        swarm.await_line(1003, DOWNLOADED, 12)
        for peer_id in (1003, 1002, 1001):
            swarm.kill(peer_id)
        kept = {peer_id: right_pieces(swarm, part_of(swarm, peer_id)) for peer_id in (1002, 1003)}
        for peer_id in swarm.members:
            resume(swarm, peer_id)
        swarm.await_end()
        for peer_id, had in kept.items():
            assert sorted(downloads(swarm, peer_id)) == sorted(set(range(PIECES)) - had)
            assert swarm.copy_of(peer_id).read_bytes() == swarm.content
        assert not faults_of(tmp_path)


@pytest.mark.parametrize(
    "wrong",
    [set(range(PIECES)), set(range(0, PIECES, 10)), {PIECES - 1}],
    ids=["all", "tenth", "last"],
)
def test_a_seed_with_wrong_content(tmp_path: Path, wrong: set[int]) -> None:
    """Wrong content is never kept or passed on, its sender is named, and others complete the swarm (spec 9.3)."""
    members = [
        ours(1001, "--rate=1500000", seed=True),
        ours(1002, seed=True),
        ours(1003),
        ours(1004),
    ]
    with Swarm(tmp_path, *members, pieces=PIECES, piece_size=PIECE_SIZE) as swarm:
        write_hashes(swarm, swarm.copy_of(1001))
        swarm.copy_of(1002).write_bytes(turned(swarm.content, PIECE_SIZE, wrong))
        swarm.start(1002, 1003, 1004)
        swarm.await_diagnostic(1003, WRONG)  # before there is another source
        swarm.start(1001)
        swarm.await_end()
        for peer_id in (1003, 1004):
            assert swarm.copy_of(peer_id).read_bytes() == swarm.content
            assert not {f"piece {piece} from 1002" for piece in wrong} & {
                line.partition("the ")[2].partition(".")[0] for line in swarm.log(peer_id)
            }
        told = swarm.diagnostics(1003) + swarm.diagnostics(1004)
        assert "connection with peer 1001 closed" not in told


def test_the_only_source_has_wrong_content(tmp_path: Path) -> None:
    """Where nobody sends a piece right the peer ends with status 3, and says whose content was wrong (spec 7.3, 9.3)."""
    wrong = {3, 17}
    with Swarm(
        tmp_path, ours(1001, seed=True), ours(1002, "--wait=6"), pieces=PIECES, piece_size=4096
    ) as swarm:
        write_hashes(swarm, swarm.copy_of(1001))
        swarm.copy_of(1001).write_bytes(turned(swarm.content, 4096, wrong))
        swarm.start()
        assert swarm.processes[1002].wait(60) == 3
        end_process(swarm.processes[1001])
        told = swarm.diagnostics(1002)
        assert "ended with status 3: missing: 1001 (it told 40 of 40 pieces, and sent wrong" in told
        assert right_pieces(swarm, part_of(swarm, 1002)) == set(range(PIECES)) - wrong
        data = part_of(swarm, 1002).read_bytes()
        assert all(data[n * 4096 : (n + 1) * 4096] == bytes(4096) for n in wrong)

"""A configuration that isn't the run's is said to be that, once, instead of blaming every line."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.kit.verifier.judging import fired, good_run
from tests.kit.verifier.simulator import Shape, Swarm
from verifier.api import verify
from verifier.findings import Severity
from verifier.judge import Options
from verifier.reading.config import load


def change(folder: Path, name: str, pattern: str, text: str) -> Path:
    """A folder with one of its configuration files changed."""
    path = folder / name
    before = path.read_text()
    path.write_text(re.sub(pattern, text, before))
    assert path.read_text() != before
    return folder


@pytest.mark.parametrize("lenient", [False, True])
@pytest.mark.parametrize("share", [3, 2])
def test_sizes_of_another_run(share: int, lenient: bool, tmp_path: Path) -> None:
    """Too few pieces: one message says so with the sizes that fit, and the status is 2."""
    folder = good_run().write(tmp_path)
    config = load(folder / "Common.cfg", folder / "PeerInfo.cfg")
    change(folder, "Common.cfg", r"FileSize \d+", f"FileSize {config.file_size // share}")
    report = verify([folder], Options(lenient=lenient))
    assert (report.status, report.verdicts) == (2, [])
    (problem,) = report.problems
    assert "is this the run's configuration?" in problem
    assert f"pieces up to {config.pieces - 1:,}" in problem
    found = re.search(r"a FileSize from (\d+) to (\d+) fits", problem)
    assert found is not None
    assert int(found[1]) <= config.file_size <= int(found[2])


def test_piece_sizes_that_fit(tmp_path: Path) -> None:
    """The piece sizes that are named make exactly as many pieces as the logs need."""
    folder = good_run().write(tmp_path)
    config = load(folder / "Common.cfg", folder / "PeerInfo.cfg")
    change(folder, "Common.cfg", r"PieceSize \d+", f"PieceSize {config.piece_size * 3}")
    (problem,) = verify([folder]).problems
    found = re.search(r"a PieceSize of (?:from )?(\d+)(?: to (\d+))? fits", problem)
    assert found is not None
    for size in {int(found[1]), int(found[2] or found[1])}:
        assert -(-config.file_size // size) == config.pieces


def test_peers_of_another_run(tmp_path: Path) -> None:
    """Peers that aren't listed are named."""
    folder = change(good_run().write(tmp_path), "PeerInfo.cfg", r"100([345]) ", r"200\1 ")
    for peer in (1003, 1004, 1005):
        (folder / f"log_peer_{peer}.log").unlink()
    (problem,) = verify([folder]).problems
    assert "doesn't list: 1003, 1004, 1005" in problem


def test_a_slip_is_no_other_configuration(tmp_path: Path) -> None:
    """A few lines with pieces or peers that don't exist are judged, each as what it is."""
    run = good_run()
    path = run.write(tmp_path) / "log_peer_1003.log"
    lines = path.read_text().splitlines(keepends=True)
    places = [at for at, line in enumerate(lines) if "'have' message" in line][:4]
    for at in places:
        lines[at] = re.sub(r"piece \d+", "piece 99999", lines[at])
    path.write_text("".join(lines))
    report = verify([tmp_path])
    assert report.status == 1
    assert "F06" in {one.check.id for one in report.verdicts[0].results if one.tally.counts[2]}


def test_the_file_given_to_other_peers(tmp_path: Path) -> None:
    """Where peers that start with the file download it from the first piece on, one message names them."""
    folder = change(good_run().write(tmp_path), "PeerInfo.cfg", r"(100[234] .*) 0", r"\1 1")
    report = verify([folder], Options(lenient=True))
    assert (report.status, report.verdicts) == (2, [])
    (problem,) = report.problems
    assert "gives the file to peers that download it from the start: 1002, 1003, 1004" in problem
    assert "With a 0 at the end of the line of each of 1002, 1003, 1004 it fits" in problem


def test_one_seed_of_many_that_downloads_is_its_own_fault(tmp_path: Path) -> None:
    """A single peer whose downloads are few of all lines is judged (D04)."""
    folder = Swarm(Shape(leechers=7, pieces=40), 1).run().write(tmp_path)
    change(folder, "PeerInfo.cfg", r"(1008 .*) 0", r"\1 1")
    report = verify([folder], Options(lenient=True))
    assert "D04" in fired(report.verdicts[0], Severity.ERROR)

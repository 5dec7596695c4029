"""Checks of what the kill matrix's mutants don't reach: long idleness, and the files beside the logs."""

from __future__ import annotations

import re
from pathlib import Path

from tests.kit.verifier.judging import Run, fired, good_run, judge
from verifier.findings import Severity


def later(run: Run, peer: int, start: int, seconds: int) -> None:
    """Shift the times of a log's lines from one on."""
    lines = run.log(peer)
    for place in range(start, len(lines)):
        lines[place] = re.sub(r"T10:00:", f"T10:{seconds // 60:02d}:", lines[place], count=1)


def test_idle_peer(tmp_path: Path) -> None:
    """D14: a peer that gets nothing for a long time while a neighbor with plenty has it unchoked."""
    run = good_run()
    for peer in (1001, 1002, 1003, 1004, 1005):
        place = len(run.log(peer)) // 2
        later(run, peer, place, 120)
    assert "D14" in fired(judge(run.write(tmp_path)))


def test_different_file(tmp_path: Path) -> None:
    """D16: a complete peer's file that differs from the seed's by one byte is found."""
    folder = good_run().write(tmp_path)
    size = int(re.search(r"FileSize (\d+)", (folder / "Common.cfg").read_text())[1])  # type: ignore[index]
    for peer in (1001, 1003):
        (folder / f"peer_{peer}").mkdir()
        (folder / f"peer_{peer}" / "TheFile.dat").write_bytes(bytes(size))
    assert "D16" not in fired(judge(folder))
    (folder / "peer_1003" / "TheFile.dat").write_bytes(bytes(size - 1) + b"x")
    assert "D16" in fired(judge(folder))


def test_missing_file(tmp_path: Path) -> None:
    """D16: a complete peer's file that isn't there is a hint beside another's, and proof beside a `.part`."""
    folder = good_run().write(tmp_path)
    size = int(re.search(r"FileSize (\d+)", (folder / "Common.cfg").read_text())[1])  # type: ignore[index]

    def put(peer: int, name: str) -> None:
        (folder / f"peer_{peer}").mkdir(exist_ok=True)
        (folder / f"peer_{peer}" / name).write_bytes(bytes(size))

    def found() -> set[tuple[Severity, str]]:
        (result,) = [one for one in judge(folder).results if one.check.id == "D16"]
        return {(one.severity, one.because) for one in result.tally.findings}

    put(1001, "TheFile.dat")
    (folder / "peer_1003").mkdir()
    assert found() == set(), "the copies may have been removed after the run"
    for peer in (1002, 1004, 1005):
        put(peer, "TheFile.dat")
    ((severity, because),) = found()
    assert severity is Severity.WARNING
    assert "peer 1003 is complete, and TheFile.dat isn't in its folder" in because
    put(1003, "TheFile.dat.part")
    ((severity, because),) = found()
    assert severity is Severity.ERROR
    assert because == "peer 1003 is complete, and has TheFile.dat.part only"
    put(1003, "TheFile.dat")
    assert found() == set()

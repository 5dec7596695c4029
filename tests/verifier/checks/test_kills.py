"""Each check that can fail is shown to fail: by a faulty peer, or by a small edit of a good run."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.kit.verifier.judging import Run, fired, good_run, judge
from tests.kit.verifier.simulator import Shape, Swarm
from verifier.findings import Severity
from verifier.rules import CHECKS

PLAIN: dict[str, Any] = {"leechers": 5, "pieces": 80, "rate": 20_000}
LONG = {"leechers": 6, "pieces": 300, "rate": 3000, "p": 0.5, "m": 1}
QUICK = {"leechers": 5, "pieces": 150, "rate": 8000, "p": 0.5, "m": 1}
IDLE = {"leechers": 11, "pieces": 12, "rate": 250, "p": 0.5, "m": 50, "k": 1, "starts": 0.01}
AFTER = {
    "leechers": 8,
    "pieces": 40,
    "rate": 700,
    "p": 0.25,
    "m": 1,
    "late": {1006: 60, 1007: 60, 1008: 60, 1009: 60},
}
EVERYBODY = tuple(range(1001, 1013))

FAULTY: dict[str, tuple[str, tuple[int, ...], dict[str, Any]]] = {
    "I01": ("no answer", (1003,), PLAIN),
    "I02": ("always interested", (1003,), PLAIN),
    "I03": ("drops piece line", (1003,), PLAIN),
    "I04": ("never not interested", (1003,), PLAIN),
    "I06": ("never not interested", (1003,), PLAIN),
    "I07": ("late interest", (1003,), PLAIN),
    "K01": ("k+1", (1001,), PLAIN),
    "K02": ("ignores interest", EVERYBODY, PLAIN),
    "K03": ("k-1", (1001,), PLAIN),
    "K04": ("logs every tick", (1001,), LONG),
    "K05": ("fast ticks", (1001,), LONG),
    "K06": ("p for m", (1001,), LONG),
    "K07": ("ignores interest", EVERYBODY, LONG),
    "K08": ("any optimistic", (1001,), LONG),
    "K09": ("never chokes", EVERYBODY, LONG),
    "K10": ("chokes optimistic", (1001,), LONG),
    "K12": ("never chokes", (1001,), LONG),
    "K13": ("worst first", EVERYBODY, QUICK),
    "K14": ("lowest ids", (1001,), LONG),
    "K15": ("lowest ids", EVERYBODY, IDLE),
    "K16": ("first optimistic", EVERYBODY, LONG),
    "K17": ("no optimistic", (1001,), LONG),
    "K18": ("lowest ids", (1002, 1003, 1004, 1005), AFTER),
    "D01": ("count first", (1003,), PLAIN),
    "D03": ("count first", (1003,), PLAIN),
    "D08": ("serves choked", EVERYBODY, LONG),
    "D10": ("drops piece line", (1003,), PLAIN),
    "D12": ("lowest piece", (1003,), PLAIN),
    "H01": ("no have to source", (1003,), PLAIN),
    "H03": ("have twice", (1003,), PLAIN),
    "C02": ("no connected line", (1001,), PLAIN),
    "C04": ("no connected line", (1001,), PLAIN),
    "T01": ("never done", (1003,), PLAIN),
    "T02": ("leaves early", (1003,), PLAIN),
    "G02": ("late interest", EVERYBODY, PLAIN),
    "H06": ("late have", (1003,), LONG),
    "T05": ("leaves early", (1003,), PLAIN),
}


@pytest.mark.parametrize("name", FAULTY)
def test_faulty_peer(name: str, tmp_path: Path) -> None:
    """A peer that breaks this rule is found by its check."""
    fault, who, settings = FAULTY[name]
    shape = Shape(**settings, faults={one: {fault} for one in who})
    assert name in fired(judge(Swarm(shape, 3).run(200).write(tmp_path)))


def swap(run: Run, peer: int, first: int, second: int) -> None:
    """Exchange what two lines say, but not their times."""
    lines = run.log(peer)
    (a, x), (b, y) = (lines[place].split(": ", 1) for place in (first, second))
    lines[first], lines[second] = f"{a}: {y}", f"{b}: {x}"


def insert(run: Run, peer: int, place: int, text: str) -> None:
    """Add a line with the time of the one at that place."""
    stamp = run.log(peer)[place].split(": ")[0]
    run.log(peer).insert(place, f"{stamp}: Peer {peer} {text}\n")


def reseat(run: Run) -> None:
    """Let two leechers say that they got a piece from each other."""
    piece = re.search(
        r"the piece (\d+) from", run.log(1003)[run.find(1003, "downloaded the piece", 20)]
    )
    assert piece is not None
    for one, other in ((1003, 1004), (1004, 1003)):
        run.change(one, rf"the piece {piece[1]} from \d+", f"the piece {piece[1]} from {other}")


def later(run: Run, peer: int, start: int, seconds: int) -> None:
    """Shift the times of a log's lines from one on."""
    lines = run.log(peer)
    for place in range(start, len(lines)):
        lines[place] = re.sub(r"T10:00:", f"T10:{seconds // 60:02d}:", lines[place], count=1)


def piece_of(run: Run, pattern: str) -> str:
    """The piece that the first such line of peer 1003 downloads."""
    found = re.search(r"the piece (\d+)", run.log(1003)[run.find(1003, pattern)])
    assert found is not None
    return found[1]


def linger(run: Run) -> None:
    """Let a log go on for a minute after its owner knows that all are complete."""
    insert(run, 1003, len(run.log(1003)) - 1, "is choked by 1001.")
    later(run, 1003, len(run.log(1003)) - 1, 60)


FROM_1004 = r"piece \d+ from 1004"
EDITS: dict[str, Callable[[Run], object]] = {
    "F01": lambda run: run.files.pop("log_peer_1003.log"),
    "F02": lambda run: run.change(1003, r"\.\n$", "\n", 5),
    "F03": lambda run: run.change(1003, r"Peer 1003 is unchoked", "Peer 1004 is unchoked"),
    "F04": lambda run: run.change(1003, r"message from \d+ for", "message from 1044 for"),
    "F05": lambda run: run.log(1003).__setitem__(20, run.log(1003)[20].replace("T10:00", "T09:59")),
    "F06": lambda run: run.change(1003, r"for the piece \d+", "for the piece 60"),
    "F07": lambda run: run.change(1001, r"neighbors (\d+),\d+", r"neighbors \1,\1"),
    "F08": lambda run: run.log(1003).extend(run.log(1003)[:]),
    "F09": lambda run: run.log(1003).__setitem__(-1, run.log(1003)[-1].rstrip()),
    "F10": lambda run: run.files["PeerInfo.cfg"].append(run.files["PeerInfo.cfg"][1]),
    "C01": lambda run: run.change(1001, "is connected from Peer 1002", "makes a connection to Peer 1002"),
    "C03": lambda run: [run.log(a).pop(run.find(a, f"(to|from) Peer {b}")) for a, b in ((1004, 1003), (1003, 1004))],
    "C05": lambda run: insert(run, 1003, 9, "is connected from Peer 1002."),
    "K11": lambda run: insert(run, 1003, run.find(1003, "is choked by"), "is choked by 1002."),
    "D02": lambda run: run.change(1003, r"the piece \d+ from", f"the piece {piece_of(run, 'downloaded the piece')} from", 7),
    "D04": lambda run: insert(run, 1001, 9, "has downloaded the complete file."),
    "D05": lambda run: run.log(1004).pop(run.find(1004, f"downloaded the piece {piece_of(run, FROM_1004)} ")),
    "D06": lambda run: run.log(1003).pop(run.find(1003, rf"from 1004 for the piece {piece_of(run, FROM_1004)}\.")),
    "D07": lambda run: run.log(1001).pop(run.find(1001, "'interested' message from 1003")),
    "D09": lambda run: run.move(1003, run.find(1003, "complete file"), 20),
    "D11": reseat,
    "H02": lambda run: run.log(1003).pop(run.find(1003, "downloaded the piece", 9)),
    "H04": lambda run: run.log(1003).pop(run.find(1003, "'have' message from 1004", 3)),
    "H05": lambda run: swap(run, 1003, run.find(1003, "'have' message from 1004", 3), run.find(1003, "'have' message from 1004", 4)),
    "T03": linger,
    "T04": lambda run: run.log(1003).append(run.log(1003)[-1].split(": ")[0] + ": Peer 1003 has the preferred neighbors .\n"),
    "G01": lambda run: run.move(1003, run.find(1003, "'have' message from 1004", -1), 14),
    "G03": lambda run: later(run, 1003, 60, 120),
}  # fmt: skip


@pytest.mark.parametrize("name", EDITS)
def test_edited_log(name: str, tmp_path: Path) -> None:
    """A small edit of a good run that breaks this rule is found by its check."""
    run = good_run()
    EDITS[name](run)
    assert name in fired(judge(run.write(tmp_path)))


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


def test_a_count_on_its_own_line(tmp_path: Path) -> None:
    """D09: the count of the last piece on a line of its own doesn't part it from the line of completion."""
    run = good_run()
    lines = [line.replace(". Now", ".\nNow") for line in run.log(1003)]
    run.files["log_peer_1003.log"] = lines
    assert "D09" not in fired(judge(run.write(tmp_path / "apart")))
    place = run.find(1003, "complete file")
    insert(run, 1003, place, "is choked by 1001.")
    assert "D09" in fired(judge(run.write(tmp_path / "between")))


def test_every_check_is_killed() -> None:
    """No check of errors or warnings goes without something that it was seen to find."""
    killed = {*FAULTY, *EDITS, "D14", "D16"}
    graded = {
        name for name, check in CHECKS.items() if check.severity > Severity.INFO and name[0] != "W"
    }
    assert graded - killed == set()

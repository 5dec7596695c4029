"""Several runs appended to one file are told apart, and their parts put together right."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.kit.verifier.judging import fired
from verifier.api import verify
from verifier.history.runs import Run, find_runs
from verifier.judge import Options
from verifier.reading.scan import Scanner

PEERS = (1001, 1002, 1003)
PIECES = 3
COMMON = (
    "NumberOfPreferredNeighbors 2\nUnchokingInterval 5\nOptimisticUnchokingInterval 15\n"
    "FileName TheFile.dat\nFileSize 3000\nPieceSize 1000\n"
)
PEER_INFO = "1001 localhost 6001 1\n1002 localhost 6002 0\n1003 localhost 6003 0\n"


class Logs:
    """Three logs that are written a run at a time; `timed` says whether lines have times."""

    def __init__(self, *, timed: bool = True) -> None:
        self.lines: dict[int, list[str]] = {peer: [] for peer in PEERS}
        self._timed = timed

    def say(self, at: float, peer: int, text: str) -> None:
        """One line."""
        minute, second = divmod(at, 60)
        time = f"2026-04-18 10:{int(minute):02}:{int(second):02}: " if self._timed else ""
        self.lines[peer].append(f"{time}Peer {peer} {text}.\n")

    def connect(self, at: float, who: int, to: int) -> None:
        """Both ends of a connection."""
        self.say(at, who, f"makes a connection to Peer {to}")
        self.say(at, to, f"is connected from Peer {who}")

    def load(self, at: float, peer: int) -> None:
        """All pieces from the seed."""
        self.say(at, 1001, f"received the 'interested' message from {peer}")
        self.say(at, peer, "is unchoked by 1001")
        for piece in range(PIECES):
            self.say(
                at,
                peer,
                f"has downloaded the piece {piece} from 1001. Now the number of pieces it has is {piece + 1}",
            )
        self.say(at, peer, "has downloaded the complete file")

    def run(self, at: float, *, third: float | None = 10, loads: bool = True) -> None:
        """A run; the third peer comes so many seconds later, or not at all."""
        self.connect(at, 1002, 1001)
        if loads:
            self.load(at + 1, 1002)
        if third is not None:
            self.connect(at + third, 1003, 1001)
            self.connect(at + third, 1003, 1002)
            if loads:
                self.load(at + third + 1, 1003)

    def write(self, folder: Path) -> Path:
        """The three logs and their configuration."""
        (folder / "Common.cfg").write_text(COMMON)
        (folder / "PeerInfo.cfg").write_text(PEER_INFO)
        for peer, lines in self.lines.items():
            (folder / f"log_peer_{peer}.log").write_text("".join(lines))
        return folder

    def runs(self, folder: Path) -> list[Run]:
        """What is made of them."""
        self.write(folder)
        return find_runs(
            [Scanner(peer, PEERS, PIECES).read(folder / f"log_peer_{peer}.log") for peer in PEERS]
        )


def shape(runs: list[Run]) -> list[dict[int, int]]:
    """For each run the peers that took part, with their first lines."""
    return [{PEERS[log]: first for log, (first, _) in run.windows} for run in runs]


def beginnings(logs: Logs, *, before: int = 0) -> dict[int, int]:
    """Where the next run will begin in each log."""
    return {peer: len(lines) + 1 + before for peer, lines in logs.lines.items()}


@pytest.mark.parametrize("timed", [True, False])
@pytest.mark.parametrize("third", [0, 10, 50])
def test_runs_with_a_late_connection(tmp_path: Path, timed: bool, third: float) -> None:
    """A peer that connects late belongs to the run that goes on, with or without times."""
    logs = Logs(timed=timed)
    expected = []
    for number in range(3):
        expected.append(beginnings(logs))
        logs.run(60 * number, third=third)
    assert shape(logs.runs(tmp_path)) == expected


@pytest.mark.parametrize("timed", [True, False])
def test_a_quiet_run_between_two(tmp_path: Path, timed: bool) -> None:
    """A run in which nobody loaded anything is a run too."""
    logs = Logs(timed=timed)
    expected = []
    for number, loads in enumerate((True, False, True)):
        expected.append(beginnings(logs))
        logs.run(60 * number, loads=loads)
    assert shape(logs.runs(tmp_path)) == expected


@pytest.mark.parametrize("absent", [0, 1, 2])
def test_a_peer_that_took_part_in_some_runs_only(tmp_path: Path, absent: int) -> None:
    """Parts are matched by their connections, not by counting from the end."""
    logs = Logs()
    expected = []
    for number in range(3):
        begin = beginnings(logs)
        if number == absent:
            del begin[1003]
        expected.append(begin)
        logs.run(60 * number, third=None if number == absent else 10)
    assert shape(logs.runs(tmp_path)) == expected


def test_a_log_that_holds_other_runs_is_not_called_missing(tmp_path: Path) -> None:
    """F01 never says that a log isn't there which is (spec 8.1); the verdict says where it stands."""
    logs = Logs()
    for number in range(3):
        logs.run(60 * number, third=None if number == 1 else 10)
    report = verify([logs.write(tmp_path)], Options(run="all", lenient=True))
    assert report.problems == []
    assert all("F01" not in fired(verdict) for verdict in report.verdicts)
    assert "log_peer_1003.log holds no line of this run" in report.verdicts[1].notes


def test_haves_count_in_each_run(tmp_path: Path) -> None:
    """Whether a log tells of haves is asked of each run, so leniency doesn't leave them all undecided."""
    logs = Logs()
    for number in range(2):
        logs.run(60 * number)
        logs.say(60 * number + 12, 1002, "received the 'have' message from 1003 for the piece 0")
    report = verify([logs.write(tmp_path)], Options(run="all", lenient=True, checks=("H01",)))
    for verdict in report.verdicts:
        assert sum(life.columns.have_count for life in verdict.case.lives) == 1


def test_a_reconnect_is_no_run(tmp_path: Path) -> None:
    """A neighbor that comes back while another goes on begins nothing (spec 2.5)."""
    logs = Logs()
    logs.run(0)
    logs.connect(20, 1002, 1001)
    logs.say(21, 1001, "received the 'interested' message from 1003")
    assert len(logs.runs(tmp_path)) == 1


def test_a_reconnect_of_the_only_neighbor_is_no_run(tmp_path: Path) -> None:
    """Two peers that lose each other in the middle go on counting: that is one run."""
    logs = Logs()
    logs.connect(0, 1002, 1001)
    logs.say(1, 1002, "has downloaded the piece 0 from 1001. Now the number of pieces it has is 1")
    logs.connect(2, 1002, 1001)
    logs.say(3, 1002, "has downloaded the piece 1 from 1001. Now the number of pieces it has is 2")
    assert len(logs.runs(tmp_path)) == 1


def test_an_hour_between_two_runs(tmp_path: Path) -> None:
    """A pause of an hour before a repeated connection begins a run, whatever else is logged."""
    logs = Logs()
    logs.connect(0, 1002, 1001)
    for peer, text in (
        (1002, "makes a connection to Peer 1001"),
        (1001, "is connected from Peer 1002"),
    ):
        logs.lines[peer].append(f"2026-04-18 12:00:00: Peer {peer} {text}.\n")
    assert shape(logs.runs(tmp_path))[:2] == [{1001: 1, 1002: 1, 1003: 1}, {1001: 2, 1002: 2}]


def test_a_last_line_that_was_cut_is_not_believed(tmp_path: Path) -> None:
    """A number at the torn end of a file may lack digits: it blames nobody (spec 8.2)."""
    logs = Logs()
    logs.run(0)
    logs.lines[1003].append("2026-04-18 10:00:30: Peer 1003 is choked by 10")
    verdict = verify([logs.write(tmp_path)], Options(lenient=True)).verdicts[0]
    assert "F04" not in fired(verdict)


@pytest.mark.parametrize(
    "words", ["received the 'have' message from {} for the piece {}", "HAVE {} {}"]
)
def test_a_last_have_that_was_cut_is_not_believed(words: str, tmp_path: Path) -> None:
    """Nor is the piece of a have, in whatever words the log has its haves."""
    path = tmp_path / "log_peer_1001.log"
    start = "2026-04-18 10:00:00: Peer 1001 "
    lines = [f"{start}{words.format(1002, piece)}.\n" for piece in range(20, 30)]
    path.write_text("".join([*lines, start, words.format(1002, 3)]))
    log = Scanner(1001, [1001, 1002], 40).read(path)
    assert [list(conn.pieces) for conn in log.conns] in ([list(range(20, 30))], [])
    assert log.form.truncated


@pytest.mark.parametrize("timed", [True, False])
def test_two_connections_of_a_pair_are_one_run(timed: bool, tmp_path: Path) -> None:
    """Programs that share a connection each way start no further run with the second one."""
    logs = Logs(timed=timed)
    for who, to in (
        (1002, 1001),
        (1001, 1002),
        (1003, 1001),
        (1003, 1002),
        (1001, 1003),
        (1002, 1003),
    ):
        logs.connect(who - 1000, who, to)
    logs.load(8, 1002)
    logs.load(9, 1003)
    verdict = verify([logs.write(tmp_path)], Options(lenient=True)).verdicts[0]
    assert "F08" not in fired(verdict)

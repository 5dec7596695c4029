"""With --lenient nobody is blamed for another's faulty logging, and what logs prove stays an error."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.kit.verifier.judging import fired, judge
from verifier.findings import Severity
from verifier.judge import Verdict
from verifier.reading.words import topics

COMMON = """NumberOfPreferredNeighbors 2
UnchokingInterval 5
OptimisticUnchokingInterval 15
FileName f.bin
FileSize {size}
PieceSize 10
"""


def write(folder: Path, pieces: int, logs: dict[int, str]) -> Path:
    """A run of a seed 1001 and leechers; each log's lines are `SECONDS sentence`."""
    (folder / "Common.cfg").write_text(COMMON.format(size=pieces * 10))
    info = [f"{peer} localhost {peer + 5000} {int(peer == 1001)}\n" for peer in sorted(logs)]
    (folder / "PeerInfo.cfg").write_text("".join(info))
    for peer, text in logs.items():
        lines = [line.split(" ", 1) for line in text.strip().splitlines()] if text else []
        (folder / f"log_peer_{peer}.log").write_text(
            "".join(
                f"2026-03-01 10:{int(float(at)) // 60:02}:{float(at) % 60:06.3f}: Peer {peer} {words}.\n"
                for at, words in lines
            )
        )
    return folder


def outcome(verdict: Verdict, name: str) -> str:
    """What one check came to: error, warning, unknown, ok or not exercised."""
    tally = next(one.tally for one in verdict.results if one.check.id == name)
    if tally.counts[Severity.ERROR]:
        return "error"
    return "warning" if tally.counts[Severity.WARNING] else tally.outcome.value


def download(piece: int, source: int, count: int) -> str:
    return f"has downloaded the piece {piece} from {source}. Now the number of pieces it has is {count}"


def have(source: int, piece: int) -> str:
    return f"received the 'have' message from {source} for the piece {piece}"


def lost_tail(goes_on: str = "") -> dict[int, str]:
    """Peer 1002 announces and serves piece 3, which its log, ending before, never tells."""
    return {
        1001: f"0 is connected from Peer 1002\n0 is connected from Peer 1003\n3 {have(1002, 2)}\n7 {have(1002, 3)}",
        1002: f"0 makes a connection to Peer 1001\n0 is connected from Peer 1003\n3 {download(2, 1001, 1)}{goes_on}",
        1003: f"0 makes a connection to Peer 1001\n0 makes a connection to Peer 1002\n3 {have(1002, 2)}\n"
        f"7 {have(1002, 3)}\n9 {download(3, 1002, 1)}",
    }


def test_a_lost_tail_proves_nothing(tmp_path: Path) -> None:
    """What others heard after a log's last line is unknown, not its peer's fault."""
    verdict = judge(write(tmp_path, 4, lost_tail()), lenient=True)
    assert {outcome(verdict, name) for name in ("D05", "H02")} == {"unknown"}
    broken = [one for one in verdict.results if one.check.id in {"D10", "T01"}]
    blamed = {finding.because[:9] for one in broken for finding in one.tally.findings}
    assert blamed == {"peer 1003"}
    reasons = [reason for one in verdict.results for reason in one.tally.reasons]
    assert any("log_peer_1002.log may have lost its end" in reason for reason in reasons)


def test_a_log_that_goes_on_proves_it(tmp_path: Path) -> None:
    """A log that goes on long after what others heard should have told it."""
    logs = lost_tail(goes_on=f"\n9.1 {have(1003, 3)}\n30 is choked by 1001")
    verdict = judge(write(tmp_path, 4, logs), lenient=True)
    assert outcome(verdict, "D05") == outcome(verdict, "H02") == "error"


def test_strict_judges_as_before(tmp_path: Path) -> None:
    """Without --lenient a log that merely ends early is held to what others heard."""
    assert {"D05", "H02"} <= fired(judge(write(tmp_path, 4, lost_tail())), Severity.ERROR)


def early(delay: float, heard: str) -> dict[int, str]:
    """Peer 1003 says `interested` before peer 1002's log has the piece that makes it so."""
    late = 0.6 + delay
    return {
        1001: "0 is connected from Peer 1002\n0 is connected from Peer 1003\n"
        f"{late} {have(1002, 4)}\n{late + 2} {have(1002, 5)}",
        1002: "0 makes a connection to Peer 1001\n0.5 is connected from Peer 1003\n"
        "0.6 received the 'interested' message from 1003\n"
        f"{late} {download(4, 1001, 1)}\n{late + 2} {download(5, 1001, 2)}",
        1003: "0 makes a connection to Peer 1001\n0.5 makes a connection to Peer 1002"
        f"{heard}\n{late + 2} {have(1002, 5)}",
    }


@pytest.mark.parametrize("heard", [f"\n0.55 {have(1002, 4)}", ""], ids=["have", "bitfield"])
def test_who_acts_before_writing_is_named(tmp_path: Path, heard: str) -> None:
    """An `interested` that a have or bitfield explains whose line comes late is no error."""
    verdict = judge(write(tmp_path, 6, early(0.2, heard)), lenient=True)
    assert outcome(verdict, "I02") == "warning"
    assert outcome(verdict, "H01") in {"warning", "ok"}
    finding = next(one for one in verdict.results if one.check.id == "I02").tally.findings[0]
    assert finding.because.startswith("peer 1002 had told")


def test_no_line_is_that_late(tmp_path: Path) -> None:
    """A download many seconds later explains no `interested`."""
    verdict = judge(write(tmp_path, 6, early(30, "")), lenient=True)
    assert outcome(verdict, "I02") == "error"


def silent(both: bool, seconds: int) -> dict[int, str]:
    """Two leechers get three pieces; 1003 hears only of the first of 1002's, and so back if `both`."""
    hears = "" if both else "".join(f"\n{5 + n} {have(1003, n)}" for n in range(1, 3))
    gets = "".join(f"\n{5 + n} {download(n, 1001, n + 1)}" for n in range(3))
    last = f"\n{seconds} is choked by 1001"
    return {
        1001: "0 is connected from Peer 1002\n0 is connected from Peer 1003\n"
        + "\n".join(f"{5 + n} {have(peer, n)}" for n in range(3) for peer in (1002, 1003)),
        1002: f"0 makes a connection to Peer 1001\n0 is connected from Peer 1003\n1 is unchoked by 1001{gets}\n5 {have(1003, 0)}{hears}{last}",
        1003: f"0 makes a connection to Peer 1001\n0 makes a connection to Peer 1002\n1 is unchoked by 1001{gets}\n5 {have(1002, 0)}{last}",
    }


@pytest.mark.parametrize(
    ("both", "seconds", "expected"),
    [(True, 40, "error"), (True, 15, "warning"), (False, 40, "warning")],
)
def test_silence(tmp_path: Path, both: bool, seconds: int, expected: str) -> None:
    """Haves that pass neither way for 20 s between peers that live on are no lost tail (spec 5.3)."""
    verdict = judge(write(tmp_path, 3, silent(both, seconds)), lenient=True)
    assert outcome(verdict, "H01") == expected


def test_unread_lines_prove_nothing(tmp_path: Path) -> None:
    """Where an unread line mentions a download, nobody is blamed for one that isn't told."""
    logs = lost_tail(goes_on=f"\n9.1 {have(1003, 3)}\n30 is choked by 1001")
    folder = write(tmp_path, 4, logs)
    path = folder / "log_peer_1002.log"
    path.write_text(path.read_text() + "2026-03-01 10:00:31: downloaded: piece=3 peer=1001\n")
    verdict = judge(folder, lenient=True)
    assert outcome(verdict, "D05") == outcome(verdict, "H02") == "unknown"


@pytest.mark.parametrize(
    ("text", "about"),
    [
        ("10:00: downloaded: piece=3 peer=1001", ["download"]),
        ("10:00: HAVE 5 <- 1002", ["have"]),
        ("10:00: 1002 unchoked me, 1001", ["choke"]),
        ("10:00: 1002 => unchoked us", ["choke"]),
        ("10:00: 1003 says it is interested in 1001", ["interest"]),
        ("10:00: sending 'have' 5 to 1002", []),
        ("10:00: Unchoking Interval set to 5", []),
        ("10:00: All peers have completed downloading the file.", []),
        ("10:00: Connection to 1002 closed", []),
    ],
)
def test_topics(text: str, about: list[str]) -> None:
    """A line states something about an event only if it names a peer or piece and isn't one's own act."""
    assert list(topics(text)) == about


@pytest.mark.parametrize(
    "words",
    [
        "has the preferred neighbors 0,1002",
        "has the preferred neighbors null, 1002",
        "has the preferred neighbors [1002, None]",
        "has the preferred neighbors -1",
        "has the preferred neighbors 1002,-1",
        "has the optimistically unchoked neighbor 0",
        "has the optimistically unchoked neighbor -1",
    ],
)
def test_nobody_is_no_stranger(tmp_path: Path, words: str) -> None:
    """An id of 0, or what else stands for nobody, in a choice is a fault of logging (spec 1.3)."""
    logs = {
        1001: f"0 is connected from Peer 1002\n6 {words}",
        1002: "0 makes a connection to Peer 1001",
    }
    verdict = judge(write(tmp_path, 1, logs), lenient=True)
    assert (outcome(verdict, "F07"), outcome(verdict, "F04")) == ("warning", "ok")


def test_own_id_is_called_so(tmp_path: Path) -> None:
    """The writer's own id among its neighbors is called that, not a stranger's (spec 1.3)."""
    logs = {
        1001: "0 is connected from Peer 1002\n6 has the preferred neighbors 1001",
        1002: "0 makes a connection to Peer 1001",
    }
    verdict = judge(write(tmp_path, 1, logs), lenient=True)
    finding = next(one for one in verdict.results if one.check.id == "F04").tally.findings[0]
    assert re.search("1001 is the writer's own id", finding.because)


def test_an_empty_log_is_the_cause(tmp_path: Path) -> None:
    """An empty log is named, and connections that it would show are unknown."""
    logs = {
        1001: "0 is connected from Peer 1002",
        1002: "0 makes a connection to Peer 1001",
        1003: "",
    }
    verdict = judge(write(tmp_path, 1, logs), lenient=True)
    assert outcome(verdict, "F01") == "error"
    assert outcome(verdict, "C03") == "unknown"

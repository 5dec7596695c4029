"""A process that was stopped for a while (SIGSTOP) is no reason to warn; who is late without that, is (spec 4.5, 5.3)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.kit.verifier.judging import judge
from tests.verifier.checks.test_fairness import download, have, outcome, write
from verifier.reading.columns import LogColumns


def late_choice(*between: str) -> dict[int, str]:
    """Peer 1002 is interested and choked for 60 s at the seed, where m is 15, until it is chosen."""
    lines = ["0 is connected from Peer 1002", "0 is connected from Peer 1003"]
    lines += ["1 received the 'interested' message from 1002", *between]
    lines += ["61 has the optimistically unchoked neighbor 1002"]
    return {
        1001: "\n".join(lines),
        1002: "0 makes a connection to Peer 1001\n0 is connected from Peer 1003\n61 is unchoked by 1001",
        1003: "0 makes a connection to Peer 1001\n0 makes a connection to Peer 1002",
    }


def test_who_is_stopped_chooses_nobody(tmp_path: Path) -> None:
    """A choice that is overdue by as long as the log is silent is no warning (K17)."""
    assert outcome(judge(write(tmp_path, 4, late_choice())), "K17") == "ok"


def test_who_goes_on_without_choosing_is_told(tmp_path: Path) -> None:
    """Lines in between show that the process ran, and chose nobody (K17)."""
    words = "received the 'not interested' message from 1003"
    logs = late_choice(*(f"{at} {words}" for at in range(5, 60, 5)))
    assert outcome(judge(write(tmp_path, 4, logs)), "K17") == "warning"


@pytest.mark.parametrize(("spoken", "expected"), [(0, "ok"), (599, "warning")])
def test_who_is_stopped_repeats_no_choice(tmp_path: Path, spoken: int, expected: str) -> None:
    """Choices that would have been due while the log is silent are none that stayed the same (K14)."""
    lines = [f"0 is connected from Peer {peer}" for peer in (1002, 1003, 1004)]
    lines += [f"1 received the 'interested' message from {peer}" for peer in (1002, 1003, 1004)]
    lines += ["5 has the preferred neighbors 1002,1003"]
    lines += [f"{at} {have(1003, 0)}" for at in range(6, 6 + spoken)]
    lines += [
        f"606 received the 'not interested' message from {peer}" for peer in (1002, 1003, 1004)
    ]
    others = {
        peer: "\n".join(
            [f"0 makes a connection to Peer {other}" for other in range(1001, peer)]
            + [f"0 is connected from Peer {other}" for other in range(peer + 1, 1005)]
        )
        for peer in (1002, 1003, 1004)
    }
    logs = {1001: "\n".join(lines), **others}
    assert outcome(judge(write(tmp_path, 4, logs), lenient=True), "K14") == expected


def late_have(*, sender: str, hearer: str) -> dict[int, str]:
    """Peer 1003 hears of 1002's second piece 20 s after its download, of the others at once."""
    one, two, *more = [
        f"{at} {download(piece, 1001, piece + 1)}" for piece, at in enumerate((2, 3, 24, 25))
    ]
    first, *haves = [f"{at} {have(1002, piece)}" for piece, at in enumerate((2, 23, 24, 25))]
    makes = "0 makes a connection to Peer"
    return {
        1001: "0 is connected from Peer 1002\n0 is connected from Peer 1003",
        1002: "\n".join(
            (f"{makes} 1001\n0 is connected from Peer 1003", one, two, *sender.splitlines(), *more)
        ),
        1003: "\n".join((f"{makes} 1001\n{makes} 1002", first, *hearer.splitlines(), *haves)),
    }


SENDER = "\n".join(f"{at} received the 'interested' message from 1003" for at in range(4, 24))
HEARER = "\n".join(f"{at} is choked by 1001" for at in range(3, 23))


@pytest.mark.parametrize(
    ("sender", "hearer", "expected"),
    [
        ("", HEARER, "ok"),
        (SENDER, "", "ok"),
        (SENDER, HEARER, "warning"),
    ],
    ids=["the sender was stopped", "the hearer was stopped", "both ran"],
)
def test_who_is_stopped_hears_and_tells_late(
    tmp_path: Path, sender: str, hearer: str, expected: str
) -> None:
    """A have that is late by as long as one of the two logs is silent is no warning (H06)."""
    verdict = judge(write(tmp_path, 5, late_have(sender=sender, hearer=hearer)), lenient=True)
    assert outcome(verdict, "H06") == expected


def test_who_is_stopped_during_all_haves(tmp_path: Path) -> None:
    """It makes no difference whether a connection also has a have that wasn't late (H06).

    Peer 1002 is stopped for all haves of 1003; 1004, which hears those at once, shows the clocks' offset.
    """
    makes, made = "0 makes a connection to Peer", "0 is connected from Peer"
    ticks = [f"{at} is choked by 1001" for at in range(3, 20)]
    mine = [f"{at} {download(piece, 1001, count)}" for at, piece, count in ((5, 0, 1), (9, 1, 2))]
    lines = sorted([*ticks, *mine], key=lambda line: float(line.split()[0]))
    logs = {
        1001: f"{made} 1002\n{made} 1003\n{made} 1004",
        1002: f"{makes} 1001\n{made} 1003\n{made} 1004\n2 {have(1004, 3)}\n"
        f"20 {have(1003, 0)}\n20 {have(1003, 1)}",
        1003: "\n".join([f"{makes} 1001\n{makes} 1002\n{made} 1004", *lines]),
        1004: f"{makes} 1001\n{makes} 1002\n{makes} 1003\n2 {download(3, 1001, 1)}\n"
        f"5 {have(1003, 0)}\n9 {have(1003, 1)}",
    }
    assert outcome(judge(write(tmp_path, 5, logs), lenient=True), "H06") == "ok"


def test_silences() -> None:
    """Silences are found by the lines around them."""
    columns = LogColumns(0, silences=[(1.0, 3.0), (3.5, 10.5), (20.0, 22.0)])
    assert columns.silence_within(0.0, 30.0) == 7.0
    assert columns.silence_within(3.0, 3.5) == 0.0
    assert columns.silence_within(11.0, 30.0) == 2.0
    assert [columns.silence_before(time) for time in (0.5, 3.0, 3.4, 11.0, 12.0)] == [0, 2, 2, 7, 0]
    assert [columns.silence_after(time) for time in (0.0, 0.5, 3.0, 12.0, 30.0)] == [2, 2, 7, 0, 0]

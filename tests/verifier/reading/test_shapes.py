"""Haves that are read by the block are read as one by one, in whatever words and times they are written."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from verifier.reading.scan import Scanner

if TYPE_CHECKING:
    from pathlib import Path

    from verifier.reading.columns import LogColumns

PEERS = [1001, 1002, 1003, 1004]
PIECES = 300
TIMES = {
    "iso": "2026-11-22T10:{m:02}:{s:02}.{u:06}+01:00",
    "nanoseconds": "2026-11-22T10:{m:02}:{s:02}.{u:06}417",
    "comma": "2026-11-22 10:{m:02}:{s:02},{u:06.3}",
    "american": "[11/22/2026 {m}:{m:02}:{s:02}.{u:06} AM]",
    "no date": "10:{m:02}:{s:02}.{u:06}",
    "whole seconds": "22.11.2026 10:{m:02}:{s:02}",
    "month": "Nov 22, 2026 10:{m:02}:{s:02} PM",
}
HAVES = (
    "{t}: Peer 1001 received the 'have' message from {n} for the piece {p}.",
    "{t}: Peer [1001] received the \u2018have\u2019 message from [{n}] for the piece [{p}]",
    "{t} - INFO - got a HAVE for piece {p} from peer {n}",
    "INFO: {t} [pool-1-thread-{x}] Peer 1001 received 'have' from Peer {n} for piece {p}.",
    "{t}: Peer 1001 has recieved the HAVE message from peer {n} for the piece {p}",
)
OTHERS = (
    "{t}: Peer 1001 has downloaded the piece {p} from {n}. Now the number of pieces it has is {x}.",
    "{t}: Peer 1001 received the 'not interested' message from {n}.",
    "{t} - INFO - peer {n} unchoked us; request {p} goes out",
    "Peer 1001 is choked by {n}.",
    "",
)


def _lines(seed: int, time: str, have: str, *, minutes: int) -> list[str]:
    """A log of mostly such haves."""
    rng = Random(seed)
    lines = []
    for number in range(600):
        second, part = divmod(number * minutes * 60 * 10**6 // 600, 10**6)
        at = {"m": 9 + second // 60, "s": second % 60, "u": part}
        stamp = time.replace("{u:06.3}", f"{part // 1000:03}").format(**at)
        text = rng.choice(OTHERS) if rng.random() < 0.1 else have
        fields: dict[str, Any] = {
            "n": rng.choice(PEERS[1:]),
            "p": rng.randrange(PIECES),
            "x": rng.randrange(12),
        }
        if rng.random() < 0.03:  # a stranger, its own id, a piece beyond the file, leading zeros
            fields |= rng.choice([{"n": 7777}, {"n": 1001}, {"p": 987_654_321_012}, {"p": "007"}])
        lines.append(text.format(t=stamp, **fields))
    return lines


class _OneByOne(Scanner):
    """Reads each line on its own."""

    def _shape(self, data: bytes, plain: object) -> None:
        """No line is like another."""


def _columns(log: LogColumns) -> object:
    return (
        [
            (c.other, c.kind, c.line, list(c.pieces), list(c.lines), list(c.times))
            for c in log.conns
        ],
        [list(column) for column in (log.events.kinds, log.events.lines, log.events.times)],
        # A missing date is not named where a line is as prescribed but for it.
        {
            name: (seen.count, seen.first)
            for name, seen in log.form.deviations.items()
            if name != "time-without-date"
        },
        (log.form.unread, log.form.stranger, log.form.out_of_range, log.form.foreign_subject),
        (log.form.clock_back, log.form.sentences, log.form.timeless, log.silences),
        (log.first_time, log.last_time, log.have_count, log.line_count),
    )


@pytest.mark.parametrize(("minutes", "encoding"), [(1, "utf-8"), (7, "cp1252")])
@pytest.mark.parametrize("have", HAVES[1:])
@pytest.mark.parametrize("time", TIMES)
def test_other_words(time: str, have: str, minutes: int, encoding: str, tmp_path: Path) -> None:
    """Haves in other words give the same columns by the block and one by one."""
    path = tmp_path / "log_peer_1001.log"
    text = "\n".join(_lines(minutes, TIMES[time], have, minutes=minutes)) + "\n"
    path.write_bytes(text.encode(encoding))
    read = [scanner(1001, PEERS, PIECES).read(path) for scanner in (Scanner, _OneByOne)]
    assert _columns(read[0]) == _columns(read[1])
    assert read[0].have_count > 400


@pytest.mark.parametrize("minutes", [1, 7])
@pytest.mark.parametrize("time", TIMES)
def test_prescribed_words(time: str, minutes: int, tmp_path: Path) -> None:
    """Times and haves of prescribed lines are the same by the block and one by one, to the last bit."""
    path = tmp_path / "log_peer_1001.log"
    lines = [
        line for line in _lines(3, TIMES[time], HAVES[0], minutes=minutes) if " have " not in line
    ]
    path.write_text("\n".join(lines) + "\n")
    read = [scanner(1001, PEERS, PIECES).read(path) for scanner in (Scanner, _OneByOne)]
    haves = [
        sorted(
            have
            for conn in log.conns
            for have in zip(conn.lines, conn.times, conn.pieces, strict=True)
        )
        for log in read
    ]
    assert haves[0] == haves[1]
    assert read[0].last_time == read[1].last_time

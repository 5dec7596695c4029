"""The verifier's fast paths against slow, obvious ones, on random histories."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from random import Random
from typing import Any

import pytest

from peerio.simulation.scenario import random_scenario
from peerio.simulation.swarm import Swarm
from tests.kit.effort import examples
from tests.kit.verifier.judging import Run, fired, judge
from verifier.history.offsets import Clocks
from verifier.reading.columns import EXAMPLE_FIELDS, LogColumns
from verifier.reading.files import Block
from verifier.reading.scan import Scanner
from verifier.reading.sentences import Kind, Sentence, prescribed

OWNER, PEERS, PIECES = 1002, (1001, 1002, 1003, 1004), 12
TIMES = (
    "2026-11-22T10:{m:02}:{s:02}.{u:06}+01:00",
    "2026-11-22T10:{m:02}:{s:02}",
    "[2026-11-22 10:{m:02}:{s:02}.{ms:03}]",
    "Sun Nov 22 10:{m:02}:{s:02} 2026",
    "10:{m:02}:{s:02}",
)
SPOILED = ("", "   ", "noise", "Peer 1002 sleeps.", "2026-11-22: Peer", "\N{BULLET} ü")


class SlowScanner(Scanner):
    """Reads every line alone, as the reader of dialects does: no block, no column, no shortcut."""

    def _take(self, block: Block) -> None:
        first = self.log.line_count + 1
        for text in block.deviations:
            self.log.form.deviation(text, first)
        self.log.form.truncated |= block.truncated
        lines = block.data.split(b"\n")[:-1]
        for number, line in enumerate(lines, first):
            self._slowly(line, number)
        self.log.line_count += len(lines)


def random_sentence(rng: Random) -> str:
    """One of the eleven, mostly have; now and then about a stranger, or a piece that isn't there."""
    kind = Kind.HAVE if rng.random() < 0.6 else rng.choice(list(Kind))
    other = rng.choice([1001, 1003, 1004] * 8 + [999] + [OWNER] * (kind is not Kind.HAVE))
    piece = rng.choice([*range(PIECES)] * 3 + [PIECES, 10**8])
    ids = tuple(rng.sample([1001, 1003, 1004, 77], rng.randint(0, 3)))
    return prescribed(Sentence(kind, OWNER, other, piece, rng.randint(0, PIECES), ids))


def distort(text: str, rng: Random) -> str:
    """Another program's way of writing the same, or not quite."""
    return rng.choice(
        [
            text.replace("'", '"'),
            text.replace("Peer ", "Peer: ", 1),
            text.rstrip("."),
            text.replace(" ", "  ", 1),
            text.upper(),
            text.replace(str(OWNER), "1003", 1),
            text[: rng.randrange(len(text))],
            text + " and more",
        ]
    )


def random_log(seed: int) -> bytes:
    """A log that mostly has the prescribed form; its clock goes on, falls, and passes midnight."""
    rng = Random(f"log {seed}")
    form = rng.choice(TIMES)
    odd = rng.choice([0.0, 0.02, 0.3])
    lines = []
    now = rng.uniform(0, 3000)
    for _ in range(rng.randint(0, 120)):
        now = max(0.0, min(3599.0, now + rng.choice([0.0, 0.001, 0.5, 3.0])))
        if rng.random() < odd:
            now = max(0.0, now - rng.uniform(0, 5))
        whole, micro = int(now), int(now % 1 * 1e6)
        time = form.format(m=whole // 60, s=whole % 60, u=micro, ms=micro // 1000)
        text = random_sentence(rng)
        line = f"{time}: {distort(text, rng) if rng.random() < odd else text}"
        lines.append(rng.choice(SPOILED) if rng.random() < odd / 3 else line)
    end = rng.choice(["\n", "\n", "\r\n"])
    return (end.join(lines) + rng.choice([end, end, ""])).encode()


def comparable(log: LogColumns) -> Any:
    """All that was read, as plain values.

    Left out is what may differ: rounding below a microsecond, the numbers of connections that began
    without a line, the order of the examples of a fault, and a time's want of a date, which is told of
    the lines that are read alone.
    """
    names = {number: (conn.line, conn.other) for number, conn in enumerate(log.conns)}
    told = asdict(log)
    told["events"]["conns"] = [names.get(conn) for conn in log.events.conns]
    told["conns"].sort(key=lambda conn: (conn["line"], conn["other"]))
    told["form"]["deviations"].pop("time-without-date", None)
    for name in EXAMPLE_FIELDS:
        told["form"][name]["first"].sort()
    return _plain(told)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, float):
        return round(value, 6)
    if hasattr(value, "__iter__") and not isinstance(value, str):
        return [_plain(one) for one in value]
    return value


def test_a_have_from_oneself(tmp_path: Path) -> None:
    """A have that a peer says to have got from itself is told on both ways (spec 1.3)."""
    path = tmp_path / f"log_peer_{OWNER}.log"
    line = "2026-11-22T10:00:00: Peer 1002 received the 'have' message from 1002 for the piece 1.\n"
    path.write_text(line)
    assert SlowScanner(OWNER, PEERS, PIECES).read(path).form.own_id.count == 1
    assert Scanner(OWNER, PEERS, PIECES).read(path).form.own_id.count == 1


@pytest.mark.parametrize("batch", range(5))
def test_fast_reading_is_slow_reading(batch: int, tmp_path: Path) -> None:
    """A log read by the block has the same events, haves, times and faults of form as one read line by line."""
    count = examples(40)
    for seed in range(batch * count, (batch + 1) * count):
        path = tmp_path / f"log_peer_{OWNER}.log"
        path.write_bytes(random_log(seed))
        fast = comparable(Scanner(OWNER, PEERS, PIECES).read(path))
        slow = comparable(SlowScanner(OWNER, PEERS, PIECES).read(path))
        assert fast == slow, f"log {seed}"


def shuffled(folder: Path, rng: Random) -> Run:
    """A run's logs with a few lines moved; each takes the time of the place where it goes."""
    files = {
        path.name: path.read_text().splitlines(keepends=True)
        for path in folder.iterdir()
        if path.suffix != ".jsonl"
    }
    run = Run(files)
    logs = [name for name, lines in files.items() if name.endswith(".log") and len(lines) > 1]
    for _ in range(rng.choice([0, 1, 3, 20])):
        peer = int(rng.choice(logs).removeprefix("log_peer_").removesuffix(".log"))
        size = len(run.log(peer))
        run.move(peer, rng.randrange(size), rng.randrange(size))
    return run


def test_certificate_is_replay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the clocks alone prove that causes form no circle (G01), the full replay finds none either."""
    certain = Clocks.certain
    certificates: list[bool] = []

    def noted(clocks: Clocks) -> bool:
        certificates.append(certain(clocks))
        return False  # so that the replay is done in any case

    monkeypatch.setattr(Clocks, "certain", noted)
    circles = 0
    for seed in range(examples(20)):
        scenario = random_scenario(seed)
        if scenario.peers * scenario.pieces > 600:
            continue
        folder = tmp_path / f"good-{seed}"
        Swarm(scenario, seed).run().write(folder)
        moved = shuffled(folder, Random(seed)).write(tmp_path / f"moved-{seed}")
        circle = "G01" in fired(judge(moved))
        assert not (circle and certificates[-1]), f"seed {seed}"
        circles += circle
    assert circles
    assert any(certificates)

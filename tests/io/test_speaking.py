"""`peerio.program.speaking`: what a peer that was started by hand says, under a clock that the test sets."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from core.config import PeerInfo, SwarmConfig
from core.piecemap import PieceMap
from peerio.program import speaking
from peerio.program.speaking import Speaker

PEERS = tuple(PeerInfo(1001 + n, f"host{n}", 6001 + n, n == 0) for n in range(5))


class Network:
    """A clock, and the one call that is due next."""

    def __init__(self) -> None:
        self.clock = SimpleNamespace(now=100.0)
        self._due: tuple[float, Callable[[], None]] | None = None

    def call_at(self, _key: str, at: float, call: Callable[[], None]) -> None:
        self._due = (at, call)

    def run_until(self, time: float) -> None:
        """Let the time pass."""
        while self._due is not None and self._due[0] <= time:
            (self.clock.now, call), self._due = self._due, None
            call()
        self.clock.now = time


class Heard:
    """Takes the place of the diagnostics."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.now: list[str] = []

    def line(self, text: str) -> None:
        self.lines.append(text)

    def renew(self, words: list[str], _width: int) -> None:
        self.now = words


class Swarm:
    """A peer of five with a file of 100 pieces, its network, and what it says."""

    def __init__(self, peer_id: int = 1002, *, terminal: bool = True) -> None:
        self.told = {peer.peer_id: 0 for peer in PEERS}
        config = SwarmConfig(2, 1, 2, "file", 1 << 20, 10486, PEERS)
        state = SimpleNamespace(
            config=config,
            peer_id=peer_id,
            own=PieceMap(config.piece_count, full=config.peer(peer_id).has_file),
            neighbors={},
        )
        waiting = SimpleNamespace(told=self.told.__getitem__)
        self.state = state
        self.runtime = SimpleNamespace(
            core=SimpleNamespace(state=state, waiting=waiting), up=0, down=0
        )
        self.network, self.heard = Network(), Heard()
        width = (lambda: 80) if terminal else None
        parts: Any = (self.runtime, self.network, self.heard, width)
        self.speaker = Speaker(*parts)
        self.speaker.start()

    def connect(self, *peer_ids: int) -> None:
        self.state.neighbors.update(dict.fromkeys(peer_ids))

    def have(self, count: int) -> None:
        for piece in range(count):
            self.state.own.add(piece)


def test_nobody_is_there_yet() -> None:
    """Before anybody is connected it names whom it waits for, where and for how long."""
    swarm = Swarm()
    assert swarm.heard.now[0] == "waiting for 1001 at host0:6001"
    swarm.network.run_until(112.0)
    assert swarm.heard.now == [
        "waiting 12 s for 1001 at host0:6001",
        "1003 at host2:6003",
        "2 more",
        "0 of 100 pieces",
    ]


def test_while_it_downloads() -> None:
    """While it downloads it tells pieces, the time left, rates of the last seconds, neighbors."""
    swarm = Swarm()
    swarm.connect(1001, 1003, 1004, 1005)
    for second in range(1, 21):
        swarm.runtime.down += 50 << 10
        swarm.runtime.up += 10 << 10
        swarm.network.run_until(100.0 + second)
    swarm.have(50)
    swarm.network.run_until(120.5)
    pieces, left, down, up, neighbors = swarm.heard.now
    assert (pieces, neighbors) == ("50 of 100 pieces", "4 neighbors")
    assert left in {"about 10 s left", "about 11 s left"}
    assert float(down.split()[0]) == pytest.approx(50, abs=5)
    assert float(up.split()[0]) == pytest.approx(10, abs=1)


def test_complete_and_waiting() -> None:
    """Once complete it tells for whom it stays, and how many pieces they have."""
    swarm = Swarm()
    swarm.connect(1001, 1003, 1004, 1005)
    swarm.have(100)
    swarm.told.update({1001: 100, 1003: 90, 1004: 100, 1005: 100})
    swarm.network.run_until(101.0)
    assert swarm.heard.now == [
        "complete",
        "waiting for 1003 with 90 of 100 pieces",
        "0 B/s up",
        "4 neighbors",
    ]
    del swarm.state.neighbors[1003]
    swarm.network.run_until(111.0)
    assert swarm.heard.now[1] in {
        "waiting 9 s for 1003 at host2:6003",
        "waiting 10 s for 1003 at host2:6003",
    }


def test_a_seed_has_the_file() -> None:
    """A seed doesn't call itself complete: it has had the file from the start."""
    swarm = Swarm(1001)
    assert swarm.heard.now[:2] == ["has the file", "waiting for 1002 at host1:6002"]


def test_a_line_every_ten_seconds_elsewhere() -> None:
    """Where stderr is no terminal there is a line every 10 s, and a short run says nothing at all."""
    swarm = Swarm(terminal=False)
    swarm.network.run_until(109.0)
    swarm.speaker.end(complete=True)
    assert swarm.heard.lines == []
    swarm.network.run_until(131.0)
    assert len(swarm.heard.lines) == 3
    assert swarm.heard.lines[0].startswith("waiting 10 s for 1001 at host0:6001, 1003 at")
    assert swarm.heard.now == []


def test_the_last_word() -> None:
    """At the end it tells how long it took and where the file is; after a failure the reason stands alone."""
    swarm = Swarm()
    swarm.network.run_until(138.0)
    swarm.speaker.end(complete=False)
    assert swarm.heard.lines == []
    swarm.speaker.end(complete=True)
    assert swarm.heard.lines == ["all 5 peers have the file after 38 s; it is in peer_1002/file"]


def test_no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pipe, and a terminal that can't go back in its line, count as no terminal."""
    assert speaking.terminal_width() is None
    monkeypatch.setattr("os.isatty", lambda _fd: True)
    monkeypatch.setenv("TERM", "dumb")
    assert speaking.terminal_width() is None
    monkeypatch.setenv("TERM", "xterm")
    width = speaking.terminal_width()
    assert width is not None
    assert width() > 0

"""One run of a peer's process in a simulation: what ships, on simulated sockets, files and clock."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from random import Random
from typing import TYPE_CHECKING, Any

from core.peer import Peer
from peerio.eventlog import Stamp
from peerio.networking import Networking
from peerio.runtime import Logs, Runtime
from peerio.simulation.hosts import Host
from peerio.simulation.wire import Wire

if TYPE_CHECKING:
    from core.config import SwarmConfig
    from peerio.simulation.scenario import Scenario

EPOCH = 1_767_225_600.0
"""The wall clock's time, in seconds, when a simulation begins."""
MOST_TURNS = 10_000
"""Turns of one peer in no time at all: more is a loop that spins."""


class Lines:
    """A log in memory."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.append: Callable[[str], None] = self.lines.append

    def flush(self) -> None:
        """Nothing waits."""

    def close(self) -> None:
        """Nothing is open."""

    def text(self) -> str:
        """All of it."""
        return "".join(f"{line}\n" for line in self.lines)


class MemorySink:
    """Takes a piece's content into a file in memory."""

    def __init__(self, data: bytearray, start: int, *, digest: bool) -> None:
        self._data = data
        self._position = start
        self._hash = hashlib.blake2b(digest_size=8) if digest else None

    def write(self, data: memoryview, /) -> None:
        """Take the next bytes."""
        self._data[self._position : self._position + len(data)] = data
        self._position += len(data)
        if self._hash is not None:
            self._hash.update(data)

    def hexdigest(self) -> str | None:
        """The content's digest, where there is a trace to hold it."""
        return None if self._hash is None else self._hash.hexdigest()


class MemoryFile:
    """A peer's file: the runtime's `PieceStore` and networking's `PieceSource`."""

    def __init__(self, config: SwarmConfig, content: bytes | bytearray) -> None:
        self.data = content
        self._piece_size = config.piece_size

    def sink(self, index: int, /, *, digest: bool = False) -> MemorySink:
        """Where a piece's content goes."""
        if isinstance(self.data, bytes):  # of a seed, which only a broken one writes
            self.data = bytearray(self.data)
        return MemorySink(self.data, index * self._piece_size, digest=digest)

    def send_piece(self, sock: Any, index: int, offset: int, count: int, /) -> int:
        """Hand content to the socket; how many bytes it took."""
        start = index * self._piece_size + offset
        content = memoryview(self.data)[start : start + count]
        taken: int = sock.send_content(content)
        return taken

    def complete(self) -> None:
        """It has no other name to take."""


class Life:
    """A process of one peer, on a host of its own. `core` makes its core."""

    def __init__(
        self,
        wire: Wire,
        scenario: Scenario,
        config: SwarmConfig,
        peer_id: int,
        rng: Random,
        *,
        content: bytes,
        core: type[Peer],
        tracing: bool,
        skew: float,
        random_seed: int,
        on_end: Callable[[], None],
    ) -> None:
        self.peer_id = peer_id
        self._world = world = wire.world
        self._on_end = on_end
        self.over = False
        """It has ended, in order or not."""
        self._awake = False
        self._due = math.inf
        self._turned_at, self._turns = -1.0, 0
        self.host = Host(wire, ipv6=scenario.ipv6)
        self.host.on_ready = self._wake
        self.log, self.trace = Lines(), Lines() if tracing else None
        self.warnings: list[str] = []
        stamp = Stamp(lambda: EPOCH + world.now + skew)
        logs = Logs(peer_id, self.log, self.trace, lambda: world.now, stamp)
        is_seed = config.peer(peer_id).has_file
        self.file = MemoryFile(config, content if is_seed else bytearray(config.file_size))
        peer = core(config, peer_id, rng, wait=scenario.wait, tracing=tracing)
        self.runtime = Runtime(config, peer, self.file, logs, self.warnings.append)
        self.network = self.runtime.network = self._networking(config, rng, scenario, logs)
        if logs.trace is not None:
            logs.trace.start(config, peer_id=peer_id, random_seed=random_seed, run="simulated")

    def _networking(
        self, config: SwarmConfig, rng: Random, scenario: Scenario, logs: Logs
    ) -> Networking:
        """What ships, on this peer's host."""
        return Networking(
            config,
            self.peer_id,
            self.runtime,
            self.file,
            rng=rng,
            rate=scenario.rate,
            tap=logs.trace,
            system=self.host,
        )

    def start(self) -> None:
        """Listen, and begin to turn."""
        self.network.listen()
        self.runtime.on_started()
        self._turned(again=self.network.settle())

    def kill(self, *, silently: bool = False) -> None:
        """The process is gone, or the whole host without a word."""
        self.over = True
        if silently:
            self.host.vanish()
        else:
            self.host.end()

    def _wake(self) -> None:
        """Have a turn now, behind what happens at the same time."""
        if not self._awake:
            self._awake = True
            self._world.at(self._world.now, self._turn)

    def _turn(self) -> None:
        self._awake = False
        now = self._world.now
        if self.over:
            return
        self._turns = self._turns + 1 if self._turned_at == now else 0
        self._turned_at = now
        assert self._turns < MOST_TURNS, f"peer {self.peer_id} spins at {now}"
        again = self.network.clock.turn(self.network.settle, 0.0)
        self._turned(again=again)

    def _turned(self, *, again: bool) -> None:
        loop = self.network.clock
        if loop.stopped:
            self.over = True
            self.network.close()
            self.runtime.close()
            self._on_end()
            return
        if again or self.host.ready.waits():
            self._wake()
        due = loop.alarms.next_due()
        if due is not None and due < self._due:
            self._due = due
            self._world.at(due, self._ring)

    def _ring(self) -> None:
        """An alarm is due, unless it was cleared meanwhile."""
        self._due = math.inf
        self._wake()

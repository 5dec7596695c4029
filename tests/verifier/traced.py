"""Real logs and traces without sockets: the product's peers on a network of scheduled calls.

Each peer is the real core, runtime, log and trace; time is virtual, so a swarm takes milliseconds
and the same seed gives the same files.
"""

from __future__ import annotations

import hashlib
import heapq
import json
import random
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from core.config import PeerInfo, SwarmConfig
from core.messages import Have, Message
from core.peer import Peer
from peerio.eventlog import LineFile, Stamp, log_path, move_logs_aside, trace_path
from peerio.protocol import HANDSHAKE_SIZE, PIECE_HEADER_SIZE, describe
from peerio.runtime import Logs, Runtime
from verifier.api import verify
from verifier.findings import Severity
from verifier.judge import Options

if TYPE_CHECKING:
    from collections.abc import Callable

    from core.events import Timer
    from verifier.judge import Verdict

EPOCH = 1_800_000_000.0
DELAY = (0.002, 0.03)


class Sink:
    """Takes a piece and tells its hash."""

    def __init__(self) -> None:
        self.digest = hashlib.blake2b(digest_size=8)

    def write(self, data: memoryview, /) -> None:
        self.digest.update(data)

    def hexdigest(self) -> str:
        return self.digest.hexdigest()


class Store:
    """Keeps nothing."""

    def sink(self, index: int, /, *, digest: bool = False) -> Sink:
        return Sink()

    def complete(self) -> None:
        pass


class End:
    """One end of a connection."""

    def __init__(self, node: Node, neighbor: int, name: str) -> None:
        self.node, self.neighbor, self.name = node, neighbor, name
        self.mate: End = self
        self.outs = self.ins = 0
        self.open, self.sends = True, True
        self.last = 0.0

    def record(self, way: str, kind: str, size: int, fields: dict[str, Any]) -> None:
        number = self.outs if way == "out" else self.ins
        self.outs, self.ins = self.outs + (way == "out"), self.ins + (way == "in")
        trace = self.node.logs.trace
        assert trace is not None
        trace.message(way, self.name, self.neighbor, number, kind, size, fields)

    def post(self, call: Callable[[], None]) -> None:
        """Have the other end make a call after all earlier ones."""
        world = self.node.world
        self.last = max(self.last, world.now + world.rng.uniform(*DELAY))
        world.at(self.last, lambda: self.mate.node.turn(call) if self.mate.open else None)


class Node:
    """One life of a peer; also its runtime's `Network`."""

    def __init__(self, world: World, peer_id: int) -> None:
        self.world, self.peer_id = world, peer_id
        self.clock = world
        self.ends: dict[int, End] = {}
        self.timers: dict[Timer, float] = {}
        self.alive, self.ending = True, False
        self.free_at = 0.0
        move_logs_aside(world.folder, peer_id)
        files = [LineFile(path(world.folder, peer_id)) for path in (log_path, trace_path)]
        stamp = Stamp(lambda: EPOCH + world.now)
        self.logs = Logs(peer_id, files[0], files[1], lambda: world.now, stamp)
        rng = random.Random(f"{world.seed}/{peer_id}/{world.now}")
        core = Peer(world.config, peer_id, rng, tracing=True)
        self.runtime = Runtime(world.config, core, Store(), self.logs, lambda _: None)
        self.runtime.network = self
        assert self.logs.trace is not None
        self.logs.trace.start(world.config, peer_id=peer_id, random_seed=1, run=None)
        self.turn(self.runtime.on_started)

    def turn(self, call: Callable[[], None]) -> None:
        if self.alive:
            call()
            self.runtime.on_turn_end()
            if self.ending and not self.ends:
                self.alive = False
                self.runtime.close()

    # The contract's calls.

    def start_server(self) -> None:
        raise NotImplementedError

    def post(self, call: Callable[[], None]) -> None:
        raise NotImplementedError

    def connect_to_peer(self, remote_peer_id: int, host: str, port: int) -> None:
        self.world.later(0.01, partial(self._dial, remote_peer_id))

    def _dial(self, peer_id: int) -> None:
        if self.ending or not self.alive or peer_id in self.ends:
            return
        other = self.world.nodes.get(peer_id)
        if other is None or not other.alive or other.ending or self.peer_id in other.ends:
            self.world.later(0.1, partial(self._dial, peer_id))
            return
        self.world.ports += 1
        name = f"{self.peer_id}:{self.world.ports}>{peer_id}"
        mine, theirs = End(self, peer_id, name), End(other, self.peer_id, name)
        mine.mate, theirs.mate = theirs, mine
        self.turn(partial(self._opened, mine, incoming=False))
        other.turn(partial(other._opened, theirs, incoming=True))

    def _opened(self, end: End, *, incoming: bool) -> None:
        self.ends[end.neighbor] = end
        end.record("out", "handshake", HANDSHAKE_SIZE, {"id": self.peer_id})
        end.record("in", "handshake", HANDSHAKE_SIZE, {"id": end.neighbor})
        assert self.logs.trace is not None
        self.logs.trace.connection(end.name, end.neighbor, "open", {"incoming": incoming})
        self.runtime.on_peer_connected(end.neighbor, incoming)

    def send_message(self, remote_peer_id: int, message: Message) -> None:
        end = self.ends.get(remote_peer_id)
        if end is not None and end.sends:
            end.record("out", *describe(message))
            end.post(partial(end.mate.node._receive, end.mate, message))

    def broadcast_message(self, message: Message, exclude: set[int] | None = None) -> None:
        for peer_id in list(self.ends):
            self.send_message(peer_id, message)

    def _receive(self, end: End, message: Message) -> None:
        end.record("in", *describe(message))
        if isinstance(message, Have):
            self.runtime.on_haves(end.neighbor, [message.piece])
        else:
            self.runtime.on_message(end.neighbor, message)

    def send_piece(self, remote_peer_id: int, piece: int) -> None:
        end = self.ends.get(remote_peer_id)
        if end is None or not end.sends:
            return
        size = self.world.config.piece_length(piece)
        end.record("out", "piece", PIECE_HEADER_SIZE + size, {"piece": piece})
        self.free_at = max(self.free_at, self.world.now) + size / self.world.rate
        end.last = max(end.last, self.free_at)
        self.world.at(self.free_at, partial(self.turn, partial(self._sent, end)))
        end.post(partial(end.mate.node._take_piece, end.mate, piece))

    def _sent(self, end: End) -> None:
        if end.open:
            self.runtime.on_piece_sent(end.neighbor)

    def _take_piece(self, end: End, piece: int) -> None:
        sink = self.runtime.on_piece_start(end.neighbor, piece)
        fields: dict[str, Any] = {"piece": piece, "kept": sink is not None}
        if sink is not None:
            sink.write(memoryview(self.world.content(piece)))
            fields["sha"] = sink.hexdigest()
        size = PIECE_HEADER_SIZE + self.world.config.piece_length(piece)
        end.record("in", "piece", size, fields)
        self.runtime.on_piece_end(end.neighbor, piece)

    def close_connection(self, remote_peer_id: int, *, flush: bool) -> None:
        end = self.ends[remote_peer_id]
        if flush:
            end.post(partial(end.mate.node._stream_ended, end.mate))
        self._drop(end, "end" if flush else "loss")

    def _stream_ended(self, end: End) -> None:
        if end.sends:
            self.runtime.on_stream_end(end.neighbor)
        else:
            self._drop(end, "end")

    def _drop(self, end: End, cause: str) -> None:
        end.open = end.sends = False
        del self.ends[end.neighbor]
        assert self.logs.trace is not None
        self.logs.trace.connection(end.name, end.neighbor, "closed", {"cause": cause})
        self.runtime.on_peer_disconnected(end.neighbor)

    def punish(self, remote_peer_id: int, reason: str) -> None:
        raise NotImplementedError

    def set_timer(self, timer: Timer, at: float | None) -> None:
        self.timers.pop(timer, None)
        if at is not None and not self.ending:
            self.timers[timer] = at
            self.world.at(at, partial(self.turn, partial(self._fire, timer, at)))

    def _fire(self, timer: Timer, at: float) -> None:
        if self.timers.get(timer) == at:
            del self.timers[timer]
            self.runtime.on_timer(timer)

    def shutdown(self) -> None:
        self.ending = True
        self.timers.clear()
        for end in self.ends.values():
            end.sends = False
            end.post(partial(end.mate.node._stream_ended, end.mate))


class World:
    """The clock, the peers and all that is due."""

    def __init__(self, folder: Path, config: SwarmConfig, seed: int, rate: float) -> None:
        self.folder, self.config, self.seed, self.rate = folder, config, seed, rate
        self.rng = random.Random(seed)
        self.now, self.count, self.ports = 0.0, 0, 40_000
        self.queue: list[tuple[float, int, Callable[[], None]]] = []
        self.nodes: dict[int, Node] = {}
        self.data = random.Random(seed).randbytes(config.file_size)

    def content(self, piece: int) -> bytes:
        size = self.config.piece_size
        return self.data[piece * size : (piece + 1) * size]

    def at(self, time: float, call: Callable[[], None]) -> None:
        self.count += 1
        heapq.heappush(self.queue, (max(time, self.now), self.count, call))

    def later(self, pause: float, call: Callable[[], None]) -> None:
        self.at(self.now + pause, call)

    def start(self, peer_id: int) -> None:
        self.nodes[peer_id] = Node(self, peer_id)

    def kill(self, peer_id: int) -> None:
        """It is gone without a word; its neighbors see the stream end."""
        node = self.nodes[peer_id]
        node.alive = False
        for end in node.ends.values():
            end.open = False
            end.post(partial(end.mate.node._stream_ended, end.mate))

    def cut(self, one: int, other: int) -> None:
        """Their connection is reset."""
        end = self.nodes[one].ends.get(other)
        if end is not None:
            for side in (end, end.mate):
                side.node.turn(partial(side.node._drop, side, "loss"))

    def run(self) -> None:
        while self.queue and self.now < 1000:
            self.now, _, call = heapq.heappop(self.queue)
            call()


@dataclass
class TracedRun:
    """The files of a run, traces as records to be edited."""

    files: dict[str, str]
    traces: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    data: bytes = b""

    def trace(self, peer: int) -> list[dict[str, Any]]:
        """A peer's records, to be changed in place."""
        return self.traces[f"trace_peer_{peer}.jsonl"]

    def find(self, peer: int, nth: int = 0, **fields: Any) -> int:
        """The place of the n-th record with these fields; `type_` and the like stand for words."""
        wanted = {key.rstrip("_"): value for key, value in fields.items()}
        places = [
            place
            for place, record in enumerate(self.trace(peer))
            if all(record.get(key) == value for key, value in wanted.items())
        ]
        return places[nth]

    def get(self, peer: int, nth: int = 0, **fields: Any) -> dict[str, Any]:
        """That record itself."""
        return self.trace(peer)[self.find(peer, nth, **fields)]

    def write(self, folder: Path, *, renumber: bool = True) -> Path:
        """Write everything, the records numbered anew."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in self.files.items():
            (folder / name).write_text(text)
        for name, records in self.traces.items():
            lines = [
                json.dumps({**record, "seq": number} if renumber else record)
                for number, record in enumerate(records)
            ]
            (folder / name).write_text("".join(line + "\n" for line in lines))
        (folder / "peer_1001").mkdir(exist_ok=True)
        (folder / "peer_1001" / "a.dat").write_bytes(self.data)
        return folder

    def fired(self, folder: Path, *, renumber: bool = True) -> set[str]:
        """The trace checks with errors."""
        verdict = judge_traces(self.write(folder, renumber=renumber))
        return {r.check.id for r in verdict.results if r.tally.counts[Severity.ERROR]}


def judge_traces(folder: Path) -> Verdict:
    """The verdict of the trace checks alone."""
    checks = tuple(f"W{number:02}" for number in range(1, 19))
    report = verify([folder], Options(checks=checks, trace="require"))
    assert not report.problems, report.problems
    return report.verdicts[0]


def traced_swarm(
    folder: Path,
    seed: int,
    *,
    leechers: int = 4,
    seeds: int = 1,
    pieces: int = 40,
    k: int = 2,
    rate: float = 20_000,
    events: tuple[tuple[float, str, tuple[int, ...]], ...] = (),
) -> World:
    """Run a swarm in a folder; `events` are (time, `start`, `kill` or `cut`, ids)."""
    peers = tuple(
        PeerInfo(1001 + n, "localhost", 6001 + n, has_file=n < seeds)
        for n in range(seeds + leechers)
    )
    config = SwarmConfig(
        preferred_neighbors=k,
        unchoking_interval=0.5,
        optimistic_interval=1.0,
        file_name="a.dat",
        file_size=pieces * 1000 - 300,
        piece_size=1000,
        peers=peers,
    )
    (folder / "Common.cfg").write_text(
        f"NumberOfPreferredNeighbors {k}\nUnchokingInterval 0.5\nOptimisticUnchokingInterval 1\n"
        f"FileName a.dat\nFileSize {config.file_size}\nPieceSize 1000\n"
    )
    (folder / "PeerInfo.cfg").write_text(
        "".join(f"{p.peer_id} {p.host} {p.port} {int(p.has_file)}\n" for p in peers)
    )
    world = World(folder, config, seed, rate)
    late = {ids[0] for _, what, ids in events if what == "start"}
    killed = {ids[0] for _, what, ids in events if what == "kill"}
    for number, peer in enumerate(peers):
        if peer.peer_id not in late - killed:
            world.at(number * 0.05, partial(world.start, peer.peer_id))
    for time, what, ids in events:
        world.at(time, partial(getattr(world, what), *ids))
    world.run()
    for peer in peers:
        if peer.has_file:
            (folder / f"peer_{peer.peer_id}").mkdir()
            (folder / f"peer_{peer.peer_id}" / "a.dat").write_bytes(world.data)
    return world


@cache
def _texts(seed: int, events: tuple[Any, ...]) -> tuple[dict[str, str], bytes]:
    with TemporaryDirectory() as name:
        folder = Path(name)
        world = traced_swarm(folder, seed, events=events)
        texts = {path.name: path.read_text() for path in folder.iterdir() if path.is_file()}
        return texts, world.data


def good_traces(seed: int = 1, events: tuple[Any, ...] = ()) -> TracedRun:
    """A correct run of a seed and four leechers, fresh for editing."""
    texts, data = _texts(seed, events)
    run = TracedRun({}, data=data)
    for name, text in texts.items():
        if name.startswith("trace_"):
            run.traces[name] = [json.loads(line) for line in text.splitlines()]
        else:
            run.files[name] = text
    return run

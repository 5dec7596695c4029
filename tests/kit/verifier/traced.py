"""Real logs and traces to be edited: a simulated swarm's, with its records as dictionaries."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from peerio.simulation.files import Left
from peerio.simulation.scenario import Scenario
from peerio.simulation.swarm import Swarm
from verifier.api import verify
from verifier.findings import Severity
from verifier.judge import Options, Verdict

COMMON = {"v", "peer", "t_wall", "t_mono"}
"""Fields that a record leaves out where they are those of the record before."""
SIZES = {"choke": 5, "unchoke": 5, "interested": 5, "not interested": 5, "have": 9, "request": 9}
"""Bytes of messages whose records leave them out."""
EVENTS = {
    "choke": "choked",
    "unchoke": "unchoked",
    "interested": "received_interested",
    "not interested": "received_not_interested",
    "have": "received_have",
    "piece": "downloaded_piece",
}
"""The event that a record of a received message tells besides."""
Event = tuple[float, str, tuple[int, ...]]


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
        (folder / "peer_1001" / "simulated.dat").write_bytes(self.data)
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


class DirectedSwarm(Swarm):
    """A swarm that certain things befall at certain times.

    `events` are (time, `start`, `kill` or `cut`, ids); who is started by one isn't started before.
    """

    def __init__(self, scenario: Scenario, seed: int, events: tuple[Event, ...]) -> None:
        super().__init__(scenario, seed)
        killed = {ids[0] for _, what, ids in events if what == "kill"}
        self._waiting = {ids[0] for _, what, ids in events if what == "start"} - killed
        for time, what, ids in events:
            self.world.at(time, partial(getattr(self, f"_{what}"), *ids))

    def start(self, peer_id: int, left: Left | None = None) -> None:
        """Start a peer, unless it is to come later."""
        if peer_id not in self._waiting:
            super().start(peer_id, left)

    def _start(self, peer_id: int) -> None:
        self._waiting.discard(peer_id)
        self.start(peer_id)

    def _kill(self, peer_id: int) -> None:
        self.lives[peer_id][-1].kill()

    def _cut(self, one: int, other: int) -> None:
        """Their connection is reset."""
        there = self.lives[other][-1].host
        for sock in self.lives[one][-1].host.connections():
            if sock.path is not None and sock.mate is not None and sock.mate.host is there:
                sock.path.reset()


def traced_swarm(
    folder: Path,
    seed: int,
    *,
    leechers: int = 4,
    seeds: int = 1,
    pieces: int = 40,
    k: int = 2,
    upload: float = 20_000,
    events: tuple[Event, ...] = (),
) -> bytes:
    """Run a swarm, and write it into a folder with the file of its seeds, which is returned."""
    scenario = Scenario(
        peers=seeds + leechers,
        seeds=seeds,
        pieces=pieces,
        k=k,
        p=0.5,
        m=1.0,
        delay=0.002,
        jitter=0.03,
        upload=upload,
        window=1500,
    )
    swarm = DirectedSwarm(scenario, seed, events)
    swarm.run().write(folder)
    for peer in swarm.config.peers:
        if peer.has_file:
            (folder / f"peer_{peer.peer_id}").mkdir()
            (folder / f"peer_{peer.peer_id}" / "simulated.dat").write_bytes(swarm.content)
    return swarm.content


@cache
def _texts(seed: int, events: tuple[Any, ...]) -> tuple[dict[str, str], bytes]:
    with TemporaryDirectory() as name:
        folder = Path(name)
        data = traced_swarm(folder, seed, events=events)
        texts = {path.name: path.read_text() for path in folder.iterdir() if path.is_file()}
        return texts, data


def _spelled_out(text: str) -> Iterator[dict[str, Any]]:
    """The records of a trace with all fields, and each message, event and draw with a record of its own."""
    said: dict[str, Any] = {}
    neighbors: dict[str, int] = {}
    for line in text.splitlines():
        record = json.loads(line)
        said |= {name: record[name] for name in COMMON & record.keys()}
        if "neighbor" in record and "conn" in record:
            neighbors[record["conn"]] = record["neighbor"]
        way, _, kind = record["kind"].partition(" ")
        if kind:
            parts = _of_message({**record, "kind": "message", "dir": way, "type": kind}, neighbors)
        else:
            parts = _of_event(record) if way == "event" else iter([record])
        yield from ({**said, **part} for part in parts)


def _of_message(record: dict[str, Any], neighbors: dict[str, int]) -> Iterator[dict[str, Any]]:
    """What a message's record tells: the draw of a request, each message, its line."""
    kind = record["type"]
    if kind in SIZES:
        record["len"] = SIZES[kind]
    told: dict[str, Any] = {"kind": "event", "event": EVENTS.get(kind)}
    if "line" in record:
        names = {"line", "count"} if kind == "piece" else {"line"}
        told |= {name: record.pop(name) for name in names}
    if "draw" in record:
        names = {"candidates", "draw"}
        draw = {**{name: record.pop(name) for name in names}, "piece": record["piece"]}
        yield {"kind": "request", "neighbor": neighbors[record["conn"]], **draw}
    pieces = [{"piece": piece} for piece in record.pop("pieces", [])] or [{}]
    conns = record.pop("conns", [record.get("conn")])
    mseqs = record.pop("mseqs", [record.get("mseq")])
    for conn, mseq in zip(conns, mseqs, strict=True):
        for number, piece in enumerate(pieces, mseq):
            yield {**record, "conn": conn, "mseq": number, "neighbor": neighbors[conn], **piece}
    if "line" in told:
        told["neighbor"] = neighbors[record["conn"]]
        for line, piece in enumerate(pieces, told["line"]):
            named = {"piece": record["piece"]} if kind == "piece" else piece
            yield {**told, "line": line, **named}


def _of_event(record: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Each line."""
    pieces = [{"piece": piece} for piece in record.pop("pieces", [])] or [{}]
    for line, piece in enumerate(pieces, record["line"]):
        yield {**record, "line": line, **piece}


def good_traces(seed: int = 1, events: tuple[Any, ...] = ()) -> TracedRun:
    """A correct run of a seed and four leechers, fresh for editing."""
    texts, data = _texts(seed, events)
    run = TracedRun({}, data=data)
    for name, text in texts.items():
        if name.startswith("trace_"):
            run.traces[name] = list(_spelled_out(text))
        else:
            run.files[name] = text
    return run

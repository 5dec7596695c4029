"""The trace: the log's events, and all else that happens, as JSON lines (docs/trace.md).

It is written by the calls that already happen: the event log's renderer, networking's tap, and the
core's notes. Where tracing is off nothing here is ever called.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.config import SwarmConfig
from peerio.eventlog import LineSink, Stamp

if TYPE_CHECKING:
    from peerio.contract import Way

FORMAT_VERSION = 2
MOST_TOGETHER = 1000
"""Haves in one record: a line stays short enough for whoever reads it."""
EVENTS = {
    "choke": "choked",
    "unchoke": "unchoked",
    "interested": "received_interested",
    "not interested": "received_not_interested",
    "have": "received_have",
    "piece": "downloaded_piece",
}
"""Messages that the log has a line for, and the event that this line tells."""
_BOOLEANS = ("false", "true")
_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


class Trace:
    """One peer's trace; also networking's `Tap`. `now` gives the time of the present turn."""

    def __init__(
        self, lines: LineSink, peer_id: int, stamp: Stamp, now: Callable[[], float]
    ) -> None:
        self._lines = lines
        self._append = lines.append
        self._peer_id = peer_id
        self._stamp = stamp
        self._now = now
        self._time: float | None = None
        self._seq = 0
        self._heads: dict[tuple[Way, str, str], str] = {}
        """How the records of messages begin, by direction, connection and type."""
        self._turned = True
        """A turn is over: the time may be another one."""
        self._held: str | Mapping[str, Any] = ""
        """A record that isn't written yet, since what comes next may share it; of a request its fields."""
        self._joins: tuple[object, ...] = ()
        """What may: the event of a message, or the message of a request."""

    def record(self, kind: str, fields: Mapping[str, Any]) -> None:
        """Write one record: the common fields, then its own."""
        if kind == "request":
            self._hold(fields, kind, fields["neighbor"], fields["piece"])
        else:
            self._put(f'"kind":"{kind}"{_rest(fields)}')

    def _put(self, text: str) -> None:
        """Write a record of these fields, behind the one that is held."""
        if self._held:
            self._release()
        self._write(text)

    def _hold(self, told: str | Mapping[str, Any], *joins: object) -> None:
        """Write a record later: if `joins` comes next, one record tells both."""
        if self._held:
            self._release()
        self._held, self._joins = told, joins

    def _takes(self, *what: object) -> bool:
        """Whether this joins the record that is held, which whoever asks then writes."""
        if self._held and self._joins == what:
            self._held = ""
            return True
        return False

    def _release(self) -> None:
        """Write the record that is held: the turn is over, or something else comes."""
        held, self._held = self._held, ""
        if isinstance(held, str):
            self._write(held)
        elif held:
            self._write(f'"kind":"request"{_rest(held)}')

    def _write(self, text: str) -> None:
        """Write a record: its number, and the times where they aren't the last one's."""
        if self._turned:
            self._turned = False
            now = self._now()
            if now != self._time:
                self._time = now
                text = f'"t_wall":"{self._stamp}","t_mono":{now:.6f},{text}'
        self._append(f'{{"seq":{self._seq},{text}}}')
        self._seq += 1

    def flush(self) -> None:
        """Write all records of this turn to the file; LogError if that is impossible."""
        if self._held:
            self._release()
        self._turned = True
        self._lines.flush()

    def close(self) -> None:
        """Write all records, and close the file; LogError as `LineFile.close`."""
        if self._held:
            self._release()
        self._lines.close()

    def start(
        self,
        config: SwarmConfig,
        *,
        peer_id: int,
        random_seed: int,
        run: str | None,
        has: bytes = b"",
    ) -> None:
        """Write the first record: the configuration in force, and what an earlier life left."""
        self.record(
            "start",
            {
                "v": FORMAT_VERSION,
                "peer": self._peer_id,
                "version": _version(),
                "run": run,
                "random_seed": random_seed,
                "k": config.preferred_neighbors,
                "p": config.unchoking_interval,
                "m": config.optimistic_interval,
                "file_name": config.file_name,
                "file_size": config.file_size,
                "piece_size": config.piece_size,
                "pieces": config.piece_count,
                "has_file": config.peer(peer_id).has_file,
                "resumed": _spans(has),
                "peers": [
                    [peer.peer_id, peer.host, peer.port, peer.has_file] for peer in config.peers
                ],
            },
        )

    def event(self, event: str, fields: Mapping[str, Any], line: int) -> None:
        """Write what goes with a line of the log, or with several of haves that came together.

        The event of a message that was told just before is `line` in that message's record.
        """
        held, neighbor, pieces = self._held, fields.get("neighbor"), fields.get("pieces")
        if self._takes(event, neighbor, fields.get("piece", pieces)):
            count = f',"count":{fields["count"]}' if "count" in fields else ""
            self._write(f'{held}{count},"line":{line}')
        elif pieces is None:
            self._put(f'"kind":"event","event":"{event}"{_rest(fields)},"line":{line}')
        else:
            head = f'"kind":"event","event":"{event}","neighbor":{neighbor},"pieces":'
            for first, part in _parts(pieces):
                self._put(f'{head}{part},"line":{line + first}')

    def message(
        self,
        way: Way,
        conn: str,
        neighbor: int,
        mseq: int,
        kind: str,
        piece: int | None,
        fields: Mapping[str, Any],
    ) -> None:
        """Write the record of a message that was queued or taken in."""
        text = f"{self._head(way, conn, kind)}{mseq}"
        if piece is not None:
            text = f'{text},"piece":{piece}'
        if fields:
            text += _rest(fields)
        draw = self._held
        if way == "in" and kind in EVENTS:
            self._hold(text, EVENTS[kind], neighbor, piece)
        elif kind == "request" and way == "out" and self._takes(kind, neighbor, piece):
            assert not isinstance(draw, str), "a request follows its draw"
            self._write(f'{text},"candidates":{draw["candidates"]},"draw":{draw["draw"]}')
        else:
            self._put(text)

    def haves_came(self, conn: str, neighbor: int, mseq: int, pieces: list[int]) -> None:
        """Write the record of haves that were taken in together, from message `mseq` on."""
        head = self._head("in", conn, "have")
        for first, part in _parts(pieces):
            text = f'{head}{mseq + first},"pieces":{part}'
            if len(pieces) > MOST_TOGETHER:
                self._put(text)
            else:
                self._hold(text, EVENTS["have"], neighbor, pieces)

    def haves_queued(self, conns: list[str], mseqs: list[int], pieces: list[int]) -> None:
        """Write the record of haves that were queued for these connections, from messages `mseqs` on."""
        names = ",".join([f'"{conn}"' for conn in conns])
        for first, part in _parts(pieces):
            numbers = ",".join([str(mseq + first) for mseq in mseqs])
            self._put(f'"kind":"out have","conns":[{names}],"mseqs":[{numbers}],"pieces":{part}')

    def _head(self, way: Way, conn: str, kind: str) -> str:
        head = self._heads.get((way, conn, kind))
        if head is None:
            fields = _rest({"conn": conn})
            head = self._heads[way, conn, kind] = f'"kind":"{way} {kind}"{fields},"mseq":'
        return head

    def connection(self, conn: str, neighbor: int, state: str, fields: dict[str, Any]) -> None:
        """Write the record of a connection that is open or closed."""
        self.record("connection", {"conn": conn, "neighbor": neighbor, "state": state, **fields})


def _rest(fields: Mapping[str, Any]) -> str:
    """Further fields of a record; what nearly all values are needs no encoder."""
    text = ""
    for name, value in fields.items():
        if type(value) is not int:
            value = _BOOLEANS[value] if type(value) is bool else _encode(value)  # noqa: PLW2901
        text += f',"{name}":{value}'
    return text


def _parts(pieces: list[int]) -> Iterator[tuple[int, str]]:
    """The pieces of haves in parts for a record each: which is its first, and the list."""
    for first in range(0, len(pieces), MOST_TOGETHER):
        part = pieces[first : first + MOST_TOGETHER]
        yield first, f"[{','.join(map(str, part))}]"


def _spans(has: bytes) -> list[list[int]]:
    """The pieces that are there as pairs: the first and the last of each row of them."""
    spans: list[list[int]] = []
    end = 0
    while (start := has.find(1, end)) >= 0:
        end = has.find(0, start)
        end = len(has) if end < 0 else end
        spans.append([start, end - 1])
    return spans


def _version() -> str:
    """The installed version, by the name of its folder: `importlib.metadata` takes 25 ms to say it."""
    for folder in sys.path:
        for found in Path(folder).glob("swarmproof-*.dist-info"):
            return found.stem.removeprefix("swarmproof-")
    return "unknown"  # run from a checkout that isn't installed

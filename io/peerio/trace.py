"""The trace: the log's events, and all else that happens, as JSON lines (docs/trace.md).

It is written by the calls that already happen: the event log's renderer, networking's tap, and the
core's notes. Where tracing is off nothing here is ever called.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from core.config import SwarmConfig
from peerio.eventlog import LineSink, Stamp
from peerio.protocol import HAVE_SIZE

if TYPE_CHECKING:
    from peerio.contract import Way

FORMAT_VERSION = 2
MOST_TOGETHER = 1000
"""Haves in one record: a line stays short enough for whoever reads it."""
_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


class Trace:
    """One peer's trace; also networking's `Tap`. `now` gives the time of the present turn."""

    def __init__(
        self, lines: LineSink, peer_id: int, stamp: Stamp, now: Callable[[], float]
    ) -> None:
        self._append = lines.append
        self._peer_id = peer_id
        self._stamp = stamp
        self._now = now
        self._time: float | None = None
        self._seq = 0
        self._heads: dict[tuple[Way, str], str] = {}
        """How the records of messages begin, by direction and connection."""

    def record(self, kind: str, fields: Mapping[str, Any]) -> None:
        """Write one record: the common fields, then its own."""
        self._put(f'"kind":"{kind}"{_rest(fields)}')

    def _put(self, text: str) -> None:
        """Write a record of these fields: its number, and the times where they aren't the last one's."""
        now = self._now()
        if now != self._time:
            self._time = now
            text = f'"t_wall":"{self._stamp}","t_mono":{now:.6f},{text}'
        self._append(f'{{"seq":{self._seq},{text}}}')
        self._seq += 1

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
        """Write the record that goes with a line of the log, or with several of haves that came together."""
        if event != "received_have":
            self._put(f'"kind":"event","event":"{event}"{_rest(fields)},"line":{line}')
            return
        head = f'"kind":"event","event":"received_have","neighbor":{fields["neighbor"]}'
        for first, pieces in _parts(fields["pieces"]):
            self._put(f'{head},"pieces":{pieces},"line":{line + first}')

    def message(
        self,
        way: Way,
        conn: str,
        neighbor: int,
        mseq: int,
        kind: str,
        size: int,
        fields: dict[str, Any],
    ) -> None:
        """Write the record of a message that was queued or taken in."""
        head = self._head(way, conn, neighbor)
        self._put(f'{head}{mseq},"type":"{kind}","len":{size}{_rest(fields)}')

    def haves(self, way: Way, conn: str, neighbor: int, mseq: int, pieces: list[int]) -> None:
        """Write the record of haves that were queued or taken in together, from message `mseq` on."""
        head = self._head(way, conn, neighbor)
        for first, part in _parts(pieces):
            self._put(f'{head}{mseq + first},"type":"have","len":{HAVE_SIZE},"pieces":{part}')

    def _head(self, way: Way, conn: str, neighbor: int) -> str:
        head = self._heads.get((way, conn))
        if head is None:
            fields = _rest({"dir": way, "conn": conn, "neighbor": neighbor})
            head = self._heads[way, conn] = f'"kind":"message"{fields},"mseq":'
        return head

    def connection(self, conn: str, neighbor: int, state: str, fields: dict[str, Any]) -> None:
        """Write the record of a connection that is open or closed."""
        self.record("connection", {"conn": conn, "neighbor": neighbor, "state": state, **fields})


def _rest(fields: Mapping[str, Any]) -> str:
    """Further fields of a record; most values are whole numbers, which need no encoder."""
    return "".join(
        [
            f',"{name}":{value if type(value) is int else _encode(value)}'
            for name, value in fields.items()
        ]
    )


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
    from importlib.metadata import (  # noqa: PLC0415 -- 15 ms, for traced peers alone
        PackageNotFoundError,
        version,
    )

    try:
        return version("swarmproof")
    except PackageNotFoundError:  # run from a checkout that isn't installed
        return "unknown"

"""The trace: the log's events, and all else that happens, as JSON lines (docs/trace.md).

It is written by the calls that already happen: the event log's renderer, networking's tap, and the
core's notes. Where tracing is off nothing here is ever called.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from core.config import SwarmConfig
from peerio.eventlog import LineSink, Stamp

FORMAT_VERSION = 1
_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


class Trace:
    """One peer's trace; also networking's `Tap`. `now` gives the time of the present turn."""

    def __init__(
        self, lines: LineSink, peer_id: int, stamp: Stamp, now: Callable[[], float]
    ) -> None:
        self._lines = lines
        self._stamp = stamp
        self._now = now
        self._head = f'{{"v":{FORMAT_VERSION},"peer":{peer_id},"seq":'
        self._seq = 0

    def record(self, kind: str, fields: dict[str, Any]) -> None:
        """Write one record: the common fields, then its own."""
        rest = _encode(fields)[1:]
        self._lines.append(
            f'{self._head}{self._seq},"t_wall":"{self._stamp}","t_mono":{self._now():.6f},'
            f'"kind":"{kind}"{"," if fields else ""}{rest}'
        )
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

    def event(self, event: str, fields: Mapping[str, Any], sentence: str, line: int) -> None:
        """Write the record that goes with a line of the log."""
        self.record("event", {"event": event, **fields, "sentence": sentence, "line": line})

    def message(
        self,
        way: str,
        conn: str,
        neighbor: int,
        mseq: int,
        kind: str,
        size: int,
        fields: dict[str, Any],
    ) -> None:
        """Write the record of a message that was queued or taken in."""
        common = {"dir": way, "conn": conn, "neighbor": neighbor, "mseq": mseq}
        self.record("message", {**common, "type": kind, "len": size, **fields})

    def connection(self, conn: str, neighbor: int, state: str, fields: dict[str, Any]) -> None:
        """Write the record of a connection that is open or closed."""
        self.record("connection", {"conn": conn, "neighbor": neighbor, "state": state, **fields})


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

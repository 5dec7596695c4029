"""W01 to W03, W08: what went over each connection, at both its ends (spec 2, 3)."""

from __future__ import annotations

import hashlib
from array import array
from functools import partial
from itertools import compress, count
from operator import ne
from typing import TYPE_CHECKING

from verifier.checks.provenance import MOST_READ, is_file
from verifier.checks.registry import Scope, check
from verifier.findings import Severity
from verifier.showing import shown
from verifier.traces.columns import Code
from verifier.traces.swarm import Traces

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from verifier.findings import Tally
    from verifier.traces.columns import Link, TraceLife

ERROR = Severity.ERROR
HANDSHAKE, PIECE_HEADER, HEADER = 32, 9, 5
"""Bytes of a handshake, of a piece message before its content, of a message without payload."""
PIECES = {Code.IN_PIECE, Code.IN_SKIPPED_PIECE}
SHAKES = {Code.OUT_HANDSHAKE, Code.IN_HANDSHAKE}
LATE_PIECES = 8
"""So many pieces may be sent before their records are written; a kill may lose these."""


def _links(traces: Traces) -> Iterator[tuple[TraceLife, Link]]:
    for trace in traces.lives:
        for link in trace.ends:
            yield trace, link


@check(
    "W01",
    "received-was-sent",
    ERROR,
    clause="3.1",
    rule="Messages arrive as they were sent, in order, and none but the last of a connection is lost.",
    order="F",
    needs="traces of both ends",
    example="trace_peer_1003.jsonl receives a have of piece 7 as message 12, which peer 1001 sent as piece 8.",
    scope=Scope.TRACE,
)
def received_was_sent(traces: Traces, tally: Tally) -> None:
    """The n-th message received on a connection against the n-th sent: type, length, number."""
    for trace, link in _links(traces):
        for flow in (link.outs, link.ins):
            if flow.astray >= 0:
                row = flow.rows[flow.astray]
                tally.report(
                    f"message {trace.mseqs[row]} follows message {flow.astray - 1} on {link.name}",
                    traces.at(trace, row),
                )
        if link.mate is not None:
            _compare(traces, tally, trace, link, *link.mate)
        elif len(link.ins) > 1 and traces.must_know(trace, link):
            tally.report(
                f"peer {link.neighbor}'s traces know no connection {link.name}",
                traces.at(trace, link.ins.rows[1]),
            )


def _compare(
    traces: Traces, tally: Tally, trace: TraceLife, link: Link, mate: TraceLife, end: Link
) -> None:
    """One direction of a connection."""
    came, sent = link.ins, end.outs
    both = min(len(came), len(sent))
    tally.saw(both)
    if came.keys[:both] != sent.keys[:both]:
        place = next(compress(count(), map(ne, came.keys, sent.keys)))
        tally.report(
            f"message {place} of {link.name} was sent as {mate.told(sent, place)} and received as"
            f" {trace.told(came, place)}",
            traces.at(mate, sent.rows[place]),
            traces.at(trace, came.rows[place]),
        )
        return
    extra = len(came) - both
    if not extra or mate.damage is not None:
        return
    if mate.end is None:
        if extra > LATE_PIECES or not {trace.codes[row] for row in came.rows[both:]} <= PIECES:
            tally.unsure(f"{mate.file.label} has lost its end, and with it what was sent last")
        return
    tally.report(
        f"{extra} messages of {link.name} were received but never sent",
        traces.at(trace, came.rows[both]),
    )


@check(
    "W02",
    "handshake-first",
    ERROR,
    clause="2.1, 2.2, 2.3",
    rule="A connection begins with one handshake each way, with the right ids, and only then is open.",
    order="L",
    needs="one trace",
    example="the handshake from peer 1002 names peer 1004.",
    scope=Scope.TRACE,
)
def handshake_first(traces: Traces, tally: Tally) -> None:
    """The first message each way, ids, the direction of the dial, and the record `open`."""
    for trace in traces.lives:
        shakes: dict[tuple[int, int], list[int]] = {}
        for row in trace.rows(SHAKES):
            shakes.setdefault((trace.links[row], trace.codes[row]), []).append(row)
        for link in trace.ends:
            for code, flow, expected in (
                (Code.OUT_HANDSHAKE, link.outs, trace.peer),
                (Code.IN_HANDSHAKE, link.ins, link.neighbor),
            ):
                found = shakes.get((link.index, code), [])
                if flow.rows[:1] != array("i", found[:1]):
                    first = traces.at(trace, flow.rows[0])
                    tally.report(f"{link.name} begins without a handshake", first)
                elif found:
                    tally.saw()
                    _shaken(traces, tally, trace, link, found, expected)
            _opened(traces, tally, trace, link)


def _shaken(
    traces: Traces, tally: Tally, trace: TraceLife, link: Link, rows: list[int], expected: int
) -> None:
    """The handshakes of one direction, of which there is to be one."""
    size, named = trace.values[rows[0]], trace.numbers[rows[0]]
    if (size, named) != (HANDSHAKE, expected):
        tally.report(
            f"{size} bytes that name peer {named}; expected {HANDSHAKE} and peer {expected}",
            traces.at(trace, rows[0]),
        )
    if len(rows) > 1:
        tally.report(f"{link.name} has a second handshake", traces.at(trace, rows[1]))


def _opened(traces: Traces, tally: Tally, trace: TraceLife, link: Link) -> None:
    """Both handshakes stand before the opening, all else behind it; who is later listed dialled."""
    outs, ins = link.outs.rows, link.ins.rows
    if link.opened < 0:
        if len(trace) > max([*outs[-1:], *ins[-1:], link.closed]) + 1:
            row = min([*outs[:1], *ins[:1], *([link.closed] * (link.closed >= 0))])
            tally.report(f"{link.name} was never open", traces.at(trace, row))
        return
    early = [row for rows in (outs, ins) for row in rows[1:2] if row < link.opened]
    missing = not (outs and ins and max(outs[0], ins[0]) < link.opened)
    if early or missing:
        tally.report(
            f"{link.name} is open before both handshakes, or used before it is open",
            *(traces.at(trace, row) for row in [*early, link.opened]),
        )
    ids = [peer.peer_id for peer in traces.config.peers]
    dialler, _, listener = (link.name.partition(":")[0], "", link.name.rpartition(">")[2])
    pair = (link.neighbor, trace.peer) if link.incoming else (trace.peer, link.neighbor)
    right = (dialler, listener) == (str(pair[0]), str(pair[1]))
    if not right or link.neighbor not in ids or ids.index(pair[0]) <= ids.index(pair[1]):
        tally.report(
            f"{link.name}: it is the later listed of {trace.peer} and {link.neighbor} that dials",
            traces.at(trace, link.opened),
        )


@check(
    "W03",
    "bitfield-next",
    ERROR,
    clause="3.3, 8.3",
    rule="The first message after the handshake is the bitfield, of the right length, and tells just the pieces that the peer has.",
    order="L",
    needs="one trace",
    example="the bitfield of a peer that has downloaded 12 pieces tells of 11.",
    scope=Scope.TRACE,
)
def bitfield_next(traces: Traces, tally: Tally) -> None:
    """Each writer's second message on a connection, its length and count; spare bits by refusals."""
    pieces = traces.config.pieces
    for trace, link in _links(traces):
        if len(link.outs) < 2:
            if link.opened >= 0 and link.closed >= 0:
                tally.report(f"no bitfield on {link.name}", traces.at(trace, link.opened))
            continue
        row = link.outs.rows[1]
        size, told = trace.values[row], trace.numbers[row]
        if trace.codes[row] != Code.OUT_BITFIELD:
            tally.report(
                f"it is no bitfield, but {trace.told(link.outs, 1)}", traces.at(trace, row)
            )
            continue
        tally.saw()
        length, has = HEADER + -(-pieces // 8), pieces if trace.seed else link.had
        if (size, told) != (length, has):
            tally.report(
                f"{size} bytes that tell {told} pieces; expected {length} and {has}",
                traces.at(trace, row),
            )
        if link.mate is None or link.mate[1].rejected:
            continue
        mate, end = link.mate
        if end.cause == "protocol error":
            tally.report(
                f"{mate.name} closed {link.name} for a protocol error of {trace.name}",
                traces.at(trace, link.outs.rows[min(len(end.ins), len(link.outs) - 1)]),
                traces.at(mate, end.closed),
            )


@check(
    "W08",
    "content-equal",
    ERROR,
    clause="1.4, 3.2",
    rule="A piece has its length, and all who keep it get the same content, which is the seed's.",
    order="-",
    needs="all traces; the seed's file where it is there",
    example="peers 1003 and 1004 kept piece 17 with different hashes.",
    scope=Scope.TRACE,
)
def content_equal(traces: Traces, tally: Tally) -> None:
    """Lengths of piece messages, and the hashes of all that was kept, among each other and the file's."""
    config = traces.config
    first: dict[tuple[int, int], tuple[TraceLife, int, str]] = {}
    lengths = [PIECE_HEADER + config.piece_length(piece) for piece in range(config.pieces)]
    for trace in traces.lives:
        rows = trace.rows({Code.OUT_PIECE, Code.IN_PIECE, Code.IN_SKIPPED_PIECE})
        tally.saw(len(rows))
        for row in rows:
            piece, length = trace.numbers[row], trace.values[row]
            right = lengths[piece] if piece < config.pieces else 0
            if length != right:
                tally.report(
                    f"piece {piece} in {length} bytes, expected {right}", traces.at(trace, row)
                )
            if trace.codes[row] != Code.IN_PIECE:
                continue
            digest = trace.digests.get(row)
            if digest is None:
                tally.unsure(f"{trace.file.label} tells no hash of piece {piece}")
                continue
            known = first.setdefault((trace.version, piece), (trace, row, digest))
            if known[2] != digest:
                tally.report(
                    f"piece {piece} is {known[2]} at {known[0].name}, {digest} at {trace.name}",
                    traces.at(known[0], known[1]),
                    traces.at(trace, row),
                )
    _compare_file(traces, tally, first)


def _compare_file(
    traces: Traces, tally: Tally, first: dict[tuple[int, int], tuple[TraceLife, int, str]]
) -> None:
    """The hashes against the file of the first seed whose copy is there."""
    config = traces.config
    for peer in config.peers:
        path = traces.case.swarm.folder / f"peer_{peer.peer_id}" / config.file_name
        if not peer.has_file or path.name != config.file_name or not is_file(path):
            continue
        if path.stat().st_size != config.file_size or config.file_size > MOST_READ:
            tally.unsure(
                f"{shown(path.name)} of peer {peer.peer_id} isn't of {config.file_size} bytes"
            )
            continue
        for version in sorted({version for version, _ in first}):
            for piece, digest in _digests(path, config.piece_size, version):
                told = first.get((version, piece))
                if told is not None and told[2] != digest:
                    tally.report(
                        f"piece {piece} is {digest} in the file of peer {peer.peer_id}, but was"
                        f" received as {told[2]}",
                        traces.at(told[0], told[1]),
                    )
        return


def _digests(path: Path, size: int, version: int) -> Iterator[tuple[int, str]]:
    """Each piece's hash, as traces of this version have it (docs/trace.md)."""
    make = hashlib.sha256 if version > 1 else partial(hashlib.blake2b, digest_size=8)
    with path.open("rb") as file:
        number = 0
        left, digest = size, make()
        while data := file.read(min(left, 1 << 20)):
            digest.update(data)
            left -= len(data)
            if not left:
                yield number, digest.hexdigest()[:16]
                number += 1
                left, digest = size, make()
        if left < size:
            yield number, digest.hexdigest()[:16]

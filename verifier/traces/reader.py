"""Reads traces (docs/trace.md), plain or gzip'd: one `TraceLife` for each file.

A line that isn't a record, or a gap in the numbers of the records, ends the reading of that file;
where and why is remembered for check W15. Only a last line without its end is no damage: a peer
that is killed leaves one.
"""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from verifier.reading.config import InputError
from verifier.reading.files import blocks
from verifier.reading.finding import LogFile
from verifier.reading.sentences import PRESCRIBED, Kind
from verifier.showing import shown
from verifier.traces.columns import EVENTS, TYPES, Code, Decision, End, Link, Start, TraceLife
from verifier.traces.fields import (
    MOST,
    BadRecordError,
    as_number,
    as_numbers,
    as_text,
    as_whole,
    decode,
    spanned,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from verifier.history.lives import Life

    Record = dict[str, Any]

VERSIONS = {1, 2}
"""In version 2 most records leave out what the ones before said, and haves may stand together."""
NAME = re.compile(r"trace_peer_(\d{1,18})\.jsonl(?:\.(\d{1,6}))?(\.gz)?")
MESSAGES = {
    (way, name): first + code
    for way, first in (("out", Code.OUT), ("in", Code.IN))
    for code, name in enumerate(TYPES)
    if name != "unknown"
}
"""The code of a message by its direction and type."""
EVENT_CODES = {name: Code.EVENT + code for code, name in enumerate(EVENTS)}
SENTENCES = dict(zip(EVENTS, (PRESCRIBED[kind] for kind in Kind), strict=True))
"""The prescribed sentence of each event, with its fields' names in braces."""
BY_SIGNAL = {130, 143}
"""Statuses of a peer that a signal ended (spec 7.4)."""


def find_traces(folder: Path, paths: list[Path]) -> list[LogFile]:
    """The files that are named like traces, in the order of their names."""
    found = []
    for path in sorted(paths):
        match = NAME.fullmatch(path.name)
        if match is not None:
            label = shown(path.relative_to(folder).as_posix())
            with suppress(OSError):  # removed meanwhile, or in a folder that may not be entered
                size = path.stat().st_size
                found.append(LogFile(path, label, int(match[1]), int(match[2] or 0), size))
    return found


def read_trace(file: LogFile, life: Life, log: int) -> TraceLife:
    """One trace; what is wrong with the file is in `damage`."""
    trace = TraceLife(file, life, log, file.peer_id)
    reader = _Reader(trace)
    try:
        for block in blocks(file.path):
            if not reader.take_block(block.data, truncated=block.truncated):
                break
    except InputError as error:
        trace.damage = (reader.count + 1, str(error))
    return trace


def _unusual(way: Any, kind: Any) -> int:
    """The code of a message of an unknown type; no other has none."""
    if way not in {"out", "in"}:
        raise BadRecordError("its direction is neither 'out' nor 'in'")
    if not as_text(kind).startswith("unknown "):
        raise BadRecordError(f"{kind!r} is no type of message")
    return Code.OUT_UNKNOWN if way == "out" else Code.IN_UNKNOWN


class _Reader:
    """Turns the records of one file into rows."""

    def __init__(self, trace: TraceLife) -> None:
        self._trace = trace
        self.count = 0
        """Records taken so far, which are lines."""
        self._time = 0.0
        self._named: dict[str, Link] = {}
        self._latest: dict[int, Link] = {}
        self._indices: dict[Any, int] = {}
        before, self._behind_piece = SENTENCES["received_have"].split("{piece}")
        self._before_piece = before.replace("{subject}", str(trace.peer))
        self._kinds: dict[str, Callable[[Record], None]] = {
            "message": self._message,
            "event": self._event,
            "transition": self._transition,
            "request": self._request,
            "connection": self._connection,
            "preferred": self._preferred,
            "optimistic": self._optimistic,
            "freed": lambda record: self._noted(Code.FREED, record),
            "skipped": lambda record: self._noted(Code.SKIPPED, record),
            "dropped": lambda record: self._noted(Code.DROPPED, record),
            "rejected": self._rejected,
            "start": self._start,
            "end": self._end,
        }

    def take_block(self, data: bytes, *, truncated: bool) -> bool:
        """Take whole lines; False when nothing more of the file can be used."""
        lines = data.split(b"\n")
        lines.pop()
        records = decode(lines)
        before = self.count
        reason = self._take(records)
        if not reason:
            return True
        place = self.count - before
        if not (truncated and place + 1 == len(records) and isinstance(records[place], str)):
            self._trace.damage = (self.count + 1, reason)
        return False

    def _take(self, records: list[Any]) -> str:
        """Take records up to the first that can't be one; why it can't, or nothing."""
        trace, kinds = self._trace, self._kinds
        codes, times, lines = trace.codes, trace.times, trace.lines
        try:
            for record in records:
                if type(record) is not dict:
                    return record if type(record) is str else "it isn't a JSON object"
                if "v" in record or trace.version < 2:
                    self._check_writer(record)
                if record["seq"] != self.count:
                    return f"seq is {record['seq']}, expected {self.count}"
                kind = record["kind"]
                if (kind == "start") is not (self.count == 0):
                    return "the first record, and no other, is 'start'"
                if trace.end is not None:
                    return "it stands behind the record 'end'"
                if "t_mono" in record or trace.version < 2:
                    self._time = as_number(record["t_mono"])
                kinds[kind](record)
                self.count += 1
                for _ in range(len(codes) - len(times)):
                    times.append(self._time)
                    lines.append(self.count)
        except KeyError as error:
            reason = f"{error.args[0]!r} is missing or unknown"
        except (TypeError, ValueError, OverflowError, AttributeError, BadRecordError) as error:
            reason = str(error)
        else:
            return ""
        for column in (codes, trace.links, trace.numbers, trace.values, trace.mseqs):
            del column[len(times) :]
        return reason

    def _check_writer(self, record: Record) -> None:
        """Version and writer: in each record of version 1, and in the first of later ones."""
        trace, version = self._trace, record["v"]
        known = {trace.version} if trace.version else VERSIONS
        if version not in known:
            expected = " or ".join(map(str, sorted(known)))
            raise BadRecordError(f"format version {version}, expected {expected}")
        if record["peer"] != trace.peer:
            raise BadRecordError(f"it is of peer {record['peer']}")
        trace.version = version

    def _row(
        self, code: int, link: int = -1, number: int = -1, value: int = 0, mseq: int = -1
    ) -> None:
        trace = self._trace
        trace.codes.append(code)
        trace.links.append(link)
        trace.numbers.append(number)
        trace.values.append(value)
        trace.mseqs.append(mseq)

    def _index(self, table: list[Any], item: Any) -> int:
        """The place of a value in a table of different ones."""
        index = self._indices.get(item)
        if index is None:
            index = self._indices[item] = len(table)
            table.append(item)
        return index

    def _of(self, neighbor: Any) -> int:
        """The latest connection with a neighbor."""
        link = self._latest.get(as_whole(neighbor))
        return -1 if link is None else link.index

    def _link(self, record: Record) -> Link:
        """The connection that a record names; one that wasn't named before begins with it."""
        name, neighbor = as_text(record["conn"]), record["neighbor"]
        link = self._named.get(name)
        if link is None:
            link = Link(len(self._trace.ends), name, as_whole(neighbor))
            self._trace.ends.append(link)
            self._named[name] = self._latest[neighbor] = link
        elif link.neighbor != neighbor:
            raise BadRecordError(f"{name} is a connection with peer {link.neighbor}")
        return link

    def _message(self, record: Record) -> None:
        trace = self._trace
        link = self._named.get(record["conn"])
        if link is None or link.neighbor != record["neighbor"]:
            link = self._link(record)
        way, kind = record["dir"], record["type"]
        if kind == "have" and "pieces" in record:
            self._haves(record, link)
            return
        code = MESSAGES.get((way, kind))
        if code is None:
            code = _unusual(way, kind)
        number = -1
        if kind in {"request", "piece", "have"}:
            number = record.get("piece", -1)
            if not 0 <= number < MOST:
                raise BadRecordError("it names no piece")
        elif kind in {"bitfield", "handshake"}:
            number = as_whole(record["count" if kind == "bitfield" else "id"])
        row = len(trace.codes)
        if code == Code.IN_PIECE:
            if record["kept"] is not True:
                code = Code.IN_SKIPPED_PIECE
            if isinstance(record.get("sha"), str):
                trace.digests[row] = record["sha"]
        elif code == Code.OUT_BITFIELD and link.had < 0:
            link.had = len(trace.downloads)
        self._row(code, link.index, number, record["len"], record["mseq"])
        (link.outs if way == "out" else link.ins).append(row)

    def _haves(self, record: Record, link: Link) -> None:
        """Haves that were queued or came one after the other."""
        way, pieces, first = record["dir"], as_numbers(record["pieces"]), as_whole(record["mseq"])
        code = MESSAGES.get((way, "have"))
        if code is None:
            code = _unusual(way, "have")
        row = len(self._trace.codes)
        self._rows(code, link.index, pieces, [record["len"]] * len(pieces), first)
        (link.outs if way == "out" else link.ins).extend(range(row, row + len(pieces)))

    def _rows(
        self, code: int, link: int, numbers: list[int], values: list[int], first: int
    ) -> None:
        """Rows of one kind, whose `mseqs` count from `first` on."""
        trace, count = self._trace, len(numbers)
        trace.codes.extend(bytes([code]) * count)
        trace.links.fromlist([link] * count)
        trace.numbers.fromlist(numbers)
        trace.values.fromlist(values)
        trace.mseqs.fromlist(list(range(first, first + count)))

    def _have_events(self, record: Record) -> None:
        """The lines of haves that came one after the other."""
        neighbor, pieces = as_whole(record["neighbor"]), as_numbers(record["pieces"])
        start, after = self._before_piece.replace("{other}", str(neighbor)), self._behind_piece
        values = [hash(f"{start}{piece}{after}".encode()) for piece in pieces]
        first = as_whole(record["line"])
        self._rows(Code.RECEIVED_HAVE, self._of(neighbor), pieces, values, first)

    def _event(self, record: Record) -> None:
        trace = self._trace
        row = len(trace.codes)
        event = record["event"]
        code = EVENT_CODES[event]
        if code == Code.RECEIVED_HAVE and "pieces" in record:
            self._have_events(record)
            return
        neighbor = record.get("neighbor")
        neighbors = as_numbers(record["neighbors"]) if code == Code.PREFERRED_LINE else []
        told = SENTENCES[event].format(
            subject=trace.peer,
            other=neighbor,
            piece=record.get("piece"),
            count=record.get("count"),
            ids=",".join(map(str, neighbors)),
        )
        sentence = as_text(record["sentence"]) if trace.version < 2 else told
        link = -1 if neighbor is None else self._of(neighbor)
        number = record.get("piece", -1)
        self._row(code, link, number, hash(sentence.encode()), as_whole(record["line"]))
        if told != sentence:
            trace.mismatched.append(row)
        if code == Code.PREFERRED_LINE:
            trace.lists[row] = neighbors
        elif code == Code.DOWNLOADED:
            trace.downloads.append(as_whole(number))

    def _transition(self, record: Record) -> None:
        change = (record["machine"], record["from"], record["trigger"], record["to"])
        value = self._index(self._trace.transitions, change)
        self._row(Code.TRANSITION, self._of(record["neighbor"]), value=value)

    def _request(self, record: Record) -> None:
        link = self._of(record["neighbor"])
        piece, among, draw = (as_whole(record[key]) for key in ("piece", "candidates", "draw"))
        self._row(Code.REQUEST, link, piece, among, draw)

    def _noted(self, code: int, record: Record) -> None:
        value = self._index(self._trace.causes, as_text(record["cause"]))
        self._row(code, self._of(record["neighbor"]), as_whole(record["piece"]), value)

    def _rejected(self, record: Record) -> None:
        self._noted(Code.REJECTED, {**record, "cause": "wrong"})
        if link := self._latest.get(record["neighbor"]):
            link.rejected = True

    def _connection(self, record: Record) -> None:
        row = len(self._trace.codes)
        link = self._link(record)
        if record["state"] == "open":
            link.opened, link.incoming = row, bool(record["incoming"])
            self._row(Code.OPEN, link.index)
        elif record["state"] == "closed":
            link.closed, link.cause = row, as_text(record["cause"])
            del self._named[link.name]
            self._row(Code.CLOSED, link.index)
        else:
            raise BadRecordError(f"{record['state']!r} is no state of a connection")

    def _preferred(self, record: Record) -> None:
        decision = Decision(
            tick=as_whole(record["tick"]),
            due=as_number(record["due"]),
            skipped=as_whole(record["skipped"]),
            candidates=as_numbers(record["candidates"]),
            chosen=as_numbers(record["chosen"]),
            draw=as_numbers(record["draw"]),
            rates=as_numbers(record["rates"]),
            complete=bool(record["complete"]),
        )
        self._decided(Code.PREFERRED, decision)

    def _optimistic(self, record: Record) -> None:
        draw, chosen = record["draw"], record["chosen"]
        decision = Decision(
            tick=as_whole(record["tick"]),
            due=as_number(record["due"]),
            skipped=as_whole(record["skipped"]),
            candidates=as_numbers(record["candidates"]),
            chosen=[] if chosen is None else [as_whole(chosen)],
            draw=[] if draw is None else [as_whole(draw)],
        )
        self._decided(Code.OPTIMISTIC, decision)

    def _decided(self, code: int, decision: Decision) -> None:
        self._row(code, value=len(self._trace.decisions))
        self._trace.decisions.append(decision)

    def _start(self, record: Record) -> None:
        self._trace.start = Start(
            as_whole(record["k"]),
            as_number(record["p"]),
            as_number(record["m"]),
            as_whole(record["file_size"]),
            as_whole(record["piece_size"]),
            bool(record["has_file"]),
            spanned(record.get("resumed", [])),  # traces of before have no such field
        )
        self._trace.downloads.extend(sorted(self._trace.begun))
        self._row(Code.START)

    def _end(self, record: Record) -> None:
        status = record["status"]
        self._trace.end = End(
            None if status is None else as_whole(status),
            bool(record.get("hurried", status in BY_SIGNAL)),
            as_whole(record["skipped_pieces"]),
            as_whole(record["freed_requests"]),
            as_whole(record.get("rejected_pieces", 0)),  # traces of before have no such field
        )
        self._row(Code.END)

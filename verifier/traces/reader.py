"""Reads traces (docs/trace.md), plain or gzip'd: one `TraceLife` for each file.

A line that isn't a record, or a gap in the numbers of the records, ends the reading of that file;
where and why is remembered for check W15. Only a last line without its end is no damage: a peer
that is killed leaves one.
"""

from __future__ import annotations

import json
import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from verifier.reading.config import InputError
from verifier.reading.files import blocks
from verifier.reading.finding import LogFile
from verifier.reading.sentences import PRESCRIBED, Kind
from verifier.showing import shown
from verifier.traces.columns import EVENTS, TYPES, Code, Decision, End, Link, Start, TraceLife

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from verifier.history.lives import Life

    Record = dict[str, Any]

VERSION = 1
NAME = re.compile(r"trace_peer_(\d{1,18})\.jsonl(?:\.(\d{1,6}))?(\.gz)?")
TYPE_CODES = {name: code for code, name in enumerate(TYPES)}
EVENT_CODES = {name: Code.EVENT + code for code, name in enumerate(EVENTS)}
SENTENCES = dict(zip(EVENTS, (PRESCRIBED[kind] for kind in Kind), strict=True))
"""The prescribed sentence of each event, with its fields' names in braces."""
BY_SIGNAL = {130, 143}
"""Statuses of a peer that a signal ended (spec 7.4)."""
MOST = 2**40
"""Numbers above this are no piece, size or number of anything."""


class _BadRecordError(Exception):
    """A line isn't a record of the format; the message says why."""


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
        trace.damage = (len(trace) + 1, str(error))
    return trace


def _decode(lines: list[bytes]) -> list[Any]:
    """Many lines at once, which is fast, or one by one where one of them can't be read.

    A line that can't be read stands as its reason.
    """
    try:
        records = json.loads(b"[" + b",\n".join(lines) + b"]")
        if len(records) == len(lines):
            return list(records)
    except (ValueError, RecursionError):
        pass
    return [_decode_one(line) for line in lines]


def _decode_one(line: bytes) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError) as error:
        return f"it isn't JSON ({type(error).__name__})"


def _whole(value: Any) -> int:
    """A whole number that isn't negative."""
    if type(value) is not int or not 0 <= value < MOST:
        raise _BadRecordError(f"{str(value)[:40]!r} where a number was expected")
    return value


def _text(value: Any) -> str:
    if type(value) is not str:
        raise _BadRecordError(f"{str(value)[:40]!r} where a text was expected")
    return value


def _number(value: Any) -> float:
    if type(value) not in {int, float} or not abs(value) < 1e18:
        raise _BadRecordError(f"{str(value)[:40]!r} where a number was expected")
    return float(value)


def _ids(value: Any) -> list[int]:
    if type(value) is not list:
        raise _BadRecordError(f"{str(value)[:40]!r} where a list was expected")
    return [_whole(item) for item in value]


class _Reader:
    """Turns the records of one file into rows."""

    def __init__(self, trace: TraceLife) -> None:
        self._trace = trace
        self._named: dict[str, Link] = {}
        self._latest: dict[int, Link] = {}
        self._indices: dict[Any, int] = {}
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
            "start": self._start,
            "end": self._end,
        }

    def take_block(self, data: bytes, *, truncated: bool) -> bool:
        """Take whole lines; False when nothing more of the file can be used."""
        lines = data.split(b"\n")
        lines.pop()
        records = _decode(lines)
        for number, record in enumerate(records, 1):
            reason = self._take(record)
            if reason:
                if not (truncated and number == len(records) and isinstance(record, str)):
                    self._trace.damage = (len(self._trace) + 1, reason)
                return False
        return True

    def _take(self, record: Any) -> str:
        """Take one record; why it can't be one, or nothing."""
        trace = self._trace
        row = len(trace.codes)
        if type(record) is not dict:
            return record if type(record) is str else "it isn't a JSON object"
        try:
            if record["v"] != VERSION:
                return f"format version {record['v']}, expected {VERSION}"
            if record["seq"] != row:
                return f"seq is {record['seq']}, expected {row}"
            if record["peer"] != trace.peer:
                return f"it is of peer {record['peer']}"
            kind = record["kind"]
            if (kind == "start") is not (row == 0):
                return "the first record, and no other, is 'start'"
            if trace.end is not None:
                return "it stands behind the record 'end'"
            time = _number(record["t_mono"])
            self._kinds[kind](record)
        except KeyError as error:
            reason = f"{error.args[0]!r} is missing or unknown"
        except (TypeError, ValueError, OverflowError, AttributeError, _BadRecordError) as error:
            reason = str(error)
        else:
            trace.times.append(time)
            return ""
        for column in (trace.codes, trace.links, trace.numbers, trace.values, trace.mseqs):
            del column[row:]
        return reason

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
        link = self._latest.get(_whole(neighbor))
        return -1 if link is None else link.index

    def _link(self, record: Record) -> Link:
        """The connection that a record names; one that wasn't named before begins with it."""
        name, neighbor = _text(record["conn"]), record["neighbor"]
        link = self._named.get(name)
        if link is None:
            link = Link(len(self._trace.ends), name, _whole(neighbor))
            self._trace.ends.append(link)
            self._named[name] = self._latest[neighbor] = link
        elif link.neighbor != neighbor:
            raise _BadRecordError(f"{name} is a connection with peer {link.neighbor}")
        return link

    def _message(self, record: Record) -> None:
        trace = self._trace
        row = len(trace.codes)
        link = self._link(record)
        kind = record["type"]
        code = TYPE_CODES.get(kind, -1)
        if code < 0 or kind == "unknown":
            if not _text(kind).startswith("unknown "):
                raise _BadRecordError(f"{kind!r} is no type of message")
            code = Code.OUT_UNKNOWN
        number = record.get("piece", -1)
        if kind in {"have", "request", "piece"} and not 0 <= number < MOST:
            raise _BadRecordError("it names no piece")
        if kind == "bitfield":
            number = _whole(record["count"])
        elif kind == "handshake":
            number = _whole(record["id"])
        if record["dir"] == "out":
            rows = link.outs
            if kind == "bitfield" and link.had < 0:
                link.had = len(trace.downloads)
        elif record["dir"] == "in":
            code += Code.IN
            rows = link.ins
            if kind == "piece":
                if record["kept"] is not True:
                    code = Code.IN_SKIPPED_PIECE
                elif isinstance(record.get("sha"), str):
                    trace.digests[row] = record["sha"]
        else:
            raise _BadRecordError("its direction is neither 'out' nor 'in'")
        self._row(code, link.index, number, record["len"], record["mseq"])
        rows.append(row)

    def _event(self, record: Record) -> None:
        trace = self._trace
        row = len(trace.codes)
        event = record["event"]
        code = EVENT_CODES[event]
        neighbor = record.get("neighbor")
        neighbors = _ids(record["neighbors"]) if code == Code.PREFERRED_LINE else []
        told = SENTENCES[event].format(
            subject=trace.peer,
            other=neighbor,
            piece=record.get("piece"),
            count=record.get("count"),
            ids=",".join(map(str, neighbors)),
        )
        sentence = _text(record["sentence"])
        link = -1 if neighbor is None else self._of(neighbor)
        number = record.get("piece", -1)
        self._row(code, link, number, hash(sentence.encode()), _whole(record["line"]))
        if told != sentence:
            trace.mismatched.append(row)
        if code == Code.PREFERRED_LINE:
            trace.lists[row] = neighbors
        elif code == Code.DOWNLOADED:
            trace.downloads.append(_whole(number))

    def _transition(self, record: Record) -> None:
        change = (record["machine"], record["from"], record["trigger"], record["to"])
        value = self._index(self._trace.transitions, change)
        self._row(Code.TRANSITION, self._of(record["neighbor"]), value=value)

    def _request(self, record: Record) -> None:
        link = self._of(record["neighbor"])
        piece, among, draw = (_whole(record[key]) for key in ("piece", "candidates", "draw"))
        self._row(Code.REQUEST, link, piece, among, draw)

    def _noted(self, code: int, record: Record) -> None:
        value = self._index(self._trace.causes, _text(record["cause"]))
        self._row(code, self._of(record["neighbor"]), _whole(record["piece"]), value)

    def _connection(self, record: Record) -> None:
        row = len(self._trace.codes)
        link = self._link(record)
        if record["state"] == "open":
            link.opened, link.incoming = row, bool(record["incoming"])
            self._row(Code.OPEN, link.index)
        elif record["state"] == "closed":
            link.closed, link.cause = row, _text(record["cause"])
            del self._named[link.name]
            self._row(Code.CLOSED, link.index)
        else:
            raise _BadRecordError(f"{record['state']!r} is no state of a connection")

    def _preferred(self, record: Record) -> None:
        decision = Decision(
            tick=_whole(record["tick"]),
            due=_number(record["due"]),
            skipped=_whole(record["skipped"]),
            candidates=_ids(record["candidates"]),
            chosen=_ids(record["chosen"]),
            draw=_ids(record["draw"]),
            rates=_ids(record["rates"]),
            complete=bool(record["complete"]),
        )
        self._decided(Code.PREFERRED, decision)

    def _optimistic(self, record: Record) -> None:
        draw, chosen = record["draw"], record["chosen"]
        decision = Decision(
            tick=_whole(record["tick"]),
            due=_number(record["due"]),
            skipped=_whole(record["skipped"]),
            candidates=_ids(record["candidates"]),
            chosen=[] if chosen is None else [_whole(chosen)],
            draw=[] if draw is None else [_whole(draw)],
        )
        self._decided(Code.OPTIMISTIC, decision)

    def _decided(self, code: int, decision: Decision) -> None:
        self._row(code, value=len(self._trace.decisions))
        self._trace.decisions.append(decision)

    def _start(self, record: Record) -> None:
        self._trace.start = Start(
            _whole(record["k"]),
            _number(record["p"]),
            _number(record["m"]),
            _whole(record["file_size"]),
            _whole(record["piece_size"]),
            bool(record["has_file"]),
        )
        self._row(Code.START)

    def _end(self, record: Record) -> None:
        status = record["status"]
        self._trace.end = End(
            None if status is None else _whole(status),
            bool(record.get("hurried", status in BY_SIGNAL)),
            _whole(record["skipped_pieces"]),
            _whole(record["freed_requests"]),
        )
        self._row(Code.END)

"""What each record of a trace tells, as rows (docs/trace.md)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from verifier.reading.sentences import PRESCRIBED, Kind
from verifier.traces.columns import (
    EVENTS,
    TYPES,
    Code,
    Decision,
    End,
    Flow,
    Link,
    Start,
    TraceLife,
    odd_key,
)
from verifier.traces.fields import (
    MOST,
    BadRecordError,
    as_number,
    as_numbers,
    as_text,
    as_whole,
    spanned,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    Record = dict[str, Any]
    Row = tuple[int, int, int, int, int, float, int]

NUMBERED = {"handshake": "id", "bitfield": "count", "request": "piece", "piece": "piece"}
"""The field that is a message's number, by its type."""
SIZES = {"choke": 5, "unchoke": 5, "interested": 5, "not interested": 5, "request": 9, "have": 9}
"""The bytes of messages that are always as long; of the others records tell them."""
MESSAGES = {
    f"{way} {name}": (first + type_, type_, NUMBERED.get(name, ""), SIZES.get(name, -1))
    for way, first in (("out", Code.OUT), ("in", Code.IN))
    for type_, name in enumerate(TYPES)
}
"""By the kind of a record its code, the message's type, the field of its number, and its bytes."""
ANSWERS = {
    "in choke": "choked",
    "in unchoke": "unchoked",
    "in interested": "received_interested",
    "in not interested": "received_not_interested",
    "in piece": "downloaded_piece",
}
"""The event that a received message's record tells besides, if it has `line`; haves have theirs too."""
EVENT_CODES = {name: Code.EVENT + code for code, name in enumerate(EVENTS)}
SENTENCES = dict(zip(EVENTS, (PRESCRIBED[kind] for kind in Kind), strict=True))
"""The prescribed sentence of each event, with its fields' names in braces."""
BY_SIGNAL = {130, 143}
"""Statuses of a peer that a signal ended (spec 7.4)."""


class Rows:
    """Turns the records of one file into rows, which join the columns block by block."""

    def __init__(self, trace: TraceLife) -> None:
        self._trace = trace
        self._rows: list[Row] = []
        """Those that aren't in the columns yet."""
        self._before = 0
        """How many are."""
        self.line = 0
        """The line of the present record."""
        self.time = 0.0
        """Its time."""
        self._named: dict[Any, Link] = {}
        self._latest: dict[int, Link] = {}
        self._indices: dict[Any, int] = {}
        self._sentences = {
            event: sentence.replace("{subject}", str(trace.peer))
            .replace("{", "%(")
            .replace("}", ")s")
            for event, sentence in SENTENCES.items()
        }
        self.takers: dict[str, Callable[[Record], None]] = {
            **dict.fromkeys(MESSAGES, self._message),
            "out have": self._haves,
            "in have": self._haves,
            "message": self._of_version_1,
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
        """What takes a record of each kind."""

    def take_unusual(self, record: Record) -> None:
        """A record of no kind that has a taker: a message of an unknown type, or none."""
        kind = as_text(record["kind"])
        way, unknown, number = kind.partition(" unknown ")
        if not unknown or not number:
            raise BadRecordError(f"{kind!r} is no kind of record")
        self.takers[f"{way} unknown"]({**record, "kind": f"{way} unknown"})

    def _of_version_1(self, record: Record) -> None:
        """A message, whose direction and type stand apart."""
        kind = f"{record['dir']} {record['type']}"
        self.takers.get(kind, self.take_unusual)({**record, "kind": kind})

    def settle(self, last: int) -> None:
        """Put the rows into the columns, but those behind this line, whose record turned out to be none."""
        rows, trace = self._rows, self._trace
        while rows and rows[-1][-1] > last:
            rows.pop()
        self._before += len(rows)
        for link in trace.ends:
            link.outs.cut(self._before)
            link.ins.cut(self._before)
        if rows:
            codes, links, numbers, values, mseqs, times, lines = zip(*rows, strict=True)
            trace.codes.extend(codes)
            trace.links.extend(links)
            trace.numbers.extend(numbers)
            trace.values.extend(values)
            trace.mseqs.extend(mseqs)
            trace.times.extend(times)
            trace.lines.extend(lines)
            rows.clear()

    def _row(
        self, code: int, link: int = -1, number: int = -1, value: int = 0, mseq: int = -1
    ) -> int:
        """A further row; which one it is."""
        self._rows.append((code, link, number, value, mseq, self.time, self.line))
        return self._before + len(self._rows) - 1

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

    def _link(self, name: Any, record: Record) -> Link:
        """The connection of a name; the first record with this name tells the neighbor."""
        link = self._named.get(name)
        if link is None:
            neighbor = as_whole(record["neighbor"])
            link = Link(len(self._trace.ends), as_text(name), neighbor)
            self._trace.ends.append(link)
            self._named[name] = self._latest[neighbor] = link
        elif record.get("neighbor", link.neighbor) != link.neighbor:
            raise BadRecordError(f"{name} is a connection with peer {link.neighbor}")
        return link

    def _message(self, record: Record) -> None:
        """A message but a have; by far the most records are these, so no call is made for each value."""
        kind = record["kind"]
        code, type_, numbered, usual = MESSAGES[kind]
        link = self._named.get(record["conn"])
        if link is None or "neighbor" in record:
            link = self._link(record["conn"], record)
        size = usual
        if size < 0 or "len" in record:
            size = as_whole(record["len"])
        number = record[numbered] if numbered else -1
        if numbered and not 0 <= number < MOST:
            raise BadRecordError(f"{number} is no number of a message")
        flow, row = link.ins if code >= Code.IN else link.outs, self._before + len(self._rows)
        mseq = len(flow.rows)
        if record["mseq"] != mseq:
            mseq = self._astray(flow, record["mseq"])
        said = number << 4 | type_
        flow.keys.append(said if size == usual else odd_key(said, size))
        if code == Code.IN_PIECE:
            if record["kept"] is not True:
                code = Code.IN_SKIPPED_PIECE
            if "sha" in record:
                self._trace.digests[row] = as_text(record["sha"])
        elif "draw" in record:
            self._drawn(link.index, record)
            row += 1
        elif code == Code.OUT_BITFIELD and link.had < 0:
            link.had = len(self._trace.downloads)
        flow.rows.append(row)
        self._rows.append((code, link.index, number, size, mseq, self.time, self.line))
        if "line" in record:
            self._told(ANSWERS[kind], link.neighbor, record)

    @staticmethod
    def _astray(flow: Flow, mseq: Any) -> int:
        """A message has another number than its place."""
        if flow.astray < 0:
            flow.astray = len(flow.rows)
        return as_whole(mseq)

    def _haves(self, record: Record) -> None:
        """Haves that were queued or came one after the other, and their lines where these are told."""
        code, type_, _, usual = MESSAGES[record["kind"]]
        start, pieces = self._put_haves(record)
        size = as_whole(record.get("len", usual))
        count, keys = len(pieces), [piece << 4 | type_ for piece in pieces]
        if size != usual:
            keys = [odd_key(said, size) for said in keys]
        if "conns" in record:
            ends = zip(record["conns"], as_numbers(record["mseqs"]), strict=True)
        else:
            ends = zip([record["conn"]], [as_whole(record["mseq"])], strict=True)
        for name, first in ends:
            link = self._named.get(name)
            if link is None or "neighbor" in record:
                link = self._link(name, record)
            flow = link.outs if code == Code.OUT_HAVE else link.ins
            if first != len(flow.rows):
                self._astray(flow, first)
            flow.rows.extend([self._row(code, link.index, start, count, first)] * count)
            flow.keys.extend(keys)
            if "line" in record:
                line = as_whole(record["line"])
                self._row(Code.RECEIVED_HAVE, self._latest[link.neighbor].index, start, count, line)

    def _put_haves(self, record: Record) -> tuple[int, list[int]]:
        """Keep the pieces of haves; where they stand."""
        pieces = as_numbers(record["pieces"] if "pieces" in record else [record["piece"]])
        if not pieces:
            raise BadRecordError("it names no piece")
        haves = self._trace.haves
        haves.fromlist(pieces)
        return len(haves) - len(pieces), pieces

    def _event(self, record: Record) -> None:
        event, neighbor = record["event"], record.get("neighbor")
        if event != "received_have":
            self._told(event, neighbor, record)
            return
        start, pieces = self._put_haves(record)
        place, line = self._of(neighbor), as_whole(record["line"])
        row = self._row(Code.RECEIVED_HAVE, place, start, len(pieces), line)
        told = self._sentences[event] % {"other": neighbor, "piece": pieces[0]}
        if self._trace.version < 2 and as_text(record["sentence"]) != told:
            self._trace.mismatched.append(row)

    def _told(self, event: str, neighbor: Any, record: Record) -> None:
        """The line of an event that is no have."""
        trace, code, number, ids = self._trace, EVENT_CODES[event], -1, ""
        link = -1 if neighbor is None else self._of(neighbor)
        if code == Code.DOWNLOADED:
            number = as_whole(record["piece"])
            trace.downloads.append(number)
        elif code == Code.PREFERRED_LINE:
            ids = ",".join(map(str, as_numbers(record["neighbors"])))
        told = self._sentences[event] % {
            "other": neighbor,
            "piece": number,
            "count": record.get("count"),
            "ids": ids,
        }
        row = self._row(code, link, number, hash(told.encode()), as_whole(record["line"]))
        if trace.version < 2 and as_text(record["sentence"]) != told:
            trace.mismatched.append(row)
        if code == Code.PREFERRED_LINE:
            trace.lists[row] = record["neighbors"]

    def _transition(self, record: Record) -> None:
        change = (record["machine"], record["from"], record["trigger"], record["to"])
        value = self._index(self._trace.transitions, change)
        self._row(Code.TRANSITION, self._of(record["neighbor"]), value=value)

    def _request(self, record: Record) -> None:
        self._drawn(self._of(record["neighbor"]), record)

    def _drawn(self, link: int, record: Record) -> None:
        """How the piece of a request was drawn."""
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
        link = self._link(record["conn"], record)
        if record["state"] == "open":
            link.incoming = bool(record["incoming"])
            link.opened = self._row(Code.OPEN, link.index)
        elif record["state"] == "closed":
            link.cause = as_text(record["cause"])
            link.closed = self._row(Code.CLOSED, link.index)
            del self._named[link.name]
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

"""W04 to W06: what a peer asks for, and what becomes of it (spec 6)."""

from __future__ import annotations

from itertools import compress, count
from typing import TYPE_CHECKING

from verifier.checks.registry import Scope, check
from verifier.findings import Severity
from verifier.traces.columns import Code

if TYPE_CHECKING:
    from collections.abc import Iterable

    from verifier.findings import Tally
    from verifier.traces.columns import TraceLife
    from verifier.traces.swarm import Traces

ERROR = Severity.ERROR
ANSWER_WITHIN = 10.0
"""Seconds without a byte after which a request is given up, the first in a row (spec 6.6)."""
ROUNDING = 1e-4
"""Seconds by which two times of a trace may differ and be the same."""
PIECES = {Code.IN_PIECE, Code.IN_SKIPPED_PIECE}


@check(
    "W04",
    "one-request",
    ERROR,
    clause="6.2, 6.6",
    rule="A neighbor has at most one open request of ours.",
    order="L",
    needs="one trace",
    example="piece 9 is requested from peer 1002 before piece 4 arrived.",
    scope=Scope.TRACE,
)
def one_request(traces: Traces, tally: Tally) -> None:
    """Each request against the last one on its connection: answered, choked, or given up (W05)."""
    wanted = {Code.OUT_REQUEST, Code.IN_CHOKE, Code.FREED, *PIECES}
    for trace in traces.lives:
        open_rows: dict[int, int] = {}
        for row in trace.rows(wanted):
            code, link = trace.codes[row], trace.links[row]
            before = open_rows.get(link)
            if code == Code.OUT_REQUEST:
                tally.saw()
                if before is not None:
                    tally.report(
                        f"piece {trace.numbers[before]} was still asked of the same neighbor",
                        traces.at(trace, before),
                        traces.at(trace, row),
                    )
                open_rows[link] = row
            elif before is not None and (
                code == Code.IN_CHOKE or trace.numbers[row] == trace.numbers[before]
            ):
                del open_rows[link]


@check(
    "W05",
    "asked-once",
    ERROR,
    clause="6.1, 6.4, 6.6",
    rule="No piece is asked of two neighbors at once, unless a choke, a loss or a wait without answer freed it: 10 s, twice as long with each request in a row that a neighbor doesn't answer.",
    order="L",
    needs="one trace",
    example="piece 9 is requested from peers 1002 and 1003, and neither choked.",
    scope=Scope.TRACE,
)
def asked_once(traces: Traces, tally: Tally) -> None:
    """The table of open requests, and the cause of each that is freed."""
    wanted = {Code.REQUEST, Code.OUT_REQUEST, Code.IN_CHOKE, Code.IN_UNCHOKE, Code.FREED}
    wanted |= {Code.DOWNLOADED}
    for trace in traces.lives:
        book: dict[int, int] = {}
        waits = _Waits()
        for row in trace.rows(wanted | PIECES):
            code, link, piece = trace.codes[row], trace.links[row], trace.numbers[row]
            if code == Code.REQUEST:
                book.setdefault(piece, row)  # open, even if its message can't be sent (spec 3.6)
            elif code == Code.OUT_REQUEST:
                waits.asked.add((link, piece))
                before = book.get(piece)
                tally.saw()
                if before is not None and not _is_draw_of(trace, before, link):
                    tally.report(
                        f"piece {piece} is asked of two at once",
                        traces.at(trace, before),
                        traces.at(trace, row),
                    )
                book[piece] = row
            elif code in PIECES:
                waits.answer(link, piece)
                if piece in book and trace.links[book[piece]] == link:
                    del book[piece]
            elif code == Code.DOWNLOADED:
                book.pop(piece, None)
            elif code == Code.FREED:
                _freed(traces, tally, trace, row, book.pop(piece, None), waits)
            else:
                waits.choked[link] = code


def _is_draw_of(trace: TraceLife, row: int, link: int) -> bool:
    """Whether a record is the draw that a request on this connection follows."""
    return trace.codes[row] == Code.REQUEST and trace.links[row] == link


class _Waits:
    """How long a request to each neighbor must wait before it may be given up (spec 6.6)."""

    def __init__(self) -> None:
        self.choked: dict[int, int] = {}
        """The last of choke and unchoke that came."""
        self.asked: set[tuple[int, int]] = set()
        """Pieces that were asked for and haven't come, each with its connection."""
        self._unanswered: dict[int, int] = {}

    def answer(self, link: int, piece: int) -> None:
        """A piece came: one that was asked for sets the wait back."""
        if (link, piece) in self.asked:
            self.asked.discard((link, piece))
            self._unanswered[link] = 0

    def give_up(self, link: int) -> float:
        """The seconds that this request must have waited; the next waits twice as long."""
        before = self._unanswered.get(link, 0)
        self._unanswered[link] = before + 1
        return float(ANSWER_WITHIN * 2**before)


def _freed(
    traces: Traces,
    tally: Tally,
    trace: TraceLife,
    row: int,
    asked: int | None,
    waits: _Waits,
) -> None:
    """Whether a request that is given up may be."""
    cause, link = trace.cause(row), trace.link(row)
    if asked is None or link is None or trace.links[asked] != link.index:
        tally.report(
            f"piece {trace.numbers[row]} is freed, but was not asked", traces.at(trace, row)
        )
        return
    waited = trace.times[row] - trace.times[asked]
    right = {
        "choke": waits.choked.get(link.index) == Code.IN_CHOKE,
        "loss": 0 <= link.closed < row,
        "overdue": cause == "overdue" and waited >= waits.give_up(link.index) - ROUNDING,
    }
    if not right.get(cause, False):
        tally.report(
            f"piece {trace.numbers[row]} is freed by {cause}, of which nothing is seen"
            f" ({waited:.1f} s after it was asked)",
            traces.at(trace, asked),
            traces.at(trace, row),
        )


MANY = {Code.IN_BITFIELD, Code.FREED}
"""Records whose number is no piece, or one that was judged when it was asked for."""


class _Wishes:
    """What a peer may ask of each neighbor: known there, lacking here, asked of nobody."""

    def __init__(self, traces: Traces, trace: TraceLife) -> None:
        self._traces = traces
        self._trace = trace
        pieces = traces.config.pieces
        self.own = trace.own(pieces)
        self.book: dict[int, int] = {}
        self.limbo: dict[int, int] = {}
        """Pieces whose request was answered in vain, since they are coming from another."""
        self.known: dict[int, bytearray] = {}
        self.unsure: set[int] = set()
        self.free: dict[int, int] = {}
        """How many pieces there are to choose from, for each connection."""

    def begin(self, link: int) -> None:
        """A connection: nothing is known."""
        self.known[link] = bytearray(len(self.own))
        self.free[link] = 0

    def end(self, link: int) -> None:
        """A connection is gone."""
        for table in (self.known, self.free):
            table.pop(link, None)

    def _takes(self, piece: int, change: int) -> None:
        for link, known in self.known.items():
            self.free[link] += change * known[piece]

    def learn(self, link: int, pieces: Iterable[int]) -> None:
        """A neighbor has these pieces."""
        known, own, book = self.known.get(link), self.own, self.book
        if known is None:
            return
        gained = 0
        for piece in pieces:
            if not known[piece]:
                known[piece] = 1
                gained += not (own[piece] or piece in book)
        self.free[link] += gained

    def bitfield(self, link: int, row: int) -> None:
        """A neighbor told all that it has; not everything in it may be known."""
        trace = self._trace
        told = self._traces.known_of(trace, trace.ends[link], trace.numbers[row])
        if told is None:
            self.unsure.add(link)
            return
        self.learn(link, compress(count(), told))

    def ask(self, link: int, piece: int) -> None:
        """A piece is asked for."""
        if piece not in self.book and not self.own[piece]:
            self._takes(piece, -1)
        self.book[piece] = link
        self.limbo.pop(piece, None)

    def release(self, piece: int) -> None:
        """It may be asked for again."""
        if self.book.pop(piece, None) is not None and not self.own[piece]:
            self._takes(piece, 1)

    def answer(self, link: int, piece: int, *, kept: bool) -> None:
        """A piece came; one that answers the book's request but isn't kept comes from another."""
        if self.book.get(piece) == link and not kept:
            self.release(piece)
            self.limbo[piece] = link

    def gain(self, piece: int) -> None:
        """A piece is ours."""
        if not self.own[piece]:
            if piece not in self.book:
                self._takes(piece, -1)
            self.own[piece] = 1
        self.book.pop(piece, None)
        self.limbo.pop(piece, None)


@check(
    "W06",
    "justified-request",
    ERROR,
    clause="6.1",
    rule="Only a neighbor that unchokes us is asked, for a piece that it has, that we need, and that is drawn from all those that may be requested.",
    order="L,F",
    needs="one trace; for what a partial bitfield told also the neighbor's",
    example="piece 9 is requested from peer 1002, which never announced it.",
    scope=Scope.TRACE,
)
def justified_request(traces: Traces, tally: Tally) -> None:
    """Each request and its draw against what was known at that record."""
    for trace in traces.lives:
        _requests(traces, tally, trace)


def _requests(traces: Traces, tally: Tally, trace: TraceLife) -> None:
    """Replay what one life knows, has and asked for."""
    wishes, unchoked, drawn = _Wishes(traces, trace), set[int](), -1
    wanted = {Code.OPEN, Code.CLOSED, Code.IN_HAVE, Code.IN_BITFIELD, Code.IN_CHOKE}
    wanted |= {Code.IN_UNCHOKE, Code.REQUEST, Code.OUT_REQUEST, Code.FREED, Code.DOWNLOADED}
    for row in trace.rows(wanted | PIECES):
        code, link, piece = trace.codes[row], trace.links[row], trace.numbers[row]
        if code == Code.IN_HAVE:
            pieces = trace.pieces(row)
            if max(pieces) >= len(wishes.own):
                tally.report(f"there is no piece {max(pieces)}", traces.at(trace, row))
            else:
                wishes.learn(link, pieces)
        elif piece >= len(wishes.own) and code not in MANY:
            tally.report(f"there is no piece {piece}", traces.at(trace, row))
        elif code == Code.REQUEST:
            drawn = row
            _drawn(traces, tally, trace, row, wishes)
            wishes.ask(link, piece)  # open, even if its message can't be sent any more (spec 3.6)
        elif code == Code.OUT_REQUEST:
            tally.saw()
            _asked(traces, tally, trace, row, drawn, wishes, unchoked)
            wishes.ask(link, piece)
        elif code in PIECES:
            wishes.answer(link, piece, kept=code == Code.IN_PIECE)
        elif code == Code.DOWNLOADED:
            wishes.gain(piece)
        elif code == Code.FREED:
            wishes.release(piece)
        elif code == Code.IN_UNCHOKE:
            unchoked.add(link)
        elif code == Code.IN_CHOKE:
            unchoked.discard(link)
        elif code == Code.IN_BITFIELD:
            wishes.bitfield(link, row)
        elif code == Code.OPEN:
            wishes.begin(link)
        else:
            wishes.end(link)


def _drawn(traces: Traces, tally: Tally, trace: TraceLife, row: int, wishes: _Wishes) -> None:
    """The record of a draw: from as many as there were, and one of them."""
    link, among = trace.links[row], trace.values[row]
    free = wishes.free.get(link, 0)
    if link not in wishes.unsure and not free - len(wishes.limbo) <= among <= free:
        tally.report(
            f"it was drawn from {among} pieces, but {free} could be asked for",
            traces.at(trace, row),
        )
    if trace.mseqs[row] >= among:
        tally.report(f"draw {trace.mseqs[row]} of {among}", traces.at(trace, row))


def _asked(
    traces: Traces,
    tally: Tally,
    trace: TraceLife,
    row: int,
    drawn: int,
    wishes: _Wishes,
    unchoked: set[int],
) -> None:
    """The request itself."""
    link, piece = trace.links[row], trace.numbers[row]
    known = wishes.known.get(link)
    if drawn < 0 or (trace.links[drawn], trace.numbers[drawn]) != (link, piece):
        tally.report(f"piece {piece} wasn't drawn for it", traces.at(trace, row))
    if link not in unchoked:
        tally.report("that neighbor chokes", traces.at(trace, row))
    if wishes.own[piece]:
        tally.report(f"piece {piece} is here", traces.at(trace, row))
    if known is None or not (known[piece] or link in wishes.unsure):
        tally.report(f"piece {piece} isn't known to be there", traces.at(trace, row))

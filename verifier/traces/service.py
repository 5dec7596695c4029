"""W07, W09: how requests of neighbors are served (spec 4.8, 4.9)."""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from typing import TYPE_CHECKING

from verifier.checks.registry import Scope, check
from verifier.findings import Severity
from verifier.traces.columns import OUTS, Code

if TYPE_CHECKING:
    from verifier.findings import Tally
    from verifier.traces.columns import TraceLife
    from verifier.traces.swarm import Traces

ERROR = Severity.ERROR
SOMETHING = 2**62
"""Some piece, of which nobody knows whether it is still under way."""


class _Queue:
    """The requests of one neighbor that wait, as rows, and the piece that may be under way.

    Each is found at once, however many wait: a neighbor can make a trace hold very many.
    """

    def __init__(self) -> None:
        self.waiting: OrderedDict[int, None] = OrderedDict()
        self._rows: dict[int, list[int]] = {}
        """The same by piece."""
        self.unchoked = False
        self.sending = -1
        """The piece queued last, until the neighbor announces it; -1 if it surely has gone out."""
        self.due = -1
        """A request that nothing kept from being answered in the turn in which it came."""
        self.served: set[int] = set()
        """All pieces queued so far."""

    def ask(self, row: int, piece: int) -> None:
        """A request waits."""
        self.waiting[row] = None
        self._rows.setdefault(piece, []).append(row)

    def asked(self, piece: int) -> list[int]:
        """The requests for a piece that wait, in order."""
        return self._rows.get(piece, [])

    def remove(self, piece: int, place: int) -> int:
        """One of the requests for a piece waits no more; its row."""
        row = self._rows[piece].pop(place)
        del self.waiting[row]
        return row

    def turn(self, *, unchoked: bool) -> None:
        """It is unchoked, or choked: then its haves no longer tell when the piece under way is out."""
        if self.unchoked and not unchoked and self.sending >= 0:
            self.sending = SOMETHING
        self.unchoked = unchoked


@check(
    "W07",
    "answers-requests",
    ERROR,
    clause="4.9, 6.4",
    rule="Each piece sent answers a request, in their order; a request stays unanswered only across a choke, a loss, or the end.",
    order="L",
    needs="one trace; for unanswered requests also the neighbor's",
    example="piece 9 goes to peer 1003, which had asked for piece 4.",
    scope=Scope.TRACE,
)
def answers_requests(traces: Traces, tally: Tally) -> None:
    """Replay each neighbor's queue of requests: served in order, dropped for a cause, or waiting."""
    taken = {id(trace): _taken(trace) for trace in traces.lives}
    for trace in traces.lives:
        _replay(traces, tally, trace, taken)


def _taken(trace: TraceLife) -> set[tuple[int, int]]:
    """The pieces that a peer downloaded, each with its connection."""
    return {(trace.links[row], trace.numbers[row]) for row in trace.rows({Code.DOWNLOADED})}


def _replay(
    traces: Traces, tally: Tally, trace: TraceLife, taken: dict[int, set[tuple[int, int]]]
) -> None:
    queues: defaultdict[int, _Queue] = defaultdict(_Queue)
    own = set(trace.begun)
    wanted = {Code.IN_REQUEST, Code.IN_HAVE, Code.DROPPED, Code.DOWNLOADED, Code.TRANSITION}
    for row in trace.rows({*OUTS, *wanted}):
        code, piece = trace.codes[row], trace.numbers[row]
        queue = queues[trace.links[row]]
        if code == Code.DOWNLOADED:
            own.add(piece)
        elif code == Code.TRANSITION:
            machine, _, _, state = trace.transitions[trace.values[row]]
            if machine == "upload":
                queue.turn(unchoked=state != "choked")
        elif code == Code.IN_HAVE:
            piece, link = queue.sending, trace.link(row)
            if link is not None and link.mate is not None and piece in trace.pieces(row):
                # A request that a choke crossed may be served although another served it too: then
                # the have doesn't tell that this copy is out.
                mate, end = link.mate
                queue.sending = -1 if (end.index, piece) in taken[id(mate)] else SOMETHING
        elif code == Code.IN_REQUEST:
            idle = queue.unchoked and queue.sending < 0 and not queue.waiting
            queue.ask(row, piece)
            queue.due = row if idle and (trace.seed or piece in own) else -1
        elif code == Code.DROPPED:
            _dropped(traces, tally, trace, row, queue, own)
        elif code == Code.OUT_PIECE:
            tally.saw()
            _served(traces, tally, trace, row, queue)
            # Which of two copies a have is about nobody can tell.
            queue.sending = SOMETHING if piece in queue.served else piece
            queue.served.add(piece)
            queue.due = -1
        elif queue.due >= 0 and trace.times[row] > trace.times[queue.due]:
            tally.report(
                f"the request for piece {trace.numbers[queue.due]} wasn't answered",
                traces.at(trace, queue.due),
                traces.at(trace, row),
            )
            queue.due = -1


def _dropped(
    traces: Traces, tally: Tally, trace: TraceLife, row: int, queue: _Queue, own: set[int]
) -> None:
    """A request that is not served, and why."""
    piece, cause, link = trace.numbers[row], trace.cause(row), trace.link(row)
    asked = len(queue.asked(piece))
    queue.due = -1
    if not asked:
        tally.report(f"nobody asked for piece {piece}", traces.at(trace, row))
        return
    request = queue.remove(piece, -1)
    right = {
        "choked": not queue.unchoked,
        "lacking": not (trace.seed or piece in own),
        "loss": link is not None and 0 <= link.closed < row,
        "repeated": asked > 1 or queue.sending in {piece, SOMETHING},
    }
    if not right.get(cause, False):
        tally.report(
            f"the request for piece {piece} is dropped as '{cause}', which isn't so",
            traces.at(trace, request),
            traces.at(trace, row),
        )


def _served(traces: Traces, tally: Tally, trace: TraceLife, row: int, queue: _Queue) -> None:
    """A piece that is queued."""
    piece = trace.numbers[row]
    if not queue.asked(piece):
        tally.report(f"nobody asked for piece {piece}", traces.at(trace, row))
        return
    first = next(iter(queue.waiting))
    if queue.remove(piece, 0) != first:
        tally.report(
            f"the request for piece {trace.numbers[first]} came before it",
            traces.at(trace, first),
            traces.at(trace, row),
        )


@check(
    "W09",
    "no-piece-after-choke",
    ERROR,
    clause="4.8",
    rule="No piece is begun to be sent to a neighbor that is choked.",
    order="L",
    needs="one trace",
    example="choke goes to peer 1003, then piece 9, without unchoke between them.",
    scope=Scope.TRACE,
)
def no_piece_after_choke(traces: Traces, tally: Tally) -> None:
    """The last choke or unchoke queued before each piece."""
    for trace in traces.lives:
        last: dict[int, int] = {}
        for row in trace.rows({Code.OUT_CHOKE, Code.OUT_UNCHOKE, Code.OUT_PIECE}):
            link = trace.links[row]
            if trace.codes[row] != Code.OUT_PIECE:
                last[link] = row
                continue
            tally.saw()
            before = last.get(link, -1)
            if before < 0 or trace.codes[before] == Code.OUT_CHOKE:
                tally.report(
                    f"piece {trace.numbers[row]} goes to a neighbor that is choked",
                    *([traces.at(trace, before)] if before >= 0 else []),
                    traces.at(trace, row),
                )

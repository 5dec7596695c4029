"""W15, W17: the trace beside the log, and how a life ends (spec 7, 8)."""

from __future__ import annotations

import re
from array import array
from collections import defaultdict, deque
from itertools import compress, count
from operator import ne
from typing import TYPE_CHECKING

from verifier.checks.registry import Scope, check
from verifier.findings import Severity, Witness
from verifier.history.ends import DRAIN
from verifier.reading.config import InputError
from verifier.reading.files import blocks
from verifier.traces.columns import HAVES, LINES, OUTS, Code
from verifier.traces.rows import SENTENCES

if TYPE_CHECKING:
    from verifier.findings import Tally
    from verifier.traces.columns import Link, TraceLife
    from verifier.traces.swarm import Traces

ERROR = Severity.ERROR
HURRIED_DRAIN = 1.0
"""What `DRAIN` becomes after a signal."""
ORDERLY = {0, 3, 4, 130, 143}
"""Statuses of a peer that ended in order, whatever the reason (spec 7.4)."""
ANSWERS = {
    Code.IN_CHOKE: Code.CHOKED,
    Code.IN_UNCHOKE: Code.UNCHOKED,
    Code.IN_INTERESTED: Code.RECEIVED_INTERESTED,
    Code.IN_NOT_INTERESTED: Code.RECEIVED_NOT_INTERESTED,
    Code.IN_HAVE: Code.RECEIVED_HAVE,
}
SENTENCE = re.compile(rb": (.*)")
"""What stands behind a line's time."""
NO_PIECE = array("q", [-1])
"""The line that each message received must lead to."""


@check(
    "W15",
    "log-is-projection",
    ERROR,
    clause="8.1, 8.2",
    rule="The trace is whole, its events are the log's lines one to one, and each message and connection that must be logged is.",
    order="L",
    needs="one trace and its log",
    example="the record of line 214 says `is choked by 1002`, line 214 `is choked by 1003`.",
    scope=Scope.TRACE,
)
def log_is_projection(traces: Traces, tally: Tally) -> None:
    """Damaged lines, sentences and their numbers against the log's, and events owed."""
    for trace in traces.lives:
        if trace.damage is not None:
            line, reason = trace.damage
            tally.report(f"{reason}; the rest isn't judged", Witness(trace.log, line))
        for row in trace.mismatched:
            tally.report("its fields don't make its sentence", traces.at(trace, row))
        _owed(traces, tally, trace)
        try:
            _beside(traces, tally, trace)
        except InputError as error:
            tally.unsure(str(error))


def _owed(traces: Traces, tally: Tally, trace: TraceLife) -> None:
    """The events that messages and connections call for, in their order on each connection."""
    owed: defaultdict[int, deque[tuple[int, array[int], int]]] = defaultdict(deque)
    wanted = {*ANSWERS, *ANSWERS.values(), Code.OPEN, Code.MADE, Code.WAS_CONNECTED}
    for row in trace.rows(wanted):
        code, link = trace.codes[row], trace.links[row]
        pieces = trace.pieces(row) if code in HAVES else NO_PIECE
        queue = owed[link]
        if code == Code.OPEN:
            dialled = not trace.ends[link].incoming
            queue.append((Code.MADE if dialled else Code.WAS_CONNECTED, pieces, row))
        elif code in ANSWERS:
            queue.append((ANSWERS[code], pieces, row))
        elif queue and queue[0][:2] == (code, pieces):
            queue.popleft()
        else:
            _pay(traces, tally, trace, row, queue)
    for queue in owed.values():
        for _, pieces, cause in queue:
            for _ in pieces if trace.end is not None else ():
                tally.report("it has no line", traces.at(trace, cause))


def _pay(
    traces: Traces,
    tally: Tally,
    trace: TraceLife,
    row: int,
    queue: deque[tuple[int, array[int], int]],
) -> None:
    """The lines of a row, each beside the one that is due, where they don't come as the messages did."""
    code = trace.codes[row]
    for piece in trace.pieces(row) if code in HAVES else NO_PIECE:
        if not queue:
            tally.report("nothing calls for this line", traces.at(trace, row))
            continue
        expected, due, cause = queue.popleft()
        if len(due) > 1:
            queue.appendleft((expected, due[1:], cause))
        if (expected, due[0]) != (code, piece):
            tally.report(
                "it isn't the line that is due on this connection",
                traces.at(trace, cause),
                traces.at(trace, row),
            )


def _logged(trace: TraceLife) -> array[int]:
    """The hash of each line's sentence in the log, without its time."""
    hashes = array("q")
    for block in blocks(trace.life.file.path):
        found = SENTENCE.findall(block.data)
        if len(found) != block.data.count(b"\n"):  # not every line has a time
            found = [line[line.find(b": ") + 2 :] for line in block.data.split(b"\n")[:-1]]
        hashes.extend(map(hash, found))
    return hashes


def _told(trace: TraceLife) -> tuple[array[int], int]:
    """The hash of each line's sentence by the events, and how many of these have their line's number."""
    before, after = SENTENCES["received_have"].split("{piece}")
    starts = [before.format(subject=trace.peer, other=link.neighbor) for link in trace.ends]
    hashes, right = array("q"), -1
    for row in trace.rows(LINES):
        if trace.mseqs[row] != len(hashes) + 1 and right < 0:
            right = len(hashes)
        if trace.codes[row] != Code.RECEIVED_HAVE:
            hashes.append(trace.values[row])
        elif trace.links[row] < 0:
            hashes.fromlist([0] * trace.values[row])  # of nobody: `_owed` has reported it
        else:
            start = starts[trace.links[row]]
            pieces = trace.pieces(row)
            hashes.fromlist([hash(f"{start}{piece}{after}".encode()) for piece in pieces])
    return hashes, len(hashes) if right < 0 else right


def _events(trace: TraceLife) -> array[int]:
    """The row of the event of each line."""
    rows = array("i")
    for row in trace.rows(LINES):
        rows.extend([row] * (trace.values[row] if trace.codes[row] == Code.RECEIVED_HAVE else 1))
    return rows


def _is_cut(trace: TraceLife, there: array[int], told: array[int]) -> bool:
    """Whether a log's lines are the first or the last of those told, but for a torn line at either end."""
    lines, form = len(there), trace.life.columns.form
    within, last = there[1 : lines - 1], told[len(told) - lines :]
    cut = lines < len(told) or form.beheaded or form.truncated
    return cut and within in (told[1 : lines - 1], last[1 : lines - 1])


def _beside(traces: Traces, tally: Tally, trace: TraceLife) -> None:
    """The log's lines against the events; a killed peer's trace may lack the last of them."""
    log, (told, right), there = trace.life.index, _told(trace), _logged(trace)
    both = min(len(there), len(told), right)
    tally.saw(both)
    if there == told and both == len(told):
        return
    if traces.case.swarm.lenient and _is_cut(trace, there, told):
        tally.unsure(f"{trace.life.file.label} lacks lines that its trace tells")
        return
    events = _events(trace)
    for place in compress(count(), map(ne, there[:both], told)):
        witnesses = (Witness(log, place + 1), traces.at(trace, events[place]))
        tally.report("line and event tell different things", *witnesses)
    if both < min(len(there), len(told)):
        tally.saw()
        number = trace.mseqs[events[both]]
        text = f"it is the event of line {both + 1}, not {number}"
        tally.report(text, traces.at(trace, events[both]))
    elif len(there) > len(told):
        if trace.end is not None:
            tally.report("the trace has no such event", Witness(log, len(told) + 1))
    elif len(there) < len(told) and not trace.life.columns.form.truncated:
        text = f"the log has only {len(there)} lines"
        tally.report(text, traces.at(trace, events[len(there)]))


@check(
    "W17",
    "orderly-end",
    ERROR,
    clause="7.2, 7.4",
    rule="A peer that ends flushes its queues, closes both directions of each connection, and says so with its status.",
    order="L,F",
    needs="traces; for flushed queues those of both ends",
    example="peer 1002 ends with status 0, and its last have never came to peer 1003.",
    scope=Scope.TRACE,
)
def orderly_end(traces: Traces, tally: Tally) -> None:
    """The record `end`, connections still open or cut off at it, and what was queued but never came."""
    for trace in traces.lives:
        if trace.end is None:
            if trace.life.last and trace.damage is None:
                tally.unsure(f"{trace.file.label} has no record 'end': killed, or still running")
            continue
        tally.saw()
        if trace.end.status not in ORDERLY:
            tally.report(f"status {trace.end.status}", traces.at(trace, len(trace) - 1))
            continue
        last = max(trace.rows(OUTS), default=0)
        for link in trace.ends:
            if link.closed < 0 <= link.opened:
                tally.report(f"{link.name} is still open", traces.at(trace, len(trace) - 1))
            elif link.cause == "shutdown" and not _waited(trace, last, link):
                tally.report(f"{link.name} is cut off", traces.at(trace, link.closed))
    for trace in traces.lives:
        for link in trace.ends:
            _flushed(traces, tally, trace, link)


def _waited(trace: TraceLife, row: int, link: Link) -> bool:
    """Whether the time for flush and drain passed between a record and the close."""
    hurried = trace.end is not None and trace.end.hurried
    limit = HURRIED_DRAIN if hurried else DRAIN
    return trace.times[link.closed] - trace.times[row] >= limit - 0.001


def _flushed(traces: Traces, tally: Tally, trace: TraceLife, link: Link) -> None:
    """Where both ends saw the end of the stream, all that was queued has come."""
    if link.mate is None or not (link.cause == link.mate[1].cause == "end"):
        return
    mate, end = link.mate
    tally.saw()
    lost = link.outs.rows[len(end.ins) :]
    if lost and not _waited(trace, link.outs.rows[-1], link):
        tally.report(
            f"{len(lost)} messages of {link.name} never came to {mate.name}",
            traces.at(trace, lost[0]),
            traces.at(mate, end.closed),
        )

"""W18, W19: pieces that aren't kept, and requests that are given up (spec 6.4, 6.5, 9.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from verifier.checks.registry import Scope, check
from verifier.findings import Severity
from verifier.traces.columns import OUTS, Code

if TYPE_CHECKING:
    from verifier.findings import Tally
    from verifier.traces.columns import TraceLife
    from verifier.traces.swarm import Traces

ERROR = Severity.ERROR
PIECES = {Code.IN_PIECE, Code.IN_SKIPPED_PIECE}


@check(
    "W18",
    "waste-is-counted",
    ERROR,
    clause="6.4, 6.5",
    rule="Each piece that isn't kept and each request that is given up is recorded with its cause, and the last record counts them.",
    order="L",
    needs="one trace",
    example="the record `end` counts 2 skipped pieces, and 3 are recorded.",
    scope=Scope.TRACE,
)
def waste_is_counted(traces: Traces, tally: Tally) -> None:
    """Records `skipped` against pieces not kept and their causes; the counts of the record `end`."""
    for trace in traces.lives:
        _skips(traces, tally, trace)
        if trace.end is None:
            continue
        tally.saw()
        end = trace.end
        counted = (end.skipped_pieces, end.freed_requests, end.rejected_pieces)
        codes = (Code.SKIPPED, Code.FREED, Code.REJECTED)
        found = tuple(len(trace.rows({code})) for code in codes)
        if counted != found:
            tally.report(
                f"it counts {counted[0]} skipped pieces, {counted[1]} freed requests and"
                f" {counted[2]} rejected pieces;"
                f" recorded are {found[0]}, {found[1]} and {found[2]}",
                traces.at(trace, len(trace) - 1),
            )


def _skips(traces: Traces, tally: Tally, trace: TraceLife) -> None:
    """Each piece not kept with its record, whichever comes first; at the end nothing is decided."""
    asked: set[tuple[int, int]] = set()
    own = set(trace.begun)
    told: set[tuple[int, int]] = set()
    silent: dict[tuple[int, int], tuple[int, bool]] = {}
    wanted = {Code.OUT_REQUEST, Code.SKIPPED, Code.REJECTED, Code.DOWNLOADED, *PIECES}
    for row in trace.rows(wanted):
        code, piece = trace.codes[row], trace.numbers[row]
        key = (trace.links[row], piece)
        if code == Code.OUT_REQUEST:
            asked.add(key)
        elif code == Code.DOWNLOADED:
            own.add(piece)
        elif code == Code.REJECTED:
            silent.pop(key, None)  # W19 judges it
        elif code == Code.SKIPPED:
            tally.saw()
            here = trace.seed or piece in own
            came = silent.pop(key, None)
            if came is None:
                told.add(key)
            was_asked = key in asked if came is None else came[1]
            if not _cause_holds(trace.cause(row), here=here, asked=was_asked):
                tally.report(f"'{trace.cause(row)}', but that isn't so", traces.at(trace, row))
        else:
            if code == Code.IN_PIECE and key not in asked:
                tally.report(f"piece {piece} was kept, but not asked for", traces.at(trace, row))
            elif code == Code.IN_SKIPPED_PIECE and key not in told:
                silent[key] = (row, key in asked)
            told.discard(key)
            asked.discard(key)
    last = max(trace.rows(OUTS), default=-1)
    for (_, piece), (row, _) in silent.items():
        if row < last:
            tally.report(f"piece {piece} was dropped without a word", traces.at(trace, row))


def _cause_holds(cause: str, *, here: bool, asked: bool) -> bool:
    """Whether a piece was skipped for the cause that is told (spec 6.5)."""
    if cause == "failed":
        return True
    if here or cause == "had it":
        return here and cause == "had it"
    return cause == ("in progress" if asked else "not asked")


@check(
    "W19",
    "wrong-is-rejected",
    ERROR,
    clause="9.3",
    rule="Whoever sends wrong content loses its connection as for a protocol error, and a piece that is rejected is wrong: nobody keeps the same content.",
    order="L",
    needs="one trace; for what others keep all traces",
    example="a piece is rejected, and the connection that brought it goes on.",
    scope=Scope.TRACE,
)
def wrong_is_rejected(traces: Traces, tally: Tally) -> None:
    """Each record `rejected` against what came before it and what follows on that connection."""
    kept = {
        (trace.numbers[row], trace.digests[row])
        for trace in traces.lives
        for row in trace.rows({Code.IN_PIECE})
        if row in trace.digests
    }
    for trace in traces.lives:
        if Code.REJECTED not in trace.codes:
            continue
        came: dict[tuple[int, int], int] = {}
        gone: dict[int, int] = {}
        wanted = {Code.REJECTED, Code.DOWNLOADED, Code.IN_SKIPPED_PIECE, *OUTS}
        for row in trace.rows(wanted):
            code, link, piece = trace.codes[row], trace.links[row], trace.numbers[row]
            if code == Code.IN_SKIPPED_PIECE:
                came[link, piece] = row
            elif code == Code.REJECTED:
                tally.saw()
                gone.setdefault(link, row)
                content = came.pop((link, piece), -1)
                _rejected(traces, tally, trace, row, content, kept)
            elif link in gone:
                tally.report(
                    "the connection goes on",
                    traces.at(trace, gone.pop(link)),
                    traces.at(trace, row),
                )


def _rejected(
    traces: Traces,
    tally: Tally,
    trace: TraceLife,
    row: int,
    content: int,
    kept: set[tuple[int, str]],
) -> None:
    """One piece that is rejected: `content` is the row of its message."""
    piece, link = trace.numbers[row], trace.link(row)
    if content < 0:
        tally.report(f"no content of piece {piece} came before", traces.at(trace, row))
    elif (piece, trace.digests.get(content, "")) in kept:
        tally.report(
            f"piece {piece} is rejected for content that is kept elsewhere",
            traces.at(trace, content),
            traces.at(trace, row),
        )
    closed = link is not None and row < link.closed
    if link is None or (closed and link.cause != "protocol error"):
        tally.report("its connection isn't closed for it", traces.at(trace, row))
    elif not closed and trace.end is not None:
        tally.report("its connection is never closed", traces.at(trace, row))

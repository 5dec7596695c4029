"""W10 to W12: reselections with their inputs (spec 4.2 to 4.7)."""

from __future__ import annotations

from bisect import bisect_left
from itertools import compress, count
from operator import lt
from typing import TYPE_CHECKING

from verifier.checks.registry import Scope, check
from verifier.findings import Severity
from verifier.traces.columns import OUTS, Code

if TYPE_CHECKING:
    from verifier.findings import Tally
    from verifier.traces.columns import Decision, Start, TraceLife
    from verifier.traces.swarm import Traces

ERROR = Severity.ERROR
ROUNDING = 1e-5
"""Seconds by which times differ that are written with microseconds."""
RESELECTIONS = {Code.PREFERRED, Code.OPTIMISTIC}


def _decision(trace: TraceLife, row: int) -> Decision:
    return trace.decisions[trace.values[row]]


@check(
    "W10",
    "rates-count",
    ERROR,
    clause="4.2",
    rule="The rates at a reselection are the content bytes of the pieces that counted since the last one.",
    order="L",
    needs="one trace",
    example="peer 1003 is rated 32768, but two pieces from it were downloaded.",
    scope=Scope.TRACE,
)
def rates_count(traces: Traces, tally: Tally) -> None:
    """Downloads from each neighbor between two reselections, also if it was lost and came back."""
    config = traces.config
    for trace in traces.lives:
        rates: dict[int, int] = {}
        for row in trace.rows({Code.DOWNLOADED, Code.PREFERRED}):
            link = trace.link(row)
            if trace.codes[row] == Code.PREFERRED:
                decision = _decision(trace, row)
                tally.saw(len(decision.candidates))
                counted = [rates.get(peer, 0) for peer in decision.candidates]
                if counted != decision.rates:
                    tally.report(
                        f"of the neighbors {decision.candidates} came {counted} bytes, but the"
                        f" rates are {decision.rates}",
                        traces.at(trace, row),
                    )
                rates = {}
            elif link is None:
                continue
            elif trace.numbers[row] < config.pieces:
                size = config.piece_length(trace.numbers[row])
                rates[link.neighbor] = rates.get(link.neighbor, 0) + size


class _Places:
    """Who is connected, interested, unchoked and preferred, as far as a life has come."""

    def __init__(self, trace: TraceLife) -> None:
        self._trace = trace
        self.interested: set[int] = set()
        self.unchoked: set[int] = set()
        self.preferred: set[int] = set()
        self.own = len(trace.begun)

    def take(self, row: int) -> None:
        """What a record changes."""
        trace = self._trace
        code, link = trace.codes[row], trace.link(row)
        if code == Code.DOWNLOADED:
            self.own += 1
        elif code == Code.PREFERRED_LINE:
            self.preferred = set(trace.lists[row])
        elif link is None:
            return
        elif code == Code.IN_INTERESTED:
            self.interested.add(link.neighbor)
        elif code == Code.IN_NOT_INTERESTED:
            self.interested.discard(link.neighbor)
        elif code == Code.CLOSED:
            for table in (self.interested, self.unchoked, self.preferred):
                table.discard(link.neighbor)
        elif code == Code.TRANSITION:
            machine, _, _, state = trace.transitions[trace.values[row]]
            if machine == "upload" and state == "choked":
                self.unchoked.discard(link.neighbor)
            elif machine == "upload":
                self.unchoked.add(link.neighbor)


@check(
    "W11",
    "choice-follows",
    ERROR,
    clause="4.2, 4.3, 4.5, 8.1",
    rule="Who is chosen follows from candidates, rates and draw, the candidates are those whom the rule names, and a change is logged.",
    order="L",
    needs="one trace",
    example="peer 1003 has the highest rate and isn't chosen.",
    scope=Scope.TRACE,
)
def choice_follows(traces: Traces, tally: Tally) -> None:
    """Each reselection made again from its record, and what is logged right behind it."""
    wanted = {Code.DOWNLOADED, Code.PREFERRED_LINE, Code.IN_INTERESTED, Code.IN_NOT_INTERESTED}
    wanted |= {Code.CLOSED, Code.TRANSITION, Code.OPTIMISTIC_LINE, *RESELECTIONS}
    for trace in traces.lives:
        if trace.start is None:
            continue
        places = _Places(trace)
        for row in trace.rows(wanted):
            code = trace.codes[row]
            if code not in RESELECTIONS:
                chosen = code in {Code.PREFERRED_LINE, Code.OPTIMISTIC_LINE}
                if chosen and trace.codes[row - 1] not in RESELECTIONS:
                    tally.report("no reselection stands right before it", traces.at(trace, row))
                places.take(row)
                continue
            tally.saw()
            decision = _decision(trace, row)
            if code == Code.PREFERRED:
                complete = trace.seed or places.own >= traces.config.pieces
                faults = _preferred_faults(decision, places, trace.start, complete=complete)
            else:
                faults = _optimistic_faults(decision, places)
            faults += _logged(trace, row, decision, places)
            for fault in faults:
                tally.report(fault, traces.at(trace, row))


def _preferred_faults(
    decision: Decision, places: _Places, start: Start, *, complete: bool
) -> list[str]:
    """What is wrong with a choice of preferred neighbors."""
    faults = []
    if decision.candidates != sorted(places.interested):
        faults.append(f"interested are {sorted(places.interested)}, not {decision.candidates}")
    if decision.complete is not complete:
        faults.append(f"it is {'' if complete else 'not '}complete")
    if sorted(decision.draw) != sorted(decision.candidates):
        return [*faults, "the draw is no order of the candidates"]
    rates = dict(zip(decision.candidates, decision.rates, strict=False))
    ranked = decision.draw
    if not decision.complete:
        ranked = sorted(ranked, key=lambda peer: -rates.get(peer, 0))
    expected = sorted(ranked[: start.k])
    if decision.chosen != expected:
        faults.append(f"chosen are {decision.chosen}, but it follows {expected}")
    return faults


def _optimistic_faults(decision: Decision, places: _Places) -> list[str]:
    """What is wrong with a choice of the optimistically unchoked neighbor."""
    faults = []
    among = sorted(places.interested - places.unchoked)
    if decision.candidates != among:
        faults.append(f"choked and interested are {among}, not {decision.candidates}")
    if not decision.candidates:
        right = not decision.draw and not decision.chosen
    else:
        right = bool(decision.draw) and decision.draw[0] < len(decision.candidates)
        right = right and decision.chosen == [decision.candidates[decision.draw[0]]]
    if not right:
        faults.append(
            f"draw {decision.draw} from {decision.candidates} doesn't give {decision.chosen}"
        )
    return faults


def _logged(trace: TraceLife, row: int, decision: Decision, places: _Places) -> list[str]:
    """Right behind a choice that changes something stands its event, and only there."""
    if row + 1 >= len(trace):
        return []
    code, following = trace.codes[row], trace.codes[row + 1]
    if code == Code.PREFERRED:
        changes = set(decision.chosen) != places.preferred
        told = trace.lists.get(row + 1)
        line = Code.PREFERRED_LINE
    else:
        changes = bool(decision.chosen)
        link = trace.link(row + 1)
        told = None if link is None else [link.neighbor]
        line = Code.OPTIMISTIC_LINE
    if changes and (following != line or told != decision.chosen):
        return [f"{decision.chosen} is a change that isn't logged"]
    if not changes and following == line:
        return ["it changes nothing, but is logged"]
    return []


@check(
    "W12",
    "ticks-on-schedule",
    ERROR,
    clause="4.7",
    rule="Reselections are due at start + n·p and start + n·m, happen in their turn, and count those missed.",
    order="L,Tl",
    needs="one trace; its monotonic clock",
    example="tick 4 follows tick 2, and none is recorded as skipped.",
    scope=Scope.TRACE,
)
def ticks_on_schedule(traces: Traces, tally: Tally) -> None:
    """Numbers, due times and lateness of both kinds of ticks; the clock never goes back."""
    for trace in traces.lives:
        if trace.start is None:
            continue
        row = next(compress(count(1), map(lt, trace.times[1:], trace.times)), 0)
        if row:
            fall = trace.times[row - 1] - trace.times[row]
            tally.report(f"the monotonic clock falls by {fall:.6f} s", traces.at(trace, row))
        starts: list[float] = []
        for code, period in ((Code.PREFERRED, trace.start.p), (Code.OPTIMISTIC, trace.start.m)):
            rows = trace.rows({code})
            if period <= 0:
                continue
            implied = _ticks(traces, tally, trace, rows, period)
            _silence(traces, tally, trace, rows, period, (implied or [trace.times[0]])[0])
            starts += implied
        if starts and max(starts) - min(starts) > _slack(max(starts)):
            tally.report(
                f"its ticks imply different starts, {min(starts):.6f} and {max(starts):.6f}",
                traces.at(trace, trace.rows(RESELECTIONS)[0]),
            )


def _slack(time: float) -> float:
    """By how much times of this size may differ and be the same."""
    return ROUNDING + abs(time) * 1e-12


def _ticks(
    traces: Traces, tally: Tally, trace: TraceLife, rows: list[int], period: float
) -> list[float]:
    """One kind of ticks: the starts of the schedule that they imply."""
    starts: list[float] = []
    last = 0
    for row in rows:
        decision, now = _decision(trace, row), trace.times[row]
        tally.saw()
        if decision.tick != last + 1 + decision.skipped:
            tally.report(
                f"tick {decision.tick} follows tick {last}, {decision.skipped} are skipped",
                traces.at(trace, row),
            )
        last = decision.tick
        about = starts[0] if starts else trace.times[0]
        # `due` is that of this tick, or of the first one missed.
        implied = (decision.due - n * period for n in (last - decision.skipped, last))
        start = min(implied, key=lambda start: abs(start - about))
        starts.append(start)
        slack = _slack(now)
        late = now - (start + decision.tick * period)
        if not -slack <= late < period + slack:
            tally.report(
                f"tick {decision.tick} was due {late:.6f} s ago, the interval is {period:g} s",
                traces.at(trace, row),
            )
    if (
        starts
        and not trace.times[0] - ROUNDING
        <= starts[0]
        <= trace.times[min(1, len(trace) - 1)] + ROUNDING
    ):
        tally.report(
            f"its first tick implies a start at {starts[0]:.6f}; it started at {trace.times[0]:.6f}",
            traces.at(trace, 0),
            traces.at(trace, rows[0]),
        )
    return starts


def _silence(
    traces: Traces, tally: Tally, trace: TraceLife, rows: list[int], period: float, start: float
) -> None:
    """The loop's turn in which a tick falls due has the tick: who sends later has missed it."""
    last = _decision(trace, rows[-1]).tick if rows else 0
    due = start + (last + 1) * period
    turn = bisect_left(trace.times, due + _slack(due))
    later = [row for row in trace.rows({*OUTS, Code.REQUEST}) if row > turn]
    if turn < len(trace) and later and trace.times[later[-1]] > trace.times[turn]:
        row = next(row for row in later if trace.times[row] > trace.times[turn])
        tally.report(
            f"tick {last + 1} was due {trace.times[row] - due:.6f} s before, and didn't happen",
            traces.at(trace, row),
        )

"""W13, W14, W16: what follows what, within one trace and across them (spec 4, 5, 6, 8)."""

from __future__ import annotations

from itertools import compress, count
from typing import TYPE_CHECKING

from verifier.checks.registry import Scope, check
from verifier.findings import Severity
from verifier.traces.columns import INS, LINES, Code

if TYPE_CHECKING:
    from collections.abc import Iterable

    from verifier.findings import Tally, Witness
    from verifier.traces.columns import Link, TraceLife
    from verifier.traces.swarm import Traces

ERROR = Severity.ERROR

FIRST = {
    "upload": "choked",
    "download": "choked",
    "our_interest": "unknown",
    "its_interest": "unknown",
}
"""Where each machine of a neighbor starts with a connection (spec 2.7)."""

TABLE = {
    ("upload", "choked", "prefer", "preferred"),
    ("upload", "optimistic", "prefer", "preferred_optimistic"),
    ("upload", "preferred", "unprefer", "choked"),
    ("upload", "preferred_optimistic", "unprefer", "optimistic"),
    ("upload", "choked", "pick_optimistic", "optimistic"),
    ("upload", "optimistic", "drop_optimistic", "choked"),
    ("upload", "preferred_optimistic", "drop_optimistic", "preferred"),
    ("download", "choked", "unchoked", "idle"),
    ("download", "idle", "choked", "choked"),
    ("download", "requesting", "choked", "choked"),
    ("download", "idle", "ask", "requesting"),
    ("download", "requesting", "answered", "idle"),
    ("download", "requesting", "expire", "idle"),
    ("our_interest", "unknown", "gain", "interested"),
    ("our_interest", "not_interested", "gain", "interested"),
    ("our_interest", "unknown", "lose", "not_interested"),
    ("our_interest", "interested", "lose", "not_interested"),
    ("its_interest", "unknown", "told_interested", "interested"),
    ("its_interest", "not_interested", "told_interested", "interested"),
    ("its_interest", "unknown", "told_not_interested", "not_interested"),
    ("its_interest", "interested", "told_not_interested", "not_interested"),
}
"""Every change that the specification allows: machine, from, trigger, to."""


HEARD = {Code.IN_INTERESTED: "interested", Code.IN_NOT_INTERESTED: "not_interested"}
"""Messages that change a neighbor's interest, and the state that they lead to."""
AGREES: dict[int, tuple[str, set[str]]] = {
    Code.OUT_CHOKE: ("upload", {"choked"}),
    Code.OUT_UNCHOKE: ("upload", {"preferred", "optimistic", "preferred_optimistic"}),
    Code.OUT_INTERESTED: ("our_interest", {"interested"}),
    Code.OUT_NOT_INTERESTED: ("our_interest", {"not_interested"}),
    Code.OUT_REQUEST: ("download", {"requesting"}),
}
"""The machine that sends a message, and the states in which it may have been sent."""


@check(
    "W13",
    "transitions-chain",
    ERROR,
    clause="2.7, 4.4, 5.1, 6.3",
    rule="Each machine starts afresh with a connection, goes from state to state by the changes of its table, and what is sent or chosen agrees with its state.",
    order="L",
    needs="one trace",
    example="the download machine of peer 1002 goes from idle to requesting, and is choked.",
    scope=Scope.TRACE,
)
def transitions_chain(traces: Traces, tally: Tally) -> None:
    """Each change against the state that the last one of that machine and connection led to."""
    for trace in traces.lives:
        states, heard = _States(traces, trace), -1
        wanted = {Code.TRANSITION, Code.PREFERRED, Code.OPTIMISTIC, *AGREES, *HEARD}
        for row in trace.rows(wanted):
            code = trace.codes[row]
            if code in HEARD:
                if heard < 0 and states.news(row):
                    heard = row
                continue
            tally.saw()
            if heard >= 0 and not states.follows(heard, row):
                tally.report("its_interest didn't change", traces.at(trace, heard))
            heard = -1
            if code == Code.TRANSITION:
                fault, earlier = states.change(row)
            elif code in AGREES:
                machine, allowed = AGREES[code]
                state, earlier = states.state(trace.links[row], machine)
                fault = "" if state in allowed else f"{machine} is {state}"
            else:
                fault, earlier = states.chosen(row), []
            if fault:
                tally.report(fault, *earlier, traces.at(trace, row))


class _States:
    """The states of all machines of one life, and the rows that led to them."""

    def __init__(self, traces: Traces, trace: TraceLife) -> None:
        self._traces = traces
        self._trace = trace
        self._rows: dict[tuple[int, str], int] = {}

    def state(self, link: int, machine: str) -> tuple[str, list[Witness]]:
        """A machine's state, and where it got into it."""
        row = self._rows.get((link, machine), -1)
        if row < 0:
            return FIRST.get(machine, ""), []
        return self._trace.transitions[self._trace.values[row]][3], [
            self._traces.at(self._trace, row)
        ]

    def change(self, row: int) -> tuple[str, list[Witness]]:
        """Take a change; what is wrong with it."""
        trace, link = self._trace, self._trace.link(row)
        change = trace.transitions[trace.values[row]]
        machine, source, trigger, target = change
        before, earlier = self.state(trace.links[row], machine)
        self._rows[trace.links[row], machine] = row
        if link is None or 0 <= link.closed < row:
            return "no connection with that neighbor is open", []
        if change not in TABLE:
            return f"{machine} has no way from {source} by {trigger} to {target}", []
        return ("" if source == before else f"{machine} was {before}"), earlier

    def news(self, row: int) -> bool:
        """Whether what a neighbor says of its interest changes anything."""
        state, _ = self.state(self._trace.links[row], "its_interest")
        return state != HEARD[self._trace.codes[row]]

    def follows(self, heard: int, row: int) -> bool:
        """Whether a record is the change that such a message leads to."""
        trace = self._trace
        if trace.codes[row] != Code.TRANSITION or trace.links[row] != trace.links[heard]:
            return False
        machine, _, _, target = trace.transitions[trace.values[row]]
        return (machine, target) == ("its_interest", HEARD[trace.codes[heard]])

    def chosen(self, row: int) -> str:
        """Candidates of a reselection that aren't interested by their machine."""
        trace = self._trace
        links = {link.neighbor: link.index for link in trace.ends if link.opened < row}
        strange = [
            peer
            for peer in trace.decisions[trace.values[row]].candidates
            if self.state(links.get(peer, -1), "its_interest")[0] != "interested"
        ]
        return f"its_interest of {strange} isn't interested" if strange else ""


class _Causes:
    """What a life's log lines have told so far: the causes of what it may send."""

    def __init__(self, traces: Traces, trace: TraceLife) -> None:
        self._traces = traces
        self._trace = trace
        self.own = trace.own(traces.config.pieces)
        self.connected: set[int] = set()
        self.unchoked: set[int] = set()
        self.preferred: set[int] = set()
        self.optimistic: int | None = None
        self.known: dict[int, bytearray] = {}
        self.useful: dict[int, int] = {}
        self.unsure: set[int] = set()

    def take(self, row: int) -> None:
        """A line, a bitfield that came, or the end of a connection."""
        trace, link = self._trace, self._trace.links[row]
        code, piece = trace.codes[row], trace.numbers[row]
        if code == Code.RECEIVED_HAVE:
            self._learn(link, trace.pieces(row))
        elif code == Code.DOWNLOADED:
            if piece < len(self.own) and not self.own[piece]:
                self.own[piece] = 1
                for other, known in self.known.items():
                    self.useful[other] -= known[piece]
        elif code in {Code.MADE, Code.WAS_CONNECTED}:
            self.connected.add(link)
            self.known[link], self.useful[link] = bytearray(len(self.own)), 0
        elif code == Code.UNCHOKED:
            self.unchoked.add(link)
        elif code == Code.CHOKED:
            self.unchoked.discard(link)
        elif code == Code.PREFERRED_LINE:
            self.preferred = set(trace.lists[row])
        elif code == Code.OPTIMISTIC_LINE:
            self.optimistic = trace.ends[link].neighbor
        elif code == Code.IN_BITFIELD:
            told = self._traces.known_of(trace, trace.ends[link], piece)
            if told is None:
                self.unsure.add(link)
            self._learn(link, compress(count(), told or b""))
        elif code == Code.CLOSED:
            self._close(trace.ends[link])

    def _learn(self, link: int, pieces: Iterable[int]) -> None:
        known, own = self.known.get(link), self.own
        if known is None:
            return
        gained = 0
        for piece in pieces:
            if piece < len(known) and not known[piece]:
                known[piece] = 1
                gained += not own[piece]
        self.useful[link] += gained

    def _close(self, link: Link) -> None:
        self.known.pop(link.index, None)
        self.preferred.discard(link.neighbor)
        if self.optimistic == link.neighbor:
            self.optimistic = None

    def lacks(self, row: int) -> str:
        """What must have been logged before this message and wasn't; nothing if all was."""
        trace, number = self._trace, self._trace.links[row]
        code, link = trace.codes[row], trace.ends[number]
        if number not in self.connected:
            return "the line of its connection"
        if code == Code.OUT_HAVE:
            own = self.own
            early = [n for n in trace.pieces(row) if n >= len(own) or not own[n]]
            return f"the line that piece {early[0]} was downloaded" if early else ""
        if code == Code.OUT_REQUEST:
            return "" if number in self.unchoked else "the line that it unchoked us"
        served = link.neighbor in self.preferred or link.neighbor == self.optimistic
        sure = number not in self.unsure
        useful = self.useful.get(number, 0)
        if code == Code.OUT_UNCHOKE and not served:
            return "a line that names it preferred or optimistically unchoked"
        if code == Code.OUT_CHOKE and served:
            return "a line that no longer names it"
        if code == Code.OUT_INTERESTED and sure and not useful:
            return "a bitfield, or the line of a have, that tells something of use"
        if code == Code.OUT_NOT_INTERESTED and useful:
            return "the line of the last download that was of interest"
        return ""


@check(
    "W14",
    "line-before-effect",
    ERROR,
    clause="8.4",
    rule="What an event causes to be sent is queued behind the event's line.",
    order="L",
    needs="one trace; for what a partial bitfield told also the neighbor's",
    example="unchoke goes to peer 1003, and only then the line that prefers it is written.",
    scope=Scope.TRACE,
)
def line_before_effect(traces: Traces, tally: Tally) -> None:
    """Each message sent against what the lines above it tell."""
    effects = set(range(Code.OUT_CHOKE, Code.OUT_REQUEST + 1))
    for trace in traces.lives:
        causes = _Causes(traces, trace)
        for row in trace.rows({*LINES, *effects, Code.IN_BITFIELD, Code.CLOSED}):
            code = trace.codes[row]
            if code not in effects:
                causes.take(row)
                continue
            tally.saw(trace.values[row] if code == Code.OUT_HAVE else 1)
            missing = causes.lacks(row)
            if missing:
                tally.report(f"{missing} isn't written yet", traces.at(trace, row))


class _Progress:
    """How far one trace is replayed: up to its next message that wasn't sent yet."""

    def __init__(self, trace: TraceLife) -> None:
        self.trace = trace
        self.rows: list[int] = []
        """Those of the messages whose sending another trace shows, haves that came together as one."""
        self.sources: list[tuple[_Progress, int]] = []
        """Where each was sent: that trace, and its row."""
        self.place = 0
        """How many of them are replayed."""
        self.waiting: list[_Progress] = []

    @property
    def row(self) -> int:
        """The first row that isn't replayed."""
        return self.rows[self.place] if self.place < len(self.rows) else len(self.trace)

    def find_sources(self, states: dict[int, _Progress]) -> int:
        """Find out where messages were sent, and how many they are.

        A handshake is recorded when the connection opens, later than it was sent: it orders nothing.
        """
        trace, seen = self.trace, 0
        links, numbers, counts = trace.links, trace.mseqs, trace.values
        mates = [
            (states[id(link.mate[0])], link.mate[1].outs.rows) if link.mate else None
            for link in trace.ends
        ]
        for row in trace.rows(INS):
            mate, number = mates[links[row]], numbers[row]
            if mate is None or not 0 < number < len(mate[1]):
                continue
            other, sent = mate
            count = counts[row] if trace.codes[row] == Code.IN_HAVE else 1
            last = min(number + count, len(sent)) - 1
            self.rows.append(row)
            self.sources.append((other, sent[last]))
            seen += last + 1 - number
        return seen


@check(
    "W16",
    "sent-before-received",
    ERROR,
    clause="8.4",
    rule="The order of records and messages is free of cycles, and who sends a piece has it.",
    order="H",
    needs="all traces",
    example="peer 1002 sends piece 9 to peer 1003 and downloads it afterwards.",
    scope=Scope.TRACE,
)
def sent_before_received(traces: Traces, tally: Tally) -> None:
    """Replay all traces at once, each message after its sending; what can't go on is a cycle."""
    for trace in traces.lives:
        own = set(trace.begun)
        for row in trace.rows({Code.DOWNLOADED, Code.OUT_PIECE}):
            piece = trace.numbers[row]
            if trace.codes[row] == Code.DOWNLOADED:
                own.add(piece)
            elif not trace.seed and piece not in own:
                tally.report(f"{trace.name} doesn't have piece {piece}", traces.at(trace, row))
    states = {id(trace): _Progress(trace) for trace in traces.lives}
    tally.saw(sum(state.find_sources(states) for state in states.values()))
    ready = list(states.values())
    while True:
        while ready:
            _advance(ready.pop(), ready)
        stuck = next((s for s in states.values() if s.place < len(s.rows)), None)
        if stuck is None:
            return
        freed = _break_cycle(traces, tally, stuck)
        ready = [freed, *freed.waiting]
        freed.waiting = []


def _advance(state: _Progress, ready: list[_Progress]) -> None:
    """Replay one trace as far as it goes, and wake those that waited for it."""
    begun, sources = state.place, state.sources
    while state.place < len(sources):
        other, sent = sources[state.place]
        if other.row <= sent:
            other.waiting.append(state)
            break
        state.place += 1
    if state.place > begun:
        ready += state.waiting
        state.waiting = []


def _break_cycle(traces: Traces, tally: Tally, stuck: _Progress) -> _Progress:
    """Follow who waits for whom until it repeats, tell it, and let one of them go on."""
    path = [stuck]
    while (following := path[-1].sources[path[-1].place][0]) not in path:
        path.append(following)
    witnesses = []
    for state in reversed(path[path.index(following) :]):
        source, sent = state.sources[state.place]
        witnesses += [traces.at(state.trace, state.row), traces.at(source.trace, sent)]
    tally.report("each of these was received before it was sent", *witnesses)
    following.sources[following.place][0].waiting.remove(following)
    following.place += 1
    return following

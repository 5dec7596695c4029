"""T: the end. Everybody completes, knows it of everybody, and then stops (spec 7)."""

from __future__ import annotations

from verifier.checks.registry import check
from verifier.findings import Severity, Tally
from verifier.history.case import Case
from verifier.history.ends import DRAIN
from verifier.history.lives import Life
from verifier.reading.columns import NEVER
from verifier.reading.sentences import Kind

ERROR, WARNING = Severity.ERROR, Severity.WARNING
SLACK = 2.0
"""Seconds from knowing that all are complete to the last line, beyond those for the drain."""


def _finals(case: Case) -> list[Life]:
    lives = (case.swarm.final(peer) for peer in range(len(case.config.peers)))
    return [life for life in lives if life is not None]


def completes(case: Case, life: Life) -> bool:
    """Whether a log tells completion; with --lenient all pieces are enough."""
    told = Kind.COMPLETE in life.columns.events.kinds or life.begun >= case.config.pieces
    return told or (case.swarm.lenient and len(life.seq) >= case.config.pieces)


@check(
    "T01",
    "all-complete",
    ERROR,
    clause="7.1",
    rule="Every peer has the complete file in the end.",
    order="-",
    needs="all logs",
    example="log_peer_1003.log doesn't tell that it has downloaded the complete file.",
    reads="download",
)
def all_complete(case: Case, tally: Tally) -> None:
    """Completion in each leecher's last life."""
    for peer in case.swarm.missing:
        tally.unsure(f"the log of {case.name(peer)} is missing")
    for life in _finals(case):
        if life.seed:
            continue
        lost = case.ends.lost(life)
        if lost and not completes(case, life):
            tally.unsure(lost)
            continue
        if case.swarm.lenient and not life.seq and not completes(case, life):
            tally.unsure(f"{life.file.label} never logs downloads")
            continue
        if not completes(case, life) and life.headless and _may_be_whole(case, life):
            tally.unsure(life.lost_start or f"what {life.file.label} began with isn't known")
            continue
        tally.saw()
        if not completes(case, life):
            tally.report(
                f"{case.name(life.owner)} tells {len(life.seq)} of {case.config.pieces} pieces and no completion",
                case.at(life, life.seq_lines[-1] if life.seq else life.columns.line_count),
            )


def _may_be_whole(case: Case, life: Life) -> bool:
    """Whether a log of which the first downloads aren't known may have told the last one, by its last count."""
    events = life.columns.events
    counts = [
        n for kind, n in zip(events.kinds, events.counts, strict=True) if kind == Kind.DOWNLOADED
    ]
    return not counts or counts[-1] < 0 or counts[-1] >= case.config.pieces


def _known(case: Case, life: Life) -> tuple[int, float, list[int]]:
    """From which line a peer knew that all are complete, when it certainly did, of whom it never did."""
    line, time = (0, life.columns.first_time) if life.seed else (life.done_line, 0.0)
    if life.seq:
        time = life.seq_times[-1]
    unknown = []
    for peer in range(len(case.config.peers)):
        if peer == life.owner:
            continue
        facts = case.latest(life, peer)
        if facts is None or facts.complete_at == NEVER:
            unknown.append(peer)
        else:
            line, time = max(line, facts.complete_at), max(time, facts.certain_time)
    return line, time, unknown


def _latest(case: Case, life: Life) -> list[int]:
    """The last connection with each neighbor."""
    found = (life.latest(peer) for peer in range(len(case.config.peers)))
    return [conn for conn in found if conn is not None]


@check(
    "T02",
    "knew-before-leaving",
    ERROR,
    lenient=WARNING,
    clause="7.1",
    rule="A peer ends when it knows, from bitfields and haves, that all peers are complete.",
    order="L",
    needs="all logs",
    example="peer 1002's log ends, and it hasn't heard of all pieces of peer 1003.",
    reads="have",
)
def knew_before_leaving(case: Case, tally: Tally) -> None:
    """What each last life was told on the last connection with each neighbor."""
    for life in _finals(case):
        unknown = _known(case, life)[2]
        if case.swarm.lenient and unknown and not life.columns.have_count:
            tally.unsure(f"{life.file.label} never logs haves")
            continue
        lost = case.ends.lost(life)
        if lost:
            tally.unsure(lost)
            continue
        tally.saw(len(case.config.peers) - 1)
        for peer in unknown:
            final = case.swarm.final(peer)
            if final is not None and final.headless:
                tally.unsure(f"what {final.file.label} began with isn't known")
            elif peer in case.swarm.missing:
                tally.unsure(f"what {case.name(peer)} had when it connected: its log is missing")
            elif reason := _unlogged(case, life, peer):
                tally.unsure(reason)
            else:
                tally.report(
                    f"{case.name(life.owner)} ends without knowing that"
                    f" {case.name(peer)} is complete",
                    case.at(life, life.columns.line_count),
                )


def _unlogged(case: Case, life: Life, peer: int) -> str | None:
    """Why what a peer had, or told, isn't known: a log ends before that, or begins after it."""
    conn, other = life.latest(peer), case.swarm.final(peer)
    if life.lost_start and (conn is None or life.unopened(conn)):
        return life.lost_start
    if conn is None or other is None or life.mates[conn] is not None:
        return None
    return other.lost_start or case.ends.lost(other)


@check(
    "T03",
    "prompt-end",
    WARNING,
    clause="7.1, 7.2",
    rule="A peer ends within seconds of knowing that all are complete.",
    order="Tl",
    needs="all logs, times",
    example="the log goes on for a minute after its last have.",
)
def prompt_end(case: Case, tally: Tally) -> None:
    """The last line of each log against the moment at which its owner knew all."""
    for life in _finals(case):
        line, time, unknown = _known(case, life)
        if unknown or line == NEVER or not life.columns.timed:
            continue
        tally.saw()
        over = life.columns.last_time - time
        if over > DRAIN + SLACK + life.columns.resolution:
            tally.report(
                f"its log goes on for {over:.1f} s",
                case.at(life, line),
                case.at(life, life.columns.line_count),
            )


@check(
    "T04",
    "quiet-after",
    WARNING,
    clause="7.2",
    rule="Once it knows that all are complete, a peer decides nothing more.",
    order="L",
    needs="all logs",
    example="new preferred neighbors below the last have.",
)
def quiet_after(case: Case, tally: Tally) -> None:
    """Decisions below the line at which the owner knew all."""
    for life in _finals(case):
        line, _, unknown = _known(case, life)
        certain = (case.facts[life.index].conns[conn].certain_at for conn in _latest(case, life))
        line = max([line, *certain])
        if unknown or line == NEVER:
            continue
        tally.saw()
        for decision in case.choking(life).decisions:
            if decision.line > line:
                tally.report(
                    "it knows that all are complete",
                    case.at(life, line),
                    case.at(life, decision.line),
                )

"""CH: who is unchoked, how many, and when (spec 4)."""

from __future__ import annotations

from dataclasses import dataclass

from probe.conversation.walk import walk
from probe.model import Case, Event, Finding, Outcome, Record
from probe.registry import EXPLAINS, cases, watch

cases(
    Case(
        "CH-01", "F", "4.2", "A neighbor that is interested, with a place for it, is unchoked within two intervals.",
        "No timer makes the choice: it isn't started, its thread has ended by an exception, or milliseconds are taken for seconds.",
    ),
    Case(
        "CH-02", "F", "4.1", "At most k + 1 neighbors are unchoked: k preferred and one optimistic.",
        "k isn't looked at, or nobody is ever choked again.",
        timing=True,
        needs=("CH-01",),
    ),
    Case(
        "CH-03", "F", "4.2, 4.5", "Only neighbors that are interested are unchoked.",
        "The choice is made among all neighbors.",
    ),
    Case(
        "CH-04", "F", "4.2", "While enough neighbors are interested, k are unchoked for most of the time.",
        "All are choked at each choice, or the choice leaves places empty.",
        needs=("CH-01",),
    ),
    Case(
        "CH-05", "F", "4.2, 4.5", "Nearly everybody gets its turn in 13 s.",
        "The first of a list are taken each time. Shuffle, or choose at random.",
        needs=("CH-01",),
    ),
    Case(
        "CH-06", "W", "4.7", "Changes come every UnchokingInterval and OptimisticUnchokingInterval seconds.",
        "One timer for both, or milliseconds taken for seconds.",
        timing=True,
        needs=("CH-01",),
    ),
    Case(
        "CH-07", "W", "4.4", "No unchoke goes to a neighbor that is unchoked, no choke to one that is choked.",
        "The messages are sent to everybody at each choice. Send only changes.",
    ),
    Case(
        "CH-08", "F", "4.2", "A leecher prefers the neighbor from which it downloads fastest.",
        "The list is sorted the other way, or the rate is never measured or reset.",
        timing=True,
        needs=("CH-01", "RQ-02", "RQ-08"),
    ),
    Case(
        "CH-09", "F", "4.4, 4.5", "The optimistically unchoked neighbor is chosen on a timer of its own, and keeps its place until the next such choice.",
        "There is no such timer, it is only looked at when the preferred neighbors are chosen, or that choice chokes everybody whom it didn't choose.",
        needs=("CH-01",),
    ),
    Case(
        "CH-10", "W", "4.5", "The optimistic neighbor that is replaced is choked at once.",
        "It stays unchoked until the next choice of preferred neighbors, so that k + 2 are unchoked meanwhile.",
        timing=True,
        needs=("CH-01", "CH-02"),
    ),
    Case(
        "CH-11", "F", "4.3", "A seed chooses its preferred neighbors at random.",
        "Neighbors are sorted by rate or id, which for a seed is always the same order.",
        needs=("CH-01",),
    ),
    Case(
        "CH-12", "W", "4.2", "The rate is that of the last interval: the choice follows a change of speed.",
        "Bytes are added up since the start. Set the counters to zero at each choice.",
        timing=True,
        needs=("CH-08",),
    ),
    Case(
        "CH-13", "F", "4.3", "A leecher that has become complete chooses at random, as a seed does.",
        "The rates, which are all zero now, still decide, so the same neighbor wins each time.",
        needs=("CH-01", "RQ-08"),
    ),
    Case(
        "CH-14", "F", "4.2", "A neighbor that is no longer interested loses its place to one that is.",
        "Interest is remembered from the first message, or not interested isn't read.",
        needs=("CH-01",),
    ),
    Case(
        "CH-15", "W", "4.2", "The first choice comes one interval after the start.",
        "The choice is made at once, or the timer starts late.",
        timing=True,
        needs=("CH-01",),
    ),
)  # fmt: skip

EXPLAINS |= {
    "CH-01": (
        "CH-02", "CH-04", "CH-05", "CH-06", "CH-08", "CH-09", "CH-10", "CH-11", "CH-13", "CH-14", "CH-15",
        "SV-02", "SV-03", "SV-05", "HS-03", "FR-07", "FR-08", "EN-01", "EN-02", "RB-01", "RB-05", "RB-06",
        "CF-04", "CF-05", "CF-06", "CF-07",
    ),
    "CH-02": ("CH-10",),
    "CH-09": ("CF-07",),
}  # fmt: skip


ALONE_SECONDS = 0.3
"""Changes that are so close may come of one choice."""
SLOW_SECONDS = 0.6
"""So much later than it was chosen a neighbor may be unchoked."""
SURE_SECONDS = 3.0
"""So long after a not interested it may still be behind other messages (rule 9)."""


@dataclass(frozen=True, slots=True)
class Spell:
    """A time in which the same neighbors were unchoked, in seconds since the start."""

    begin: float
    end: float
    who: frozenset[int]

    @property
    def seconds(self) -> float:
        """How long it lasted."""
        return self.end - self.begin


def spells(record: Record, end: float) -> list[Spell]:
    """Who was unchoked when, up to a moment."""
    found: list[Spell] = []
    now: set[int] = set()
    begin = 0.0
    for event in record.events:
        if event.at > end:
            break
        if event.sent or event.kind not in {"unchoke", "choke", "end of stream", "reset"}:
            continue
        if event.at > begin:
            found.append(Spell(begin, event.at, frozenset(now)))
        begin = event.at
        (now.add if event.kind == "unchoke" else now.discard)(event.who)
    return [*found, Spell(begin, end, frozenset(now))]


def longest_above(record: Record, end: float, limit: int) -> tuple[float, Spell | None]:
    """The longest time in a row in which more than `limit` were unchoked, and its first spell."""
    best, first = 0.0, None
    run, start = 0.0, None
    for one in spells(record, end):
        if len(one.who) > limit:
            start = start or one
            run += one.seconds
            if run > best:
                best, first = run, start
        else:
            run, start = 0.0, None
    return best, first


def unchoke_events(record: Record, since: float = -1.0) -> list[Event]:
    """All unchokes that the program sent."""
    return [e for e in record.events if not e.sent and e.kind == "unchoke" and e.at >= since]


def too_many(record: Record, end: float) -> Finding:
    """CH-02: k + 1 for a little longer than an interval, k + 2 for half a second (rule 4)."""
    k, p, name = record.plan.k, record.plan.p, record.plan.name
    for limit, allowed in ((k + 1, p + 0.5), (k + 2, 0.5)):
        seconds, spell = longest_above(record, end, limit)
        if seconds > allowed and spell:
            because = (
                f"With k = {k} you had {len(spell.who)} neighbors unchoked "
                f"({', '.join(map(str, sorted(spell.who)))}) from {spell.begin:.1f} s on, for {seconds:.1f} s; at most {k + 1} may be."
            )
            events = [e for e in unchoke_events(record) if e.at <= spell.begin + 0.01]
            return Finding("CH-02", name, Outcome.BROKEN, because, tuple(events[-4:]))
    return Finding("CH-02", name, Outcome.KEPT)


def replaced_late(record: Record, end: float) -> Finding:
    """CH-10: more than k + 1 never for longer than 0.1 s (spec 4.5)."""
    seconds, spell = longest_above(record, end, record.plan.k + 1)
    if seconds <= 0.1 or not spell:
        return Finding("CH-10", record.plan.name, Outcome.KEPT)
    because = f"{len(spell.who)} were unchoked for {seconds:.2f} s from {spell.begin:.1f} s on: the former optimistic neighbor was choked late."
    events = [e for e in record.events if not e.sent and e.kind in {"choke", "unchoke"} and abs(e.at - spell.begin) < 2.5]  # fmt: skip
    return Finding("CH-10", record.plan.name, Outcome.BROKEN, because, tuple(events[:4]))


def cut_short(record: Record) -> Finding | None:
    """CH-09: who was unchoked alone, behind the first, has the optimistic place, and is not choked soon (spec 4.4)."""
    plan = record.plan
    changes = [e for e in record.events if not e.sent and e.kind in {"unchoke", "choke"}]
    for begun in unchoke_events(record)[1:]:
        alone = sum(abs(e.at - begun.at) < ALONE_SECONDS for e in changes) == 1
        choked = next((e for e in changes if e.who == begun.who and e.at > begun.at), None)
        if alone and choked and choked.at - begun.at < min(plan.p, plan.m) - SLOW_SECONDS:
            because = (
                f"You unchoked {begun.who} and choked it again {choked.at - begun.at:.1f} s later. The optimistic neighbor "
                f"keeps its place for {plan.m:g} s, also when the preferred ones are chosen."
            )
            return Finding("CH-09", plan.name, Outcome.BROKEN, because, (begun, choked))
    return None


def too_few(record: Record, begin: float, end: float) -> Finding:
    """CH-04: at least k unchoked for more than 70 % of the time (spec 4.2)."""
    k = record.plan.k
    total = max(end - begin, 0.001)
    full = sum(
        max(0.0, min(one.end, end) - max(one.begin, begin))
        for one in spells(record, end)
        if len(one.who) >= k
    )
    if full / total > 0.7:
        return Finding("CH-04", record.plan.name, Outcome.KEPT)
    because = f"In {total:.1f} s in which more than {k} were interested, {k} were unchoked for {full / total:.0%} of the time."
    return Finding(
        "CH-04", record.plan.name, Outcome.BROKEN, because, tuple(unchoke_events(record)[-4:])
    )


def turns(record: Record, candidates: int) -> Finding:
    """CH-05: of four, at least three in 13 s (spec 4.2, 4.5)."""
    who = sorted({e.who for e in unchoke_events(record)})
    name = record.plan.name
    if len(who) == candidates:
        return Finding("CH-05", name, Outcome.KEPT)
    text = f"Of {candidates} interested neighbors, {len(who)} were unchoked ({', '.join(map(str, who))})."
    if len(who) == candidates - 1:
        text += " One that never gets its turn happens to a fair program in 3 of 100 runs."
        return Finding("CH-05", name, Outcome.UNDECIDED, text)
    return Finding("CH-05", name, Outcome.BROKEN, text, tuple(unchoke_events(record)[:5]))


def on_the_grid(record: Record) -> Finding:
    """CH-06: all changes lie 0.3 s around ticks of p and of m, wherever these began (spec 4.7)."""
    times = sorted(e.at for e in record.events if not e.sent and e.kind in {"choke", "unchoke"})
    plan = record.plan
    if len(times) < 4:
        return Finding("CH-06", plan.name, Outcome.UNDECIDED, "There were fewer than four changes.")
    starts = [step * 0.1 for step in range(int(10 * max(plan.p, plan.m)))]
    for first in starts:
        left = [at for at in times if _off(at, first, plan.p) > 0.3]
        if not left or any(
            all(_off(at, second, plan.m) <= 0.3 for at in left) for second in starts
        ):
            return Finding("CH-06", plan.name, Outcome.KEPT)
    shown = ", ".join(f"{at:.1f}" for at in times[:10])
    because = f"Your changes came at {shown} s, which no ticks every {plan.p:g} s and every {plan.m:g} s explain."
    return Finding("CH-06", plan.name, Outcome.BROKEN, because)


def _off(at: float, start: float, interval: float) -> float:
    """How far a time is from the nearest tick."""
    rest = (at - start) % interval
    return min(rest, interval - rest)


def first_choice(record: Record, ready: float) -> Finding:
    """CH-15: between one interval after the start of the process and one after all were interested."""
    plan, events = record.plan, unchoke_events(record)
    least, most = plan.p - 0.3, ready + plan.p + 1.0
    at = events[0].at if events else 0.0
    if not events or least <= at <= most:
        return Finding("CH-15", plan.name, Outcome.KEPT if events else Outcome.UNTRIED)
    because = f"Your first unchoke came {at:.1f} s after your start, with an interval of {plan.p:g} s and everybody interested after {ready:.1f} s."
    return Finding("CH-15", plan.name, Outcome.BROKEN, because, (events[0],))


def holds(record: Record, who: int, times: list[float]) -> int:
    """At how many of these moments a neighbor was unchoked."""
    known = spells(record, max(times))
    return sum(any(one.begin <= at < one.end and who in one.who for one in known) for at in times)


@watch("CH-03")
def only_interested(record: Record) -> Finding | None:
    """An unchoke for somebody who isn't interested (spec 4.2, 4.5)."""
    kept = None
    for event, side, _ in walk(record):
        if event.sent or event.kind != "unchoke":
            continue
        if not side.interested and event.at - side.lost_interest_at > SURE_SECONDS:
            because = f"You unchoked {event.who}, which had not said that it is interested."
            return Finding("CH-03", record.plan.name, Outcome.BROKEN, because, (event,))
        kept = Finding("CH-03", record.plan.name, Outcome.KEPT)
    return kept


@watch("CH-07")
def only_changes(record: Record) -> Finding | None:
    """An unchoke to the unchoked, a choke to the choked (spec 4.4)."""
    kept = None
    for event, side, _ in walk(record):
        if event.sent or event.kind not in {"choke", "unchoke"}:
            continue
        if side.choked_by is (event.kind == "choke"):
            stood = "choked" if event.kind == "choke" else "unchoked"
            because = f"You sent {event.kind} to {event.who}, which was {stood} already."
            return Finding("CH-07", record.plan.name, Outcome.BROKEN, because, (event,))
        kept = Finding("CH-07", record.plan.name, Outcome.KEPT)
    return kept

"""LG: the log against what happened on the wire (spec 8)."""

from __future__ import annotations

import re
from collections import Counter

from probe.conversation.walk import walk
from probe.logs import Line, events_of
from probe.model import Case, Event, Finding, Outcome, Record
from probe.registry import EXPLAINS, cases

cases(
    Case(
        "LG-01", "F", "8.1", "The log is log_peer_[id].log in the working directory.",
        "There is none, or it is written to a folder of its own, or under another name.",
    ),
    Case(
        "LG-02", "F", "8.1", "There is a line, in any wording, for each event that happened.",
        "A call of the logger is missing, or sits in one of two branches only.",
        needs=("LG-01",),
    ),
    Case(
        "LG-03", "W", "8.1", "Lines have the prescribed wording.",
        "Compare with the sentences of the assignment, mark by mark.",
    ),
    Case(
        "LG-04", "W", "8.2", "Nothing else is in the log.",
        "Debug output goes to the same file.",
    ),
    Case(
        "LG-05", "F", "8.1", "Choices that are seen on the wire have their lines, and the reverse.",
        "There is no such line, or it is written at another place than the one where the choice takes effect.",
        needs=("LG-01", "LG-02"),
    ),
    Case(
        "LG-06", "W", "8.1", "The number of pieces goes up by one each time, and completion is logged once.",
        "The count is taken before the piece is added, or by several threads at once.",
        needs=("LG-02",),
    ),
    Case(
        "LG-07", "F", "8.1", "No event is logged that didn't happen.",
        "A line is written where a message is sent, or about another peer.",
        needs=("LG-01",),
    ),
)  # fmt: skip

EXPLAINS |= {"LG-01": ("LG-02", "LG-03", "LG-04", "LG-05", "LG-06", "LG-07"), "LG-02": ("LG-05",)}

_MESSAGES = {
    "choke": "is choked by",
    "unchoke": "is unchoked by",
    "interested": "received the 'interested' message",
    "not interested": "received the 'not interested' message",
    "have": "received the 'have' message",
}
"""What a played peer sends, and the sentence that must follow."""
COMPLETE: tuple[str, int | None, int | None] = ("has downloaded the complete file", None, None)
_ENDS = {"end of stream", "reset"}
UNREAD_SECONDS = 0.5
"""What is sent so shortly before the program closes may never be read (spec 3.6)."""
Key = tuple[str, int | None, int | None]


def happened(record: Record, until: float = float("inf")) -> tuple[Counter[Key], dict[Key, Event]]:
    """The lines that a log may have, and must have for what was done before `until` and surely read."""
    wanted: Counter[Key] = Counter()
    events: dict[Key, Event] = {}
    greeted: dict[int, set[bool]] = {}
    given: set[int | None] = set()
    ended = {e.link: e.at for e in record.events if not e.sent and e.kind in _ENDS}
    for event, side, _ in walk(record):
        key: Key | None = None
        if event.at > until:
            break
        unread = event.sent and event.at > ended.get(event.link, until) - UNREAD_SECONDS
        if unread and until < float("inf"):
            continue
        if event.kind == "handshake":
            both = greeted.setdefault(event.link, set())
            both.add(event.sent)
            if len(both) == 2:
                key = (
                    "makes a connection" if side.by_program else "is connected from",
                    event.who,
                    None,
                )
        elif event.sent and event.kind in _MESSAGES:
            key = (_MESSAGES[event.kind], event.who, event.index if event.kind == "have" else None)
        elif event.sent and event.kind == "piece":
            key = ("has downloaded the piece", event.who, event.index)
            given.add(event.index)
            if len(given) == record.plan.pieces and not record.plan.seed:
                wanted[COMPLETE] = 1
                events[COMPLETE] = event
        if key:
            wanted[key] += 1
            events[key] = event
    return wanted, events


def stated(lines: list[Line]) -> Counter[Key]:
    """The same for what a log states."""
    kinds = {
        *_MESSAGES.values(),
        "makes a connection",
        "is connected from",
        "has downloaded the piece",
        COMPLETE[0],
    }
    return Counter(
        COMPLETE if one.kind == COMPLETE[0] else (one.kind, one.other, one.piece)
        for one in lines
        if one.kind in kinds
    )


def judge(record: Record, *, until: float, exact: bool) -> list[Finding]:
    """All cases on a log, for a session in which everything before `until` had time to be written.

    `exact`: every piece counted, since none was sent twice or unasked.
    """
    name, plan = record.plan.name, record.plan
    if not record.log_place:
        because = f"There is no log_peer_{plan.you}.log in the working directory, nor another log of peer {plan.you} below it."
        return [Finding("LG-01", name, Outcome.BROKEN, because)]
    lines, other = own_lines(record)
    found = [_place(record)]
    found += _missing(record, lines, other, until)
    if exact:
        found.append(_invented(record, lines))
    found.append(_wording(record, lines))
    if other:
        because = f"{len(other)} of {len(record.log)} lines state none of the events that the assignment lists."
        found.append(Finding("LG-04", name, Outcome.BROKEN, because, lines=tuple(other[:3])))
    elif lines:
        found.append(Finding("LG-04", name, Outcome.KEPT))
    return found


def own_lines(record: Record) -> tuple[list[Line], list[str]]:
    """The events of the log that are the program's own, and the lines that state none."""
    lines, other = events_of(record.log)
    return [one for one in lines if one.subject in {None, record.plan.you}], other


_WORDS = {
    "preferred neighbors": "prefer",
    "optimistically unchoked neighbor": "optimis",
    "makes a connection": "connect",
    "is connected from": "connect",
    "is choked by": "choke",
    "is unchoked by": "choke",
    "received the 'have' message": "have",
    "received the 'interested' message": "interest",
    "received the 'not interested' message": "interest",
    "has downloaded the piece": "download",
    "has downloaded the complete file": "complete",
}
"""A word that a line has which means to state such an event, however it is worded."""
_NO_EVENTS = ("bitfield", "handshake", "request", "sen", "listen")
"""Words of lines on what the assignment doesn't ask for."""


def _may_mean(other: list[str], keys: list[Key]) -> list[str]:
    """Lines that can't be read, but may be meant for one of these events: they have its word, or name its peer."""
    words = {_WORDS[kind] for kind, _, _ in keys}
    peers = {str(who) for _, who, _ in keys if who is not None}
    found = [
        text
        for text in other
        if any(word in text.lower() for word in words)
        or (
            peers & set(re.findall(r"\d+", text))
            and not any(word in text.lower() for word in _NO_EVENTS)
        )
    ]
    return sorted(found, key=lambda text: not any(word in text.lower() for word in words))


def _place(record: Record) -> Finding:
    plan, place = record.plan, record.log_place
    if place.rpartition("/")[2] == f"log_peer_{plan.you}.log" and record.marks.get("log at home"):
        return Finding("LG-01", plan.name, Outcome.KEPT)
    because = f"The log is {place}; it should be log_peer_{plan.you}.log in the working directory."
    return Finding("LG-01", plan.name, Outcome.WARNED, because)


def _missing(record: Record, lines: list[Line], other: list[str], until: float) -> list[Finding]:
    wanted, events = happened(record, until)
    have = stated(lines)
    if not wanted:
        return []
    lacking = [key for key in wanted if not have[key]]
    if not lacking:
        return [Finding("LG-02", record.plan.name, Outcome.KEPT)]
    kinds = Counter(key[0] for key in lacking)
    total = Counter(key[0] for key in wanted)
    parts = [f"'{kind}' ({count} of {total[kind]})" for kind, count in kinds.items()]
    because = f"Your log has no line for: {', '.join(parts)}."
    shown = tuple(events[key] for key in lacking[:3])
    odd = _may_mean(other, lacking)
    if odd:  # they may be meant for these events
        because += " Some lines may mean them, but nobody can read them."
        return [Finding("LG-02", record.plan.name, Outcome.WARNED, because, shown, tuple(odd[:2]))]
    return [Finding("LG-02", record.plan.name, Outcome.BROKEN, because, shown)]


def _invented(record: Record, lines: list[Line]) -> Finding:
    wanted, _ = happened(record)
    for one in lines:
        key = (one.kind, one.other, one.piece)
        told = one.kind in {*_MESSAGES.values(), "has downloaded the piece"}
        if told and one.other is not None and not wanted[key]:
            because = "Your log tells an event that didn't happen."
            return Finding("LG-07", record.plan.name, Outcome.BROKEN, because, lines=(one.text,))
    return Finding("LG-07", record.plan.name, Outcome.KEPT)


_LOOSE = frozenset({"leading-zeros", "time-without-date"})


def _wording(record: Record, lines: list[Line]) -> Finding:
    odd = [one for one in lines if one.deviations and not set(one.deviations) <= _LOOSE]
    if not odd:
        return Finding("LG-03", record.plan.name, Outcome.KEPT if lines else Outcome.UNTRIED)
    notes = Counter(note for one in odd for note in one.deviations)
    because = f"{len(odd)} of {len(lines)} lines differ from the prescribed sentences: {', '.join(list(notes)[:4])}."
    return Finding("LG-03", record.plan.name, Outcome.BROKEN, because, lines=(odd[0].text,))


def counts(record: Record) -> Finding:
    """LG-06: one more each time, complete once (spec 8.1)."""
    lines, _ = own_lines(record)
    numbers = [
        one.count
        for one in lines
        if one.kind == "has downloaded the piece" and one.count is not None
    ]
    complete = [one for one in lines if one.kind == "has downloaded the complete file"]
    name = record.plan.name
    if not numbers:
        return Finding("LG-06", name, Outcome.UNTRIED)
    if numbers != list(range(1, len(numbers) + 1)):
        at = next(i for i, number in enumerate(numbers) if number != i + 1)
        because = f"The number of pieces is {numbers[at]} at the {at + 1}. download."
        return Finding("LG-06", name, Outcome.BROKEN, because)
    own = [one for one in complete if one.other in {None, record.plan.you}]
    if len(numbers) == record.plan.pieces and len(own) > 1:  # none at all is LG-02
        return Finding("LG-06", name, Outcome.BROKEN, f"Completion is logged {len(own)} times.")
    return Finding("LG-06", name, Outcome.KEPT)


_CHOICES = ("preferred neighbors", "optimistically unchoked neighbor")


def choices(record: Record, *, ended: bool) -> Finding:
    """LG-05: who is unchoked was logged as a choice, and who was chosen was unchoked (spec 8.1).

    `ended`: the program had ended by itself. Otherwise its last lines may never have been written.
    """
    lines, other = own_lines(record)
    name = record.plan.name
    chosen: set[int] = set()
    for one in lines:
        if one.kind == _CHOICES[0]:
            chosen |= set(one.ids)
        elif one.kind == _CHOICES[1] and one.other is not None:
            chosen.add(one.other)
    unchoked = {e.who for e in record.events if not e.sent and e.kind == "unchoke"}
    if not unchoked:
        return Finding("LG-05", name, Outcome.UNTRIED)
    order = [e.who for e in record.events if not e.sent and e.kind == "unchoke"]
    last_logged = max((at for at, who in enumerate(order) if who in chosen), default=-1)
    if not ended:
        unchoked = set(order[: last_logged + 1])
    if not unchoked:
        return Finding("LG-05", name, Outcome.UNTRIED)
    if unlogged := sorted(unchoked - chosen):
        because = (
            f"You unchoked {', '.join(map(str, unlogged))}, but no line says that it was chosen."
        )
        keys: list[Key] = [(kind, who, None) for who in unlogged for kind in _CHOICES]
        if odd := _may_mean(other, keys):
            because += " Some lines may mean it, but nobody can read them."
            return Finding("LG-05", name, Outcome.WARNED, because, lines=tuple(odd[:2]))
        return Finding("LG-05", name, Outcome.BROKEN, because)
    if unseen := sorted(chosen - unchoked):
        last = max(e.at for e in record.events)
        because = f"Your log says that {', '.join(map(str, unseen))} was chosen, but no unchoke came until {last:.0f} s."
        return Finding("LG-05", name, Outcome.BROKEN, because)
    return Finding("LG-05", name, Outcome.KEPT)

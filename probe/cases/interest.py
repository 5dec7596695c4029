"""IN and RQ: interest, and what is asked for (spec 5, 6)."""

from __future__ import annotations

from probe.conversation.walk import Side, World, walk
from probe.model import Case, Event, Finding, Outcome, Record
from probe.registry import EXPLAINS, cases, watch

cases(
    Case(
        "IN-01", "F", "5.1", "It is interested within 3 s of a bitfield with pieces that it needs, also while it is choked.",
        "Interest is only told after an unchoke, or the bitfield is not read.",
    ),
    Case(
        "IN-02", "F", "5.3", "When it is complete it tells the seed that it is not interested.",
        "Interest is not looked at again after a piece. After each piece compare every neighbor's bitfield with your own.",
        needs=("RQ-08",),
    ),
    Case(
        "IN-03", "F", "5.1", "A seed answers another seed's bitfield with not interested.",
        "Nothing is answered where there is nothing to want. The first bitfield is answered by one of the two.",
    ),
    Case(
        "IN-04", "F", "5.1", "A have for a piece that it needs makes it interested.",
        "Interest is only looked at when a bitfield comes.",
    ),
    Case(
        "IN-05", "F", "5.3", "When a neighbor has nothing more for it, it says not interested, also before it is complete.",
        "Not interested is only sent when the whole file is there.",
    ),
    Case(
        "IN-06", "W", "5.1", "Interest is announced when it changes, and not again.",
        "Interested is sent after each have or piece. Remember what you told each neighbor last.",
    ),
    Case(
        "IN-07", "W", "6.3", "When it is unchoked and idle, a have for a piece that it needs leads to a request.",
        "The next request waits for the next unchoke, which may never come: you are unchoked already. A swarm can stand still by it.",
        needs=("IN-04",),
    ),
    Case(
        "IN-08", "F", "5.3", "It says not interested to all whose pieces it got elsewhere, not only to the sender.",
        "After a piece only its sender is looked at. Go through all neighbors.",
        needs=("IN-02", "RQ-08"),
    ),
    Case(
        "RQ-01", "F", "6.1", "It asks for nothing while it is choked.",
        "The first request goes out with interested. Wait for unchoke; after choke, stop.",
    ),
    Case(
        "RQ-02", "F", "6.1", "It asks within 3 s of an unchoke.",
        "An unchoke that comes early is forgotten, or the request waits for something else.",
        needs=("IN-01", "RQ-01"),
    ),
    Case(
        "RQ-03", "F", "6.2", "One request is open to a neighbor at a time.",
        "A request is sent on unchoke and again on have, or several at once. Send the next one when the piece has arrived.",
    ),
    Case(
        "RQ-04", "F", "6.1", "It asks a neighbor only for pieces that this neighbor has announced.",
        "The request is drawn from all missing pieces, or from somebody else's bitfield.",
        needs=("FR-06",),
    ),
    Case(
        "RQ-05", "F", "6.1", "It never asks for a piece that it has.",
        "Its own bitfield is updated late, or not looked at.",
    ),
    Case(
        "RQ-06", "F", "6.4", "A piece whose request was lost to a choke is asked for again.",
        "The set of requested pieces is never cleared. At a choke, take out what is open with that neighbor.",
        needs=("RQ-02",),
    ),
    Case(
        "RQ-07", "W", "6.1", "Pieces are asked for in random order.",
        "The first missing piece is taken each time.",
    ),
    Case(
        "RQ-08", "F", "6.3", "While it is unchoked it goes on asking until the neighbor has nothing more.",
        "The next request is only sent after the next unchoke, or the loop ends early.",
        needs=("RQ-02",),
    ),
    Case(
        "RQ-09", "F", "6.1", "A piece is not asked of two neighbors at once.",
        "No lock between the choice and the mark, or no mark at all. Choose and mark in one step.",
    ),
    Case(
        "RQ-10", "W", "6.1", "Two neighbors that unchoke it are both used.",
        "Only one download runs at a time.",
        needs=("RQ-02",),
    ),
    Case(
        "RQ-11", "W", "6.5", "A piece that arrives after a choke, because the two crossed, counts.",
        "It is thrown away, and asked for again.",
        needs=("RQ-02", "HV-01"),
    ),
    Case(
        "RQ-12", "F", "6.1", "Pieces that only one neighbor has come from that one.",
        "Requests go to one neighbor, whatever it has.",
        needs=("RQ-02", "RQ-08"),
    ),
)  # fmt: skip

EXPLAINS |= {
    "IN-01": ("RQ-02", "BF-06", "RQ-06", "RQ-08", "FR-03", "FR-04", "FI-01"),
    "IN-02": ("IN-08", "IN-05", "IN-03"),
    "IN-04": ("IN-07", "BF-07", "BF-06"),
    "RQ-02": ("RQ-06", "RQ-08", "FR-04", "RB-02", "RB-03", "RB-04", "RB-07"),
    "RQ-03": ("RQ-09", "RQ-05"),
    "RQ-09": ("HV-03",),
    "RQ-06": ("FI-02",),
    "RQ-08": ("FI-01", "FI-02", "IN-02", "IN-08", "RQ-12", "EN-04"),
}
SURE_SECONDS = 1.0
"""After that long nothing crosses any more (rule 9)."""
LATER = float("inf")


@watch("IN-06")
def told_again(record: Record) -> Finding | None:
    """The same interest twice in a row on a connection (spec 5.1)."""
    kept = None
    for event, side, _ in walk(record):
        if event.sent or event.kind not in {"interested", "not interested"}:
            continue
        if side.interest is (event.kind == "interested"):
            before = [e for e in record.events if e.link == event.link and not e.sent and e.kind == event.kind and e.at < event.at]  # fmt: skip
            because = f"You said {event.kind} to {event.who} twice, without a change."
            return Finding(
                "IN-06", record.plan.name, Outcome.BROKEN, because, (*before[-1:], event)
            )
        kept = Finding("IN-06", record.plan.name, Outcome.KEPT)
    return kept


def _choked(event: Event, side: Side) -> str:
    if not side.choking or event.at - side.choked_at < SURE_SECONDS:
        return ""
    if side.unchokes:
        seconds = event.at - side.choked_at
        return f"You asked {event.who} for piece {event.index} {seconds:.1f} s after it choked you."
    return f"You asked {event.who} for piece {event.index} though it has not unchoked you."


def _second(event: Event, side: Side) -> str:
    if side.choking or not side.open:
        return ""
    return (
        f"You asked {event.who} for piece {event.index} while your request for piece "
        f"{side.open[-1]} was open there."
    )


def _untold(event: Event, side: Side) -> str:
    if event.index in side.announced or not side.announced:
        return ""
    return f"You asked {event.who} for piece {event.index}, which {event.who} has not told."


def _owned(event: Event, side: Side, world: World) -> str:
    index = event.index
    assert index is not None
    if index in side.haves:
        return f"You asked {event.who} for piece {index} after you had told it that you have it."
    known_since = max(world.given.get(index, LATER), world.had.get(index, LATER))
    if event.at - known_since > SURE_SECONDS:
        return f"You asked {event.who} for piece {index}, which you had for more than a second."
    return ""


def _asked_elsewhere(event: Event, world: World) -> tuple[str, int]:
    for number, other in world.sides.items():
        if number != event.link and other.closed_at is None and event.index in other.open:
            because = f"You asked {event.who} for piece {event.index} while your request for it was open with {other.who}."
            return because, number
    return "", 0


def _requests(record: Record, case: str, why: object) -> Finding | None:
    kept = None
    for event, side, world in walk(record):
        if event.sent or event.kind != "request" or event.index is None:
            continue
        because = why(event, side, world)  # type: ignore[operator]  # one of the functions below
        if because:
            return Finding(case, record.plan.name, Outcome.BROKEN, because, _behind(record, event))
        kept = Finding(case, record.plan.name, Outcome.KEPT)
    return kept


def _behind(record: Record, event: Event) -> tuple[Event, ...]:
    """An event and the few before it on its connection."""
    before = [
        e for e in record.events if e.link == event.link and e.at <= event.at and e is not event
    ]
    return (*before[-3:], event)


@watch("RQ-01")
def asked_while_choked(record: Record) -> Finding | None:
    """A request on a connection that chokes (spec 6.1)."""
    return _requests(record, "RQ-01", lambda event, side, _: _choked(event, side))


@watch("RQ-03")
def asked_twice(record: Record) -> Finding | None:
    """A request beside an open one (spec 6.2)."""
    return _requests(record, "RQ-03", lambda event, side, _: _second(event, side))


@watch("RQ-04")
def asked_for_untold(record: Record) -> Finding | None:
    """A request for what the neighbor didn't tell (spec 6.1)."""
    return _requests(record, "RQ-04", lambda event, side, _: _untold(event, side))


@watch("RQ-05")
def asked_for_owned(record: Record) -> Finding | None:
    """A request for what the program has (spec 6.1)."""
    return _requests(record, "RQ-05", _owned)


@watch("RQ-09")
def asked_of_two(record: Record) -> Finding | None:
    """A request for what is open elsewhere (spec 6.1)."""
    if len(record.plan.peers) < 3:
        return None
    kept = None
    for event, _, world in walk(record):
        if event.sent or event.kind != "request" or event.index is None:
            continue
        because, link = _asked_elsewhere(event, world)
        if because:
            first = [e for e in record.events if e.link == link and e.kind == "request" and e.index == event.index]  # fmt: skip
            return Finding("RQ-09", record.plan.name, Outcome.BROKEN, because, (*first[-1:], event))
        if sum(not side.choking for side in world.sides.values()) > 1:
            kept = Finding("RQ-09", record.plan.name, Outcome.KEPT)
    return kept

"""The passive cases: each breach is seen, and nothing that a crossing explains is blamed."""

from __future__ import annotations

import pytest

import probe.cases  # noqa: F401 -- registers the cases
from probe.cases import choking, connections, frames, interest, serving
from probe.model import Finding, Outcome, Record
from probe.sessions.choking import served_behind_choke
from tests.kit.probe.histories import History, plan


def outcome(found: Finding | None) -> str:
    return found.outcome.value if found else "nothing"


def met() -> History:
    return History().connect(1001).full(1001)


SEEN = {
    "asked while choked": (interest.asked_while_choked, met().hears(1, 1001, "choke").says(2.5, 1001, "request", 3)),
    "asked before any unchoke": (interest.asked_while_choked, History().connect(1001).says(1, 1001, "request", 3)),
    "two open": (interest.asked_twice, met().says(1, 1001, "request", 3).says(1.1, 1001, "request", 4)),
    "untold": (interest.asked_for_untold, History().connect(1001).hears(0.1, 1001, "bitfield", data=b"\x80\0").hears(0.2, 1001, "unchoke").says(1, 1001, "request", 3)),
    "owned, told there": (interest.asked_for_owned, met().hears(1, 1001, "piece", 3).says(1.1, 1001, "have", 3).says(1.2, 1001, "request", 3)),
    "owned for long": (interest.asked_for_owned, met().connect(1002).hears(1, 1001, "piece", 3).says(1.1, 1002, "have", 3).says(2.5, 1001, "request", 3)),
    "asked of two": (interest.asked_of_two, met().connect(1002).full(1002).says(1, 1001, "request", 3).says(1.1, 1002, "request", 3)),
    "interest again": (interest.told_again, met().says(1, 1001, "interested").says(2, 1001, "interested")),
    "index too high": (frames.indices, met().says(1, 1001, "request", 11)),
    "choke with payload": (frames.lengths, met().says(1, 1001, "choke", data=b"x")),
    "own type": (frames.own_types, met().says(1, 1001, "type 8")),
    "bitfield too long": (frames.bitfield_form, met().says(1, 1001, "bitfield", data=b"\xff\xe0\0")),
    "spare bits": (frames.bitfield_form, met().says(1, 1001, "bitfield", data=b"\xff\xff")),
    "late bitfield": (frames.bitfield_first, met().says(1, 1001, "have", 1).says(2, 1001, "bitfield", data=b"\xff\xe0")),
    "wrong content": (serving.content, met().says(1, 1001, "piece", 1, size=512, note="wrong content")),
    "padded": (serving.content, met().says(1, 1001, "piece", 10, size=512)),
    "unasked": (serving.unasked, met().says(1, 1001, "piece", 1, size=512)),
    "answered twice": (serving.unasked, met().hears(1, 1001, "request", 1).says(2, 1001, "piece", 1).says(3, 1001, "piece", 1)),
    "false have": (serving.false_haves, met().says(1, 1001, "have", 1)),
    "have twice": (serving.repeated_haves, met().says(1, 1001, "have", 1).says(2, 1001, "have", 1)),
    "unchoke to the uninterested": (choking.only_interested, met().says(2, 1001, "unchoke")),
    "unchoke twice": (choking.only_changes, met().says(2, 1001, "unchoke").says(3, 1001, "unchoke")),
    "dials a successor": (connections.one_connection_each, History().connect(1004)),
    "two connections": (connections.one_connection_each, History().connect(1001).connect(1001, at=1)),
}  # fmt: skip


@pytest.mark.parametrize("name", SEEN)
def test_a_breach_is_seen(name: str) -> None:
    """Each passive case reports a history that breaks it."""
    look, history = SEEN[name]
    found = look(history.record)
    assert outcome(found) == "broken"
    assert found is not None
    assert found.because


FAIR = {
    "a request crosses a choke": (interest.asked_while_choked, met().hears(1, 1001, "choke").says(1.4, 1001, "request", 3)),
    "the piece answers the request": (interest.asked_twice, met().says(1, 1001, "request", 3).hears(1.5, 1001, "piece", 3).says(1.6, 1001, "request", 4)),
    "a choke voids the request": (interest.asked_twice, met().says(1, 1001, "request", 3).hears(1.5, 1001, "choke").hears(2, 1001, "unchoke").says(2.1, 1001, "request", 4)),
    "told by have": (interest.asked_for_untold, History().connect(1001).hears(0.1, 1001, "have", 3).hears(0.2, 1001, "unchoke").says(1, 1001, "request", 3)),
    "the have crosses a request": (interest.asked_for_owned, met().connect(1002).hears(1, 1001, "piece", 3).says(1.1, 1002, "have", 3).says(1.2, 1001, "request", 3)),
    "asked elsewhere after the end": (interest.asked_of_two, met().connect(1002).full(1002).says(1, 1001, "request", 3).hears(1.1, 1001, "reset").says(1.2, 1002, "request", 3)),
    "asked elsewhere after a choke": (interest.asked_of_two, met().connect(1002).full(1002).says(1, 1001, "request", 3).hears(1.1, 1001, "choke").says(1.2, 1002, "request", 3)),
    "the first not interested": (interest.told_again, met().says(1, 1001, "not interested")),
    "not interested crosses an unchoke": (choking.only_interested, met().hears(1, 1001, "interested").hears(1.9, 1001, "not interested").says(2, 1001, "unchoke")),
    "dials again after a loss": (connections.one_connection_each, History().connect(1001).hears(0.5, 1001, "reset").connect(1001, at=1)),
}  # fmt: skip


@pytest.mark.parametrize("name", FAIR)
def test_what_a_crossing_explains_is_not_blamed(name: str) -> None:
    """A history that a right program can cause is no breach (rule 9)."""
    look, history = FAIR[name]
    assert outcome(look(history.record)) != "broken"


def choices(*events: tuple[float, int, str]) -> Record:
    history = History(plan(you=1001))
    for who in (1002, 1003, 1004):
        history.connect(who, by_program=False)
    for at, who, kind in events:
        history.says(at, who, kind)
    return history.record


def test_slots_are_counted_over_time() -> None:
    """More than k + 1 for longer than an interval is broken, for a moment it isn't (CH-02)."""
    three = [(2.0, 1002, "unchoke"), (2.0, 1003, "unchoke"), (3.0, 1004, "unchoke")]
    assert choking.too_many(choices(*three), 10).outcome is Outcome.BROKEN
    assert choking.too_many(choices(*three, (3.3, 1002, "choke")), 10).outcome is Outcome.KEPT
    assert (
        choking.replaced_late(choices(*three, (3.3, 1002, "choke")), 10).outcome is Outcome.BROKEN
    )
    assert choking.replaced_late(choices(*three, (3.01, 1002, "choke")), 10).outcome is Outcome.KEPT


def test_the_optimistic_place_outlasts_a_choice() -> None:
    """Who was unchoked alone is not choked before its time; changes of one choice tell nothing of that (CH-09)."""
    first = [(2.0, 1002, "unchoke"), (4.0, 1002, "choke")]
    kept = choices(*first, (4.0, 1003, "unchoke"), (5.0, 1003, "choke"), (5.0, 1002, "unchoke"))
    assert choking.cut_short(kept) is None
    found = choking.cut_short(choices(*first, (5.0, 1003, "unchoke"), (5.5, 1003, "choke")))
    assert found is not None
    assert found.outcome is Outcome.BROKEN


def test_places_are_filled_most_of_the_time() -> None:
    """Less than 70 % of the time with k unchoked is broken (CH-04)."""
    assert choking.too_few(choices((2, 1002, "unchoke")), 2, 10).outcome is Outcome.KEPT
    short = choices((2, 1002, "unchoke"), (4, 1002, "choke"))
    assert choking.too_few(short, 2, 10).outcome is Outcome.BROKEN


@pytest.mark.parametrize(
    ("times", "kept"),
    [((2.1, 3.1, 4.1, 6.1, 8.1, 9.1), True), ((2, 3, 4, 5, 6, 7, 8, 9), False), ((2.4, 3.2, 4.3, 6.4), True)],
)  # fmt: skip
def test_changes_lie_on_the_grid(times: tuple[float, ...], *, kept: bool) -> None:
    """Ticks of p and m explain a right program's changes, wherever they began, but not each second (CH-06)."""
    record = choices(*((at, 1002, "unchoke") for at in times))
    assert (choking.on_the_grid(record).outcome is Outcome.KEPT) == kept


def test_a_request_behind_its_choke() -> None:
    """The piece under way may follow a choke, one that was asked for behind it may not (SV-05)."""
    history = History(plan(you=1001)).connect(1002, by_program=False)
    history.hears(1, 1002, "request", 1).says(1.1, 1002, "choke").hears(1.2, 1002, "request", 2)
    assert not served_behind_choke(history.says(1.3, 1002, "piece", 1).record.events)
    assert served_behind_choke(history.says(1.4, 1002, "piece", 2).record.events)

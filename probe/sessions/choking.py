"""The long sessions: who is unchoked, how many, and when."""

from __future__ import annotations

import math

from probe.cases import choking as cases
from probe.cases import logs
from probe.conversation import wire
from probe.conversation.stage import Stage
from probe.logs import read_log
from probe.model import Event, Outcome
from probe.registry import session
from probe.sessions.steps import (
    MESSAGE_SECONDS,
    MUST_SECONDS,
    interested,
    meet_all,
    serve_all,
    told,
)


def begin(stage: Stage, *, silent: tuple[int, ...] = ()) -> float:
    """Everybody is connected and, but for the silent ones, interested; the moment."""
    for who in silent:
        stage.neighbors[who].minds = False
    stage.start()
    meet_all(stage)
    eager = [who for who in stage.neighbors if who not in silent]
    if stage.plan.seed:
        for who in eager:
            told(stage, who)
    stage.wait(MUST_SECONDS, lambda: all(stage.link(who).interested for who in eager))
    return stage.mark("interested")


def still_runs(stage: Stage) -> None:
    """Nobody was complete, so the program must not have ended meanwhile."""
    case = "EN-01" if stage.plan.seed else "EN-03"
    stage.require(case, stage.running, "Your program ended although others are still incomplete.")


def any_unchoke(stage: Stage, seconds: float = 0.0) -> None:
    """Somebody is unchoked at all, or all that follows can't be asked."""
    seconds = seconds or 2 * stage.plan.p + 1.5
    stage.expect(
        "CH-01",
        seconds,
        lambda: bool(stage.seen("unchoke")),
        f"Neighbors are interested, but none was unchoked within {seconds:g} s.",
    )


@session(
    "slots",
    ">1001* 1002 1003 1004 1005 1006",
    (1, 2, 3),
    "CH-15 CH-02 CH-04 CH-05 CH-06 CH-09 CH-10 LG-05",
    quick=False,
    seconds=17.0,
)
def slots(stage: Stage) -> None:
    """Four are interested and one is silent; 13 s of watching."""
    ready = begin(stage, silent=(1006,))
    any_unchoke(stage)
    stage.run(max(0.0, ready + 13.0 - stage.now()), lambda: not stage.running)
    stage.run(6.0, lambda: len({e.who for e in stage.seen("unchoke")}) != 3 or not stage.running)
    still_runs(stage)
    end = stage.now()
    record = stage.record
    first = stage.seen("unchoke")[0].at
    record.findings += [
        cases.first_choice(record, ready),
        cases.too_many(record, end),
        cases.too_few(record, first, end),
        cases.turns(record, 4),
        cases.on_the_grid(record),
        cases.replaced_late(record, end),
    ]
    if record.lag <= 0.1 and (short := cases.cut_short(record)):
        record.findings.append(short)
    chosen_lines(stage)


def chosen_lines(stage: Stage) -> None:
    """LG-05, from the log as it is after a gentle end."""
    assert stage.program
    stage.run(0.3)
    stage.program.stop(gently=True)
    path = stage.folder.find_log()
    if path:
        stage.record.log = tuple(read_log(path))
        stage.record.findings.append(logs.choices(stage.record, ended=False))


@session(
    "slots-k",
    ">1001* 1002 1003 1004 1005 1006 1007 1008",
    (3, 1, 4),
    "SV-05 CH-02 CH-04",
    pieces=200,
    quick=False,
    seconds=12.0,
)
def slots_k(stage: Stage) -> None:
    """Six fetch five pieces a second each, and ask once more right behind each choke; 10 s."""
    for who in range(1002, 1008):
        one = stage.neighbors[who]
        one.fetches = True
        one.fetch_speed = 5
        one.asks_when_choked = True
    ready = begin(stage, silent=(1008,))
    any_unchoke(stage)
    stage.run(max(0.0, ready + 10.0 - stage.now()), lambda: not stage.running)
    still_runs(stage)
    record, end = stage.record, stage.now()
    record.findings.append(cases.too_many(record, end))
    record.findings.append(cases.too_few(record, stage.seen("unchoke")[0].at + 0.1, end))
    late = served_behind_choke(record.events)
    if late:
        stage.blame("SV-05", f"{late[0].who} asked for piece {late[1].index} after your choke, and you sent it while it was choked.", *late)  # fmt: skip
    elif stage.seen("choke"):
        stage.keep("SV-05")


def served_behind_choke(events: list[Event]) -> tuple[Event, ...]:
    """A choke, a request behind it, and its piece before the next unchoke; empty if there is none."""
    choked: dict[int, Event] = {}
    asked: dict[tuple[int, int | None], Event] = {}
    for event in events:
        key = (event.who, event.index)
        if event.kind == "choke" and not event.sent:
            choked[event.who] = event
        elif event.kind == "unchoke" and not event.sent:
            choked.pop(event.who, None)
            asked = {one: value for one, value in asked.items() if one[0] != event.who}
        elif event.kind == "request" and event.sent and event.who in choked:
            asked[key] = event
        elif event.kind == "piece" and not event.sent and key in asked:
            return choked[event.who], asked[key], event
    return ()


@session("optim", ">1001* 1002 1003 1004 1005", (1, 6, 4), "CH-09", quick=False, seconds=12.0)
def optim(stage: Stage) -> None:
    """Four are interested; the optimistic choice comes after 4 s, the preferred one after 6 s."""
    ready = begin(stage)
    stage.run(max(0.0, ready + 10.0 - stage.now()), lambda: separate_unchokes(stage) > 1)
    still_runs(stage)
    times = sorted(e.at for e in stage.seen("unchoke"))
    stage.check(
        "CH-09",
        *stage.seen("unchoke")[:4],
        kept=separate_unchokes(stage) > 1,
        because=f"With p = 6 s and m = 4 s, and four interested neighbors, unchokes came at {', '.join(f'{at:.1f}' for at in times) or 'no time'} s only; the optimistic choice should come every 4 s.",
    )


def separate_unchokes(stage: Stage) -> int:
    """At how many different moments somebody was unchoked."""
    times = sorted(e.at for e in stage.seen("unchoke"))
    return sum(1 for at, one in enumerate(times) if not at or one - times[at - 1] > 1.0)


@session(
    "optim-short",
    ">1001* 1002 1003 1004 1005",
    (1, 20, 1),
    "CH-09",
    quick=False,
    seconds=6.0,
    cap=True,
    special="CF-07",
)
def optim_short(stage: Stage) -> None:
    """Four are interested, the optimistic choice comes every second, the preferred one after 20 s; 7 s."""
    ready = begin(stage)
    stage.run(max(0.0, ready + 7.0 - stage.now()), lambda: len({e.who for e in stage.seen("unchoke")}) > 1)  # fmt: skip
    who = {e.who for e in stage.seen("unchoke")}
    stage.check("CH-09", kept=len(who) > 1, because=f"With m = 1 s and p = 20 s, {len(who)} of four interested neighbors were unchoked in 7 s; each second another should be.")  # fmt: skip


@session("random", ">1001* 1002 1003 1004 1005", (1, 1, 60), "CH-11", quick=False, seconds=6.0)
def random_choice(stage: Stage) -> None:
    """Four are interested; twelve choices of one."""
    _different(stage, "CH-11", begin(stage), 12, "In twelve choices, one a second, a seed")


def _different(stage: Stage, case: str, since: float, choices: int, who: str) -> None:
    any_unchoke(stage)

    def chosen() -> set[int]:
        return {e.who for e in stage.seen("unchoke", since=since)} | held

    held = {
        one for one in stage.neighbors if (link := stage.neighbors[one].link) and not link.choked_by
    }
    stage.run(choices * stage.plan.p + 0.5, lambda: len(chosen()) > 1 or not stage.running)
    still_runs(stage)
    found = sorted(chosen())
    stage.check(case, *stage.seen("unchoke")[:4], kept=len(found) > 1, because=f"{who} chose {', '.join(map(str, found)) or 'nobody'} only, out of four that are interested.")  # fmt: skip


SPEEDS = {1001: 4.0, 1002: 30.0, 1003: 12.0}


@session(
    "rate",
    "1001 1002 1003 >1004 1005*",
    (1, 2, 60),
    "CH-08 CH-12",
    pieces=900,
    piece_size=256,
    quick=False,
    seconds=17.5,
)
def rate(stage: Stage) -> None:
    """Three serve disjoint pieces at 4, 30 and 12 a second and want all others; then the speeds swap."""
    shares = {1001: range(280), 1002: range(280, 640), 1003: range(640, 900)}
    for who, share in shares.items():
        stage.neighbors[who].has = set(share)
        stage.neighbors[who].speed = SPEEDS[who]
    stage.start()
    meet_all(stage)
    for who in shares:
        interested(stage, who)
    began = stage.mark("served")
    for who in shares:
        stage.link(who).say(wire.UNCHOKE)
    stage.expect("RQ-02", MUST_SECONDS, lambda: bool(stage.seen("request")), "Three neighbors unchoked you and have pieces that you need, but you asked nobody.")  # fmt: skip
    stage.run(max(0.0, began + 9.5 - stage.now()), lambda: not stage.running)
    still_runs(stage)
    first = [began + 3.0 + 0.5 * number for number in range(13)]
    fastest(stage, "CH-08", 1002, first, 11)
    swapped = stage.now()
    stage.neighbors[1001].speed, stage.neighbors[1002].speed = SPEEDS[1002], SPEEDS[1001]
    stage.run(6.5, lambda: not stage.running)
    second = [swapped + 2 * stage.plan.p + 0.6 + 0.3 * number for number in range(6)]
    fastest(stage, "CH-12", 1001, second, 4)


def fastest(stage: Stage, case: str, who: int, times: list[float], least: int) -> None:
    """The fastest held its place at nearly all of these moments, if it really was the fastest."""
    begin = times[0] - 2 * stage.plan.p - 0.5
    steps = math.ceil((times[-1] - max(begin, stage.record.marks["served"])) / stage.plan.p)
    for number in range(steps):
        until = times[-1] - number * stage.plan.p
        counts = {one: served_between(stage, one, until - stage.plan.p, until) for one in SPEEDS}
        next_best = max(count for one, count in counts.items() if one != who)
        if number < steps - 1 and counts[who] < 1.5 * next_best:
            text = f"{who} wasn't clearly the fastest, since you asked for too little: {counts}."
            stage.tell(case, text, Outcome.UNDECIDED)
            return
    eager = [one for one in SPEEDS if stage.link(one).interested]
    if not stage.seen("unchoke"):
        stage.require("CH-01", kept=not eager, because=f"{', '.join(map(str, eager))} are interested in your pieces, but none was unchoked.")  # fmt: skip
        stage.require("HV-01", kept=False, because="You told nobody the pieces that you got, so nobody was interested in them.")  # fmt: skip
    said = [e.at for e in stage.record.events if e.sent and e.kind == "interested" and e.who == who]
    if not said or said[0] > times[0] - stage.plan.p or not stage.link(who).interested:
        text = f"{who}, the fastest, was not interested for long enough: you had nothing that it lacks."
        stage.tell(case, text, Outcome.UNDECIDED)
        return
    held = cases.holds(stage.record, who, times)
    stage.check(case, *stage.seen("unchoke")[-4:], kept=held >= least, because=f"{who} was by far the fastest, but was unchoked at {held} of {len(times)} looks only.")  # fmt: skip


def served_between(stage: Stage, who: int, begin: float, end: float) -> int:
    """Pieces that a neighbor served in a time."""
    return sum(
        e.who == who and e.sent and e.kind == "piece" and begin <= e.at < end
        for e in stage.record.events
    )


@session(
    "complete-switch",
    "1001* >1002 1003 1004 1005 1006",
    (1, 1, 60),
    "CH-13",
    pieces=60,
    quick=False,
    seconds=8.0,
)
def complete_switch(stage: Stage) -> None:
    """The program becomes complete after 2 s; four neighbors stay interested; ten choices."""
    stage.neighbors[1001].speed = 30
    stage.start()
    meet_all(stage)
    interested(stage, 1001)
    stage.link(1001).say(wire.UNCHOKE)
    serve_all(stage, "RQ-08", "1001 had unchoked you, but you stopped asking.", who=1001)  # fmt: skip
    stage.run(stage.plan.p + 0.3)
    _different(stage, "CH-13", stage.mark("complete"), 10, "In ten choices after it became complete, your program")  # fmt: skip


@session("turn-off", ">1001* 1002 1003", (1, 1, 60), "CH-14", seconds=5.0)
def turn_off(stage: Stage) -> None:
    """Two are interested in one place; the one that gets it then says not interested."""
    begin(stage)
    any_unchoke(stage)
    holder = stage.seen("unchoke")[-1].who
    other = next(who for who in stage.neighbors if who != holder)
    if not stage.link(other).choked_by:
        stage.run(2.0, lambda: stage.link(other).choked_by)
    since = stage.now()
    stage.neighbors[holder].gain()
    seconds = 2 * stage.plan.p + 1.5 + stage.plan.pieces * MESSAGE_SECONDS
    stage.expect(
        "CH-14",
        seconds,
        lambda: not stage.link(other).choked_by,
        f"{holder}, which had the only place, said not interested after {since:.1f} s; {other}, which is interested, wasn't unchoked within {seconds:g} s.",
        holder,
    )

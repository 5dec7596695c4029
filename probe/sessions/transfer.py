"""The two long conversations: the program as a seed that serves, and as a leecher that fetches."""

from __future__ import annotations

from functools import partial

from probe.conversation import wire
from probe.conversation.stage import Stage
from probe.registry import session
from probe.sessions import ends
from probe.sessions.steps import (
    MUST_SECONDS,
    asked,
    complete,
    fetch_all,
    got,
    have_to,
    interested,
    meet_all,
    not_interested,
    serve_all,
    told,
    unchoked,
    watch,
)


@session(
    "serve",
    ">1001* 1002 1003",
    (2, 1, 2),
    "ST-01 ST-02 ST-04 HS-07 BF-01 CH-01 SV-02 SV-03 EN-01 EN-02 EN-09 EN-07 EN-08 FI-04"
    " LG-01 LG-02 LG-03 LG-04 LG-05 LG-07",
    seconds=8.0,
    ends=True,
)
def serve(stage: Stage) -> None:
    """1002 fetches the whole file from the seed, 1003 gets it later from elsewhere; then it must end."""
    stage.start()
    meet_all(stage)
    stage.keep("ST-02")
    told(stage, 1002)
    unchoked(stage, 1002)
    last = stage.plan.pieces - 1
    got(stage, 1002, last)
    fetch_all(stage, 1002, [3, *[one for one in (7, 0, 9, 1, 5, 2, 8, 4, 6) if one < last]])
    ends.lives(stage, "EN-01", 2.0, "1003")
    stage.neighbors[1003].gain()
    ends.ends(stage, "EN-02")
    ends.drained(stage)
    ends.file_is_untouched(stage)
    crashes(stage)
    ends.log_is_right(stage)


@session(
    "fetch",
    "1001* 1002 >1003 1004",
    (2, 1, 2),
    "CN-01 ST-02 HS-07 IN-01 RQ-01 RQ-02 RQ-03 HV-01 RQ-08 BF-05 RQ-07 IN-02 FI-01 HV-04 EN-03 EN-04 EN-09"
    " EN-05 EN-07 EN-08 LG-01 LG-02 LG-03 LG-04 LG-06 LG-07 ST-04",
    pieces=23,
    seconds=9.0,
    ends=True,
)
def fetch(stage: Stage) -> None:
    """1001 is a seed: it tells its pieces, unchokes, lets the first request wait, serves all; the others complete later."""
    stage.start()
    meet_all(stage)
    stage.keep("ST-02")
    fetch_first(stage)
    fetch_rest(stage)
    in_time = ends.file_came(stage)
    if in_time:
        stage.keep("FI-01")
    ends.lives(stage, "EN-03", 1.5, "1002")
    stage.neighbors[1002].gain()
    ends.lives(stage, "EN-03", 1.5, "1004")
    stage.keep("EN-03")
    haves(stage)
    stage.neighbors[1004].gain()
    ends.ends(stage, "EN-04")
    if not in_time:
        ends.file_is_right(stage, "FI-01", in_time=False)
    ends.drained(stage)
    last_haves(stage)
    crashes(stage)
    ends.log_is_right(stage)


def fetch_first(stage: Stage) -> None:
    """One request only, after the unchoke; and a have to all for the piece that came."""
    seed = stage.neighbors[1001]
    link = stage.link(1001)
    interested(stage, 1001)
    watch(stage)
    stage.require("RQ-01", not stage.seen("request"), "You asked for a piece though nobody had unchoked you.", 1001)  # fmt: skip
    seed.serves = False
    link.say(1)
    first = asked(stage, 1001)
    watch(stage, 1.0)
    open_now = stage.seen("request", 1001)
    stage.check("RQ-03", *open_now[:3], kept=len(open_now) == 1, because=f"You asked 1001 for {len(open_now)} pieces while none had come.")  # fmt: skip
    for index in list(link.open):
        link.piece(index)
    stage.wait(MUST_SECONDS, lambda: all(have_to(stage, who, first) for who in stage.neighbors))
    missed = [who for who in stage.neighbors if not have_to(stage, who, first)]
    given = [e for e in stage.record.events if e.sent and e.kind == "piece" and e.index == first]
    stage.check("HV-01", *given[:1], *stage.seen("have", index=first)[:3], kept=not missed, because=f"After piece {first} no have came to {', '.join(map(str, missed))}.")  # fmt: skip
    for who in (
        1002,
        1004,
    ):  # they get it elsewhere, and are not interested for a while, though they lack the rest
        stage.neighbors[who].gain([first])
    stage.run(0.1)
    seed.serves = True
    for index in list(link.open):
        link.piece(index)


def fetch_rest(stage: Stage) -> None:
    """All other pieces, one request after the other and in a random order; then no interest any more."""
    serve_all(
        stage,
        lambda: "RQ-08" if bits_are_understood(stage) else "BF-05",
        lambda: stopped_asking(stage),
        who=1001,
    )
    for case in ("RQ-08", "BF-05"):
        stage.keep(case)
    order = [event.index for event in stage.seen("request", 1001)]
    stage.check("RQ-07", *stage.seen("request", 1001)[:4], kept=order not in (sorted_of(order), sorted_of(order)[::-1]), because="You asked for all pieces in the order of their numbers; the choice should be random.")  # fmt: skip
    not_interested(stage, 1001, "IN-02", "You have the whole file, but didn't tell 1001 that you are not interested.")  # fmt: skip


def sorted_of(order: list[int | None]) -> list[int | None]:
    """The same numbers in rising order."""
    return sorted(order, key=lambda one: one or 0)


def bits_are_understood(stage: Stage) -> bool:
    """Whether requests so far are for pieces that 1001 has told: else its bitfield is misread."""
    asked_for = {e.index for e in stage.seen("request") if e.index is not None}
    every = set(range(stage.plan.pieces))
    turned = wire.pieces_of(wire.lowest_first(wire.bits_of(every, stage.plan.pieces)))
    return asked_for <= every and every - asked_for != every - turned


def stopped_asking(stage: Stage) -> str:
    """What is wrong where a download stands still, with what was never asked for."""
    every = set(range(stage.plan.pieces))
    missing = sorted(every - {e.index for e in stage.seen("request")})
    because = f"1001 had unchoked you and has pieces that you need, but you stopped asking for {MUST_SECONDS:g} s."
    if missing and len(missing) < 4:
        because += f" You never asked for {', '.join(map(str, missing))}."
    if not bits_are_understood(stage):
        because += " That is what somebody asks for who takes the lowest bit of each byte for the first piece."
    return because


def haves(stage: Stage) -> None:
    """HV-04: the program told all its pieces on every connection."""
    for who in stage.neighbors:
        stage.wait(MUST_SECONDS, partial(complete, stage, who))
    lacking = {
        who: sorted(set(range(stage.plan.pieces)) - stage.link(who).has) for who in stage.neighbors
    }
    wrong = [who for who, missed in lacking.items() if missed]
    because = ""
    if wrong:
        missed = lacking[wrong[0]]
        because = f"{wrong[0]} was not told {len(missed)} of your {stage.plan.pieces} pieces ({', '.join(map(str, missed[:5]))})."
    stage.check("HV-04", kept=not wrong, because=because)


def last_haves(stage: Stage) -> None:
    """EN-05: nothing was lost when it closed."""
    told_all = all(
        link.has >= set(range(stage.plan.pieces)) or (link.choking and not link.announced)
        for one in stage.neighbors.values()
        for link in one.links[-1:]
    )
    stage.check("EN-05", kept=told_all, because="A connection ended before your haves for all pieces had come on it.")  # fmt: skip


def crashes(stage: Stage) -> None:
    """ST-04: no stack trace in its output."""
    assert stage.program
    lines = stage.program.traceback()
    if lines:
        stage.blame("ST-04", "Your program printed a stack trace.", lines=tuple(lines))
    else:
        stage.keep("ST-04")

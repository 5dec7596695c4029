"""Short conversations with the program as a seed."""

from __future__ import annotations

from functools import partial

from probe.conversation import wire
from probe.conversation.link import Link
from probe.conversation.neighbor import Neighbor
from probe.conversation.stage import Stage
from probe.registry import session
from probe.sessions.steps import (
    MESSAGE_SECONDS,
    MUST_SECONDS,
    come_back,
    ended_at_once,
    full,
    got,
    meet,
    meet_all,
    told,
    unchoked,
)


@session("choked", ">1001* 1002 1003 1004", (1, 2, 60), "SV-01", seconds=5.0)
def choked(stage: Stage) -> None:
    """Three are interested; one asks for piece 4 before the first choice, and those who are then choked again."""
    stage.start()
    meet_all(stage)
    for who in stage.neighbors:
        told(stage, who)
    stage.wait(1.0, lambda: all(stage.link(who).interested for who in stage.neighbors))
    if stage.link(1004).choked_by:
        stage.link(1004).ask(4)
    stage.wait(2 * stage.plan.p + 1.5, lambda: bool(stage.seen("unchoke")))
    if _served_choked(stage):
        return
    stage.require("CH-01", bool(stage.seen("unchoke")), "Three neighbors are interested, but none was unchoked.")  # fmt: skip
    stage.run(0.05)
    waiting = [who for who in stage.neighbors if stage.link(who).choked_by]
    for who in waiting:
        stage.link(who).ask(4)
    stage.run(1.0)
    if _served_choked(stage):
        return
    stage.keep("SV-01")
    if not waiting:
        stage.require(
            "CH-02", kept=False, because="With k = 1 you unchoked all three neighbors at once."
        )


def _served_choked(stage: Stage) -> bool:
    """Whether somebody who was choked since the start got a piece (SV-01)."""
    for who in stage.neighbors:
        served = stage.seen("piece", who)
        if served and not any(e.at < served[0].at for e in stage.seen("unchoke", who)):
            request = next(e for e in stage.record.events if e.who == who and e.kind == "request")
            unchokes = [e for e in stage.seen("unchoke") if e.at < request.at]
            stage.blame("SV-01", f"You serve neighbors that you choke: {who} asked while it was choked, and got piece 4.", *unchokes[:1], request, served[0])  # fmt: skip
            return True
    return False


@session("bytewise", ">1001* 1002", (1, 1, 2), "HS-03", seconds=3.0)
def bytewise(stage: Stage) -> None:
    """1002's handshake comes in single bytes."""
    one = stage.neighbors[1002]
    one.greets = one.tells = one.minds = False
    stage.start()
    stage.expect("ST-01", stage.up_seconds, lambda: one.here, "It accepts no connection.")
    link = stage.link(1002)
    link.note("handshake", sent=True, index=1002, note="in single bytes")
    link.greeted = True
    stage.run(link.put_slowly(wire.handshake(1002), 1))
    stage.run(0.1)
    link.announce(set())
    one.minds = True
    one.mind(link)
    stage.expect("HS-03", MUST_SECONDS + 1, lambda: bool(link.has), "Your bitfield didn't come after a handshake that arrived in single bytes.", 1002)  # fmt: skip
    unchoked(stage, 1002, "HS-03")


@session(
    "all-in-one", ">1001* 1002 1003", (1, 1, 2), "FR-07 FR-08", pieces=40, seconds=4.0, quick=False
)
def all_in_one(stage: Stage) -> None:
    """Twenty messages in one segment, then twenty in parts of three bytes."""
    one = stage.neighbors[1002]
    one.minds = False
    other = stage.neighbors[1003]
    other.has = set(range(38))  # where 1002 has its pieces from
    other.minds = False
    stage.start()
    meet_all(stage)
    link = told(stage, 1002)
    stage.run(0.2)
    one.has |= set(range(19))
    link.note("interested", sent=True)
    link.interested = True
    link.put(b"".join(link.have_bytes(index) for index in range(19)) + wire.frame(wire.INTERESTED))
    because = "1002 sent 19 haves and then interested, all in one segment; you never unchoked it, as if interested had been lost."
    unchoked(stage, 1002, "FR-07", 2 * stage.plan.p + 1.5 + 20 * MESSAGE_SECONDS, because)
    new = range(19, 38)
    one.has |= set(new)
    for _ in range(2):
        data = b"".join(link.have_bytes(index) for index in new)
        link.asked = 38
        data += link.request_bytes(38)
        stage.run(link.put_slowly(data, 3, 0.004))
        stage.wait(MUST_SECONDS + 20 * MESSAGE_SECONDS, partial(_answered_or_lost, stage, link))
        if not link.eof:
            break
        link = come_back(stage, 1002)  # a lost connection is no fault by itself
        link.say(wire.INTERESTED)
        unchoked(stage, 1002)
    if link.choked_by:  # a choke overtook the request
        got(stage, 1002, 38, "FR-08")
    stage.require(
        "FR-08",
        bool(stage.seen("piece", 1002, index=38)),
        "Twenty messages came in parts of three bytes; the last one, a request, wasn't answered.",
        1002,
    )


def _answered_or_lost(stage: Stage, link: Link) -> bool:
    return bool(stage.seen("piece", 1002, index=38)) or link.choked_by or link.eof


@session(
    "big", ">1001* 1002 1003", (2, 1, 2), "FR-09", pieces=3, piece_size=1 << 20, last=1_000_000,
    seconds=3.0, quick=False, special="FR-09")  # fmt: skip
def big(stage: Stage) -> None:
    """Pieces of 1 MiB."""
    stage.start()
    meet_all(stage)
    told(stage, 1003)
    unchoked(stage, 1003)
    for index in range(stage.plan.pieces):
        got(stage, 1003, index, "FR-09", 6.0)
    stage.keep("FR-09")


@session(
    "slow-reader", ">1001* 1002 1003", (2, 1, 2), "FR-10", pieces=2, piece_size=5 << 20, last=5_000_000,
    seconds=4.0, quick=False, special="FR-09")  # fmt: skip
def slow_reader(stage: Stage) -> None:
    """Pieces of 5 MiB, more than the system buffers; 1002 reads 50 kB a second, 1003 as fast as they come."""
    slow = stage.neighbors[1002]
    slow.receives = 16384
    stage.start()
    meet_all(stage)
    for who in (1002, 1003):
        told(stage, who)
        unchoked(stage, who)
    link, first = stage.link(1002), stage.link(1003)
    link.slow = 50_000
    link.ask(0)
    stage.run(0.5)
    first.ask(0)
    quick = stage.wait(6.0, lambda: bool(stage.seen("piece", 1003)) or first.choked_by)
    if not quick:
        link.slow = 0
        link.ready(1)
        late = stage.wait(8.0, lambda: bool(stage.seen("piece", 1003)))
        case = "FR-10" if late else "FR-09"
        because = "1003's piece only came when 1002, which reads slowly, had got its own."
        if not late:
            because = (
                "1003, which you had unchoked, asked for a piece of 5 MiB; it didn't come in 14 s."
            )
        stage.require(case, kept=False, because=because, who=1003)
    got(stage, 1003, 1, "FR-10", 6.0)
    stage.keep("FR-10")


BOUNDARY = (5, 1, 30)
"""Only a choice of preferred neighbors unchokes in time."""


def _shortened(stage: Stage, case: str) -> None:
    """The conversation of `serve` up to the last piece."""
    stage.start()
    meet_all(stage)
    full(stage, 1002, case)
    unchoked(stage, 1002, case)
    got(stage, 1002, stage.plan.pieces - 1, case)
    if stage.plan.pieces > 1:
        got(stage, 1002, 0, case)


@session("one-piece", ">1001* 1002", (1, 1, 2), "CF-04", pieces=1, special="CF-04", quick=False)
def one_piece(stage: Stage) -> None:
    """A file of one piece."""
    _shortened(stage, "CF-04")


@session(
    "exact", ">1001* 1002", (1, 1, 2), "CF-05", pieces=8, last=512, special="CF-05", quick=False
)
def exact(stage: Stage) -> None:
    """A file of exactly eight pieces."""
    _shortened(stage, "CF-05")


@session("k-large", ">1001* 1002", BOUNDARY, "CF-06", special="CF-06", quick=False)
def k_large(stage: Stage) -> None:
    """More preferred neighbors than there are neighbors."""
    _shortened(stage, "CF-06")


@session("p-over-m", ">1001* 1002", (1, 2, 1), "CF-07", seconds=3.0, special="CF-07", quick=False)
def p_over_m(stage: Stage) -> None:
    """The optimistic interval is the shorter one."""
    _shortened(stage, "CF-07")


@session("two-seeds", "1001* >1002* 1003", (2, 1, 2), "CF-09 IN-03", special="CF-09")
def two_seeds(stage: Stage) -> None:
    """1001 is a seed too, 1003 has nothing."""
    stage.start()
    up = stage.wait(
        stage.up_seconds, lambda: stage.neighbors[1001].link is not None or not stage.running
    )
    if not up or stage.running:  # a seed that dials nobody, whoever else has the file
        stage.require("CN-06", up, "You have the file and are listed second; you didn't dial 1001, which is listed before you.")  # fmt: skip
    meet(stage, 1001)
    stage.expect("CF-09", MUST_SECONDS, lambda: bool(stage.link(1001).has), "Two peers have the file; your bitfield didn't come to 1001.", 1001)  # fmt: skip
    link = stage.link(1001)
    stage.expect("IN-03", MUST_SECONDS, lambda: link.interest is False, "1001's bitfield has nothing that you need; you answered nothing, it should be not interested.", 1001)  # fmt: skip


@session("seed-last", "1001 1002 >1003*", (2, 1, 2), "CN-06", quick=False)
def seed_last(stage: Stage) -> None:
    """The seed is listed last and dials all."""
    stage.start()
    for who, one in stage.neighbors.items():
        because = f"You have the file and are listed last; you didn't connect to {who}."
        came = stage.wait(stage.up_seconds, partial(_greeted_or_ended, stage, one))
        stage.require(ended_at_once(stage) or "CN-06", came and one.greeted, because)
        full(stage, who, "CN-06")


def _greeted_or_ended(stage: Stage, one: Neighbor) -> bool:
    return one.greeted or not stage.running


@session(
    "wrong-header",
    ">1001* 1002 1004",
    (2, 1, 2),
    "HS-04 RB-01",
    lawful=False,
    quick=False,
    seconds=5.0,
)
def wrong_header(stage: Stage) -> None:
    """1002 comes with another header; 1004, after it, is good."""
    _refused(
        stage,
        "HS-04",
        (1002, b"P2PFILESHARINGPROX"),
        "1002 came with the header P2PFILESHARINGPROX",
    )


@session(
    "unknown-id",
    ">1001* 1002 1004",
    (2, 1, 2),
    "HS-05 RB-01",
    lawful=False,
    quick=False,
    seconds=5.0,
)
def unknown_id(stage: Stage) -> None:
    """1002 says that it is 4242, who isn't listed; 1004, after it, is good."""
    _refused(
        stage,
        "HS-05",
        (4242, wire.HEADER),
        "A peer came that calls itself 4242, which isn't listed",
    )


def _refused(stage: Stage, case: str, greeting: tuple[int, bytes], who: str) -> None:
    bad, good = stage.neighbors[1002], stage.neighbors[1004]
    bad.greeting = greeting
    bad.greets = bad.tells = bad.minds = good.dials = False
    bad.redials = 0
    stage.start()
    stage.expect("ST-01", stage.up_seconds, lambda: bad.here, "It accepts no connection.")
    link = stage.link(1002)
    stage.run(1.0, lambda: bad.greeted)
    stage.run(0.3)
    greeted_first, greeted_at = bad.greeted, stage.now()
    bad.greet(link)
    stage.run(0.3)
    since = stage.now()
    link.say(wire.INTERESTED)
    stage.run(0.5, lambda: link.eof)
    good.dial()
    bad.greeting = None  # and then comes the real 1002: some wait until everybody was there
    bad.greets = bad.tells = bad.minds = True
    stage.after(0.3, bad.dial)
    served(stage, 1004)
    if not link.eof:
        stage.run(1.0)
    said = [
        e
        for e in stage.record.events
        if e.link == link.number and not e.sent and e.kind in wire.NAMES
    ]
    wrong = [e for e in said if e.at > (greeted_at if greeted_first else since)]
    stage.check(
        case, *wrong[:2], kept=not wrong, because=f"{who}, but you went on talking with it."
    )


def served(stage: Stage, who: int, case: str = "RB-01") -> None:
    """A good neighbor gets handshake, bitfield and an unchoke, after others were bad."""
    one = stage.neighbors[who]
    text = f"{who}, a good neighbor beside a bad one,"
    stage.expect(case, 5.0, lambda: one.greeted, f"{text} got no handshake.", who)
    stage.expect(case, MUST_SECONDS, lambda: one.link is not None and bool(one.link.has), f"{text} got no bitfield.", who)  # fmt: skip
    unchoked(stage, who, case)


@session(
    "garbage-length", ">1001* 1002 1004", (2, 1, 2), "RB-05", lawful=False, quick=False, seconds=3.0
)
def garbage_length(stage: Stage) -> None:
    """1002 sends a length of ffffffff; 1004 is good."""
    stage.start()
    meet_all(stage)
    link = stage.link(1002)
    link.note("bytes", sent=True, data=b"\xff" * 4)
    link.put(b"\xff\xff\xff\xff\x07")
    stage.run(0.3)
    served(stage, 1004, "RB-05")


@session(
    "garbage-half", ">1001* 1002 1004", (2, 1, 2), "RB-06", lawful=False, quick=False, seconds=3.0
)
def garbage_half(stage: Stage) -> None:
    """1002 sends half a handshake and waits; 1004 is good."""
    half, good = stage.neighbors[1002], stage.neighbors[1004]
    half.greets = half.tells = False
    good.dials = False
    stage.start()
    stage.expect("ST-01", stage.up_seconds, lambda: half.here, "It accepts no connection.")
    stage.link(1002).note("bytes", sent=True, data=wire.handshake(1002)[:16])
    stage.link(1002).put(wire.handshake(1002)[:16])
    stage.run(0.2)
    good.dial()
    half.greets = half.tells = True  # and the real 1002: some wait until everybody was there
    stage.after(0.3, half.dial)
    served(stage, 1004, "RB-06")


def _configuration(name: str, form: str, case: str, about: str) -> None:
    def script(stage: Stage) -> None:
        stage.start()
        stage.expect(case, stage.up_seconds, lambda: stage.neighbors[1002].here, f"{about}: your program doesn't start.", 1002)  # fmt: skip
        stage.expect(case, 4.0, lambda: stage.neighbors[1002].greeted, f"{about}: no handshake came.", 1002)  # fmt: skip
        full(stage, 1002, case)

    script.__doc__ = about + "."
    session(
        name, ">1001* 1002", (1, 1, 2), case, lawful=False, form=form, seconds=1.0, quick=False
    )(script)


for _name, _form, _case, _about in (
    (
        "config-crlf-order-blank",
        "crlf order blank-line",
        "CF-01",
        "The configuration has Windows line ends, blank lines, and its keys in another order",
    ),
    ("config-nonl", "nonl", "CF-02", "The files don't end with a line end"),
    (
        "config-blanks",
        "blanks comment",
        "CF-03",
        "Words are separated by two blanks, and Common.cfg begins with a comment",
    ),
):
    _configuration(_name, _form, _case, _about)

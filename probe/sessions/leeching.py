"""Short conversations with the program as a leecher."""

from __future__ import annotations

from probe.conversation import wire
from probe.conversation.stage import Stage
from probe.registry import session
from probe.sessions import ends
from probe.sessions.steps import (
    MUST_SECONDS,
    asked,
    complete,
    interested,
    meet,
    meet_all,
    not_interested,
    pieces_given,
    serve_all,
    watch,
)

AGAIN_SECONDS = 12.0
"""Some only ask for a lost piece again when a time is over."""


@session("trickle", "1001 >1002 1003*", (2, 1, 2), "RQ-04 IN-05 IN-04 IN-07")
def trickle(stage: Stage) -> None:
    """1001 has one piece, later a second; 1003 is a seed that never unchokes."""
    one = stage.neighbors[1001]
    one.has = {2}
    stage.start()
    meet_all(stage)
    interested(stage, 1001)
    link = stage.link(1001)
    link.say(wire.UNCHOKE)
    index = asked(stage, 1001)
    stage.require("RQ-04", index == 2, f"You asked 1001 for piece {index}; it told you piece 2 only.", 1001)  # fmt: skip
    stage.wait(MUST_SECONDS, lambda: not link.open)
    gone = not_interested(stage, 1001, "IN-05", "1001 has nothing more that you need, but you didn't say not interested.")  # fmt: skip
    one.has.add(9)
    one.serves = False  # who has it before it says interested needn't say so
    link.have(9)
    if gone:
        interested(stage, 1001, "IN-04", f"1001 told you by have a piece that you need, but you didn't say interested within {MUST_SECONDS:g} s.")  # fmt: skip
    came = stage.wait(MUST_SECONDS, lambda: bool(stage.seen("request", 1001, index=9)))
    stage.check("IN-07", *stage.last(1001), kept=came, because="1001, which has unchoked you, told you piece 9, but you didn't ask for it.")  # fmt: skip


@session("rechoke", "1001* 1002 >1003", (2, 1, 2), "RQ-01 RQ-06 FI-02 LG-02", seconds=4.0)
def rechoke(stage: Stage) -> None:
    """1001 unchokes, and chokes again without an answer; 1002 has it all already and serves."""
    stage.neighbors[1002].has = set(range(stage.plan.pieces))
    for one in stage.neighbors.values():
        one.speed = 50
    stage.start()
    meet_all(stage)
    interested(stage, 1001)
    stage.neighbors[1001].serves = False
    link = stage.link(1001)
    link.say(wire.UNCHOKE)
    lost = asked(stage, 1001)
    link.say(wire.CHOKE)
    watch(stage)
    stage.keep("RQ-01")
    stage.link(1002).say(wire.UNCHOKE)
    asked(stage, 1002)
    serve_all(
        stage,
        lambda: "RQ-06" if pieces_missing(stage) <= {lost} else "RQ-08",
        f"1001 choked you before it answered your request for piece {lost}; you never asked for it again, though 1002 has it and unchoked you.",
        pause=AGAIN_SECONDS,
        who=1002,
    )
    stage.keep("RQ-06")
    ends.file_is_right(stage, "FI-02")
    stage.mark("all complete")
    stage.wait(ends.END_SECONDS / 2, lambda: not stage.running)
    ends.log_is_right(stage)


def pieces_missing(stage: Stage) -> set[int]:
    """Pieces that were not given yet."""
    return set(range(stage.plan.pieces)) - pieces_given(stage)


@session("fragments", "1001* >1002", (1, 1, 2), "FR-04")
def fragments(stage: Stage) -> None:
    """The seed's first piece comes in parts of 97 bytes, the others whole."""
    seed = stage.neighbors[1001]
    stage.start()
    meet_all(stage)
    interested(stage, 1001)
    seed.serves = False
    link = stage.link(1001)
    link.say(wire.UNCHOKE)
    index = asked(stage, 1001)
    stage.run(link.put_slowly(link.piece(index, at_once=False), 97))
    stage.expect(
        "FR-04",
        MUST_SECONDS,
        lambda: index in link.has or bool(link.open),
        f"Piece {index} came in parts of 97 bytes; no have and no further request followed.",
        1001,
    )
    seed.serves = True
    for one in list(link.open):
        link.piece(one)
    serve_all(
        stage,
        "FR-04",
        f"After piece {index}, which came in parts of 97 bytes, your download didn't go on.",
        who=1001,
    )
    ends.file_is_right(stage, "FR-04")


@session("segment", "1001* >1002", (1, 1, 2), "FR-03")
def segment(stage: Stage) -> None:
    """The seed answers with handshake and bitfield in one segment."""
    seed = stage.neighbors[1001]
    seed.greets = seed.tells = False
    stage.start()
    stage.expect("CN-01", stage.up_seconds, lambda: seed.link is not None, "It didn't dial 1001.")
    link = stage.link(1001)
    if not stage.wait(1.5, lambda: seed.greeted):
        stage.require(
            "HS-02", kept=False, because="You dialled 1001, but sent no handshake.", who=1001
        )
    link.greeted = True
    link.note("handshake", sent=True, index=1001)
    link.put(wire.handshake(1001) + link.bitfield(set(seed.has)))
    interested(stage, 1001, "FR-03", "Handshake and bitfield came in one segment; you didn't say interested.")  # fmt: skip


@session(
    "crossing",
    "1001* 1002 >1003",
    (2, 1, 2),
    "RQ-11",
    pieces=23,
    seconds=4.0,
    watched=True,
    quick=False,
)
def crossing(stage: Stage) -> None:
    """1001's choke crosses a request, and its piece follows the choke."""
    seed = stage.neighbors[1001]
    stage.start()
    meet_all(stage)
    interested(stage, 1001)
    seed.serves = False
    link = stage.link(1001)
    link.say(wire.UNCHOKE)
    index = asked(stage, 1001)
    link.say(wire.CHOKE)
    link.piece(index)
    counted = stage.wait(MUST_SECONDS, lambda: index in link.has)
    seed.serves = True
    since = stage.now()
    link.say(wire.UNCHOKE)
    asked(stage, 1001)
    stage.wait(
        MUST_SECONDS, lambda: len(stage.seen("request", 1001, since=since)) >= stage.plan.pieces - 1
    )
    again = stage.seen("request", 1001, since=since, index=index)
    stage.check("RQ-11", *again, kept=counted and not again, because=f"Piece {index} arrived right behind a choke, as an answer to your request; you threw it away{' and asked for it again' if again else ''}.")  # fmt: skip


@session(
    "pair", "1001* 1002 >1003", (2, 1, 2), "RQ-09 RQ-10 RQ-05 RQ-08 FI-02", pieces=61, seconds=4.0
)
def pair(stage: Stage) -> None:
    """1001 and 1002 have it all, both unchoke at once and serve 40 pieces a second."""
    stage.neighbors[1002].has = set(range(stage.plan.pieces))
    for one in stage.neighbors.values():
        one.speed = 40
    stage.start()
    meet_all(stage)
    interested(stage, 1001)
    interested(stage, 1002)
    for who in stage.neighbors:
        stage.link(who).say(wire.UNCHOKE)
    serve_all(
        stage,
        "RQ-08",
        f"Both neighbors have unchoked you and have pieces that you need, but you stopped asking for {MUST_SECONDS:g} s.",
    )
    stage.keep("RQ-08")
    shares = {who: len(stage.seen("request", who)) for who in stage.neighbors}
    stage.check("RQ-10", kept=min(shares.values()) > 0, because=f"Both had unchoked you, but you asked one of them only: {shares}.")  # fmt: skip
    ends.file_is_right(stage, "FI-02")


@session(
    "third",
    "1001 1002 >1003 1004 1005*",
    (2, 1, 2),
    "RQ-12 SV-06 IN-08",
    pieces=23,
    seconds=6.0,
    quick=False,
)
def third(stage: Stage) -> None:
    """1001 has 0-9, 1002 has 5-15 and never unchokes, 1004 has 10-22; all fetch from the program what they lack."""
    shares = {1001: range(10), 1002: range(5, 16), 1004: range(10, 23)}
    for who, share in shares.items():
        one = stage.neighbors[who]
        one.has = set(share)
        one.speed = 5
        one.fetches = True
        one.fetch_speed = 4
    stage.start()
    meet_all(stage)
    interested(stage, 1001)
    interested(stage, 1004)
    for who in (1001, 1004):
        stage.link(who).say(wire.UNCHOKE)
        stage.neighbors[who].unchokes = True  # also on a new connection, where one is lost
    serve_all(
        stage,
        lambda: "RQ-12" if unasked(stage) else "RQ-08",
        lambda: stands_still(stage),
    )
    stage.keep("RQ-12")
    late = [who for who in shares if not not_wanted(stage, who)]
    stage.check("IN-08", *stage.last(late[0] if late else 1002), kept=not late, because=f"You have all that {', '.join(map(str, late))} told you, got from others, but didn't say not interested there.")  # fmt: skip
    stage.wait(4.0, lambda: bool(stage.seen("piece")))
    asked_for = [e for e in stage.record.events if e.sent and e.kind == "request"]
    if asked_for:
        stage.wait(2.5, lambda: bool(stage.seen("piece")))
        stage.check("SV-06", *asked_for[:2], kept=bool(stage.seen("piece")), because="You unchoked a neighbor that asked for pieces which you had just got, but sent none.")  # fmt: skip


ALONE = {1001: range(10), 1004: range(10, 23)}
"""Which pieces each of the two that unchoke had alone at first."""


def unasked(stage: Stage) -> int:
    """The neighbor that isn't asked, though it alone has what is missing; 0 if there is none."""
    missing = set(range(stage.plan.pieces)) - pieces_given(stage)
    for who, alone in ALONE.items():
        if missing & set(alone) and len(stage.seen("request", who)) <= 1:
            return who
    return 0


def stands_still(stage: Stage) -> str:
    """Why `third` didn't go on."""
    who = unasked(stage)
    if who:
        return f"{who} has unchoked you, and alone has the pieces {ALONE[who][0]} to {ALONE[who][-1]}, but you don't ask it for them."
    return f"1001 and 1004 have unchoked you and have pieces that you need, but you stopped asking for {MUST_SECONDS:g} s."


def not_wanted(stage: Stage, who: int) -> bool:
    """Whether the program says, in time, that it isn't interested there."""
    link = stage.link(who)
    return stage.wait(MUST_SECONDS, lambda: link.interest is not True)


@session("mute", "1001 1002* >1003 1004 1005", (2, 1, 2), "CN-03 CN-04 BF-06", seconds=4.0)
def mute(stage: Stage) -> None:
    """Nobody who has nothing says anything after the handshake; 1002 is a seed, and 1001 gets a piece later."""
    for who in (1001, 1004, 1005):
        stage.neighbors[who].tells = stage.neighbors[who].minds = False
    stage.start()
    meet(stage, 1001)
    seed = stage.neighbors[1002]
    stage.expect(
        "CN-03",
        5.0,
        lambda: seed.greeted,
        "1001 sent its handshake and, having nothing, no bitfield; you then didn't connect to 1002, the next in the list.",
        1001,
    )
    second = stage.neighbors[1005]
    meet(stage, 1004)
    stage.expect(
        "CN-04",
        5.0,
        lambda: second.greeted,
        "1004 sent its handshake and, having nothing, no bitfield; 1005, which came after it, got no handshake.",
        1005,
    )
    interested(stage, 1002)
    link = stage.link(1002)
    seed.serves = False
    link.say(wire.UNCHOKE)
    index = asked(stage, 1002)
    link.piece(index)
    others = (1001, 1004, 1005)
    stage.wait(MUST_SECONDS, lambda: all(stage.seen("have", who, index=index) for who in others))
    missed = [who for who in others if not stage.seen("have", who, index=index)]
    stage.check("BF-06", kept=not missed, because=f"{', '.join(map(str, missed))} skipped the bitfield, having nothing; no have for your piece {index} came there.")  # fmt: skip
    link.say(wire.CHOKE)
    _asked_without_bitfield(stage, 1001)


def _asked_without_bitfield(stage: Stage, who: int) -> None:
    """A neighbor that skipped the bitfield gets a piece: its have counts (BF-06)."""
    stage.run(0.1)  # the request that crosses our choke
    left = set(range(stage.plan.pieces)) - {e.index for e in stage.seen("request")}
    if not left:
        return  # it asks for everything at once, which RQ-03 says
    index = min(left)
    text = f"{who} skipped the bitfield, having nothing, and told you piece {index} by have when it got it; you didn't"
    stage.neighbors[who].gain([index])
    interested(stage, who, "BF-06", f"{text} say interested.")
    stage.link(who).say(wire.UNCHOKE)
    asked(stage, who, "BF-06", f"{text} ask for it when {who} unchoked you.")


@session("order", "1005* >1003 1001", (2, 1, 2), "CN-05", seconds=1.5, cap=True)
def order(stage: Stage) -> None:
    """The ids fall from line to line: 1005 is dialled, 1001 dials."""
    stage.start()
    above, below = stage.neighbors[1005], stage.neighbors[1001]
    stage.wait(stage.up_seconds, lambda: bool(above.links or below.links) or not stage.running)
    dialled = stage.wait(6.0, lambda: above.greeted)
    answered = dialled and stage.wait(6.0, lambda: below.greeted)
    because = "1005 stands above you in PeerInfo.cfg, but you didn't dial it."
    if dialled:
        because = "1001 stands below you in PeerInfo.cfg and dialled you, but got no handshake."
    stage.check("CN-05", kept=answered, because=because)


@session("ids", "70000* >7 5", (2, 1, 2), "CF-08", seconds=1.5, quick=False)
def ids(stage: Stage) -> None:
    """Ids of one digit, and above 65535."""
    stage.start()
    stage.wait(stage.up_seconds, lambda: any(one.links for one in stage.neighbors.values()) or not stage.running)  # fmt: skip
    came = stage.wait(6.0, lambda: stage.neighbors[70000].greeted and stage.neighbors[5].greeted)
    wrong = [e for e in stage.seen("handshake") if e.index != 7] or stage.seen("bytes")
    if wrong or came:
        stage.check("CF-08", *wrong[:1], kept=not wrong, because="With the id 7 your handshake isn't right.")  # fmt: skip
        interested(stage, 70000, "CF-08", "70000 greeted you and told its pieces; you didn't say interested.")  # fmt: skip
    else:
        some = stage.neighbors[70000].greeted or stage.neighbors[5].greeted
        case = "CN-05" if some else "CF-08"
        stage.require(case, kept=False, because="With the ids 70000, 7 and 5, no handshake came.")


@session("end-eof", "1001* >1002", (1, 1, 2), "EN-05 EN-06", seconds=3.0, ends=True, quick=False)
def end_eof(stage: Stage) -> None:
    """The seed closes as soon as the program has told its last piece."""
    stage.start()
    meet_all(stage)
    interested(stage, 1001)
    link = stage.link(1001)
    link.say(wire.UNCHOKE)
    serve_all(
        stage,
        "RQ-08",
        f"1001 had unchoked you, but you stopped asking for {MUST_SECONDS:g} s.",
        who=1001,
    )
    stage.wait(MUST_SECONDS, lambda: complete(stage, 1001) or link.eof)
    if link.eof:  # it may end at once, but not with its last words unsaid
        stage.check("EN-05", *stage.last(1001), kept=complete(stage, 1001), because="You ended when you had the last piece, but no have for it came to 1001, which waits for it to know that all are complete.")  # fmt: skip
    stage.require(
        "HV-04", link.eof or complete(stage, 1001), "1001 wasn't told all your pieces.", 1001
    )
    link.finish()
    stage.expect("EN-06", ends.LATE_SECONDS, lambda: not stage.running, "All were complete and 1001 had closed, but your program went on running.", 1001)  # fmt: skip


@session(
    "big-fetch",
    "1001* >1002",
    (1, 1, 2),
    "FR-09",
    pieces=2,
    piece_size=1 << 20,
    last=1_000_000,
    quick=False,
    special="FR-09",
)
def big_fetch(stage: Stage) -> None:
    """The program fetches two pieces of 1 MiB."""
    stage.start()
    meet_all(stage)
    interested(stage, 1001)
    link = stage.link(1001)
    link.say(wire.UNCHOKE)
    asked(stage, 1001)
    stage.expect(
        "FR-09",
        8.0,
        lambda: len(pieces_given(stage)) == stage.plan.pieces,
        "A piece of 1 MiB was sent to you; you didn't ask for the next one.",
        1001,
    )
    ends.file_is_right(stage, "FR-09")

"""Sessions in which a played peer does something odd; what they find are warnings (rule 1)."""

from __future__ import annotations

from probe.conversation import wire
from probe.conversation.link import Link
from probe.conversation.stage import Stage
from probe.logs import events_of, read_log
from probe.registry import session
from probe.sessions import ends
from probe.sessions.steps import (
    MESSAGE_SECONDS,
    MUST_SECONDS,
    asked,
    interested,
    meet_all,
    messages_since,
    serve_all,
)


def _goes_on(stage: Stage, case: str, oddity: str) -> None:
    """After an oddity: unchoked, it asks, and counts what it gets."""
    link = stage.link(1001)
    stage.neighbors[1001].serves = False
    link.say(wire.UNCHOKE)
    index = asked(
        stage, 1001, case, f"After {oddity} 1001 unchoked you, but you asked for nothing."
    )
    stage.neighbors[1001].serves = True
    since = stage.now()
    link.piece(index)
    stage.expect(
        case,
        MUST_SECONDS,
        lambda: index in link.has or bool(stage.seen("request", 1001, since=since)),
        f"After {oddity} you asked for piece {index}; when it came, neither a have nor a request followed.",
        1001,
    )


def _begin(stage: Stage) -> Link:
    stage.start()
    meet_all(stage)
    interested(stage, 1001)
    return stage.link(1001)


@session("odd-type", "1001* >1002", (1, 1, 2), "RB-02", lawful=False, quick=False)
def odd_type(stage: Stage) -> None:
    """The seed sends a message of type 8."""
    link = _begin(stage)
    link.note("type 8", sent=True)
    link.put(wire.frame(8, b"\0\0\0\1"))
    stage.run(0.1)
    _goes_on(stage, "RB-02", "a message of type 8")


@session("odd-unasked", "1001* >1002", (1, 1, 2), "RB-03", lawful=False, quick=False, ends=True)
def odd_unasked(stage: Stage) -> None:
    """The seed sends a piece that nobody asked for, twice, then serves all."""
    link = _begin(stage)
    for _ in range(2):
        link.piece(5)
        stage.run(0.15)
    link.say(wire.UNCHOKE)
    serve_all(
        stage,
        "RB-03",
        "After a piece that you hadn't asked for, your download didn't go on.",
        who=1001,
    )
    stage.wait(ends.END_SECONDS / 2, lambda: not stage.running)
    path = stage.folder.find_log()
    if path is None:
        return
    lines, _ = events_of(read_log(path))
    twice = [one.text for one in lines if one.kind == "has downloaded the piece" and one.piece == 5]
    if len(twice) > 1:
        stage.blame("RB-03", f"Piece 5 came {len(twice)} times and is logged as downloaded {len(twice)} times.", lines=tuple(twice[:3]))  # fmt: skip
    else:
        stage.keep("RB-03")


@session("odd-zero", "1001 >1002 1003*", (2, 1, 2), "BF-07", lawful=False, quick=False)
def odd_zero(stage: Stage) -> None:
    """1001 has nothing and says so by a bitfield of zeros; then it gets pieces."""
    stage.start()
    meet_all(stage)
    stage.run(0.4)
    one = stage.neighbors[1001]
    link = stage.link(1001)
    said = stage.seen("interested", 1001)
    stage.require("BF-07", not said, "1001 sent a bitfield of zeros, and you said that you are interested.", 1001)  # fmt: skip
    one.has |= {1, 2}
    link.have(1)
    link.have(2)
    interested(stage, 1001, "BF-07", "After a bitfield of zeros 1001 told you two pieces; you didn't say interested.")  # fmt: skip
    _goes_on(stage, "BF-07", "a bitfield of zeros")


@session("odd-second", "1001* >1002", (1, 1, 2), "RB-07", lawful=False, quick=False)
def odd_second(stage: Stage) -> None:
    """The seed sends its bitfield twice."""
    link = _begin(stage)
    link.announce(set(stage.neighbors[1001].has))
    stage.run(0.2)
    _goes_on(stage, "RB-07", "a second bitfield")


@session("odd-have-first", "1001* >1002", (1, 1, 2), "BF-08", lawful=False, quick=False)
def odd_have_first(stage: Stage) -> None:
    """1001 tells piece 4 by a have before its bitfield, which leaves it out."""
    one = stage.neighbors[1001]
    one.tells = False
    stage.start()
    meet_all(stage)
    link = stage.link(1001)
    stage.run(0.1)
    link.have(4)
    stage.run(0.1)
    link.announce(set(range(stage.plan.pieces)) - {4})
    interested(stage, 1001)
    link.say(wire.UNCHOKE)
    serve_all(
        stage,
        "BF-08",
        "1001 told you piece 4 by a have before its bitfield; you never asked for it.",
        who=1001,
    )
    stage.keep("BF-08")


@session("odd-repeats", "1001* >1002", (1, 1, 2), "RB-07", lawful=False, quick=False)
def odd_repeats(stage: Stage) -> None:
    """The seed says choke, not interested, have, unchoke twice or more."""
    link = _begin(stage)
    link.say(wire.CHOKE)
    link.say(wire.CHOKE)
    link.say(wire.NOT_INTERESTED)
    link.say(wire.NOT_INTERESTED)
    for _ in range(3):
        link.have(3)
    link.say(wire.UNCHOKE)
    link.say(wire.UNCHOKE)
    serve_all(
        stage,
        "RB-07",
        "1001 said choke, not interested, have and unchoke more than once; your download didn't get complete.",
        pause=MUST_SECONDS + 9 * MESSAGE_SECONDS,
        who=1001,
    )
    stage.keep("RB-07")


@session("drop", "1001* 1002 >1003", (2, 1, 2), "RB-04", lawful=False, quick=False, seconds=3.0)
def drop(stage: Stage) -> None:
    """1001 resets its connection in the middle of a piece; 1002 has it all already."""
    second = stage.neighbors[1002]
    second.has = set(range(stage.plan.pieces))
    first = stage.neighbors[1001]
    first.serves = False
    stage.start()
    meet_all(stage)
    interested(stage, 1001)
    link = stage.link(1001)
    link.say(wire.UNCHOKE)
    index = asked(stage, 1001)
    data = link.piece(index, at_once=False)
    link.put(data[: len(data) // 2])
    stage.run(0.2)
    link.reset()
    stage.run(0.2)
    stage.link(1002).say(wire.UNCHOKE)
    serve_all(
        stage,
        "RB-04",
        f"1001 was reset in the middle of piece {index}; 1002 has all pieces and unchoked you, but you didn't get complete.",
        by=1002,
        who=1002,
    )
    stage.keep("RB-04")


@session("wrong-id", "1001* >1002", (1, 1, 2), "HS-06", watched=False, quick=False)
def wrong_id(stage: Stage) -> None:
    """1001 answers as 1009, a peer that isn't listed."""
    refuse(stage, "HS-06", (1009, wire.HEADER), "1001, which you dialled, answered as 1009; it is another peer, but you went on.")  # fmt: skip


@session(
    "wrong-header-dialled",
    "1001* >1002",
    (1, 1, 2),
    "HS-08",
    watched=False,
    lawful=False,
    quick=False,
)
def wrong_header_dialled(stage: Stage) -> None:
    """1001 answers with another header."""
    refuse(stage, "HS-08", (1001, b"P2PFILESHARINGPROX"), "1001, which you dialled, answered with the header P2PFILESHARINGPROX, but you went on.")  # fmt: skip


def refuse(stage: Stage, case: str, greeting: tuple[int, bytes], because: str) -> None:
    """The dialled peer's answer must be refused: nothing is said after it."""
    one = stage.neighbors[1001]
    one.greets = one.tells = one.minds = False
    one.greeting = greeting
    stage.start()
    stage.expect("CN-01", stage.up_seconds, lambda: one.link is not None, "It didn't dial 1001.")
    link = stage.link(1001)
    stage.run(1.0, lambda: one.greeted)
    stage.run(0.3)
    one.greet(link)
    stage.run(0.15)
    since = stage.now()
    link.announce(set(one.has))
    stage.run(1.0)
    said = messages_since(stage, 1001, since)
    stage.check(case, *said[:2], kept=not said, because=because)


@session("late", "1001* >1002", (1, 1, 2), "CN-07", seconds=7.0, lawful=False, quick=False)
def late(stage: Stage) -> None:
    """1001 only listens 4 s after the program's start."""
    one = stage.neighbors[1001]
    one.listens = False
    stage.start()
    stage.run(4.0)
    one.listen()
    stage.wait(10.0, lambda: one.greeted)
    because = (
        "1001 wasn't up when you started, and you didn't dial it again until 10 s after it was."
    )
    stage.check("CN-07", kept=one.greeted, because=because + ("" if stage.running else " Your program had ended."))  # fmt: skip

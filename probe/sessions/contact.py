"""The first two sessions: is it up, and what are its first bytes? (ST, HS-01, HS-02, FR-01, BF-01)"""

from __future__ import annotations

from probe import diagnosis
from probe.conversation import wire
from probe.conversation.link import Link
from probe.conversation.stage import Stage, how_ended
from probe.model import Finding, Outcome
from probe.program.program import listening_ports
from probe.program.words import meaning
from probe.registry import session
from probe.sessions.steps import comes_up, give_up

_HOLD = 0.4
"""Seconds that we wait with our handshake, to see who speaks first."""
_NOT_FOUND = 127
"""The exit status of a command that could not be started."""


@session(
    "contact-seed",
    ">1001* 1002 1003 1004 1005 1006",
    (2, 1, 2),
    "ST-01 ST-03 ST-04 HS-01 HS-10 FR-01 BF-01",
    seconds=9.0,
)
def contact_seed(stage: Stage) -> None:
    """1002 dials the seed, waits a moment, greets, and reads its first bytes."""
    one = stage.neighbors[1002]
    one.greets = one.tells = False
    stage.start()
    comes_up(stage, lambda: one.here)
    if one.link is None:
        not_up(stage)
    stage.keep("ST-01")
    link = stage.link(1002)
    first = stage.run(_HOLD, lambda: bool(link.reader.raw))
    one.greet(link)
    stage.wait(4.0, lambda: settled(stage, link) or link.eof or bool(link.garbled))
    stage.run(0.1)
    if link.greeted_by is not None and not settled(stage, link) and not link.eof:
        after_ours(stage, link)
    judge(stage, link, first=first)
    stage.check(
        "ST-03",
        kept=stage.folder.data_place == "peer_{id}",
        because=f"The file wasn't found in peer_1001/; with the file in {stage.folder.data_place.replace('{id}', '1001')}/ it works.",
    )


@session(
    "contact-leecher",
    "1001* >1002 1003 1004 1005 1006",
    (2, 1, 2),
    "CN-01 HS-01 HS-02 FR-01",
    seconds=9.0,
)
def contact_leecher(stage: Stage) -> None:
    """The program dials 1001, which is silent at first, then greets, tells its pieces, and reads the first bytes."""
    one = stage.neighbors[1001]
    one.greets = one.tells = False
    stage.start()
    comes_up(stage, lambda: one.here)
    if one.link is None and not stage.running:
        not_up(stage)
    stage.require(
        "CN-01",
        one.link is not None,
        f"You didn't dial 1001, which is listed before you, within {stage.up_seconds:g} s.",
    )
    link = stage.link(1001)
    alone = stage.run(1.5 * stage.patience, lambda: bool(link.reader.raw) or link.eof)
    stage.run(0.1)
    one.greet(link)
    stage.wait(2.5, lambda: link.reader.handshake is not None or bool(link.garbled) or link.eof)
    stage.run(0.1)
    if not link.eof:
        link.announce(set(one.has))
        stage.wait(1.0, lambda: settled(stage, link) or link.eof)
    judge(stage, link, first=alone)
    stage.check(
        "HS-02",
        *stage.last(1001),
        kept=alone,
        because="You dialled 1001, but your handshake only came after 1001 had sent its own.",
    )


def after_ours(stage: Stage, link: Link) -> None:
    """Whether the seed only waits for our bitfield, which a peer without pieces may skip (BF-06)."""
    link.announce(set())
    if stage.wait(1.5, lambda: bool(link.has)):
        bits = stage.seen("bitfield", link.neighbor.peer_id)
        stage.blame("BF-06", f"{link.neighbor.peer_id} has nothing and sent no bitfield; your own only came when it had sent one of zeros.", *bits[:1])  # fmt: skip


def settled(stage: Stage, link: Link) -> bool:
    """Whether enough has come to tell what is spoken."""
    opening = {"connection", "handshake"}
    return any(
        e.link == link.number and not e.sent and e.kind not in opening for e in stage.record.events
    )


def judge(stage: Stage, link: Link, *, first: bool) -> None:
    """Name the dialect, or keep the cases on the first bytes."""
    raw = bytes(link.reader.raw)
    plan = stage.plan
    found = diagnosis.classify(raw, plan.you, plan.pieces)
    if found is None and not plan.seed and not first and raw:
        found = diagnosis.WAITS
    if found:
        stage.record.marks["diagnosis"] = 1.0
        stage.blame(
            found.case,
            found.sentence,
            lines=diagnosis.comparison(found, raw, plan.you, plan.pieces, seed=plan.seed),
            spine=True,
        )
        give_up(found.case)
    who = link.neighbor.peer_id
    if link.greeted_by is None:
        not_greeted(stage, link, raw)
    stage.keep("HS-01")
    if any(stage.seen(kind, who) for kind in wire.NAMES):
        stage.keep("FR-01")
    stage.tell(
        "HS-10",
        "It greets at once." if first else "It greets when it has been greeted.",
        Outcome.TOLD,
    )
    if plan.seed:
        judge_bitfield(stage, who)


def not_greeted(stage: Stage, link: Link, raw: bytes) -> None:
    """No handshake came: it can't read ours, answers elsewhere, or says nothing."""
    who = link.neighbor.peer_id
    stage.record.marks["diagnosis"] = 1.0
    if not raw and (other := diagnosis.of_words(last_words(stage))):
        lines = ("you sent    nothing", f"it printed  {other[1]}")
        stage.blame(other[0].case, other[0].sentence, lines=lines, spine=True)
        give_up(other[0].case)
    if any(one.greeted_by is not None for one in stage.neighbors[who].links):
        text = f"You don't answer on the connection that {who} made, but make another one to {who} and send your handshake there. One connection serves both directions."
        stage.blame("CN-02", text, lines=(f"you sent    your handshake on a connection that you made to {who}",), spine=True)  # fmt: skip
        give_up("CN-02")
    closed = " You closed it." if link.eof else ""
    text = f"You have a connection with {who}, but send no handshake on it.{closed}{other_ports(stage)}"
    said = last_words(stage)
    stage.blame("HS-01", f"{text} {meaning(said)}".rstrip(), lines=said, spine=True)
    give_up("HS-01")


def judge_bitfield(stage: Stage, who: int) -> None:
    """BF-01: a seed's bitfield names all pieces, highest bit first."""
    plan = stage.plan
    bits = stage.seen("bitfield", who)
    wanted = wire.bits_of(set(range(plan.pieces)), plan.pieces)
    because = diagnosis.about_bitfield(bits, wanted, plan.pieces)
    if diagnosis.is_lowest_first(bits, wanted):
        stage.record.findings.append(
            Finding("BF-01", plan.name, Outcome.BROKEN, because, (bits[0],), cause="lowest-bit")
        )
        return
    kept = bool(bits) and wire.pieces_of(bits[0].data) >= set(range(plan.pieces))
    stage.check("BF-01", *bits[:1], kept=kept, because=because)


def not_up(stage: Stage) -> None:
    """ST-01: quote its last words, its ports, the files that it looked for."""
    assert stage.program
    if stage.running:
        ports = listening_ports(stage.program.pid)
        where = " You listen on no port that can be seen."
        if ports:
            stage.record.marks["up"] = 1.0
            where = f" You listen on {', '.join(map(str, ports))} instead."
        if not ports:
            where += " If it takes longer to start, say so with --patience."
        if stage.port in ports:
            where = f" You listen on that port, but not on the address of {stage.settings.host}. Listen on all addresses, or name its own with --host."
        because = f"Nobody accepts connections on port {stage.port}, which PeerInfo.cfg gives you, {stage.now():.0f} s after the start.{where}"
    else:
        status = stage.program.poll()
        because = f"The program ended {how_ended(status)} after {stage.record.ended_at or 0:.1f} s, before the probe could connect to it."
        if status == _NOT_FOUND:
            because += " With this status a shell says that there is no such command: is it spelt right, and installed?"
    lines = last_words(stage)
    because = f"{because} {meaning(lines)}".rstrip()
    stage.blame("ST-01", because, lines=lines, spine=True)
    stage.record.marks["diagnosis"] = 1.0
    give_up("ST-01")


def other_ports(stage: Stage) -> str:
    """Ports beside its own on which the program listens, as a sentence."""
    assert stage.program
    others = [one for one in listening_ports(stage.program.pid) if one != stage.port]
    if not others:
        return ""
    return f" You also listen on {', '.join(map(str, others))}: each peer has one port, and one connection with each other peer."


def last_words(stage: Stage) -> tuple[str, ...]:
    """What the program printed last, its stack trace if there is one."""
    assert stage.program
    lines = stage.program.traceback() or stage.program.last_words()
    return tuple(lines) or ("(it printed nothing)",)

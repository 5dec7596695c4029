"""Steps that many conversations have in common; each gets stuck at the case that it asks about."""

from __future__ import annotations

from collections.abc import Callable

from probe.conversation import wire
from probe.conversation.link import Link
from probe.conversation.stage import Stage, Stuck
from probe.model import Event
from probe.program.program import cpu_seconds

BUSY_SECONDS = 40.0
ANSWER_SECONDS = 4.0
MUST_SECONDS = 3.0
"""What must come is waited for that long (times the patience)."""
MESSAGE_SECONDS = 0.4
"""So long a program may take for each message: some look for one at a time, and then sleep."""
MUST_NOT_SECONDS = 0.8
"""What must not come is watched for that long."""


def comes_up(stage: Stage, until: Callable[[], bool]) -> bool:
    """Wait for the first connection; longer while the program works hard, as it may still be starting."""
    up = stage.wait(stage.up_seconds, lambda: until() or not stage.running)
    while not up and stage.now() < BUSY_SECONDS:
        assert stage.program
        before = cpu_seconds(stage.program.pid)
        up = stage.run(2.0, lambda: until() or not stage.running)
        if cpu_seconds(stage.program.pid) - before < 0.2:
            break
    return until()


def meet(stage: Stage, who: int) -> Link:
    """Wait for a connection with a played peer, and for the program's handshake on it."""
    neighbor, special = stage.neighbors[who], stage.plan.special
    others = [one for one in stage.neighbors.values() if one is not neighbor and one.links]
    if neighbor.is_successor:
        stage.expect(
            special or ("ST-02" if others else "ST-01"),
            stage.up_seconds,
            lambda: neighbor.here,
            f"It didn't accept a connection of {who} on port {stage.port} within {stage.up_seconds:g} s.",
        )
    else:
        came = stage.wait(stage.up_seconds, lambda: neighbor.here or not stage.running)
        because = f"You ({stage.plan.you}) didn't dial {who}, which is listed before you, within {stage.up_seconds:g} s."
        stage.require(special or ended_at_once(stage) or "CN-01", came and neighbor.here, because)
    link = stage.link(who)
    came = stage.wait(ANSWER_SECONDS, lambda: neighbor.greeted or not stage.running)
    because = f"No handshake came to {who} within {ANSWER_SECONDS:g} s of the connection"
    because += " (it was closed)." if link.eof else "."
    case = special or "HS-07"
    earlier = [one for one in others if one.is_successor and one.greeted]
    if neighbor.is_successor and earlier and not link.eof and not special:
        case = "ST-02"
        because += f" {earlier[0].peer_id}, which came before it, got one."
    stage.require(case, came and neighbor.greeted, because, who)
    return stage.link(who)


def ended_at_once(stage: Stage) -> str:
    """ST-01 where the program ended before it had a connection with anybody, or nothing."""
    alone = not any(one.links for one in stage.neighbors.values())
    return "ST-01" if alone and not stage.running else ""


def meet_all(stage: Stage) -> None:
    """Everybody is connected: predecessors first, as they come first (rule 7)."""
    for who in [*stage.plan.predecessors, *stage.plan.successors]:
        meet(stage, who)
    stage.mark("all here")


def told(stage: Stage, who: int) -> Link:
    """The program's bitfield came; only a seed must send one."""
    link = stage.link(who)
    stage.expect(
        "BF-01",
        MUST_SECONDS,
        lambda: bool(link.has),
        f"You have the file, but no bitfield came to {who} within {MUST_SECONDS:g} s of the handshakes.",
        who,
    )
    return link


def full(stage: Stage, who: int, case: str) -> None:
    """The program's bitfield names all pieces, in a session about something else."""
    link = stage.link(who)
    stage.expect(
        case,
        MUST_SECONDS,
        lambda: link.has == set(range(stage.plan.pieces)),
        f"A bitfield with all {stage.plan.pieces} pieces didn't come to {who}.",
        who,
    )


def interested(stage: Stage, who: int, case: str = "IN-01", because: str = "") -> None:
    """The program says interested."""
    link = stage.link(who)
    stage.expect(
        case,
        MUST_SECONDS,
        lambda: link.interest is True,
        because
        or f"{who} told you pieces that you need, but you didn't say interested within {MUST_SECONDS:g} s.",
        who,
    )


def not_interested(stage: Stage, who: int, case: str, because: str) -> bool:
    """The program says not interested, had never said interested, or is complete and closes, which says no less."""
    link = stage.link(who)
    so = stage.wait(MUST_SECONDS, lambda: link.interest is not True or link.closed or link.eof)
    if link.eof and stage.running and complete(stage, who):
        return stage.check(case, kept=True, because="")
    if link.interest is True and not stage.running and not any(e.kind == "not interested" for e in stage.last(who, 3)):  # fmt: skip
        because += " The program had ended."
    return stage.check(
        case, *stage.last(who), kept=so and link.interest is not True, because=because
    )


def unchoked(
    stage: Stage, who: int, case: str = "CH-01", seconds: float = 0.0, because: str = ""
) -> None:
    """The program unchokes a played peer that is interested."""
    link = stage.link(who)
    stage.wait(1.0, lambda: link.interested)
    seconds = seconds or 2 * stage.plan.p + 1.5
    stage.expect(
        case,
        seconds,
        lambda: not link.choked_by,
        because
        or f"{who} is interested and there is a place for it, but no unchoke came within {seconds:g} s.",
        who,
    )


def asked(
    stage: Stage, who: int, case: str = "RQ-02", because: str = "", seconds: float = MUST_SECONDS
) -> int:
    """The program asks a played peer for a piece; its index."""
    link = stage.link(who)
    stage.expect(
        case,
        seconds,
        lambda: bool(stage.seen("request", who, since=link.unchoked_at)),
        because
        or f"{who} unchoked you and has pieces that you need, but you didn't ask for one within {seconds:g} s.",
        who,
    )
    return stage.seen("request", who, since=link.unchoked_at)[0].index or 0


def got(stage: Stage, who: int, index: int, case: str = "SV-02", seconds: float = 2.5) -> Event:
    """Ask for a piece while unchoked; the piece."""
    link = stage.link(who)
    found: list[Event] = []
    for _ in range(3):
        if link.eof:
            link = come_back(stage, who)
        if link.choked_by:
            unchoked(stage, who)
        found = _answer(stage, link, index, seconds)
        if found or not (link.choked_by or link.eof):
            break
    stage.require(
        case,
        bool(found),
        f"{who}, which you had unchoked, asked for piece {index}; no answer came within {seconds:g} s.",
        who,
    )
    return found[0]


def come_back(stage: Stage, who: int) -> Link:
    """A connection was lost, which is no fault by itself: wait for the next one."""
    neighbor = stage.neighbors[who]
    stage.wait(MUST_SECONDS, lambda: neighbor.link is not None and not neighbor.link.eof and bool(neighbor.link.has))  # fmt: skip
    return stage.link(who)


def _answer(stage: Stage, link: Link, index: int, seconds: float) -> list[Event]:
    """Ask once; the piece, or nothing where it was choked, closed, or too slow."""
    who, since = link.neighbor.peer_id, stage.now()
    link.ask(index)

    def came() -> bool:
        return bool(stage.seen("piece", who, since=since, index=index))

    stage.wait(seconds, lambda: came() or link.choked_by or link.eof or not stage.running)
    return stage.seen("piece", who, since=since, index=index)


def fetch_all(stage: Stage, who: int, order: list[int]) -> None:
    """Fetch these pieces one after the other, as an unchoked neighbor does."""
    for index in order:
        got(stage, who, index)


def pieces_given(stage: Stage, by: int = 0) -> set[int]:
    """Pieces that the program was sent so far, by anybody or by one neighbor."""
    return {
        e.index
        for e in stage.record.events
        if e.sent and e.kind == "piece" and e.index is not None and by in (0, e.who)
    }


def serve_all(
    stage: Stage,
    case: str | Callable[[], str],
    because: str | Callable[[], str],
    *,
    by: int = 0,
    pause: float = MUST_SECONDS,
    who: int = 0,
) -> None:
    """Let the neighbors serve until all pieces are given, by anybody or one; stuck when nothing moves for a while."""

    def done() -> bool:
        return len(pieces_given(stage, by)) == stage.plan.pieces

    while not done():
        moved = _moves(stage, done, pause)
        if not moved or not stage.running:
            found = case if isinstance(case, str) else case()
            stage.require(found, done(), because if isinstance(because, str) else because(), who)


def _moves(stage: Stage, done: Callable[[], bool], pause: float) -> bool:
    """Whether anything happens in a while."""
    before = len(stage.record.events)
    return stage.wait(
        pause, lambda: done() or len(stage.record.events) > before or not stage.running
    )


def complete(stage: Stage, who: int) -> bool:
    """Whether the program told a neighbor all pieces."""
    link = stage.neighbors[who].link
    return link is not None and link.has >= set(range(stage.plan.pieces))


def have_to(stage: Stage, who: int, index: int) -> bool:
    """Whether the program told a neighbor one piece."""
    return bool(stage.seen("have", who, index=index)) or index in stage.link(who).has


def watch(stage: Stage, seconds: float = MUST_NOT_SECONDS) -> None:
    """Turn the loop, for what must not come."""
    stage.run(seconds)


def messages_since(stage: Stage, who: int, since: float) -> list[Event]:
    """What the program said to somebody after a moment, without handshakes and ends."""
    return [
        e
        for e in stage.record.events
        if e.who == who and not e.sent and e.at > since and (e.kind in wire.NAMES or e.kind.startswith("type"))
    ]  # fmt: skip


def give_up(case: str) -> None:
    """The rest of the session makes no sense."""
    raise Stuck(case)

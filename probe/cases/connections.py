"""CN and HS: who dials whom, and how a connection opens (spec 2)."""

from __future__ import annotations

from probe.conversation import wire
from probe.conversation.walk import walk
from probe.model import Case, Finding, Outcome, Record
from probe.registry import EXPLAINS, cases, watch

cases(
    Case(
        "CN-01", "F", "2.1", "It dials its predecessor in PeerInfo.cfg within 15 s of its start.",
        "Only peers without the file dial, or dialling waits for something that comes later. Dial all that are listed before you when you start.",
    ),
    Case(
        "CN-02", "F", "2.1", "It makes one connection to each predecessor, and none to successors.",
        "The whole list is dialled, or only its first line. Dial those above your own line; those below dial you.",
    ),
    Case(
        "CN-03", "F", "2.1, 3.3", "A predecessor that has nothing and so says nothing doesn't keep it from dialling the next.",
        "After the handshake the bitfield is awaited, in the loop that dials. A peer without pieces may skip it, so it may never come: read each connection in its own thread, by message type.",
    ),
    Case(
        "CN-04", "F", "2.1, 3.3", "A successor that has nothing and so says nothing doesn't keep it from accepting the next.",
        "Handshake and bitfield are read in the loop that accepts. Give each connection to a thread of its own right after accept.",
        needs=("CN-03", "ST-02"),
    ),
    Case(
        "CN-05", "W", "1.3, 2.1", "The order of the lines in PeerInfo.cfg decides who dials, not the ids.",
        "if (id < myId) dial. Compare positions in the file.",
    ),
    Case(
        "CN-06", "F", "2.1", "A seed that is listed last dials all others.",
        "A peer that has the file only listens. Dialling has nothing to do with having.",
    ),
    Case(
        "CN-07", "W", "2.5", "It dials again until a predecessor that starts later is up.",
        "One attempt, then a stack trace. Try again after a short pause.",
    ),
    Case(
        "HS-01", "F", "2.2", "The handshake is P2PFILESHARINGPROJ, ten zero bytes and the id in four bytes.",
        "An object stream is sent, or zeros and id are written as digits. Write 32 bytes: 18 of text, 10 bytes of value 0, the id as a 4-byte integer.",
    ),
    Case(
        "HS-02", "F", "2.2", "The end that dials sends its handshake without waiting for the other's.",
        "Both ends wait for the other. Send the handshake right after connecting.",
    ),
    Case(
        "HS-03", "F", "2.2", "A handshake that arrives byte by byte is understood.",
        "One read is taken for the whole. Read until 32 bytes are there (readFully, recv in a loop).",
        needs=("HS-07", "CH-01"),
    ),
    Case(
        "HS-04", "F", "2.3", "After a wrong header it sends no message.",
        "The 18 bytes are not compared.",
        needs=("CH-01",),
    ),
    Case(
        "HS-05", "W", "2.4", "After an id that isn't listed it sends no message.",
        "Any id is accepted. Look it up in PeerInfo.cfg.",
        needs=("CH-01",),
    ),
    Case(
        "HS-06", "F", "2.3", "It sends no message to a peer that answers with another id than the one it dialled.",
        "The id in the answer is not compared with the one that was dialled.",
    ),
    Case(
        "HS-07", "F", "2.2", "A handshake comes back within 4 s.",
        "The handshake is sent by one side only. Both sides send one.",
    ),
    Case(
        "HS-08", "F", "2.3", "It sends no message when the peer that it dialled answers with another header.",
        "The 18 bytes of the answer are not compared.",
    ),
    Case(
        "HS-09", "F", "2.2", "Nothing but messages follows the 32 bytes of the handshake.",
        "A line end or padding is sent behind it (println). Send exactly 32 bytes.",
    ),
    Case("HS-10", "i", "2.2", "Who speaks first on a connection.", "Both orders are allowed."),
)  # fmt: skip

EXPLAINS |= {
    "CN-02": ("CN-03",),
    "CN-03": ("CN-04", "BF-06", "BF-08", "HS-07", "RB-06"),
    "CN-05": ("CF-08",),
    "HS-09": ("FR-01", "BF-01", "IN-01"),
    "HS-01": ("CF-08", "HS-07"),
}


@watch("CN-02")
def one_connection_each(record: Record) -> Finding | None:
    """No dial to a successor, no second connection beside an open one."""
    plan, name = record.plan, record.plan.name
    opened: dict[int, int] = {}
    seen = False
    for event, _, world in walk(record):
        if event.kind != "connection" or event.sent:
            continue
        if event.who in plan.successors:
            because = f"You dialled {event.who}, which is listed after you ({plan.you}) and dials you itself."
            return Finding("CN-02", name, Outcome.BROKEN, because, (event,))
        seen = True
        before = opened.get(event.who)
        if before is not None and world.sides[before].closed_at is None:
            because = f"You made a second connection to {event.who} while the first was open."
            return Finding("CN-02", name, Outcome.BROKEN, because, (event,))
        opened[event.who] = event.link
    return Finding("CN-02", name, Outcome.KEPT) if seen else None


@watch("HS-09", "HS-01")
def only_the_handshake(record: Record) -> Finding | None:
    """What follows the handshake is a message; the handshake is the program's own."""
    you, name = record.plan.you, record.plan.name
    kept = None
    for event in record.events:
        if event.sent:
            continue
        if event.kind == "handshake" and event.data != wire.handshake(you):
            said = (
                f"id {event.index}"
                if event.index != you
                else f"{event.data[18:28].hex(' ')} where ten zero bytes belong"
            )
            case = "CF-08" if name == "ids" else "HS-01"
            return Finding(
                case, name, Outcome.BROKEN, f"Your handshake says {said}; you are {you}.", (event,)
            )
        if event.kind == "bytes":
            shown = event.data[:16].hex(" ")
            because = f"After your handshake, or a message, came {shown}: {event.note}."
            case = "HS-09" if _first(record, event.link) else "FR-02"
            return Finding(case, name, Outcome.BROKEN, because, (event,))
        if event.kind not in {"connection", "handshake"}:
            kept = Finding("HS-09", name, Outcome.KEPT)
    return kept


def _first(record: Record, link: int) -> bool:
    """Whether unreadable bytes came right behind a handshake."""
    kinds = [
        e.kind for e in record.events if e.link == link and not e.sent and e.kind != "connection"
    ]
    return kinds.index("bytes") <= 1

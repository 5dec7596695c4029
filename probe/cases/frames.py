"""FR and BF: the form of messages and bitfields (spec 3)."""

from __future__ import annotations

from probe.conversation import wire
from probe.conversation.walk import walk
from probe.model import Case, Finding, Outcome, Record
from probe.registry import EXPLAINS, REFUTED_BY, cases, watch

cases(
    Case(
        "FR-01", "F", "3.1", "A message is a 4-byte length (type and payload, most significant byte first), a type byte, the payload.",
        "The length leaves out the type byte, the bytes are in the other order, or the type is a digit's character.",
    ),
    Case(
        "FR-02", "F", "3.1, 3.2", "Each message's length fits its type.",
        "A payload where there is none (choke, unchoke, interested, not interested), or an index that isn't 4 bytes.",
    ),
    Case(
        "FR-03", "F", "3.1", "A bitfield that arrives together with the handshake is read.",
        "The handshake is read with one large read, and what follows it in the buffer is thrown away. Read exactly 32 bytes, or keep the rest.",
        needs=("IN-01",),
    ),
    Case(
        "FR-04", "F", "3.1", "A piece that arrives in many small parts is put together.",
        "One read is taken for the whole message. Read until the length is reached (readFully, recv in a loop).",
        needs=("RQ-02", "HV-01", "FI-01"),
    ),
    Case(
        "FR-05", "W", "3.2", "It sends no message types of its own.",
        "A type 8 for 'done', for example. Other programs don't know it; haves say the same.",
    ),
    Case(
        "FR-06", "F", "1.4, 3.2", "Piece indices are below the number of pieces.",
        "There is one piece too many, or the bitfield is read lowest bit first. Pieces are numbered from 0 to n-1.",
    ),
    Case(
        "FR-07", "F", "3.1", "Twenty messages that arrive together are all handled.",
        "One message is taken from each read, and the rest is thrown away.",
        needs=("CH-01",),
    ),
    Case(
        "FR-08", "F", "3.1", "Messages that arrive in parts of three bytes are handled.",
        "The 4-byte length is read with one read that may give fewer bytes.",
        needs=("SV-02", "FR-07"),
    ),
    Case(
        "FR-09", "F", "3.1", "Pieces of 1 MiB are sent and received.",
        "A buffer of fixed size, or one send call taken for the whole. Write until all is written.",
        needs=("SV-02", "SV-03", "RQ-02", "FR-04", "FI-01"),
    ),
    Case(
        "FR-10", "W", "4.8", "A neighbor that reads slowly doesn't stop the others.",
        "One lock, or one thread, for the sends to all neighbors.",
        needs=("FR-09", "SV-02"),
    ),
    Case(
        "BF-01", "F", "3.3", "A seed tells all its pieces in a bitfield, as its first message.",
        "No bitfield is sent, or its bits are in another order. Piece 0 is the highest bit of byte 0; java.util.BitSet.toByteArray() does the opposite, and cuts zero bytes at the end.",
    ),
    Case(
        "BF-02", "F", "3.3", "A bitfield has as many bytes as are needed for a bit a piece.",
        "A byte or an int for each piece, or zero bytes cut off at the end (BitSet.toByteArray). It is (pieces + 7) / 8 bytes.",
        needs=("CF-05",),
    ),
    Case(
        "BF-03", "F", "3.3", "The spare bits at the end of a bitfield are zero.",
        "Bytes are filled with ff, or bits are numbered from the lowest.",
        needs=("CF-05",),
    ),
    Case(
        "BF-04", "F", "3.3", "A bitfield is only sent as the first message of a connection.",
        "It is sent again when pieces have come. Later pieces are told by have.",
    ),
    Case(
        "BF-05", "F", "3.3", "It reads our bitfield: it is interested and asks for what is there, up to the last piece.",
        "The bits of our bitfield are read in another order than they are written. Piece 0 is the highest bit of byte 0.",
    ),
    Case(
        "BF-06", "F", "3.3", "It works with neighbors that skip the bitfield because they have nothing.",
        "A bitfield is awaited as the first message, or haves only count after one. Look at the type of each message, and begin with no pieces for each neighbor.",
        needs=("RQ-02", "HV-01", "IN-04"),
    ),
    Case(
        "BF-07", "W", "3.4", "A bitfield of zeros is accepted.",
        "A bitfield is taken for that of a peer that has pieces.",
        needs=("IN-04", "IN-07"),
    ),
    Case(
        "BF-08", "W", "3.4", "A have that comes before the bitfield isn't forgotten.",
        "The bitfield overwrites what was known. Add to it.",
        needs=("RQ-08",),
    ),
)  # fmt: skip

EXPLAINS |= {
    "BF-01": ("BF-02", "BF-03", "CF-01", "CF-02", "CF-03", "CF-09", "CN-06"),
    "BF-05": (
        "IN-01",
        "RQ-12",
        "RB-03",
        "RB-07",
        "FR-06",
        "RQ-04",
        "RQ-08",
        "FI-01",
        "FI-02",
        "IN-02",
        "IN-05",
        "EN-04",
        "RQ-02",
    ),
    "BF-02": ("BF-03",),
    # Whoever writes the lowest bit first reads so, too: it asks for what isn't there, and never for some.
    "BF-01 lowest-bit": (
        *("BF-05", "BF-06", "BF-08", "FR-06", "FR-09", "FR-10", "CF-04", "CF-05", "CF-06", "CF-07"),
        *(
            "IN-01",
            "IN-02",
            "IN-03",
            "IN-04",
            "IN-05",
            "IN-07",
            "IN-08",
            "RQ-02",
            "RQ-03",
            "RQ-04",
            "RQ-05",
            "RQ-06",
            "RQ-08",
        ),
        *(
            "RQ-10",
            "RQ-11",
            "RQ-12",
            "FI-01",
            "FI-02",
            "HV-04",
            "EN-01",
            "EN-02",
            "EN-03",
            "EN-04",
            "EN-06",
        ),
        *("RB-02", "RB-03", "RB-04", "RB-07", "CH-08", "CH-13", "SV-06", "LG-06"),
    ),
}
REFUTED_BY["BF-01 lowest-bit"] = "BF-05"
_SIZES = {"choke": 0, "unchoke": 0, "interested": 0, "not interested": 0, "have": 4, "request": 4}


@watch("FR-02")
def lengths(record: Record) -> Finding | None:
    """Payloads have the size that their type has (spec 3.2)."""
    name, plan, seen = record.plan.name, record.plan, False
    for event in record.events:
        if event.sent:
            continue
        if event.kind in _SIZES:
            size = len(event.data) + (4 if event.index is not None else 0)
            wanted = _SIZES[event.kind]
        elif event.kind == "piece" and event.index is not None and event.index < plan.pieces:
            size = wanted = 0
        elif event.kind == "piece":
            size, wanted = len(event.data), 4
        else:
            continue
        if size != wanted:
            because = f"Your {event.kind} has a payload of {size} bytes, it must be {wanted}."
            return Finding("FR-02", name, Outcome.BROKEN, because, (event,))
        seen = True
    return Finding("FR-02", name, Outcome.KEPT) if seen else None


@watch("FR-05")
def own_types(record: Record) -> Finding | None:
    """No type above 7 (spec 3.2)."""
    seen = False
    for event in record.events:
        if not event.sent and event.kind.startswith("type "):
            because = f"You sent a message of {event.kind}; the protocol has 0 to 7."
            return Finding("FR-05", record.plan.name, Outcome.BROKEN, because, (event,))
        seen = seen or (not event.sent and event.kind in wire.NAMES)
    return Finding("FR-05", record.plan.name, Outcome.KEPT) if seen else None


@watch("FR-06")
def indices(record: Record) -> Finding | None:
    """No index beyond the last piece (spec 1.4)."""
    pieces, seen = record.plan.pieces, False
    for event in record.events:
        if event.sent or event.index is None or event.kind not in {"have", "request", "piece"}:
            continue
        if event.index >= pieces:
            because = (
                f"Your {event.kind} names piece {event.index}; there are {pieces}, numbered from 0."
            )
            return Finding("FR-06", record.plan.name, Outcome.BROKEN, because, (event,))
        seen = True
    return Finding("FR-06", record.plan.name, Outcome.KEPT) if seen else None


@watch("BF-02", "BF-03")
def bitfield_form(record: Record) -> Finding | None:
    """Its size and its spare bits; an empty one is a warning elsewhere (spec 3.3, 3.4)."""
    plan, name = record.plan, record.plan.name
    size = wire.bitfield_bytes(plan.pieces)
    kept = None
    for event in record.events:
        if event.sent or event.kind != "bitfield":
            continue
        if len(event.data) != size:
            level = Outcome.WARNED if not event.data else Outcome.BROKEN
            because = (
                f"Your bitfield has {len(event.data)} bytes; {plan.pieces} pieces need {size}."
            )
            return Finding("BF-02", name, level, because, (event,))
        if any(one >= plan.pieces for one in wire.pieces_of(event.data)):
            mask = wire.bits_of(set(range(plan.pieces)), plan.pieces)[-1]
            because = (
                f"Your bitfield ends with {event.data[-1]:02x}, but {plan.pieces} pieces leave "
                f"{8 * size - plan.pieces} spare bits at its end, which must be zero (at most {mask:02x})."
            )
            return Finding("BF-03", name, Outcome.BROKEN, because, (event,))
        kept = Finding("BF-02", name, Outcome.KEPT)
    return kept


@watch("BF-03")
def spare_bits(record: Record) -> Finding | None:
    """The kept half of `bitfield_form`."""
    found = bitfield_form(record)
    if found and found.case == "BF-02" and found.outcome is Outcome.KEPT and record.plan.pieces % 8:
        return Finding("BF-03", record.plan.name, Outcome.KEPT)
    return None


@watch("BF-04")
def bitfield_first(record: Record) -> Finding | None:
    """No bitfield behind another message (spec 3.3)."""
    kept = None
    for event, side, _ in walk(record):
        if not event.sent and event.kind == "bitfield":
            if side.frames:
                because = "You sent a bitfield after other messages of the same connection."
                before = [e for e in record.events if e.link == event.link and not e.sent and e.at <= event.at and e is not event]  # fmt: skip
                return Finding(
                    "BF-04", record.plan.name, Outcome.BROKEN, because, (*before[-1:], event)
                )
            kept = Finding("BF-04", record.plan.name, Outcome.KEPT)
    return kept

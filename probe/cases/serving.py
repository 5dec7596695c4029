"""SV, HV and FI: pieces given, pieces told, the file (spec 4.8, 5.3, 6.2, 9)."""

from __future__ import annotations

from probe.conversation.walk import walk
from probe.model import Case, Finding, Outcome, Record
from probe.registry import EXPLAINS, cases, watch

cases(
    Case(
        "SV-01", "F", "4.1, 4.8", "A choked neighbor's request isn't served.",
        "Whoever asks gets a piece. Remember whom you unchoked, and look at it when a request comes.",
    ),
    Case(
        "SV-02", "F", "6.2", "An unchoked neighbor's request is answered within 2.5 s.",
        "The request is lost, or the answer waits for the next choice.",
        needs=("CH-01",),
    ),
    Case(
        "SV-03", "F", "1.4, 3.2", "Pieces have the right content, and the last one its own, shorter size.",
        "The last piece is padded, or the file is read at the wrong place. Piece i begins at i * PieceSize; the last ends where the file ends.",
    ),
    Case(
        "SV-04", "F", "6.2", "It sends no piece that wasn't asked for.",
        "Pieces are pushed without a request, or an answer is sent twice.",
    ),
    Case(
        "SV-05", "F", "4.8", "A request that arrives right behind its choke isn't served.",
        "Whether a neighbor is choked is looked at when the choice is made, but not when the request is served.",
        needs=("SV-01",),
    ),
    Case(
        "SV-06", "F", "5.3", "It serves pieces that it only just got.",
        "Pieces are read from the finished file only.",
        needs=("SV-02", "HV-01", "RQ-02"),
    ),
    Case(
        "HV-01", "F", "5.3", "After each piece it sends have to all neighbors: the sender and those that are complete or not interested too.",
        "The sender is skipped. It waits for your haves to know when you are complete, so it never ends.",
        needs=("RQ-02",),
    ),
    Case(
        "HV-02", "F", "5.3", "It sends have only for pieces that it got.",
        "The index is off by one, or counts bits or bytes.",
    ),
    Case(
        "HV-03", "W", "5.3", "It announces each piece once per connection.",
        "All pieces are announced again each time, or one that came twice is announced twice.",
    ),
    Case(
        "HV-04", "F", "5.3", "Have messages for all pieces, the last one too, came on every connection.",
        "The program ends, or closes, before its last haves are out.",
        needs=("HV-01", "RQ-08"),
    ),
    Case(
        "FI-01", "F", "9.2", "The file is in peer_[id]/ within 4 s of the last piece, byte for byte the same.",
        "The last piece is padded, pieces are written at wrong places or into another folder, or nothing is flushed.",
        needs=("RQ-08",),
    ),
    Case(
        "FI-02", "F", "9.2", "The file is right after chokes and with several senders, too.",
        "Two threads share one file position. Seek and write in one step.",
        needs=("FI-01", "RQ-06", "RQ-08"),
    ),
    Case(
        "FI-04", "F", "9.1", "A seed's file stays as it was.",
        "The file is opened for writing at the start.",
    ),
)  # fmt: skip

EXPLAINS |= {
    "SV-01": ("SV-05",),
    "SV-02": ("SV-03", "FR-08", "FR-09", "RB-01", "CF-04", "CF-05", "CF-06", "CF-07"),
    "SV-03": ("FR-09", "CF-05"),
    "HV-02": ("HV-01", "HV-04", "FR-06", "BF-06", "RQ-05", "RQ-11"),
    "HV-01": ("HV-04", "EN-05", "EN-06"),
    "FI-01": ("FI-02",),
}


@watch("SV-03")
def content(record: Record) -> Finding | None:
    """What a piece message holds (spec 3.2)."""
    plan, kept = record.plan, None
    for event in record.events:
        if event.sent or event.kind != "piece" or event.index is None or event.index >= plan.pieces:
            continue
        size = plan.piece_length(event.index)
        if event.size != size:
            because = f"Your piece {event.index} has {event.size} bytes, it must have {size}."
            if event.index == plan.pieces - 1:
                because += " It is the last one, which is shorter."
            return Finding("SV-03", plan.name, Outcome.BROKEN, because, (event,))
        if event.note:
            because = f"Your piece {event.index} begins with {event.data[:8].hex(' ')}, which isn't what the file has there."
            return Finding("SV-03", plan.name, Outcome.BROKEN, because, (event,))
        kept = Finding("SV-03", plan.name, Outcome.KEPT)
    return kept


@watch("SV-04")
def unasked(record: Record) -> Finding | None:
    """A piece without a request (spec 6.2)."""
    kept = None
    for event, side, _ in walk(record):
        if event.sent or event.kind != "piece" or event.index is None:
            continue
        asked, came = side.asked.get(event.index, 0), side.came.get(event.index, 0)
        if came >= asked:
            times = (
                "nobody asked for it there" if not asked else f"it was asked for {asked} times only"
            )
            because = f"You sent piece {event.index} to {event.who}, but {times}."
            return Finding("SV-04", record.plan.name, Outcome.BROKEN, because, (event,))
        kept = Finding("SV-04", record.plan.name, Outcome.KEPT)
    return kept


@watch("HV-02")
def false_haves(record: Record) -> Finding | None:
    """A have for a piece that the program can't have (spec 5.3)."""
    if record.plan.seed:
        return None
    kept = None
    for event, _, world in walk(record):
        if event.sent or event.kind != "have" or event.index is None:
            continue
        if event.index >= record.plan.pieces:
            continue  # FR-06 says that
        if event.index not in world.given:
            because = f"You told {event.who} that you have piece {event.index}, which nobody had sent you."
            return Finding("HV-02", record.plan.name, Outcome.BROKEN, because, (event,))
        kept = Finding("HV-02", record.plan.name, Outcome.KEPT)
    return kept


@watch("HV-03")
def repeated_haves(record: Record) -> Finding | None:
    """A have twice on a connection (spec 5.3)."""
    kept = None
    for event, side, _ in walk(record):
        if event.sent or event.kind != "have" or event.index is None:
            continue
        if event.index in side.haves:
            because = f"You told {event.who} twice that you have piece {event.index}."
            return Finding("HV-03", record.plan.name, Outcome.BROKEN, because, (event,))
        kept = Finding("HV-03", record.plan.name, Outcome.KEPT)
    return kept

"""EN and RB: how it ends, and what it survives (spec 7, 2.4, 3.4, 3.5)."""

from __future__ import annotations

from probe.model import Case
from probe.registry import EXPLAINS, cases

cases(
    Case(
        "EN-01", "F", "7.1", "A seed runs as long as one peer is incomplete.",
        "Not interested is taken for complete, or only connected peers are counted.",
        needs=("SV-02",),
    ),
    Case(
        "EN-02", "F", "7.1", "A seed ends when all peers have announced all pieces.",
        "It never looks, waits for a message of its own, or threads that block in read keep the process alive.",
    ),
    Case(
        "EN-03", "F", "7.1", "A leecher that is complete runs as long as another peer is incomplete.",
        "It ends when it has the file itself, or takes not interested for complete. Others may still want its pieces.",
        needs=("RQ-08",),
    ),
    Case(
        "EN-04", "F", "7.1", "A leecher ends when all peers have announced all pieces.",
        "It never looks, waits for a message of its own, or doesn't count itself.",
        needs=("RQ-08", "EN-02"),
    ),
    Case(
        "EN-05", "W", "7.2", "Its last have messages are out before it closes.",
        "The process exits while messages are still in a queue.",
        needs=("HV-01", "HV-04", "RQ-08"),
    ),
    Case(
        "EN-06", "F", "7.1", "It ends by itself also when the others close first.",
        "A read that ends is an error that stops the thread which would have ended the program.",
        needs=("RQ-08", "EN-04"),
    ),
    Case(
        "EN-07", "W", "7.4", "Its exit status is 0 when all are complete.",
        "An exception at the end, or System.exit with another number.",
    ),
    Case("EN-08", "i", "7.1", "How long the end takes.", "0.5 to 7 s are usual."),
    Case(
        "EN-09", "W", "7.1", "It doesn't need the others to close first.",
        "Threads that block in read keep the process alive. Two such programs wait for each other for ever.",
        needs=("EN-02", "EN-04"),
    ),
    Case(
        "RB-01", "W", "2.4", "After refused connections a good neighbor is served.",
        "The loop that accepts dies of the first exception, or takes the next connection for the next peer in the list.",
        needs=("CF-06", "CH-01"),
    ),
    Case(
        "RB-02", "W", "3.4", "A message of an unknown type is skipped.",
        "The lookup of the type throws. Skip the payload and go on.",
        needs=("RQ-02",),
    ),
    Case(
        "RB-03", "W", "6.5", "A piece that wasn't asked for is not logged twice.",
        "Whatever comes is counted. Check whether you already have the piece.",
        needs=("RQ-02", "RQ-08", "LG-02"),
    ),
    Case(
        "RB-04", "W", "6.5", "After a reset in the middle of a piece it completes from another neighbor.",
        "The piece stays marked as requested. Free it when the connection ends.",
        needs=("RQ-02", "RQ-08", "FR-04"),
    ),
    Case(
        "RB-05", "W", "3.5", "A length of ffffffff does it no harm.",
        "That many bytes are reserved. Check the length before you use it.",
        needs=("CF-06", "CH-01", "RB-06"),
    ),
    Case(
        "RB-06", "W", "2.4", "Half a handshake doesn't keep others waiting.",
        "The handshake is read in the loop that accepts.",
        needs=("CF-06", "CH-01", "CN-04"),
    ),
    Case(
        "RB-07", "W", "3.4", "Repeated messages do it no harm.",
        "A second unchoke starts a second download; a second bitfield throws.",
        needs=("RQ-02", "RQ-08"),
    ),
)  # fmt: skip

EXPLAINS |= {
    "EN-02": ("EN-04", "EN-06", "EN-09"),
    "EN-04": ("EN-06", "EN-09"),
    "EN-03": ("EN-04", "EN-05", "HV-04"),
    "CN-04": ("RB-06",),
    "RB-06": ("RB-05", "RB-01"),
}

"""The eleven sentences of a peer's log as values (spec 8.1)."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple


class Kind(IntEnum):
    """Which of the eleven sentences, in the order of the specification (spec 8.1)."""

    MAKES = 0
    CONNECTED_FROM = 1
    PREFERRED = 2
    OPTIMISTIC = 3
    UNCHOKED = 4
    CHOKED = 5
    HAVE = 6
    INTERESTED = 7
    NOT_INTERESTED = 8
    DOWNLOADED = 9
    COMPLETE = 10


class Sentence(NamedTuple):
    """One event as a log states it.

    A field is None where the kind has no such field, or where the line leaves it out; a line
    that leaves one out deviates from the prescribed form, so its reading says so.
    """

    kind: Kind
    subject: int | None = None
    """Id of the peer whose event it is, as the line states it: not always the log's owner."""
    other: int | None = None
    """Id of the neighbor; for OPTIMISTIC None also means that there is none."""
    piece: int | None = None
    """Index of the piece, of HAVE and DOWNLOADED."""
    count: int | None = None  # type: ignore[assignment]  # nobody needs tuple.count of a sentence
    """Number of pieces the subject has then, of DOWNLOADED."""
    ids: tuple[int, ...] = ()
    """The preferred neighbors in the order of the line, of PREFERRED."""


PRESCRIBED = {
    Kind.MAKES: "Peer {subject} makes a connection to Peer {other}.",
    Kind.CONNECTED_FROM: "Peer {subject} is connected from Peer {other}.",
    Kind.PREFERRED: "Peer {subject} has the preferred neighbors {ids}.",
    Kind.OPTIMISTIC: "Peer {subject} has the optimistically unchoked neighbor {other}.",
    Kind.UNCHOKED: "Peer {subject} is unchoked by {other}.",
    Kind.CHOKED: "Peer {subject} is choked by {other}.",
    Kind.HAVE: "Peer {subject} received the 'have' message from {other} for the piece {piece}.",
    Kind.INTERESTED: "Peer {subject} received the 'interested' message from {other}.",
    Kind.NOT_INTERESTED: "Peer {subject} received the 'not interested' message from {other}.",
    Kind.DOWNLOADED: (
        "Peer {subject} has downloaded the piece {piece} from {other}. "
        "Now the number of pieces it has is {count}."
    ),
    Kind.COMPLETE: "Peer {subject} has downloaded the complete file.",
}
"""The text of each sentence with its fields' names in braces (spec 8.1)."""

BEGINNINGS = (Kind.MAKES, Kind.CONNECTED_FROM)
"""The sentences that tell of a connection."""
MESSAGES = frozenset({Kind.INTERESTED, Kind.NOT_INTERESTED, Kind.UNCHOKED, Kind.CHOKED})
"""The sentences that tell of a message without a piece."""


def prescribed(sentence: Sentence) -> str:
    """The sentence exactly as spec 8.1 words it; a field left out is printed as `?`."""
    return PRESCRIBED[sentence.kind].format(
        subject=_shown(sentence.subject),
        other=_shown(sentence.other),
        piece=_shown(sentence.piece),
        count=_shown(sentence.count),
        ids=",".join(map(str, sentence.ids)),
    )


def _shown(number: int | None) -> str:
    return "?" if number is None else str(number)

"""Habits: deliberately different but allowed ways to behave (spec 2.2, 3.3, 3.4, 3.6, 6.5)."""

from __future__ import annotations

import random
from collections.abc import Iterator

from tests.reference.wire import Type, bitfield, frame, have

HABITS = {
    "no-bitfield": "sends no bitfield while it has nothing",
    "empty-bitfield": "sends a bitfield without any bytes while it has nothing",
    "zero-bitfield": "begins with an all-zero bitfield, also when it has pieces; haves follow",
    "bitfield-twice": "sends its bitfield twice, and once more when it is complete",
    "have-before-bitfield": "sends a have before its bitfield",
    "bitfield-late": "sends choke and not interested before its bitfield",
    "repeated-interested": "says each choke, unchoke, interested and not interested twice",
    "repeated-have": "says each have twice, and old ones now and then",
    "unknown-type": "sends a message of type 8 now and then",
    "unasked-piece": "sends a piece that nobody asked for now and then",
    "pipelined-requests": "keeps up to four requests open",
    "slow-writer": "writes in tiny chunks",
    "handshake-wait": "when it is dialled, waits for the other's handshake before it sends its own",
    "abrupt-close": "when all are complete, resets its connections behind its last message",
    "abrupt-close-early": "resets a connection as soon as both its ends are complete",
    "never-closes": "when all are complete, waits for the others to close",
    "cut-once": "resets one connection in the middle of a piece, once",
}
# These make a connection wait for others, or end it: they can't be combined with each other.
ENDINGS = ("abrupt-close", "abrupt-close-early", "never-closes")


def opening(habits: frozenset[str], pieces: set[int], count: int) -> list[bytes]:
    """The frames that open a connection (spec 3.3, 3.4)."""
    if not pieces and habits & {"no-bitfield", "have-before-bitfield"}:
        return []
    frames = []
    if "bitfield-late" in habits:
        frames += [frame(Type.CHOKE), frame(Type.NOT_INTERESTED)]
    if "have-before-bitfield" in habits:
        frames.append(have(min(pieces)))
    if "zero-bitfield" in habits:
        return [*frames, bitfield((), count), *map(have, sorted(pieces))]
    empty = not pieces and "empty-bitfield" in habits
    frames.append(frame(Type.BITFIELD) if empty else bitfield(pieces, count))
    if "bitfield-twice" in habits:
        frames.append(frames[-1])
    return frames


def copies(habits: frozenset[str], kind: int) -> int:
    """How many times a message of this type is sent."""
    if kind == Type.HAVE:
        return 2 if "repeated-have" in habits else 1
    return 2 if kind < Type.HAVE and "repeated-interested" in habits else 1


def chunks(data: bytes, rng: random.Random) -> Iterator[bytes]:
    """Cut what is written into tiny chunks first, then into not so tiny ones."""
    at = 0
    while at < len(data):
        size = rng.randint(1, 5) if at < 20 else max(1, len(data) // 7)
        yield data[at : at + size]
        at += size

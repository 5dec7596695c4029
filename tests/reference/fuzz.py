"""Frames that are nearly right: what a broken program, or a bad one, puts on the wire."""

from __future__ import annotations

from random import Random

from tests.reference import wire
from tests.reference.wire import Type, frame


class FuzzedFrames:
    """An endless supply from one seed, for a file of `count` pieces of `size` bytes, the last of `last`."""

    def __init__(self, seed: int, count: int, size: int, last: int) -> None:
        self.rng = Random(f"fuzz {seed}")
        self.count, self.size, self.last = count, size, last
        self.kinds = ["word", "word", "have", "have", "request", "piece", "bitfield", "other"]

    def stream(self, frames: int) -> bytes:
        """Some frames in a row; many a stream is in order up to the last one."""
        good = self.rng.random() < 0.5
        parts = [self.good() if good else self.any() for _ in range(frames - 1)]
        return b"".join([*parts, self.any()])

    def good(self) -> bytes:
        """A frame that is allowed, in an order that may make no sense."""
        rng = self.rng
        piece = rng.randrange(self.count)
        kind = rng.choice(self.kinds)
        if kind == "word":
            return frame(rng.randrange(4))
        if kind == "have":
            return wire.have(piece)
        if kind == "request":
            return wire.request(piece)
        if kind == "piece":
            return wire.piece(piece, bytes(self.last if piece == self.count - 1 else self.size))
        if kind == "bitfield":
            has = [number for number in range(self.count) if rng.random() < 0.5]
            return rng.choice([wire.bitfield(has, self.count), frame(Type.BITFIELD)])
        return frame(rng.randrange(8, 256), rng.randbytes(rng.randrange(self.size)))

    def any(self) -> bytes:
        """A frame that is damaged, or bytes that are none."""
        rng = self.rng
        way = rng.randrange(6)
        data = bytearray(self.good())
        if way == 0:
            return rng.randbytes(rng.randint(1, 60))
        if way == 1:  # any length, up to 4 GiB
            data[:4] = rng.choice([rng.randbytes(4), bytes(4), b"\xff" * 4, b"\0\0\0\1"])
        elif way == 2:  # another type
            data[4] = rng.randrange(256)
        elif way == 3:  # any index
            data[5:9] = rng.choice([rng.randbytes(4), b"\xff" * 4, self.count.to_bytes(4, "big")])
        elif way == 4:  # cut short
            del data[rng.randrange(1, len(data) + 1) :]
        return bytes(data)

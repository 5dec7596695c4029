"""FR and BF: the form of messages and bitfields."""

from __future__ import annotations

import contextlib
import os
import socket
import threading

from tests.kit.probe.variants.kit import around, replace, variant
from tests.reference import habits, peer, wire
from tests.reference.link import Link
from tests.reference.peer import Peer
from tests.reference.wire import Type, have


def _frames(frame):
    """Write all messages with this."""
    replace(wire, "frame", frame)
    replace(habits, "frame", frame)


@variant("FR-01")
def lowest_byte_first():
    """The length has its lowest byte first."""
    _frames(lambda kind, payload=b"": (1 + len(payload)).to_bytes(4, "little") + bytes([kind]) + payload)  # fmt: skip


@variant("FR-01")
def type_as_a_digit():
    """The type is the character of a digit."""
    _frames(lambda kind, payload=b"": (1 + len(payload)).to_bytes(4, "big") + b"%d" % kind + payload)  # fmt: skip


@variant("FR-02")
def choke_with_payload():
    """A choke has a payload of a byte."""

    def frame(kind, payload=b""):
        payload = b"\0" if kind == Type.CHOKE else payload
        return (1 + len(payload)).to_bytes(4, "big") + bytes([kind]) + payload

    _frames(frame)


@variant("FR-03", Peer, "greet")
def rest_of_the_first_read_is_lost(right, self, sock, host, dialled):
    """What came in one read with the handshake is thrown away."""
    link = right(self, sock, host, dialled)
    with contextlib.suppress(BlockingIOError):
        sock.recv(65536, socket.MSG_DONTWAIT)
    return link


@variant("FR-04", wire, "read_exact")
def piece_in_one_read(right, receive, count):
    """One read is taken for the whole piece."""
    return receive(count).ljust(count, b"\0") if count > 64 else right(receive, count)


@variant("FR-05", Peer, "announce")
def type_of_its_own(right, self, link, index):
    """A message of type 8 tells that it is complete."""
    right(self, link, index)
    if self.copy.complete:
        link.put(wire.frame(8, b"done"))


@variant("FR-06", Peer, "announce")
def tells_a_piece_too_many(right, self, link, index):
    """A loop over the pieces goes one too far."""
    right(self, link, index)
    if self.copy.complete:
        link.put(have(self.settings.piece_count))


@variant("FR-07", Link, "receive")
def buffer_of_160_bytes(right, self, count):
    """Many short messages in one read are cut off at the end of a small buffer."""
    buffered = self.__dict__.setdefault("buffered", bytearray())
    if not buffered:
        data = right(self, 1 << 16)
        many = len(data) > 160 and int.from_bytes(data[:4], "big") < 160
        buffered += data[:160] if many else data
    taken = bytes(buffered[:count])
    del buffered[:count]
    return taken


@variant("FR-07", Link, "receive")
def one_message_a_read(right, self, count):
    """What follows a message, or the handshake, in the same read is thrown away."""
    state = self.__dict__.setdefault("reading", [bytearray(), 0])
    if not state[0]:
        data = right(self, 1 << 16)
        size = state[1] or (32 if data[:4] == b"P2PF" else 4 + int.from_bytes(data[:4], "big"))
        state[0] += data[:size]
        state[1] = max(0, size - len(data))
    taken = bytes(state[0][:count])
    del state[0][:count]
    return taken


@variant("FR-08", wire, "read_exact")
def length_in_one_read(right, receive, count):
    """Four bytes of length must come in one read."""
    if count != 4:
        return right(receive, count)
    data = receive(count)
    if len(data) < count:
        raise EOFError
    return data


@variant("FR-09", Peer, "next_piece")
def buffer_of_64_kib(right, self, link):
    """Of a larger piece only 64 KiB are sent."""
    return right(self, link)[: 1 << 16]


@variant("FR-10")
def one_lock_round_all_sends():
    """All connections send under one lock."""
    lock = threading.Lock()

    @around(Link, "send")
    def send(right, self, data):
        with lock:
            right(self, data)


@variant("BF-01", peer, "opening")
def haves_in_place_of_a_bitfield(right, habits, pieces, count):
    """A seed tells its pieces one by one."""
    return [have(index) for index in sorted(pieces)]


@variant("BF-01", peer, "opening")
def bitfield_without_the_last_piece(right, habits, pieces, count):
    """The last piece is missing in a seed's bitfield, and told by have."""
    if len(pieces) < count:
        return right(habits, pieces, count)
    return [wire.bitfield(sorted(pieces)[:-1], count), have(count - 1)]


def _opening_bits(change):
    @around(peer, "opening")
    def opening(right, habits, pieces, count):
        return [wire.frame(Type.BITFIELD, change(wire.bitfield(pieces, count)[5:], pieces, count))]


@variant("BF-02")
def bitfield_of_whole_ints():
    """A bitfield is filled up to a multiple of four bytes."""
    _opening_bits(lambda bits, pieces, count: bits.ljust((len(bits) + 3) // 4 * 4, b"\0"))


@variant("BF-02")
def a_byte_for_each_piece():
    """A bitfield has a byte for each piece."""
    _opening_bits(lambda bits, pieces, count: bytes(i in pieces for i in range(count)))


@variant("BF-02")
def an_int_for_each_piece():
    """A bitfield has four bytes for each piece."""
    _opening_bits(lambda bits, pieces, count: b"".join((i in pieces).to_bytes(4, "big") for i in range(count)))  # fmt: skip


@variant("BF-02")
def no_bytes_of_nothing():
    """The bitfield of a peer without pieces has no bytes."""
    _opening_bits(lambda bits, pieces, count: bits if any(bits) else b"")


@variant("BF-03")
def filled_with_ones():
    """A seed fills its bitfield with ff."""
    _opening_bits(lambda bits, pieces, count: b"\xff" * len(bits) if len(pieces) == count else bits)


@variant("BF-04", Peer, "announce")
def bitfield_again(right, self, link, index):
    """The bitfield is sent again when all pieces are there."""
    right(self, link, index)
    if self.copy.complete:
        link.put(wire.bitfield(self.copy.have, self.settings.piece_count))


@variant("BF-05")
def reads_lowest_bit_first():
    """Bitfields are read lowest bit first, though written right."""

    def indexes(payload, count):
        number = int.from_bytes(payload, "little")
        return {index for index in range(count) if number >> index & 1}

    replace(wire, "bitfield_indexes", indexes)


@variant("BF-06")
def forgets_who_skips_the_bitfield():
    """Who sent no bitfield is told nothing."""

    @around(Peer, "handle")
    def handle(right, self, link, kind, payload):
        if kind == Type.BITFIELD:
            link.is_open = True
        right(self, link, kind, payload)

    @around(Peer, "announce")
    def announce(right, self, link, index):
        if getattr(link, "is_open", False):
            right(self, link, index)


@variant("BF-06", Peer, "handle")
def haves_count_behind_a_bitfield(right, self, link, kind, payload):
    """A have of somebody who sent no bitfield is not taken in."""
    if kind == Type.BITFIELD:
        link.is_open = True
    if kind != Type.HAVE or getattr(link, "is_open", False):
        right(self, link, kind, payload)


@variant("BF-07", Peer, "tell_interest")
def any_bitfield_interests(right, self, link, *, answer=False):
    """Whoever sends a bitfield is interesting, though it is all zero."""
    if answer and not self.copy.complete:
        link.told_interest = True
        self.send(link, Type.INTERESTED)
    else:
        right(self, link, answer=answer)


@variant("BF-08", Peer, "handle")
def bitfield_overwrites_haves(right, self, link, kind, payload):
    """A bitfield replaces what haves told before."""
    if kind == Type.BITFIELD:
        link.pieces.clear()
    right(self, link, kind, payload)


@variant("RB-07", Peer, "handle")
def a_second_bitfield_is_an_error(right, self, link, kind, payload):
    """A second bitfield ends the program."""
    if kind == Type.BITFIELD:
        if getattr(link, "is_open", False):
            os._exit(1)
        link.is_open = True
    right(self, link, kind, payload)

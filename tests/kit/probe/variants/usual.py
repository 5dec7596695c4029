"""The usual mistakes, among them those of the eight prepared programs whose first screens are kept."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from typing import Any

from tests.kit.probe.variants.kit import replace, variant
from tests.reference import choking, habits, peer, wire
from tests.reference.link import start as link_start
from tests.reference.peer import Peer
from tests.reference.wire import Type


@variant("BF-01")
def lowest_bit_first() -> None:
    """Bit 0 of byte 0 is piece 0, written and read, as java.util.BitSet has it."""

    def bitfield(indexes: Any, count: int) -> bytes:
        number = sum(1 << index for index in indexes)
        return wire.frame(Type.BITFIELD, number.to_bytes((count + 7) // 8, "little"))

    def indexes(payload: bytes, count: int) -> set[int]:
        number = int.from_bytes(payload, "little")
        return {index for index in range(8 * len(payload)) if number >> index & 1}

    replace(habits, "bitfield", bitfield)
    replace(wire, "bitfield_indexes", indexes)


@variant("FR-01")
def payload_length() -> None:
    """The length leaves out the type byte."""

    def frame(kind: int, payload: bytes = b"") -> bytes:
        return len(payload).to_bytes(4, "big") + bytes([kind]) + payload

    replace(wire, "frame", frame)
    replace(habits, "frame", frame)


@variant("SV-01")
def serves_choked() -> None:
    """Whoever asks is served."""

    def take_request(self: Peer, link: Any, index: int) -> None:
        link.waiting.append(index)
        link.work.notify_all()

    replace(Peer, "take_request", take_request)


@variant("RQ-03")
def double_requests() -> None:
    """A second request goes out beside the first."""

    def ask(self: Peer, link: Any) -> None:
        for _ in range(2):
            wanted = sorted(link.pieces - self.copy.have - link.open)
            if link.chokes_us or len(link.open) > 1 or not wanted:
                return
            index = self.rng.choice(wanted)
            link.open.add(index)
            link.asked.add(index)
            link.put(wire.request(index))

    replace(Peer, "ask", ask)


@variant("HV-01")
def no_have_to_sender() -> None:
    """The sender of a piece is told no have."""
    right = Peer.take_piece
    told = Peer.announce

    def take_piece(self: Peer, link: Any, index: int, content: bytes) -> None:
        self.sender = link  # type: ignore[attr-defined]
        right(self, link, index, content)

    def announce(self: Peer, link: Any, index: int) -> None:
        if link is not self.sender:  # type: ignore[attr-defined]
            told(self, link, index)

    replace(Peer, "take_piece", take_piece)
    replace(Peer, "announce", announce)


@variant("EN-02")
def never_ends() -> None:
    """Nobody looks whether all are complete."""
    replace(Peer, "all_complete", lambda self: False)


@variant("CH-09")
def no_optimistic() -> None:
    """There is no optimistic choice."""
    replace(choking.Choking, "choose_optimistic", lambda self: None)


@variant("CN-03")
def waits_for_bitfield() -> None:
    """After the handshake the bitfield is awaited, in the loops that dial and accept."""
    begun = Peer.begin

    def begin(self: Peer, link: Any, dialled: int) -> Any:
        made = begun(self, link, dialled)
        self.lock.release()
        try:
            kind, payload = wire.read_frame(link.receive, self.settings)
        finally:
            self.lock.acquire()
        if kind == Type.BITFIELD:
            self.handle(link, kind, payload)
        return made

    def start(function: Callable[..., object], *arguments: Any) -> None:
        name = getattr(function, "__name__", "")
        if name == "dial":
            targets.append(arguments[0])
            return
        if name == "run":  # all targets are known now: dial them in turn
            plain(dial_all, function.__self__.peer)  # type: ignore[attr-defined]
        if name == "converse":
            accept_one(function.__self__, *arguments)  # type: ignore[attr-defined]
            return
        plain(function, *arguments)

    def dial_all(self: Peer) -> None:
        for target in targets:
            while target.peer_id not in self.links:
                try:
                    sock = socket.create_connection((target.host, target.port), timeout=5)
                except OSError:
                    time.sleep(0.1)
                    continue
                accept_one(self, sock, sock.getpeername(), target.peer_id)

    def accept_one(self: Peer, sock: Any, address: Any, dialled: int = 0) -> None:
        link = self.greet(sock, address[0], dialled)
        plain(read_on, self, link)

    def read_on(self: Peer, link: Any) -> None:
        try:
            while True:
                kind, payload = wire.read_frame(link.receive, self.settings)
                with self.lock:
                    self.handle(link, kind, payload)
        except (EOFError, OSError, wire.ProtocolError):
            self.end_of_stream(link)

    targets: list[Any] = []
    plain = link_start
    replace(Peer, "begin", begin)
    replace(peer, "start", start)


@variant("SV-03")
def pads_last_piece() -> None:
    """The last piece is as long as the others."""
    from tests.reference.files import Copy  # noqa: PLC0415

    right = Copy.read
    replace(
        Copy, "read", lambda self, index: right(self, index).ljust(self.settings.piece_size, b"\0")
    )


@variant("CH-08")
def slowest_first() -> None:
    """Those that give least are preferred."""

    def sort(self: choking.Choking) -> None:
        links = [link for link in self.peer.links.values() if link.interested]
        links.sort(key=lambda link: link.rate)
        for link in self.peer.links.values():
            link.rate = 0
        self.preferred = {link.peer_id for link in links[: self.peer.settings.k]}
        self.choke_and_unchoke()

    replace(choking.Choking, "choose_preferred", sort)


@variant("EN-03")
def ends_when_complete() -> None:
    """It ends when it has the file itself."""
    right = Peer.all_complete
    replace(
        Peer,
        "all_complete",
        lambda self: self.copy.complete if not self.me.has_file else right(self),
    )


@variant("RQ-07")
def in_order() -> None:
    """Pieces are asked for in the order of their numbers."""
    made = Peer.__init__

    def init(self: Peer, *arguments: Any) -> None:
        made(self, *arguments)
        replace(self.rng, "choice", lambda options: options[0])

    replace(Peer, "__init__", init)


@variant("RQ-06")
def forgets_lost_requests() -> None:
    """A piece whose request was lost to a choke is never asked for again."""
    right = Peer.ask

    def ask(self: Peer, link: Any) -> None:
        had = set(link.pieces)
        link.pieces -= {one for other in self.links.values() for one in other.asked}
        right(self, link)
        link.pieces |= had

    replace(Peer, "ask", ask)


@variant("IN-02")
def no_not_interested() -> None:
    """Not interested is never said."""
    right = Peer.send

    def send(self: Peer, link: Any, kind: int, payload: bytes = b"") -> None:
        if kind != Type.NOT_INTERESTED:
            right(self, link, kind, payload)

    replace(Peer, "send", send)

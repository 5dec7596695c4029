"""EN and RB: how it ends, and what it doesn't survive."""

from __future__ import annotations

import os
import threading
import time

from tests.kit.probe.variants.kit import around, variant
from tests.reference import wire
from tests.reference.link import start
from tests.reference.peer import Peer
from tests.reference.wire import ProtocolError, Type


@variant("EN-01", Peer, "all_complete")
def seed_ends_with_the_first(right, self):
    """A seed ends when one of the others is complete."""
    return (self.me.has_file and any(map(self.has_all, self.known.values()))) or right(self)


@variant("EN-03")
def not_interested_is_complete():
    """Who says not interested is taken for complete."""
    gone = set()

    @around(Peer, "handle")
    def handle(right, self, link, kind, payload):
        right(self, link, kind, payload)
        if kind == Type.NOT_INTERESTED:
            gone.add(link.peer_id)

    @around(Peer, "all_complete")
    def all_complete(right, self):
        return right(self) or (
            self.copy.complete
            and gone >= {one for one, has in self.known.items() if not self.has_all(has)}
        )


@variant("EN-04", Peer, "all_complete")
def leechers_never_end(right, self):
    """A leecher doesn't look whether all are complete."""
    return self.me.has_file and right(self)


@variant("EN-05", Peer, "take_piece")
def exits_without_flushing(right, self, link, index, content):
    """It exits in the middle of its last messages."""
    others = all(map(self.has_all, self.known.values()))
    if others and len(self.copy.have) == self.settings.piece_count - 1:
        for other in self.links.values():
            other.put = lambda data: None
        right(self, link, index, content)
        os._exit(0)
    right(self, link, index, content)


@variant("EN-06")
def forgets_who_closed():
    """Who closed its connection is waited for again."""
    since: list[float] = []

    @around(Peer, "all_complete")
    def all_complete(right, self):
        if right(self):
            since.append(time.monotonic())
        else:
            since.clear()
        return bool(since) and time.monotonic() - since[0] > 1.0

    @around(Peer, "end_of_stream")
    def end_of_stream(right, self, link):
        with self.lock:
            if not self.ending:
                link.pieces.clear()
                self.closed_in_order.add(link.peer_id)
        right(self, link)

    @around(Peer, "run")
    def run(right, self, timeout):
        start(look, self)
        return right(self, timeout)

    def look(self):
        while True:
            time.sleep(0.2)
            with self.lock:
                self.changed.notify_all()


@variant("EN-07", Peer, "run")
def ends_with_status_1(right, self, timeout):
    """Its exit status is 1."""
    return right(self, timeout) or 1


@variant("EN-09")
def waits_for_others_to_close():
    """It ends when all others have closed their connections."""

    @around(Peer, "end_links")
    def end_links(right, self):
        names = set(self.links)
        self.changed.wait_for(lambda: names <= self.closed_in_order)
        right(self)

    @around(Peer, "end_of_stream")
    def end_of_stream(right, self, link):
        with self.lock:
            self.closed_in_order.add(link.peer_id)
            self.changed.notify_all()
        right(self, link)


@variant("RB-01")
def accepting_dies_of_a_bad_handshake():
    """A refused connection ends the loop that accepts."""
    dead = threading.Event()

    @around(Peer, "greet")
    def greet(right, self, sock, host, dialled):
        try:
            return right(self, sock, host, dialled)
        except ProtocolError:
            if not dialled:
                dead.set()
            raise

    @around(Peer, "converse")
    def converse(right, self, sock, address, dialled=0):
        if dead.is_set() and not dialled:
            sock.close()
            return False
        return right(self, sock, address, dialled)


@variant("RB-02", Peer, "handle")
def own_types_only(right, self, link, kind, payload):
    """A message of an unknown type ends the connection for good."""
    if kind > Type.PIECE:
        os._exit(1)
    right(self, link, kind, payload)


@variant("RB-03", Peer, "take_piece")
def counts_whatever_comes(right, self, link, index, content):
    """A piece that wasn't asked for counts, also a second time."""
    if index in self.copy.have:
        self.log.write(f"has downloaded the piece {index} from {link.peer_id}. Now the number of pieces it has is {len(self.copy.have)}.")  # fmt: skip
    link.asked.add(index)
    right(self, link, index, content)


@variant("RB-04")
def lost_pieces_stay_marked():
    """What was open on a connection that ended is never asked for again."""

    @around(Peer, "lose")
    def lose(right, self, link):
        marked = self.__dict__.setdefault("marked", set())
        marked |= link.open
        right(self, link)

    @around(Peer, "ask")
    def ask(right, self, link):
        hidden = getattr(self, "marked", set()) & link.pieces
        link.pieces -= hidden
        right(self, link)
        link.pieces |= hidden


@variant("RB-05", wire, "read_exact")
def dies_of_a_long_length(right, receive, count):
    """As much memory is reserved as a length says."""
    data = right(receive, count)
    if data == b"\xff\xff\xff\xff":
        os._exit(1)
    return data


@variant("RB-07", Peer, "handle")
def a_second_unchoke_is_an_error(right, self, link, kind, payload):
    """An unchoke while unchoked ends the program."""
    if kind == Type.UNCHOKE and not link.chokes_us:
        os._exit(1)
    right(self, link, kind, payload)

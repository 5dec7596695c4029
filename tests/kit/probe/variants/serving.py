"""SV, HV and FI: pieces given, pieces told, the file."""

from __future__ import annotations

import time

from tests.kit.probe.variants.kit import around, replace, variant
from tests.reference.choking import Choking
from tests.reference.files import Copy
from tests.reference.peer import Peer
from tests.reference.wire import have


@variant("SV-02")
def never_serves():
    """Requests are read and forgotten."""
    replace(Peer, "take_request", lambda self, link, index: None)


@variant("SV-04", Peer, "next_piece")
def serves_twice(right, self, link):
    """Each piece is sent twice."""
    return 2 * right(self, link)


@variant("SV-05")
def serves_behind_the_choke():
    """Who was choked is served until the next choice."""

    @around(Choking, "choke_and_unchoke")
    def choke_and_unchoke(right, self):
        before = {link: link.choked for link in self.peer.links.values()}
        right(self)
        for link, choked in before.items():
            if link.choked and not choked:
                link.choked_at = time.monotonic()

    @around(Peer, "take_request")
    def take_request(right, self, link, index):
        if link.choked and time.monotonic() - getattr(link, "choked_at", 0) < 1:
            link.waiting.append(index)
            link.work.notify_all()
        right(self, link, index)


@variant("SV-06", Peer, "take_request")
def serves_when_complete(right, self, link, index):
    """Pieces are read from the finished file only."""
    if self.me.has_file:
        right(self, link, index)


@variant("HV-02", Peer, "announce")
def tells_a_piece_early(right, self, link, index):
    """One piece is told before it is there."""
    early = self.__dict__.setdefault("early", {})
    if not early:
        missing = sorted(set(range(self.settings.piece_count)) - self.copy.have)
        early.update(dict.fromkeys(missing[-1:], 0))
    if index not in early:
        right(self, link, index)
    if not hasattr(link, "told_early"):
        link.told_early = True
        for one in early:
            link.put(have(one))


@variant("HV-03", Peer, "announce")
def tells_pieces_twice(right, self, link, index):
    """Each have is sent twice."""
    right(self, link, index)
    right(self, link, index)


@variant("HV-04", Peer, "announce")
def last_have_is_missing(right, self, link, index):
    """The last piece is told to nobody."""
    if not self.copy.complete:
        right(self, link, index)


@variant("FI-01", Copy, "write")
def file_is_padded(right, self, index, content):
    """The last piece is written at full length."""
    right(self, index, content.ljust(self.settings.piece_size, b"\0"))


@variant("FI-02", Peer, "take_piece")
def two_senders_mix_the_file(right, self, link, index, content):
    """Once two neighbors have given pieces, the file has a wrong byte."""
    senders = self.__dict__.setdefault("senders", set())
    senders.add(link.peer_id)
    last = index not in self.copy.have and len(self.copy.have) == self.settings.piece_count - 1
    if last and len(senders) > 1:
        content = bytes([content[0] ^ 1]) + content[1:]
    right(self, link, index, content)


@variant("FI-04", Peer, "run")
def seed_touches_its_file(right, self, timeout):
    """A seed opens its file for writing."""
    status = right(self, timeout)
    if self.me.has_file:
        self.copy.path.write_bytes(b"")
    return status

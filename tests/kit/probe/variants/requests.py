"""IN and RQ: interest, and what is asked for."""

from __future__ import annotations

from tests.kit.probe.variants.kit import around, replace, variant
from tests.reference import wire
from tests.reference.peer import Peer
from tests.reference.wire import Type


@variant("IN-01", Peer, "tell_interest")
def interested_when_unchoked(right, self, link, *, answer=False):
    """Interest is only told after an unchoke."""
    if self.copy.complete or not link.chokes_us:
        right(self, link, answer=answer)


@variant("IN-02", Peer, "tell_interest")
def silent_when_complete(right, self, link, *, answer=False):
    """A leecher that is complete doesn't say that it is no longer interested."""
    if self.me.has_file or not self.copy.complete:
        right(self, link, answer=answer)


@variant("IN-03", Peer, "tell_interest")
def seed_answers_nothing(right, self, link, *, answer=False):
    """A seed doesn't answer bitfields."""
    if not self.me.has_file:
        right(self, link, answer=answer)


@variant("IN-04", Peer, "handle")
def haves_do_not_interest(right, self, link, kind, payload):
    """A have is noted, but never makes interested."""
    if kind == Type.HAVE:
        link.pieces.add(int.from_bytes(payload, "big"))
        self.reset_early()
        self.changed.notify_all()
        self.log.write(f"received the 'have' message from {link.peer_id} for the piece {int.from_bytes(payload, 'big')}.")  # fmt: skip
        return
    right(self, link, kind, payload)


@variant("IN-05", Peer, "tell_interest")
def not_interested_only_when_complete(right, self, link, *, answer=False):
    """Not interested is only said when the whole file is there."""
    if self.copy.complete or link.told_interest is None or link.pieces - self.copy.have:
        right(self, link, answer=answer)


@variant("IN-06", Peer, "tell_interest")
def interested_after_each_piece(right, self, link, *, answer=False):
    """Interest is told after each piece, though nothing changed."""
    if link.told_interest and link.pieces - self.copy.have:
        self.send(link, Type.INTERESTED)
    right(self, link, answer=answer)


@variant("IN-07", Peer, "learn")
def idle_until_the_next_unchoke(right, self, link, pieces, *, first):
    """Unchoked and idle, it doesn't look again when a have comes."""
    asked, self.ask = self.ask, lambda link: None
    right(self, link, pieces, first=first)
    self.ask = asked


@variant("IN-08")
def only_the_sender_is_looked_at():
    """After a piece only its sender may hear not interested."""

    @around(Peer, "take_piece")
    def take_piece(right, self, link, index, content):
        self.sender = link
        right(self, link, index, content)

    @around(Peer, "tell_interest")
    def tell_interest(right, self, link, *, answer=False):
        if answer or link.pieces - self.copy.have or link is getattr(self, "sender", link):
            right(self, link, answer=answer)


@variant("RQ-01", Peer, "ask")
def asks_while_choked(right, self, link):
    """It asks as soon as it knows a piece."""
    choked, link.chokes_us = link.chokes_us, False
    right(self, link)
    link.chokes_us = choked


@variant("RQ-02", Peer, "handle")
def forgets_the_unchoke(right, self, link, kind, payload):
    """An unchoke leads to no request; only haves do."""
    if kind == Type.UNCHOKE:
        link.chokes_us = False
        self.log.write(f"is unchoked by {link.peer_id}.")
        return
    right(self, link, kind, payload)


def _asking(candidates):
    """Ask for one of what this finds."""

    def ask(self, link):
        if link.chokes_us or self.ending or link.open:
            return
        wanted = sorted(candidates(self, link))
        if wanted:
            index = self.rng.choice(wanted)
            link.open.add(index)
            link.asked.add(index)
            link.put(wire.request(index))

    replace(Peer, "ask", ask)


def _open(self):
    return set().union(*(other.open for other in self.links.values()))


@variant("RQ-04")
def asks_for_what_nobody_told():
    """The request is drawn from all missing pieces."""
    _asking(lambda self, link: set(range(self.settings.piece_count)) - self.copy.have - _open(self))


@variant("RQ-05")
def asks_for_what_it_has():
    """Now and then it asks for a piece that it has."""

    def candidates(self, link):
        if len(self.copy.have) == 5 and not getattr(self, "again", False):
            self.again = True
            return link.pieces & self.copy.have
        return link.pieces - self.copy.have - _open(self)

    _asking(candidates)


@variant("RQ-08", Peer, "take_piece")
def one_piece_an_unchoke(right, self, link, index, content):
    """After each piece it waits for the next unchoke."""
    choked, link.chokes_us = link.chokes_us, True
    right(self, link, index, content)
    link.chokes_us = choked


@variant("RQ-09")
def nobody_marks_what_is_asked():
    """What others were asked for isn't looked at."""
    _asking(lambda self, link: link.pieces - self.copy.have - link.open)


@variant("RQ-10")
def one_download_at_a_time():
    """It asks nobody while a request is open anywhere."""
    _asking(lambda self, link: set() if _open(self) else link.pieces - self.copy.have)


@variant("RQ-11", Peer, "handle")
def crossed_pieces_are_thrown_away(right, self, link, kind, payload):
    """A piece that arrives behind a choke doesn't count."""
    if kind == Type.CHOKE:
        link.asked.clear()
    right(self, link, kind, payload)


@variant("RQ-12")
def asks_only_who_has_most():
    """Only the one that told most pieces at the beginning is asked."""

    @around(Peer, "learn")
    def learn(right, self, link, pieces, *, first):
        if first:
            link.told = len(pieces)
        right(self, link, pieces, first=first)

    def candidates(self, link):
        others = [one for one in self.links.values() if not one.chokes_us]
        most = max(getattr(one, "told", 0) for one in others)
        if getattr(link, "told", 0) < most:
            return set()
        return link.pieces - self.copy.have - _open(self)

    _asking(candidates)

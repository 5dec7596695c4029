"""CH: who is unchoked, how many, and when."""

from __future__ import annotations

import threading
import time

from tests.kit.probe.variants.kit import around, replace, variant
from tests.reference.choking import Choking
from tests.reference.wire import Type


def _interested(self):
    return [link for link in self.peer.links.values() if link.interested]


def _choose(self, links):
    for link in self.peer.links.values():
        link.rate = 0
    chosen = {link.peer_id for link in links}
    if chosen != self.preferred:
        self.peer.log.write(f"has the preferred neighbors {','.join(map(str, sorted(chosen)))}.")
    self.preferred = chosen
    self.choke_and_unchoke()


def _choosing(pick):
    """Choose the preferred neighbors with this, where it finds any; else as is right."""

    @around(Choking, "choose_preferred")
    def choose_preferred(right, self):
        links = _interested(self)
        self.peer.rng.shuffle(links)
        found = pick(self, links, self.peer.settings.k)
        if found is None:
            right(self)
        else:
            _choose(self, found)


@variant("CH-01")
def timers_never_start():
    """Nobody is ever unchoked."""
    replace(Choking, "run", lambda self: None)


@variant("CH-02")
def k_is_not_looked_at():
    """All interested neighbors are unchoked."""
    _choosing(lambda self, links, k: links)


@variant("CH-03")
def places_for_the_uninterested():
    """Empty places go to neighbors that are not interested."""

    def pick(self, links, k):
        others = [link for link in self.peer.links.values() if not link.interested]
        return [*links, *others][:k]

    _choosing(lambda self, links, k: pick(self, links, k) if len(links) < k else None)


@variant("CH-04")
def places_left_empty():
    """Two of the places are never given."""
    _choosing(lambda self, links, k: links[: max(1, k - 2)] if self.peer.copy.complete else None)


@variant("CH-05")
def only_the_first_two():
    """Only the first two that are interested are ever chosen."""

    def pick(self, links, k):
        first = sorted(links, key=lambda link: link.peer_id)[: max(2, k)]
        self.peer.rng.shuffle(first)
        return first[:k]

    _choosing(lambda self, links, k: pick(self, links, k) if self.peer.copy.complete else None)

    def choose_optimistic(self):
        first = sorted(_interested(self), key=lambda link: link.peer_id)[:2]
        choked = [link.peer_id for link in first if link.choked]
        if choked:
            self.optimistic = choked[0]
            self.peer.log.write(f"has the optimistically unchoked neighbor {choked[0]}.")
            self.choke_and_unchoke()

    replace(Choking, "choose_optimistic", choose_optimistic)


@variant("CH-06", Choking, "choose_preferred")
def chooses_twice_an_interval(right, self):
    """Between two choices there is a third."""

    def again():
        with self.peer.lock:
            if not self.peer.ending:
                right(self)

    right(self)
    timer = threading.Timer(self.peer.settings.p / 2, again)
    timer.daemon = True
    timer.start()


@variant("CH-07")
def told_at_every_choice():
    """Choke and unchoke are sent to all at each choice."""

    def choke_and_unchoke(self):
        for link in self.peer.links.values():
            link.choked = link.peer_id not in self.preferred | {self.optimistic}
            self.peer.send(link, Type.CHOKE if link.choked else Type.UNCHOKE)
            if link.choked:
                link.waiting.clear()

    replace(Choking, "choke_and_unchoke", choke_and_unchoke)


@variant("CH-09", Choking, "choose_preferred")
def optimistic_is_choked_with_all_others(right, self):
    """The choice of preferred neighbors chokes the optimistic one."""
    self.optimistic = None
    right(self)


@variant("CH-10")
def old_optimistic_lingers():
    """The former optimistic neighbor is choked at the next choice of preferred ones only."""

    def choose_optimistic(self):
        candidates = [link for link in _interested(self) if link.choked]
        if candidates:
            link = self.peer.rng.choice(candidates)
            self.optimistic = link.peer_id
            self.peer.log.write(f"has the optimistically unchoked neighbor {self.optimistic}.")
            link.choked = False
            self.peer.send(link, Type.UNCHOKE)

    replace(Choking, "choose_optimistic", choose_optimistic)


@variant("CH-11")
def seeds_choose_by_id():
    """A seed takes the smallest ids."""
    _choosing(lambda self, links, k: sorted(links, key=lambda link: link.peer_id)[:k] if self.peer.me.has_file else None)  # fmt: skip


@variant("CH-12")
def rate_since_the_start():
    """Rates are never set to zero."""

    def pick(self, links, k):
        for link in self.peer.links.values():
            link.total = getattr(link, "total", 0) + link.rate
        return sorted(links, key=lambda link: -link.total)[:k]

    _choosing(lambda self, links, k: None if self.peer.copy.complete else pick(self, links, k))


@variant("CH-13")
def complete_ones_choose_by_id():
    """A leecher that has become complete goes on sorting by rate, and so by id."""

    def pick(self, links, k):
        if self.peer.copy.complete and not self.peer.me.has_file:
            return sorted(links, key=lambda link: link.peer_id)[:k]
        return None

    _choosing(pick)


@variant("CH-14")
def places_are_kept_for_ever():
    """Who is no longer interested keeps its place."""

    def pick(self, links, k):
        held = [link for link in self.peer.links.values() if link.peer_id in self.preferred and not link.interested]  # fmt: skip
        return [*held, *links][:k] if held else None

    _choosing(pick)


@variant("CH-15", Choking, "run")
def chooses_at_once(right, self):
    """The first choice is made as soon as somebody is interested."""
    with self.peer.lock:
        while not _interested(self):
            self.peer.changed.wait(0.02)
        time.sleep(0.05)
        self.choose_preferred()
    right(self)

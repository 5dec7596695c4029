"""Choking (spec 4): who may download from us, decided by two timers."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from tests.reference.wire import Type

if TYPE_CHECKING:
    from tests.reference.peer import Peer

ANSWER_SECONDS = 10.0


class Choking:
    """The preferred neighbors and the optimistically unchoked one, under the peer's lock."""

    def __init__(self, peer: Peer) -> None:
        """At the start the set is empty and the place is free (spec 8.1)."""
        self.peer = peer
        self.preferred: set[int] = set()
        self.optimistic: int | None = None

    def forget(self, peer_id: int) -> None:
        """A neighbor that is lost leaves set and place at once, without a log line (spec 2.8)."""
        self.preferred.discard(peer_id)
        if self.optimistic == peer_id:
            self.optimistic = None

    def run(self) -> None:
        """Thread: both reselections on a schedule that doesn't drift (spec 4.7), and 6.6."""
        begin = time.monotonic()
        preferred, optimistic = self.peer.settings.p, self.peer.settings.m
        with self.peer.lock:
            while not self.peer.ending:
                now = time.monotonic() - begin
                if now >= preferred:
                    self.choose_preferred()
                    preferred = self.peer.settings.p * (now // self.peer.settings.p + 1)
                if now >= optimistic:
                    self.choose_optimistic()
                    optimistic = self.peer.settings.m * (now // self.peer.settings.m + 1)
                self.free_overdue()
                now = time.monotonic() - begin
                self.peer.changed.wait(max(0, min(preferred - now, optimistic - now, 1.0)))

    def choose_preferred(self) -> None:
        """Reselect the preferred neighbors (spec 4.2 to 4.4)."""
        ranking = [link for link in self.peer.links.values() if link.interested]
        self.peer.rng.shuffle(ranking)  # breaks ties, and is the whole choice of a complete peer
        if not self.peer.copy.complete:
            ranking.sort(key=lambda link: -link.rate)
        chosen = {link.peer_id for link in ranking[: self.peer.settings.k]}
        for link in self.peer.links.values():
            link.rate = 0
        if chosen != self.preferred:
            names = ",".join(map(str, sorted(chosen)))
            self.peer.log.write(f"has the preferred neighbors {names}.")
        self.preferred = chosen
        self.choke_and_unchoke()

    def choose_optimistic(self) -> None:
        """Pick the optimistically unchoked neighbor (spec 4.5)."""
        candidates = [i for i, link in self.peer.links.items() if link.choked and link.interested]
        if candidates:
            self.optimistic = self.peer.rng.choice(candidates)
            self.peer.log.write(f"has the optimistically unchoked neighbor {self.optimistic}.")
            self.choke_and_unchoke()

    def choke_and_unchoke(self) -> None:
        """Tell those for whom it changed (spec 4.1, 4.4); a choke drops what waits (4.8)."""
        for link in self.peer.links.values():
            choked = link.peer_id not in self.preferred | {self.optimistic}
            if choked != link.choked:
                link.choked = choked
                self.peer.send(link, Type.CHOKE if choked else Type.UNCHOKE)
            if choked:
                link.waiting.clear()

    def free_overdue(self) -> None:
        """Free the pieces of requests that stay unanswered, and ask again (spec 6.6)."""
        for link in self.peer.links.values():
            waited = time.monotonic() - link.last_byte
            if link.open and waited > ANSWER_SECONDS * 2**link.unanswered:
                link.open.clear()
                link.unanswered += 1
                self.peer.ask_all()

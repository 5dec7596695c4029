"""Mutants of requests and pieces (spec 6)."""

from __future__ import annotations

from dataclasses import replace

from core.downloads import Downloads
from core.interface.effects import Log, Send
from core.interface.events import MessageReceived, PieceReceived
from core.interface.messages import Choke, Request
from core.picking import Pick
from core.state import State
from core.uploads import Uploads
from peerio.simulation.scenario import Faults
from tests.verifier.matrix.mutants import PLAIN, UNTRACED, mutant
from tests.verifier.matrix.orders import OpenPeer, logs, sends

CROSSING = replace(PLAIN, peers=6, pieces=60, delay=0.2, p=0.3, m=0.3, upload=8000.0)
PICK = "core.picking.CandidateSet.pick"


@mutant("D12", scenario=replace(PLAIN, pieces=80), place=PICK)
def lowest_piece_first(self, rng, last=()):
    """Asks for the lowest piece."""
    return Pick(min(self._members), 0, len(self._members)) if self._members else None


@mutant("D02", "D10", "D01", scenario=CROSSING, seed=2)
class KeepsDuplicates(Downloads):
    """Takes a piece that it has for a new one, with the number of pieces as it is."""

    def _reason_to_skip(self, neighbor, piece):
        return None if piece in self._state.own else super()._reason_to_skip(neighbor, piece)

    def received(self, neighbor, piece):
        if piece not in self._state.own:
            super().received(neighbor, piece)
            return
        self._receiving.pop(piece, None)
        count = self._count()
        self._state.log("downloaded_piece", piece=piece, neighbor=neighbor.peer_id, count=count)
        self._answered(neighbor, piece)

    def _count(self):
        return self._state.own.count


@mutant("D02", "D03", scenario=CROSSING, seed=2)
class CountsDuplicates(KeepsDuplicates):
    """Counts a piece again that it had."""

    extra = 0

    def _count(self):
        self.extra += 1
        return super()._count() + self.extra


@mutant("error", scenario=replace(CROSSING, window=500))
class TwoWritersOfOnePiece(Downloads):
    """Keeps a piece from whoever sends it, also while another does."""

    def _reason_to_skip(self, neighbor, piece):
        return None


@mutant("D05", "W16", "T01", who=(1003,))
class ClaimsToHaveAll(State):
    """A leecher begins with a full map, and serves zeros."""

    def __init__(self, config, peer_id, rng, **options) -> None:
        super().__init__(config, peer_id, rng, **options)
        for piece in range(config.piece_count):
            self.own.add(piece)


@mutant("D04", scenario=replace(PLAIN, seeds=2), who=(1002,))
class SeedStartsEmpty(State):
    """A seed doesn't look at its file."""

    def __init__(self, config, peer_id, rng, **options) -> None:
        peers = tuple(
            replace(peer, has_file=peer.has_file and peer.peer_id != peer_id)
            for peer in config.peers
        )
        super().__init__(replace(config, peers=peers), peer_id, rng, **options)


@mutant("D14", scenario=replace(PLAIN, k=1, p=35.0, m=34.0))
class OnePieceAnUnchoke(Downloads):
    """Asks for one piece at each unchoke, and doesn't go on."""

    def look_again(self, neighbor):
        pass

    def unchoked(self, neighbor):
        super().unchoked(neighbor)
        super().look_again(neighbor)

    def _answered(self, neighbor, piece):
        super()._answered(neighbor, piece)
        if neighbor.download.state == "requesting":
            neighbor.download.answered()


@mutant("end", scenario=replace(CROSSING, trace=False))
class ForgetsFreedRequests(Downloads):
    """A request that a choke crossed is never made again."""

    def _free(self, neighbor, piece, cause):
        pass


@mutant("end", scenario=replace(UNTRACED, window=100, faults=Faults(resets=12)))
class ForgetsHalfPieces(Downloads):
    """A piece whose connection is lost in the middle stays under way for ever."""

    def lost(self, neighbor):
        self._free(neighbor, neighbor.download.clear(), "loss")

    def _close_stalled(self):
        pass  # which would mend it after 30 s


@mutant("W04")
class Pipelines(Downloads):
    """Sends two requests at each unchoke."""

    def unchoked(self, neighbor):
        super().unchoked(neighbor)
        self.ask_now(neighbor)
        self._ask(neighbor)


@mutant("W05", "W06")
class AsksEverybody(Downloads):
    """Asks for pieces that it has asked of another."""

    def _ask(self, neighbor):
        asked = super()._ask(neighbor)
        piece = neighbor.download.piece
        for other in self._state.neighbors.values():
            if other is not neighbor and asked and piece in other.pieces:
                other.candidates.add(piece)
        return asked


@mutant("W05", scenario=replace(PLAIN, k=3, upload=2000.0))
class GivesUpTooSoon(Downloads):
    """Gives up a request after a second without an answer."""

    def _watch(self, at):
        super()._watch(at - 9)

    def _is_over(self, due):
        return super()._is_over(due - 9)


@mutant("W06")
class AsksWhileChoked(OpenPeer):
    """Sends the request that a choke crossed once more, behind the choke."""

    def handle(self, event, now):
        neighbor = self.state.neighbors.get(getattr(event, "neighbor", 0))
        piece = None if neighbor is None else neighbor.download.piece
        orders = super().handle(event, now)
        if piece is not None and isinstance(event, MessageReceived) and event.message == Choke():
            orders.append(Send(event.neighbor, Request(piece)))
        return orders


@mutant("W07", scenario=replace(PLAIN, wait=40.0))
class DropsRequests(Uploads):
    """Loses each tenth request."""

    number = 0

    def requested(self, neighbor, piece):
        self.number += 1
        if self.number % 10:
            super().requested(neighbor, piece)


@mutant("end", scenario=UNTRACED)
class NeverServesAgain(Uploads):
    """Takes a neighbor's first piece for under way for ever."""

    def sent(self, neighbor):
        pass


@mutant("W18")
class MiscountsFreed(Downloads):
    """Doesn't count the requests that it gives up."""

    def _free(self, neighbor, piece, cause):
        before = self.freed
        super()._free(neighbor, piece, cause)
        self.freed = before


@mutant("D09", who=(1003,))
class CompleteTooSoon(OpenPeer):
    """Says that it is complete with one piece lacking."""

    def handle(self, event, now):
        orders = [order for order in super().handle(event, now) if not logs(order, "completed")]
        if isinstance(event, PieceReceived) and len(self.state.own) - self.state.own.count == 1:
            place = next(n for n, order in enumerate(orders) if logs(order, "downloaded_piece"))
            orders.insert(place + 1, Log("completed", {}))
        return orders


@mutant("D10", "H02", who=(1003,))
class LosesPieceLine(OpenPeer):
    """Doesn't log its tenth piece."""

    def handle(self, event, now):
        orders = super().handle(event, now)
        if self.state.own.count == 10:
            return [order for order in orders if not logs(order, "downloaded_piece")]
        return orders


@mutant("end", scenario=UNTRACED)
class AsksOnceOnly(OpenPeer):
    """Sends the first request to each neighbor, and no other."""

    def __init__(self, *args, **keywords) -> None:
        super().__init__(*args, **keywords)
        self.asked: set[int] = set()

    def handle(self, event, now):
        kept = []
        for order in super().handle(event, now):
            if not sends(order, Request):
                kept.append(order)
            elif order.neighbor not in self.asked:
                self.asked.add(order.neighbor)
                kept.append(order)
        return kept

"""Cores that are wrong on purpose, each in one rule: the searches must find every one.

Each is a small change of a part of the real core, made on one instance.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

from core.choking import choose_preferred
from core.config import SwarmConfig
from core.interface.effects import Broadcast, Finish, Log, Punish, Send, SendPiece
from core.interface.messages import Have, NotInterested
from core.interface.words import LogEvent
from core.peer import Peer
from core.state import Neighbor

Change = Callable[[Peer], None]
CHANGES: dict[str, Change] = {}


def wrong(change: Change) -> Change:
    """Note a way of being wrong by its name."""
    CHANGES[change.__name__] = change
    return change


def broken(name: str) -> type[Peer]:
    """A core class that is wrong in this way."""

    class Broken(Peer):
        def __init__(
            self,
            config: SwarmConfig,
            peer_id: int,
            rng: Random,
            *,
            wait: float | None = None,
            tracing: bool = False,
        ) -> None:
            super().__init__(config, peer_id, rng, wait=wait, tracing=tracing)
            CHANGES[name](self)

    return Broken


def _after_handling(peer: Peer, edit: Callable[[list[Any]], list[Any]]) -> None:
    """Edit all orders on their way out."""
    handle = peer.handle
    peer.handle = lambda event, now: edit(handle(event, now))  # type: ignore[method-assign]  # one instance, on purpose


@wrong
def asks_twice(peer: Peer) -> None:
    """A piece that was asked of one neighbor stays a candidate for the others (spec 6.1)."""
    ask = peer.downloads._ask

    def wrong_ask(neighbor: Neighbor) -> bool:
        asked = ask(neighbor)
        for other in peer.state.neighbors.values():
            piece = neighbor.download.piece
            if other is not neighbor and piece is not None and piece in other.pieces:
                other.candidates.add(piece)
        return asked

    peer.downloads._ask = wrong_ask  # type: ignore[method-assign]  # one instance, on purpose


@wrong
def forgets_a_freed_request(peer: Peer) -> None:
    """A request that a choke crossed is never made again (spec 6.4)."""
    peer.downloads._relist = lambda piece: None  # type: ignore[method-assign]  # one instance, on purpose


@wrong
def keeps_the_book_after_loss(peer: Peer) -> None:
    """A lost connection doesn't free what was asked on it (spec 2.8)."""
    free = peer.downloads._free
    peer.downloads._free = lambda neighbor, piece, cause: (  # type: ignore[method-assign]  # one instance, on purpose
        None if cause == "loss" else free(neighbor, piece, cause)
    )


@wrong
def never_overdue(peer: Peer) -> None:
    """A request may stay unanswered for ever (spec 6.6)."""
    peer.downloads.check_overdue = lambda: None  # type: ignore[method-assign]  # one instance, on purpose


@wrong
def waits_no_longer(peer: Peer) -> None:
    """The wait for an answer doesn't double with each that stays out (spec 6.6)."""
    check = peer.downloads.check_overdue

    def wrong_check() -> None:
        check()
        for neighbor in peer.state.neighbors.values():
            neighbor.download.unanswered = 0

    peer.downloads.check_overdue = wrong_check  # type: ignore[method-assign]  # one instance, on purpose


@wrong
def bears_with_drips(peer: Peer) -> None:
    """Who sends next to nothing of a piece may go on for ever (spec 6.6)."""
    peer.downloads._close_stalled = lambda: None  # type: ignore[method-assign]  # one instance, on purpose


@wrong
def waits_for_what_nobody_has(peer: Peer) -> None:
    """No clock runs while anybody is connected who lacks something (spec 7.3)."""
    lacking = peer.waiting.lacking
    peer.waiting.lacking = lambda: 0 if peer.state.neighbors else lacking()  # type: ignore[method-assign]  # one instance, on purpose


@wrong
def waits_for_the_failed(peer: Peer) -> None:
    """A peer that failed stays as long as anybody here lacks something (spec 7.4)."""
    ending = peer.ending

    def wrong_end() -> None:
        if all(neighbor.pieces.complete for neighbor in peer.state.neighbors.values()):
            ending.finish(4, "disk full")

    ending._end_when_useless = wrong_end  # type: ignore[method-assign]  # one instance, on purpose


@wrong
def keeps_whatever_comes(peer: Peer) -> None:
    """A piece that nobody asked for is kept (spec 6.5)."""
    downloads = peer.downloads
    reason = downloads._reason_to_skip
    downloads._reason_to_skip = lambda neighbor, piece: (  # type: ignore[method-assign]  # one instance, on purpose
        None if (why := reason(neighbor, piece)) == "not asked" else why
    )


@wrong
def unchokes_one_too_many(peer: Peer) -> None:
    """K + 2 are unchoked (spec 4.1)."""
    give = peer.uploads._give_preferred

    def wrong_give(chosen: frozenset[int]) -> None:
        interested = {n.peer_id for n in peer.state.neighbors.values() if n.interested}
        give(chosen | frozenset(sorted(interested - chosen)[:1]))

    peer.uploads._give_preferred = wrong_give  # type: ignore[method-assign]  # one instance, on purpose


@wrong
def ignores_rates(peer: Peer) -> None:
    """A peer that isn't complete prefers at random (spec 4.2)."""
    give = peer.uploads._give_preferred

    def wrong_give(chosen: frozenset[int]) -> None:
        state = peer.state
        rates = {n.peer_id: 0 for n in state.neighbors.values() if n.interested}
        k = state.config.preferred_neighbors
        give(choose_preferred(rates, k, complete=True, rng=state.rng).chosen)

    peer.uploads._give_preferred = wrong_give  # type: ignore[method-assign]  # one instance, on purpose


@wrong
def never_loses_interest(peer: Peer) -> None:
    """Interest isn't looked at again after a piece (spec 5.3)."""
    _after_handling(
        peer,
        lambda orders: [
            order
            for order in orders
            if not (isinstance(order, Send) and isinstance(order.message, NotInterested))
        ],
    )


@wrong
def loses_the_last_have(peer: Peer) -> None:
    """The piece that completes the file isn't announced (spec 5.3, 7.2)."""
    _after_handling(
        peer,
        lambda orders: [
            order
            for order in orders
            if not (isinstance(order, Broadcast) and peer.state.own.complete)
        ],
    )


@wrong
def serves_the_choked(peer: Peer) -> None:
    """What waits when its sender is choked is sent all the same (spec 4.8)."""
    peer.uploads._drop_waiting = lambda neighbor, cause: None  # type: ignore[method-assign]  # one instance, on purpose


@wrong
def sends_two_pieces_at_once(peer: Peer) -> None:
    """A request is served while another piece is under way (spec 4.9)."""
    uploads = peer.uploads
    send = uploads._send

    def wrong_send(neighbor: Neighbor, piece: int) -> None:
        send(neighbor, piece)
        neighbor.sending = None

    uploads._send = wrong_send  # type: ignore[method-assign]  # one instance, on purpose


@wrong
def ends_too_early(peer: Peer) -> None:
    """A peer ends when itself and those connected are complete (spec 7.1)."""

    def wrong_evaluate() -> None:
        state, ending = peer.state, peer.ending
        here = state.neighbors.values()
        if not ending.finished and state.own.complete and all(n.pieces.complete for n in here):
            ending.finish(0, "all complete")

    peer.ending.evaluate = wrong_evaluate  # type: ignore[method-assign]  # one instance, on purpose


@wrong
def never_ends(peer: Peer) -> None:
    """The end is never decided (spec 7.1)."""
    _after_handling(peer, lambda orders: [o for o in orders if not isinstance(o, Finish)])


@wrong
def sends_before_it_logs(peer: Peer) -> None:
    """The line of an event comes behind what it causes (spec 8.4)."""
    _after_handling(peer, lambda orders: sorted(orders, key=lambda o: isinstance(o, Log)))


@wrong
def logs_only_changes(peer: Peer) -> None:
    """A message that is repeated isn't logged (spec 3.4, 8.1)."""
    log = peer.state.log
    last: dict[object, str] = {}

    def wrong_log(event: LogEvent, **fields: Any) -> None:
        key = (event.endswith("choked"), fields.get("neighbor"))
        if event not in ("choked", "unchoked") or last.get(key) != event:
            log(event, **fields)
        last[key] = event

    peer.state.log = wrong_log  # type: ignore[method-assign]  # one instance, on purpose


@wrong
def keeps_the_optimistic_place(peer: Peer) -> None:
    """A neighbor that is lost keeps the optimistic place (spec 2.8)."""
    uploads = peer.uploads
    lost = uploads.lost

    def wrong_lost(neighbor: Neighbor) -> None:
        optimistic = uploads.optimistic
        lost(neighbor)
        uploads.optimistic = optimistic

    uploads.lost = wrong_lost  # type: ignore[method-assign]  # one instance, on purpose


@wrong
def announces_skipped_pieces(peer: Peer) -> None:
    """A piece that was skipped is announced (spec 6.5)."""
    skipped = peer.downloads.skipped

    def wrong_skipped(neighbor: Neighbor, piece: int) -> None:
        skipped(neighbor, piece)
        peer.state.out.append(Broadcast(Have(piece)))

    peer.downloads.skipped = wrong_skipped  # type: ignore[method-assign]  # one instance, on purpose


@wrong
def asks_before_the_turn_ends(peer: Peer) -> None:
    """A request is ordered at once, although a choke may follow in the same turn (spec 6.2)."""
    peer.downloads.look_again = peer.downloads.ask_now  # type: ignore[method-assign]  # one instance, on purpose


@wrong
def chokes_and_unchokes_in_one_breath(peer: Peer) -> None:
    """Each choice is told before the other is made (spec 4.7)."""
    uploads = peer.uploads
    give, pick = uploads._give_preferred, uploads._reselect_optimistic

    def wrong_give(chosen: frozenset[int]) -> None:
        give(chosen)
        uploads._tell_turned()

    def wrong_pick() -> None:
        pick()
        uploads._tell_turned()

    uploads._give_preferred = wrong_give  # type: ignore[method-assign]  # one instance, on purpose
    uploads._reselect_optimistic = wrong_pick  # type: ignore[method-assign]  # one instance, on purpose


@wrong
def bears_everything(peer: Peer) -> None:
    """Messages that change nothing are taken without end (spec 3.5)."""
    _after_handling(peer, lambda orders: [o for o in orders if not isinstance(o, Punish)])


@wrong
def counts_what_a_choke_crossed(peer: Peer) -> None:
    """A request that our choke crossed counts as one that changes nothing (spec 3.5, 6.4)."""
    requested = peer.uploads.requested

    def wrong_requested(neighbor: Neighbor, piece: int) -> None:
        neighbor.crossing = False
        requested(neighbor, piece)

    peer.uploads.requested = wrong_requested  # type: ignore[method-assign]  # one instance, on purpose


@wrong
def serves_what_it_lacks(peer: Peer) -> None:
    """A request for a piece that isn't here is served (spec 4.9)."""
    requested = peer.uploads.requested

    def wrong_requested(neighbor: Neighbor, piece: int) -> None:
        if neighbor.unchoked and piece not in peer.state.own:
            peer.state.out.append(SendPiece(neighbor.peer_id, piece))
        else:
            requested(neighbor, piece)

    peer.uploads.requested = wrong_requested  # type: ignore[method-assign]  # one instance, on purpose

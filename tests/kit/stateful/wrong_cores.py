"""Cores that are wrong on purpose, each in one rule: the searches must find every one.

Each is a small change of a part of the real core, made on one instance: a function that stands in the
place of a right one.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial, reduce, wraps
from typing import Any

from core.choking import choose_preferred
from core.interface.effects import Broadcast, Effect, Finish, Log, Punish, Send, SendPiece
from core.interface.events import Event
from core.interface.messages import Have, NotInterested
from core.interface.words import LogEvent
from core.peer import Peer
from core.piecemap import PieceMap
from core.state import Neighbor

Change = Callable[[Peer], None]
CHANGES: dict[str, Change] = {}


def noted(change: Change) -> Change:
    """Note a way of being wrong by its name."""
    CHANGES[change.__name__] = change
    return change


def wrong(place: str) -> Callable[[Callable[..., Any]], Change]:
    """Note a function that is put in the place of a right one of the core, such as `downloads._ask`.

    It is given the peer and the right one before what the right one is given.
    """
    *parts, name = place.split(".")

    def note(function: Callable[..., Any]) -> Change:
        @wraps(function)
        def change(peer: Peer) -> None:
            owner = reduce(getattr, parts, peer)
            setattr(owner, name, partial(function, peer, getattr(owner, name)))

        return noted(change)

    return note


def broken(name: str) -> type[Peer]:
    """A core class that is wrong in this way."""

    class Broken(Peer):
        def __init__(self, *given: Any, **options: Any) -> None:
            super().__init__(*given, **options)
            CHANGES[name](self)

    return Broken


@wrong("downloads._ask")
def asks_twice(peer: Peer, ask: Any, neighbor: Neighbor) -> Any:
    """A piece that was asked of one neighbor stays a candidate for the others (spec 6.1)."""
    asked = ask(neighbor)
    for other in peer.state.neighbors.values():
        piece = neighbor.download.piece
        if other is not neighbor and piece is not None and piece in other.pieces:
            other.candidates.add(piece)
    return asked


@wrong("downloads._relist")
def forgets_a_freed_request(peer: Peer, relist: Any, piece: int) -> None:
    """A request that a choke crossed is never made again (spec 6.4)."""


@wrong("downloads._free")
def keeps_the_book_after_loss(
    peer: Peer, free: Any, neighbor: Neighbor, piece: int, cause: str
) -> None:
    """A lost connection doesn't free what was asked on it (spec 2.8)."""
    if cause != "loss":
        free(neighbor, piece, cause)


@wrong("downloads.check_overdue")
def never_overdue(peer: Peer, check: Any) -> None:
    """A request may stay unanswered for ever (spec 6.6)."""


@wrong("downloads.check_overdue")
def waits_no_longer(peer: Peer, check: Any) -> None:
    """The wait for an answer doesn't double with each that stays out (spec 6.6)."""
    check()
    for neighbor in peer.state.neighbors.values():
        neighbor.download.unanswered = 0


@wrong("downloads._close_stalled")
def bears_with_drips(peer: Peer, close: Any) -> None:
    """Who sends next to nothing of a piece may go on for ever (spec 6.6)."""


@wrong("waiting.lacking")
def waits_for_what_nobody_has(peer: Peer, lacking: Any) -> Any:
    """No clock runs while anybody is connected who lacks something (spec 7.3)."""
    return 0 if peer.state.neighbors else lacking()


@wrong("ending._end_when_useless")
def waits_for_the_failed(peer: Peer, end: Any) -> None:
    """A peer that failed stays as long as anybody here lacks something (spec 7.4)."""
    if all(neighbor.pieces.complete for neighbor in peer.state.neighbors.values()):
        peer.ending.finish(4, "disk full")


@wrong("downloads._reason_to_skip")
def keeps_whatever_comes(peer: Peer, reason: Any, neighbor: Neighbor, piece: int) -> Any:
    """A piece that nobody asked for is kept (spec 6.5)."""
    return None if (why := reason(neighbor, piece)) == "not asked" else why


@wrong("uploads._give_preferred")
def unchokes_one_too_many(peer: Peer, give: Any, chosen: frozenset[int]) -> None:
    """K + 2 are unchoked (spec 4.1)."""
    interested = {n.peer_id for n in peer.state.neighbors.values() if n.interested}
    give(chosen | frozenset(sorted(interested - chosen)[:1]))


@wrong("uploads._give_preferred")
def ignores_rates(peer: Peer, give: Any, chosen: frozenset[int]) -> None:
    """A peer that isn't complete prefers at random (spec 4.2)."""
    state = peer.state
    rates = {n.peer_id: 0 for n in state.neighbors.values() if n.interested}
    k = state.config.preferred_neighbors
    give(choose_preferred(rates, k, complete=True, rng=state.rng).chosen)


@wrong("handle")
def never_loses_interest(peer: Peer, handle: Any, event: Event, now: float) -> list[Effect]:
    """Interest isn't looked at again after a piece (spec 5.3)."""
    return [
        order
        for order in handle(event, now)
        if not (isinstance(order, Send) and isinstance(order.message, NotInterested))
    ]


@wrong("handle")
def loses_the_last_have(peer: Peer, handle: Any, event: Event, now: float) -> list[Effect]:
    """The piece that completes the file isn't announced (spec 5.3, 7.2)."""
    return [
        order
        for order in handle(event, now)
        if not (isinstance(order, Broadcast) and peer.state.own.complete)
    ]


@wrong("uploads._drop_waiting")
def serves_the_choked(peer: Peer, drop: Any, neighbor: Neighbor, cause: str) -> None:
    """What waits when its sender is choked is sent all the same (spec 4.8)."""


@wrong("uploads._send")
def sends_two_pieces_at_once(peer: Peer, send: Any, neighbor: Neighbor, piece: int) -> None:
    """A request is served while another piece is under way (spec 4.9)."""
    send(neighbor, piece)
    neighbor.sending = None


@wrong("ending.evaluate")
def ends_too_early(peer: Peer, evaluate: Any) -> None:
    """A peer ends when itself and those connected are complete (spec 7.1)."""
    state, ending = peer.state, peer.ending
    here = state.neighbors.values()
    if not ending.finished and state.own.complete and all(n.pieces.complete for n in here):
        ending.finish(0, "all complete")


@wrong("handle")
def never_ends(peer: Peer, handle: Any, event: Event, now: float) -> list[Effect]:
    """The end is never decided (spec 7.1)."""
    return [order for order in handle(event, now) if not isinstance(order, Finish)]


@wrong("handle")
def sends_before_it_logs(peer: Peer, handle: Any, event: Event, now: float) -> list[Effect]:
    """The line of an event comes behind what it causes (spec 8.4)."""
    return sorted(handle(event, now), key=lambda order: isinstance(order, Log))


@noted
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


@wrong("uploads.lost")
def keeps_the_optimistic_place(peer: Peer, lost: Any, neighbor: Neighbor) -> None:
    """A neighbor that is lost keeps the optimistic place (spec 2.8)."""
    optimistic = peer.uploads.optimistic
    lost(neighbor)
    peer.uploads.optimistic = optimistic


@wrong("downloads.skipped")
def announces_skipped_pieces(peer: Peer, skipped: Any, neighbor: Neighbor, piece: int) -> None:
    """A piece that was skipped is announced (spec 6.5)."""
    skipped(neighbor, piece)
    peer.state.out.append(Broadcast(Have(piece)))


@wrong("downloads.look_again")
def asks_before_the_turn_ends(peer: Peer, look_again: Any, neighbor: Neighbor) -> None:
    """A request is ordered at once, although a choke may follow in the same turn (spec 6.2)."""
    peer.downloads.ask_now(neighbor)


@noted
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


@wrong("handle")
def bears_everything(peer: Peer, handle: Any, event: Event, now: float) -> list[Effect]:
    """Messages that change nothing are taken without end (spec 3.5)."""
    return [order for order in handle(event, now) if not isinstance(order, Punish)]


@wrong("uploads.requested")
def counts_what_a_choke_crossed(peer: Peer, requested: Any, neighbor: Neighbor, piece: int) -> None:
    """A request that our choke crossed counts as one that changes nothing (spec 3.5, 6.4)."""
    neighbor.crossing = False
    requested(neighbor, piece)


@wrong("uploads.requested")
def serves_what_it_lacks(peer: Peer, requested: Any, neighbor: Neighbor, piece: int) -> None:
    """A request for a piece that isn't here is served (spec 4.9)."""
    if neighbor.unchoked and piece not in peer.state.own:
        peer.state.out.append(SendPiece(neighbor.peer_id, piece))
    else:
        requested(neighbor, piece)


@wrong("downloads.rejected")
def counts_wrong_content(peer: Peer, rejected: Any, neighbor: Neighbor, piece: int) -> None:
    """A piece whose content is wrong counts like any other (spec 9.3)."""
    peer.downloads.received(neighbor, piece)


@wrong("downloads.rejected")
def forgets_whose_content_was_wrong(
    peer: Peer, rejected: Any, neighbor: Neighbor, piece: int
) -> None:
    """A neighbor's wrong pieces count as its own when it is asked who is missing (spec 7.3, 9.3)."""
    rejected(neighbor, piece)
    peer.state.wrong.clear()


@noted
def asks_for_what_an_earlier_life_left(peer: Peer) -> None:
    """A piece that is there from the start is taken for missing in the first bitfield (spec 9.2)."""
    own = peer.state.own
    if 0 < own.count < len(own):
        peer.state.own = PieceMap(len(own))

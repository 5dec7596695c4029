"""Getting pieces: what neighbors have, whom to ask for what, and what to keep (spec 5, 6).

The book of open requests (`_open`) names, for each piece that somebody was asked for, the one
neighbor whose answer is awaited. A piece leaves the book when it arrives or is freed: by a choke that
crossed the request (spec 6.4), by the loss of the connection (spec 2.8), or because nothing came for
10 s, then 20, 40 … (spec 6.6). Whoever was asked may still answer, so `Neighbor.asked` remembers it
(spec 6.5).

A piece that has begun to come has one writer (spec 6.5). If that one brings less than a sixty-fourth of
it in 30 s, its connection is closed: nothing else could come on it, and only so is the piece really
free for others (spec 6.6).

Nothing is asked for before the turn ends (`end_turn`): what came later in it may forbid the request,
and a request that isn't made needn't be withdrawn (spec 6.2).

For each neighbor, `candidates` holds the pieces that it has, that we lack and that are not in the
book: all that a random choice needs (spec 6.1). They are kept up to date with every change of the
book, at a cost that grows with the number of neighbors but not of pieces.
"""

from __future__ import annotations

from core.errors import LocalProtocolError
from core.interface.effects import (
    AcceptPiece,
    Broadcast,
    CloseConnection,
    CompleteFile,
    Log,
    Punish,
    SetTimer,
    SkipPiece,
    Warn,
)
from core.interface.events import Timer
from core.interface.messages import Have, Request
from core.interface.values import record
from core.interface.words import FreedCause, SkipCause
from core.state import Neighbor, State

DRIP_AFTER = 30.0
"""Seconds in which a writer must bring a part of its piece (spec 6.6)."""
DRIP_PARTS = 64
"""How many such parts a piece has."""


@record
class Receipt:
    """A piece that is coming: who sends it, and since when (seconds) it brings the present part."""

    neighbor: int
    since: float
    size: int = 0
    """Bytes of it that were there then."""

    @property
    def due(self) -> float:
        """When the present part must be there."""
        return self.since + DRIP_AFTER


class Downloads:
    """The downloading half of a peer."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._open: dict[int, int] = {}
        self._receiving: dict[int, Receipt] = {}
        self._looking: dict[int, Neighbor] = {}
        """Neighbors that may be asked for something at the end of this turn."""
        self._timer_at: float | None = None
        self._reported: set[int] = set()
        """Who didn't answer a request and was reported for it: each is once."""
        self.freed = 0
        """How many open requests were given up (trace record `end`)."""
        self.skipped_pieces = 0
        """How many pieces came that weren't kept (trace record `end`)."""
        self.rejected_pieces = 0
        """How many pieces came whose content was wrong (trace record `end`)."""

    # What neighbors have, and whether that is of use (spec 5.1, 5.2).

    def _learn(self, neighbor: Neighbor, pieces: list[int]) -> None:
        """Take in which pieces a neighbor has."""
        have, asked_for, candidates = self._state.own.has, self._open, neighbor.candidates
        for piece in neighbor.pieces.add_all(pieces):
            if not have[piece]:
                neighbor.useful += 1
                if piece not in asked_for:
                    candidates.add(piece)

    def haves_received(self, neighbor: Neighbor, pieces: list[int]) -> bool:
        """Bring the neighbor's bitfield up to date, tell a change of interest, look again.

        Returns whether any piece was news.
        """
        before = neighbor.pieces.count
        self._learn(neighbor, pieces)
        if neighbor.useful and neighbor.our_interest.state != "interested":
            neighbor.our_interest.gain()
        self.look_again(neighbor)
        return neighbor.pieces.count > before

    def bitfield_received(self, neighbor: Neighbor, flags: bytes) -> bool:
        """Take in a bitfield, which may be empty or come late (spec 3.4), and answer the first.

        Returns whether any piece was news.
        """
        before = neighbor.pieces.count
        self._learn(neighbor, neighbor.pieces.news(flags))
        if neighbor.useful:
            if neighbor.our_interest.state != "interested":
                neighbor.our_interest.gain()
        elif neighbor.our_interest.state == "unknown":
            neighbor.our_interest.lose()
        self.look_again(neighbor)
        return neighbor.pieces.count > before

    # Asking (spec 6.1 to 6.4).

    def unchoked(self, neighbor: Neighbor) -> None:
        """Take in the neighbor's unchoke."""
        if neighbor.download.state == "choked":
            neighbor.download.unchoked()
            self.look_again(neighbor)

    def choked(self, neighbor: Neighbor) -> None:
        """Take in a choke: an open request won't be answered, or is on its way (spec 6.4)."""
        if neighbor.download.state == "choked":
            return
        piece = neighbor.download.clear()
        neighbor.download.choked()
        self._free(neighbor, piece, "choke")

    def look_again(self, neighbor: Neighbor) -> None:
        """At the end of the turn, ask for a piece if unchoked and idle (spec 6.3).

        A choke may still come in the same turn: what is chosen after it needs not be taken back.
        """
        self._looking[neighbor.peer_id] = neighbor

    def end_turn(self) -> None:
        """Ask whom this turn's facts made us look at again (spec 6.2)."""
        if self._looking:
            looking, self._looking = self._looking, {}
            for neighbor in looking.values():
                self.ask_now(neighbor)

    def ask_now(self, neighbor: Neighbor) -> None:
        """Ask for a piece if unchoked, with no request open, and with a free way to the neighbor.

        A request would stand behind the piece that is in its send queue, where a choke could overtake
        it: it is chosen when that piece is out.
        """
        download = neighbor.download
        if download.piece is not None or download.state not in ("idle", "requesting"):
            return
        asked = neighbor.sending is None and self._ask(neighbor)
        if not asked and download.state == "requesting":
            download.answered()

    def _ask(self, neighbor: Neighbor) -> bool:
        """Request a random piece of those that can be asked for; whether there was one."""
        state = self._state
        wrong = state.wrong.get(neighbor.peer_id, ())
        pick = None if state.failed else neighbor.candidates.pick(state.rng, wrong)
        if pick is None:
            return False
        piece = pick.piece
        for other in state.neighbors.values():
            other.candidates.discard(piece)
        self._open[piece] = neighbor.peer_id
        neighbor.asked.add(piece)
        neighbor.download.ask_next(piece, state.now)
        if state.tracing:
            fields = {"candidates": pick.candidates, "draw": pick.draw, "piece": piece}
            state.note("request", neighbor=neighbor.peer_id, **fields)
        state.send(neighbor.peer_id, Request(piece))
        self._watch(neighbor.download.due)
        return True

    def _free(self, neighbor: Neighbor, piece: int | None, cause: FreedCause) -> None:
        """Give up an open request: its piece may be asked of anyone again."""
        if piece is None or self._open.get(piece) != neighbor.peer_id:
            return
        state = self._state
        del self._open[piece]
        self.freed += 1
        state.note("freed", neighbor=neighbor.peer_id, piece=piece, cause=cause)
        self._relist(piece)

    def _relist(self, piece: int) -> None:
        """Free a piece to be asked for again: whoever is unchoked and idle looks again (spec 6.3)."""
        neighbors = self._state.neighbors.values()
        for neighbor in neighbors:
            if neighbor.pieces.has[piece]:
                neighbor.candidates.add(piece)
        for neighbor in neighbors:
            self.look_again(neighbor)

    # Pieces that come (spec 6.5).

    def offered(self, neighbor: Neighbor, piece: int) -> None:
        """Decide at a piece's header: keep the content, or let it pass by."""
        state, peer_id = self._state, neighbor.peer_id
        neighbor.download.waits_since = state.now
        cause = self._reason_to_skip(neighbor, piece)
        if cause is None:
            self._receiving[piece] = Receipt(peer_id, state.now)
            self._watch(state.now + DRIP_AFTER)
            state.out.append(AcceptPiece(peer_id, piece))
            return
        self.skipped_pieces += 1
        state.note("skipped", neighbor=peer_id, piece=piece, cause=cause)
        state.out.append(SkipPiece(peer_id, piece))

    def _reason_to_skip(self, neighbor: Neighbor, piece: int) -> SkipCause | None:
        if self._state.failed:
            return "failed"
        if self._state.own.has[piece]:
            return "had it"
        if piece not in neighbor.asked:
            return "not asked"
        if piece in self._receiving:
            return "in progress"
        return None

    def progressed(self, neighbor: Neighbor, piece: int, size: int, at: float) -> None:
        """So many bytes of a piece are there: once that is a part more, the next is awaited."""
        if self._comes_from(neighbor, piece):
            receipt = self._receiving[piece]
            if (size - receipt.size) * DRIP_PARTS >= self._state.config.piece_length(piece):
                receipt.since, receipt.size = at, size

    def _comes_from(self, neighbor: Neighbor, piece: int) -> bool:
        """Whether a neighbor is the writer of a piece."""
        receipt = self._receiving.get(piece)
        return receipt is not None and receipt.neighbor == neighbor.peer_id

    def received(self, neighbor: Neighbor, piece: int) -> None:
        """Take in a piece that was kept and is whole: log it, announce it, ask for the next (spec 5.3, 6.2)."""
        state = self._state
        own, out = state.own, state.out
        if not self._comes_from(neighbor, piece):
            raise LocalProtocolError(f"piece {piece} is whole, but was not being received")
        del self._receiving[piece]
        own.add(piece)
        for wrong in state.wrong.values():
            wrong.discard(piece)
        freed = self._open.pop(piece, None) is None
        source = neighbor.peer_id
        state.rates[source] = state.rates.get(source, 0) + state.config.piece_length(piece)
        fields = {"piece": piece, "neighbor": source, "count": own.count}
        out.append(Log("downloaded_piece", fields))
        if own.complete:
            state.log("completed")
            out.append(CompleteFile())
        out.append(Broadcast(Have(piece)))
        for other in state.neighbors.values():
            if other.pieces.has[piece]:
                if freed:
                    other.candidates.discard(piece)
                other.useful -= 1
                if not other.useful and other.our_interest.state == "interested":
                    other.our_interest.lose()
        self._answered(neighbor, piece)

    def rejected(self, neighbor: Neighbor, piece: int) -> None:
        """Ask others for a piece that was accepted, is whole, and is wrong; its sender goes (spec 9.3)."""
        if not self._comes_from(neighbor, piece):
            raise LocalProtocolError(f"piece {piece} is wrong, but was not being received")
        state, peer_id = self._state, neighbor.peer_id
        del self._receiving[piece]
        self.rejected_pieces += 1
        state.wrong.setdefault(peer_id, set()).add(piece)
        state.note("rejected", neighbor=peer_id, piece=piece)
        self._answered(neighbor, piece)
        if piece not in self._open:
            self._relist(piece)
        reason = f"the content of piece {piece} is wrong: its SHA-256 isn't that of pieces.sha256"
        state.out.append(Punish(peer_id, reason, clause="9.3"))

    def skipped(self, neighbor: Neighbor, piece: int) -> None:
        """Take in that a piece which wasn't kept has passed by; it may have answered the open request.

        That includes a piece that was accepted but couldn't be written: it is still lacking.
        """
        if self._comes_from(neighbor, piece):
            del self._receiving[piece]
        self._answered(neighbor, piece)

    def _answered(self, neighbor: Neighbor, piece: int) -> None:
        """End the open request if this piece answers it, and ask for the next."""
        download = neighbor.download
        if piece in neighbor.asked:
            neighbor.asked.discard(piece)
            download.unanswered = 0
        if download.piece != piece:
            self._await_anew(neighbor)
            return
        if self._open.get(piece) == neighbor.peer_id:
            # Skipped, since it was coming from another who was asked before. If that one delivers, it
            # is of no more use; if it was lost meanwhile, nobody has the piece in hand any more.
            del self._open[piece]
            if piece not in self._state.own and piece not in self._receiving:
                self._relist(piece)
        download.clear()
        self.look_again(neighbor)

    def _await_anew(self, neighbor: Neighbor) -> None:
        """Another piece is through: only now can what the open request names come."""
        download = neighbor.download
        download.waits_since = self._state.now
        if download.state == "requesting":
            self._watch(download.due)

    # What ends a request otherwise.

    def lost(self, neighbor: Neighbor) -> None:
        """Forget a lost connection, and with it what was asked for and half received (spec 2.8)."""
        self._looking.pop(neighbor.peer_id, None)
        half = [piece for piece in self._receiving if self._comes_from(neighbor, piece)]
        for piece in half:
            del self._receiving[piece]
        self._free(neighbor, neighbor.download.clear(), "loss")
        for piece in half:
            if piece not in self._open:
                self._relist(piece)

    # Waiting (spec 6.6).

    def check_overdue(self) -> None:
        """Give up requests that nobody answers, and part with those who send next to nothing."""
        late = [neighbor for neighbor in self._awaited() if self._is_over(neighbor.download.due)]
        for neighbor in late:
            self._free(neighbor, neighbor.download.piece, "overdue")
        for neighbor in late:
            self._report_silence(neighbor)
            neighbor.download.give_up()
            self._looking.pop(neighbor.peer_id, None)  # all others come first
            self.look_again(neighbor)
        self._close_stalled()
        due = [neighbor.download.due for neighbor in self._awaited()]
        due += [one.due for one in self._receiving.values() if not self._is_over(one.due)]
        self._timer_at = None
        if due:
            self._watch(min(due))

    def _awaited(self) -> list[Neighbor]:
        """Neighbors that were asked for a piece and aren't sending one that is kept."""
        writers = {receipt.neighbor for receipt in self._receiving.values()}
        return [
            neighbor
            for neighbor in self._state.neighbors.values()
            if neighbor.download.piece is not None and neighbor.peer_id not in writers
        ]

    def _watch(self, at: float) -> None:
        """Have the timer ring then, or before."""
        if self._timer_at is None or at < self._timer_at:
            self._timer_at = at
            self._state.out.append(SetTimer(Timer.OVERDUE, at))

    def _is_over(self, due: float) -> bool:
        # The timer is set to just this time: reckoned otherwise, it could ring with nothing late, for ever.
        return due <= self._state.now

    def _report_silence(self, neighbor: Neighbor) -> None:
        """Tell people, once for each peer."""
        if neighbor.peer_id in self._reported:
            return
        self._reported.add(neighbor.peer_id)
        waited = self._state.now - neighbor.download.waits_since
        self._state.out.append(
            Warn(
                f"peer {neighbor.peer_id} hasn't answered the request for piece"
                f" {neighbor.download.piece} for {waited:.0f} s: the piece is free for others, and"
                " this neighbor is asked again"
            )
        )

    def _close_stalled(self) -> None:
        """Part with those who drip or fell silent in a piece: their loss frees it."""
        for piece, receipt in self._receiving.items():
            if self._is_over(receipt.due):
                self._state.out += (
                    Warn(
                        f"peer {receipt.neighbor} sent less than a sixty-fourth of piece {piece}"
                        f" in {DRIP_AFTER:.0f} s: its connection is closed"
                    ),
                    CloseConnection(receipt.neighbor, flush=False),
                )

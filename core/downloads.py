"""Getting pieces: what neighbors have, whom to ask for what, and what to keep (spec 5, 6).

The book of open requests (`_open`) names, for each piece that somebody was asked for, the one
neighbor whose answer is awaited. A piece leaves the book when it arrives or is freed: by a choke that
crossed the request (spec 6.4), by the loss of the connection (spec 2.8), or because nothing came for
30 s (spec 6.6). Whoever was asked may still answer, so `Neighbor.asked` remembers it (spec 6.5).

A piece that has begun to come has one writer (spec 6.5). If that one falls silent in the middle of it
for 30 s, its connection is closed: nothing else could come on it, and only so is the piece really free
for others (spec 6.6).

Nothing is asked for before the turn ends (`end_turn`): what came later in it may forbid the request,
and a request that isn't made needn't be withdrawn (spec 6.2).

For each neighbor, `candidates` holds the pieces that it has, that we lack and that are not in the
book: all that a random choice needs (spec 6.1). They are kept up to date with every change of the
book, at a cost that grows with the number of neighbors but not of pieces.
"""

from __future__ import annotations

from dataclasses import dataclass

from core.effects import Broadcast, CloseConnection, CompleteFile, Log, SetTimer, Warn
from core.errors import LocalProtocolError
from core.events import Timer
from core.messages import Have, Request
from core.state import Neighbor, State

OVERDUE_AFTER = 30.0
"""Seconds without a byte of a piece after which its request is overdue (spec 6.6)."""


@dataclass(slots=True)
class Receipt:
    """A piece that is coming: who sends it, and when its last byte came (seconds)."""

    neighbor: int
    byte_at: float


class Downloads:
    """The downloading half of a peer."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._open: dict[int, int] = {}
        self._receiving: dict[int, Receipt] = {}
        self._looking: dict[int, Neighbor] = {}
        """Neighbors that may be asked for something at the end of this turn."""
        self._timer_runs = False
        self.freed = 0
        """How many open requests were given up (trace record `end`)."""
        self.skipped_pieces = 0
        """How many pieces came that weren't kept (trace record `end`)."""

    # What neighbors have, and whether that is of use (spec 5.1, 5.2).

    def _learn(self, neighbor: Neighbor, pieces: list[int]) -> None:
        """The neighbor has these pieces."""
        have, asked_for, candidates = self._state.own.has, self._open, neighbor.candidates
        for piece in neighbor.pieces.add_all(pieces):
            if not have[piece]:
                neighbor.useful += 1
                if piece not in asked_for:
                    candidates.add(piece)

    def haves_received(self, neighbor: Neighbor, pieces: list[int]) -> None:
        """Bring the neighbor's bitfield up to date, tell a change of interest, look again."""
        self._learn(neighbor, pieces)
        if neighbor.useful and neighbor.our_interest.state != "interested":
            neighbor.our_interest.gain()
        self.look_again(neighbor)

    def bitfield_received(self, neighbor: Neighbor, flags: bytes) -> None:
        """Take in a bitfield, which may be empty or come late (spec 3.4), and answer the first."""
        self._learn(neighbor, neighbor.pieces.news(flags))
        if neighbor.useful:
            if neighbor.our_interest.state != "interested":
                neighbor.our_interest.gain()
        elif neighbor.our_interest.state == "unknown":
            neighbor.our_interest.lose()
        self.look_again(neighbor)

    # Asking (spec 6.1 to 6.4).

    def unchoked(self, neighbor: Neighbor) -> None:
        """The neighbor unchoked us."""
        if neighbor.download.state in ("choked", "overdue"):
            neighbor.download.clear()
            neighbor.download.unchoked()
            self.look_again(neighbor)

    def choked(self, neighbor: Neighbor) -> None:
        """The neighbor choked us: an open request won't be answered, or is on its way (spec 6.4)."""
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
        pick = None if state.failed else neighbor.candidates.pick(state.rng)
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
        if not self._timer_runs:
            self._timer_runs = True
            state.out.append(SetTimer(Timer.OVERDUE, state.now + OVERDUE_AFTER))
        return True

    def _free(self, neighbor: Neighbor, piece: int | None, cause: str) -> None:
        """Give up an open request: its piece may be asked of anyone again."""
        if piece is None or self._open.get(piece) != neighbor.peer_id:
            return
        state = self._state
        del self._open[piece]
        self.freed += 1
        state.note("freed", neighbor=neighbor.peer_id, piece=piece, cause=cause)
        self._relist(piece)

    def _relist(self, piece: int) -> None:
        """A piece may be asked for again: whoever is unchoked and idle looks again (spec 6.3)."""
        neighbors = self._state.neighbors.values()
        for neighbor in neighbors:
            if neighbor.pieces.has[piece]:
                neighbor.candidates.add(piece)
        for neighbor in neighbors:
            self.look_again(neighbor)

    # Pieces that come (spec 6.5).

    def wants(self, neighbor: Neighbor, piece: int) -> bool:
        """A piece's header came: whether to keep the content, or let it pass by."""
        state = self._state
        self.progressed(neighbor, piece, state.now)
        cause = self._reason_to_skip(neighbor, piece)
        if cause is None:
            self._receiving[piece] = Receipt(neighbor.peer_id, state.now)
            return True
        self.skipped_pieces += 1
        state.note("skipped", neighbor=neighbor.peer_id, piece=piece, cause=cause)
        return False

    def _reason_to_skip(self, neighbor: Neighbor, piece: int) -> str | None:
        if self._state.failed:
            return "failed"
        if self._state.own.has[piece]:
            return "had it"
        if piece not in neighbor.asked:
            return "not asked"
        if piece in self._receiving:
            return "in progress"
        return None

    def progressed(self, neighbor: Neighbor, piece: int, at: float) -> None:
        """Some bytes of a piece came: neither it nor a request for it is overdue (spec 6.6)."""
        if neighbor.download.piece == piece:
            neighbor.download.progress_at = at
        if self._comes_from(neighbor, piece):
            self._receiving[piece].byte_at = at

    def _comes_from(self, neighbor: Neighbor, piece: int) -> bool:
        """Whether a neighbor is the writer of a piece."""
        receipt = self._receiving.get(piece)
        return receipt is not None and receipt.neighbor == neighbor.peer_id

    def received(self, neighbor: Neighbor, piece: int) -> None:
        """A piece that was kept is whole: log it, announce it, ask for the next (spec 5.3, 6.2)."""
        state = self._state
        own, out = state.own, state.out
        if not self._comes_from(neighbor, piece):
            raise LocalProtocolError(f"piece {piece} is whole, but was not being received")
        del self._receiving[piece]
        own.add(piece)
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

    def skipped(self, neighbor: Neighbor, piece: int) -> None:
        """A piece that wasn't kept has passed by; it may have answered the open request.

        That includes a piece that was accepted but couldn't be written: it is still lacking.
        """
        if self._comes_from(neighbor, piece):
            del self._receiving[piece]
        self._answered(neighbor, piece)

    def _answered(self, neighbor: Neighbor, piece: int) -> None:
        """End the open request if this piece answers it, and ask for the next."""
        neighbor.asked.discard(piece)
        download = neighbor.download
        if download.piece != piece:
            return
        if self._open.get(piece) == neighbor.peer_id:
            # Skipped, since it was coming from another who was asked before. If that one delivers, it
            # is of no more use; if it was lost meanwhile, nobody has the piece in hand any more.
            del self._open[piece]
            if piece not in self._state.own and piece not in self._receiving:
                self._relist(piece)
        download.clear()
        download.progress_at = self._state.now
        if download.state == "overdue":
            download.answered()
        self.look_again(neighbor)

    # What ends a request otherwise.

    def lost(self, neighbor: Neighbor) -> None:
        """The connection is gone, and with it what was asked for and half received (spec 2.8)."""
        self._looking.pop(neighbor.peer_id, None)
        half = [piece for piece in self._receiving if self._comes_from(neighbor, piece)]
        for piece in half:
            del self._receiving[piece]
        self._free(neighbor, neighbor.download.clear(), "loss")
        for piece in half:
            if piece not in self._open:
                self._relist(piece)

    def check_overdue(self) -> None:
        """Free the pieces of requests for which nothing came for too long (spec 6.6)."""
        state = self._state
        waiting = [n for n in state.neighbors.values() if n.download.state == "requesting"]
        for neighbor in waiting:
            if self._is_late(neighbor.download.progress_at):
                neighbor.download.expire()
                self._free(neighbor, neighbor.download.piece, "overdue")
        self._close_stalled()
        awaited = [
            n.download.progress_at
            for n in state.neighbors.values()
            if n.download.state == "requesting"
        ]
        awaited += [r.byte_at for r in self._receiving.values() if not self._is_late(r.byte_at)]
        # A request that was freed may still be answered: the piece can begin to come at any time.
        self._timer_runs = bool(awaited) or any(n.asked for n in state.neighbors.values())
        if self._timer_runs:
            first = min(awaited, default=state.now)
            state.out.append(SetTimer(Timer.OVERDUE, first + OVERDUE_AFTER))

    def _is_late(self, byte_at: float) -> bool:
        # Reckoned as the timer is: rounded otherwise, it would be due and nothing late, for ever.
        return byte_at + OVERDUE_AFTER <= self._state.now

    def _close_stalled(self) -> None:
        """Part with those who fell silent in the middle of a piece: their loss frees it."""
        for piece, receipt in self._receiving.items():
            if self._is_late(receipt.byte_at):
                self._state.out += (
                    Warn(
                        f"peer {receipt.neighbor} sent nothing for {OVERDUE_AFTER:.0f} s in the"
                        f" middle of piece {piece}: its connection is closed"
                    ),
                    CloseConnection(receipt.neighbor, flush=False),
                )

"""What goes to neighbors: queued, gathered, and flushed; and how a queue that stands still is noticed (spec 2.9)."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from core.interface.messages import Message, Request
from peerio.net.allowance import TokenBucket
from peerio.net.link import Link, Owner, PieceSource
from peerio.net.liveness import SILENCE, SYSTEM_WATCHES
from peerio.net.loop import Alarms, Loop
from peerio.net.recorder import Recorder
from peerio.protocol import HAVE_SIZE, PIECE_HEADER_SIZE, encode_haves, piece_header
from peerio.storage import StorageError

if TYPE_CHECKING:
    from peerio.contract import Callbacks


class Stalls:
    """Notices connections of whose send queue the system takes nothing for `SILENCE` seconds.

    Each has one alarm at most, which isn't set anew whenever something moves, but finds out how long to
    wait on when it rings: a busy connection is blocked many times a second.
    """

    def __init__(self, alarms: Alarms, on_stall: Callable[[Link], None]) -> None:
        self._alarms = alarms
        self._on_stall = on_stall

    def blocked(self, link: Link, now: float) -> None:
        """The system has begun to take nothing of its queue."""
        link.moved_at = now
        if not link.stall_watched:
            link.stall_watched = True
            self._look_at(link, now + SILENCE)

    def _look_at(self, link: Link, at: float) -> None:
        self._alarms.set(("stall", link), at, partial(self._look, link, at))

    def _look(self, link: Link, at: float) -> None:
        due = link.moved_at + SILENCE
        if link.closed or not link.write_blocked:
            link.stall_watched = False
        elif due > at:
            self._look_at(link, due)
        else:
            self._on_stall(link)


PIECES_A_FLUSH = 8
"""How many pieces one neighbor is sent before the others have their turn."""
HAVE_PAUSE = 0.02
"""Seconds for which a have may wait for others, if one was sent just before."""


class Sender:
    """The sending half of all connections."""

    def __init__(
        self,
        owner: Owner,
        loop: Loop,
        callbacks: Callbacks,
        source: PieceSource,
        recorder: Recorder,
        bucket: TokenBucket | None,
    ) -> None:
        self._owner = owner
        self._loop = loop
        self._callbacks = callbacks
        self._source = source
        self._recorder = recorder
        self._bucket = bucket
        self._stalls = None if SYSTEM_WATCHES else Stalls(loop.alarms, owner.fell_silent)
        self._throttled: deque[Link] = deque()
        self._haves: list[int] = []
        self._haves_at = 0.0
        self.dirty: dict[Link, None] = {}
        """Connections that have something to send now."""
        self.messages = 0
        """Messages queued so far."""

    def open(self, link: Link) -> None:
        """A neighbor is there; its bitfield will hold what the haves that wait would tell it."""
        link.takes_messages = True
        link.haves_told = len(self._haves)

    # Queueing.

    def queue(self, link: Link, data: bytes, message: Message) -> None:
        """Queue a message's bytes, unless nothing more is sent on this connection.

        It goes behind the haves that were gathered before it, so that what the logs of both ends show
        keeps its order; a request, which no log shows, need not wait for them.
        """
        if not link.takes_messages:
            return
        if type(message) is not Request:
            self.queue_gathered(link)
        link.outbox.put(data)
        self.messages += 1
        self.dirty[link] = None
        if self._recorder.on:
            self._recorder.message(link, "out", message)

    def queue_piece(self, link: Link, piece: int, size: int) -> None:
        """Queue a piece of `size` bytes, unless nothing more is sent on this connection."""
        if link.takes_messages:
            link.outbox.put_piece(piece_header(piece, size), piece, size)
            self.messages += 1
            self.dirty[link] = None
            if self._recorder.on:
                fields = {"len": PIECE_HEADER_SIZE + size}
                self._recorder.frame(link, "out", "piece", piece, fields)

    def gather_have(self, piece: int) -> None:
        """Queue a have to all neighbors; it may wait for company, at most `HAVE_PAUSE`.

        Most of what a busy swarm sends is haves, and one send costs as much as a hundred of them.
        """
        self._haves.append(piece)
        due = self._haves_at + HAVE_PAUSE
        if due <= self._loop.now:
            self._release_haves()
        elif len(self._haves) == 1:
            self._loop.alarms.set("haves", due, self._release_haves)

    def _release_haves(self) -> None:
        self._loop.alarms.clear("haves")
        self._haves_at = self._loop.now
        frames = encode_haves(self._haves)
        behind: dict[int, list[Link]] = {}
        for link in self._owner.open.values():
            behind.setdefault(link.haves_told, []).append(link)
            link.haves_told = 0
        for told, links in behind.items():
            self._queue_haves(links, self._haves[told:], frames[told * HAVE_SIZE :])
        self._haves = []

    def queue_gathered(self, link: Link) -> None:
        """Put the haves that wait into one neighbor's queue, now."""
        if link.haves_told < len(self._haves):
            pieces = self._haves[link.haves_told :]
            link.haves_told = len(self._haves)
            self._queue_haves([link], pieces, encode_haves(pieces))

    def _queue_haves(self, links: list[Link], pieces: list[int], frames: bytes) -> None:
        """Queue haves, whose frames these are, to neighbors that were told all before them."""
        links = [link for link in links if link.takes_messages]
        if not pieces or not links:
            return
        for link in links:
            link.outbox.put(frames)
            self.dirty[link] = None
        self.messages += len(pieces) * len(links)
        if self._recorder.on:
            self._recorder.haves_queued(links, pieces)

    # Flushing.

    def flush(self, link: Link) -> None:
        """Send what can be sent now, and see to it that the rest follows."""
        if link.closed:
            return
        outcome = "sent"
        try:
            for _ in range(PIECES_A_FLUSH):
                outcome = link.flush(self._source, self._bucket, self._loop.now)
                if outcome != "sent":
                    break
                self._callbacks.on_piece_sent(link.neighbor)
                if not link.outbox.items:
                    outcome = "empty"
                    break
        except StorageError as error:
            self._callbacks.on_local_failure(str(error))
            self._owner.drop(link, "loss")
            return
        blocked = outcome == "blocked"
        if blocked != link.write_blocked:
            link.write_blocked = blocked
            self._owner.watch(link)
            if blocked and self._stalls:
                self._stalls.blocked(link, self._loop.now)
        if outcome == "sent":
            self.dirty[link] = None
        elif outcome == "throttled":
            self._throttle(link)
        elif outcome == "empty" and link.on_flushed:
            self._flushed(link)

    def _flushed(self, link: Link) -> None:
        """A connection that winds down has sent everything."""
        if link.on_flushed == "close":
            self._owner.drop(link, "end")
        else:
            link.on_flushed = ""
            link.half_close()

    def _throttle(self, link: Link) -> None:
        """Wait for the upload limit, behind those that wait already."""
        assert self._bucket is not None
        if link not in self._throttled:
            self._throttled.append(link)
        at = self._bucket.ready_at(self._loop.now)
        self._loop.alarms.set("bucket", at, self._unthrottle)

    def _unthrottle(self) -> None:
        waiting = list(self._throttled)
        self._throttled.clear()
        self.dirty.update(dict.fromkeys(waiting))

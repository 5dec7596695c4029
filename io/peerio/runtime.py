"""A running peer: tells its core what happens, and carries out what the core orders.

No decision is made here. The same runtime works on real sockets and in the simulator, since it
knows networking by its contract only; all of it runs on the network thread.
"""

from __future__ import annotations

import logging
import sys
from collections import Counter
from collections.abc import Callable
from typing import Any, Protocol

from core.config import SwarmConfig
from core.effects import (
    AcceptPiece,
    Broadcast,
    CloseConnection,
    CompleteFile,
    Dial,
    Effect,
    Finish,
    Log,
    Note,
    Send,
    SendPiece,
    SetTimer,
    SkipPiece,
    Warn,
)
from core.events import (
    DialRefused,
    Event,
    HavesReceived,
    LocalFailure,
    MessageReceived,
    NeighborConnected,
    NeighborLost,
    PieceOffered,
    PieceProgressed,
    PieceReceived,
    PieceSent,
    PieceSkipped,
    Started,
    StopRequested,
    StreamEnded,
    Timer,
    TimerFired,
)
from core.messages import Message, Unchoke
from core.peer import Peer
from peerio.contract import Network, PieceSink
from peerio.eventlog import EventLog, LineSink, LogError, Stamp
from peerio.storage import StorageError
from peerio.trace import Trace

# It warns of every method that it leaves alone, which is what `model_override` asks for.
logging.getLogger("transitions").setLevel(logging.ERROR)

REMEMBERED_WARNINGS = 1000
"""Different warnings among which repetitions are noticed."""


class PieceStore(Protocol):
    """Where pieces are kept; `peerio.storage` and the simulator have one each."""

    def sink(self, index: int, /, *, digest: bool = False) -> PieceSink:
        """Where a piece's content goes."""

    def complete(self) -> None:
        """Every piece is written; StorageError if the file can't have its real name."""


def warn_on_stderr(peer_id: int) -> Callable[[str], None]:
    """A function that tells people something of a peer (never in the log, spec 8.2).

    What is told again and again (by a neighbor that hammers at the door) is told the 1st, 10th, 100th
    time, and so on.
    """
    told: Counter[str] = Counter()

    def warn(text: str) -> None:
        if len(told) > REMEMBERED_WARNINGS:
            told.clear()
        told[text] += 1
        times = told[text]
        if times > 1 and str(times).strip("0") != "1":
            return
        again = f" ({times} times)" if times > 1 else ""
        for line in (text + again).splitlines():
            print(f"peer {peer_id}: {line}", file=sys.stderr, flush=True)

    return warn


class Logs:
    """A peer's log and, where tracing is on, its trace: written together, once a turn."""

    def __init__(
        self,
        peer_id: int,
        log: LineSink,
        trace: LineSink | None,
        now: Callable[[], float],
        stamp: Stamp | None = None,
    ) -> None:
        self._files = [log] if trace is None else [log, trace]
        self._stamp = stamp or Stamp()
        self.trace = Trace(trace, peer_id, self._stamp, now) if trace is not None else None
        observer = self.trace.event if self.trace is not None else None
        self.write = EventLog(log, peer_id, self._stamp, observer).write

    def end_turn(self) -> None:
        """Write what the turn led to; LogError if that is impossible."""
        for file in self._files:
            file.flush()
        self._stamp.renew()

    def close(self) -> None:
        """Write what is left, and close; LogError if writing is impossible."""
        for file in self._files:
            file.close()


class Runtime:
    """The contract's `Callbacks` for one peer. `network` is set before networking starts."""

    network: Network

    def __init__(
        self,
        config: SwarmConfig,
        core: Peer,
        store: PieceStore,
        logs: Logs,
        warn: Callable[[str], None],
    ) -> None:
        self._config = config
        self.core = core
        self.store = store
        self.logs = logs
        self._warn = warn
        self._receiving: dict[int, _GuardedSink] = {}
        self._failed = False
        self._serves = True
        self.status: int | None = None
        """The exit status (spec 7.4), once it is decided."""
        self.reason = ""
        self.up = 0
        """Content bytes of pieces sent so far."""
        self.down = 0
        """Content bytes of pieces received and kept so far."""
        self._carry_out: dict[type[Effect], Callable[[Any], None]] = {
            Log: self._log,
            Broadcast: self._broadcast,
            Send: self._send,
            SendPiece: self._send_piece,
            AcceptPiece: self._accept_piece,
            SkipPiece: self._skip_piece,
            SetTimer: self._set_timer,
            Note: self._note,
            Warn: self._tell,
            Dial: self._dial,
            CloseConnection: self._close_connection,
            CompleteFile: self._complete_file,
            Finish: self._finish,
        }
        self.on_first_unchoke: Callable[[], None] | None = None
        """Called once, at the first unchoke in either direction; for measurements."""

    # What networking tells (contract `Callbacks`).

    def on_started(self) -> None:
        """The schedule begins."""
        self._handle(Started())

    def on_peer_connected(self, remote_peer_id: int, incoming: bool) -> None:  # noqa: FBT001 -- the team plan's signature
        """Both handshakes were accepted."""
        self._handle(NeighborConnected(remote_peer_id, incoming))

    def on_message(self, remote_peer_id: int, message: Message) -> None:
        """A message arrived."""
        if self.on_first_unchoke is not None and type(message) is Unchoke:
            self._mark_first_unchoke()
        self._handle(MessageReceived(remote_peer_id, message))

    def on_haves(self, remote_peer_id: int, pieces: list[int]) -> None:
        """Have messages arrived."""
        self._handle(HavesReceived(remote_peer_id, pieces))

    def on_peer_disconnected(self, remote_peer_id: int) -> None:
        """The connection is gone."""
        self._receiving.pop(remote_peer_id, None)
        self._handle(NeighborLost(remote_peer_id))

    def on_stream_end(self, remote_peer_id: int) -> None:
        """Nothing more will come from the neighbor."""
        self._handle(StreamEnded(remote_peer_id))

    def on_dial_refused(self, remote_peer_id: int) -> None:
        """Nobody listens there."""
        self._handle(DialRefused(remote_peer_id))

    def on_piece_start(self, remote_peer_id: int, piece: int) -> PieceSink | None:
        """The core orders whether the content is kept (spec 6.5)."""
        self._handle(PieceOffered(remote_peer_id, piece))
        return self._receiving.get(remote_peer_id)

    def on_piece_end(self, remote_peer_id: int, piece: int) -> None:
        """The content is whole, or has passed by."""
        sink = self._receiving.pop(remote_peer_id, None)
        if sink is None or sink.failed:
            self._handle(PieceSkipped(remote_peer_id, piece))
        else:
            self.down += self._config.piece_length(piece)
            self._handle(PieceReceived(remote_peer_id, piece))

    def on_piece_sent(self, remote_peer_id: int) -> None:
        """The queued piece is out."""
        neighbor = self.core.state.neighbors.get(remote_peer_id)
        if neighbor is not None and neighbor.sending is not None:
            self.up += self._config.piece_length(neighbor.sending)
            self._handle(PieceSent(remote_peer_id))

    def on_timer(self, timer: Timer) -> None:
        """A timer is due; before it is judged who is late, tell how far pieces have come."""
        if timer is Timer.OVERDUE:
            for neighbor, sink in self._receiving.items():
                self._handle(PieceProgressed(neighbor, sink.piece, sink.size, sink.written_at))
        self._handle(TimerFired(timer))

    def on_turn_end(self) -> None:
        """Write the lines of this turn before networking sends (spec 8.4)."""
        try:
            self.logs.end_turn()
        except LogError as error:
            self.can_not_write(str(error))

    def on_local_failure(self, reason: str) -> None:
        """Our file can't be read, so nothing can be served: the core ends the peer (spec 7.4)."""
        if self._serves:
            self._failed, self._serves = True, False
            self._warn(f"{reason}; nothing can be served any more")
            self._handle(LocalFailure(reason, serves=False))

    def can_not_write(self, reason: str) -> None:
        """Our file or log can't be written: told once, and the core decides (spec 7.4, status 4)."""
        if not self._failed:
            self._failed = True
            self._warn(f"{reason}; nothing more is requested, what is here is served")
            self._handle(LocalFailure(reason))

    def on_warning(self, text: str) -> None:
        """Something for people."""
        self._warn(text)

    # What others ask for, by way of `Network.post`.

    def request_stop(self, status: int, reason: str) -> None:
        """End in order, with this status."""
        self._handle(StopRequested(status, reason))

    def close(self) -> None:
        """Write the trace's last record and close the logs; LogError if writing is impossible."""
        if self.logs.trace is not None:
            downloads = self.core.downloads
            counts = {
                "skipped_pieces": downloads.skipped_pieces,
                "freed_requests": downloads.freed,
            }
            self.logs.trace.record("end", {"status": self.status, "reason": self.reason, **counts})
        self.logs.close()

    # Carrying out.

    def _handle(self, event: Event) -> None:
        carry_out = self._carry_out
        for effect in self.core.handle(event, self.network.clock.now):
            carry_out[type(effect)](effect)

    def _log(self, order: Log) -> None:
        self.logs.write(order.event, order.fields)

    def _broadcast(self, order: Broadcast) -> None:
        self.network.broadcast_message(order.message)

    def _send(self, order: Send) -> None:
        if self.on_first_unchoke is not None and type(order.message) is Unchoke:
            self._mark_first_unchoke()
        self.network.send_message(order.neighbor, order.message)

    def _send_piece(self, order: SendPiece) -> None:
        self.network.send_piece(order.neighbor, order.piece)

    def _accept_piece(self, order: AcceptPiece) -> None:
        self._receiving[order.neighbor] = _GuardedSink(self, order.piece)

    def _skip_piece(self, order: SkipPiece) -> None:
        """Without a sink the content passes by."""

    def _set_timer(self, order: SetTimer) -> None:
        self.network.set_timer(order.timer, order.at)

    def _dial(self, order: Dial) -> None:
        peer = self._config.peer(order.neighbor)
        self.network.connect_to_peer(order.neighbor, peer.host, peer.port)

    def _close_connection(self, order: CloseConnection) -> None:
        self.network.close_connection(order.neighbor, flush=order.flush)

    def _finish(self, order: Finish) -> None:
        self.status, self.reason = order.status, order.reason
        self.network.shutdown()

    def _tell(self, order: Warn) -> None:
        self._warn(order.text)

    def _mark_first_unchoke(self) -> None:
        assert self.on_first_unchoke is not None
        self.on_first_unchoke()
        self.on_first_unchoke = None

    def _note(self, order: Note) -> None:
        assert self.logs.trace is not None
        self.logs.trace.record(order.kind, order.fields)

    def _complete_file(self, _order: CompleteFile) -> None:
        try:
            self.store.complete()
        except StorageError as error:
            self.can_not_write(str(error))


class _GuardedSink:
    """A sink whose failure is our problem (spec 7.4), not the neighbor's whose piece it was."""

    __slots__ = ("_runtime", "_sink", "failed", "piece", "size", "written_at")

    def __init__(self, runtime: Runtime, piece: int) -> None:
        self._runtime = runtime
        self._sink = runtime.store.sink(piece, digest=runtime.logs.trace is not None)
        self.piece = piece
        self.failed = False
        self.size = 0
        self.written_at = runtime.network.clock.now

    def write(self, data: memoryview, /) -> None:
        """Write, unless an earlier write of this piece failed."""
        self.written_at = self._runtime.network.clock.now
        self.size += len(data)
        if not self.failed:
            try:
                self._sink.write(data)
            except StorageError as error:
                self.failed = True
                self._runtime.can_not_write(str(error))

    def hexdigest(self) -> str | None:
        """The content's digest, where there is a trace to hold it."""
        return self._sink.hexdigest()

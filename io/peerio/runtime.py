"""A running peer: tells its core what happens, and carries out what the core orders.

No decision is made here. The same runtime works on real sockets and in the simulator, since it
knows networking by its contract only; all of it runs on the network thread.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from core.config import SwarmConfig
from core.exits import ExitStatus
from core.interface.effects import (
    AcceptPiece,
    Broadcast,
    CloseConnection,
    CompleteFile,
    Dial,
    Effect,
    Finish,
    Log,
    Note,
    Punish,
    Send,
    SendPiece,
    SetTimer,
    SkipPiece,
    Warn,
)
from core.interface.events import (
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
    PieceRejected,
    PieceSent,
    PieceSkipped,
    Started,
    StopRequested,
    StreamEnded,
    Timer,
    TimerFired,
    TurnEnded,
    UnknownReceived,
)
from core.interface.messages import Message, Unchoke
from core.peer import Peer
from peerio import trace as tracing
from peerio.eventlog import EventLog, LineSink, LogError, Stamp, both
from peerio.storage import StorageError

if TYPE_CHECKING:
    from peerio.contract import Network, PieceSink, PieceStore

# It warns of every method that it leaves alone, which is what `model_override` asks for.
logging.getLogger("transitions").setLevel(logging.ERROR)


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
        self._stamp = stamp or Stamp()
        self.trace = None if trace is None else tracing.Trace(trace, peer_id, self._stamp, now)
        observer = None if self.trace is None else self.trace.event
        self.write = EventLog(log, peer_id, self._stamp, observer).write
        self._flush, self._close = log.flush, log.close
        if self.trace is not None:
            self._flush = partial(both, log.flush, self.trace.flush)
            self._close = partial(both, log.close, self.trace.close)

    def end_turn(self) -> None:
        """Write what the turn led to, in both files; LogError if that is impossible in one."""
        try:
            self._flush()
        finally:
            self._stamp.renew()

    def close(self) -> None:
        """Write what is left, and close both; LogError if one isn't what was written into it."""
        self._close()


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
        self._failure: str | None = None
        self._serves = True
        self._hurried = False
        """A signal came: the end takes 1 s at most (spec 7.2)."""
        self._finished: tuple[ExitStatus, str] | None = None
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
            Punish: self._punish,
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

    def on_unknown(self, remote_peer_id: int) -> None:
        """A message of an unknown type was skipped."""
        self._handle(UnknownReceived(remote_peer_id))

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
        elif not sink.is_right():
            self._erase(piece)
            self._handle(PieceRejected(remote_peer_id, piece))
        else:
            self.down += self._config.piece_length(piece)
            self._handle(PieceReceived(remote_peer_id, piece))

    def _erase(self, piece: int) -> None:
        try:
            self.store.erase(piece)
        except StorageError as error:
            self.can_not_write(str(error))

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
        """Let the core decide, then write the lines of this turn before networking sends (spec 8.4)."""
        self._handle(TurnEnded())
        try:
            self.logs.end_turn()
        except LogError as error:
            self.can_not_write(str(error))

    def on_local_failure(self, reason: str) -> None:
        """Our file can't be read, so nothing can be served: the core ends the peer (spec 7.4)."""
        if self._serves:
            self._serves = False
            self._fail(reason, "nothing can be served any more")

    def can_not_write(self, reason: str) -> None:
        """Our file or log can't be written: told once, and the core decides (spec 7.4, status 4)."""
        if self._failure is None:
            self._fail(reason, "nothing more is requested, what is here is served")

    def _fail(self, reason: str, consequence: str) -> None:
        self._failure = self._failure or reason
        if self._finished is None:
            self._warn(f"{reason}; {consequence}")
            self._handle(LocalFailure(reason, serves=self._serves))

    def on_warning(self, text: str) -> None:
        """Something for people."""
        self._warn(text)

    # What others ask for: calls by way of `Network.post`, and how it ended.

    @property
    def status(self) -> ExitStatus | None:
        """The exit status (spec 7.4), once it is decided."""
        return None if self._finished is None else self.outcome[0]

    @property
    def outcome(self) -> tuple[ExitStatus, str]:
        """The exit status and its reason; an internal error if the end was never ordered.

        A failure of ours that comes with the order to end, or after it, decides it too: nobody is to
        take a file or a log for whole that isn't. A signal's status stands.
        """
        if self._finished is None:
            return ExitStatus.INTERNAL_ERROR, ""
        status, reason = self._finished
        if self._failure is not None and status in {ExitStatus.COMPLETE, ExitStatus.MISSING}:
            return ExitStatus.FAILED, self._failure
        return status, reason

    @property
    def reason(self) -> str:
        """Why it ended, in a few words; empty before."""
        return self.outcome[1]

    def request_stop(self, status: ExitStatus, reason: str) -> None:
        """End in order, with this status, and soon: whoever asks is waiting (spec 7.2)."""
        self._hurried = True
        self._handle(StopRequested(status, reason))

    def close(self) -> None:
        """Write the trace's last record and close the logs; LogError if writing is impossible."""
        if self.logs.trace is not None:
            downloads = self.core.downloads
            counts = {
                "skipped_pieces": downloads.skipped_pieces,
                "freed_requests": downloads.freed,
                "rejected_pieces": downloads.rejected_pieces,
            }
            ended = {"status": self.outcome[0], "reason": self.reason, "hurried": self._hurried}
            self.logs.trace.record("end", {**ended, **counts})
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

    def _punish(self, order: Punish) -> None:
        self.network.punish(order.neighbor, order.reason, order.clause)

    def _finish(self, order: Finish) -> None:
        self._finished = ExitStatus(order.status), order.reason
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
        self.network.forgive_content()
        try:
            self.store.complete()
        except StorageError as error:
            self.can_not_write(str(error))


class _GuardedSink:
    """A sink whose failure is our problem (spec 7.4), not the neighbor's whose piece it was."""

    __slots__ = ("_right", "_runtime", "_sink", "failed", "piece", "size", "written_at")

    def __init__(self, runtime: Runtime, piece: int) -> None:
        self._runtime = runtime
        self._sink = runtime.store.sink(piece, digest=runtime.logs.trace is not None)
        self.piece = piece
        self.failed = False
        self._right: bool | None = None
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

    def is_right(self) -> bool:
        """Whether the content, now whole, is what its hash says; what couldn't be written isn't judged."""
        if self._right is None:
            self._right = self.failed or self._sink.is_right()
        return self._right

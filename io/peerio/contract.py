"""What networking and the peer owe each other: the team plan's contract, and what was added to it.

All calls in both directions happen on the network thread, except `start_server`, `post` and `join`,
which other threads may call. Nothing in a callback may block.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, Protocol

from core.interface.events import Timer
from core.interface.messages import Message
from peerio.protocol import Sink

Way = Literal["in", "out"]
"""Whether a message was taken in or queued."""
ConnectionState = Literal["open", "closed"]
"""What the trace tells of a connection."""
CloseCause = Literal["end", "loss", "replaced", "protocol error", "shutdown"]
"""Why a connection is gone (docs/trace.md)."""


class PieceSink(Sink, Protocol):
    """Takes a piece's content; `peerio.storage` makes them."""

    def hexdigest(self) -> str | None:
        """The first 8 bytes of the content's SHA-256, in hex, where one is wanted, else None."""

    def is_right(self) -> bool:
        """Whether the content, now whole, is what its hash says; True where no hash is known."""


class PieceStore(Protocol):
    """Where pieces are kept; `peerio.storage` and the simulator have one each."""

    def sink(self, index: int, /, *, digest: bool = False) -> PieceSink:
        """Where a piece's content goes."""

    def erase(self, index: int, /) -> None:
        """A piece that was written is wrong: nothing of it stays; StorageError if that can't be."""

    def complete(self) -> None:
        """Every piece is written; StorageError if the file can't have its real name."""


class Clock(Protocol):
    """A monotonic clock that is read once a turn."""

    now: float
    """The time of the present turn, in seconds."""


class Callbacks(Protocol):
    """What networking tells the peer."""

    def on_started(self) -> None:
        """The listening sockets are bound and the loop runs."""

    def on_peer_connected(self, remote_peer_id: int, incoming: bool) -> None:  # noqa: FBT001 -- the team plan's signature
        """Both handshakes were accepted; `incoming` if the other side dialled."""

    def on_message(self, remote_peer_id: int, message: Message) -> None:
        """A whole message, other than a have or a piece, arrived; its form is checked."""

    def on_haves(self, remote_peer_id: int, pieces: list[int]) -> None:
        """Have messages that came one after the other: told together, since most messages are haves."""

    def on_unknown(self, remote_peer_id: int) -> None:
        """A message of an unknown type arrived and was skipped (spec 3.4)."""

    def on_peer_disconnected(self, remote_peer_id: int) -> None:
        """The connection is gone."""

    def on_stream_end(self, remote_peer_id: int) -> None:
        """All that the neighbor sent was handled, no more will come; answer `close_connection`."""

    def on_dial_refused(self, remote_peer_id: int) -> None:
        """Nobody listens there; it will be dialled again after a pause."""

    def on_piece_start(self, remote_peer_id: int, piece: int) -> PieceSink | None:
        """A piece's header came: where its content goes, or None to skip it."""

    def on_piece_end(self, remote_peer_id: int, piece: int) -> None:
        """The content is whole, in the sink or skipped."""

    def on_piece_sent(self, remote_peer_id: int) -> None:
        """The piece that was queued is handed to the system whole."""

    def on_timer(self, timer: Timer) -> None:
        """A timer is due."""

    def on_turn_end(self) -> None:
        """All facts of this turn are told: write the log now, the sends follow (spec 8.4)."""

    def on_local_failure(self, reason: str) -> None:
        """Our own file can't be read any more: nothing can be served."""

    def on_warning(self, text: str) -> None:
        """Something for people, on stderr."""


class Network(Protocol):
    """What the peer asks of networking."""

    @property
    def clock(self) -> Clock:
        """The clock of the thread that all this happens on."""

    def start_server(self) -> None:
        """Listen and start the loop; NetworkError if the port can't be had."""

    def connect_to_peer(self, remote_peer_id: int, host: str, port: int) -> None:
        """Dial until it answers (spec 2.5); at once, if a pause is running."""

    def send_message(self, remote_peer_id: int, message: Message) -> None:
        """Queue a message; nothing happens if the neighbor is gone."""

    def broadcast_message(self, message: Message, exclude: set[int] | None = None) -> None:
        """Queue a message to all neighbors but those excluded."""

    def send_piece(self, remote_peer_id: int, piece: int) -> None:
        """Queue a piece, content from the file; `on_piece_sent` tells when it is out."""

    def close_connection(self, remote_peer_id: int, *, flush: bool) -> None:
        """Send what is queued if `flush`, then close; `on_peer_disconnected` follows."""

    def punish(self, remote_peer_id: int, reason: str, clause: str) -> None:
        """Close a connection whose neighbor broke this clause, and keep it away (spec 3.5)."""

    def forgive_content(self) -> None:
        """The file is complete: who is kept away for wrong content may come back (spec 9.3)."""

    def set_timer(self, timer: Timer, at: float | None) -> None:
        """Call `on_timer` at this time; None clears it."""

    def shutdown(self) -> None:
        """Flush, half-close and drain all connections within 5 s, then end the loop (spec 7.2)."""

    def post(self, call: Callable[[], None]) -> None:
        """Have the network thread make this call; from any thread."""


class Tap(Protocol):
    """Sees every message and connection, for the trace (docs/trace.md); used where tracing is on."""

    def message(
        self,
        way: Way,
        conn: str,
        neighbor: int,
        mseq: int,
        kind: str,
        piece: int | None,
        fields: Mapping[str, Any],
    ) -> None:
        """A message was queued (`way` is `out`) or taken in (`in`); `piece` is the one it is about, if any."""

    def haves_came(self, conn: str, neighbor: int, mseq: int, pieces: list[int]) -> None:
        """Haves were taken in one after the other, from number `mseq` on."""

    def haves_queued(self, conns: list[str], mseqs: list[int], pieces: list[int]) -> None:
        """The same haves were queued for several connections, on each from its number on."""

    def connection(
        self, conn: str, neighbor: int, state: ConnectionState, fields: dict[str, Any]
    ) -> None:
        """A connection is `open` or `closed`."""

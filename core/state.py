"""What the parts of a core share: the configuration, our pieces, the neighbors, the orders so far."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from random import Random
from typing import Any

from core.config import SwarmConfig
from core.interface.effects import Effect, Log, Note, Send
from core.interface.messages import INTERESTED, NOT_INTERESTED, Message
from core.interface.words import LogEvent, NoteKind
from core.machines import Download, ItsInterest, Machines, OurInterest, Upload
from core.machines.base import NeighborMachine
from core.picking import CandidateSet
from core.piecemap import PieceMap


class State:
    """Shared by `core.peer.Peer` and its parts; nobody else touches it, but may look."""

    def __init__(
        self, config: SwarmConfig, peer_id: int, rng: Random, *, tracing: bool = False
    ) -> None:
        self.config = config
        self.peer_id = peer_id
        self.rng = rng
        self.tracing = tracing
        self.own = PieceMap(config.piece_count, full=config.peer(peer_id).has_file)
        self.neighbors: dict[int, Neighbor] = {}
        self.machines = Machines(self._observe if tracing else None)
        self.now = 0.0
        """When the event being handled happened, in seconds on the caller's clock."""
        self.out: list[Effect] = []
        """Orders that the event being handled has led to so far."""
        self.rates: dict[int, int] = {}
        """Content bytes from each neighbor that counted since the last reselection (spec 4.2)."""
        self.failed = False
        """Our storage or log failed: nothing more is requested (spec 7.4)."""

    def log(self, event: LogEvent, **fields: Any) -> None:
        """Order one of the eleven lines (spec 8.1)."""
        self.out.append(Log(event, fields))

    def note(self, kind: NoteKind, **fields: Any) -> None:
        """Order a record that only the trace has; callers on hot paths ask `tracing` first."""
        if self.tracing:
            self.out.append(Note(kind, fields))

    def send(self, neighbor: int, message: Message) -> None:
        """Order a message."""
        self.out.append(Send(neighbor, message))

    def _observe(self, model: NeighborMachine, source: str, trigger: str, dest: str) -> None:
        fields = {"neighbor": model.neighbor, "machine": model.KIND}
        self.out.append(
            Note("transition", {**fields, "from": source, "trigger": trigger, "to": dest})
        )


class Neighbor:
    """One connected neighbor: its machines, and what is known of it on this connection (spec 2.7)."""

    __slots__ = (
        "asked",
        "candidates",
        "choking_messages",
        "connected_at",
        "crossing",
        "download",
        "ended_in_order",
        "greeted",
        "idle_messages",
        "incoming",
        "its_interest",
        "knowledge",
        "lacking_told",
        "our_interest",
        "peer_id",
        "pieces",
        "sending",
        "spoke",
        "upload",
        "useful",
        "waiting",
    )

    def __init__(
        self,
        state: State,
        peer_id: int,
        *,
        incoming: bool,
        on_choke: Callable[[int], None],
        on_unchoke: Callable[[int], None],
    ) -> None:
        self.peer_id = peer_id
        self.incoming = incoming
        size = state.config.piece_count
        self.pieces = PieceMap(size)
        """What it has, as far as it told us."""
        self.candidates = CandidateSet(size)
        """What it has, we lack, and nobody was asked for (spec 6.1)."""
        self.useful = 0
        """How many pieces it has that we lack: we are interested if it isn't 0 (spec 5.1)."""
        self.asked: set[int] = set()
        """Pieces asked of it on this connection and not answered, freed ones too (spec 6.5)."""
        self.waiting: OrderedDict[int, None] = OrderedDict()
        """Its requests that wait, in order, each index once: a queue whose members are found at
        once, however many wait (spec 4.9)."""
        self.sending: int | None = None
        """The one piece that is in its send queue (spec 4.9)."""
        self.spoke = False
        """It sent a bitfield or a have (spec 7.3)."""
        self.ended_in_order = False
        """Its end of stream came when both had the complete file (spec 3.6)."""
        self.lacking_told = False
        """People were told that it asks for pieces that aren't here (spec 4.9)."""
        # For `core.repeats` (spec 3.5).
        self.connected_at = state.now
        self.idle_messages = 0
        """How many messages came that changed nothing."""
        self.choking_messages = 0
        """How many chokes and unchokes came."""
        self.knowledge = -1
        """How many pieces we and it had together when it last told its interest."""
        self.greeted = False
        """It sent a bitfield."""
        self.crossing = False
        """We choked it since its last request, which may be on its way (spec 6.4)."""

        self.upload = Upload(peer_id, on_choke=on_choke, on_unchoke=on_unchoke)
        self.download = Download(peer_id)
        self.our_interest = OurInterest(
            peer_id,
            on_gain=lambda neighbor: state.send(neighbor, INTERESTED),
            on_lose=lambda neighbor: state.send(neighbor, NOT_INTERESTED),
        )
        self.its_interest = ItsInterest(peer_id)

    @property
    def machines(self) -> tuple[NeighborMachine, ...]:
        """All its machines."""
        return (self.upload, self.download, self.our_interest, self.its_interest)

    @property
    def interested(self) -> bool:
        """Whether it is interested in our pieces, as far as it told us."""
        return self.its_interest.state == "interested"

    @property
    def unchoked(self) -> bool:
        """Whether we serve it."""
        return self.upload.state != "choked"

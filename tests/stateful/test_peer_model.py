"""A whole core against the model, in any interleaving of what the world can do to it."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from core.config import PeerInfo, SwarmConfig
from core.interface.messages import CHOKE, INTERESTED, NOT_INTERESTED, UNCHOKE, Message
from core.peer import Peer
from tests.kit.effort import examples
from tests.kit.stateful.life import Life

PEER = st.integers(0, 3)
PIECE = st.integers(0, 8)
WORDS = st.sampled_from([CHOKE, UNCHOKE, UNCHOKE, INTERESTED, INTERESTED, NOT_INTERESTED])


@st.composite
def swarms(draw: st.DrawFn) -> SwarmConfig:
    """Two to five peers, one of them a seed, one to nine pieces of which the last is shorter."""
    count = draw(st.integers(2, 5))
    seed = draw(st.integers(0, count - 1))
    peers = tuple(PeerInfo(n, "localhost", 6000 + n, n == seed + 1) for n in range(1, count + 1))
    pieces = draw(st.integers(1, 9))
    p, m = draw(st.sampled_from([1.0, 5.0])), draw(st.sampled_from([1.5, 5.0]))
    return SwarmConfig(draw(st.integers(1, 3)), p, m, "file", pieces * 10 - 3, 10, peers)


class PeerAgainstModel(RuleBasedStateMachine):
    """The rules; each does nothing where the network couldn't do it."""

    core: type[Peer] = Peer

    @initialize(
        config=swarms(),
        place=st.integers(0, 4),
        seed=st.integers(0, 1000),
        wait=st.sampled_from([None, None, 0.0, float("inf")]),
    )
    def start(self, config: SwarmConfig, place: int, seed: int, wait: float | None) -> None:
        me = config.peers[place % len(config.peers)].peer_id
        if wait is not None and wait > 1:
            wait = 1e9  # as good as infinity, and a number for the model
        self.life = Life(config, me, seed, wait=wait, core=self.core)
        self.life.begin()
        self.others = sorted(self.life.model.others)

    def peer(self, number: int) -> int:
        return self.others[number % len(self.others)]

    def talker(self, number: int) -> int | None:
        """A neighbor that can say something now; the next one where this one can't."""
        able = [n for n in self.others if self.life.may_talk(n)]
        return able[number % len(able)] if able else None

    @property
    def running(self) -> bool:
        return not self.life.ended

    # Connections.

    @precondition(lambda self: self.running)
    @rule(number=PEER)
    def connect(self, number: int) -> None:
        absent = [n for n in self.others if n not in self.life.model.sides]
        if absent:
            self.life.connect(absent[number % len(absent)])

    @precondition(lambda self: self.running)
    @rule(number=PEER, unchokes=st.booleans(), interested=st.booleans())
    def arrive(self, number: int, *, unchokes: bool, interested: bool) -> None:
        """The usual beginning, in one step: connected, with everything or nothing, unchoking."""
        absent = [n for n in self.others if n not in self.life.model.sides]
        if absent:
            peer_id = absent[number % len(absent)]
            self.life.connect(peer_id)
            if self.running:
                self.life.say_bitfield(peer_id, self.life.model.pieces if unchokes else set())
            if self.running and unchokes:
                self.life.say(peer_id, UNCHOKE)
            if self.running and interested:
                self.life.say(peer_id, INTERESTED)

    @rule(number=PEER, sure=st.integers(0, 3))
    def lose(self, number: int, sure: int) -> None:
        peer_id = self.peer(number)
        if sure == 0 and peer_id in self.life.model.sides:
            self.life.lose(peer_id)

    @rule(number=PEER, sure=st.integers(0, 3))
    def end_stream(self, number: int, sure: int) -> None:
        peer_id = self.peer(number)
        sides = self.life.model.sides
        if sure == 0 and peer_id in sides and peer_id not in self.life.mute:
            self.life.end_stream(peer_id)

    @rule(number=PEER)
    def refuse(self, number: int) -> None:
        peer_id = self.peer(number)
        if peer_id in self.life.model.dialled and peer_id not in self.life.model.sides:
            self.life.refuse(peer_id)

    # Messages.

    @rule(number=PEER, pieces=st.sets(PIECE), form=st.sampled_from(["all", "some", "empty"]))
    def say_bitfield(self, number: int, pieces: set[int], form: str) -> None:
        peer_id = self.talker(number)
        if peer_id is not None:
            real = self.life.model.pieces
            said = real if form == "all" else pieces & real
            self.life.say_bitfield(peer_id, said, empty=form == "empty")

    @rule(number=PEER, pieces=st.lists(PIECE, min_size=1, max_size=4))
    def say_haves(self, number: int, pieces: list[int]) -> None:
        peer_id = self.talker(number)
        if peer_id is not None:
            count = self.life.config.piece_count
            self.life.say_haves(peer_id, [piece % count for piece in pieces])

    @rule(number=PEER, message=WORDS)
    def say(self, number: int, message: Message) -> None:
        peer_id = self.talker(number)
        if peer_id is not None:
            self.life.say(peer_id, message)

    @rule(number=PEER, piece=PIECE)
    def ask(self, number: int, piece: int) -> None:
        peer_id = self.talker(number)
        if peer_id is not None:
            self.life.ask(peer_id, piece % self.life.config.piece_count)

    # Pieces.

    @rule(number=PEER, piece=PIECE)
    def begin_any_piece(self, number: int, piece: int) -> None:
        peer_id = self.talker(number)
        if peer_id is not None:
            owed = sorted(self.life.model.sides[peer_id].owes)
            chosen = owed[piece % len(owed)] if owed and piece % 3 else piece
            self.life.begin_piece(peer_id, chosen % self.life.config.piece_count)

    @rule(number=PEER, whole=st.booleans())
    def answer(self, number: int, *, whole: bool) -> None:
        """An honest answer to the open request, whole or only its beginning."""
        asked = [
            n
            for n in self.others
            if self.life.may_talk(n) and self.life.model.sides[n].request is not None
        ]
        if asked:
            peer_id = asked[number % len(asked)]
            piece = self.life.model.sides[peer_id].request
            assert piece is not None
            self.life.begin_piece(peer_id, piece)
            if whole:
                self.life.end_piece(peer_id)

    @rule(number=PEER, written=st.booleans(), whole=st.booleans())
    def go_on(self, number: int, *, written: bool, whole: bool) -> None:
        coming = sorted(self.life.coming)
        if coming:
            peer_id = coming[number % len(coming)]
            if whole:
                self.life.end_piece(peer_id, written=written)
            else:
                self.life.more_of_piece(peer_id)

    @rule(number=PEER)
    def piece_out(self, number: int) -> None:
        sending = [n for n, side in self.life.model.sides.items() if side.sending is not None]
        if sending:
            self.life.piece_out(sending[number % len(sending)])

    # Time, and ourselves.

    @rule(late=st.sampled_from([0.0, 0.0, 1.0, 7.0]))
    def go_on_in_one_turn(self, late: float) -> None:
        """A turn begins that takes in all that follows, until time passes; timers may be due in it."""
        self.life.go_on_in_one_turn(late)

    @rule(seconds=st.sampled_from([0.5, 1.0, 5.0]))
    def wait(self, seconds: float) -> None:
        self.life.wait_for(seconds)

    @rule(seconds=st.sampled_from([1.0, 7.0, 31.0, 61.0]))
    def wait_late(self, seconds: float) -> None:
        self.life.wait_for(seconds, late=True)

    @precondition(lambda self: self.running)
    @rule(what=st.integers(0, 30), serves=st.booleans())
    def trouble(self, what: int, *, serves: bool) -> None:
        if what == 30:
            self.life.stop()
        elif what == 29 and not self.life.model.failed:
            self.life.fail(serves=serves)


TestPeerAgainstModel = PeerAgainstModel.TestCase
TestPeerAgainstModel.settings = settings(max_examples=examples(60), stateful_step_count=50)

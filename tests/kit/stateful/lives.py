"""Long random lives of a peer, each from one seed: busier than what hypothesis thinks of.

Hypothesis finds the smallest case; these find the deep one: a swarm that is well under way, where most
of what happens is what usually happens and every now and then something doesn't.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from core.config import PeerInfo, SwarmConfig
from core.interface.messages import CHOKE, INTERESTED, NOT_INTERESTED, UNCHOKE
from core.peer import Peer
from tests.kit.stateful.life import Life

STEPS = 250


def random_config(rng: Random) -> SwarmConfig:
    """A swarm of two to six peers."""
    count = rng.randint(2, 6)
    seed = rng.randint(1, count)
    peers = tuple(PeerInfo(n, "localhost", 6000 + n, n == seed) for n in range(1, count + 1))
    pieces = rng.choice([1, 3, 8, 9, 20])
    p, m = rng.choice([1.0, 5.0]), rng.choice([1.5, 5.0])
    return SwarmConfig(rng.randint(1, 3), p, m, "file", pieces * 10 - 3, 10, peers)


class RandomLife:
    """One life, step by step."""

    def __init__(self, seed: int, core: type[Peer] = Peer) -> None:
        self.rng = rng = Random(f"life {seed}")
        config = random_config(rng)
        me = rng.choice(config.peers).peer_id
        wait = rng.choice([None, None, None, 0.0, 1e9])
        self.life = Life(config, me, seed, wait=wait, core=core)
        self.life.begin()
        self.others = sorted(self.life.model.others)
        trouble = rng.choice([0.0, 0.2, 1.0])  # how often a rare thing happens
        self.weights: dict[Callable[[], None], float] = {
            self.connect: 6,
            self.greet: 6,
            self.have: 3,
            self.unchoke: 6,
            self.choke: 2 * trouble,
            self.interest: 6,
            self.ask: 8,
            self.piece_out: 8,
            self.answer: 12,
            self.go_on: 12,
            self.any_piece: 2 * trouble,
            self.unknown: trouble,
            self.go_on_in_one_turn: 6,
            self.pass_time: 6,
            self.pass_much_time: 2 * trouble,
            self.lose: 1.5 * trouble,
            self.end_stream: 0.3 * trouble,
            self.refuse: trouble,
            self.fail: 0.2 * trouble,
            self.stop: 0.03 * trouble,
        }

    def run(self) -> int:
        """Live; returns how many steps were made."""
        actions, weights = list(self.weights), list(self.weights.values())
        for step in range(STEPS):
            self.rng.choices(actions, weights)[0]()
            if self.life.ended and not self.life.model.sides:
                return step
        return STEPS

    def _talker(self) -> int | None:
        able = [n for n in self.others if self.life.may_talk(n)]
        return self.rng.choice(able) if able else None

    def _piece(self) -> int:
        return self.rng.randrange(self.life.config.piece_count)

    def connect(self) -> None:
        absent = [n for n in self.others if n not in self.life.model.sides]
        if absent and not self.life.ended:
            self.life.connect(self.rng.choice(absent))

    def greet(self) -> None:
        fresh = [
            n
            for n in self.others
            if self.life.may_talk(n)
            and (not self.life.model.sides[n].spoke or self.rng.random() < 0.03)
        ]
        if fresh:
            share = self.rng.choice([0.0, 0.3, 0.9, 1.0, 1.0])
            pieces = {piece for piece in self.life.model.pieces if self.rng.random() < share}
            self.life.say_bitfield(
                self.rng.choice(fresh), pieces, empty=not pieces and self.rng.random() < 0.5
            )

    def have(self) -> None:
        if (peer_id := self._talker()) is not None:
            self.life.say_haves(peer_id, [self._piece() for _ in range(self.rng.randint(1, 4))])

    def unchoke(self) -> None:
        if (peer_id := self._talker()) is not None:
            self.life.say(peer_id, UNCHOKE)

    def choke(self) -> None:
        if (peer_id := self._talker()) is not None:
            self.life.say(peer_id, CHOKE)

    def interest(self) -> None:
        if (peer_id := self._talker()) is not None:
            self.life.say(peer_id, INTERESTED if self.rng.random() < 0.8 else NOT_INTERESTED)

    def ask(self) -> None:
        served = [n for n, s in self.life.model.sides.items() if s.unchoked]
        able = [n for n in served if self.life.may_talk(n)]
        peer_id = self.rng.choice(able) if able and self.rng.random() < 0.8 else self._talker()
        if peer_id is not None:
            self.life.ask(peer_id, self._piece())

    def piece_out(self) -> None:
        sending = [n for n, s in self.life.model.sides.items() if s.sending is not None]
        if sending:
            self.life.piece_out(self.rng.choice(sending))

    def unknown(self) -> None:
        if (peer_id := self._talker()) is not None:
            self.life.say_unknown(peer_id)

    def answer(self) -> None:
        sides = self.life.model.sides
        asked = [n for n in sides if self.life.may_talk(n) and sides[n].request is not None]
        if asked:
            peer_id = self.rng.choice(asked)
            piece = sides[peer_id].request
            assert piece is not None
            self.life.begin_piece(peer_id, piece)

    def go_on(self) -> None:
        if self.life.coming:
            peer_id = self.rng.choice(sorted(self.life.coming))
            if self.rng.random() < 0.9:
                self.life.end_piece(peer_id, written=self.rng.random() < 0.5)
            else:
                self.life.more_of_piece(peer_id)

    def any_piece(self) -> None:
        """A piece that was asked for earlier, or never."""
        if (peer_id := self._talker()) is not None:
            owed = sorted(self.life.model.sides[peer_id].owes)
            piece = self.rng.choice(owed) if owed and self.rng.random() < 0.7 else self._piece()
            self.life.begin_piece(peer_id, piece)

    def go_on_in_one_turn(self) -> None:
        self.life.go_on_in_one_turn(self.rng.choice([0.0, 0.0, 1.0, 7.0]))

    def pass_time(self) -> None:
        self.life.wait_for(self.rng.choice([0.25, 0.5, 1.0, 5.0]), late=self.rng.random() < 0.2)

    def pass_much_time(self) -> None:
        self.life.wait_for(self.rng.choice([7.0, 31.0, 61.0]), late=self.rng.random() < 0.5)

    def lose(self) -> None:
        if self.life.model.sides:
            self.life.lose(self.rng.choice(sorted(self.life.model.sides)))

    def end_stream(self) -> None:
        able = [n for n in self.life.model.sides if n not in self.life.mute]
        if able:
            self.life.end_stream(self.rng.choice(able))

    def refuse(self) -> None:
        able = sorted(self.life.model.dialled - set(self.life.model.sides))
        if able:
            self.life.refuse(self.rng.choice(able))

    def fail(self) -> None:
        if not self.life.ended and not self.life.model.failed:
            self.life.fail(serves=self.rng.random() < 0.7)

    def stop(self) -> None:
        if not self.life.ended:
            self.life.stop()

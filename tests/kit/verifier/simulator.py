"""Swarms that keep the specification, simulated: one thread a peer, FIFO links, a virtual clock.

Written from the specification for the verifier's tests alone; shares no code with the program.
`Shape` says what kind of swarm.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

EPOCH = datetime(2026, 11, 22, 10, tzinfo=UTC)


@dataclass
class Shape:
    """A swarm: sizes, timing (seconds), upload rate (bytes a second for each connection)."""

    leechers: int = 4
    seeds: int = 1
    pieces: int = 40
    piece_size: int = 1000
    k: int = 2
    p: float = 1.0
    m: float = 2.0
    rate: float = 40_000.0
    delay: tuple[float, float] = (0.001, 0.02)
    starts: float = 0.2
    late: dict[int, float] = field(default_factory=dict)
    cuts: list[tuple[float, int, int]] = field(default_factory=list)
    kills: list[tuple[float, int, float]] = field(default_factory=list)
    clock: float = 0.0


class Link:
    """One direction of a connection: what is sent arrives in order, unless the link breaks."""

    def __init__(self, swarm: Swarm, end: End, delay: float) -> None:
        self.swarm, self.end, self.delay = swarm, end, delay
        self.busy = 0.0

    def send(self, message: tuple[Any, ...], size: int = 20) -> float:
        depart = max(self.swarm.now, self.busy) + size / self.swarm.shape.rate
        self.busy = depart
        self.swarm.at(depart + self.delay, lambda: self.end.receive(message))
        return depart


class End:
    """One end of a connection with all that a peer knows of that neighbor."""

    def __init__(self, peer: Peer, other: int) -> None:
        self.peer, self.other = peer, other
        self.link: Link
        self.has: set[int] = set()
        self.told_interest: bool | None = None
        self.is_interested = False
        self.choked_us = True
        self.we_choke = True
        self.request: int | None = None
        self.asked: set[int] = set()
        self.waiting: list[int] = []
        self.sending = False
        self.rate = 0
        self.open = True
        self.closing = False
        self.quiet = False

    def receive(self, message: tuple[Any, ...]) -> None:
        if self.open and self.peer.alive and self.peer.ends.get(self.other) is self:
            self.peer.handle(self, message)

    def send(self, kind: str, *fields: Any, size: int = 20) -> float:
        if not self.open or self.closing:
            return 0.0
        return self.link.send((kind, *fields), size)


class Peer:
    """A peer that follows the specification."""

    def __init__(self, swarm: Swarm, ident: int, *, seed: bool) -> None:
        self.swarm, self.id, self.seed = swarm, ident, seed
        self.rng = random.Random(swarm.rng.random())
        self.pieces: set[int] = set(range(swarm.shape.pieces)) if seed else set()
        self.order: list[int] = []
        self.ends: dict[int, End] = {}
        self.known: dict[int, set[int]] = {}
        self.preferred: set[int] = set()
        self.optimistic: int | None = None
        self.alive = True
        self.ending = False
        self.ended = False
        self.log: list[tuple[float, str]] = []
        self.started = swarm.now
        self.tick(1, swarm.shape.p, self.choose_preferred)
        self.tick(1, swarm.shape.m, self.choose_optimistic)

    def tick(self, number: int, interval: float, action: Callable[[], None]) -> None:
        def run() -> None:
            if self.alive and not self.ending:
                action()
                self.tick(number + 1, interval, action)

        self.swarm.at(self.started + number * interval + self.rng.random() * 0.002, run)

    def say(self, text: str) -> None:
        self.log.append((self.swarm.now, f"Peer {self.id} {text}"))

    @property
    def complete(self) -> bool:
        return len(self.pieces) == self.swarm.shape.pieces

    # connections
    def connect(self, end: End, *, made: bool) -> None:
        self.ends[end.other] = end
        self.say(f"{'makes a connection to' if made else 'is connected from'} Peer {end.other}.")
        end.send("bitfield", frozenset(self.pieces))

    def lose(self, other: int) -> None:
        end = self.ends.pop(other, None)
        if end is not None:
            end.open = False
            self.preferred.discard(other)
            if self.optimistic == other:
                self.optimistic = None
            self.look_again()

    # messages
    def handle(self, end: End, message: tuple[Any, ...]) -> None:
        kind, fields = message[0], message[1:]
        getattr(self, "on_" + kind)(end, *fields)
        self.maybe_end()

    def on_bitfield(self, end: End, has: frozenset[int]) -> None:
        end.has |= has
        self.known[end.other] = set(end.has)
        self.tell_interest(end, always=True)

    def tell_interest(self, end: End, *, always: bool = False) -> None:
        wants = bool(end.has - self.pieces)
        if always or wants != bool(end.told_interest):
            end.told_interest = wants
            end.send("interest", wants)

    def on_interest(self, end: End, wants: bool) -> None:
        end.is_interested = wants
        self.say(
            f"received the '{'interested' if wants else 'not interested'}' message from {end.other}."
        )

    def on_have(self, end: End, piece: int) -> None:
        self.say(f"received the 'have' message from {end.other} for the piece {piece}.")
        end.has.add(piece)
        self.known.setdefault(end.other, set()).add(piece)
        if not end.told_interest:
            self.tell_interest(end)
        self.request_next(end)

    def on_choke(self, end: End) -> None:
        self.say(f"is choked by {end.other}.")
        end.choked_us = True
        end.request = None
        self.look_again()

    def on_unchoke(self, end: End) -> None:
        self.say(f"is unchoked by {end.other}.")
        end.choked_us = False
        end.request = None
        self.request_next(end)

    def look_again(self) -> None:
        for end in list(self.ends.values()):
            self.request_next(end)

    def request_next(self, end: End) -> None:
        if end.choked_us or end.request is not None or not end.open or self.ending:
            return
        busy = {other.request for other in self.ends.values()}
        wanted = sorted(end.has - self.pieces - busy)
        if wanted:
            piece = self.rng.choice(wanted)
            end.request = piece
            end.asked.add(piece)
            end.send("request", piece)

    def on_request(self, end: End, piece: int) -> None:
        if end.we_choke:
            return
        if piece in self.pieces and piece not in end.waiting:
            end.waiting.append(piece)
            self.serve(end)

    def serve(self, end: End) -> None:
        if end.sending or not end.waiting or not end.open or end.closing:
            return
        piece = end.waiting.pop(0)
        end.sending = True

        def sent() -> None:
            end.sending = False
            self.serve(end)

        self.swarm.at(end.send("piece", piece, size=self.swarm.shape.piece_size), sent)

    def on_piece(self, end: End, piece: int) -> None:
        size = self.swarm.shape.piece_size
        if end.request == piece:
            end.request = None
        if piece in end.asked and piece not in self.pieces:
            end.asked.discard(piece)
            self.pieces.add(piece)
            self.order.append(piece)
            end.rate += size
            self.say(
                f"has downloaded the piece {piece} from {end.other}. Now the number of pieces it has is {len(self.pieces)}."
            )
            if self.complete:
                self.say("has downloaded the complete file.")
            for other in list(self.ends.values()):
                other.send("have", piece)
            for other in list(self.ends.values()):
                if other.told_interest and not other.has - self.pieces:
                    self.tell_interest(other)
        self.request_next(end)

    # choking
    def interested(self) -> list[int]:
        return sorted(other for other, end in self.ends.items() if end.is_interested and end.open)

    def choose_preferred(self) -> None:
        among = self.interested()
        self.rng.shuffle(among)
        if not self.complete:
            among.sort(key=lambda other: -self.ends[other].rate)
        chosen = set(among[: self.swarm.shape.k])
        for end in self.ends.values():
            end.rate = 0
        if chosen != self.preferred:
            self.say(f"has the preferred neighbors {','.join(map(str, sorted(chosen)))}.")
            self.preferred = chosen
            self.apply()

    def choose_optimistic(self) -> None:
        among = [other for other in self.interested() if self.ends[other].we_choke]
        if among:
            self.optimistic = self.rng.choice(among)
            self.say(f"has the optimistically unchoked neighbor {self.optimistic}.")
            self.apply()

    def apply(self) -> None:
        unchoked = self.preferred | ({self.optimistic} - {None})
        for other, end in self.ends.items():
            if other in unchoked and end.we_choke:
                end.we_choke = False
                end.send("unchoke")
            elif other not in unchoked and not end.we_choke:
                end.we_choke = True
                end.waiting.clear()
                end.send("choke")

    # the end
    def maybe_end(self) -> None:
        everyone = set(self.swarm.ids) - {self.id}
        full = self.swarm.shape.pieces
        if self.ending or not self.complete or any(self.id in pair for pair in self.swarm.broken):
            return
        if all(len(self.known.get(other, ())) == full for other in everyone):
            self.ending = True
            for end in list(self.ends.values()):
                self.close(end)
            if not self.ends:
                self.ended = True

    def close(self, end: End) -> None:
        if not end.closing:
            end.send("eof")
            end.closing = True

    def on_eof(self, end: End) -> None:
        self.close(end)
        del self.ends[end.other]
        if self.ending and not self.ends:
            self.ended = True


class Swarm:
    """All peers, the clock and the events to come."""

    def __init__(self, shape: Shape, seed: int = 0) -> None:
        self.shape = shape
        self.rng = random.Random(seed)
        self.now = 0.0
        self.todo: list[tuple[float, int, Callable[[], object]]] = []
        self.number = count()
        self.ids = [1001 + n for n in range(shape.seeds + shape.leechers)]
        self.peers: dict[int, Peer] = {}
        self.old: dict[int, list[Peer]] = {}
        self.skew = {ident: self.rng.uniform(-1, 1) * shape.clock for ident in self.ids}
        self.broken: set[tuple[int, int]] = set()

    def at(self, when: float, action: Callable[[], object]) -> None:
        heapq.heappush(self.todo, (when, next(self.number), action))

    def start(self, ident: int) -> None:
        seed = ident - 1001 < self.shape.seeds
        self.peers[ident] = self.make(ident, seed=seed)
        for other in self.ids[: self.ids.index(ident)]:
            self.dial(ident, other)

    def make(self, ident: int, *, seed: bool) -> Peer:
        return Peer(self, ident, seed=seed)

    def dial(self, ident: int, other: int, pause: float = 0.05) -> None:
        def attempt() -> None:
            mine, theirs = self.peers.get(ident), self.peers.get(other)
            if mine is None or not mine.alive or mine.ended or other in mine.ends:
                return
            if theirs is None or not theirs.alive or (theirs.ending and theirs.ended):
                if theirs is None or not theirs.alive:
                    self.dial(ident, other, 0.3)
                return
            ends = End(mine, other), End(theirs, ident)
            for end, far in (ends, ends[::-1]):
                end.link = Link(self, far, self.rng.uniform(*self.shape.delay))
            self.broken.discard((ident, other))
            for end, made in ((ends[1], False), (ends[0], True)):
                end.peer.connect(end, made=made)

        self.at(self.now + pause, attempt)

    def cut(self, one: int, other: int) -> None:
        a, b = max(one, other), min(one, other)
        left, right = self.peers.get(a), self.peers.get(b)
        if left and right and b in left.ends and not left.ending and not right.ending:
            self.broken.add((a, b))
            left.lose(b)
            right.lose(a)
            self.dial(a, b, 0.2)

    def kill(self, ident: int, pause: float) -> None:
        peer = self.peers.get(ident)
        if peer is None or peer.complete:
            return
        peer.alive = False
        self.old.setdefault(ident, []).append(peer)
        for other in list(peer.ends):
            self.peers[other].lose(ident)
            if other > ident:
                self.at(self.now + pause, lambda other=other: self.dial(other, ident))  # type: ignore[misc]
        self.at(self.now + pause, lambda: self.start(ident))

    def run(self, limit: float = 600.0) -> Swarm:
        for place, ident in enumerate(self.ids):
            when = self.shape.late.get(ident, place * self.shape.starts)
            self.at(when, lambda ident=ident: self.start(ident))  # type: ignore[misc]
        for when, one, other in self.shape.cuts:
            self.at(when, lambda one=one, other=other: self.cut(one, other))  # type: ignore[misc]
        for when, ident, pause in self.shape.kills:
            self.at(when, lambda ident=ident, pause=pause: self.kill(ident, pause))  # type: ignore[misc]
        while self.todo and self.now < limit:
            self.now, _, action = heapq.heappop(self.todo)
            action()
            if len(self.peers) == len(self.ids) and all(peer.ended for peer in self.peers.values()):
                break
        return self

    @property
    def finished(self) -> bool:
        return all(peer.ended for peer in self.peers.values())

    def write(self, folder: Path) -> Path:
        """Configuration and logs, as the specification prescribes them."""
        shape = self.shape
        folder.mkdir(parents=True, exist_ok=True)
        size = shape.pieces * shape.piece_size - shape.piece_size // 3
        (folder / "Common.cfg").write_text(
            f"NumberOfPreferredNeighbors {shape.k}\nUnchokingInterval {shape.p:g}\n"
            f"OptimisticUnchokingInterval {shape.m:g}\nFileName TheFile.dat\n"
            f"FileSize {size}\nPieceSize {shape.piece_size}\n"
        )
        lines = [
            f"{ident} localhost {6000 + n} {int(n < shape.seeds)}\n"
            for n, ident in enumerate(self.ids)
        ]
        (folder / "PeerInfo.cfg").write_text("".join(lines))
        for ident in self.ids:
            lives = [*self.old.get(ident, []), self.peers[ident]]
            for number, peer in enumerate(lives, 1):
                suffix = "" if number == len(lives) else f".{number}"
                text = "".join(f"{self.stamp(ident, when)}: {what}\n" for when, what in peer.log)
                (folder / f"log_peer_{ident}.log{suffix}").write_text(text)
        return folder

    def stamp(self, ident: int, when: float) -> str:
        moment = EPOCH + timedelta(seconds=when + self.skew[ident])
        return moment.isoformat(timespec="microseconds")

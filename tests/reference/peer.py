"""A reference peer: the specification written down with blocking sockets and threads.

    python tests/reference/peer.py ID --workdir DIR [--habit NAME ...] [--random-seed N]

It is meant to be obviously right, not fast: one lock around all state, a reader and a writer thread
for each connection, one thread for the timers. Left out, as nobody can tell from outside or it is
only self-defence: the limit of unfinished handshakes (spec 2.4), refusing early comebacks (3.5),
exit statuses 3 and 4 as such (7.3, 7.4: here a time-out gives 3). 0: all complete.
"""

from __future__ import annotations

import argparse
import random
import socket
import sys
import threading
import time
from pathlib import Path
from typing import Any

if not __package__:  # started by its path
    sys.path[0] = str(Path(__file__).resolve().parents[2])

from tests.reference import wire
from tests.reference.choking import Choking
from tests.reference.files import Copy, Listed, Log, Settings, read_settings
from tests.reference.habits import ENDINGS, HABITS, copies, opening
from tests.reference.link import Link, follow_lifeline, listen, send, start
from tests.reference.wire import ProtocolError, Type

Address = tuple[Any, ...]
HANDSHAKE_SECONDS = 10.0
DRAIN_SECONDS = 5.0


class Peer:
    """One peer, seed or leecher. Everything that isn't a thread's own is touched under `lock`."""

    def __init__(
        self, workdir: Path, peer_id: int, habits: frozenset[str], seed: int | None = None
    ) -> None:
        """Read the configuration and open file and log; nothing is on the network yet."""
        self.settings: Settings = read_settings(workdir)
        self.me = next(peer for peer in self.settings.peers if peer.peer_id == peer_id)
        self.habits = habits
        self.rng = random.Random(seed)
        self.log = Log(workdir, peer_id)
        self.copy = Copy(workdir, self.settings, self.me)
        self.lock = threading.Lock()
        self.changed = threading.Condition(self.lock)
        self.over = threading.Event()
        self.links: dict[int, Link] = {}
        # What is known of each other peer; stands until a new connection replaces it (spec 2.7).
        self.known: dict[int, set[int]] = {i: set() for i in self.settings.ids() if i != peer_id}
        self.closed_in_order: set[int] = set()
        self.refused: set[int] = set()
        self.choking = Choking(self)
        self.ending = False
        self.cut = "cut-once" not in habits

    def say(self, words: str) -> None:
        """Tell people something that is no event (spec 3.5, 8.2)."""
        print(f"reference peer {self.me.peer_id}: {words}", file=sys.stderr, flush=True)

    # -- start and end (spec 2.1, 7) ---------------------------------------------------------------

    def run(self, timeout: float) -> int:
        """Take part in the swarm until all are complete; the exit status."""
        deadline = time.monotonic() + timeout
        listeners = listen(self.me.host, self.me.port)
        for listener in listeners:
            start(self.accept, listener)
        for target in self.settings.peers[: self.settings.peers.index(self.me)]:
            start(self.dial, target)
        start(self.choking.run)
        with self.lock:
            if not self.changed.wait_for(self.all_complete, deadline - time.monotonic()):
                missing = [i for i, pieces in self.known.items() if not self.has_all(pieces)]
                self.say(f"time-out; own {len(self.copy.have)} pieces, incomplete: {missing}")
                return 3
            self.changed.wait_for(self.all_told, DRAIN_SECONDS)  # spec 7.2: nobody loses our last
            self.ending = True
            self.over.set()
            for listener in listeners:
                listener.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts
                listener.close()
            self.end_links()
        return 0

    def end_links(self) -> None:
        """Flush, half-close and read on until the others close too (spec 7.2)."""
        if "never-closes" in self.habits:
            names = set(self.links)
            self.changed.wait_for(lambda: names <= self.closed_in_order, 2 * DRAIN_SECONDS)
            return
        for link in self.links.values():
            link.end("reset" if "abrupt-close" in self.habits else "half-close")
        self.changed.wait_for(lambda: not self.links, DRAIN_SECONDS)

    def has_all(self, pieces: set[int]) -> bool:
        """Whether these are all pieces."""
        return len(pieces) == self.settings.piece_count

    def all_complete(self) -> bool:
        """Whether every listed peer is known to be complete (spec 7.1)."""
        return self.copy.complete and all(map(self.has_all, self.known.values()))

    def all_told(self) -> bool:
        """Whether nobody waits for a last have on a connection that was lost (spec 7.2)."""
        return self.links.keys() | self.closed_in_order | self.refused >= self.known.keys()

    # -- connections (spec 2) ----------------------------------------------------------------------

    def accept(self, listener: socket.socket) -> None:
        """Thread: accept successors (spec 2.1)."""
        while True:
            try:
                sock, address = listener.accept()
            except OSError:  # closed: new connections stop with the end (spec 7.2)
                return
            start(self.converse, sock, address)

    def dial(self, target: Listed) -> None:
        """Thread: keep one predecessor connected (spec 2.5)."""
        pause = 0.0
        while not self.over.wait(pause * self.rng.uniform(0.5, 1)):
            pause = min(2 * pause, 2) or 0.1
            try:
                sock = socket.create_connection((target.host, target.port), timeout=5)
                address = sock.getpeername()
                itself = sock.getsockname() == address
            except OSError as error:
                if isinstance(error, ConnectionRefusedError):
                    self.note_refusal(target.peer_id)
                continue
            if itself:
                sock.close()
                continue
            begin = time.monotonic()
            if self.converse(sock, address, target.peer_id) and time.monotonic() > begin + 1:
                pause = 0.0
            if target.peer_id in self.closed_in_order:
                return

    def note_refusal(self, peer_id: int) -> None:
        """Nobody listens there: at the end nobody waits for us there either (spec 7.2)."""
        with self.lock:
            self.refused.add(peer_id)
            self.changed.notify_all()

    def converse(self, sock: socket.socket, address: Address, dialled: int = 0) -> bool:
        """Thread: a connection from handshake to end; whether it was kept and broke no rule."""
        try:
            link = self.greet(sock, address[0], dialled)
        except (ProtocolError, EOFError, OSError) as error:
            self.say(f"no handshake with {dialled or 'a dialler'}: {error!r}")
            sock.close()
            return False
        try:
            while True:
                kind, payload = wire.read_frame(link.receive, self.settings)
                with self.lock:
                    if not link.gone:
                        self.handle(link, kind, payload)
        except ProtocolError as error:
            self.say(f"protocol error of {link.peer_id}: {error}")
            with self.lock:
                self.lose(link)
            return False
        except (EOFError, OSError):
            self.end_of_stream(link)
            return True

    def greet(self, sock: socket.socket, host: str, dialled: int) -> Link:
        """Exchange handshakes, check the other's, begin the connection (spec 2.2 to 2.4, 8.3)."""
        sock.settimeout(HANDSHAKE_SECONDS)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        own = wire.handshake(self.me.peer_id)
        wait = not dialled and "handshake-wait" in self.habits
        if not wait:
            send(sock, own)
        peer_id = wire.handshake_id(wire.read_exact(sock.recv, wire.HANDSHAKE_BYTES))
        ids = self.settings.ids()
        successors = ids[ids.index(self.me.peer_id) + 1 :]
        if peer_id not in ([dialled] if dialled else successors):
            raise ProtocolError(f"unexpected id {peer_id}")
        if wait:
            send(sock, own)
        sock.settimeout(None)
        with self.lock:
            old = self.links.get(peer_id)
            if old is not None:
                if old.host != host:
                    raise ProtocolError(f"{peer_id} is connected from another address")
                self.lose(old)
            return self.begin(Link(sock, host, peer_id, self.lock, self.habits), dialled)

    def begin(self, link: Link, dialled: int) -> Link:
        """Log the connection and queue the bitfield, in one step (spec 8.3)."""
        self.links[link.peer_id] = link
        self.known[link.peer_id] = link.pieces
        self.refused.discard(link.peer_id)
        self.closed_in_order.discard(link.peer_id)
        how = "makes a connection to" if dialled else "is connected from"
        self.log.write(f"{how} Peer {link.peer_id}.")
        for data in opening(self.habits, self.copy.have, self.settings.piece_count):
            link.put(data)
        start(link.write, self.next_piece)
        return link

    def end_of_stream(self, link: Link) -> None:
        """End of stream or reset: in order once both are complete, else a loss (spec 3.6, 7.2)."""
        with self.lock:
            both = self.copy.complete and self.has_all(link.pieces)
            if both and not link.gone:
                self.closed_in_order.add(link.peer_id)
                self.changed.notify_all()
                if "never-closes" in self.habits and not link.ending:
                    return
                link.end("half-close")
            if link.ending:
                link.work.wait_for(lambda: link.written, DRAIN_SECONDS)
            self.lose(link)

    def lose(self, link: Link) -> None:
        """Forget a connection and what was open on it (spec 2.8)."""
        link.drop()
        if self.links.get(link.peer_id) is not link:
            return
        del self.links[link.peer_id]
        self.choking.forget(link.peer_id)
        link.open.clear()
        self.ask_all()
        self.changed.notify_all()

    # -- what is received (spec 3 to 6, 8) ---------------------------------------------------------

    def handle(self, link: Link, kind: int, payload: bytes) -> None:
        """Take in one message: log it, then decide."""
        peer_id, count = link.peer_id, self.settings.piece_count
        match kind:
            case Type.CHOKE:
                self.log.write(f"is choked by {peer_id}.")
                link.chokes_us = True
                link.open.clear()  # a choke may have crossed the request (spec 6.4)
                self.ask_all()
            case Type.UNCHOKE:
                self.log.write(f"is unchoked by {peer_id}.")
                link.chokes_us = False
                self.ask(link)
            case Type.INTERESTED:
                self.log.write(f"received the 'interested' message from {peer_id}.")
                link.interested = True
            case Type.NOT_INTERESTED:
                self.log.write(f"received the 'not interested' message from {peer_id}.")
                link.interested = False
            case Type.HAVE:
                index = wire.index_of(payload, count)
                self.log.write(f"received the 'have' message from {peer_id} for the piece {index}.")
                self.learn(link, {index}, first=False)
            case Type.BITFIELD:
                self.learn(link, wire.bitfield_indexes(payload, count), first=True)
            case Type.REQUEST:
                self.take_request(link, wire.index_of(payload, count))
            case Type.PIECE:
                self.take_piece(link, wire.index_of(payload, count), payload[4:])
        link.handled += 1
        if link.handled % 5 == 1 and not self.ending:
            self.misbehave(link)

    def learn(self, link: Link, pieces: set[int], *, first: bool) -> None:
        """The neighbor has these pieces (spec 5.1, 5.2, 6.3, 7.1)."""
        link.pieces |= pieces
        self.tell_interest(link, answer=first and link.told_interest is None)
        self.ask(link)
        self.reset_early()
        self.changed.notify_all()

    def tell_interest(self, link: Link, *, answer: bool = False) -> None:
        """Tell a change of interest; nothing told yet counts as not interested (spec 5.1)."""
        wanted = not link.pieces <= self.copy.have
        if answer or wanted != bool(link.told_interest):
            link.told_interest = wanted
            self.send(link, Type.INTERESTED if wanted else Type.NOT_INTERESTED)

    def take_request(self, link: Link, index: int) -> None:
        """Let an unchoked neighbor's request wait for the writer (spec 4.8, 4.9)."""
        if not link.choked and index in self.copy.have and index not in link.waiting:
            link.waiting.append(index)
            link.work.notify_all()

    def take_piece(self, link: Link, index: int, content: bytes) -> None:
        """Keep a piece that was asked for and is lacking; ask for the next (spec 6.2, 6.5)."""
        if index in link.asked and index not in self.copy.have:
            link.rate += len(content)
            self.copy.write(index, content)
            self.log.write(
                f"has downloaded the piece {index} from {link.peer_id}. "
                f"Now the number of pieces it has is {len(self.copy.have)}."
            )
            if self.copy.complete:
                self.log.write("has downloaded the complete file.")
            for other in self.links.values():
                self.announce(other, index)
                self.tell_interest(other)
            self.reset_early()
            self.changed.notify_all()
        if index in link.asked:
            link.unanswered = 0
        if index in link.open:
            link.open.discard(index)
            self.ask(link)

    # -- what is sent ------------------------------------------------------------------------------

    def send(self, link: Link, kind: int, payload: bytes = b"") -> None:
        """Queue a message, more than once if that is the habit."""
        if not self.ending:
            for _ in range(copies(self.habits, kind)):
                link.put(wire.frame(kind, payload))

    def announce(self, link: Link, index: int) -> None:
        """Tell a neighbor a new piece (spec 5.3)."""
        self.send(link, Type.HAVE, index.to_bytes(4, "big"))
        first = len(self.copy.have) == 1 and "have-before-bitfield" in self.habits
        if first or (self.copy.complete and "bitfield-twice" in self.habits):
            link.put(wire.bitfield(self.copy.have, self.settings.piece_count))

    def ask(self, link: Link) -> None:
        """Request a random piece that nobody was asked for, one at a time (spec 6.1 to 6.3)."""
        limit = 4 if "pipelined-requests" in self.habits else 1
        while not (link.chokes_us or self.ending) and len(link.open) < limit:
            requested = set().union(*(other.open for other in self.links.values()))
            candidates = sorted(link.pieces - self.copy.have - requested)
            if not candidates:
                return
            index = self.rng.choice(candidates)
            link.open.add(index)
            link.asked.add(index)
            link.last_byte = time.monotonic()
            link.put(wire.request(index))

    def ask_all(self) -> None:
        """A piece became free: whoever is idle looks again (spec 6.3)."""
        for link in self.links.values():
            self.ask(link)

    def next_piece(self, link: Link) -> bytes:
        """What the writer sends for the request that waits longest (spec 4.9)."""
        index = link.waiting.pop(0)
        data = wire.piece(index, self.copy.read(index))
        if self.cut:
            return data
        self.cut = True
        link.waiting.clear()
        link.outbox.clear()
        link.end("reset")
        return data[: len(data) // 2]

    def misbehave(self, link: Link) -> None:
        """Now and then: messages that are odd but allowed (spec 3.4)."""
        if "unknown-type" in self.habits:
            link.put(wire.frame(8, self.rng.randbytes(5)))
        if self.copy.have and self.habits & {"unasked-piece", "repeated-have"}:
            index = self.rng.choice(sorted(self.copy.have))
            if "repeated-have" in self.habits:
                link.put(wire.have(index))
            if "unasked-piece" in self.habits:
                link.put(wire.piece(index, self.copy.read(index)))

    def reset_early(self) -> None:
        """Reset the connections that have nothing more to carry (spec 3.6)."""
        if "abrupt-close-early" in self.habits and self.copy.complete:
            for link in self.links.values():
                if self.has_all(link.pieces):
                    link.end("reset")


def main() -> int:
    """Run one reference peer from the command line."""
    parser = argparse.ArgumentParser(description="A reference peer for tests.")
    parser.add_argument("peer_id", type=int)
    parser.add_argument("--workdir", type=Path, default=Path())
    parser.add_argument("--habit", action="append", choices=sorted(HABITS), default=[])
    parser.add_argument("--random-seed", type=int)
    parser.add_argument("--timeout", type=float, default=60.0)
    parser.add_argument("--lifeline-fd", type=int)
    options = parser.parse_args()
    if len(set(options.habit) & set(ENDINGS)) > 1:
        parser.error(f"only one of {', '.join(ENDINGS)}")
    if options.lifeline_fd is not None:
        start(follow_lifeline, options.lifeline_fd)
    habits = frozenset(options.habit)
    return Peer(options.workdir, options.peer_id, habits, options.random_seed).run(options.timeout)


if __name__ == "__main__":
    sys.exit(main())

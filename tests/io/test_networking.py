"""`peerio.networking` over loopback: the team plan's contract, refusals, losses, limits and the end (spec 2, 3.5, 3.6, 7.2)."""

from __future__ import annotations

import errno
import inspect
import queue
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from functools import partial
from random import Random
from typing import Any

import pytest

from core.config import PeerInfo, SwarmConfig
from core.interface.events import Timer
from core.interface.messages import INTERESTED, UNCHOKE, Bitfield, Have, Message, Request
from peerio import networking
from peerio.contract import Callbacks, Network
from peerio.net import links, listening, sender
from peerio.networking import BoundPort, NetworkError, Networking
from peerio.protocol import FrameRules, encode, encode_handshake, read_exact, recv_message
from tests.kit.swarm.swarms import reserve_port

Patch = pytest.MonkeyPatch
PIECE = 40_000
CONTENT = Random(1).randbytes(PIECE)
WITHIN = 10.0
"""Seconds within which whatever a test awaits must happen."""
Told = tuple[Any, ...]


class Recorder:
    """`Callbacks` that writes down what is told, and lets a test await it."""

    def __init__(self) -> None:
        self.told: queue.Queue[Told] = queue.Queue()
        self.seen: list[Told] = []
        self.sinks: list[bytearray] = []
        self.wants = True
        self.turns: list[str] = []

    def _tell(self, *what: Any) -> None:
        self.told.put(what)

    def on_started(self) -> None:
        self._tell("started")

    def on_peer_connected(self, remote_peer_id: int, incoming: bool) -> None:
        self._tell("connected", remote_peer_id, incoming)

    def on_message(self, remote_peer_id: int, message: Message) -> None:
        self._tell("message", remote_peer_id, message)

    def on_haves(self, remote_peer_id: int, pieces: list[int]) -> None:
        for piece in pieces:
            self._tell("have", remote_peer_id, piece)

    def on_unknown(self, remote_peer_id: int) -> None:
        self._tell("unknown", remote_peer_id)

    def on_peer_disconnected(self, remote_peer_id: int) -> None:
        self._tell("disconnected", remote_peer_id)

    def on_stream_end(self, remote_peer_id: int) -> None:
        self._tell("end", remote_peer_id)
        self.network.close_connection(remote_peer_id, flush=False)

    def on_dial_refused(self, remote_peer_id: int) -> None:
        self._tell("refused", remote_peer_id)

    def on_piece_start(self, remote_peer_id: int, piece: int) -> Sink | None:
        self._tell("piece start", remote_peer_id, piece)
        if not self.wants:
            return None
        self.sinks.append(bytearray())
        return Sink(self.sinks[-1])

    def on_piece_end(self, remote_peer_id: int, piece: int) -> None:
        self._tell("piece end", remote_peer_id, piece)

    def on_piece_sent(self, remote_peer_id: int) -> None:
        self._tell("piece sent", remote_peer_id)

    def on_timer(self, timer: Timer) -> None:
        self._tell("timer", timer)

    def on_turn_end(self) -> None:
        pass

    def on_local_failure(self, reason: str) -> None:
        self._tell("failure", reason)

    def on_warning(self, text: str) -> None:
        self._tell("warning", text)

    network: Networking

    def awaits(self, *what: Any) -> Told:
        """The next thing told that begins so; what was told before it is in `seen`."""
        deadline = time.monotonic() + WITHIN
        while True:
            try:
                told = self.told.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                raise AssertionError(f"{what} wasn't told, but {self.seen}") from None
            self.seen.append(told)
            if told[: len(what)] == what:
                return told

    def warned(self, words: str) -> None:
        """Await a warning with these words."""
        while words not in self.awaits("warning")[1]:
            pass


class Sink:
    def __init__(self, content: bytearray) -> None:
        self._content = content

    def write(self, data: memoryview, /) -> None:
        self._content += data

    def hexdigest(self) -> str | None:
        return None

    def is_right(self) -> bool:
        return True


class Source:
    """Every piece has the same content."""

    def send_piece(self, sock: socket.socket, index: int, offset: int, count: int, /) -> int:
        return sock.send(CONTENT[offset : offset + count])


class Peer:
    """One networking with its recorder; its thread makes the calls of `does`."""

    def __init__(self, config: SwarmConfig, peer_id: int, **options: Any) -> None:
        self.recorder = Recorder()
        self.network = Networking(
            config, peer_id, self.recorder, Source(), rng=Random(peer_id), **options
        )
        self.recorder.network = self.network
        self.awaits, self.warned = self.recorder.awaits, self.recorder.warned
        self.network.start_server()
        self.awaits("started")

    def does(self, call: Callable[[], None]) -> None:
        self.network.post(call)

    def sends(self, neighbor: int, message: Message) -> None:
        self.does(lambda: self.network.send_message(neighbor, message))

    def close(self) -> None:
        self.does(self.network.shutdown)
        self.network.join()
        if self.network.failure is not None:
            raise self.network.failure


@pytest.fixture
def config() -> Iterator[SwarmConfig]:
    """Peers 1 to 4 of a swarm of 8 pieces, on free ports."""
    with ExitStack() as stack:
        ports = [stack.enter_context(reserve_port()).getsockname()[1] for _ in range(4)]
        peers = tuple(PeerInfo(n, "127.0.0.1", port, n == 1) for n, port in enumerate(ports, 1))
        yield SwarmConfig(1, 1.0, 1.0, "file", 8 * PIECE, PIECE, peers)


@pytest.fixture
def two(config: SwarmConfig) -> Iterator[Peer]:
    """Peer 2: it listens to 3 and 4, and may dial 1."""
    with closing(Peer(config, 2)) as peer:
        yield peer


def dial(config: SwarmConfig, peer_id: int, handshake: bytes = b"") -> socket.socket:
    """A connection to one of the peers, on which a handshake is sent."""
    sock = socket.create_connection(("127.0.0.1", config.peer(peer_id).port), timeout=WITHIN)
    sock.sendall(handshake)
    return sock


def until_closed(sock: socket.socket) -> bytes:
    """All that comes until the other end closes."""
    data = b""
    try:
        while part := sock.recv(65536):
            data += part
    except ConnectionResetError:
        pass
    return data


# The contract of the team plan.

PLAN: dict[type, dict[str, str]] = {
    Callbacks: {
        "on_peer_connected": "(self, remote_peer_id: 'int', incoming: 'bool') -> 'None'",
        "on_message": "(self, remote_peer_id: 'int', message: 'Message') -> 'None'",
        "on_peer_disconnected": "(self, remote_peer_id: 'int') -> 'None'",
    },
    Networking: {
        "start_server": "(self) -> 'None'",
        "connect_to_peer": "(self, remote_peer_id: 'int', host: 'str', port: 'int') -> 'None'",
        "send_message": "(self, remote_peer_id: 'int', message: 'Message') -> 'None'",
        "broadcast_message": "(self, message: 'Message', exclude: 'set[int] | None' = None) -> 'None'",
        "shutdown": "(self) -> 'None'",
    },
}


@pytest.mark.parametrize(
    ("owner", "name"), [(owner, name) for owner, calls in PLAN.items() for name in calls]
)
def test_the_plans_signatures(owner: type, name: str) -> None:
    """Calls and callbacks have the names and signatures of the team plan (integration contract)."""
    assert str(inspect.signature(getattr(owner, name))) == PLAN[owner][name]


@pytest.mark.parametrize(
    "name", [name for name in vars(Network) if not name.startswith("_") and name != "clock"]
)
def test_networking_keeps_its_contract(name: str) -> None:
    """Networking has every call of the contract with its signature, as the simulator must."""
    ours, theirs = getattr(Networking, name), getattr(Network, name)
    assert str(inspect.signature(ours)) == str(inspect.signature(theirs))


# Handshakes.


def test_two_peers_meet(config: SwarmConfig, two: Peer) -> None:
    """The dialling end learns that it dialled, the listening end that it was dialled, and messages pass both ways (spec 2.1, 2.2)."""
    with closing(Peer(config, 3)) as three:
        info = config.peer(2)
        three.does(lambda: three.network.connect_to_peer(2, info.host, info.port))
        assert three.awaits("connected") == ("connected", 2, False)
        assert two.awaits("connected") == ("connected", 3, True)
        two.sends(3, Bitfield(b"\1" * 8))
        three.sends(2, INTERESTED)
        assert three.awaits("message") == ("message", 2, Bitfield(b"\1" * 8))
        assert two.awaits("message") == ("message", 3, INTERESTED)


def test_the_handshake_does_not_wait(config: SwarmConfig, two: Peer) -> None:
    """The listening end sends its handshake without waiting for the other's (spec 2.2)."""
    with dial(config, 2) as sock:
        assert read_exact(sock, 32) == encode_handshake(2)


@pytest.mark.parametrize(
    ("handshake", "reason"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", "handshake header b'GET"),
        (b"CEN5501C2008SPRING" + bytes(10) + b"\0\0\0\3", "the text of 2011"),
        (encode_handshake(9), "peer 9 isn't listed"),
        (encode_handshake(2), "this peer's own id"),
        (encode_handshake(1), "listed before this one"),
    ],
    ids=["header", "header of 2011", "unknown", "own", "before"],
)
def test_refused_handshakes(config: SwarmConfig, two: Peer, handshake: bytes, reason: str) -> None:
    """A wrong header or id closes that connection with a reason and disturbs nothing else (spec 2.4)."""
    with dial(config, 2, encode_handshake(3)) as good:
        two.awaits("connected", 3)
        with dial(config, 2, handshake) as bad:
            until_closed(bad)
        two.warned(reason)
        good.sendall(encode(INTERESTED))
        two.awaits("message", 3, INTERESTED)
    assert not [told for told in two.recorder.seen if told[0] == "disconnected"]


def test_a_dialled_peer_must_be_the_one(config: SwarmConfig) -> None:
    """The connecting end refuses whoever answers under another id (spec 2.3)."""
    info = config.peer(1)
    with (
        socket.create_server((info.host, info.port)) as server,
        closing(Peer(config, 2)) as peer,
    ):
        server.settimeout(WITHIN)
        peer.does(lambda: peer.network.connect_to_peer(1, info.host, info.port))
        sock, _ = server.accept()
        with sock:
            sock.sendall(encode_handshake(4))
            peer.warned("answers as peer 4, expected peer 1")


def test_an_unfinished_handshake_is_given_up(config: SwarmConfig, monkeypatch: Patch) -> None:
    """A handshake that isn't complete in time closes the connection (spec 2.4)."""
    monkeypatch.setattr(links, "HANDSHAKE_TIMEOUT", 0.05)
    with closing(Peer(config, 2)) as peer, dial(config, 2, encode_handshake(3)[:31]) as sock:
        assert until_closed(sock) == encode_handshake(2)
        peer.warned("no handshake within")


def test_the_oldest_unfinished_handshake_goes(config: SwarmConfig, monkeypatch: Patch) -> None:
    """Only so many handshakes are unfinished at a time: the oldest goes (spec 2.4)."""
    assert links.UNFINISHED_HANDSHAKES == 64
    monkeypatch.setattr(links, "UNFINISHED_HANDSHAKES", 2)
    with closing(Peer(config, 2)) as peer, ExitStack() as stack:
        socks = []
        for _ in range(3):
            socks.append(stack.enter_context(dial(config, 2)))
            if len(socks) < 3:  # in step, so that it is certain which is the oldest
                assert read_exact(socks[-1], 32) == encode_handshake(2)
        assert until_closed(socks[0]) == b""
        peer.warned("the oldest")
        socks[1].sendall(encode_handshake(3))
        peer.awaits("connected", 3, True)


def test_replacement_from_the_same_address(config: SwarmConfig, two: Peer) -> None:
    """A new connection from the same address replaces the old one, which counts as lost (spec 2.4)."""
    with dial(config, 2, encode_handshake(3)) as old:
        two.awaits("connected", 3)
        with dial(config, 2, encode_handshake(3)) as new:
            two.awaits("disconnected", 3)
            two.awaits("connected", 3)
            assert until_closed(old) == encode_handshake(2)
            new.sendall(encode(UNCHOKE))
            two.awaits("message", 3, UNCHOKE)


def test_the_newest_connection_stays(config: SwarmConfig, two: Peer) -> None:
    """An older connection whose handshake is read later doesn't replace a newer one (spec 2.4)."""
    with dial(config, 2) as old:
        assert read_exact(old, 32) == encode_handshake(2)
        with dial(config, 2, encode_handshake(3)) as new:
            two.awaits("connected", 3)
            old.sendall(encode_handshake(3))
            until_closed(old)
            two.warned("peer 3 has made a newer connection")
            new.sendall(encode(INTERESTED))
            two.awaits("message", 3, INTERESTED)
    assert not [told for told in two.recorder.seen if told[0] == "disconnected"]


# Losses and dialling again.


def test_a_lost_predecessor_can_be_dialled_again(config: SwarmConfig) -> None:
    """After a loss the peer dials again, and the new connection is a fresh one (spec 2.5, 2.7)."""
    info = config.peer(1)
    with (
        socket.create_server((info.host, info.port)) as server,
        closing(Peer(config, 2)) as peer,
    ):
        server.settimeout(WITHIN)
        for _ in range(2):
            peer.does(lambda: peer.network.connect_to_peer(1, info.host, info.port))
            sock, _ = server.accept()
            with sock:
                sock.sendall(encode_handshake(1) + encode(Have(3)))
                peer.awaits("connected", 1, False)
                peer.awaits("have", 1, 3)
            peer.awaits("disconnected", 1)


def test_a_silent_port_is_told(config: SwarmConfig, two: Peer) -> None:
    """A dial that is refused is told, and repeated until somebody listens (spec 2.5, 7.2)."""
    info = config.peer(1)
    two.does(lambda: two.network.connect_to_peer(1, info.host, info.port))
    two.awaits("refused", 1)
    with closing(Peer(config, 1)) as one:
        one.awaits("connected", 2, True)
        two.awaits("connected", 1, False)


def test_last_haves_before_a_reset_count(config: SwarmConfig, two: Peer) -> None:
    """What a neighbor sent before it reset the connection is read and handled first (spec 3.6)."""
    sock = dial(config, 2, encode_handshake(3))
    two.awaits("connected", 3)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.sendall(encode(Have(1)) + encode(Have(7)))
    sock.close()
    two.awaits("have", 3, 7)
    two.awaits("end", 3)
    two.awaits("disconnected", 3)


# Silence (spec 2.9).


def test_a_neighbor_that_takes_nothing(config: SwarmConfig, monkeypatch: Patch) -> None:
    """Where the system doesn't watch, one that takes nothing is lost with a reason, and may come back at once (spec 2.9)."""
    monkeypatch.setattr(sender, "SYSTEM_WATCHES", False)
    monkeypatch.setattr(sender, "SILENCE", 0.2)
    with closing(Peer(config, 2)) as peer, dial(config, 2, encode_handshake(3)) as stuck:
        peer.awaits("connected", 3)
        for _ in range(600):  # more than any buffers hold
            peer.does(partial(peer.network.send_piece, 3, 0))
        peer.warned("connection with peer 3 lost: nothing was acknowledged or taken")
        peer.awaits("disconnected", 3)
        with dial(config, 2, encode_handshake(3)):
            peer.awaits("connected", 3)
        until_closed(stuck)


def test_a_send_that_learns_of_the_silence(config: SwarmConfig, two: Peer) -> None:
    """The reason is told also where a send has learned it, after which reading finds an end of stream (spec 2.9)."""
    with dial(config, 2, encode_handshake(3)) as sock:
        two.awaits("connected", 3)

        def learn() -> None:
            two.network._links.open[3].send_error = TimeoutError(errno.ETIMEDOUT, "")
            sock.shutdown(socket.SHUT_WR)

        two.does(learn)
        two.warned("connection with peer 3 lost: nothing was acknowledged or taken")
        two.awaits("disconnected", 3)


# Protocol errors (spec 3.5).


def test_a_protocol_error_costs_its_own_connection(config: SwarmConfig, two: Peer) -> None:
    """A bad frame closes its connection with a reason, earlier comebacks are refused, others go on (spec 3.5)."""
    with dial(config, 2, encode_handshake(4)) as good:
        two.awaits("connected", 4)
        with dial(config, 2, encode_handshake(3) + b"\xff\xff\xff\xff\7") as bad:
            two.warned("piece of length 4294967295")
            two.awaits("disconnected", 3)
            until_closed(bad)
        with dial(config, 2, encode_handshake(3)) as early:
            two.warned("not before")
            until_closed(early)
        good.sendall(encode(INTERESTED))
        two.awaits("message", 4, INTERESTED)


def test_a_neighbor_that_the_peer_wants_punished(config: SwarmConfig, two: Peer) -> None:
    """What only the peer can know to be an error closes the connection like any other, with a pause (spec 3.5)."""
    with dial(config, 2, encode_handshake(3) + b"\0\0\0\1\x63") as bad:
        two.awaits("unknown", 3)
        two.network.post(lambda: two.network.punish(3, "too much of it", "3.5"))
        two.warned("too much of it (spec 3.5); it may come back after 1 s")
        two.awaits("disconnected", 3)
        until_closed(bad)
    two.network.post(lambda: two.network.punish(3, "it isn't there", "3.5"))
    with dial(config, 2, encode_handshake(3)) as early:
        two.warned("not before")
        until_closed(early)


def test_what_came_before_the_error_counts(config: SwarmConfig, two: Peer) -> None:
    """Whole messages before a bad frame are told first (spec 3.5)."""
    data = encode(UNCHOKE) + encode(Have(2)) + encode(Request(8))
    with dial(config, 2, encode_handshake(3) + data):
        two.awaits("message", 3, UNCHOKE)
        two.awaits("have", 3, 2)
        two.warned("piece index 8, expected 0 to 7")


# Pieces.


@pytest.mark.parametrize("wants", [True, False], ids=["kept", "skipped"])
def test_a_piece_goes_from_source_to_sink(config: SwarmConfig, two: Peer, wants: bool) -> None:
    """A piece is offered before its content comes, goes to the sink if wanted, and its end is told (spec 6.5, design 4.2)."""
    with closing(Peer(config, 3)) as three:
        info = config.peer(2)
        two.recorder.wants = wants
        three.does(lambda: three.network.connect_to_peer(2, info.host, info.port))
        three.awaits("connected", 2)
        three.does(lambda: three.network.send_piece(2, 5))
        three.awaits("piece sent", 2)
        two.awaits("piece start", 3, 5)
        two.awaits("piece end", 3, 5)
        assert two.recorder.sinks == ([bytearray(CONTENT)] if wants else [])


def test_a_choke_stays_behind_the_piece_under_way(config: SwarmConfig, two: Peer) -> None:
    """What is queued goes out in order: a message queued after a piece comes after it (spec 4.9)."""
    with dial(config, 2, encode_handshake(3)) as sock:
        two.awaits("connected", 3)

        def send() -> None:
            two.network.send_message(3, INTERESTED)
            two.network.send_piece(3, 0)
            two.network.send_message(3, UNCHOKE)

        two.does(send)
        read_exact(sock, 32)
        rules = FrameRules(config)
        came = [recv_message(sock, rules) for _ in range(3)]
        assert [type(message).__name__ for message in came] == ["Interested", "Piece", "Unchoke"]


def test_the_rate_limit(config: SwarmConfig) -> None:
    """A limited peer sends no faster than its limit, but for one burst (`--rate`)."""
    rate = 400_000.0
    with closing(Peer(config, 2, rate=rate)) as peer, dial(config, 2, encode_handshake(3)) as sock:
        peer.awaits("connected", 3)
        began = time.monotonic()
        for piece in range(3):
            peer.does(partial(peer.network.send_piece, 3, piece))
        read_exact(sock, 32 + 3 * (9 + PIECE))
        took = time.monotonic() - began
        assert took >= (3 * PIECE - rate / 20) / rate * 0.9


# Broadcasts, other threads, timers.


def test_broadcast_and_its_exceptions(config: SwarmConfig, two: Peer) -> None:
    """A broadcast goes to all connected neighbors but those excluded (team plan: integration contract)."""
    with (
        dial(config, 2, encode_handshake(3)) as three,
        dial(config, 2, encode_handshake(4)) as four,
    ):
        two.awaits("connected")
        two.awaits("connected")

        def send() -> None:
            two.network.broadcast_message(Have(1), exclude={3})
            two.network.broadcast_message(INTERESTED, exclude={4})
            two.network.broadcast_message(UNCHOKE)
            two.network.send_message(9, UNCHOKE)  # nobody: nothing happens

        two.does(send)
        rules = FrameRules(config)
        read_exact(three, 32)
        read_exact(four, 32)
        assert [recv_message(three, rules), recv_message(three, rules)] == [INTERESTED, UNCHOKE]
        assert [recv_message(four, rules), recv_message(four, rules)] == [Have(1), UNCHOKE]


def test_haves_keep_their_order(config: SwarmConfig, two: Peer) -> None:
    """However haves are gathered, all arrive, in order, and before what was queued after them (spec 5.3)."""
    with dial(config, 2, encode_handshake(3)) as sock:
        two.awaits("connected")

        def send() -> None:
            for piece in range(8):
                two.network.broadcast_message(Have(piece))
            two.network.send_message(3, INTERESTED)

        two.does(send)
        read_exact(sock, 32)
        came = [recv_message(sock, FrameRules(config)) for _ in range(9)]
        assert came == [*map(Have, range(8)), INTERESTED]


def test_posted_calls_run_on_the_network_thread(two: Peer) -> None:
    """A call posted from another thread is made on the network thread, in the order of posting (design 3)."""
    made: queue.Queue[tuple[int, str]] = queue.Queue()
    for number in range(3):
        two.network.post(lambda number=number: made.put((number, threading.current_thread().name)))  # type: ignore[misc]  # mypy can't infer the default's type
    assert [made.get(timeout=WITHIN) for _ in range(3)] == [(n, "network") for n in range(3)]


def test_timers_ring_once_and_can_be_cleared(two: Peer) -> None:
    """A timer has one due time; it rings once, and a cleared one doesn't (contract: `set_timer`)."""

    def set_timers() -> None:
        now = two.network.clock.now
        two.network.set_timer(Timer.OVERDUE, now)
        two.network.set_timer(Timer.OVERDUE, None)
        two.network.set_timer(Timer.ANNOUNCING, now + 100)
        two.network.set_timer(Timer.ANNOUNCING, now)
        two.network.set_timer(Timer.MISSING, now + 0.01)

    two.does(set_timers)
    assert two.awaits("timer") == ("timer", Timer.ANNOUNCING)
    assert two.awaits("timer") == ("timer", Timer.MISSING)


def test_lines_are_written_before_sends(config: SwarmConfig, monkeypatch: Patch) -> None:
    """The turn's lines are written before anything that the turn queued is sent (spec 8.4)."""
    order: list[str] = []
    flush = sender.Sender.flush

    def recording_flush(self: sender.Sender, link: Any) -> None:
        order.append(f"flush {bytes(link.outbox.items[0][-1:]) if link.outbox.items else b''!r}")
        flush(self, link)

    monkeypatch.setattr(sender.Sender, "flush", recording_flush)
    with closing(Peer(config, 2)) as peer, dial(config, 2, encode_handshake(3)) as sock:
        peer.awaits("connected")
        read_exact(sock, 32)

        def send() -> None:
            peer.network.send_message(3, INTERESTED)
            order.clear()
            monkeypatch.setattr(peer.recorder, "on_turn_end", lambda: order.append("write"))

        peer.does(send)
        assert recv_message(sock, FrameRules(config)) == INTERESTED
    assert order[:2] == ["write", "flush b'\\x02'"]


# Listening.


def test_a_port_that_is_taken(config: SwarmConfig, two: Peer) -> None:
    """A port in use is told before anything else happens (spec 7.4)."""
    with pytest.raises(NetworkError, match=f"port {config.peer(2).port} is in use"):
        BoundPort(config.peer(2))
    network = Networking(config, 2, Recorder(), Source(), rng=Random(2))
    with pytest.raises(NetworkError, match="in use"):
        network.start_server()


def test_without_descriptors_nobody_is_lost(config: SwarmConfig, monkeypatch: Patch) -> None:
    """Where the system has no descriptor left, accepting pauses with a warning and those who knock wait (spec 2.1)."""
    monkeypatch.setattr(listening, "EXHAUSTED_PAUSE", 0.02)
    failures = [OSError(errno.EMFILE, "Too many open files"), OSError(errno.ECONNABORTED, "gone")]
    accept = socket.socket.accept

    def exhausted(self: socket.socket) -> tuple[socket.socket, Any]:
        if failures:
            raise failures.pop(0)
        return accept(self)

    with closing(Peer(config, 2)) as peer:
        monkeypatch.setattr(socket.socket, "accept", exhausted)
        with dial(config, 2, encode_handshake(3)):
            peer.warned("can't accept connections for the moment: Too many open files")
            peer.awaits("connected", 3, True)


# The end (spec 7.2).


def test_shutdown_flushes_and_drains(config: SwarmConfig) -> None:
    """At the end all that is queued goes out, the stream is half-closed, and what still comes is told until its end (spec 7.2)."""
    peer = Peer(config, 2)
    with dial(config, 2, encode_handshake(3)) as sock:
        peer.awaits("connected")

        def end() -> None:
            for piece in range(4):
                peer.network.send_piece(3, piece)
            peer.network.broadcast_message(Have(7))
            peer.network.shutdown()
            peer.network.shutdown()
            peer.network.send_message(3, UNCHOKE)  # too late

        peer.does(end)
        data = until_closed(sock)
        assert len(data) == 32 + 4 * (9 + PIECE) + 9
        assert data.endswith(encode(Have(7)))
        sock.sendall(encode(INTERESTED) + encode(Have(1)))
        peer.awaits("message", 3, INTERESTED)
        peer.awaits("have", 3, 1)
        sock.shutdown(socket.SHUT_WR)
        peer.network.join()
    assert peer.network.failure is None


def test_shutdown_does_not_wait_for_ever(config: SwarmConfig, monkeypatch: Patch) -> None:
    """A neighbor that never closes its end is dropped when the time for flush and drain is over (spec 7.2)."""
    assert networking.DRAIN_TIMEOUT == 5.0
    monkeypatch.setattr(networking, "DRAIN_TIMEOUT", 0.05)
    peer = Peer(config, 2)
    with dial(config, 2, encode_handshake(3)):
        peer.awaits("connected")
        peer.close()
        peer.awaits("disconnected", 3)


def test_nobody_is_accepted_at_the_end(config: SwarmConfig) -> None:
    """New connections stop with the end, and the port is free when it is over (spec 7.2)."""
    peer = Peer(config, 2)
    peer.close()
    with pytest.raises(ConnectionRefusedError):
        dial(config, 2)
    with closing(Peer(config, 2)):
        pass


def test_a_bug_ends_the_loop_and_is_kept(config: SwarmConfig) -> None:
    """A bug of ours ends the thread, closes its sockets, and is there for whoever joins (design 5.5)."""
    peer = Peer(config, 2)
    with dial(config, 2, encode_handshake(3)) as sock:
        peer.awaits("connected")
        peer.does(lambda: 1 // 0)  # type: ignore[arg-type]  # what it returns is of no use
        peer.network.join()
        assert isinstance(peer.network.failure, ZeroDivisionError)
        until_closed(sock)

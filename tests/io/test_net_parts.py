"""The small parts of `peerio.net` that know no socket, or only one: spec 2.3 to 2.6, 3.5, 4.9."""

from __future__ import annotations

import errno
import socket
import threading
from collections.abc import Callable
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.config import PeerInfo, SwarmConfig
from peerio.net import dialling
from peerio.net.addresses import listening_addresses
from peerio.net.admission import REMEMBERED, Admission, Penalties, RefusedError
from peerio.net.allowance import CHUNK, TokenBucket
from peerio.net.dialling import STEADY, Dialler
from peerio.net.hosts import Hosts
from peerio.net.link import Outbox, PieceSegment, Route
from peerio.net.listening import NetworkError, bind
from peerio.net.loop import READ, Alarms, Loop
from peerio.net.system import Address, System
from tests.kit.swarm.swarms import reserve_port

# Alarms.


def test_alarms_ring_in_the_order_of_their_times() -> None:
    """Calls are made when they are due, in the order of their times, each once."""
    alarms, rung = Alarms(), list[str]()
    for at, name in ((3.0, "c"), (1.0, "a"), (2.0, "b"), (2.0, "b2")):
        alarms.set(name, at, lambda name=name: rung.append(name))  # type: ignore[misc]  # mypy can't infer the default's type
    assert alarms.next_due() == 1.0
    alarms.run(0.5)
    assert rung == []
    alarms.run(2.0)
    assert rung == ["a", "b", "b2"]
    assert alarms.next_due() == 3.0
    alarms.run(10.0)
    alarms.run(10.0)
    assert rung == ["a", "b", "b2", "c"]
    assert alarms.next_due() is None


def test_an_alarm_replaces_that_of_its_key() -> None:
    """A key has one due time: a new one replaces the old, earlier or later, and clearing forgets it."""
    alarms, rung = Alarms(), list[str]()
    alarms.set("x", 1.0, lambda: rung.append("old"))
    alarms.set("x", 2.0, lambda: rung.append("new"))
    alarms.set("y", 1.0, lambda: rung.append("y"))
    alarms.clear("y")
    alarms.clear("never set")
    assert alarms.next_due() == 2.0
    alarms.run(5.0)
    assert rung == ["new"]


def test_an_alarm_may_set_another() -> None:
    """A call may set alarms, also its own, and one that is due already is made in the same run."""
    alarms, rung = Alarms(), list[int]()

    def ring() -> None:
        rung.append(len(rung))
        if len(rung) < 3:
            alarms.set("x", float(len(rung)), ring)

    alarms.set("x", 0.0, ring)
    alarms.run(1.0)
    assert rung == [0, 1]
    alarms.run(2.0)
    assert rung == [0, 1, 2]


# The upload limit.


@given(
    st.floats(1e3, 1e8),
    st.lists(st.tuples(st.floats(0, 2), st.integers(1, 1 << 20)), min_size=1, max_size=50),
)
def test_the_rate_is_kept(rate: float, wants: list[tuple[float, int]]) -> None:
    """Never more is granted than the rate allows, plus one burst; a grant is a chunk, all that is wanted, or nothing."""
    bucket, now, total = TokenBucket(rate, 0.0), 0.0, 0
    for pause, wanted in wants:
        now += pause
        granted = bucket.grant(wanted, now)
        assert granted == 0 or min(wanted, CHUNK) <= granted <= wanted
        bucket.charge(granted)
        total += granted
        assert total <= rate * now + max(rate / 20, CHUNK) + 1


def test_a_chunk_is_granted_when_promised() -> None:
    """`ready_at` is when a chunk will be granted, and not before; small messages are charged and never held up."""
    bucket = TokenBucket(100_000.0, 0.0)
    assert bucket.grant(10**6, 0.0) == CHUNK
    bucket.charge(CHUNK)
    bucket.charge(1_000)
    ready = bucket.ready_at(0.0)
    assert ready == pytest.approx((CHUNK + 1_000) / 100_000)
    assert bucket.grant(10**6, ready - 0.001) == 0
    assert bucket.grant(10**6, ready + 0.001) >= CHUNK


# Penalties and admission.


def test_pauses_double_and_are_forgiven() -> None:
    """The pause after a protocol error is 1 s, doubles up to 60 s, and starts afresh once forgiven (spec 3.5)."""
    penalties = Penalties()
    two = (2, "10.0.0.2")
    assert not penalties.holds(two)
    assert penalties.allowed_at(two) == 0.0
    pauses = [penalties.punish(two, 100.0) for _ in range(8)]
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60]
    assert penalties.allowed_at(two) == 160.0
    assert penalties.holds(two)
    assert not penalties.holds((3, "10.0.0.2")), "another neighbor's errors are its own"
    penalties.forgive(two)
    penalties.forgive(two)
    assert penalties.allowed_at(two) == 0.0
    assert penalties.punish(two, 200.0) == 1


def test_nobody_earns_a_penalty_in_anothers_name() -> None:
    """Protocol errors count for the address that they came from (spec 2.4, 3.5)."""
    admission = Admission(CONFIG, 2, lambda *_: False)
    admission.penalties.punish((3, "10.0.0.9"), 100.0)
    admission.check_accepted(3, "10.0.0.3", None, 100.5)
    with pytest.raises(RefusedError, match="not before"):
        admission.check_accepted(3, "10.0.0.9", None, 100.5)


def test_penalties_of_many_addresses_are_forgotten() -> None:
    """Whoever comes from a thousand addresses makes us remember no more than those whose pauses run (spec 3.5)."""
    penalties = Penalties()
    for number in range(3 * REMEMBERED):
        penalties.punish((3, f"address {number}"), float(number))
    held = [number for number in range(3 * REMEMBERED) if penalties.holds((3, f"address {number}"))]
    assert len(held) <= REMEMBERED
    assert held[-1] == 3 * REMEMBERED - 1


PEERS = tuple(PeerInfo(n, "localhost", 6000 + n, has_file=n == 1) for n in (1, 2, 3, 4))
CONFIG = SwarmConfig(1, 1.0, 1.0, "file", 10, 10, PEERS)


def test_the_listening_end_accepts_successors() -> None:
    """An id listed after one's own is accepted, also in place of a connection from the same address (spec 2.3, 2.4)."""
    admission = Admission(CONFIG, 2, lambda *_: False)
    admission.check_accepted(3, "10.0.0.3", None, 0.0)
    admission.check_accepted(4, "10.0.0.3", "10.0.0.3", 0.0)


@pytest.mark.parametrize(
    ("claimed", "connected", "reason"),
    [
        (2, None, "this peer's own id"),
        (1, None, "listed before this one"),
        (7, None, "isn't listed in PeerInfo.cfg"),
        (3, "10.0.0.9", r"connected already, from 10\.0\.0\.9: is peer 3 started on two machines"),
    ],
    ids=["own", "before", "unknown", "connected from elsewhere"],
)
def test_who_is_refused(claimed: int, connected: str | None, reason: str) -> None:
    """Refused are one's own id, one listed before, an unknown one, and one connected from another address (spec 2.4)."""
    with pytest.raises(RefusedError, match=reason):
        Admission(CONFIG, 2, lambda *_: False).check_accepted(claimed, "10.0.0.3", connected, 0.0)


def test_the_listed_host_is_not_locked_out() -> None:
    """A connection from an address of the listed host replaces one from elsewhere (spec 2.4)."""
    admission = Admission(CONFIG, 2, lambda peer, address: (peer, address) == (3, "10.0.0.3"))
    admission.check_accepted(3, "10.0.0.3", "10.0.0.9", 0.0)
    with pytest.raises(RefusedError, match=r"connected already, from 10\.0\.0\.3"):
        admission.check_accepted(3, "10.0.0.9", "10.0.0.3", 0.0)
    with pytest.raises(RefusedError, match="connected already"):
        admission.check_accepted(4, "10.0.0.3", "10.0.0.9", 0.0)


class Names(System):
    """Resolves names as the test says, when the test says."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.answers: list[Callable[[list[Address], str], None]] = []

    def resolve(self, host: str, port: int, answer: Callable[[list[Address], str], None]) -> None:
        self.asked.append(host)
        self.answers.append(answer)


def test_hosts_are_resolved_aside() -> None:
    """The listed hosts' names are resolved without waiting, and again where an address isn't one of them (spec 2.4)."""
    peers = (
        *PEERS[:2],
        PeerInfo(3, "three.lan", 6003, False),
        PeerInfo(4, "10.0.0.4", 6004, False),
    )
    names = Names()
    loop = Loop(names)
    hosts = Hosts(SwarmConfig(1, 1.0, 1.0, "file", 10, 10, peers), loop, names)
    assert hosts.listed(4, "10.0.0.4"), "an address needs no resolving"
    assert not hosts.listed(4, "10.0.0.5")
    hosts.ask(3)
    assert not hosts.listed(3, "10.0.0.3")
    assert names.asked == ["three.lan"], "asked once, until the answer is there"
    for found in ([], ["10.0.0.3"], ["10.0.0.3", "fe80::3"]):
        names.answers[-1]([(V4, (address, 6003)) for address in found], "")
        loop.turn(lambda: False, 0.0)
        assert hosts.listed(3, "10.0.0.3") == bool(found)
        hosts.listed(3, "fe80::3")
    assert hosts.listed(3, "fe80::3"), "what is new is found when it is needed"
    assert set(names.asked) == {"three.lan"}
    loop.close()


def test_the_connecting_end_expects_whom_it_dialled() -> None:
    """The connecting end expects exactly the id that it dialled (spec 2.3)."""
    admission = Admission(CONFIG, 2, lambda *_: False)
    admission.check_dialled(1, 1)
    with pytest.raises(RefusedError, match="answers as peer 3, expected peer 1"):
        admission.check_dialled(1, 3)


def test_earlier_comebacks_are_refused() -> None:
    """The listening side refuses a neighbor whose pause isn't over, and says how long it lasts (spec 3.5)."""
    admission = Admission(CONFIG, 2, lambda *_: False)
    admission.penalties.punish((3, "h"), 100.0)
    with pytest.raises(RefusedError, match=r"not before 0\.5 s"):
        admission.check_accepted(3, "h", None, 100.5)
    admission.check_accepted(3, "h", None, 101.0)


# The send queue.


def test_small_messages_are_joined() -> None:
    """Small messages are joined into one send, and none overtakes a piece (spec 4.9, design 3)."""
    outbox = Outbox()
    assert not outbox
    outbox.put(b"ab")
    outbox.put(b"cd")
    outbox.put_piece(b"head", 3, 100)
    outbox.put(b"choke")
    assert list(outbox.items) == [b"abcdhead", PieceSegment(3, 0, 100), b"choke"]
    outbox.clear()
    assert not outbox


# Listening.

V4, V6 = socket.AF_INET, socket.AF_INET6


@pytest.mark.parametrize(
    ("host", "addresses"),
    [
        ("localhost", [(V4, "127.0.0.1"), (V6, "::1")]),
        ("LocalHost", [(V4, "127.0.0.1"), (V6, "::1")]),
        ("127.0.0.1", [(V4, "127.0.0.1")]),
        ("127.0.0.7", [(V4, "127.0.0.7")]),
        ("::1", [(V6, "::1")]),
        ("192.168.1.5", [(V4, ""), (V6, "::")]),
        ("lin114-00.cise.ufl.edu", [(V4, ""), (V6, "::")]),
        ("fe80::1", [(V4, ""), (V6, "::")]),
    ],
)
def test_listening_addresses(host: str, addresses: list[tuple[int, str]]) -> None:
    """`localhost` listens on both loopbacks, a loopback address on itself, any other host everywhere (spec 2.6)."""
    assert listening_addresses(host) == addresses


def test_a_port_in_use_is_named() -> None:
    """A port in use is an error that names it and says what to do (spec 7.4)."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(NetworkError, match=f"port {port} is in use.*PeerInfo.cfg"):
            bind("127.0.0.1", port)


def refusing(number: int, family: int | None = None) -> type[socket.socket]:
    """Sockets that can't be bound, all or those of one family."""

    class Socket(socket.socket):
        def bind(self, address: object, /) -> None:
            if family is None or self.family == family:
                raise OSError(number, "refused")
            super().bind(address)  # type: ignore[arg-type]  # any address

    return Socket


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.EACCES, "isn't allowed.*above 1023"),
        (errno.ENODEV, "can't listen on port 80: refused"),
    ],
)
def test_why_a_peer_can_not_listen(
    number: int, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other causes are told with the port and what to do (spec 7.4)."""
    monkeypatch.setattr(socket, "socket", refusing(number))
    with pytest.raises(NetworkError, match=words):
        bind("127.0.0.1", 80)


@pytest.mark.parametrize("number", [errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL])
def test_a_machine_without_ipv6(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no IPv6, `localhost` listens on IPv4 alone (spec 2.6)."""
    with reserve_port() as holder:
        monkeypatch.setattr(socket, "socket", refusing(number, V6))
        sockets = bind("localhost", holder.getsockname()[1])
        assert [sock.getsockname()[0] for sock in sockets] == ["127.0.0.1"]
        for sock in sockets:
            sock.close()


# The loop.


def test_what_a_call_of_this_turn_closes_is_not_called() -> None:
    """Of two sockets that are ready in one turn, the one that the other's call gives up isn't called."""
    loop, called = Loop(), list[int]()
    pairs = [socket.socketpair(), socket.socketpair()]

    def call(number: int) -> None:
        called.append(number)
        loop.unwatch(pairs[1 - number][0])
        pairs[1 - number][0].close()

    for number, (near, far) in enumerate(pairs):
        loop.watch(near, READ, lambda _, number=number: call(number))  # type: ignore[misc]  # mypy can't infer the default's type
        far.send(b"x")
    loop.turn(lambda: False, 1.0)
    assert len(called) == 1
    loop.close()
    for sock in (*pairs[0], *pairs[1]):
        sock.close()


# Dialling.


class Owner:
    """Writes down what a dialler tells; the loop turns until it is satisfied."""

    def __init__(self) -> None:
        self.loop = Loop()
        self.dialler = Dialler(self.loop, self, Random(1))
        self.told: list[str] = []
        self.sockets: list[socket.socket] = []
        self.allowed = 0.0
        self.until: Callable[[], bool] = lambda: False

    def on_dialled(self, peer_id: int, route: Route) -> None:
        self.told.append(f"dialled {peer_id}")
        self.sockets.append(route.sock)

    def on_refused(self, peer_id: int) -> None:
        self.told.append(f"refused {peer_id}")

    def on_unreachable(self, text: str) -> None:
        self.told.append(text)

    def allowed_at(self, peer_id: int) -> float:
        return self.allowed

    def turn(self, until: Callable[[], bool]) -> None:
        """Run the loop until something holds; a deadline bounds it."""
        self.loop.alarms.set("deadline", self.loop.now + 10, self.loop.stop)

        def settle() -> bool:
            if until():
                self.loop.stop()
            return False

        self.loop.run(settle)
        self.dialler.stop()
        self.loop.close()
        for sock in self.sockets:
            sock.close()
        assert until(), self.told


def test_a_predecessor_is_dialled_until_it_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """A predecessor that isn't up yet is dialled again with pauses until it answers (spec 2.5)."""
    monkeypatch.setattr(dialling, "FIRST_PAUSE", 0.01)
    owner = Owner()
    with reserve_port() as holder:
        port = holder.getsockname()[1]
        servers: list[socket.socket] = []

        def answered() -> bool:
            if owner.told.count("refused 1") == 2 and not servers:
                servers.append(socket.create_server(("127.0.0.1", port)))
            return "dialled 1" in owner.told

        owner.dialler.dial(1, "127.0.0.1", port)
        owner.turn(answered)
        servers[0].close()
    assert owner.told[:2] == ["refused 1", "refused 1"]


def test_who_stops_while_an_attempt_is_decided() -> None:
    """A refusal may decide the end in the turn in which another dial is decided too (spec 7.2, 7.3)."""
    owner = Owner()
    owner.on_refused = lambda _: owner.dialler.stop()  # type: ignore[method-assign,assignment]  # as the core does
    with reserve_port() as one, reserve_port() as other:
        for peer_id, holder in enumerate((one, other), 1):
            owner.dialler.dial(peer_id, "127.0.0.1", holder.getsockname()[1])
        owner.turn(lambda: owner.dialler._stopped)
    assert owner.told == []


def test_pauses_grow_with_jitter(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses between attempts grow from 0.1 s to 2 s, with jitter, and start afresh after a connection that stood (spec 2.5)."""
    owner = Owner()
    pauses: list[float] = []
    monkeypatch.setattr(
        owner.loop.alarms, "set", lambda _key, at, _call: pauses.append(at - owner.loop.now)
    )
    monkeypatch.setattr(owner.dialler, "_begin", lambda _dial: None)
    owner.dialler.dial(1, "localhost", 1)
    for _ in range(8):
        owner.dialler.retry(1)
    for pause, nominal in zip(pauses, [0.1, 0.2, 0.4, 0.8, 1.6, 2.0, 2.0, 2.0], strict=True):
        assert 0.75 * nominal <= pause <= 1.25 * nominal
    assert len({round(pause / 2, 3) for pause in pauses[-3:]}) == 3, "not all in step"
    owner.dialler.established(1)
    owner.dialler.retry(1)
    assert len(pauses) == 8, "while connected nothing is dialled"
    owner.loop.now += STEADY
    owner.dialler.dial(1, "localhost", 1)
    assert len(pauses) == 8, "it is dialled at once"
    owner.dialler.retry(1)
    assert 0.075 <= pauses[-1] <= 0.125
    owner.loop.close()


def test_who_accepts_and_then_refuses_is_dialled_with_growing_pauses(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Pauses grow as well where each handshake is accepted and the connection doesn't stand (spec 2.5)."""
    owner = Owner()
    pauses: list[float] = []
    begun: list[float] = []
    monkeypatch.setattr(
        owner.loop.alarms, "set", lambda _key, at, _call: pauses.append(at - owner.loop.now)
    )
    monkeypatch.setattr(owner.dialler, "_begin", lambda _dial: begun.append(owner.loop.now))
    owner.dialler.dial(1, "localhost", 1)
    for _ in range(7):
        owner.dialler.established(1)
        owner.dialler.dial(1, "localhost", 1)  # lost at once
        owner.dialler.dial(1, "localhost", 1)  # asked for twice: the pause goes on
        assert pauses[-1] == pauses[-2]
        owner.loop.now += pauses[-1]
    assert len(begun) == 1
    for pause, nominal in zip(pauses[::2], [0.1, 0.2, 0.4, 0.8, 1.6, 2.0, 2.0], strict=True):
        assert 0.75 * nominal <= pause <= 1.25 * nominal
    owner.loop.close()


def test_one_who_broke_the_protocol_is_not_dialled_before_its_pause_is_over() -> None:
    """The dialling side keeps the pause of a neighbor that broke the protocol (spec 3.5)."""
    owner = Owner()
    with socket.create_server(("127.0.0.1", 0)) as server:
        owner.allowed = owner.loop.now + 0.1
        owner.dialler.dial(1, "127.0.0.1", server.getsockname()[1])
        owner.turn(lambda: "dialled 1" in owner.told)
        assert owner.loop.now >= owner.allowed


def test_each_address_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Dialling tries each address that the name resolves to (spec 2.6)."""
    owner = Owner()
    with reserve_port() as silent, socket.create_server(("127.0.0.1", 0)) as server:
        found = [(V4, socket.SOCK_STREAM, 0, "", sock.getsockname()) for sock in (silent, server)]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
        owner.dialler.dial(1, "two.addresses", 1)
        owner.turn(lambda: bool(owner.told))
    assert owner.told == ["dialled 1"]


def test_an_attempt_ends_after_5_s(monkeypatch: pytest.MonkeyPatch) -> None:
    """An attempt that nobody answers is given up, and the next address is tried (spec 2.5)."""
    monkeypatch.setattr(dialling, "ATTEMPT_TIMEOUT", 0.05)
    owner = Owner()
    with socket.create_server(("127.0.0.1", 0)) as server:

        class Silent(socket.socket):
            def connect_ex(self, address: object, /) -> int:
                if address == "silent":
                    silent, _ = pair
                    self.detach()
                    socket.socket.__init__(self, fileno=silent.detach())
                    return errno.EINPROGRESS
                return super().connect_ex(address)  # type: ignore[arg-type]  # any address

        pair = socket.socketpair()
        pair[0].setblocking(False)
        while True:  # full, and therefore never writable
            try:
                pair[0].send(bytes(65536))
            except BlockingIOError:
                break
        found = [(V4, socket.SOCK_STREAM, 0, "", a) for a in ("silent", server.getsockname())]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
        monkeypatch.setattr(socket, "socket", Silent)
        owner.dialler.dial(1, "host", 1)
        owner.turn(lambda: bool(owner.told))
        pair[1].close()
    assert owner.told == ["dialled 1"]


def test_no_thread_to_resolve_with(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the system starts no thread, a dial fails with that as the reason, and is tried again (spec 7.4)."""
    answers: list[tuple[list[Address], str]] = []

    def start(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", start)
    System().resolve("localhost", 1, lambda *answer: answers.append(answer))
    assert answers == [([], "this system starts no more threads, see `ulimit -u`")]

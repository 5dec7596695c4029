"""Ports are looked at before anything starts."""

from __future__ import annotations

import random
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.config import PeerInfo, SwarmConfig
from harness.errors import HarnessError
from harness.local import listening, ports


def swarm(*peers: tuple[str, int]) -> SwarmConfig:
    infos = (PeerInfo(1001 + n, host, port, n == 0) for n, (host, port) in enumerate(peers))
    return SwarmConfig(2, 1, 2, "file", 100, 10, tuple(infos))


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that somebody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def test_free_ports_pass() -> None:
    """A swarm on free ports of this machine is fine."""
    first, second = ports.free_ports(2)
    ports.check(swarm(("localhost", first), ("127.0.0.1", second)))


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "0.0.0.0"])
def test_port_in_use_is_named(taken: int, host: str) -> None:
    """A port in use is an error that names peer and port and says what to do (item 9)."""
    (free,) = ports.free_ports(1)
    with pytest.raises(HarnessError, match=f"peer 1002: port {taken} is in use.*--free-ports"):
        ports.check(swarm(("localhost", free), (host, taken)))


def test_port_taken_on_ipv6_only() -> None:
    """`localhost` listens on ::1 too, so that a program that listens there is noticed (spec 2.6)."""
    try:
        listener = socket.create_server(("::1", 0), family=socket.AF_INET6)
    except OSError:
        pytest.skip("this machine has no ::1")
    with listener:
        assert listening.why_unusable("localhost", listener.getsockname()[1]) == "is in use"
        assert listening.why_unusable("127.0.0.1", listener.getsockname()[1]) is None


def test_port_in_time_wait_is_free() -> None:
    """A port whose last connection just ended is free: listening uses SO_REUSEADDR."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        client = socket.create_connection(("127.0.0.1", port))
        accepted, _address = listener.accept()
        accepted.close()  # this side closes first and keeps the port in TIME_WAIT
        client.close()
    assert listening.why_unusable("localhost", port) is None


def test_port_that_is_not_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A port that this user may not listen on is told as such."""

    def refuse(*_arguments: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(listening, "_bind", refuse)
    assert listening.why_unusable("localhost", 80) == "isn't allowed to this user"


def test_host_of_another_machine() -> None:
    """A swarm whose host isn't this machine can't be started here, and the message names it."""
    assert not listening.is_this_machine("192.0.2.1")
    with pytest.raises(HarnessError, match=r"the host '192\.0\.2\.1' isn't this machine"):
        ports.check(swarm(("192.0.2.1", 6001)))


def test_host_that_cannot_be_resolved(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that doesn't resolve isn't this machine."""

    def fail(*_arguments: object, **_options: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    assert not listening.is_this_machine("laptop-one")


def test_with_free_ports() -> None:
    """`--free-ports` gives each peer a port of its own below the ephemeral range, nothing else."""
    config = swarm(("localhost", 6001), ("localhost", 6002), ("localhost", 6003))
    moved = ports.with_free_ports(config)
    found = {peer.port for peer in moved.peers}
    assert len(found) == 3
    assert max(found) < ports.ephemeral_start()
    assert [p.peer_id for p in moved.peers] == [1001, 1002, 1003]


def test_never_port_6008(monkeypatch: pytest.MonkeyPatch) -> None:
    """The port that the course forbids isn't picked even if hardly another is left."""
    monkeypatch.setattr(ports, "_LOWEST", 6006)
    monkeypatch.setattr(ports, "ephemeral_start", lambda: 6012)
    monkeypatch.setattr(ports, "why_unusable", lambda _host, _port: None)
    monkeypatch.setattr(random, "randrange", lambda start, _end: start)
    assert ports.free_ports(4) == [6006, 6007, 6009, 6010]


def test_no_free_ports_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """When there aren't as many ports, that is an error and no endless search."""
    monkeypatch.setattr(ports, "why_unusable", lambda _host, _port: "is in use")
    with pytest.raises(HarnessError, match="there aren't 2 free ports"):
        ports.free_ports(2)


def test_ephemeral_range_unknown(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where the system doesn't tell its ephemeral range, the lowest start in use is taken."""
    monkeypatch.setattr(ports, "_RANGE_FILE", tmp_path / "nowhere")
    assert ports.ephemeral_start() == 32768

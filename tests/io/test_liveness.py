"""Neighbors that fall silent: what the system is asked to watch, and what we watch ourselves (spec 2.9)."""

from __future__ import annotations

import errno
import socket
import sys
from contextlib import suppress
from dataclasses import dataclass
from typing import cast

import pytest

from peerio.net.link import Link
from peerio.net.liveness import (
    PROBE_AFTER,
    PROBE_EVERY,
    PROBES,
    SILENCE,
    is_silence,
    options,
    watch_for_silence,
)
from peerio.net.loop import Alarms
from peerio.net.sender import Stalls

COMMON = {"SOL_SOCKET": 1, "SO_KEEPALIVE": 9, "IPPROTO_TCP": 6}
PLATFORMS = {
    "linux": (
        {"TCP_KEEPIDLE": 4, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 6, "TCP_USER_TIMEOUT": 18},
        [(1, 9, 1), (6, 4, 10), (6, 5, 5), (6, 6, 3), (6, 18, 25_000), (6, 44, 3000)],
    ),
    "darwin": (
        {"TCP_KEEPALIVE": 0x10, "TCP_KEEPINTVL": 0x101, "TCP_KEEPCNT": 0x102},
        [(1, 9, 1), (6, 0x10, 10), (6, 0x101, 5), (6, 0x102, 3), (6, 0x80, 25)],
    ),
    "win32": (
        {"TCP_KEEPIDLE": 3, "TCP_KEEPINTVL": 17, "TCP_KEEPCNT": 16},
        [(1, 9, 1), (6, 3, 10), (6, 17, 5), (6, 16, 3), (6, 5, 25)],
    ),
    "aix": ({}, [(1, 9, 1)]),
}


@pytest.mark.parametrize("platform", PLATFORMS)
def test_what_each_system_is_asked(platform: str) -> None:
    """Each system is asked to give up within 30 s, idle or not, as far as it can be asked (spec 2.9)."""
    names, expected = PLATFORMS[platform]
    assert list(options(COMMON | names, platform)) == expected
    assert PROBE_AFTER + PROBES * PROBE_EVERY == SILENCE < 30


def test_this_system_takes_what_it_is_asked() -> None:
    """The system keeps every option that it knows of those set on a connection (spec 2.9)."""
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()) as sock,
    ):
        watch_for_silence(sock)
        for level, option, value in options(vars(socket), sys.platform):
            with suppress(OSError):  # an older Linux lacks the last one
                assert sock.getsockopt(level, option) == value


@pytest.mark.parametrize(
    ("number", "silent"),
    [
        (errno.ETIMEDOUT, True),
        (errno.EHOSTUNREACH, True),
        (errno.ECONNRESET, False),
        (errno.EPIPE, False),
    ],
)
def test_what_counts_as_silence(number: int, silent: bool) -> None:
    """A neighbor that resets its connection or has closed it isn't silent (spec 2.9, 3.6)."""
    assert is_silence(OSError(number, "")) is silent


# Send queues that stand still.


@dataclass(eq=False)
class Queue:
    """What `Stalls` looks at of a link."""

    closed: bool = False
    write_blocked: bool = False
    moved_at: float = 0.0
    stall_watched: bool = False


class Watch:
    """A queue that is watched, under a clock that the test sets."""

    def __init__(self) -> None:
        self.alarms = Alarms()
        self.queue = Queue()
        self.told: list[float] = []
        self.now = 0.0
        self._stalls = Stalls(self.alarms, lambda _: self.told.append(self.now))

    def blocked(self, at: float) -> None:
        self.queue.write_blocked = True
        self._stalls.blocked(cast("Link", self.queue), at)

    def passes(self, until: float) -> None:
        """Time passes, in steps of half a second."""
        while self.now < until:
            self.now += 0.5
            self.alarms.run(self.now)


def test_a_queue_that_stands_still() -> None:
    """A queue of which the system takes nothing for 25 s is told, once (spec 2.9)."""
    watch = Watch()
    watch.blocked(at=0.0)
    watch.passes(until=100.0)
    assert watch.told == [SILENCE]


def test_a_queue_that_moves_now_and_then() -> None:
    """However slowly a queue moves it isn't told, until 25 s passed since it last did (spec 2.9)."""
    watch = Watch()
    watch.blocked(at=0.0)
    for moved_at in (20.0, 44.0, 68.0):
        watch.passes(until=moved_at)
        watch.queue.moved_at = moved_at
    watch.passes(until=200.0)
    assert watch.told == [68.0 + SILENCE]


def test_a_queue_that_got_empty() -> None:
    """One that the system took whole isn't watched, and gets its full time when it is blocked again (spec 2.9)."""
    watch = Watch()
    watch.blocked(at=0.0)
    watch.passes(until=1.0)
    watch.queue.write_blocked = False
    watch.passes(until=24.0)
    watch.blocked(at=24.0)
    watch.passes(until=48.5)
    assert watch.told == []
    watch.passes(until=49.0)
    assert watch.told == [24.0 + SILENCE]
    assert watch.alarms.next_due() is None


def test_one_alarm_at_most() -> None:
    """A queue that is blocked and unblocked many times a second costs one alarm (spec 2.9)."""
    watch = Watch()
    for tick in range(1000):
        watch.blocked(at=tick / 1000)
        watch.queue.write_blocked = False
    watch.passes(until=SILENCE)
    assert watch.alarms.next_due() is None
    assert watch.told == []


def test_a_connection_that_is_closed_meanwhile() -> None:
    """A connection that has ended is told of no more (spec 2.9)."""
    watch = Watch()
    watch.blocked(at=0.0)
    watch.queue.closed = True
    watch.passes(until=100.0)
    assert watch.told == []

"""Dialling predecessors until they answer (spec 2.5)."""

from __future__ import annotations

import errno
import os
import socket
from functools import partial
from random import Random
from typing import Protocol

from core.interface.values import record
from peerio.net.link import Route
from peerio.net.loop import WRITE, Loop
from peerio.net.system import Address, System

FIRST_PAUSE = 0.1
LONGEST_PAUSE = 2.0
ATTEMPT_TIMEOUT = 5.0
STEADY = 5.0
"""Seconds for which a connection has to stand, for the pauses to start afresh after it."""


class DialOwner(Protocol):
    """Whom a dialler reports to."""

    def on_dialled(self, peer_id: int, route: Route) -> None:
        """TCP is connected; the socket is the owner's now. `established` or `retry` follows."""

    def on_refused(self, peer_id: int) -> None:
        """Nobody listens at the neighbor's addresses; it is dialled again after a pause."""

    def on_unreachable(self, text: str) -> None:
        """A host that can't be resolved or reached, told once; it is tried again."""

    def allowed_at(self, peer_id: int) -> float:
        """From when on the neighbor may be dialled (spec 3.5)."""


@record
class _Dial:
    peer_id: int
    host: str
    port: int
    pause: float = FIRST_PAUSE
    active: bool = False
    """An attempt or a pause is running; False while connected."""
    in_attempt: bool = False
    """An attempt is running, which ends with an accepted handshake."""
    since: float | None = None
    """When the last handshake was accepted, unless it was dialled again since."""
    not_before: float = 0.0
    """The last connection didn't stand: it isn't dialled again earlier."""
    route: Route | None = None
    addresses: tuple[Address, ...] = ()
    refusals: int = 0
    trouble: str = ""
    """Why an address couldn't be reached, if that was no refusal."""
    trouble_told: bool = False
    serial: int = 0
    """Counts attempts, so that an answer of the resolver that comes too late is known."""


class Dialler:
    """One dial for each predecessor: resolve, try each address, pause, again."""

    def __init__(
        self, loop: Loop, owner: DialOwner, rng: Random, system: System | None = None
    ) -> None:
        self._loop = loop
        self._system = system or System()
        self._owner = owner
        self._rng = rng
        self._dials: dict[int, _Dial] = {}
        self._stopped = False

    def dial(self, peer_id: int, host: str, port: int) -> None:
        """Dial until it answers; a pause that is running ends now.

        But one whose last connection didn't stand is given a growing pause: it may refuse us, and go on
        refusing (spec 2.5).
        """
        dial = self._dials.setdefault(peer_id, _Dial(peer_id, host, port))
        dial.host, dial.port = host, port
        if not dial.in_attempt:
            if dial.since is not None:
                self._judge(dial, self._loop.now - dial.since)
            dial.active = True
            self._attempt_when_allowed(dial)

    def established(self, peer_id: int) -> None:
        """The handshake was accepted: the next dial, if any, starts afresh if it stands a while."""
        dial = self._dials[peer_id]
        dial.active = dial.in_attempt = False
        dial.since = self._loop.now
        dial.trouble_told = False

    def _judge(self, dial: _Dial, stood: float) -> None:
        """The last connection stood for so many seconds."""
        dial.since = None
        if stood >= STEADY:
            dial.pause = FIRST_PAUSE
        else:
            dial.not_before = self._loop.now + self._next_pause(dial)

    def retry(self, peer_id: int) -> None:
        """The connection ended before its handshake was accepted: pause and dial again."""
        self._pause(self._dials[peer_id])

    def stop(self) -> None:
        """Give up all dials for good."""
        self._stopped = True
        for dial in self._dials.values():
            self._loop.alarms.clear(("dial", dial.peer_id))
            self._close_attempt(dial)

    def _attempt_when_allowed(self, dial: _Dial) -> None:
        at = max(dial.not_before, self._owner.allowed_at(dial.peer_id))
        if at > self._loop.now:
            self._loop.alarms.set(("dial", dial.peer_id), at, lambda: self._begin(dial))
        else:
            self._begin(dial)

    def _begin(self, dial: _Dial) -> None:
        """Resolve the name, which may take many seconds."""
        self._loop.alarms.clear(("dial", dial.peer_id))
        dial.in_attempt = True
        dial.refusals, dial.trouble = 0, ""
        dial.serial += 1
        serial = dial.serial

        def answer(addresses: list[Address], problem: str) -> None:
            if addresses:
                self._loop.post(partial(self._resolved, dial, serial, addresses))
            else:
                self._loop.post(partial(self._unresolved, dial, serial, problem))

        self._system.resolve(dial.host, dial.port, answer)

    def _unresolved(self, dial: _Dial, serial: int, problem: str) -> None:
        if self._stopped or serial != dial.serial:
            return
        self._tell(
            dial,
            f"host {dial.host!r} of peer {dial.peer_id} can't be resolved ({problem}); "
            "trying again: check its line in PeerInfo.cfg and the network",
        )
        self._pause(dial)

    def _tell(self, dial: _Dial, text: str) -> None:
        """Tell what is wrong, once until it answers."""
        if not dial.trouble_told:
            dial.trouble_told = True
            self._owner.on_unreachable(text)

    def _resolved(self, dial: _Dial, serial: int, addresses: list[Address]) -> None:
        if not self._stopped and serial == dial.serial:
            dial.addresses = tuple(addresses)
            self._try_next_address(dial)

    def _try_next_address(self, dial: _Dial) -> None:
        if not dial.addresses:
            if dial.refusals:
                self._owner.on_refused(dial.peer_id)
            elif dial.trouble:
                self._tell(
                    dial,
                    f"peer {dial.peer_id} can't be reached at {dial.host} port {dial.port} "
                    f"({dial.trouble}); trying again: check the network, or its firewall",
                )
            self._pause(dial)
            return
        (family, address), *rest = dial.addresses
        dial.addresses = tuple(rest)
        try:
            sock = self._system.open(family)
        except OSError:
            self._try_next_address(dial)
            return
        sock.settimeout(0)
        outcome = sock.connect_ex(address)
        dial.route = Route(sock, remote=address, local=sock.getsockname())
        if outcome in (0, errno.EINPROGRESS, errno.EWOULDBLOCK):
            self._loop.watch(sock, WRITE, lambda _events: self._decided(dial))
            self._loop.alarms.set(
                ("dial", dial.peer_id),
                self._loop.now + ATTEMPT_TIMEOUT,
                lambda: self._failed(dial, errno.ETIMEDOUT),
            )
        else:
            self._failed(dial, outcome, watched=False)

    def _decided(self, dial: _Dial) -> None:
        """The attempt's socket became writable: it is connected, or has failed."""
        assert dial.route is not None
        outcome = dial.route.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        # One that was reset since may have brought something, which counts (spec 3.6).
        if outcome not in (0, errno.ECONNRESET, errno.EPIPE):
            self._failed(dial, outcome)
            return
        self._loop.alarms.clear(("dial", dial.peer_id))
        route, dial.route = dial.route, None
        self._loop.unwatch(route.sock)
        self._owner.on_dialled(dial.peer_id, route)

    def _failed(self, dial: _Dial, outcome: int, *, watched: bool = True) -> None:
        if outcome == errno.ECONNREFUSED:
            dial.refusals += 1
        elif outcome == errno.ETIMEDOUT:
            dial.trouble = f"no answer within {ATTEMPT_TIMEOUT:.0f} s"
        else:
            dial.trouble = os.strerror(outcome)
        self._close_attempt(dial, watched=watched)
        self._try_next_address(dial)

    def _close_attempt(self, dial: _Dial, *, watched: bool = True) -> None:
        route, dial.route = dial.route, None
        if route is not None:
            self._loop.alarms.clear(("dial", dial.peer_id))
            if watched:
                self._loop.unwatch(route.sock)
            route.sock.close()

    def _pause(self, dial: _Dial) -> None:
        """Wait before the next attempt."""
        dial.in_attempt = False
        if self._stopped or not dial.active:
            return
        at = max(self._loop.now + self._next_pause(dial), self._owner.allowed_at(dial.peer_id))
        self._loop.alarms.set(("dial", dial.peer_id), at, lambda: self._begin(dial))

    def _next_pause(self, dial: _Dial) -> float:
        """Longer each time, and not all peers in step."""
        pause = dial.pause * self._rng.uniform(0.75, 1.25)
        dial.pause = min(dial.pause * 2, LONGEST_PAUSE)
        return pause

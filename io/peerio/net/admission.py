"""Whose handshake is accepted, and how long a neighbor that broke the protocol stays away (spec 2.3, 2.4, 3.5).

Knows ids and addresses, no socket.
"""

from __future__ import annotations

from collections.abc import Callable

from core.config import SwarmConfig

FIRST_PAUSE = 1.0
LONGEST_PAUSE = 60.0
GOOD_BEHAVIOUR = 60.0
"""Seconds without an error after which all is forgotten."""
REMEMBERED = 1000
"""Origins that are kept, unless the pauses of more of them still run."""

Origin = tuple[int, str]
"""An id and the address that it was claimed from, which is "" where we dialled: so nobody can earn a
penalty in another's name (spec 2.4)."""


class Penalties:
    """Pauses that double with each protocol error, kept across connections; true if there are any.

    All times are seconds on the loop's clock.
    """

    def __init__(self) -> None:
        self._pause: dict[Origin, float] = {}
        self._until: dict[Origin, float] = {}
        self._content: set[Origin] = set()

    def punish(self, origin: Origin, now: float, *, content: bool = False) -> float:
        """A protocol error ended a connection, or wrong content: the pause that follows, in seconds."""
        if content:
            self._content.add(origin)
        else:
            self._content.discard(origin)
        if len(self._until) >= REMEMBERED:
            for other in [other for other, until in self._until.items() if until < now]:
                self.forgive(other)
        pause = min(self._pause.get(origin, FIRST_PAUSE / 2) * 2, LONGEST_PAUSE)
        self._pause[origin] = pause
        self._until[origin] = now + pause
        return pause

    def forgive(self, origin: Origin) -> None:
        """The neighbor delivered a piece, or behaved for long enough."""
        self._pause.pop(origin, None)
        self._until.pop(origin, None)
        self._content.discard(origin)

    def forgive_content(self) -> None:
        """No content is needed any more: those whose last error was wrong content may come back."""
        for origin in list(self._content):
            self.forgive(origin)

    def allowed_at(self, origin: Origin) -> float:
        """From when on it may come back; 0 if it may."""
        return self._until.get(origin, 0.0)

    def __bool__(self) -> bool:
        return bool(self._pause)

    def holds(self, origin: Origin) -> bool:
        """Whether there is something to be forgiven."""
        return origin in self._pause


class RefusedError(Exception):
    """The connection is closed and nothing else is disturbed; the message says why."""


class Admission:
    """Judges the id that a handshake names.

    `listed` tells whether an address is one of a peer's host, as far as that is known.
    """

    def __init__(
        self, config: SwarmConfig, peer_id: int, listed: Callable[[int, str], bool]
    ) -> None:
        self._listed = listed
        self.ids = ids = [peer.peer_id for peer in config.peers]
        """Those of PeerInfo.cfg."""
        self._own = peer_id
        self._before = frozenset(ids[: ids.index(peer_id)])
        self._after = frozenset(ids[ids.index(peer_id) + 1 :])
        self.penalties = Penalties()

    def check_dialled(self, expected: int, claimed: int) -> None:
        """The connecting end expects exactly the id that it dialled (spec 2.3)."""
        if claimed != expected:
            raise RefusedError(f"it answers as peer {claimed}, expected peer {expected} (spec 2.3)")

    def check_accepted(
        self, claimed: int, remote_host: str, connected_host: str | None, now: float
    ) -> None:
        """The listening end accepts an id that is listed after its own (spec 2.3, 2.4).

        `connected_host` is the address of the connection that the id has already, None if it has
        none: it is replaced by one from the same address, or from an address of the listed host.
        """
        if claimed == self._own:
            raise RefusedError(f"it calls itself {claimed}, which is this peer's own id (spec 2.4)")
        if claimed in self._before:
            raise RefusedError(
                f"peer {claimed} is listed before this one, which dials it (spec 2.4)"
            )
        if claimed not in self._after:
            raise RefusedError(f"peer {claimed} isn't listed in PeerInfo.cfg (spec 2.4)")
        if connected_host not in (None, remote_host) and not self._listed(claimed, remote_host):
            raise RefusedError(
                f"peer {claimed} is connected already, from {connected_host}: "
                f"is peer {claimed} started on two machines? (spec 2.4)"
            )
        wait = self.penalties.allowed_at((claimed, remote_host)) - now
        if wait > 0:
            raise RefusedError(
                f"peer {claimed} broke the protocol: not before {wait:.1f} s (spec 3.5)"
            )

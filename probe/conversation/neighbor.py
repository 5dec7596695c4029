"""A played peer: keeps to the protocol by itself, unless a session tells it otherwise.

By itself it greets, tells its pieces, says whether it is interested, serves whom it unchoked, tells
every piece that it gets, and closes when the program has closed. It unchokes, asks and completes only when a session says so.
"""

from __future__ import annotations

import errno
import random
import selectors
import socket
from contextlib import suppress

from probe.conversation import wire
from probe.conversation.link import Link
from probe.conversation.scene import Scene
from probe.conversation.wire import Frame
from probe.program import ports

_AGAIN = 0.05
"""Seconds between two dials while nobody listens there yet."""
AT_FIRST = 0.08
"""Seconds between the handshakes and our bitfield, and behind that: some programs lose what comes in the same segment."""


class Neighbor:
    """One of the peers beside the program."""

    def __init__(
        self, stage: Scene, peer_id: int, port: int, held: list[socket.socket], *, has: bool
    ) -> None:
        """`held` are sockets bound to its port, on which it may listen."""
        self.stage = stage
        self.peer_id = peer_id
        self.port = port
        self.has: set[int] = set(range(stage.plan.pieces)) if has else set()
        self.held = held
        self.links: list[Link] = []
        self.then_dial: Neighbor | None = None
        self._dialling: socket.socket | None = None
        self._address = 0
        self._next_piece_at = 0.0
        self.random = random.Random(f"{stage.plan.name} {peer_id}")
        # How it behaves.
        self.listens = True
        self.dials = True
        self.greets = True
        self.tells = True
        """Whether it sends a bitfield, of zeros if it has nothing."""
        self.minds = True
        """Whether it tells interest by itself."""
        self.unchokes = False
        """Whether it unchokes the program as soon as that is interested."""
        self.serves = True
        self.speed = 0.0
        """Pieces a second that it serves at most; 0 for no limit."""
        self.fetches = False
        """Whether it asks the program for all that it lacks while unchoked."""
        self.fetch_speed = 0.0
        self.asks_when_choked = False
        """Whether a request goes out right behind each choke, as if the two had crossed."""
        self.receives = 0
        """Size in bytes of its receive buffer; 0 for the system's."""
        self.redials = 2
        """How often it dials again, or unchokes again, when a connection was lost."""
        self.closes = True
        """Whether it closes when the program has closed."""
        self.greeting: tuple[int, bytes] | None = None
        """Id and header of its handshake, where they are not its own."""

    # -- connections -----------------------------------------------------------------------------------

    @property
    def link(self) -> Link | None:
        """Its present connection; one that the program must not make only where there is no other."""
        present = [one for one in reversed(self.links) if not one.closed]
        right = [one for one in present if one.dialled == self.is_successor]
        return (right or present)[0] if present else None

    @property
    def here(self) -> bool:
        """Whether it has a connection that was made by the end that must make it."""
        link = self.link
        return link is not None and link.dialled == self.is_successor

    @property
    def greeted(self) -> bool:
        """Whether the program's handshake came on the present connection."""
        return self.link is not None and self.link.greeted_by is not None

    def listen(self) -> None:
        """Accept connections from now on."""
        for one in self.held:
            one.listen(16)
            self.stage.selector.register(one, selectors.EVENT_READ, _Door(self, one))

    def dial(self) -> None:
        """Connect to the program, again and again while nobody listens there."""
        if self.stage.settings.host in {"localhost", "::1"}:
            known = ports.addresses()
        else:
            known = [(int(socket.AF_INET), self.stage.settings.host)]
        family, address = known[self._address % len(known)]
        self._address += 1
        one = socket.socket(family)
        one.settimeout(0)
        if self.receives:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self.receives)
        code = one.connect_ex((address, self.stage.port))
        self._dialling = one
        if code in {0, errno.EINPROGRESS}:
            self.stage.selector.register(one, selectors.EVENT_WRITE, _Dial(self, one))
        else:
            self.dialled(one, code)

    def dialled(self, one: socket.socket, code: int) -> None:
        """What came of a dial."""
        self._dialling = None
        if code:
            one.close()
            self.stage.after(_AGAIN, self.dial)
            return
        self.connected(one, dialled=True)
        if self.then_dial:
            following, self.then_dial = self.then_dial, None
            following.dial()

    def connected(self, one: socket.socket, *, dialled: bool) -> None:
        """A connection is made."""
        one.settimeout(0)
        with suppress(OSError):
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        link = Link(self, one, dialled=dialled)
        self.links.append(link)
        if self.greets and (dialled or not self.is_successor):
            self.greet(link)

    def greet(self, link: Link) -> None:
        """Send the handshake that this peer sends."""
        said, header = self.greeting or (self.peer_id, wire.HEADER)
        link.greet(said, header)
        self.opened(link)

    @property
    def is_successor(self) -> bool:
        """Whether it is listed after the program, which so must not dial it."""
        return self.peer_id in self.stage.plan.successors

    def close(self) -> None:
        """Give all sockets back."""
        for link in self.links:
            link.close()
        for one in self.held:
            one.close()
        if self._dialling:
            self._dialling.close()

    # -- what the program does -------------------------------------------------------------------------

    def on_handshake(self, link: Link) -> None:
        """The program's handshake came."""
        self.opened(link)

    def opened(self, link: Link) -> None:
        """Where both handshakes are there: the bitfield, a moment later."""
        if self.tells and link.greeted and link.greeted_by is not None:
            self.stage.after(AT_FIRST, lambda: self.tell(link))

    def tell(self, link: Link) -> None:
        """Send the bitfield; haves that came meanwhile are in it."""
        if not link.closed and not link.told:
            link.announce(set(self.has))
            link.free_at = self.stage.now() + AT_FIRST
            self.mind(link)

    def on_garbled(self, link: Link) -> None:
        """Nothing more can be read there."""

    def on_end(self, link: Link) -> None:
        """The program closed its side; whoever dialled dials again while something is missing."""
        if self.closes:
            link.finish()
        every = set(range(self.stage.plan.pieces))
        done = self.has >= every and link.has >= every
        if (
            link.dialled
            and self.dials
            and self.redials
            and link.greeted_by is not None
            and not done
        ):
            self.redials -= 1
            self.stage.after(0.3, self._dial_again)

    def _dial_again(self) -> None:
        if self.stage.running and (self.link is None or self.link.eof):
            self.dial()

    def on_message(self, link: Link, frame: Frame) -> None:
        """Behave lawfully (spec 5.1, 5.3, 6.2, 4.8)."""
        kind, index = frame.kind, frame.index
        if kind in {wire.BITFIELD, wire.HAVE}:
            self.mind(link)
        elif kind == wire.INTERESTED and self.unchokes and link.choking:
            link.say(wire.UNCHOKE)
        elif kind == wire.UNCHOKE and self.fetches:
            self.fetch(link)
        elif kind == wire.CHOKE and self.asks_when_choked:
            wanted = sorted(link.has - self.has)
            if wanted:
                link.ask(self.random.choice(wanted))
        elif kind == wire.REQUEST and index is not None:
            if self.serves and not link.choking and index < self.stage.plan.pieces:
                self.serve(link, index)
        elif kind == wire.PIECE and index is not None:
            self.take(link, index)

    def mind(self, link: Link) -> None:
        """Tell a change of interest."""
        wanted = bool(link.has - self.has)
        ready = link.told or not self.tells
        if self.minds and wanted != link.interested and link.greeted and ready:
            link.say(wire.INTERESTED if wanted else wire.NOT_INTERESTED)

    def serve(self, link: Link, index: int) -> None:
        """Answer a request, no faster than this peer serves."""
        if not self.speed:
            link.piece(index)
            return
        now = self.stage.now()
        self._next_piece_at = max(now, self._next_piece_at) + 1 / self.speed
        self.stage.after(self._next_piece_at - now, lambda: self._served(link, index))

    def _served(self, link: Link, index: int) -> None:
        if index in link.open and not link.closed:
            link.piece(index)

    def take(self, link: Link, index: int) -> None:
        """A piece came: tell it, ask for the next."""
        if index not in self.has and index < self.stage.plan.pieces:
            self.has.add(index)
            link.have(index)
            self.mind(link)
        if self.fetches:
            pause = 1 / self.fetch_speed if self.fetch_speed else 0.0
            if pause:
                self.stage.after(pause, lambda: self.fetch(link))
            else:
                self.fetch(link)

    def fetch(self, link: Link) -> None:
        """Ask for one piece, at random, while unchoked."""
        wanted = sorted(link.has - self.has)
        if wanted and not link.choked_by and link.asked is None and not link.closed:
            link.ask(self.random.choice(wanted))

    def gain(self, indexes: list[int] | None = None) -> None:
        """Get pieces from elsewhere: tell them, and that nothing more is wanted."""
        new = [one for one in (indexes or range(self.stage.plan.pieces)) if one not in self.has]
        self.has |= set(new)
        link = self.link
        if link:
            for one in new:
                link.have(one)
            self.mind(link)


class _Door:
    """A socket that listens."""

    def __init__(self, neighbor: Neighbor, sock: socket.socket) -> None:
        self.neighbor = neighbor
        self.sock = sock

    def ready(self, _mask: int) -> None:
        """Somebody connects; it can only be the program."""
        with suppress(OSError):
            one, _ = self.sock.accept()
            self.neighbor.connected(one, dialled=False)


class _Dial:
    """A socket that is being connected."""

    def __init__(self, neighbor: Neighbor, sock: socket.socket) -> None:
        self.neighbor = neighbor
        self.sock = sock

    def ready(self, _mask: int) -> None:
        """It is connected, or refused."""
        self.neighbor.stage.selector.unregister(self.sock)
        self.neighbor.dialled(self.sock, self.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))

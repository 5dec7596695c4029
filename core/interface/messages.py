"""The eight messages as values (spec 3.2). Their bytes are `peerio.protocol`'s business alone.

A bitfield is a `bytes` object with one byte a piece, 1 for a piece that is there and 0 for one that
isn't; how it is packed into bits on the wire is, again, `peerio.protocol`'s business.
"""

from __future__ import annotations

from core.interface.values import value


@value
class Choke:
    """The sender won't serve requests until it says otherwise (spec 4)."""


@value
class Unchoke:
    """The sender serves requests from now on (spec 4)."""


@value
class Interested:
    """The receiver has a piece that the sender lacks (spec 5.1)."""


@value
class NotInterested:
    """The receiver has nothing that the sender lacks (spec 5.1)."""


@value
class Have:
    """The sender completed a piece (spec 5.3)."""

    piece: int


@value
class Bitfield:
    """What the sender has, all at once (spec 3.3)."""

    flags: bytes
    """One byte a piece, 1 or 0; empty where a bitfield without bytes came (spec 3.4)."""


@value
class Request:
    """The sender wants a whole piece (spec 6.1)."""

    piece: int


@value
class Piece:
    """A piece and its content (spec 3.2).

    Only blocking tools and tests make one: in a running peer contents go from the socket to the
    file and never become a message.
    """

    piece: int
    content: bytes


Message = Choke | Unchoke | Interested | NotInterested | Have | Bitfield | Request | Piece

# Messages without payload need no second instance.
CHOKE = Choke()
UNCHOKE = Unchoke()
INTERESTED = Interested()
NOT_INTERESTED = NotInterested()

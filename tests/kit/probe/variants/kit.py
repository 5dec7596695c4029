"""Variants of a right peer: the reference peer with one mistake each, registered by name.

A variant is a function that puts something wrong in the place of something right, before the peer
starts. Its docstring says the mistake, its case is the one that was made for it.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

from tests.reference import wire
from tests.reference.peer import Peer


class Variant(NamedTuple):
    """One mistake."""

    name: str
    case: str
    about: str
    apply: Callable[[], object]


VARIANTS: dict[str, Variant] = {}
Mistake = TypeVar("Mistake", bound=Callable[..., Any])


def variant(case: str, owner: Any = None, instead_of: str = "") -> Callable[[Mistake], Mistake]:
    """Register a mistake under its function's name, with the case that was made for it.

    The function makes the mistake when it is called; where there is an owner, the function is the
    mistake, and stands around the owner's function of that name (see `around`).
    """

    def register(function: Mistake) -> Mistake:
        name = function.__name__.replace("_", "-")
        assert name not in VARIANTS, name
        apply = (
            functools.partial(around(owner, instead_of), function)
            if owner is not None
            else function
        )
        VARIANTS[name] = Variant(name, case, (function.__doc__ or "").strip(), apply)
        return function

    return register


def replace(owner: Any, name: str, value: object) -> None:
    """Put something wrong in the place of something right."""
    assert hasattr(owner, name), name
    setattr(owner, name, value)


def around(owner: Any, name: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Replace a function; the new one gets the right one as its first argument."""

    def put(new: Callable[..., Any]) -> Callable[..., Any]:
        right = getattr(owner, name)

        @functools.wraps(right)
        def both(*arguments: Any, **named: Any) -> Any:
            return new(right, *arguments, **named)

        replace(owner, name, both)
        return new

    return put


def read_on(self: Peer, link: Any) -> None:
    """What follows a handshake in `Peer.converse`, for variants that greet elsewhere."""
    try:
        while True:
            kind, payload = wire.read_frame(link.receive, self.settings)
            with self.lock:
                if not link.gone:
                    self.handle(link, kind, payload)
    except wire.ProtocolError:
        with self.lock:
            self.lose(link)
    except (EOFError, OSError):
        self.end_of_stream(link)


class Greeting(threading.local):
    """Whom this thread is greeting: the id that it dialled, or 0 where it accepted."""

    dialled = 0


greeting = Greeting()


def know_who_dials() -> None:
    """Keep `greeting` right, for variants in which only one side is wrong."""

    @around(Peer, "greet")
    def greet(right: Any, self: Peer, sock: Any, host: str, dialled: int) -> Any:
        greeting.dialled = dialled
        return right(self, sock, host, dialled)

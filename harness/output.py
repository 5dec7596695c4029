"""stdout for commands whose work goes on when nobody takes what they print."""

from __future__ import annotations

import os
import sys
import threading
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, TextIO, cast

from peerio.program.diagnostics import Outlet

if TYPE_CHECKING:
    from collections.abc import Iterator


class _Lasting:
    """A stream that drops what can't be written, from the first error on."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write, or drop."""
        try:
            return self._stream.write(text)
        except OSError:
            self._drop_the_rest()
            return len(text)

    def flush(self) -> None:
        """Flush, or drop."""
        try:
            self._stream.flush()
        except OSError:
            self._drop_the_rest()

    def _drop_the_rest(self) -> None:
        """Also what is in the buffer, which the interpreter would try to write at its end."""
        with suppress(OSError):
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, self._stream.fileno())
            os.close(null)

    def __getattr__(self, name: str) -> Any:
        """Everything else is the stream's."""
        return getattr(self._stream, name)


@contextmanager
def lasting_output() -> Iterator[None]:
    """Within, what stdout doesn't take is dropped."""
    stdout = sys.stdout
    sys.stdout = cast("TextIO", _Lasting(stdout))
    try:
        yield
        sys.stdout.flush()
    finally:
        sys.stdout = stdout


@contextmanager
def busy(what: str, every: float = 2.0) -> Iterator[None]:
    """Within, tell every few seconds on stderr that something still goes on, and for how long."""
    over = threading.Event()
    begun = time.monotonic()

    def tell() -> None:
        while not over.wait(every):
            print(f"{what}: {time.monotonic() - begun:.0f} s", file=sys.stderr, flush=True)

    teller = threading.Thread(target=tell, daemon=True)
    teller.start()
    try:
        yield
    finally:
        over.set()
        teller.join()


class Lines:
    """Prints lines without ever waiting for whoever reads them, while entered."""

    def __init__(self) -> None:
        self._outlet: Outlet | None = None

    def open(self) -> None:
        """Print by a thread of its own, where stdout is a file of the system."""
        sys.stdout.flush()
        with suppress(OSError, ValueError):  # it isn't
            self._outlet = Outlet(sys.stdout.fileno())

    def put(self, line: str) -> None:
        """Print a line."""
        if self._outlet is None:
            print(line, flush=True)
        else:
            self._outlet.put(line)

    def close(self) -> None:
        """Print what waits, for at most a second."""
        if self._outlet is not None:
            self._outlet.close()
            self._outlet = None

"""stdout for commands whose work goes on when nobody takes what they print, and how they end."""

from __future__ import annotations

import codecs
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from io import TextIOWrapper
from typing import Any, TextIO, cast

from core.exits import ExitStatus
from harness.errors import HarnessError
from peerio.program.diagnostics import Outlet

_PLAINER = str.maketrans(
    {"…": "...", "━": "-", "\u2013": "-", "→": "->", "\u00d7": "x", "·": "-", "±": "+-"}
)
"""What is written instead where a terminal's encoding, such as ASCII, has no such character."""


def _plainer(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeEncodeError)  # the only kind that writing has
    text = error.object[error.start : error.end].translate(_PLAINER)
    return text.encode("ascii", "backslashreplace").decode(), error.end


codecs.register_error("plainer", _plainer)


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
    """Within, what stdout doesn't take is dropped, and what its encoding lacks is written plainer."""
    stdout = sys.stdout
    if isinstance(stdout, TextIOWrapper):
        stdout.reconfigure(errors="plainer")
    sys.stdout = cast("TextIO", _Lasting(stdout))
    try:
        yield
        sys.stdout.flush()
    finally:
        sys.stdout = stdout


@contextmanager
def busy(what: str, every: float = 2.0) -> Iterator[Callable[[str], None]]:
    """Within, tell every few seconds on stderr that something still goes on, and for how long.

    What this yields takes what is being done just now, which is told too.
    """
    over = threading.Event()
    begun = time.monotonic()
    now = [""]

    def tell() -> None:
        while not over.wait(every):
            line = f"{what}: {time.monotonic() - begun:.0f} s{now[-1]}"
            print(line, file=sys.stderr, flush=True)

    def at(text: str) -> None:
        now[:] = [f", {text}"]

    teller = threading.Thread(target=tell, daemon=True)
    teller.start()
    try:
        yield at
    finally:
        over.set()
        while teller.is_alive():
            teller.join(every)  # without a limit, Windows lets no Ctrl-C through


def outcome(work: Callable[[], int]) -> tuple[int, str]:
    """The exit status of `work`, and what there is to say on stderr if it couldn't be done.

    An output that takes nothing more, such as a closed pipe, changes neither work nor status.
    """
    try:
        with lasting_output():
            return work(), ""
    except HarnessError as error:
        return error.status, str(error)
    except OSError as error:  # such as a full disk
        return ExitStatus.UNUSABLE, f"can't go on: {error}"
    except KeyboardInterrupt:
        return ExitStatus.INTERRUPTED, "interrupted"


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

"""The first moment of `swarmproof` and `invoke`: makes the project importable, and handles Ctrl-C before it is.

In a checkout the project lies around this folder; once installed it lies in `inside/`, so that
site-packages gets one name of ours and no `core` or `io`.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

UNUSABLE = 1
"""Exit status where a library is missing."""
_HERE = Path(__file__).resolve().parent


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says; the exit status."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    with loading("swarmproof"):
        from harness import program  # noqa: PLC0415 -- `loading` finds it

        run = program.command(given)
    return run()


@contextmanager
def loading(program: str) -> Iterator[None]:
    """Within, the project can be imported; Ctrl-C or a missing library ends the process without a traceback."""
    is_first = threading.current_thread() is threading.main_thread()  # which alone handles signals
    handler = signal.signal(signal.SIGINT, _end) if is_first else None
    root = project()
    sys.path[:0] = [one for one in (str(root), str(root / "io")) if one not in sys.path]
    try:
        yield
    except ModuleNotFoundError as missing:
        print(f"{program}: {_advice(missing)}", file=sys.stderr)
        sys.exit(UNUSABLE)
    finally:
        if handler is not None:
            signal.signal(signal.SIGINT, handler)


def project() -> Path:
    """The folder that holds `core`, `io`, `harness` and the rest."""
    inside = _HERE / "inside"
    return inside if inside.is_dir() else _HERE.parent


def _end(number: int, _frame: object) -> None:
    """End with the signal's status, without the traceback of a half-done import."""
    os._exit(128 + number)


def _advice(error: ModuleNotFoundError) -> str:
    installed = project() != _HERE.parent
    where = "where you have the project" if installed else f"in {_HERE.parent}"
    return (
        f"{error.name} isn't installed for {sys.executable}: run `pip install .` {where}, or use "
        "swarmproof.pyz, which has all that it needs"
    )

"""How a task ends, whatever it does."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from invoke.exceptions import Exit

from harness.errors import HarnessError

if TYPE_CHECKING:
    from collections.abc import Callable


def finish(work: Callable[[], int]) -> None:
    """End with the exit status of `work`; what it can't do is one message on stderr."""
    try:
        status = work()
    except HarnessError as error:
        raise Exit(str(error), code=error.status) from None
    except KeyboardInterrupt:
        raise Exit("interrupted", code=130) from None
    if status != 0:
        raise Exit(code=status)


def path_of(text: str) -> Path | None:
    """The path that an option holds; None where it wasn't given."""
    return Path(text).expanduser() if text else None

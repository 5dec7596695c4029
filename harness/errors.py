"""How the harness says no: one message and an exit status."""

from __future__ import annotations

from core.exits import ExitStatus
from harness.records import printable


class HarnessError(Exception):
    """The command can't go on; `str(e)` is the whole message, `status` the exit status."""

    def __init__(self, message: str, *, status: int = ExitStatus.UNUSABLE) -> None:
        super().__init__(message)
        self.status = status


class HostError(Exception):
    """What went wrong with a host; `str(e)` says what and what to do, without the host's name.

    Much of it is the host's own words, which are made printable here.
    """

    def __init__(self, message: str) -> None:
        super().__init__(printable(message))

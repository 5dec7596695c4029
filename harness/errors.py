"""How the harness says no: one message and an exit status."""

from __future__ import annotations

from harness.records import printable

UNUSABLE = 1
"""Exit status for an unusable configuration, file or port, as of a peer (spec 7.4)."""
USAGE = 2
"""Exit status for wrong use of the command line, as of a peer (spec 7.4)."""
TIMED_OUT = 5
"""Exit status of a swarm that ran out of its time."""
COPIES_DIFFER = 6
"""Exit status of a swarm whose peers all ended with 0 but whose copies aren't all the seed's."""
RULES_BROKEN = 7
"""Exit status of a swarm that completed, but whose logs show a broken rule."""
HOSTS_FAILED = 8
"""Exit status of `invoke remote.*` where a host can't be reached or can't do what was asked."""


class HarnessError(Exception):
    """The command can't go on; `str(e)` is the whole message, `status` the exit status."""

    def __init__(self, message: str, *, status: int = UNUSABLE) -> None:
        super().__init__(message)
        self.status = status


class HostError(Exception):
    """What went wrong with a host; `str(e)` says what and what to do, without the host's name.

    Much of it is the host's own words, which are made printable here.
    """

    def __init__(self, message: str) -> None:
        super().__init__(printable(message))

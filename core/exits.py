"""Exit statuses: those of a peer (spec 7.4), and those that only a whole swarm can end with."""

from __future__ import annotations

from enum import IntEnum


class ExitStatus(IntEnum):
    """How a peer, or a command that runs peers, ended.

    Programs of the shell add 128 to the number of the signal that ended them; so do these.
    """

    COMPLETE = 0
    """All peers in PeerInfo.cfg have the complete file."""
    UNUSABLE = 1
    """Unusable configuration, file or port, or a system that gives too little to run on."""
    USAGE = 2
    """Wrong use of the command line."""
    MISSING = 3
    """Other peers are missing (spec 7.3)."""
    FAILED = 4
    """Storage or log failed during the run."""
    TIMED_OUT = 5
    """A swarm ran out of its time."""
    COPIES_DIFFER = 6
    """All peers of a swarm ended with 0, but not all copies are the seed's."""
    RULES_BROKEN = 7
    """A swarm completed, but its logs show a broken rule."""
    HOSTS_FAILED = 8
    """A host of a remote swarm can't be reached or can't do what was asked."""
    INTERNAL_ERROR = 70
    """A bug of ours, with a traceback."""
    HUNG_UP = 129
    """SIGHUP."""
    INTERRUPTED = 130
    """SIGINT, as from Ctrl-C."""
    TERMINATED = 143
    """SIGTERM."""

"""Whose fault it was (design: local and remote errors are different types).

A remote error ends one connection and nothing else. A local error is a bug of ours: it ends the
process loudly (status 70), since going on could cost data.
"""

from __future__ import annotations


class RemoteProtocolError(Exception):
    """A neighbor broke the protocol; the connection to it is to be closed (spec 3.5).

    `reason` says what came and what was expected; `clause` is the clause of the specification.
    """

    def __init__(self, reason: str, *, clause: str) -> None:
        super().__init__(f"{reason} (spec {clause})")
        self.reason = reason
        self.clause = clause


class LocalProtocolError(Exception):
    """Our own code asked for something that the protocol forbids: a bug."""

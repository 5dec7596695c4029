"""Why a host can't be reached, in words that say what to do."""

from __future__ import annotations

import errno
import socket
from types import SimpleNamespace

import paramiko
import pytest
from paramiko.ssh_exception import NoValidConnectionsError

from harness.remote.ssh import _why_unreachable

CONNECTION = SimpleNamespace(host="10.0.0.9", original_host="laptop", port=22, user="anna")
REFUSED = ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused")


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (socket.gaierror(-2, "unknown"), "the name '10.0.0.9' isn't known here: write an address"),
        (TimeoutError(), "no answer from 10.0.0.9 port 22: is it switched on"),
        (
            NoValidConnectionsError({("10.0.0.9", 22): REFUSED}),
            "10.0.0.9 port 22 can't be reached: Connection refused: is an SSH server running there?",
        ),
        (FileNotFoundError(2, "No such file", "key"), "key: No such file: correct the ssh config"),
        (paramiko.AuthenticationException("no"), "it doesn't let anna in (no): try `ssh laptop`"),
        (EOFError("gone"), "no SSH connection to 10.0.0.9 port 22: gone"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_why_a_host_cannot_be_reached(error: Exception, told: str) -> None:
    """Each way in which a connection fails is told with where and what to do about it."""
    assert told in _why_unreachable(error, CONNECTION)

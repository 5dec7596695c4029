"""`--isolate`: a network of its own, where Linux and the user's rights allow it."""

from __future__ import annotations

import ctypes
import os
import socket
import struct
import sys
from contextlib import suppress
from pathlib import Path

_NEW_USER, _NEW_NET = 0x10000000, 0x40000000
_SET_FLAGS, _UP = 0x8914, 0x1


class IsolationError(Exception):
    """The system doesn't allow it: what to tell the user."""


def enter() -> None:
    """Move this process, and all that it starts, into a network where only its loopback exists."""
    if sys.platform != "linux":
        raise IsolationError("--isolate needs Linux; run without it")
    import fcntl  # noqa: PLC0415 -- other systems have none

    user, group = os.getuid(), os.getgid()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_NEW_NET) != 0:
        if libc.unshare(_NEW_USER | _NEW_NET) != 0:
            reason = os.strerror(ctypes.get_errno())
            raise IsolationError(
                f"--isolate: the system allows no network of its own ({reason}); run without it"
            )
        with suppress(OSError):
            Path("/proc/self/setgroups").write_text("deny", encoding="ascii")
        Path("/proc/self/uid_map").write_text(f"{user} {user} 1", encoding="ascii")
        Path("/proc/self/gid_map").write_text(f"{group} {group} 1", encoding="ascii")
    try:
        with socket.socket() as one:
            fcntl.ioctl(one, _SET_FLAGS, struct.pack("16sh14x", b"lo", _UP))
    except OSError as error:
        raise IsolationError(
            f"--isolate: the loopback can't be brought up ({error.strerror})"
        ) from None

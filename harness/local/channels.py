"""How a launcher and its peers hear of each other: a lifeline down, status lines up, and an end.

Where the system passes descriptors on by number, each peer inherits the read end of one pipe, the
lifeline, and the write end of one of its own, for its status. Elsewhere, as on Windows, the lifeline is
its standard input and the status its standard output, which a thread hands on to a socket: only sockets
can be waited for there.

Nothing but the standard library is imported: this file also runs on the hosts of a remote swarm.
"""

from __future__ import annotations

import os
import socket
import subprocess
import threading
from collections.abc import Sequence
from contextlib import suppress
from io import FileIO, RawIOBase
from typing import IO, BinaryIO, Protocol

KILL = 9
"""SIGKILL, for which Windows has no name."""
_CHUNK = 1 << 16
_PATIENCE = 1.0
"""Seconds for what a process said last to be handed on."""


class Channels(Protocol):
    """Starts processes and ends them."""

    def start(
        self, command: Sequence[str], stderr: BinaryIO
    ) -> tuple[subprocess.Popen[bytes], RawIOBase]:
        """Start one whose output goes to `stderr`, and what its status lines are read from.

        `--lifeline-fd` and `--status-fd` are added to the command. OSError when that fails.
        """

    def signal(self, process: subprocess.Popen[bytes], number: int) -> None:
        """Send it a signal, or what comes nearest to it."""

    def settle(self, process: subprocess.Popen[bytes]) -> None:
        """It has ended: wait until its last status line can be read."""

    def let_go(self) -> None:
        """End all lifelines."""

    def close(self) -> None:
        """Give back what this itself holds."""


def open_channels() -> Channels:
    """The ones that this system has."""
    return Inherited() if hasattr(os, "killpg") else Standard()


class Inherited:
    """Pipes that are passed on by number, to processes that lead groups of their own."""

    def __init__(self) -> None:
        self._lifeline, self._held = os.pipe()

    def start(
        self, command: Sequence[str], stderr: BinaryIO
    ) -> tuple[subprocess.Popen[bytes], RawIOBase]:
        """See `Channels`."""
        reader, writer = os.pipe()
        os.set_blocking(reader, False)
        status_pipe = FileIO(reader)
        try:
            process = subprocess.Popen(
                [*command, "--lifeline-fd", str(self._lifeline), "--status-fd", str(writer)],
                stdin=subprocess.DEVNULL,
                stdout=stderr,
                stderr=stderr,
                pass_fds=(self._lifeline, writer),
                process_group=0,
            )
        except OSError:
            status_pipe.close()
            raise
        finally:
            os.close(writer)
        return process, status_pipe

    def signal(self, process: subprocess.Popen[bytes], number: int) -> None:
        """To its whole group."""
        # It can't be another's: the process is ours until it has been waited for.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)

    def settle(self, process: subprocess.Popen[bytes]) -> None:
        """It can as soon as it is written."""

    def let_go(self) -> None:
        """See `Channels`."""
        os.close(self._held)

    def close(self) -> None:
        """See `Channels`."""
        os.close(self._lifeline)


class Standard:
    """Standard input and output, which processes have on every system."""

    def __init__(self) -> None:
        self._lifelines: list[IO[bytes]] = []
        self._threads: dict[int, threading.Thread] = {}

    def start(
        self, command: Sequence[str], stderr: BinaryIO
    ) -> tuple[subprocess.Popen[bytes], RawIOBase]:
        """See `Channels`."""
        process: subprocess.Popen[bytes] = subprocess.Popen(
            [*command, "--lifeline-fd", "0", "--status-fd", "1"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            # Ctrl-C on the terminal is then the launcher's alone.
            creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
        )
        assert process.stdin is not None
        assert process.stdout is not None
        self._lifelines.append(process.stdin)
        near, far = socket.socketpair()
        near.setblocking(False)  # noqa: FBT003 -- its only argument
        thread = threading.Thread(target=_hand_on, args=(process.stdout, far), daemon=True)
        self._threads[process.pid] = thread
        thread.start()
        status_pipe = near.makefile("rb", buffering=0)
        near.close()  # the file keeps it open
        return process, status_pipe

    def signal(self, process: subprocess.Popen[bytes], number: int) -> None:
        """There is but one signal, which ends at once; the end of its lifeline ends a peer in order."""
        if number == KILL:
            process.kill()
        elif process.stdin is not None:
            process.stdin.close()

    def settle(self, process: subprocess.Popen[bytes]) -> None:
        """See `Channels`."""
        self._threads[process.pid].join(_PATIENCE)

    def let_go(self) -> None:
        """See `Channels`."""
        for lifeline in self._lifelines:
            lifeline.close()

    def close(self) -> None:
        """Nothing is held."""


def _hand_on(pipe: IO[bytes], far: socket.socket) -> None:
    with far, pipe, suppress(OSError):
        while data := os.read(pipe.fileno(), _CHUNK):
            far.sendall(data)

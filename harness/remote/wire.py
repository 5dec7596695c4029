"""An agent on this machine, where the seed runs: no SSH is needed to reach it."""

from __future__ import annotations

import os
import select
import shlex
import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from harness.errors import HostError
from harness.remote.bundle import agent_command
from harness.remote.session import LIMIT

_CHUNK = 1 << 16


class LocalWire:
    """The agent as a process of this machine; it ends with its stdin, like one behind SSH."""

    def __init__(self) -> None:
        """Start it; HostError when that fails."""
        try:
            # Ctrl-C on the terminal is the controller's alone, which passes it on.
            self._process = subprocess.Popen(
                shlex.split(agent_command(sys.executable)),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        except OSError as error:
            raise HostError(f"{sys.executable}: can't be started: {error.strerror}") from error
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._stdin, self._stdout = self._process.stdin, self._process.stdout

    def send(self, data: bytes) -> None:
        """Write to the agent's stdin."""
        try:
            self._stdin.write(data)
            self._stdin.flush()
        except (OSError, ValueError) as error:
            raise HostError(self.why_ended()) from error

    def receive(self) -> bytes:
        """Some of the agent's stdout, `b""` at its end; HostError when nothing comes for `LIMIT`."""
        try:
            if not select.select([self._stdout], [], [], LIMIT)[0]:
                raise HostError(f"no sign of life for {LIMIT:g} s")
            return os.read(self._stdout.fileno(), _CHUNK)
        except (OSError, ValueError) as error:
            raise HostError("the agent on this machine is gone") from error

    def why_ended(self) -> str:
        """What the agent's stdout ended for."""
        return f"the agent on this machine ended with status {self._process.poll()}"

    def put(self, content: BinaryIO, remote: str) -> None:
        """Put a file there: linked where that is possible, so that it takes no time and no room."""
        target = Path(remote)
        try:
            target.unlink(missing_ok=True)
            name = getattr(content, "name", None)
            if isinstance(name, str):
                with suppress(OSError):  # another file system, or another user's file
                    os.link(Path(name).resolve(), target)
                    return
            with target.open("wb") as copy:
                shutil.copyfileobj(content, copy, 1 << 20)
        except OSError as error:
            raise HostError(f"{remote}: can't be written: {error.strerror}") from error

    def get(self, remote: str, local: Path, size: int) -> None:
        """Copy a file of so many bytes; HostError, and no file, when it has more or fewer."""
        try:
            shutil.copyfile(remote, local)
            if local.stat().st_size != size:
                raise OSError(0, f"{size} bytes were announced, and others came")
        except OSError as error:
            local.unlink(missing_ok=True)
            raise HostError(f"can't be brought here: {error.strerror}") from error

    def close(self, patience: float) -> None:
        """End the agent, which is awaited for so many seconds."""
        with suppress(OSError, ValueError):
            self._stdin.close()
        try:
            self._process.wait(patience)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        with suppress(OSError, ValueError):
            self._stdout.close()

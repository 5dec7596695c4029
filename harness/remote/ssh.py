"""Connections by Fabric: the only file that imports it, and only when a connection is wanted."""

from __future__ import annotations

import logging
import socket
from contextlib import suppress
from pathlib import Path
from typing import Any

from harness.errors import HarnessError, HostError
from harness.remote.bundle import agent_command
from harness.remote.session import LIMIT

try:
    import paramiko
    from fabric import Config, Connection
except ImportError as missing:
    raise HarnessError(
        f"the commands of remote need {missing.name}, which isn't installed here: "
        "run `pip install -e '.[remote]'` in the project's folder"
    ) from None

from typing import BinaryIO

# What goes wrong is told once and in our words, not also by the library's threads.
logging.getLogger("paramiko").addHandler(logging.NullHandler())

CONNECT_TIMEOUT = 10
"""Seconds for a host to answer, unless ConnectTimeout in the ssh configuration says otherwise."""
_TRUSTING = {"no", "off", "accept-new"}
_CHUNK = 1 << 16
_REQUESTS = 64
"""Parts of a file that are asked for before the first has come."""
_NOT_FOUND = 127
"""What a shell ends with when there is no such program."""


class SSHWire:
    """An agent at the other end of an SSH session without a terminal."""

    def __init__(self, name: str, *, python: str, ssh_config: Path | None = None) -> None:
        """Connect to the host of this name in the user's ssh configuration, and start Python.

        HostError when that fails.
        """
        self._python = python
        self._connection = _connection(name, ssh_config)
        try:
            _trust_known_hosts(self._connection)
            self._connection.open()
            self._channel = self._connection.create_session()
            self._channel.settimeout(LIMIT)
            self._channel.exec_command(agent_command(python))
        except (OSError, EOFError, paramiko.SSHException) as error:
            self._connection.close()
            raise HostError(_why_unreachable(error, self._connection)) from None
        except HostError:
            self._connection.close()
            raise

    def send(self, data: bytes) -> None:
        """Write to the agent's stdin."""
        try:
            self._channel.sendall(data)
        except (OSError, EOFError, paramiko.SSHException) as error:
            raise HostError(self.why_ended()) from error

    def receive(self) -> bytes:
        """Some of the agent's stdout, `b""` at its end; HostError when nothing comes for `LIMIT`."""
        try:
            data: bytes = self._channel.recv(_CHUNK)
        except TimeoutError:
            raise HostError(f"no sign of life for {LIMIT:g} s") from None
        except (OSError, EOFError, paramiko.SSHException) as error:
            raise HostError(f"the connection is gone: {_reason(error)}") from None
        return data

    def why_ended(self) -> str:
        """What the agent's stdout ended for."""
        self._channel.status_event.wait(CONNECT_TIMEOUT)
        status = self._channel.exit_status
        if not self._channel.transport.active or status < 0:
            return "the connection is gone"
        if status == _NOT_FOUND:
            return f"{self._python}: no such program there: name Python's with --python"
        with suppress(OSError, EOFError):
            text = self._channel.makefile_stderr("rb").read(_CHUNK).decode(errors="replace").strip()
            if text:
                return str(text.splitlines()[-1])
        return f"the program there ended with status {status}"

    def put(self, content: BinaryIO, remote: str) -> None:
        """Copy a file there."""
        try:
            self._sftp().putfo(content, remote)
        except (OSError, EOFError, paramiko.SSHException) as error:
            raise HostError(f"{remote}: can't be sent: {_reason(error)}") from error

    def get(self, remote: str, local: Path, size: int) -> None:
        """Copy a file of so many bytes here; HostError, and no file, when it has more or fewer."""
        try:
            with self._sftp().open(remote, "rb") as source, local.open("wb") as target:
                source.prefetch(size, _REQUESTS)  # not what the host says now: it may be anything
                while target.tell() <= size and (data := source.read(_CHUNK)):
                    target.write(data)
                received = target.tell()
            if received != size:
                raise OSError(f"{size} bytes were announced, and {received} or more came")
        except (OSError, EOFError, paramiko.SSHException) as error:
            local.unlink(missing_ok=True)
            raise HostError(f"can't be brought here: {_reason(error)}") from error

    def close(self, patience: float) -> None:
        """End the agent, which is awaited for so many seconds, and the connection."""
        with suppress(OSError, EOFError, paramiko.SSHException):
            self._channel.shutdown_write()
            self._channel.status_event.wait(patience)
        with suppress(OSError, EOFError, paramiko.SSHException):
            self._connection.close()

    def _sftp(self) -> Any:
        sftp = self._connection.sftp()
        sftp.get_channel().settimeout(LIMIT)
        return sftp


def address_of(name: str, ssh_config: Path | None) -> str:
    """The name or address that the user's ssh configuration has for `[user@]host[:port]`."""
    return str(_connection(name, ssh_config).host)


def _connection(name: str, ssh_config: Path | None) -> Any:
    """A connection that isn't open yet; HarnessError when the ssh configuration can't be used."""
    path = None if ssh_config is None else str(ssh_config)
    settings = {
        "timeouts": {"connect": CONNECT_TIMEOUT},
        "connect_kwargs": {"banner_timeout": CONNECT_TIMEOUT, "auth_timeout": CONNECT_TIMEOUT},
    }
    try:
        return Connection(name, config=Config(overrides=settings, runtime_ssh_path=path))
    except (OSError, ValueError, paramiko.SSHException) as error:
        raise HarnessError(f"{path or 'the ssh configuration'}: can't be used: {error}") from None


def _trust_known_hosts(connection: Any) -> None:
    """Take the keys of known hosts alone, as `ssh` does, also for hosts that are jumped over.

    Fabric by itself would take any.
    """
    while isinstance(connection, Connection):
        settings = connection.ssh_config
        for file in settings.get("userknownhostsfile", "~/.ssh/known_hosts").split():
            path = Path(file).expanduser()
            if path.is_file():
                connection.client.load_system_host_keys(str(path))
        if settings.get("stricthostkeychecking", "ask") not in _TRUSTING:
            connection.client.set_missing_host_key_policy(_RefuseUnknown(connection.original_host))
        connection = connection.gateway


class _RefuseUnknown:
    def __init__(self, name: str) -> None:
        self._name = name

    def missing_host_key(self, *_: object) -> None:
        """Paramiko asks what to do."""
        raise HostError(f"its key isn't known here yet: run `ssh {self._name}` once and accept it")


def _reason(error: Exception) -> str:
    """What an error says; some say nothing."""
    if isinstance(error, TimeoutError):
        return f"nothing moved for {LIMIT:g} s"
    return str(error) or "the connection is gone"


def _why_unreachable(error: Exception, connection: Any) -> str:
    """A connection's failure, and what to do about it."""
    where = f"{connection.host} port {connection.port}"
    if isinstance(error, socket.gaierror):
        return (
            f"the name {connection.host!r} isn't known here: write an address into PeerInfo.cfg, "
            "or name the host in the ssh configuration"
        )
    if isinstance(error, TimeoutError):
        return f"no answer from {where}: is it switched on and in this network?"
    if isinstance(error, paramiko.BadHostKeyException):
        return f"its key isn't the one that is known here: see `ssh {connection.original_host}`"
    if isinstance(error, paramiko.AuthenticationException):
        return (
            f"it doesn't let {connection.user} in ({error}): try `ssh {connection.original_host}`; "
            "keys are used, with ssh-agent where they have a passphrase, but no passwords"
        )
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {error.strerror}: correct the ssh configuration"
    if isinstance(error, paramiko.ssh_exception.NoValidConnectionsError):
        error = next(iter(error.errors.values()))  # one for each address
    if isinstance(error, OSError):
        return (
            f"{where} can't be reached: {error.strerror or error}: is an SSH server running there?"
        )
    return f"no SSH connection to {where}: {error}"

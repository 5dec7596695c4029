"""Keys and configurations for SSH from the controller to the hosts."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.kit.hosts.host import Host

SERVER = """\
ListenAddress 0.0.0.0:22
HostKey {etc}/host_key
AuthorizedKeysFile {etc}/authorized_keys
AuthenticationMethods publickey
PermitRootLogin prohibit-password
AllowUsers root
StrictModes no
UsePAM no
UseDNS no
PidFile none
MaxStartups 100
Subsystem sftp internal-sftp
SetEnv {environment}
"""
CLIENT = """\
Host {name}
    HostName {address}
    Port 22
    User root
    IdentityFile {etc}/key
    IdentitiesOnly yes
    UserKnownHostsFile {etc}/known_hosts
    StrictHostKeyChecking yes
    BatchMode yes

"""


def accounts(home: Path) -> str:
    """A host's /etc/passwd: this machine's, where root has another home."""
    lines = [line.split(":") for line in Path("/etc/passwd").read_text().splitlines()]
    for fields in lines:
        if fields[0] == "root":
            fields[5] = str(home)
    return "".join(":".join(fields) + "\n" for fields in lines)


def make_client(controller: Host, hosts: Sequence[Host], config: Path) -> None:
    """Make all keys, the hosts' server configurations, and the controller's client configuration."""
    ours = controller.folder / "etc"
    key = _make_key(ours / "key")
    for host in hosts:
        etc = host.folder / "etc"
        host_key = _make_key(etc / "host_key")
        (etc / "authorized_keys").write_text(key)
        # The server sets HOME by itself.
        environment = " ".join(
            shlex.quote(f"{name}={value}")
            for name, value in host.environment.items()
            if name != "HOME"
        )
        (etc / "sshd_config").write_text(SERVER.format(etc=etc, environment=environment))
        with (ours / "known_hosts").open("a") as known:
            known.write(f"{host.name},{host.address} {host_key}")
        with config.open("a") as file:
            file.write(CLIENT.format(name=host.name, address=host.address, etc=ours))


def _make_key(path: Path) -> str:
    """Make a key without a passphrase; its public half."""
    kind = ("-t", "ed25519", "-N", "", "-C", path.name)
    subprocess.run(["ssh-keygen", "-q", *kind, "-f", path], check=True)
    return path.with_suffix(".pub").read_text()

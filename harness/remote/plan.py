"""What was asked for: which swarm, on which hosts, how."""

from __future__ import annotations

import hashlib
import ipaddress
import math
import random
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import HarnessError, HostError
from harness.local import runfolder, settings
from harness.local.settings import Settings
from harness.options import count, option, path, seconds
from harness.remote.fleet import Fleet, hosts_of
from harness.remote.session import Session
from peerio.config import COMMON, PEER_INFO, ConfigError, format_common, format_peers

if TYPE_CHECKING:
    from core.config import PeerInfo, SwarmConfig
    from harness.remote.session import Host


@dataclass(frozen=True, slots=True)
class Options:
    """What was asked for on the command line; None is "as the configuration says"."""

    config: str = option(
        "Folder under configs/ or any path with Common.cfg and PeerInfo.cfg "
        "(default: three-laptops).",
        default="three-laptops",
    )
    ssh_config: Path | None = option("Use this ssh configuration (default: ~/.ssh/config).", path)
    home: str = option(
        "Folder on the hosts, in the user's home there or absolute (default: swarmproof).",
        default="swarmproof",
    )
    python: str = option("Python 3.11 or newer on the hosts (default: python3).", default="python3")
    file: Path | None = option(
        "Share this real file; it is sent to the seeds that don't have it "
        "(default: it is there already).",
        path,
    )
    timeout: float | None = option(
        "Time until the swarm is ended with status 5, such as 90s or 5m (default: swarm.toml's or none).",
        seconds,
    )
    random_seed: int | None = option(
        "Seed of all peers' random choices (default: a new one).", count()
    )
    plain: bool = option(
        "Plain lines instead of the live table, as when this isn't a terminal.", default=False
    )
    trace: bool = option("Peers write their traces too (default: yes).", default=True)
    runs: Path | None = option(runfolder.RUNS_HELP, path)


@dataclass(frozen=True)
class Plan:
    """A swarm across hosts, ready for `invoke remote.*`."""

    options: Options
    config: SwarmConfig
    limits: Settings
    random_seed: int

    @cached_property
    def hosts(self) -> list[Host]:
        """The hosts that PeerInfo.cfg names, in its order."""
        return hosts_of(self.config)

    @cached_property
    def files(self) -> dict[str, str]:
        """The configuration as the peers read it, by file name."""
        try:
            return {COMMON: format_common(self.config), PEER_INFO: format_peers(self.config)}
        except ConfigError as error:
            raise HarnessError(str(error)) from error

    @cached_property
    def file_sha256(self) -> str:
        """The SHA-256 of the file to share."""
        if self.options.file is None:
            raise ValueError("there is none")
        with self.options.file.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def copy_of(self, peer: PeerInfo) -> str:
        """Where a peer's copy lies in the working directory (spec 9.1)."""
        return f"peer_{peer.peer_id}/{self.config.file_name}"

    def connect(self) -> Fleet:
        """Sessions with all hosts; HarnessError where that needs what isn't installed."""
        from harness.remote.ssh import SSHWire  # noqa: PLC0415 -- the extra may be missing

        options = self.options

        def session(host: Host) -> Session:
            wire = SSHWire(host.name, python=options.python, ssh_config=options.ssh_config)
            try:
                return Session(host, wire, options.home)
            except HostError:
                wire.close(0)
                raise

        return Fleet(self.hosts, session)


def make_plan(options: Options) -> Plan:
    """Read the configuration; HarnessError when it can't be used across hosts."""
    source = runfolder.find_config(options.config)
    config = runfolder.read_config(source, warn=lambda text: print(f"{source}: {text}"))
    if options.file is not None:
        config = runfolder.with_file(config, options.file)
    if options.ssh_config is not None and not options.ssh_config.is_file():
        raise HarnessError(f"--ssh-config {options.ssh_config}: expected a file that is there")
    _refuse_loopback(config)
    random_seed = options.random_seed
    if random_seed is None:
        random_seed = random.randrange(1 << 32)
    return Plan(options, config, _limits(source, options), random_seed)


def _limits(source: Path, options: Options) -> Settings:
    """The launcher's settings; across machines a swarm takes the time that it takes."""
    limits = Settings(timeout=math.inf)
    if options.file is None and (source / settings.FILE_NAME).exists():
        limits = settings.load(source)
    return limits if options.timeout is None else replace(limits, timeout=options.timeout)


def _refuse_loopback(config: SwarmConfig) -> None:
    """A name for "this machine" means another one on each machine."""
    if len({peer.host for peer in config.peers}) == 1:
        return
    for peer in config.peers:
        if _is_loopback(peer.host):
            raise HarnessError(
                f"PeerInfo.cfg: peer {peer.peer_id}: on every machine {peer.host!r} is that machine "
                "itself: write the name or address by which the others reach it"
            )


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False

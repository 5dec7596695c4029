"""Makes the folder of one run: configuration, a folder for each peer, the seeds' file.

    runs/2026-11-22T10-00-00/
        Common.cfg  PeerInfo.cfg          as the peers read them
        pieces.sha256                     its pieces' hashes, of a real file
        peer_1001/TheFile.dat             each peer's folder (spec 9)
        log_peer_1001.log                 its log (spec 8)
        trace_peer_1001.jsonl             its trace (docs/trace.md)
        peer_1001.stderr                  its diagnostics
        result.json                       how the swarm ended

`runs/latest` points to the newest one.
"""

from __future__ import annotations

import os
import random
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from core.config import PeerInfo, SwarmConfig
from harness.errors import HarnessError
from harness.hashing import write_hashes
from harness.local.ports import NEVER
from peerio.config import ConfigError, format_common, format_peers, load_config

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parents[2]
"""The project's folder."""
CONFIGS = ROOT / "configs"
RUNS = ROOT / "runs"
PEER_PROCESS = ROOT / "peerProcess.py"
LATEST = "latest"
_CHUNK = 1 << 20


def find_config(name: str) -> Path:
    """The folder that `--config` means: one under `configs/`, else the path itself.

    HarnessError when there is none.
    """
    for folder in (CONFIGS / name, Path(name).expanduser()):
        if (folder / "Common.cfg").is_file():
            return folder
    known = ", ".join(sorted(path.name for path in CONFIGS.iterdir() if path.is_dir()))
    raise HarnessError(
        f"--config {name!r}: no such configuration: expected one of {known}, "
        "or a folder that holds Common.cfg and PeerInfo.cfg"
    )


def read_config(folder: Path, *, warn: Callable[[str], None]) -> SwarmConfig:
    """The configuration in `folder`; HarnessError when it can't be used."""
    try:
        return load_config(folder, warn=warn)
    except ConfigError as error:
        raise HarnessError(f"{folder}: {error}") from error


def with_peers(config: SwarmConfig, count: int) -> SwarmConfig:
    """The same swarm with its first `count` peers, and more leechers where it has fewer.

    They get the ids and ports that follow the highest ones. HarnessError when no seed is left.
    """
    peers = list(config.peers[:count])
    next_id = max(peer.peer_id for peer in config.peers) + 1
    next_port = max(peer.port for peer in config.peers) + 1
    while len(peers) < count:
        next_port += next_port == NEVER
        peers.append(PeerInfo(next_id, peers[-1].host, next_port, has_file=False))
        next_id, next_port = next_id + 1, next_port + 1
    if not any(peer.has_file for peer in peers):
        raise HarnessError(f"--peers {count}: none of the first {count} peers has the file")
    return replace(config, peers=tuple(peers))


def with_file(config: SwarmConfig, path: Path) -> SwarmConfig:
    """The same swarm for a real file: its name and size; HarnessError when it can't be shared."""
    if not path.is_file():
        raise HarnessError(f"--file {path}: expected a file that is there")
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
    except OSError as error:
        raise HarnessError(f"--file {path}: can't be read: {error.strerror}") from error
    if size == 0:
        raise HarnessError(f"--file {path}: it is empty: a file to share has at least one byte")
    return replace(config, file_name=path.name, file_size=size)


def new_run_folder(runs: Path) -> Path:
    """An empty folder in `runs`, named by the time; `latest` points to it afterwards."""
    runs.mkdir(parents=True, exist_ok=True)
    stamp = datetime.now().astimezone().strftime("%Y-%m-%dT%H-%M-%S")
    for suffix in ("", *(f".{number}" for number in range(2, 1000))):
        folder = runs / f"{stamp}{suffix}"
        with suppress(FileExistsError):
            folder.mkdir()
            _point_latest_to(folder)
            return folder
    raise HarnessError(f"{runs}: there are a thousand runs of this second")


def fill(
    folder: Path,
    config: SwarmConfig,
    *,
    source: Path | None,
    random_seed: int,
    hashes: bool = True,
) -> None:
    """Write the configuration, make each peer's folder and give the seeds the file.

    `source` is linked, never changed, and hashed piece by piece if `hashes`; without it the
    content is pseudo-random. HarnessError when the peers couldn't use this configuration, such as a
    file name with odd blanks.
    """
    try:
        (folder / "Common.cfg").write_text(format_common(config), encoding="utf-8")
        (folder / "PeerInfo.cfg").write_text(format_peers(config), encoding="utf-8")
    except ConfigError as error:
        raise HarnessError(str(error)) from error
    read_config(folder, warn=print)
    if source is not None and hashes:
        write_hashes(folder, source, config.piece_size, config.file_name)
    for peer in config.peers:
        (folder / f"peer_{peer.peer_id}").mkdir()
    for copy in (copy_of(folder, config, peer) for peer in config.peers if peer.has_file):
        if source is None:
            write_random(copy, config.file_size, random_seed)
            source = copy
        else:
            _link(source, copy)


def copy_of(folder: Path, config: SwarmConfig, peer: PeerInfo) -> Path:
    """Where a peer's copy of the file lies (spec 9.1)."""
    return folder / f"peer_{peer.peer_id}" / config.file_name


def write_random(path: Path, size: int, random_seed: int) -> None:
    """Write a file of `size` bytes of pseudo-random content, the same for the same seed."""
    rng = random.Random(random_seed)
    with path.open("wb") as file:
        for start in range(0, size, _CHUNK):
            file.write(rng.randbytes(min(_CHUNK, size - start)))


def _point_latest_to(folder: Path) -> None:
    # Replaced in one step, so that two runs at once can't leave it missing. A file system without
    # symbolic links has no `latest`; then the newest folder's name tells.
    fresh = folder.parent / f".{LATEST}-{folder.name}"
    with suppress(OSError):
        fresh.symlink_to(folder.name)
        fresh.replace(folder.parent / LATEST)


def _link(source: Path, copy: Path) -> None:
    source = source.resolve()
    try:
        copy.hardlink_to(source)
    except OSError:  # another file system, or another user's file
        copy.symlink_to(source)


def latest_run(runs: Path = RUNS) -> Path:
    """The newest run's folder; HarnessError where there is none."""
    latest = runs / LATEST
    if latest.exists():
        return latest.resolve()
    folders = sorted(path for path in runs.glob("*") if path.is_dir())
    if not folders:
        raise HarnessError(f"no run in {runs}: make one with `invoke swarm`, or name a folder")
    return folders[-1]

"""Compares every peer's copy of the file with the seed's."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from core.config import PeerInfo, SwarmConfig
from harness.local.runfolder import copy_of
from verifier.reading.config import Peer


@dataclass(frozen=True, slots=True)
class Copy:
    """One peer's copy: its SHA-256 as hex digits, or why there is none; whether it is the seed's."""

    path: Path
    sha256: str | None
    problem: str | None
    identical: bool = False


def compare(folder: Path, config: SwarmConfig) -> dict[int, Copy]:
    """Each peer's copy against that of the first seed, byte for byte by its SHA-256."""
    paths = {peer.peer_id: copy_of(folder, config, peer) for peer in config.peers}
    with ThreadPoolExecutor(max_workers=2) as pool:  # hashing releases the interpreter's lock
        digests = dict(zip(paths, pool.map(_digest, paths.values()), strict=True))
    return judge({i: Copy(paths[i], *digest) for i, digest in digests.items()}, config)


def first_seed(peers: Iterable[PeerInfo | Peer]) -> int:
    """The id of the peer with whose copy the others are compared."""
    return next(peer.peer_id for peer in peers if peer.has_file)


def judge(copies: dict[int, Copy], config: SwarmConfig) -> dict[int, Copy]:
    """The same copies, each with whether it is that of the first seed."""
    expected = copies[first_seed(config.peers)].sha256
    return {
        peer_id: replace(copy, identical=copy.sha256 is not None and copy.sha256 == expected)
        for peer_id, copy in copies.items()
    }


def remove(copies: Iterable[Copy]) -> None:
    """Remove copies, whole or in part, but not one that is whole and differs: it is evidence."""
    for copy in copies:
        if copy.identical:
            copy.path.unlink()
        copy.path.with_name(f"{copy.path.name}.part").unlink(missing_ok=True)


def _digest(path: Path) -> tuple[str | None, str | None]:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest(), None
    except FileNotFoundError:
        return None, "missing"
    except OSError as error:
        return None, f"can't be read: {error.strerror}"

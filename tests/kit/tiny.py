"""A swarm that is over in a moment: two peers, one small file, free ports."""

from __future__ import annotations

from pathlib import Path

from core.config import PeerInfo, SwarmConfig
from harness.local.ports import free_ports
from peerio.config import format_common, format_peers

NAME = "TheFile.dat"
SIZE = 10_000


def write(folder: Path, *, peers: int = 2) -> Path:
    """Write the configuration, and the seed's file; the folder."""
    infos = tuple(
        PeerInfo(1001 + n, "localhost", port, n == 0) for n, port in enumerate(free_ports(peers))
    )
    config = SwarmConfig(1, 1, 1, NAME, SIZE, 1000, infos)
    (folder / "peer_1001").mkdir(parents=True, exist_ok=True)
    (folder / "Common.cfg").write_text(format_common(config), encoding="utf-8")
    (folder / "PeerInfo.cfg").write_text(format_peers(config), encoding="utf-8")
    (folder / "peer_1001" / NAME).write_bytes(bytes(SIZE))
    return folder

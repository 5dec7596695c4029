"""The files of a peer: configuration, its copy of the file, its log (spec 1, 8, 9)."""

from __future__ import annotations

import datetime as dt
import os
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO


@dataclass(frozen=True)
class Listed:
    """One line of `PeerInfo.cfg` (spec 1.3)."""

    peer_id: int
    host: str
    port: int
    has_file: bool


@dataclass(frozen=True)
class Settings:
    """Both configuration files (spec 1.2, 1.3); intervals in seconds, sizes in bytes."""

    k: int
    p: float
    m: float
    file_name: str
    file_size: int
    piece_size: int
    peers: tuple[Listed, ...]

    @property
    def piece_count(self) -> int:
        """Number of pieces (spec 1.4)."""
        return (self.file_size + self.piece_size - 1) // self.piece_size

    def piece_length(self, index: int) -> int:
        """Size of one piece in bytes; the last may be shorter (spec 1.4)."""
        return min(self.piece_size, self.file_size - index * self.piece_size)

    def ids(self) -> list[int]:
        """All listed ids, in start order."""
        return [peer.peer_id for peer in self.peers]


def read_settings(workdir: Path) -> Settings:
    """Read `Common.cfg` and `PeerInfo.cfg`; whatever is wrong raises (spec 1.1 to 1.3)."""
    common = dict(
        line.split(maxsplit=1) for line in (workdir / "Common.cfg").read_text().splitlines() if line
    )
    rows = [line.split() for line in (workdir / "PeerInfo.cfg").read_text().splitlines() if line]
    return Settings(
        k=int(common["NumberOfPreferredNeighbors"]),
        p=float(common["UnchokingInterval"]),
        m=float(common["OptimisticUnchokingInterval"]),
        file_name=common["FileName"].strip(),
        file_size=int(common["FileSize"]),
        piece_size=int(common["PieceSize"]),
        peers=tuple(Listed(int(row[0]), row[1], int(row[2]), row[3] == "1") for row in rows),
    )


class Copy:
    """One peer's copy of the file (spec 9): `.part` until it is complete."""

    def __init__(self, workdir: Path, settings: Settings, peer: Listed) -> None:
        """Open a seed's file, or begin an empty `.part`."""
        self.settings = settings
        self.path = workdir / f"peer_{peer.peer_id}" / settings.file_name
        self.part = self.path.with_name(self.path.name + ".part")
        self.have: set[int] = set()
        if peer.has_file:
            if self.path.stat().st_size != settings.file_size:
                raise ValueError(f"{self.path}: expected {settings.file_size} bytes")
            self.have.update(range(settings.piece_count))
            self.file: BinaryIO = self.path.open("rb")
        else:
            self.path.parent.mkdir(exist_ok=True)
            self.path.unlink(missing_ok=True)  # a leecher starts with nothing
            self.file = self.part.open("wb+")

    @property
    def complete(self) -> bool:
        """Whether every piece is there."""
        return len(self.have) == self.settings.piece_count

    def read(self, index: int) -> bytes:
        """The content of one piece."""
        self.file.seek(index * self.settings.piece_size)
        return self.file.read(self.settings.piece_length(index))

    def write(self, index: int, content: bytes) -> None:
        """Keep one piece; the last one gives the file its real name."""
        self.file.seek(index * self.settings.piece_size)
        self.file.write(content)
        self.have.add(index)
        if self.complete:
            self.file.flush()
            self.part.rename(self.path)


class Log:
    """`log_peer_[id].log` (spec 8.1), each line written before `write` returns."""

    def __init__(self, workdir: Path, peer_id: int) -> None:
        """Begin a new log."""
        self.peer_id = peer_id
        path = workdir / f"log_peer_{peer_id}.log"
        self.descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)

    def write(self, words: str) -> None:
        """Write one sentence: `words` is what follows `Peer X `."""
        time = dt.datetime.now(dt.UTC).isoformat(" ")
        os.write(self.descriptor, f"[{time}]: Peer {self.peer_id} {words}\n".encode())

"""Reads Common.cfg and PeerInfo.cfg (spec 1), on its own and tolerantly.

Values that can't be used at all end the run (`InputError`); values that break a rule of the
specification become `problems`, which check F10 reports.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import TYPE_CHECKING

from verifier.reading.encodings import decode_file
from verifier.showing import shown

if TYPE_CHECKING:
    from pathlib import Path

LONGEST_KEY = 50
ALIKE = 0.85
"""How alike a key must be to one of the prescribed to be taken for it."""
MAX_ID = 2**32 - 1
LARGEST = 1 << 21
"""Bytes of a configuration file."""
MOST_PEERS = 2_000
MOST_PIECES = 2**25
"""More can't be judged."""
MOST_TO_REMEMBER = 50_000_000
"""Nor more pieces for all peers together: each takes 9 bytes."""
MIN_INTERVAL = 0.001
MAX_PIECES = 2**24
"""Pieces that a peer need take (spec 1.5)."""


class InputError(Exception):
    """The input can't be judged; the message says what, where, and what to do."""


class WrongConfiguration(InputError):  # noqa: N818  # it names what is wrong
    """The configuration is that of another run; another one may fit."""


@dataclass(frozen=True, slots=True)
class Peer:
    """One line of PeerInfo.cfg (spec 1.3)."""

    peer_id: int
    host: str
    port: int
    has_file: bool


@dataclass(slots=True)
class Config:
    """A swarm's configuration; intervals are seconds, sizes are bytes, peers in start order.

    `problems` break the specification, `notes` tell what was read with good will.
    """

    preferred: int
    unchoking: float
    optimistic: float
    file_name: str
    file_size: int
    piece_size: int
    peers: list[Peer]
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def pieces(self) -> int:
        """Number of pieces (spec 1.4)."""
        return max(1, -(-self.file_size // self.piece_size))

    def piece_length(self, piece: int) -> int:
        """Bytes of one piece; the last may be shorter (spec 1.4)."""
        return min(self.piece_size, self.file_size - piece * self.piece_size)


KEYS = {
    "numberofpreferredneighbors": "NumberOfPreferredNeighbors",
    "unchokinginterval": "UnchokingInterval",
    "optimisticunchokinginterval": "OptimisticUnchokingInterval",
    "filename": "FileName",
    "filesize": "FileSize",
    "piecesize": "PieceSize",
}


def _lines(path: Path) -> list[tuple[int, str]]:
    """The lines that carry something, numbered."""
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
    except OSError as error:
        raise InputError(f"{shown(path)}: can't be read: {error.strerror or error}") from None
    if len(data) > LARGEST:
        raise InputError(
            f"{shown(path)}: larger than {LARGEST >> 20} MiB; that is no configuration"
        )
    text = decode_file(data)
    numbered = ((number, line.strip()) for number, line in enumerate(text.splitlines(), 1))
    return [(number, line) for number, line in numbered if line and not line.startswith("#")]


def _common(path: Path, notes: list[str]) -> dict[str, str]:
    """The pairs of Common.cfg; keys that this program doesn't know are left out, misspelt ones are
    read and noted.
    """
    values: dict[str, str] = {}
    for number, line in _lines(path):
        key, _, value = line.replace("\t", " ").partition(" ")
        key = key.rstrip(":=")
        alike = get_close_matches(key.lower()[:LONGEST_KEY], KEYS, 1, ALIKE)
        if not alike:
            continue
        name = KEYS[alike[0]]
        if key.lower() != alike[0]:
            notes.append(f"{shown(path.name)}:{number}: '{shown(key)}' is read as {name}")
        if name in values:
            raise InputError(
                f"{shown(path)}:{number}: {name} is given twice; keep one of the two lines"
            )
        values[name] = value.strip().lstrip("=:").strip()
    missing = [name for name in KEYS.values() if name not in values]
    if missing:
        raise InputError(
            f"{shown(path)}: {', '.join(missing)} missing; expected one `Key value` a line"
        )
    return values


def _number(path: Path, values: dict[str, str], name: str) -> float:
    try:
        number = float(values[name])
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise InputError(
            f"{shown(path)}: {name} is '{shown(values[name][:40])}'; expected a number"
        )
    return number


def _peers(path: Path) -> list[Peer]:
    """The peers, in start order; a heading line without any digit is skipped."""
    peers = []
    for number, line in _lines(path):
        fields = line.split()
        if not re.search(r"\d", line):
            continue
        ok = len(fields) >= 4 and fields[0].isdecimal() and fields[2].isdecimal()
        if not ok or fields[3] not in {"0", "1"} or max(len(fields[0]), len(fields[2])) > 18:
            raise InputError(
                f"{shown(path)}:{number}: '{shown(line[:60])}': expected `[peer id] [host] [port] [has file: 1 or 0]`"
            )
        peers.append(Peer(int(fields[0]), fields[1], int(fields[2]), fields[3] == "1"))
    if not peers:
        raise InputError(
            f"{shown(path)}: no peer is listed; expected `[peer id] [host] [port] [1 or 0]`"
        )
    return peers


def _problems(config: Config) -> list[str]:
    """What breaks spec 1.5 without making the logs unreadable."""
    found = []
    if not 1 <= config.preferred <= MAX_ID:
        found.append(f"NumberOfPreferredNeighbors is {config.preferred:g}; expected 1 to {MAX_ID}")
    if config.unchoking < MIN_INTERVAL:
        found.append(f"UnchokingInterval is {config.unchoking:g}; at least {MIN_INTERVAL}")
    if config.optimistic < MIN_INTERVAL:
        found.append(
            f"OptimisticUnchokingInterval is {config.optimistic:g}; at least {MIN_INTERVAL}"
        )
    if config.pieces > MAX_PIECES:
        found.append(f"FileSize and PieceSize make {config.pieces} pieces; at most {MAX_PIECES}")
    if config.piece_size > 2**31:
        found.append(f"PieceSize is {config.piece_size}; at most 2147483648")
    if not any(peer.has_file for peer in config.peers):
        found.append("no peer has the file; at least one is needed")
    return found + _peer_problems(config)


def _peer_problems(config: Config) -> list[str]:
    """The same of the peers' lines."""
    found = []
    addresses: dict[tuple[str, int], int] = {}
    ids: set[int] = set()
    for peer in config.peers:
        if peer.peer_id in ids:
            found.append(f"peer id {peer.peer_id} is listed twice")
        ids.add(peer.peer_id)
        if not 0 < peer.peer_id <= MAX_ID:
            found.append(f"peer id {peer.peer_id}: expected 1 to {MAX_ID}")
        if not 0 < peer.port <= 65535:
            found.append(f"peer {peer.peer_id}: port {peer.port}; expected 1 to 65535")
        other = addresses.setdefault((peer.host, peer.port), peer.peer_id)
        if other != peer.peer_id:
            found.append(
                f"peers {other} and {peer.peer_id} share {shown(peer.host)} port {peer.port}"
            )
    return found


def load(common: Path, peer_info: Path) -> Config:
    """Read both files; InputError when one can't be used."""
    notes: list[str] = []
    values = _common(common, notes)
    numbers = {name: _number(common, values, name) for name in KEYS.values() if name != "FileName"}
    for name in ("FileSize", "PieceSize"):
        if not 1 <= numbers[name] < 2**62:
            raise InputError(
                f"{shown(common)}: {name} is {shown(values[name][:40])}; expected at least 1 byte"
            )
    config = Config(
        preferred=int(numbers["NumberOfPreferredNeighbors"]),
        unchoking=numbers["UnchokingInterval"],
        optimistic=numbers["OptimisticUnchokingInterval"],
        file_name=values["FileName"],
        file_size=int(numbers["FileSize"]),
        piece_size=int(numbers["PieceSize"]),
        peers=_peers(peer_info),
        notes=notes,
    )
    if config.pieces > MOST_PIECES:
        raise InputError(
            f"{shown(common)}: FileSize and PieceSize make {config.pieces} pieces;"
            f" at most {MOST_PIECES} can be judged"
        )
    if len(config.peers) > MOST_PEERS:
        raise InputError(
            f"{shown(peer_info)}: {len(config.peers)} peers; at most {MOST_PEERS} can be judged"
        )
    if config.pieces * len(config.peers) > MOST_TO_REMEMBER:
        raise InputError(
            f"{shown(common)}: {config.pieces} pieces for each of {len(config.peers)} peers;"
            f" at most {MOST_TO_REMEMBER} pieces for all together can be judged"
        )
    config.problems = _problems(config)
    unique = {peer.peer_id: peer for peer in reversed(config.peers)}
    config.peers = [peer for peer in config.peers if unique[peer.peer_id] is peer]
    return config

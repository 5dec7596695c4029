"""Real swarms with piece hashes: peers that are killed and resume, and files with wrong content."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from random import Random

from peerio.hashes import FILE_NAME, hash_file
from tests.kit.swarm.swarms import Swarm
from verifier.api import verify
from verifier.findings import Severity
from verifier.judge import Options

BLOCK = 4096
DOWNLOADED = "has downloaded the piece"


def write_hashes(swarm: Swarm, right: Path) -> None:
    """Give every working directory the hashes of a right copy."""
    text = hash_file(right, swarm.piece_size)
    for workdir in set(swarm.workdirs.values()):
        (workdir / FILE_NAME).write_text(text, encoding="utf-8")


def resume(swarm: Swarm, peer_id: int) -> None:
    """Start a peer again, with --resume."""
    member = swarm.members[peer_id]
    swarm.members[peer_id] = replace(member, arguments=(*member.arguments, "--resume"))
    swarm.start(peer_id)


def part_of(swarm: Swarm, peer_id: int) -> Path:
    """Where a peer's file lies that isn't complete."""
    copy = swarm.copy_of(peer_id)
    return copy.with_name(f"{copy.name}.part")


def tear(path: Path, rng: Random) -> None:
    """Zero random blocks of a file, and perhaps cut off its end, as a power cut does."""
    data = bytearray(path.read_bytes())
    for _ in range(rng.randint(0, 6)):
        start = rng.randrange(len(data)) // BLOCK * BLOCK
        size = len(data[start : start + BLOCK])
        data[start : start + size] = bytes(size)
    if rng.random() < 0.5:
        del data[rng.randrange(1, len(data)) :]
    path.write_bytes(data)


def right_pieces(swarm: Swarm, path: Path) -> set[int]:
    """The pieces of a file that are the content's."""
    data, size = path.read_bytes(), swarm.piece_size
    starts = [(piece, piece * size) for piece in range(swarm.pieces)]
    return {
        piece
        for piece, start in starts
        if data[start : start + size] == swarm.content[start : start + size]
    }


def downloads(swarm: Swarm, peer_id: int) -> list[int]:
    """The pieces that a peer's present life has downloaded, in order."""
    text = "\n".join(swarm.log(peer_id))
    return [int(piece) for piece in re.findall(rf"{DOWNLOADED} (\d+) from", text)]


def turned(content: bytes, piece_size: int, wrong: set[int]) -> bytes:
    """The content with all bits of these pieces turned."""
    parts = [content[start : start + piece_size] for start in range(0, len(content), piece_size)]
    return b"".join(
        bytes(byte ^ 0xFF for byte in part) if piece in wrong else part
        for piece, part in enumerate(parts)
    )


def faults_of(folder: Path, *, trace: str = "auto") -> list[str]:
    """What the verifier finds, from warnings up, and what it can't decide."""
    report = verify([folder], Options(trace=trace))
    found = list(report.problems)
    for verdict in report.verdicts:
        found += [f"{result.check.id} undecided" for result in verdict.unknown]
        found += [
            f"{result.check.id}: {finding.because}"
            for result in verdict.results
            for finding in result.tally.findings
            if finding.severity >= Severity.WARNING
        ]
    return found

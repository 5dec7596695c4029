"""Writes a big, correct set of logs, nearly all of it `have` lines, to measure speed with.

`python synthetic.py FOLDER PEERS PIECES`: one seed prefers everybody, each leecher downloads every
piece from it in random order, everyone hears of each piece.
"""

from __future__ import annotations

import random
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

EPOCH = datetime(2026, 11, 22, 10, tzinfo=UTC)


def write(folder: Path, peers: int, pieces: int, *, whole_seconds: bool = False) -> int:
    """Write the set; the number of its lines."""
    rng = random.Random(1)
    ids = [1001 + n for n in range(peers)]
    seed, leechers = ids[0], ids[1:]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "Common.cfg").write_text(
        f"NumberOfPreferredNeighbors {peers}\nUnchokingInterval 100000\n"
        f"OptimisticUnchokingInterval 100000\nFileName f\nFileSize {pieces * 1000}\nPieceSize 1000\n"
    )
    (folder / "PeerInfo.cfg").write_text(
        "".join(f"{one} localhost {6000 + n} {int(n == 0)}\n" for n, one in enumerate(ids))
    )
    logs: dict[int, list[str]] = {one: [] for one in ids}
    step, lines = 0, 0

    def stamp() -> str:
        nonlocal step
        step += 1
        moment = EPOCH + timedelta(microseconds=step * 37)
        return moment.isoformat(timespec="seconds" if whole_seconds else "microseconds")

    def say(one: int, text: str) -> None:
        logs[one].append(f"{stamp()}: Peer {one} {text}\n")

    for place, one in enumerate(ids):
        for other in ids[:place]:
            say(other, f"is connected from Peer {one}.")
            say(one, f"makes a connection to Peer {other}.")
    for one in leechers:
        say(seed, f"received the 'interested' message from {one}.")
    say(seed, f"has the preferred neighbors {','.join(map(str, leechers))}.")
    for one in leechers:
        say(one, f"is unchoked by {seed}.")
    orders = {one: rng.sample(range(pieces), pieces) for one in leechers}
    have = {one: bytearray(pieces) for one in leechers}
    lacking = {one: dict.fromkeys(leechers, 0) for one in leechers}
    files = {one: (folder / f"log_peer_{one}.log").open("w") for one in ids}
    for number in range(pieces):
        for one in rng.sample(leechers, len(leechers)):
            piece = orders[one][number]
            have[one][piece] = 1
            say(
                one,
                f"has downloaded the piece {piece} from {seed}. Now the number of pieces it has is {number + 1}.",
            )
            if number + 1 == pieces:
                say(one, "has downloaded the complete file.")
            told = []
            for other in leechers:
                if other != one and have[other][piece]:
                    lacking[one][other] -= 1
                    if not lacking[one][other]:
                        told.append(other)
            now = stamp()
            text = f" received the 'have' message from {one} for the piece {piece}.\n"
            for other in ids:
                if other != one:
                    logs[other].append(f"{now}: Peer {other}{text}")
            for other in told:
                say(other, f"received the 'not interested' message from {one}.")
            for other in leechers:
                if other != one and not have[other][piece]:
                    lacking[other][one] += 1
                    if lacking[other][one] == 1:
                        say(one, f"received the 'interested' message from {other}.")
            if number + 1 == pieces:
                say(seed, f"received the 'not interested' message from {one}.")
        for one in ids:
            lines += len(logs[one])
            files[one].writelines(logs[one])
            logs[one] = []
    for file in files.values():
        file.close()
    return lines


if __name__ == "__main__":
    print(
        write(
            Path(sys.argv[1]),
            int(sys.argv[2]),
            int(sys.argv[3]),
            whole_seconds="--seconds" in sys.argv,
        )
    )

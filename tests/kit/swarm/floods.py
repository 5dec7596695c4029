"""How long an honest transfer takes beside a neighbor that floods (spec 3.7), as a table.

`python -m tests.kit.swarm.floods` runs a seed, a leecher and a flooder that is connected to both. The control
is the same transfer beside the same flooder, which burns its processor without being connected.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime as dt
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.kit.swarm.swarms import ROOT, Swarm, ours, played
from tests.reference import wire
from tests.reference.wire import Type, frame

GIVE_UP = 120.0
"""Seconds after which a transfer counts as stuck."""
SEED, LEECHER, FLOODER = 1001, 1002, 1003
PIECES, PIECE_SIZE = 1500, 16 * 1024
BLOCK = 64 * 1024
"""Bytes that the flooder sends at once."""


def _changing_interest() -> bytes:
    return frame(Type.INTERESTED) + frame(Type.NOT_INTERESTED)


FLOODS: dict[str, bytes] = {
    "chokes": frame(Type.CHOKE),
    "chokes and unchokes": frame(Type.CHOKE) + frame(Type.UNCHOKE),
    "interest": frame(Type.INTERESTED),
    "changing interest": _changing_interest(),
    "one have": wire.have(1),
    "all haves": b"".join(map(wire.have, range(PIECES))),
    "bitfields": wire.bitfield(range(1, PIECES, 3), PIECES),
    "requests": b"".join(map(wire.request, range(PIECES))),
    "unknown types": frame(200),
    "long unknown types": frame(200, bytes(PIECE_SIZE)),
    "unasked pieces": wire.piece(5, bytes(PIECE_SIZE)),
    "connections": b"",
}
"""What is sent again and again behind a good handshake."""


class Flooder:
    """The process that floods: one thread for each port, none of which ever rests."""

    def __init__(self, kind: str, ports: list[int]) -> None:
        unit = FLOODS[kind]
        self._block = unit * max(1, BLOCK // max(1, len(unit))) if unit else b""
        self._ports = ports

    def run(self) -> None:
        """Flood for ever; to itself where there are no ports."""
        loops = [threading.Thread(target=self._flood, args=(port,)) for port in self._ports]
        for loop in loops or [threading.Thread(target=self._burn)]:
            loop.start()

    def _flood(self, port: int) -> None:
        while True:
            with (
                contextlib.suppress(OSError),
                socket.create_connection(("127.0.0.1", port)) as sock,
            ):
                sock.sendall(wire.handshake(FLOODER))
                if not self._block:
                    sock.recv(wire.HANDSHAKE_BYTES)
                    continue
                threading.Thread(target=self._drain, args=(sock,), daemon=True).start()
                while True:
                    sock.sendall(self._block)

    def _burn(self) -> None:
        near, far = socket.socketpair()
        threading.Thread(target=self._drain, args=(far,), daemon=True).start()
        while True:
            near.sendall(self._block or wire.handshake(FLOODER))

    def _drain(self, sock: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while sock.recv(BLOCK):
                pass


@dataclass(frozen=True)
class Row:
    """One line of the table: medians, in seconds."""

    kind: str
    control: float
    flooded: float

    @property
    def ratio(self) -> float:
        """How many times as long the transfer took."""
        return self.flooded / self.control


@contextlib.contextmanager
def flooding(kind: str, ports: list[int]) -> Iterator[None]:
    """Flood these ports meanwhile, or burn the processor where there are none."""
    command = [sys.executable, "-m", "tests.kit.swarm.floods", "--flood", kind, *map(str, ports)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.kill()
        process.wait()


def transfer_time(kind: str, *, connected: bool) -> float:
    """Seconds from the leecher's first piece to its last, by its own log."""
    with (
        tempfile.TemporaryDirectory() as folder,
        Swarm(
            Path(folder),
            ours(SEED, seed=True),
            ours(LEECHER),
            played(FLOODER),
            pieces=PIECES,
            piece_size=PIECE_SIZE,
            k=2,
            p=1.0,
            m=1.0,
        ) as swarm,
    ):
        ports = [swarm.ports[SEED], swarm.ports[LEECHER]] if connected else []
        swarm.start(SEED, LEECHER)
        swarm.await_line(SEED, f"is connected from Peer {LEECHER}")
        with flooding(kind, ports):
            swarm.await_condition(swarm.copy_of(LEECHER).exists, GIVE_UP, "complete")
        return seconds_of_pieces(swarm.workdirs[LEECHER] / f"log_peer_{LEECHER}.log")


def seconds_of_pieces(log: Path) -> float:
    """From the first downloaded piece to the last; a flooded log doesn't fit into memory."""
    with log.open() as lines:
        times = [line.split(": ", 1)[0] for line in lines if "has downloaded the piece" in line]
    first, last = map(dt.datetime.fromisoformat, (times[0], times[-1]))
    return (last - first).total_seconds()


def measure(kind: str, runs: int) -> Row:
    """Control and flood by turns, so that what else the machine does meets both."""
    control, flooded = [], []
    for _ in range(runs):
        control.append(transfer_time(kind, connected=False))
        flooded.append(transfer_time(kind, connected=True))
    return Row(kind, statistics.median(control), statistics.median(flooded))


def main() -> None:
    """Print the table, or be the flooder."""
    parser = argparse.ArgumentParser(prog="python -m tests.kit.swarm.floods", description=__doc__)
    parser.add_argument("--runs", type=int, default=3, help="runs of each kind (default: 3)")
    parser.add_argument("--only", choices=FLOODS, action="append", help="this flood only")
    parser.add_argument("--flood", nargs="+", metavar=("KIND", "PORT"), help="be the flooder")
    arguments = parser.parse_args()
    if arguments.flood:
        kind, *ports = arguments.flood
        Flooder(kind, list(map(int, ports))).run()
        return
    print("| flood | control | beside the flood | ratio |\n|---|---|---|---|")
    for kind in arguments.only or FLOODS:
        row = measure(kind, arguments.runs)
        print(
            f"| {kind} | {row.control:.2f} s | {row.flooded:.2f} s | {row.ratio:.2f} |", flush=True
        )


if __name__ == "__main__":
    main()

"""How long a swarm takes where bandwidth is limited, beside what no swarm could beat.

`python -m tests.kit.hosts.completion` makes hosts in miniature that each send and receive at most RATE, runs
one seed and some leechers on them, and writes a table. The time counts from the start of the last
peer's process to the last leecher's complete file. The bound takes data for a fluid that is shared
perfectly: `max(F/u, F/d, N F / (u_s + sum of u))`, F being the file, and each rate what a plain TCP
stream between two of the same hosts delivers.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from tests.kit.hosts.host import Host
from tests.kit.hosts.lab import Lab
from tests.kit.hosts.needs import missing
from tests.kit.hosts.swarm import HostSwarm

MIB = 1 << 20
PIECE_SIZE = 64 << 10
STREAM_SECONDS = 3.0
"""How long a plain stream is measured, after its first second."""
TIMES_THE_BOUND, TO_SPARE = 4, 60.0
"""A swarm that takes so many times the bound, and so many seconds more, is given up."""
EXIT_STATUSES = """\
exit statuses:
  0    measured
  1    a swarm didn't complete, or the hosts can't be made on this machine
  2    wrong use

example:
  python -m tests.kit.hosts.completion --leechers 2 --k 4
"""

SEND = """
import socket, sys
sock = socket.create_connection((sys.argv[1], 7000))
while True:
    sock.sendall(bytes(1 << 16))
"""
RECEIVE = """
import socket, sys, time
server = socket.create_server(("", 7000))
print("ready", flush=True)
sock = server.accept()[0]
def take(seconds):
    count, end = 0, time.monotonic() + seconds
    while time.monotonic() < end:
        count += len(sock.recv(1 << 16))
    return count
take(1)
begin = time.monotonic()
count = take(float(sys.argv[1]))
print(count / (time.monotonic() - begin), flush=True)
"""


@dataclass(frozen=True, slots=True)
class Row:
    """One swarm's figures; times in seconds, the rate in bytes a second."""

    leechers: int
    k: int
    rate: float
    bound: float
    first: float
    """When the first leecher was complete."""
    last: float

    @property
    def ratio(self) -> float:
        """The swarm's time beside the bound."""
        return self.last / self.bound


def plain_rate(sender: Host, receiver: Host) -> float:
    """Bytes a second that a plain TCP stream delivers."""
    command = ["python3", "-c", RECEIVE, str(STREAM_SECONDS)]
    taking = receiver.start(command, stdout=subprocess.PIPE, text=True)
    assert taking.stdout is not None
    assert taking.stdout.readline() == "ready\n"
    sending = sender.start(
        ["python3", "-c", SEND, receiver.name],
        stderr=subprocess.DEVNULL,
    )
    rate = float(taking.communicate()[0])
    sending.wait()
    return rate


def fluid_bound(size: float, leechers: int, *, up: float, down: float) -> float:
    """Seconds in which one seed and its leechers can at best be done; rates in bytes a second."""
    return max(size / up, size / down, leechers * size / ((1 + leechers) * up))


def completions(swarm: HostSwarm, begin: float) -> list[float]:
    """When each leecher's log says that it is complete, in seconds after `begin`."""
    found = []
    for peer_id in swarm.hosts:
        line = re.search(r"(?m)^(\S+): .* has downloaded the complete file\.$", swarm.log(peer_id))
        if line:
            found.append(datetime.fromisoformat(line[1]).astimezone(UTC).timestamp() - begin)
    return sorted(found)


def measure(folder: Path, arguments: argparse.Namespace, leechers: int, k: int) -> Row:
    """Run one swarm; AssertionError with a report if it doesn't complete."""
    with Lab(folder / "lab", hosts=1 + leechers, rate=arguments.rate * 1e6) as lab:
        rate = plain_rate(lab.hosts[0], lab.hosts[1])
        pieces = arguments.size * MIB // PIECE_SIZE
        swarm = HostSwarm(lab, pieces=pieces, piece_size=PIECE_SIZE, k=k, p=1, m=3)
        bound = fluid_bound(pieces * PIECE_SIZE, leechers, up=rate, down=rate)
        swarm.start(arguments=["--trace"] if arguments.keep else [])
        begin = time.time()
        ends = swarm.await_end(TIMES_THE_BOUND * bound + TO_SPARE)
        assert set(ends.values()) == {0}, swarm.report()
        swarm.assert_copies()
        if arguments.keep:
            swarm.judge(folder=arguments.keep / f"leechers-{leechers}-k-{k}")
        times = completions(swarm, begin)
        return Row(leechers, k, rate, bound, times[0], times[-1])


def render(rows: list[Row]) -> str:
    """The table."""
    lines = ["leechers   k   plain stream     bound    first     last   ratio"]
    lines += [
        f"{row.leechers:8}{row.k:4}{row.rate * 8e-6:9.2f} Mbit/s{row.bound:8.2f} s{row.first:7.2f} s"
        f"{row.last:7.2f} s{row.ratio:8.3f}"
        for row in rows
    ]
    return "\n".join(lines)


def parse_arguments(argv: list[str] | None = None) -> argparse.Namespace:
    """Read the command line; exits with status 2 where it is wrong."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.kit.hosts.completion",
        description="Time swarms across hosts in miniature with limited bandwidth.",
        epilog=EXIT_STATUSES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--leechers", type=int, nargs="+", default=[2, 7], metavar="N")
    parser.add_argument("--k", type=int, nargs="+", default=[2, 4], metavar="K")
    parser.add_argument("--rate", type=float, default=20, help="Mbit/s at each host (default: 20)")
    parser.add_argument("--size", type=int, default=100, help="MiB of the file (default: 100)")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="keep logs and traces there")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    """Measure all swarms that were asked for; the exit status."""
    arguments = parse_arguments(argv)
    if reason := missing():
        print(reason, file=sys.stderr)
        return 1
    rows = []
    for leechers in arguments.leechers:
        for k in arguments.k:
            with tempfile.TemporaryDirectory(prefix="swarmproof-completion-") as folder:
                try:
                    rows.append(measure(Path(folder), arguments, leechers, k))
                except AssertionError as error:
                    print(f"{leechers} leechers, k={k}: {error}", file=sys.stderr)
                    return 1
            print(render(rows), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())

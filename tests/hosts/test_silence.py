"""Connections that die without a word are noticed, told and replaced (spec 2.4, 2.5, 2.9)."""

from __future__ import annotations

import re
import signal
import time
from pathlib import Path

import pytest

from tests.kit.hosts.host import Host
from tests.kit.hosts.lab import Lab
from tests.kit.hosts.swarm import HostSwarm

pytestmark = pytest.mark.swarm

NOTICED_WITHIN = 30.0
"""Seconds from the moment when the cable is pulled (spec 2.9)."""
SLOW = ("--trace", "--rate=50000")
"""An upload limit under which the file takes far longer than a dead connection."""


def await_loss(swarm: HostSwarm, peer_id: int, neighbor: int, within: float) -> None:
    words = f"connection with peer {neighbor} lost: nothing was acknowledged or taken for 25 s"
    swarm.await_diagnostic(peer_id, words, within)


def unacknowledged(host: Host) -> int:
    """Bytes that are sent on the host's connections and not acknowledged."""
    established = "01"
    rows = [line.split() for line in host.run(["cat", "/proc/net/tcp"]).stdout.splitlines()[1:]]
    return sum(int(row[4].partition(":")[0], 16) for row in rows if row[3] == established)


def test_silence_is_noticed(tmp_path: Path) -> None:
    """A pulled cable is noticed within 30 s at both ends, with data under way or idle, and who was lost is dialled again (spec 2.5, 2.9).

    The cable of a seed is pulled. Its connection with the other seed is idle; on that with the leecher,
    which gets pieces from both, pieces are under way in one direction and haves in the other.
    """
    with Lab(tmp_path / "lab", hosts=3) as lab:
        swarm = HostSwarm(lab, seeds=2, pieces=1000, piece_size=16_384)
        swarm.start(arguments=SLOW)
        for seed in (1001, 1002):
            swarm.await_log(1003, f"has downloaded the piece .* from {seed}", 20)
        lab.hosts[0].unplug()
        pulled = time.monotonic()
        for peer_id, neighbor in ((1003, 1001), (1002, 1001), (1001, 1002), (1001, 1003)):
            await_loss(swarm, peer_id, neighbor, pulled + NOTICED_WITHIN - time.monotonic())
        lab.hosts[0].plug()
        for neighbor in (1002, 1003):
            again = rf"(?s)is connected from Peer {neighbor}\..*is connected from Peer {neighbor}\."
            swarm.await_log(1001, again, 20)
            assert len(re.findall("makes a connection to Peer 1001", swarm.log(neighbor))) == 2


@pytest.mark.thorough
def test_a_neighbor_that_is_stopped(tmp_path: Path) -> None:
    """A neighbor that is alive but takes nothing is dropped within 30 s, and completes when it goes on (spec 2.9).

    A piece is larger than all buffers between two peers, else what is under way would fit in there.
    """
    with Lab(tmp_path / "lab", hosts=2) as lab:
        swarm = HostSwarm(lab, pieces=4, piece_size=16 << 20)
        swarm.start(arguments=("--trace", "--rate=20MB"))
        swarm.await_log(1002, "has downloaded", 20)
        swarm.processes[1002].send_signal(signal.SIGSTOP)
        await_loss(swarm, 1001, 1002, NOTICED_WITHIN)
        swarm.processes[1002].send_signal(signal.SIGCONT)
        assert set(swarm.await_end(30).values()) == {0}
        swarm.assert_copies()


def test_the_new_connection_replaces_the_dead_one(tmp_path: Path) -> None:
    """A host that vanished and is back replaces its old connection, which the other end still holds (spec 2.4).

    The connection is idle, else the host would reset it as soon as what is unacknowledged comes again.
    """
    with Lab(tmp_path / "lab", hosts=3) as lab:
        swarm = HostSwarm(lab, seeds=2, pieces=20, piece_size=16_384)
        swarm.start(1001, 1002)
        for peer_id, neighbor in ((1001, 1002), (1002, 1001)):
            swarm.await_log(peer_id, f"'not interested' message from {neighbor}", 20)
        swarm.await_condition(lambda: not unacknowledged(lab.hosts[0]), 20, "all is acknowledged")
        lab.hosts[1].vanish()
        lab.reboot(lab.hosts[1])
        swarm.start(1002, 1003)
        assert set(swarm.await_end(20).values()) == {0}
        swarm.assert_copies()
        trace = (swarm.workdir(1001) / "trace_peer_1001.jsonl").read_text()
        assert '"cause":"replaced"' in trace
        report = swarm.judge()
        assert report.status == 0, report.text

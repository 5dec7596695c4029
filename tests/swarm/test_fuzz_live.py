"""Acceptance E: live peers under fuzzed frames, silent connections and none left to accept with."""

from __future__ import annotations

import contextlib
import re
import resource
import signal
import socket
import time
from contextlib import ExitStack
from pathlib import Path
from threading import Thread

import pytest

from tests.kit.effort import examples, thorough
from tests.kit.swarm.swarms import FILE_NAME, Swarm, ours, played
from tests.reference import wire
from tests.reference.fuzz import FuzzedFrames
from tests.reference.hostile import Intruder, wait_until_listening

pytestmark = pytest.mark.swarm

SEED, LEECHER, MUTE, SLOW = 1001, 1002, 1003, 1004
PIECES, PIECE_SIZE = 60, 1024
MOST_MEMORY = 100 * 1024
"""KiB that a peer may ever have had."""


def peak_memory(process_id: int) -> int:
    """The most memory that a process ever had, in KiB (VmHWM)."""
    status = Path(f"/proc/{process_id}/status").read_text()
    return int(re.findall(r"VmHWM:\s+(\d+) kB", status)[0])


class Attackers(Thread):
    """Listed peers that each connect once to one port and send fuzzed frames."""

    def __init__(self, port: int, ids: list[int], frames: int, *, to_leecher: bool) -> None:
        super().__init__(daemon=True)
        self.port, self.ids, self.frames, self.to_leecher = port, ids, frames, to_leecher
        self.sent = 0

    def run(self) -> None:
        """Thread: one connection after the other."""
        for peer_id in self.ids:
            fuzz = FuzzedFrames(peer_id, PIECES, PIECE_SIZE, PIECE_SIZE // 2)
            if self.to_leecher:
                # Whoever claims to have pieces is asked for them, and nothing tells wrong content.
                fuzz.kinds = ["word", "request", "other"]
            with Intruder(self.port) as intruder:
                data = wire.handshake(peer_id) + fuzz.stream(self.frames)
                intruder.send(data)
                with contextlib.suppress(OSError):  # closed by the other end already
                    intruder.sock.shutdown(socket.SHUT_WR)
                assert intruder.received_until_closed() is not None  # so all was read
                self.sent += self.frames


class Trickle(Thread):
    """A listed peer that sends what is right, a byte at a time, until told to stop."""

    def __init__(self, port: int, peer_id: int) -> None:
        super().__init__(daemon=True)
        self.port, self.peer_id, self.stopped = port, peer_id, False

    def run(self) -> None:
        """Thread: keep the peer waiting for the rest."""
        stream = wire.handshake(self.peer_id) + wire.bitfield((), PIECES) + wire.have(1) * 1000
        with Intruder(self.port) as slow:
            for at in range(len(stream)):
                if self.stopped:
                    return
                slow.send(stream[at : at + 1])
                time.sleep(0.005)


def never_reads(port: int, peer_id: int) -> Intruder:
    """A listed peer that asks for everything again and again, and reads nothing."""
    mute = Intruder(port)
    mute.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    mute.send(wire.handshake(peer_id) + wire.bitfield((), PIECES) + wire.frame(2))
    return mute


@pytest.mark.timeout(600)
def test_live_peers_survive_fuzzed_frames(tmp_path: Path) -> None:
    """Whatever comes over the wire, memory stays bounded, the honest are served and no process dies (spec 3.5, 4.9)."""
    ids = list(range(2001, 2001 + examples(50)))
    rate = 5_000 if thorough() else 25_000  # so that the transfer lasts as long as the attack
    frames = 250 if thorough() else 40  # half of the streams break the protocol at once
    members = (
        ours(SEED, f"--rate={rate}", seed=True),
        ours(LEECHER),
        *map(played, [MUTE, SLOW, *ids]),
    )
    with (
        Swarm(tmp_path, *members, pieces=PIECES - 0.5, piece_size=PIECE_SIZE, k=3) as swarm,
        ExitStack() as stack,
    ):
        swarm.start(SEED, LEECHER)
        ports = swarm.ports[SEED], swarm.ports[LEECHER]
        for port in ports:
            wait_until_listening(port)
        mute = stack.enter_context(never_reads(ports[0], MUTE))
        slow = Trickle(ports[0], SLOW)
        attackers = [
            Attackers(port, ids[half::2], frames, to_leecher=port == ports[1])
            for port in ports
            for half in (0, 1)
        ]
        for thread in (slow, *attackers):
            thread.start()
        silent = [stack.enter_context(Intruder(ports[n % 2])) for n in range(examples(50))]
        for attacker in attackers:
            while attacker.is_alive():
                mute.send(b"".join(map(wire.request, range(PIECES))))
                attacker.join(0.2)
        swarm.await_line(LEECHER, "downloaded the complete file", within=300)
        slow.stopped = True
        assert len(silent) == examples(50)
        assert sum(attacker.sent for attacker in attackers) == 2 * len(ids) * frames
        assert (
            swarm.copy_of(LEECHER).read_bytes()
            == (tmp_path / f"peer_{SEED}" / FILE_NAME).read_bytes()
        )
        check_alive(swarm)


def check_alive(swarm: Swarm) -> None:
    """Both run, had little memory, told why they closed what, and end in order when asked to."""
    for peer_id in (SEED, LEECHER):
        process = swarm.processes[peer_id]
        assert process.poll() is None, swarm.report()
        assert peak_memory(process.pid) < MOST_MEMORY
        assert "broke the protocol" in swarm.diagnostics(peer_id)
        swarm.check_log(peer_id)
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 143
        assert "Traceback" not in swarm.diagnostics(peer_id)


def test_no_file_descriptor_left_at_accept(tmp_path: Path) -> None:
    """A peer that can accept nobody says so, goes on, and accepts again when it can (design 3)."""
    with Swarm(tmp_path, ours(SEED, seed=True), ours(LEECHER)) as swarm, ExitStack() as stack:
        swarm.start(SEED)
        port = swarm.ports[SEED]
        wait_until_listening(port)
        limit = len(list(Path(f"/proc/{swarm.processes[SEED].pid}/fd").iterdir())) + 8
        resource.prlimit(swarm.processes[SEED].pid, resource.RLIMIT_NOFILE, (limit, limit))
        for _ in range(30):
            stack.enter_context(Intruder(port))
        swarm.await_diagnostic(SEED, "can't accept connections for the moment")
        swarm.start(LEECHER)
        stack.close()
        swarm.complete()

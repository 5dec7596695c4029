"""Acceptance, bad input: whoever breaks the protocol is cut off with a reason; the swarm goes on."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.kit.swarm.swarms import Swarm, ours, played
from tests.reference import wire
from tests.reference.hostile import (
    BAD_HANDSHAKES,
    BadListener,
    Intruder,
    claim_complete,
    offences,
    read_to_the_end,
    wait_until_listening,
)
from tests.reference.link import start

pytestmark = pytest.mark.swarm

PIECES, PIECE_SIZE = 21, 4096
OFFENCES = offences(PIECES, PIECE_SIZE)
OFFENDERS = dict(enumerate(OFFENCES, start=1101))
LISTENER, SEED, LEECHER, UNASKED, HALF, UNKNOWN = 1000, 1001, 1002, 1201, 1202, 9999
SCRIPT = [
    BAD_HANDSHAKES["garbage"],
    BAD_HANDSHAKES["header of 2011"],
    wire.handshake(SEED),  # somebody else's id
    wire.handshake(LISTENER)[:20],
    wire.handshake(LISTENER) + bytes(4),  # a good handshake, then a frame of length 0
]


def peak_memory(process_id: int) -> int:
    """The most memory that a process ever had, in KiB (VmHWM)."""
    status = Path(f"/proc/{process_id}/status").read_text()
    return int(re.findall(r"VmHWM:\s+(\d+) kB", status)[0])


@pytest.fixture
def swarm(tmp_path: Path) -> Iterator[Swarm]:
    members = (
        played(LISTENER, seed=True),
        ours(SEED, seed=True),
        ours(LEECHER),
        *map(played, [*OFFENDERS, UNASKED, HALF]),
    )
    with Swarm(tmp_path, *members, pieces=PIECES - 0.5, piece_size=PIECE_SIZE) as made:
        yield made


def refuse_handshakes(swarm: Swarm) -> None:
    """A wrong header, an unknown id, one's own and one listed before are refused."""
    port = swarm.ports[SEED]
    ids = {"unknown id": UNKNOWN, "own id": SEED, "id listed before": LISTENER, "id 0": 0}
    cases = BAD_HANDSHAKES | {name: wire.handshake(number) for name, number in ids.items()}
    for name, data in cases.items():
        with Intruder(port) as intruder:
            answer = intruder.send(data).received_until_closed()
            assert answer is not None, f"{name}: not closed"
            assert answer in (b"", wire.handshake(SEED)), name  # nothing behind the handshake
            if name == "header of 2011":
                swarm.await_diagnostic(SEED, "CEN5501C2008SPRING")
    assert swarm.count(SEED, f"is connected from Peer ({UNKNOWN}|{SEED}|{LISTENER}|0)") == 0


def punish_offences(swarm: Swarm) -> None:
    """Each protocol error closes the connection with a reason that names the neighbor."""
    for peer_id, name in OFFENDERS.items():
        with Intruder(swarm.ports[SEED]) as intruder:
            intruder.send(wire.handshake(peer_id) + OFFENCES[name])
            assert intruder.received_until_closed() is not None, f"{name}: not closed"
        swarm.await_diagnostic(SEED, str(peer_id))
        assert swarm.count(SEED, f"is connected from Peer {peer_id}") == 1, name


def test_all_offences_against_one_live_swarm(swarm: Swarm) -> None:
    """Each offence costs its own connection only; the swarm completes with status 0 (spec 2.4, 3.5).

    The offenders come back after their pause and behave, since all listed peers must be complete.
    """
    with ExitStack() as stack:
        swarm.start(SEED)
        wait_until_listening(swarm.ports[SEED])
        silent = stack.enter_context(Intruder(swarm.ports[SEED]))
        refuse_handshakes(swarm)
        punish_offences(swarm)
        assert peak_memory(swarm.processes[SEED].pid) < 100 * 1024, "memory for 4 GiB was reserved"

        half = stack.enter_context(Intruder(swarm.ports[SEED]))
        half.send(wire.handshake(HALF) + wire.piece(0, bytes(PIECE_SIZE))[:100])
        unasked = stack.enter_context(Intruder(swarm.ports[SEED]))
        unasked.send(wire.handshake(UNASKED) + wire.piece(0, bytes(PIECE_SIZE)))

        listener = stack.enter_context(BadListener(swarm.ports[LISTENER], LISTENER, SCRIPT, PIECES))
        swarm.start(LEECHER)
        swarm.await_line(LEECHER, "downloaded the complete file")
        with Intruder(swarm.ports[SEED], source="127.0.0.2") as thief:
            thief.send(wire.handshake(LEECHER))
            assert thief.received_until_closed() is not None, "an id was taken over"
        assert swarm.count(SEED, f"is connected from Peer {LEECHER}") == 1

        unasked.send(wire.bitfield(range(PIECES), PIECES))
        assert unasked.answered(), "a piece that nobody asked for ended the connection"
        assert half.received_until_closed(within=0.01) is None, "half a frame is no offence"
        for peer_id in [*OFFENDERS, UNASKED, HALF]:
            for port in (swarm.ports[SEED], swarm.ports[LEECHER]):
                claim = stack.enter_context(claim_complete(port, peer_id, PIECES))
                start(read_to_the_end, claim.sock)
        swarm.complete()
        assert set(listener.dials.values()) == {len(SCRIPT) + 1}
        silent.sock.close()
    assert "Traceback" not in swarm.diagnostics(SEED) + swarm.diagnostics(LEECHER)


def test_unfinished_handshakes_are_limited(tmp_path: Path) -> None:
    """The 65th unfinished handshake costs the oldest its place (spec 2.4)."""
    with Swarm(tmp_path, ours(1001, seed=True), ours(1002)) as swarm, ExitStack() as stack:
        swarm.start(1001)
        wait_until_listening(swarm.ports[1001])
        first = stack.enter_context(Intruder(swarm.ports[1001]))
        others = [stack.enter_context(Intruder(swarm.ports[1001])) for _ in range(64)]
        assert first.received_until_closed() is not None
        assert others[0].received_until_closed(within=0.2) is None
        swarm.start(1002)  # and a good one still gets through
        swarm.complete()


@pytest.mark.thorough
def test_silent_handshake_is_dropped(tmp_path: Path) -> None:
    """A handshake that isn't complete after 10 s is refused (spec 2.4)."""
    with Swarm(tmp_path, ours(1001, seed=True), ours(1002)) as swarm:
        swarm.start(1001)
        wait_until_listening(swarm.ports[1001])
        begin = time.monotonic()
        with Intruder(swarm.ports[1001]) as silent, Intruder(swarm.ports[1001]) as slow:
            slow.send(wire.handshake(1002)[:31])
            assert silent.received_until_closed(within=15) is not None
            assert slow.received_until_closed(within=5) is not None
            assert 9 < time.monotonic() - begin < 13
        swarm.start(1002)
        swarm.complete()


@pytest.mark.thorough
def test_pause_after_a_protocol_error(tmp_path: Path) -> None:
    """Comebacks before the pause of 1 s, doubling, are refused before anything is logged (3.5)."""
    with Swarm(tmp_path, ours(1001, seed=True), ours(1002)) as swarm:
        swarm.start(1001)
        port = swarm.ports[1001]
        wait_until_listening(port)
        for pause in (1, 2, 4):
            with Intruder(port) as intruder:
                assert intruder.send(wire.handshake(1002) + wire.have(9999)).received_until_closed()
            closed = time.monotonic()
            lines = len(swarm.log(1001))
            while time.monotonic() - closed < pause - 0.2:
                with Intruder(port) as early:
                    early.send(wire.handshake(1002) + wire.bitfield((), swarm.pieces))
                    assert not early.answered()
                time.sleep(0.1)
            assert len(swarm.log(1001)) == lines
            time.sleep(closed + pause + 0.1 - time.monotonic())
        swarm.start(1002)
        swarm.complete()

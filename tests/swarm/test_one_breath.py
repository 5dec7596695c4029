"""What one segment brings to a live peer is taken as a whole: what is overtaken in it isn't sent (spec 6.2)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.kit.swarm.swarms import Swarm, ours, played
from tests.reference import wire
from tests.reference.hostile import Intruder, wait_until_listening

pytestmark = pytest.mark.swarm

PIECE_SIZE = 512
CHOKE, UNCHOKE = wire.frame(wire.Type.CHOKE), wire.frame(wire.Type.UNCHOKE)


class PlayedSeed(Intruder):
    """A seed that dials our leecher and sends what it is told to."""

    def await_frame(self, wanted: int) -> bytes:
        """Read up to the next message of a type; its payload."""
        while True:
            size = int.from_bytes(wire.read_exact(self.sock.recv, 4), "big")
            data = wire.read_exact(self.sock.recv, size)
            if data[0] == wanted:
                return data[1:]
            assert data[0] != wire.Type.REQUEST, "a request that was not to come"

    def await_request(self) -> int:
        return int.from_bytes(self.await_frame(wire.Type.REQUEST), "big")


def test_what_a_choke_overtakes_in_its_segment_is_not_asked_for(tmp_path: Path) -> None:
    """Unchoke and choke in one segment lead to no request; piece, choke, unchoke to one, not two (spec 6.2, 6.4)."""
    with Swarm(tmp_path, ours(1001), played(1002, seed=True), piece_size=PIECE_SIZE) as swarm:
        swarm.start(1001)
        wait_until_listening(swarm.ports[1001])
        with PlayedSeed(swarm.ports[1001]) as seed:
            seed.send(wire.handshake(1002) + wire.bitfield(range(swarm.pieces), swarm.pieces))
            assert seed.answered()
            seed.send(UNCHOKE + CHOKE)
            swarm.await_line(1001, "is choked by 1002")
            seed.send(UNCHOKE)
            piece = seed.await_request()
            left = set(range(swarm.pieces))
            while len(left) > 1:
                content = swarm.content[piece * PIECE_SIZE :][:PIECE_SIZE]
                left.remove(piece)
                seed.send(wire.piece(piece, content) + CHOKE + UNCHOKE)
                piece = seed.await_request()
                assert piece in left
            seed.send(wire.piece(piece, swarm.content[piece * PIECE_SIZE :][:PIECE_SIZE]))
            swarm.await_line(1001, "has downloaded the complete file")
            seed.await_frame(wire.Type.NOT_INTERESTED)  # and no request before it

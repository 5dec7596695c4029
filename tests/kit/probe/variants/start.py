"""ST and CF: it doesn't start, or misreads its configuration."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.kit.probe.variants.kit import around, replace, variant
from tests.reference import peer, wire
from tests.reference.choking import Choking
from tests.reference.files import Copy, Listed, Settings
from tests.reference.link import start
from tests.reference.peer import Peer

KEYS = ("NumberOfPreferredNeighbors", "UnchokingInterval", "OptimisticUnchokingInterval", "FileName", "FileSize", "PieceSize")  # fmt: skip


def made(common: dict[str, str], rows: list[list[str]]) -> Settings:
    """Settings of the values that a variant's own reading found."""
    k, p, m, name, size, piece = (common[key] for key in KEYS)
    peers = tuple(Listed(int(row[0]), row[1], int(row[2]), row[3].strip() == "1") for row in rows)
    return Settings(int(k), float(p), float(m), name.strip(), int(size), int(piece), peers)


def texts(workdir):
    """Both configuration files."""
    return [(workdir / name).read_bytes().decode() for name in ("Common.cfg", "PeerInfo.cfg")]


@variant("ST-01", peer, "listen")
def listens_elsewhere(right, host, port):
    """It listens on a port of its own."""
    return right(host, port + 1)


@variant("ST-01")
def wants_other_files():
    """It looks for the configuration in a folder that isn't there."""
    replace(peer, "read_settings", lambda workdir: texts(workdir / "config"))


@variant("ST-02", Peer, "accept")
def accepts_once(right, self, listener):
    """The thread that accepts ends after one connection."""
    try:
        sock, address = listener.accept()
    except OSError:
        return
    start(self.converse, sock, address)


@variant("ST-03")
def folder_without_prefix():
    """The file lies in [id]/, as in the sample data of the course."""

    class Under:
        def __init__(self, base) -> None:
            self.base = base

        def __truediv__(self, name) -> Path:
            found: Path = self.base / name.removeprefix("peer_")
            return found

    @around(Copy, "__init__")
    def init(right, self, workdir, settings, me):
        right(self, Under(workdir), settings, me)


@variant("ST-04")
def stack_trace():
    """A thread dies of an exception that nobody catches."""

    def fail():
        raise RuntimeError("a thread that nobody misses")

    @around(Peer, "run")
    def run(right, self, timeout):
        start(fail)
        return right(self, timeout)


@variant("CF-01")
def lines_in_fixed_order():
    """Common.cfg is read line by line, without a look at the keys."""

    def read(workdir):
        common, peers = texts(workdir)
        words = [line.split() for line in common.splitlines() if not line.startswith("#")]
        values = [line[-1] for line in words if line]
        return made(dict(zip(KEYS, values, strict=True)), [row.split() for row in peers.split("\n") if row.strip()])  # fmt: skip

    replace(peer, "read_settings", read)


@variant("CF-02")
def last_line_dropped():
    """What stands behind the last line end isn't read."""

    def read(workdir):
        common, peers = (text.split("\n")[:-1] for text in texts(workdir))
        words = [line.split() for line in common]
        return made({line[0]: line[1] for line in words if line}, [row.split() for row in peers if row.strip()])  # fmt: skip

    replace(peer, "read_settings", read)


@variant("CF-03")
def split_at_each_blank():
    """Lines are split at each single blank."""

    def read(workdir):
        common, peers = (text.splitlines() for text in texts(workdir))
        words = [line.split(" ") for line in common if line]
        return made({line[0]: line[1] for line in words}, [row.split(" ") for row in peers if row])

    replace(peer, "read_settings", read)


@variant("CF-04", Copy, "__init__")
def loop_from_the_second_piece(right, self, workdir, settings, me):
    """With a single piece the loop over the pieces never runs."""
    right(self, workdir, settings, me)
    if settings.piece_count == 1:
        self.have.clear()


@variant("CF-05")
def one_piece_more():
    """Pieces are counted as size / piece + 1."""
    count = property(lambda self: self.file_size // self.piece_size + 1)
    replace(Settings, "piece_count", count)


@variant("CF-06", Choking, "choose_preferred")
def first_k_of_a_shorter_list(right, self):
    """The first k neighbors are taken where there are fewer."""
    everybody = list(self.peer.links.values())
    assert [everybody[i] for i in range(self.peer.settings.k)]
    right(self)


@variant("CF-07", peer, "read_settings")
def refuses_m_below_p(right, workdir):
    """It ends where the optimistic interval is the shorter one."""
    found = right(workdir)
    if found.m < found.p:
        sys.exit("OptimisticUnchokingInterval must not be below UnchokingInterval")
    return found


@variant("CF-08", wire, "handshake_id")
def id_as_a_short(right, data):
    """The id in a handshake is read as two bytes."""
    return right(data) & 0xFFFF


@variant("CF-09", peer, "read_settings")
def only_one_seed(right, workdir):
    """It ends where more than one peer is marked as having the file."""
    found = right(workdir)
    if sum(one.has_file for one in found.peers) > 1:
        sys.exit("more than one peer has the file")
    return found

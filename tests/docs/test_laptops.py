"""What docs/laptops.md says that peers say, they really say."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.local import ports
from tests.kit.laptops import messages
from tests.kit.markdown import ROOT

CONFIG = ROOT / "configs" / "three-laptops"
PORT = 6401
SIZE = 10_000_232


class Laptop:
    """A machine with the page's configuration, but on a port that is free here."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        shutil.copytree(CONFIG, folder, dirs_exist_ok=True)
        self.ports = ports.free_ports(3)
        self.change("PeerInfo.cfg", f" {PORT} ", f" {self.ports[0]} ")

    def change(self, name: str, old: str, new: str) -> None:
        path = self.folder / name
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))

    def put_file(self, peer_id: int, content: bytes) -> None:
        folder = self.folder / f"peer_{peer_id}"
        folder.mkdir()
        (folder / "TheFile.dat").write_bytes(content)

    @contextmanager
    def peer(self, peer_id: int, *arguments: str) -> Iterator[Iterator[str]]:
        """Run a peer; what it says, line by line and as on the page's port."""
        command: list[str | Path] = [
            sys.executable,
            ROOT / "peerProcess.py",
            str(peer_id),
            *arguments,
        ]
        with subprocess.Popen(
            command, cwd=self.folder, stderr=subprocess.PIPE, text=True
        ) as process:
            assert process.stderr
            try:
                yield (
                    line.rstrip("\n").replace(f"port {self.ports[0]} ", f"port {PORT} ")
                    for line in process.stderr
                )
            finally:
                process.kill()


Provoke = Callable[[Laptop], Iterator[str]]


def without_file(laptop: Laptop) -> Iterator[str]:
    with laptop.peer(1001) as says:
        yield from says


def wrong_size(laptop: Laptop) -> Iterator[str]:
    laptop.put_file(1001, b"12")
    with laptop.peer(1001) as says:
        yield from says


def unlisted(laptop: Laptop) -> Iterator[str]:
    with laptop.peer(1004) as says:
        yield from says


def half_a_line(laptop: Laptop) -> Iterator[str]:
    laptop.change("PeerInfo.cfg", f"laptop-one {laptop.ports[0]} 1", "laptop-one 6401")
    with laptop.peer(1001) as says:
        yield from says


def port_in_use(laptop: Laptop) -> Iterator[str]:
    laptop.change("PeerInfo.cfg", "laptop-two", "localhost")
    with laptop.peer(1002, "--wait", "60") as first:
        next(first)  # that laptop-one isn't found: it is up
        laptop.change("PeerInfo.cfg", "laptop-one", "127.0.0.1")
        laptop.put_file(1001, bytes(SIZE))
        with laptop.peer(1001) as says:
            yield from says


def unknown_name(laptop: Laptop) -> Iterator[str]:
    with laptop.peer(1002, "--wait", "60") as says:
        yield next(says)


def another_piece_size(laptop: Laptop) -> Iterator[str]:
    for name, port in zip(("one", "two", "three"), laptop.ports, strict=True):
        laptop.change("PeerInfo.cfg", f"laptop-{name} {laptop.ports[0]}", f"127.0.0.1 {port}")
    laptop.put_file(1001, bytes(SIZE))
    with laptop.peer(1001):
        other = Laptop(laptop.folder / "other")
        shutil.copy(laptop.folder / "PeerInfo.cfg", other.folder)
        other.change("Common.cfg", "PieceSize 32768", "PieceSize 16384")
        with other.peer(1002) as says:
            yield next(says)


def alone_with_an_old_file(laptop: Laptop) -> Iterator[str]:
    laptop.put_file(1002, b"12")
    with laptop.peer(1002, "--wait", "0") as says:
        yield from says


PROVOKED: list[Provoke] = [
    without_file,
    wrong_size,
    unlisted,
    half_a_line,
    port_in_use,
    unknown_name,
    another_piece_size,
    alone_with_an_old_file,
]


def general(text: str) -> str:
    """A message without what the system says in its own words."""
    return re.sub(r"\(\[Errno [^)]*\)", "(…)", text)


def test_peers_say_what_the_page_quotes(tmp_path: Path) -> None:
    """Every message that docs/laptops.md quotes of a peer is one that a peer gives when provoked."""
    quoted = {general(message) for message in messages("### What a peer says, and what to do")}
    said = {
        general(line)
        for provoke in PROVOKED
        for line in provoke(Laptop(tmp_path / provoke.__name__))
    }
    assert quoted - said == set(), said

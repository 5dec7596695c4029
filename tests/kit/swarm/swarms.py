"""Real swarms for tests: real processes, real ports, real files, and nothing left behind."""

from __future__ import annotations

import hashlib
import os
import random
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from tests.kit.swarm.relay import Relay

ROOT = Path(__file__).resolve().parents[3]
PROGRAMS = {"ours": ROOT / "peerProcess.py", "reference": ROOT / "tests/reference/peer.py"}
FILE_NAME = "the file.dat"

# The eleven sentences (spec 8.1), behind the time, whose format is free.
ID = r"[1-9]\d*"
SENTENCES = [
    re.compile(rf".+: Peer (?P<writer>{ID}) {words}")
    for words in (
        rf"makes a connection to Peer {ID}\.",
        rf"is connected from Peer {ID}\.",
        rf"has the preferred neighbors ({ID}(,{ID})*)?\.",
        rf"has the optimistically unchoked neighbor {ID}\.",
        rf"is unchoked by {ID}\.",
        rf"is choked by {ID}\.",
        rf"received the 'have' message from {ID} for the piece \d+\.",
        rf"received the 'interested' message from {ID}\.",
        rf"received the 'not interested' message from {ID}\.",
        rf"has downloaded the piece \d+ from {ID}\. Now the number of pieces it has is \d+\.",
        r"has downloaded the complete file\.",
    )
]


@dataclass(frozen=True)
class Member:
    """One listed peer: its program (`ours`, `reference`, or `test`: the test plays it itself)."""

    peer_id: int
    program: str
    arguments: tuple[str, ...] = ()
    has_file: bool = False


def ours(peer_id: int, *arguments: str, seed: bool = False) -> Member:
    """A peer that runs the program under test."""
    return Member(peer_id, "ours", arguments, seed)


def reference(peer_id: int, *habits: str, seed: bool = False) -> Member:
    """A peer that runs the reference program with these habits."""
    return Member(peer_id, "reference", tuple(f"--habit={habit}" for habit in habits), seed)


def played(peer_id: int, *, seed: bool = False) -> Member:
    """A peer that the test itself plays."""
    return Member(peer_id, "test", (), seed)


def reserve_port() -> socket.socket:
    """A socket that keeps a free port for a peer that will listen there.

    It is bound without SO_REUSEADDR, which only one process can do, and gets the option then: now
    only a listener with the option, such as a peer, can bind there too. So any number of test runs
    can work side by side. The port is below the system's ephemeral range, where a dial to a silent
    port can't meet itself.
    """
    for port in random.sample(range(10_000, first_ephemeral_port()), 500):
        holder = socket.socket()
        try:
            holder.bind(("127.0.0.1", port))
        except OSError:
            holder.close()
            continue
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        return holder
    raise RuntimeError("no free port below the ephemeral range")


def first_ephemeral_port() -> int:
    """Where the system's own choice of ports begins."""
    path = Path("/proc/sys/net/ipv4/ip_local_port_range")
    return int(path.read_text().split()[0]) if path.exists() else 32_768


class Swarm:
    """A swarm in a folder of its own; as a context manager it ends every process it started."""

    def __init__(
        self,
        folder: Path,
        *members: Member,
        pieces: float = 24.3,
        piece_size: int = 4096,
        k: int = 2,
        p: float = 0.3,
        m: float = 0.5,
        host: str = "127.0.0.1",
    ) -> None:
        """Reserve ports, write configuration and the seeds' file of `pieces` times `piece_size`."""
        self.members = {member.peer_id: member for member in members}
        self.folder = folder
        self.host = host
        self.holders = {peer_id: reserve_port() for peer_id in self.members}
        self.ports = {i: int(holder.getsockname()[1]) for i, holder in self.holders.items()}
        self.content = random.randbytes(round(pieces * piece_size))
        self.pieces = -(-len(self.content) // piece_size)
        self.piece_size = piece_size
        self.common = (
            f"NumberOfPreferredNeighbors {k}\nUnchokingInterval {p}\n"
            f"OptimisticUnchokingInterval {m}\nFileName {FILE_NAME}\n"
            f"FileSize {len(self.content)}\nPieceSize {piece_size}\n"
        )
        self.workdirs = dict.fromkeys(self.members, folder)
        self.relays: list[Relay] = []
        self.processes: dict[int, subprocess.Popen[bytes]] = {}
        self.lifeline, self.our_end = os.pipe()
        self.write_configuration(folder, self.ports)
        for member in members:
            if member.has_file and member.program != "test":
                self.copy_of(member.peer_id).parent.mkdir()
                self.copy_of(member.peer_id).write_bytes(self.content)

    def write_configuration(self, workdir: Path, ports: dict[int, int]) -> None:
        """Write both configuration files."""
        workdir.mkdir(parents=True, exist_ok=True)
        (workdir / "Common.cfg").write_text(self.common)
        (workdir / "PeerInfo.cfg").write_text(
            "".join(
                f"{member.peer_id} {self.host} {ports[member.peer_id]} {int(member.has_file)}\n"
                for member in self.members.values()
            )
        )

    def relay(self, dialler: int, target: int) -> Relay:
        """Put a relay between two peers; the dialler gets a working directory that knows it."""
        relay = Relay(self.ports[target])
        self.relays.append(relay)
        self.workdirs[dialler] = self.folder / f"view_of_{dialler}"
        self.write_configuration(self.workdirs[dialler], self.ports | {target: relay.port})
        return relay

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self.processes.values():
            end_process(process)
        for relay in self.relays:
            relay.close()
        for holder in self.holders.values():
            holder.close()
        os.close(self.our_end)
        os.close(self.lifeline)

    # -- processes ---------------------------------------------------------------------------------

    def start(self, *peer_ids: int) -> None:
        """Start these peers, or all that aren't played by the test, in the order given."""
        for peer_id in peer_ids or self.members:
            member = self.members[peer_id]
            if member.program == "test":
                continue
            command = [sys.executable, str(PROGRAMS[member.program]), str(peer_id)]
            command += [f"--workdir={self.workdirs[peer_id]}", f"--lifeline-fd={self.lifeline}"]
            with self.diagnostics_path(peer_id).open("ab") as stderr:
                self.processes[peer_id] = subprocess.Popen(
                    [*command, *member.arguments],
                    stdin=subprocess.DEVNULL,
                    stdout=stderr,
                    stderr=stderr,
                    pass_fds=(self.lifeline,),
                    start_new_session=True,
                )

    def kill(self, peer_id: int) -> None:
        """End a peer with SIGKILL; it is one of the swarm again when it is started again."""
        end_process(self.processes.pop(peer_id))

    def await_end(self, within: float = 30) -> None:
        """Wait until every process ended with status 0; one deadline for all."""
        self.await_condition(lambda: set(self.statuses().values()) == {0}, within, "all ended")

    def statuses(self) -> dict[int, int | None]:
        """Exit statuses; None for a process that runs."""
        return {peer_id: process.poll() for peer_id, process in self.processes.items()}

    def await_condition(self, condition: Callable[[], bool], within: float, what: str) -> None:
        """Wait for something that only the peers can bring about, unless one of them fails."""
        deadline = time.monotonic() + within
        while not condition():
            statuses = self.statuses()
            assert not any(statuses.values()), f"exit statuses {statuses}\n{self.report()}"
            assert time.monotonic() < deadline, (
                f"not within {within} s: {what}; exit statuses {statuses}\n{self.report()}"
            )
            time.sleep(0.01)

    def report(self) -> str:
        """What a failed test shows: where it happened, diagnostics, and the last log lines."""
        parts = [f"swarm in {self.folder}"]
        for peer_id in self.processes:
            lines = self.log(peer_id)
            parts += [f"--- peer {peer_id} ({self.members[peer_id].program}), {len(lines)} lines"]
            parts += [*self.diagnostics(peer_id).splitlines()[-20:], "...", *lines[-5:]]
        return "\n".join(parts)

    # -- what they wrote ---------------------------------------------------------------------------

    def copy_of(self, peer_id: int) -> Path:
        """Where a peer's copy of the file lies (spec 9)."""
        return self.workdirs[peer_id] / f"peer_{peer_id}" / FILE_NAME

    def log(self, peer_id: int) -> list[str]:
        """The lines of a peer's log, each whole."""
        path = self.workdirs[peer_id] / f"log_peer_{peer_id}.log"
        text = path.read_text() if path.exists() else ""
        return text.split("\n")[:-1]

    def diagnostics_path(self, peer_id: int) -> Path:
        """Where a peer's stderr goes."""
        return self.folder / f"stderr_{peer_id}.txt"

    def diagnostics(self, peer_id: int) -> str:
        """What a peer said on stderr."""
        path = self.diagnostics_path(peer_id)
        return path.read_text() if path.exists() else ""

    def count(self, peer_id: int, words: str) -> int:
        """How many of a peer's log lines match a regular expression."""
        return sum(bool(re.search(words, line)) for line in self.log(peer_id))

    def await_line(self, peer_id: int, words: str, count: int = 1, within: float = 20) -> None:
        """Wait until at least `count` lines of a peer's log match."""
        self.await_condition(
            lambda: self.count(peer_id, words) >= count,
            within,
            f"{count} lines with {words!r} of peer {peer_id}",
        )

    def await_diagnostic(self, peer_id: int, words: str, within: float = 10) -> None:
        """Wait until a peer told something on stderr."""
        self.await_condition(
            lambda: re.search(words, self.diagnostics(peer_id)) is not None,
            within,
            f"{words!r} on stderr of peer {peer_id}",
        )

    def check(self) -> None:
        """Every copy is the seed's, under its real name; every log holds the eleven sentences only.

        Also each log has its writer's name only, and tells each piece of the last life once.
        """
        expected = hashlib.sha256(self.content).hexdigest()
        for peer_id in self.processes:
            copy = self.copy_of(peer_id)
            assert copy.exists(), f"no {copy}\n{self.report()}"
            assert hashlib.sha256(copy.read_bytes()).hexdigest() == expected, copy
            assert not copy.with_name(copy.name + ".part").exists()
            self.check_log(peer_id)

    def check_log(self, peer_id: int) -> None:
        """One peer's log: sentences, writer, and a downloaded line for each piece."""
        lines = self.log(peer_id)
        for line in lines:
            matches = [found for rule in SENTENCES if (found := rule.fullmatch(line))]
            assert matches, f"not one of the eleven sentences: {line!r}"
            assert int(matches[0]["writer"]) == peer_id, line
        if not self.members[peer_id].has_file:
            told = re.findall(r"the piece (\d+) from .* it has is (\d+)\.", "\n".join(lines))
            assert sorted(int(index) for index, _ in told) == list(range(self.pieces))
            assert [int(number) for _, number in told] == list(range(1, self.pieces + 1))

    def complete(self, within: float = 30) -> None:
        """Wait for the end of all and check what they wrote."""
        self.await_end(within)
        self.check()


def end_process(process: subprocess.Popen[bytes]) -> None:
    """Kill a process and its group, and collect it."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()

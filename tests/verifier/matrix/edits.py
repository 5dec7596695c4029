"""Edits of what a swarm has written, for what no fault of our program can show, and why not.

Who writes which file, whether a process is killed while it writes, what the configuration says and
what a file contains is none of the core's or the shell's decisions in a simulated swarm.
"""

from __future__ import annotations

from dataclasses import replace

from tests.verifier.matrix.mutants import PLAIN, mutant

CRASHING = replace(PLAIN, crashes=1, pieces=60)


@mutant("F01")
def writes_to_another_name(folder):
    """One peer writes its log under another name."""
    (folder / "log_peer_1003.log").rename(folder / "log_peer_3.log")


@mutant("F08", scenario=CRASHING, seed=3)
def appends_to_the_earlier_log(folder):
    """A peer that starts again appends to the log of its earlier life."""
    for earlier in folder.glob("log_peer_*.log.1"):
        log = earlier.with_suffix("")
        log.write_text(earlier.read_text() + log.read_text())
        earlier.unlink()


@mutant("F09")
def exits_without_flush(folder):
    """A peer loses the end of its buffer."""
    log = folder / "log_peer_1003.log"
    log.write_text(log.read_text()[:-20])


@mutant("F10")
def no_seed(folder):
    """PeerInfo.cfg names nobody who has the file."""
    path = folder / "PeerInfo.cfg"
    path.write_text(path.read_text().replace(" 1\n", " 0\n"))


@mutant("F10")
def reselects_all_the_time(folder):
    """The unchoking interval is next to nothing."""
    path = folder / "Common.cfg"
    lines = path.read_text().splitlines()
    changed = [line if line[:2] != "Un" else "UnchokingInterval 1e-30" for line in lines]
    path.write_text("".join(f"{line}\n" for line in changed))


def _put(folder, peer, name):
    (folder / f"peer_{peer}").mkdir()
    (folder / f"peer_{peer}" / name).write_bytes(bytes(40 * 1000 - 333))


@mutant("D16", scenario=replace(PLAIN, trace=False))
def never_gives_the_real_name(folder):
    """A peer ends with its file still named as one that isn't complete."""
    _put(folder, 1001, "simulated.dat")
    _put(folder, 1003, "simulated.dat.part")


@mutant("D16", scenario=replace(PLAIN, trace=False))
def loses_its_file(folder):
    """A peer's folder is empty, where another leecher's has the file."""
    _put(folder, 1001, "simulated.dat")
    _put(folder, 1002, "simulated.dat")
    (folder / "peer_1003").mkdir()


@mutant("D16", scenario=replace(PLAIN, trace=False))
def writes_at_wrong_offsets(folder):
    """A peer's copy has two pieces in each other's place."""
    pieces = [bytes([number]) * 1000 for number in range(40)]
    for peer, order in ((1001, pieces), (1003, [pieces[1], pieces[0], *pieces[2:]])):
        (folder / f"peer_{peer}").mkdir()
        content = b"".join(order)[: 40 * 1000 - 333]
        (folder / f"peer_{peer}" / "simulated.dat").write_bytes(content)

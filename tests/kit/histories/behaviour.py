"""Histories of the tests' own simulator in the prescribed form: swarms that keep the rules, and some that don't."""

from __future__ import annotations

from tests.kit.histories.book import PASSES, history, said
from tests.kit.histories.making import SIMULATED, simulated
from tests.kit.histories.wrong import (
    HidesItsPieces,
    IgnoresChokes,
    KeepsDuplicates,
    ServesTheChoked,
)
from tests.kit.verifier.judging import Run


def duplicates() -> Run:
    """A run in which 1003 downloads pieces twice, without a choke that would explain it."""
    return simulated(3, {1003: KeepsDuplicates}, k=3)


@history(f"{SIMULATED}, seed 1.", strict=PASSES)
def plain_swarm() -> Run:
    """A seed and three leechers follow every rule."""
    return simulated(1)


@history(f"{SIMULATED}, seed 2, with two seeds.", strict=PASSES)
def two_seeds() -> Run:
    """Two peers have the file from the start, and pieces come from both."""
    return simulated(2, leechers=2, seeds=2)


@history(
    f"{SIMULATED}, seed 5; the connection between 1002 and 1003 breaks at 1.5 s, that to the seed at 2 s.",
    strict=PASSES,
)
def broken_connections() -> Run:
    """Two connections break and come back, and every peer completes."""
    return simulated(5, cuts=[(1.5, 1002, 1003), (2.0, 1001, 1004)])


@history(f"{SIMULATED}, seed 6; 1004 starts after 2.5 s.", strict=PASSES)
def late_joiner() -> Run:
    """A late peer learns from bitfields which pieces its neighbors have."""
    return simulated(6, late={1004: 2.5})


@history(
    f"{SIMULATED}, seed 7; 1004 is killed after 2 s and starts again after another.", strict=PASSES
)
def killed_and_started_again() -> Run:
    """A leecher is killed and starts again; the logs of both lives are there."""
    return simulated(7, kills=[(2.0, 1004, 1.0)])


@history(f"{SIMULATED}, seed 8, clocks up to 30 s off.", strict=PASSES)
def clocks_apart() -> Run:
    """Clocks may be half a minute apart: messages alone give the order of events."""
    return simulated(8, clock=30, leechers=2)


@history(
    f"{SIMULATED}, seed 3; all serve requests of choked neighbors, and 1003 goes on asking.",
    strict=said("D08"),
)
def serves_the_choked() -> Run:
    """Pieces keep coming after the choke that should have stopped them."""
    peers = {1001: ServesTheChoked, 1002: ServesTheChoked, 1003: IgnoresChokes}
    return simulated(3, {**peers, 1004: ServesTheChoked}, k=1, rate=4000, pieces=8)


@history(
    f"{SIMULATED}, seed 3; 1003 asks all for the same pieces, and keeps what it has.",
    strict=said("D01 D02 D03 D09 D10"),
    lenient=said("D02", warnings="D01 D03 D09"),
)
def keeps_duplicates() -> Run:
    """A leecher downloads pieces twice and counts both times."""
    return duplicates()


@history(
    f"{SIMULATED}, seed 3; the seed's bitfield is empty; given up after 6 s.",
    strict=said("D10 I01 T01 T02"),
    lenient=said(undecided="D10 T01"),
)
def a_seed_that_says_nothing() -> Run:
    """The seed tells nobody that it has the file, so nobody downloads anything."""
    return simulated(3, {1001: HidesItsPieces}, limit=6)

"""Histories of what peers do, in the prescribed form: swarms that keep the rules, and one fault each."""

from __future__ import annotations

from tests.kit.histories.book import PASSES, history, said
from tests.kit.histories.making import SIMULATED, simulated
from tests.kit.verifier.judging import Run

ALL = (1001, 1002, 1003, 1004)


def duplicates() -> Run:
    """A run in which 1003 downloads pieces twice, without a choke that would explain it."""
    return simulated(3, {1003: "asks everybody, keeps duplicates"}, k=3)


@history(f"{SIMULATED}, seed 1.", strict=PASSES, lenient=PASSES)
def plain_swarm() -> Run:
    """A seed and three leechers follow every rule."""
    return simulated(1)


@history(f"{SIMULATED}, seed 2, with two seeds.", strict=PASSES, lenient=PASSES)
def two_seeds() -> Run:
    """Two peers have the file from the start, and pieces come from both."""
    return simulated(2, leechers=2, seeds=2)


@history(
    f"{SIMULATED}, seed 5; the connection between 1002 and 1003 breaks at 1.5 s, that to the seed at 2 s.",
    strict=PASSES,
    lenient=PASSES,
)
def broken_connections() -> Run:
    """Two connections break and come back, and every peer completes."""
    return simulated(5, cuts=[(1.5, 1002, 1003), (2.0, 1001, 1004)])


@history(f"{SIMULATED}, seed 6; 1004 starts after 2.5 s.", strict=PASSES, lenient=PASSES)
def late_joiner() -> Run:
    """A late peer learns from bitfields which pieces its neighbors have."""
    return simulated(6, late={1004: 2.5})


@history(
    f"{SIMULATED}, seed 7; 1004 is killed after 2 s and starts again after another.",
    strict=PASSES,
    lenient=PASSES,
)
def killed_and_started_again() -> Run:
    """A leecher is killed and starts again; the logs of both lives are there."""
    return simulated(7, kills=[(2.0, 1004, 1.0)])


@history(f"{SIMULATED}, seed 8, clocks up to 30 s off.", strict=PASSES, lenient=PASSES)
def clocks_apart() -> Run:
    """Clocks may be half a minute apart: messages alone give the order of events."""
    return simulated(8, clock=30, leechers=2)


@history(
    f"{SIMULATED}, seed 3; 1001 prefers k + 1 neighbors.",
    strict=said("K01"),
    lenient=said("K01"),
)
def one_preferred_too_many() -> Run:
    """The seed prefers three neighbors where k is 2."""
    return simulated(3, {1001: "k+1"})


@history(
    f"{SIMULATED}, seed 3; all choose among neighbors that aren't interested, too.",
    strict=said("K02"),
    lenient=said(warnings="K02"),
)
def prefers_the_uninterested() -> Run:
    """Peers prefer neighbors that never said they were interested."""
    return simulated(3, dict.fromkeys(ALL, "ignores interest"), rate=2500)


@history(
    f"{SIMULATED}, seed 3; all serve requests of choked neighbors, and 1003 goes on asking.",
    strict=said("D08"),
    lenient=said("D08"),
)
def serves_the_choked() -> Run:
    """Pieces keep coming after the choke that should have stopped them."""
    faults = dict.fromkeys(ALL, "serves choked") | {1003: "serves choked, ignores chokes"}
    return simulated(3, faults, k=1, rate=4000, pieces=8)


@history(
    f"{SIMULATED}, seed 3; 1003 asks all for the same pieces, and keeps what it has.",
    strict=said("D01 D02 D09 D10", warnings="H03"),
    lenient=said("D02", warnings="D01 D09 H03"),
)
def keeps_duplicates() -> Run:
    """A leecher downloads pieces twice and counts both times."""
    return duplicates()


@history(
    f"{SIMULATED}, seed 3; 1003 tells nobody of a piece from whom it came.",
    strict=said("H01 H04 T02 T05"),
    lenient=said("H01", warnings="H04 T02 T05"),
)
def no_have_to_the_source() -> Run:
    """A leecher doesn't announce a piece to the neighbor that sent it, so nobody learns that it is complete."""
    return simulated(3, {1003: "no have to source"}, rate=4000)


@history(
    f"{SIMULATED}, seed 3; 1003 writes no line of completion.",
    strict=said("D09 T01"),
    lenient=said(warnings="D09"),
)
def never_says_complete() -> Run:
    """A leecher has all pieces, but doesn't log that it is complete."""
    return simulated(3, {1003: "never done"}, leechers=2)


@history(
    f"{SIMULATED}, seed 3; 1003 counts before it adds.",
    strict=said("D01 D03"),
    lenient=said(warnings="D01 D03"),
)
def counts_too_early() -> Run:
    """A leecher logs the number of pieces that it had before the download."""
    return simulated(3, {1003: "count first"}, leechers=2)


@history(
    f"{SIMULATED}, seed 3; 1003 is always interested.",
    strict=said("I02 I04", warnings="I06"),
    lenient=said("I02", warnings="I04 I06"),
)
def always_interested() -> Run:
    """A leecher says `interested` to neighbors that have nothing for it."""
    return simulated(3, {1003: "always interested"}, leechers=2)


@history(
    f"{SIMULATED}, seed 3; 1001 logs no connection that it accepts.",
    strict=said("C02 C04"),
    lenient=said(warnings="C02 C04"),
)
def unlogged_connections() -> Run:
    """The seed doesn't log the connections that it accepts, only what comes over them."""
    return simulated(3, {1001: "no connected line"}, leechers=2)


@history(
    f"{SIMULATED}, seed 3; 1001 logs no choice of preferred neighbors.",
    strict=said("K09 K10"),
    lenient=said(warnings="K09 K10"),
)
def silent_choices() -> Run:
    """The seed unchokes and chokes neighbors without logging its choice."""
    return simulated(3, {1001: "silent choice"})


@history(
    f"{SIMULATED}, seed 3; 1003 sends each have twice.",
    strict=said(warnings="H03"),
    lenient=said(warnings="H03"),
)
def haves_twice() -> Run:
    """A repeated have changes nothing and is worth a warning."""
    return simulated(3, {1003: "have twice"}, leechers=2)


@history(
    f"{SIMULATED}, seed 3; the seed's bitfield is empty; given up after 6 s.",
    strict=said("D10 I01 T01 T02"),
    lenient=said(undecided="D10 T01"),
)
def a_seed_that_says_nothing() -> Run:
    """The seed tells nobody that it has the file, so nobody downloads anything."""
    return simulated(3, {1001: "empty bitfield"}, limit=6)


@history(
    f"{SIMULATED}, seed 3; 1003 answers no bitfield.",
    strict=said("I01 I04"),
    lenient=said("I01", warnings="I04"),
)
def no_answer_to_bitfields() -> Run:
    """A leecher answers bitfields with neither `interested` nor `not interested`."""
    return simulated(3, {1003: "no answer"}, leechers=2)


@history(
    f"{SIMULATED}, seed 3; 1003 always asks for the lowest piece; two peers, 50 pieces.",
    strict=said(warnings="D12"),
    lenient=said(warnings="D12"),
)
def lowest_piece_first() -> Run:
    """A leecher requests pieces in order instead of at random."""
    return simulated(3, {1002: "lowest piece"}, leechers=1, pieces=50, rate=20_000)

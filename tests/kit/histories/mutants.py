"""Histories of the program with one thing wrong: mutants of the kill matrix, and wrong cores."""

from __future__ import annotations

from dataclasses import replace

from tests.kit.histories.book import history, said
from tests.kit.histories.making import LOGS, PRODUCT, core, mutant
from tests.kit.histories.wordings import zipped_traces
from tests.kit.stateful import wrong_cores
from tests.kit.verifier.judging import Run

MUTANT = "A mutant of the program in virtual time (tests/verifier/matrix)"
CORE = "A wrong core in virtual time (tests/kit/stateful/wrong_cores.py)"
THREE = replace(LOGS, peers=3)


@history(
    f"{MUTANT}: one preferred too many, seed 1.",
    strict=said("K01"),
    lenient=said("K01"),
)
def one_preferred_too_many() -> Run:
    """Peers prefer three neighbors where k is 2."""
    return mutant("one preferred too many", LOGS, 1)


@history(
    f"{MUTANT}: no have to source, seed 1.",
    strict=said("H01 H04 T02 T05"),
    lenient=said("H01", warnings="H04 T02 T05"),
)
def no_have_to_the_source() -> Run:
    """Peers don't announce a piece to the neighbor that sent it, so nobody learns that they are complete."""
    return mutant("no have to source", THREE, 1)


@history(
    f"{MUTANT}: never says complete, seed 1; that is 1003.",
    strict=said("D09 T01"),
    lenient=said(warnings="D09"),
)
def never_says_complete() -> Run:
    """A leecher has all pieces, but doesn't log that it is complete."""
    return mutant("never says complete", THREE, 1)


@history(
    f"{MUTANT}: counts before adding, seed 1; that is 1003.",
    strict=said("D01 D03"),
    lenient=said(warnings="D01 D03"),
)
def counts_too_early() -> Run:
    """A leecher logs the number of pieces that it had before the download."""
    return mutant("counts before adding", THREE, 1)


@history(
    f"{MUTANT}: always interested, seed 1.",
    strict=said("G02 I02 I04"),
    lenient=said("I02", warnings="G02 I04"),
)
def always_interested() -> Run:
    """Leechers say `interested` to neighbors that have nothing for them."""
    return mutant("always interested", THREE, 1)


@history(
    f"{MUTANT}: does not log accepted, seed 1; that is 1001.",
    strict=said("C02 C04"),
    lenient=said(warnings="C02 C04"),
)
def unlogged_connections() -> Run:
    """The seed doesn't log the connections that it accepts, only what comes over them."""
    return mutant("does not log accepted", THREE, 1)


@history(
    f"{MUTANT}: forgets to log changes, seed 1; that is 1001.",
    strict=said("K09 K10"),
    lenient=said(warnings="K09 K10"),
)
def silent_choices() -> Run:
    """The seed unchokes and chokes neighbors without logging every choice."""
    return mutant("forgets to log changes", LOGS, 1)


@history(
    f"{MUTANT}: announces again, seed 1.",
    strict=said(warnings="H03"),
    lenient=said(warnings="H03"),
)
def haves_twice() -> Run:
    """A repeated have changes nothing and is worth a warning."""
    return mutant("announces again", THREE, 1)


@history(
    f"{MUTANT}: no answer to bitfields, seed 1; that is 1003.",
    strict=said("I01 I04"),
    lenient=said("I01", warnings="I04"),
)
def no_answer_to_bitfields() -> Run:
    """A leecher answers bitfields with neither `interested` nor `not interested`."""
    return mutant("no answer to bitfields", THREE, 1)


@history(
    f"{MUTANT}: everybody counts as interested, seed 1.",
    strict=said("K02 K07"),
    lenient=said(warnings="K02 K07"),
)
def prefers_the_uninterested() -> Run:
    """Peers prefer neighbors that never said they were interested."""
    return mutant("everybody counts as interested", LOGS, 1)


@history(
    f"{MUTANT}: lowest piece first, seed 1.",
    strict=said(warnings="D12"),
    lenient=said(warnings="D12"),
)
def lowest_piece_first() -> Run:
    """Leechers request pieces in order instead of at random."""
    return mutant("lowest piece first", replace(LOGS, peers=2, pieces=40, upload=20_000.0), 1)


@history(
    f"{MUTANT}: lists twice, seed 1; that is 1001.",
    strict=said("F07"),
    lenient=said(warnings="F07"),
)
def lists_twice() -> Run:
    """The seed lists one preferred neighbor twice."""
    return mutant("lists twice", THREE, 1)


@history(
    f"{MUTANT}: pipelines, seed 1.", strict=said("W04"), lenient=said("W04"), dress=zipped_traces
)
def traced_pipelining() -> Run:
    """Two requests are open with one neighbor; only the traces show it."""
    return mutant("pipelines", PRODUCT, 1)


@history(
    f"{MUTANT}: logs after sending, seed 1.",
    strict=said("W11 W14"),
    lenient=said("W11 W14"),
    dress=zipped_traces,
)
def traced_lines_too_late() -> Run:
    """Log lines are written after what they cause is sent; only the traces show it."""
    return mutant("logs after sending", PRODUCT, 1)


@history(
    f"{MUTANT}: wrong handshake, seed 1.",
    strict=said("W01 W02"),
    lenient=said("W01 W02"),
    dress=zipped_traces,
)
def traced_wrong_handshake() -> Run:
    """A handshake names another peer than its sender."""
    return mutant("wrong handshake", PRODUCT, 1)


@history(
    f"{MUTANT}: closes at once, seed 1.",
    strict=said("H01 T02 T05", warnings="I06"),
    lenient=said(warnings="H01 I06 T02 T05"),
)
def lost_ends() -> Run:
    """Peers close connections while haves are still queued, and these are lost."""
    return mutant("closes at once", LOGS, 1)


@history(
    f"{MUTANT}: claims to have all, seed 1; that is 1003.",
    strict=said("D05 D06 D10 I01 I02 I04 T01 T02"),
    lenient=said("I01", warnings="D06 I04 T02", undecided="I02 D05 D10 T01"),
)
def claims_to_have_all() -> Run:
    """A leecher's bitfield has all pieces though the leecher has none, and others download zeros from it."""
    return mutant("claims to have all", LOGS, 1)


@history(
    f"{MUTANT}: names the wrong source, seed 1; those are 1003 and 1004.",
    strict=said("D06 D07 D08 D11 G01", warnings="G03"),
    lenient=said("D08 D11", warnings="D06 D07 G01 G03"),
)
def pieces_from_each_other() -> Run:
    """Two leechers log that each piece came from the other, so none came from a seed."""
    return mutant("names the wrong source", LOGS, 1)


@history(
    f"{MUTANT}: no full stop, seed 1; that is 1003.",
    strict=said("F02"),
    lenient=said(warnings="F02"),
)
def no_full_stop() -> Run:
    """One peer leaves out the full stops: its form is wrong and nothing else."""
    return mutant("no full stop", LOGS, 1)


@history(
    f"{CORE}: loses the last have, in 1003, seed 1.",
    strict=said("H01 T02 T05"),
    lenient=said(warnings="H01 T02 T05"),
)
def the_last_have_is_lost() -> Run:
    """A leecher doesn't announce its last piece, and the others wait for it."""
    return core(wrong_cores.loses_the_last_have, 1003, THREE, 1)


@history(
    f"{CORE}: unchokes one too many, everybody, seed 1.",
    strict=said("K01", warnings="K12"),
    lenient=said("K01", warnings="K12"),
)
def one_place_too_many() -> Run:
    """Every peer prefers too many neighbors."""
    return core(wrong_cores.unchokes_one_too_many, 0, replace(LOGS, k=1, pieces=3), 1)

"""Histories of the program itself and of broken ones, with traces, and of real processes."""

from __future__ import annotations

from dataclasses import replace

from peerio.simulation.scenario import Faults
from tests.kit.histories.book import PASSES, history, said
from tests.kit.histories.making import PRODUCT, core, mutant, product, recorded
from tests.kit.histories.wordings import zipped_traces
from tests.kit.stateful import wrong_cores
from tests.kit.swarm.swarms import ours, reference
from tests.kit.verifier.judging import Run

SIMULATED = "The program in virtual time (io/peerio/simulation)"
MUTANT = "A mutant of the program in virtual time (tests/verifier/matrix)"
CORE = "A wrong core in virtual time (tests/kit/stateful/wrong_cores.py)"
REAL = "Real processes on one machine"
LOGS = replace(PRODUCT, peers=4, pieces=5, k=2, trace=False)
HABITS = (
    "bitfield-twice",
    "repeated-interested",
    "unknown-type",
    "slow-writer",
    "handshake-wait",
)


@history(f"{SIMULATED}, seed 1.", strict=PASSES, lenient=PASSES)
def traced() -> Run:
    """Logs and traces of a swarm in which nothing goes wrong."""
    return product(replace(PRODUCT, peers=2, pieces=3), 1)


@history(
    f"{SIMULATED}, seed 2; two connections are reset.",
    strict=PASSES,
    lenient=PASSES,
    dress=zipped_traces,
)
def traced_resets() -> Run:
    """Traces across connections that were lost and dialled again."""
    return product(replace(PRODUCT, faults=Faults(resets=2)), 2)


@history(
    f"{SIMULATED}, seed 3; one leecher crashes.", strict=PASSES, lenient=PASSES, dress=zipped_traces
)
def traced_crash() -> Run:
    """Traces of two lives of one peer, which was killed and started again."""
    return product(replace(PRODUCT, crashes=1), 3)


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
    return core(wrong_cores.loses_the_last_have, 1003, LOGS, 1)


@history(
    f"{CORE}: unchokes one too many, everybody, seed 1.",
    strict=said("K01", warnings="K12"),
    lenient=said("K01", warnings="K12"),
)
def one_place_too_many() -> Run:
    """Every peer prefers too many neighbors."""
    return core(wrong_cores.unchokes_one_too_many, 0, replace(LOGS, k=1, pieces=3), 1)


@history(
    f"{REAL}: three reference peers (tests/reference) with {', '.join(HABITS)},"
    " and leechers that repeat haves.",
    strict=said("K09", warnings="H03"),
    lenient=said(warnings="H03"),
    recorded=True,
)
def reference_habits() -> Run:
    """Peers with unusual habits that others must accept; only repeats are reported."""
    return recorded(
        reference(1001, *HABITS, seed=True),
        reference(1002, *HABITS, "repeated-have"),
        reference(1003, *HABITS, "repeated-have", "have-before-bitfield"),
    )


@history(
    f"{REAL}: a seed and a leecher of ours, two reference peers (tests/reference) that ask for several"
    " pieces at once and reset their connections when all is done.",
    strict=said("I01"),
    lenient=PASSES,
    recorded=True,
)
def mixed_programs() -> Run:
    """A peer that resets its connections loses the last answer: strict mode blames the peer that sent it, lenient mode nobody."""
    odd = ("pipelined-requests", "abrupt-close")
    return recorded(ours(1001, seed=True), reference(1002, *odd), ours(1003), reference(1004, *odd))


@history(
    f"{REAL}: a reference seed (tests/reference) and two reference leechers, of which one resets a"
    " connection in the middle of a piece.",
    strict=PASSES,
    lenient=PASSES,
    recorded=True,
)
def reference_cut_once() -> Run:
    """A connection is reset in the middle of a piece, and the piece comes again over the next one."""
    return recorded(reference(1001, seed=True), reference(1002, "cut-once"), reference(1003))


@history(
    f"{REAL}: a seed and two leechers of ours, with traces.",
    strict=PASSES,
    lenient=PASSES,
    recorded=True,
    dress=zipped_traces,
)
def our_program() -> Run:
    """Logs and traces of our program on a real machine."""
    return recorded(
        *(ours(one, "--trace", seed=one == 1001) for one in (1001, 1002, 1003)), pieces=4.6
    )

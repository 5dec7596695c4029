"""Histories of the program itself, with traces, and of real processes."""

from __future__ import annotations

from dataclasses import replace

from peerio.simulation.scenario import Faults
from tests.kit.histories.book import PASSES, history, said
from tests.kit.histories.making import PRODUCT, product, recorded
from tests.kit.histories.wordings import zipped_traces
from tests.kit.swarm.swarms import ours, reference
from tests.kit.verifier.judging import Run

SIMULATED = "The program in virtual time (io/peerio/simulation)"
REAL = "Real processes on one machine"
HABITS = (
    "bitfield-twice",
    "repeated-interested",
    "unknown-type",
    "slow-writer",
    "handshake-wait",
)


@history(f"{SIMULATED}, seed 1.", strict=PASSES)
def traced() -> Run:
    """Logs and traces of a swarm in which nothing goes wrong."""
    return product(replace(PRODUCT, peers=2, pieces=3), 1)


@history(f"{SIMULATED}, seed 2; two connections are reset.", strict=PASSES, dress=zipped_traces)
def traced_resets() -> Run:
    """Traces across connections that were lost and dialled again."""
    return product(replace(PRODUCT, faults=Faults(resets=2)), 2)


@history(f"{SIMULATED}, seed 3; one leecher crashes.", strict=PASSES, dress=zipped_traces)
def traced_crash() -> Run:
    """Traces of two lives of one peer, which was killed and started again."""
    return product(replace(PRODUCT, crashes=1), 3)


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
    recorded=True,
)
def reference_cut_once() -> Run:
    """A connection is reset in the middle of a piece, and the piece comes again over the next one."""
    return recorded(reference(1001, seed=True), reference(1002, "cut-once"), reference(1003))


@history(
    f"{REAL}: a seed and two leechers of ours, with traces.",
    strict=PASSES,
    recorded=True,
    dress=zipped_traces,
)
def our_program() -> Run:
    """Logs and traces of our program on a real machine."""
    return recorded(
        *(ours(one, "--trace", seed=one == 1001) for one in (1001, 1002, 1003)), pieces=4.6
    )

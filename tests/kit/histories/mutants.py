"""Histories of the program with one thing wrong: mutants of the kill matrix, and wrong cores."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from peerio.simulation.scenario import Scenario
from tests.kit.histories.book import Expected, Files, history, plain, said
from tests.kit.histories.making import LOGS, PRODUCT, core, mutant
from tests.kit.histories.wordings import zipped_traces
from tests.kit.stateful import wrong_cores
from tests.kit.verifier.judging import Run

MUTANT = "A mutant of the program in virtual time (tests/verifier/matrix)"
CORE = "A wrong core in virtual time (tests/kit/stateful/wrong_cores.py)"
THREE = replace(LOGS, peers=3)


def both(errors: str = "", milder: str = "", warnings: str = "") -> tuple[Expected, Expected]:
    """What is said strictly and leniently: leniently those that are `milder` are warnings."""
    strict = " ".join(sorted((errors + " " + milder).split()))
    lenient = " ".join(sorted((milder + " " + warnings).split()))
    return said(strict, warnings), said(errors, lenient)


def of_mutant(
    name: str,
    expected: tuple[Expected, Expected],
    scenario: Scenario = THREE,
    *,
    who: str = "",
    dress: Callable[[Run], Files] = plain,
) -> Callable[[Callable[[], None]], Callable[[], None]]:
    """Enter what a mutant does with seed 1; the decorated function has the history's name and sentence."""
    return history(
        f"{MUTANT}: {name}, seed 1{who}.",
        make=partial(mutant, name, scenario, 1),
        strict=expected[0],
        lenient=expected[1],
        dress=dress,
    )


@of_mutant("one preferred too many", both("K01"), LOGS)
def one_preferred_too_many() -> None:
    """Peers prefer three neighbors where k is 2."""


@of_mutant("no have to source", both("H01", "H04 T02 T05"))
def no_have_to_the_source() -> None:
    """Peers don't announce a piece to the neighbor that sent it, so nobody learns that they are complete."""


@of_mutant("never says complete", (said("D09 T01"), said(warnings="D09")), who="; that is 1003")
def never_says_complete() -> None:
    """A leecher has all pieces, but doesn't log that it is complete."""


@of_mutant("counts before adding", both(milder="D01 D03"), who="; that is 1003")
def counts_too_early() -> None:
    """A leecher logs the number of pieces that it had before the download."""


@of_mutant("always interested", both("I02", "G02 I04"))
def always_interested() -> None:
    """Leechers say `interested` to neighbors that have nothing for them."""


@of_mutant("does not log accepted", both(milder="C02 C04"), who="; that is 1001")
def unlogged_connections() -> None:
    """The seed doesn't log the connections that it accepts, only what comes over them."""


@of_mutant("forgets to log changes", both(milder="K09 K10"), LOGS, who="; that is 1001")
def silent_choices() -> None:
    """The seed unchokes and chokes neighbors without logging every choice."""


@of_mutant("announces again", both(warnings="H03"))
def haves_twice() -> None:
    """A repeated have changes nothing and is worth a warning."""


@of_mutant("no answer to bitfields", both("I01", "I04"), who="; that is 1003")
def no_answer_to_bitfields() -> None:
    """A leecher answers bitfields with neither `interested` nor `not interested`."""


@of_mutant("everybody counts as interested", both(milder="K02 K07"), LOGS)
def prefers_the_uninterested() -> None:
    """Peers prefer neighbors that never said they were interested."""


@of_mutant(
    "lowest piece first", both(warnings="D12"), replace(LOGS, peers=2, pieces=40, upload=20_000.0)
)
def lowest_piece_first() -> None:
    """Leechers request pieces in order instead of at random."""


@of_mutant("lists twice", both(milder="F07"), who="; that is 1001")
def lists_twice() -> None:
    """The seed lists one preferred neighbor twice."""


@of_mutant("pipelines", both("W04"), PRODUCT, dress=zipped_traces)
def traced_pipelining() -> None:
    """Two requests are open with one neighbor; only the traces show it."""


@of_mutant("logs after sending", both("W11 W14"), PRODUCT, dress=zipped_traces)
def traced_lines_too_late() -> None:
    """Log lines are written after what they cause is sent; only the traces show it."""


@of_mutant("wrong handshake", both("W01 W02"), PRODUCT, dress=zipped_traces)
def traced_wrong_handshake() -> None:
    """A handshake names another peer than its sender."""


@of_mutant("closes at once", both(milder="H01 T02 T05", warnings="I06"), LOGS)
def lost_ends() -> None:
    """Peers close connections while haves are still queued, and these are lost."""


@of_mutant(
    "claims to have all",
    (
        said("D05 D06 D10 I01 I02 I04 T01 T02"),
        said("I01", warnings="D06 I04 T02", undecided="I02 D05 D10 T01"),
    ),
    LOGS,
    who="; that is 1003",
)
def claims_to_have_all() -> None:
    """A leecher's bitfield has all pieces though the leecher has none, and others download zeros from it."""


@of_mutant(
    "names the wrong source",
    both("D08 D11", "D06 D07 G01", warnings="G03"),
    LOGS,
    who="; those are 1003 and 1004",
)
def pieces_from_each_other() -> None:
    """Two leechers log that each piece came from the other, so none came from a seed."""


@of_mutant("no full stop", both(milder="F02"), LOGS, who="; that is 1003")
def no_full_stop() -> None:
    """One peer leaves out the full stops: its form is wrong and nothing else."""


@history(
    f"{CORE}: loses the last have, in 1003, seed 1.",
    strict=said("H01 T02 T05"),
    lenient=said(warnings="H01 T02 T05"),
)
def the_last_have_is_lost() -> Run:
    """A leecher doesn't announce its last piece, and the others wait for it."""
    return core(wrong_cores.loses_the_last_have, 1003, THREE, 1)


@history(f"{CORE}: unchokes one too many, everybody, seed 1.", strict=said("K01", warnings="K12"))
def one_place_too_many() -> Run:
    """Every peer prefers too many neighbors."""
    return core(wrong_cores.unchokes_one_too_many, 0, replace(LOGS, k=1, pieces=3), 1)

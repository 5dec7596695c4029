"""What each mutant of the kill matrix costs by the default rubric: points of the part that it breaks."""

from __future__ import annotations

from pathlib import Path

import pytest

from peerio.simulation.scenario import Scenario
from peerio.simulation.swarm import Swarm
from tests.kit.verifier.judging import judge
from tests.verifier.matrix.mutants import MUTANTS, BrokenSwarm, Mutant
from tests.verifier.matrix.running import run
from verifier.grading.rubric import Rubric, load
from verifier.grading.scoring import score

NOBODY = "pieces stop coming, so nobody completes"
SILENT = "nothing is exchanged, and what was never applied gives no points"
LAST = (
    "the last haves are lost with its end: they are missing, and others can't know that all is done"
)
TWICE = (
    "one fault of its messages, which would have to be late lines to break the form of the log, too"
)
LOGGED = "its log tells another story, which every rule that reads these lines sees"
BESIDES: dict[str, tuple[str, str]] = {
    "ticks twice as fast": (
        "+Optimistic",
        "its swarm ends before an optimistic choice, also without the fault",
    ),
    "optimistic among all": (
        "+Choking",
        "an optimistic neighbor that is preferred, too, is choked or not as no decision implies",
    ),
    "claims what was torn": (
        "+Choking +Optimistic",
        "its swarm ends before anybody has to be choked or an optimistic neighbor is chosen",
    ),
    "rejects what is right": (
        "+Completion",
        "it ends without the pieces that it rejects, and so before it knows that all are complete",
    ),
    "forgets to log changes": (
        "+Optimistic -Log",
        "who is preferred without a line seems choked when it is chosen; its lines are missing, not late",
    ),
    "never unchokes": ("+Choking +Pieces +Completion +Log", SILENT),
    "picks unchoked ones": ("", "its swarm breaks off: there are no logs"),
    "two writers of one piece": ("", "its swarm breaks off: there are no logs"),
    "writes to another name": (
        "+Pieces +Completion",
        "without its log nobody knows what that peer had, and whether it completed",
    ),
    "exits without flush": ("+Pieces +Completion", LAST),
    "no seed": (
        "+Bitfield +Pieces +Completion",
        "by that configuration nobody had a piece, so none can be told or come",
    ),
    "skips the last earlier peer": (
        "+Completion",
        "who was never connected can't tell that it is complete",
    ),
    "never dials again": ("+Pieces +Completion", LAST),
    "ends when complete": (
        "+Start +Choking +Optimistic +Pieces +Log",
        f"the seed ends at once, before all are connected; {SILENT}",
    ),
    "ends one piece short": ("+Pieces", LAST),
    "closes at once": ("+Pieces", LAST),
    "loses last have": ("+Pieces", LAST),
    "loses messages": ("+Completion", LAST),
    "two writers": ("-Log", TWICE),
    "takes interest back": ("-Log", TWICE),
    "interest at ticks": ("-Log", TWICE),
    "counts duplicates": (
        "+Completion",
        "more downloads than pieces, in D10, is how its count shows",
    ),
    "claims to have all": (
        "+Bitfield",
        "its bitfield tells pieces that its log never gets, and its neighbors answer that",
    ),
    "seed starts empty": (
        "+Bitfield",
        "its neighbors hear an empty bitfield of a seed, and answer what they hear",
    ),
    "one piece an unchoke": ("+Completion", NOBODY),
    "forgets freed requests": ("+Completion", NOBODY),
    "forgets half pieces": ("+Completion", NOBODY),
    "never serves again": ("+Completion", NOBODY),
    "asks once only": ("+Completion", NOBODY),
    "loses piece line": (
        "+Bitfield",
        "a piece without a line seems to be lacking, and its interest in it wrong",
    ),
    "never interested": (
        "+Bitfield +Choking +Optimistic +Pieces +Completion +Log",
        SILENT,
    ),
    "says it has nothing": (
        "+Bitfield +Choking +Optimistic +Pieces +Completion +Log",
        SILENT,
    ),
    "empty bitfield": (
        "+Pieces",
        "what the bitfield should tell comes as haves, which a seed sends none of",
    ),
    "haves at ticks": ("+Bitfield", "interest that pieces cause is late where their haves are"),
    "writes another subject": ("+Choking", LOGGED),
    "neighbor off by one": (
        "+Handshake +Bitfield +Choking +Optimistic +Pieces +Completion",
        LOGGED,
    ),
    "pieces from one": ("+Bitfield +Choking +Pieces +Completion", LOGGED),
    "does not log accepted": (
        "+Bitfield",
        "an answer on a connection without a line counts for none",
    ),
    "logs pieces late": ("+Bitfield +Choking", LOGGED),
    "logs haves late": ("+Bitfield +Choking +Completion +Log", LOGGED),
}
"""Mutants that cost points in other parts than those of the rules that are there for them, and why."""


def parts(names: str, sign: str) -> set[str]:
    """The parts with a sign before them, by their first words."""
    return {one[1:] for one in names.split() if one[0] == sign}


def meant(mutant: Mutant, rubric: Rubric) -> set[str]:
    """The parts of the rules that are there for a mutant."""
    return {
        part.name.split()[0]
        for part in rubric.parts
        if {*part.gives, *part.costs} & set(mutant.kills)
    }


def lost(mutant: Mutant, folder: Path, rubric: Rubric) -> set[str]:
    """The parts in which a mutant's swarm loses points."""
    _, outcome = run(BrokenSwarm(mutant, mutant.scenario, mutant.seed), mutant)
    if outcome is None:
        return set()
    outcome.write(folder)
    if mutant.kind == "edit":
        mutant.part(folder)
    made = score(judge(folder), rubric)
    return {one.part.name.split()[0] for one in made.parts if one.points < one.part.points}


def test_a_clean_swarm_earns_all(tmp_path: Path) -> None:
    """A swarm of our own program has all points by the default rubric, strictly and leniently."""
    Swarm(Scenario(peers=5, pieces=40, p=0.5, m=1.0, upload=10_000.0), 1).run().write(tmp_path)
    for lenient in (False, True):
        made = score(judge(tmp_path, lenient=lenient), load(None))
        assert [one.points for one in made.parts] == [one.part.points for one in made.parts]
        assert made.points == made.most == 100


@pytest.mark.thorough
@pytest.mark.timeout(900)
def test_mutants_lose_what_they_break(tmp_path: Path) -> None:
    """Each mutant of the kill matrix loses points in the parts of its rules and nowhere else, but for those listed with a reason."""
    rubric = load(None)
    wrong = {}
    for number, mutant in enumerate(MUTANTS.values()):
        besides, _ = BESIDES.get(mutant.name, ("", ""))
        expected = (meant(mutant, rubric) | parts(besides, "+")) - parts(besides, "-")
        found = lost(mutant, tmp_path / str(number), rubric)
        if found != expected:
            wrong[mutant.name] = (sorted(found), sorted(expected))
    assert wrong == {}


def test_each_exception_has_a_reason() -> None:
    """Who is listed is a mutant, says why, and names parts that the rubric has and its rules don't."""
    rubric = load(None)
    names = {part.name.split()[0] for part in rubric.parts}
    for name, (besides, reason) in BESIDES.items():
        own = meant(MUTANTS[name], rubric)
        assert len(reason.split()) > 4, name
        assert parts(besides, "+") <= names - own, name
        assert parts(besides, "-") <= own, name

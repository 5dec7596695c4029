"""Scores a run by a rubric: from how its rules came out, never from how many lines break one."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import Enum

from verifier.checks.ending import completes
from verifier.findings import Standing
from verifier.grading.rubric import COMPLETION, CRITERIA, EXERCISED, PRESENT, Cap, Part, Rubric
from verifier.judge import Verdict
from verifier.rules import CHECKS


class Credit(Enum):
    """What a criterion earns."""

    FULL = "full"
    PARTIAL = "partial"
    NONE = "none"


CREDITS = {
    Standing.PASS: Credit.FULL,
    Standing.WARNING: Credit.PARTIAL,
    Standing.UNDECIDED: Credit.PARTIAL,
    Standing.FAIL: Credit.NONE,
    Standing.NOT_APPLIED: Credit.NONE,
}
"""What a rule earns by how it came out."""


@dataclass(frozen=True, slots=True)
class Fact:
    """How a criterion came out, in a word and in a sentence."""

    standing: str
    credit: Credit
    note: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """One criterion of a part: the points that it earned or cost, and could have."""

    criterion: str
    meaning: str
    fact: Fact
    points: float
    most: float


@dataclass(slots=True)
class PartScore:
    """A part of the score with what made it up; `capped` says why it isn't their sum."""

    part: Part
    points: float
    lines: list[Line] = field(default_factory=list)
    capped: str = ""


@dataclass(slots=True)
class Score:
    """All parts, and the points in all; `capped` says why these aren't the parts' sum."""

    points: float
    most: float
    parts: list[PartScore]
    capped: str = ""


@dataclass(frozen=True, slots=True)
class Peers:
    """How many peers there are, have a log, download something, and have the complete file."""

    all: int
    leechers: int
    logged: int
    exercised: int
    complete: int


def count_peers(verdict: Verdict) -> Peers:
    """The peers of a run; one that begins with the file counts as complete."""
    case = verdict.case
    leechers = [n for n, peer in enumerate(case.config.peers) if not peer.has_file]
    finals = {n: case.swarm.final(n) for n in range(len(case.config.peers))}
    done = sum(
        life is not None and completes(case, life) for n, life in finals.items() if n in leechers
    )
    return Peers(
        all=len(finals),
        leechers=len(leechers),
        logged=sum(life is not None and not life.empty for life in finals.values()),
        exercised=sum(
            any(case.lives[number].seq for number in case.swarm.by_peer[n]) for n in leechers
        ),
        complete=len(finals) - len(leechers) + done,
    )


def score(verdict: Verdict, rubric: Rubric) -> Score:
    """The points of a run."""
    facts = _Facts(verdict, rubric.follows)
    parts = [_part(part, facts) for part in rubric.parts]
    for cap in rubric.caps:
        if cap.part and _caps(cap, facts):
            for one in parts:
                if one.part.name == cap.part and one.points > cap.at_most:
                    one.points, one.capped = round(cap.at_most, 2), _reason(cap)
    points = round(sum(one.points for one in parts), 2)
    lowest = min(
        (cap for cap in rubric.caps if not cap.part and _caps(cap, facts)),
        key=lambda cap: cap.at_most,
        default=None,
    )
    if lowest is None or lowest.at_most >= points:
        return Score(points, rubric.points, parts)
    return Score(round(lowest.at_most, 2), rubric.points, parts, _reason(lowest))


def _caps(cap: Cap, facts: _Facts) -> bool:
    """Whether a cap holds for a run."""
    credit = facts.of(cap.criterion).credit
    return credit is Credit.NONE or (cap.strict and credit is Credit.PARTIAL)


def _reason(cap: Cap) -> str:
    return f"{cap.reason}: at most {cap.at_most:g} points"


def nothing(rubric: Rubric, why: str) -> Score:
    """No points, as nothing could be judged."""
    fact = Fact("not judged", Credit.NONE, why)
    parts = [
        PartScore(part, 0.0, [_line(part, one, fact, 0.0) for one in part.gives])
        for part in rubric.parts
    ]
    return Score(0.0, rubric.points, parts)


def _part(part: Part, facts: _Facts) -> PartScore:
    """What a part's criteria earn and cost together."""
    made = PartScore(part, 0.0)
    shares = {Credit.FULL: 1.0, Credit.PARTIAL: part.partial, Credit.NONE: 0.0}
    total = 0.0
    for criterion in part.gives:
        fact = facts.of(criterion)
        made.lines.append(_line(part, criterion, fact, shares[fact.credit]))
        total += _worth(part, criterion) * shares[fact.credit]
    for criterion in part.costs:
        fact = facts.cost(criterion)
        made.lines.append(_line(part, criterion, fact, shares[fact.credit] - 1))
        total += _worth(part, criterion) * (shares[fact.credit] - 1)
    made.points = round(min(part.points, max(0.0, total)), 2)
    return made


def _worth(part: Part, criterion: str) -> float:
    """What a criterion can earn or cost, in points."""
    weight = {**part.gives, **part.costs}[criterion]
    return part.points * weight / sum(part.gives.values())


def _line(part: Part, criterion: str, fact: Fact, share: float) -> Line:
    worth = _worth(part, criterion)
    most = worth if criterion in part.gives else 0.0
    return Line(criterion, meaning(criterion), fact, round(worth * share, 2), round(most, 2))


def meaning(criterion: str) -> str:
    """What a criterion demands, in words."""
    if criterion in CHECKS:
        return CHECKS[criterion].name
    head, _, letter = criterion.partition(":")
    return f"some rule of family {letter} was applied" if letter else CRITERIA[head]


class _Facts:
    """How each criterion came out in a run."""

    def __init__(self, verdict: Verdict, follows: dict[str, list[str]]) -> None:
        self._follows = follows
        self._results = {result.check.id: result.tally for result in verdict.results}
        self._peers = count_peers(verdict)

    def of(self, criterion: str) -> Fact:
        """One of those that give points: none where it was never applied."""
        fact = self._plain(criterion)
        if fact.standing == Standing.NOT_APPLIED.value:
            return replace(fact, note=f"{fact.note}: it gives no points")
        return fact

    def cost(self, criterion: str) -> Fact:
        """One of those that cost points: none where it was never applied, can't be decided, or follows."""
        fact = self._plain(criterion)
        if fact.standing in (Standing.NOT_APPLIED.value, Standing.UNDECIDED.value):
            return replace(fact, credit=Credit.FULL)
        cause = self._cause(criterion)
        if fact.credit is not Credit.FULL and cause:
            return replace(fact, credit=Credit.FULL, note=f"it follows from {cause}: no cost")
        return fact

    def _cause(self, criterion: str) -> str:
        """A broken rule from which a breach of this one follows."""
        for one in self._follows.get(criterion, []):
            for name, tally in self._results.items():
                broken = tally.standing in (Standing.FAIL, Standing.WARNING)
                if broken and one in (name, name[0]):
                    return name
        return ""

    def _plain(self, criterion: str) -> Fact:
        if criterion in CHECKS:
            return self._rule(criterion)
        peers = self._peers
        if criterion == PRESENT:
            half = peers.logged >= 2 and 2 * peers.logged >= peers.all
            return _counted(peers.logged, peers.all, "have a log", partial=half)
        done = peers.complete - (peers.all - peers.leechers)
        if criterion == COMPLETION:
            told = "have the complete file"
            return _counted(peers.complete, peers.all, told, partial=done > 0)
        if criterion == EXERCISED:
            told = "download something"
            return _counted(peers.exercised, peers.leechers, told, partial=peers.exercised > 0)
        return self._family(criterion.partition(":")[2])

    def _rule(self, name: str) -> Fact:
        tally = self._results.get(name)
        if tally is None or tally.standing is Standing.NOT_APPLIED:
            why = "never applied in this run"
            return Fact(Standing.NOT_APPLIED.value, Credit.NONE, why)
        note = ""
        if tally.standing is Standing.UNDECIDED:
            note = next(iter(tally.reasons))
            if not tally.exercised:
                note = f"{note}; it was never seen to be kept"
                return Fact(tally.standing.value, Credit.NONE, note)
        elif tally.standing is not Standing.PASS and tally.findings:
            note = tally.findings[0].because
        return Fact(tally.standing.value, CREDITS[tally.standing], note)

    def _family(self, letter: str) -> Fact:
        """Whether any rule of a family was applied."""
        found = [tally for name, tally in self._results.items() if name[0] == letter]
        if any(tally.standing is not Standing.NOT_APPLIED for tally in found):
            return Fact(Standing.PASS.value, Credit.FULL)
        return Fact(Standing.NOT_APPLIED.value, Credit.NONE, f"no rule of {letter} was applied")


def _counted(number: int, most: int, told: str, *, partial: bool) -> Fact:
    """A criterion that so many of all should fulfil."""
    note = f"{number} of {most} {told}"
    if number >= most:
        return Fact(Standing.PASS.value, Credit.FULL, note)
    if partial:
        return Fact(Standing.WARNING.value, Credit.PARTIAL, note)
    return Fact(Standing.FAIL.value, Credit.NONE, note)

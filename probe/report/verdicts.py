"""From the findings of all sessions to one result a case, and from results to root causes."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass, field

from probe.model import Finding, Outcome
from probe.registry import CASES, EXPLAINS, REFUTED_BY, order_of

_RANK = (
    Outcome.BROKEN,
    Outcome.WARNED,
    Outcome.TOLD,
    Outcome.KEPT,
    Outcome.UNDECIDED,
    Outcome.BLOCKED,
    Outcome.UNTRIED,
)
"""Which finding speaks for a case that several sessions answer."""
BAD = frozenset({Outcome.BROKEN, Outcome.WARNED})


@dataclass(slots=True)
class Result:
    """What came of one case over all sessions."""

    case: str
    outcome: Outcome
    findings: list[Finding] = field(default_factory=list)
    """Those that say so, the most telling first."""
    blocked_by: str = ""
    kept_in: list[str] = field(default_factory=list)
    times: tuple[int, int] = (0, 0)
    """In how many of how many repetitions it was found, where there were several."""

    @property
    def bad(self) -> bool:
        """Whether it is to be mended."""
        return self.outcome in BAD


@dataclass(slots=True)
class Root:
    """A cause, with what it explains."""

    result: Result
    explains: list[Result] = field(default_factory=list)
    blocks: list[Result] = field(default_factory=list)


def combine(findings: Iterable[Finding], chosen: Iterable[str]) -> dict[str, Result]:
    """One result for each chosen case, in the protocol's order."""
    by_case: dict[str, list[Finding]] = {case: [] for case in sorted(chosen, key=order_of)}
    for one in findings:
        if one.case in by_case:
            by_case[one.case].append(_level(one))
    results = {case: _result(case, found) for case, found in by_case.items()}
    _block(results)
    return results


def _level(one: Finding) -> Finding:
    """The law's level: only F may be broken, i only tells."""
    level = CASES[one.case].level
    if one.outcome is Outcome.BROKEN and level != "F":
        outcome = Outcome.WARNED if level == "W" else Outcome.TOLD
        return dataclasses.replace(one, outcome=outcome)
    return one


def _result(case: str, found: list[Finding]) -> Result:
    if not found:
        return Result(case, Outcome.UNTRIED)
    found = sorted(
        found, key=lambda one: (_RANK.index(one.outcome), not one.events and not one.lines)
    )
    best = found[0].outcome
    return Result(
        case,
        best,
        [one for one in found if one.outcome is best],
        next((one.blocked_by for one in found if one.blocked_by), "")
        if best is Outcome.BLOCKED
        else "",
        [one.session for one in found if one.outcome is Outcome.KEPT],
    )


def _block(results: dict[str, Result]) -> None:
    """A breach that a needed case's breach explains is blocked by that (rule 2, across sessions)."""
    for result in results.values():
        if not result.bad:
            continue
        for need in CASES[result.case].needs:
            other = results.get(need)
            if other and (other.outcome is Outcome.BROKEN or other.blocked_by):
                result.outcome, result.blocked_by = Outcome.BLOCKED, other.blocked_by or need
                break


def roots(results: dict[str, Result]) -> list[Root]:
    """Root causes, those that explain most first, then in the protocol's order; broken before warned."""
    bad = {case: one for case, one in results.items() if one.bad}
    causes: dict[str, str] = {}
    for case in bad:
        above = next(
            (
                other
                for other in bad
                if case in explained_by(bad[other], results)
                and bad[other].outcome is Outcome.BROKEN
            ),
            "",
        )
        causes[case] = above
    made = {case: Root(one) for case, one in bad.items() if not causes[case]}
    for case, one in bad.items():
        top = _top(case, causes)
        if top in made and top != case:
            made[top].explains.append(one)
        elif top not in made:
            made[case] = Root(one)
    for one in results.values():
        if one.outcome is Outcome.BLOCKED and one.blocked_by:
            top = _top(_origin(one, results), causes)
            if top in made:
                made[top].blocks.append(one)
    return sorted(made.values(), key=_weight)


def explained_by(result: Result, results: dict[str, Result]) -> frozenset[str]:
    """The cases that break as a consequence of this one, given how it broke, unless another refutes that."""
    causes = {one.cause for one in result.findings if one.cause}
    keys = [result.case, *(f"{result.case} {cause}" for cause in causes)]
    keys = [key for key in keys if not _kept(REFUTED_BY.get(key, ""), results)]
    return frozenset(case for key in keys for case in EXPLAINS.get(key, ()))


def _kept(case: str, results: dict[str, Result]) -> bool:
    return case in results and results[case].outcome is Outcome.KEPT


def _origin(one: Result, results: dict[str, Result]) -> str:
    """The case that blocks it, or blocks what blocks it."""
    seen = {one.case}
    while (above := results.get(one.blocked_by)) and above.case not in seen:
        if above.outcome is not Outcome.BLOCKED or not above.blocked_by:
            break
        seen.add(above.case)
        one = above
    return one.blocked_by


def _top(case: str, causes: dict[str, str]) -> str:
    seen = {case}
    while causes.get(case) and causes[case] not in seen:
        case = causes[case]
        seen.add(case)
    return case


def _weight(root: Root) -> tuple[bool, int, tuple[int, str]]:
    warned = root.result.outcome is not Outcome.BROKEN
    return warned, -len(root.explains) - len(root.blocks), order_of(root.result.case)


def combine_all(runs: list[list[Finding]], chosen: Iterable[str]) -> dict[str, Result]:
    """The results of several repetitions: the worst of each case, and in how many it was seen."""
    chosen = list(chosen)
    each = [combine(found, chosen) for found in runs]
    if len(each) == 1:
        return each[0]
    results = {}
    for case in each[0]:
        found = [one[case] for one in each]
        worst = min(found, key=lambda one: _RANK.index(one.outcome))
        if worst.bad:
            worst.times = (sum(one.bad for one in found), len(each))
        results[case] = worst
    return results


def status(
    results: dict[str, Result], *, strict: bool, expected: frozenset[str] = frozenset()
) -> int:
    """The exit status: 1 broken, 3 undecided, 0 nothing of both."""
    open_results = [one for one in results.values() if one.case not in expected]
    worst = BAD if strict else {Outcome.BROKEN}
    if any(one.outcome in worst for one in open_results):
        return 1
    return 3 if any(one.outcome is Outcome.UNDECIDED for one in open_results) else 0

"""The register of checks: what each is called, weighs and needs, and the function that decides it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

from verifier.findings import Severity


class Scope(Enum):
    """What a check is given: one whole log (`View`), all logs' facts (`Case`), or the traces
    beside them (`Traces`).
    """

    LOG = "log"
    SWARM = "swarm"
    TRACE = "trace"


FAMILIES = {
    "F": "form",
    "C": "connections",
    "I": "interest",
    "K": "choking",
    "D": "pieces",
    "H": "have",
    "T": "the end",
    "G": "order and clocks",
    "W": "trace",
}

ORDERS = {
    "-": "no order",
    "L": "line order within one log",
    "F": "first in, first out on a connection",
    "H": "happens-before across logs",
    "Tl": "durations on one machine's clock",
    "Tg": "times of several machines, offsets estimated",
}


@dataclass(frozen=True, slots=True)
class Check:
    """One rule and how it is decided.

    `order` uses the letters of `ORDERS`; `lenient` is the severity with `--lenient`; `example`
    shows what breaks the rule. `reads` are the topics (see `reading.words`) whose lines it needs
    all of, since it concludes from their absence.
    """

    id: str
    name: str
    severity: Severity
    lenient: Severity
    clause: str
    rule: str
    order: str
    needs: str
    example: str
    scope: Scope
    reads: frozenset[str]
    run: Callable[[Any, Any], None]

    @property
    def family(self) -> str:
        """The letter of its family."""
        return self.id[0]

    def weight(self, *, lenient: bool) -> Severity:
        """How much a finding weighs that doesn't bring its own severity."""
        return self.lenient if lenient else self.severity

    @property
    def timed(self) -> bool:
        """Whether it relies on clocks."""
        return "T" in self.order


CHECKS: dict[str, Check] = {}
"""All checks by id, in the catalogue's order once `verifier.rules` is imported."""


def check(
    id: str,  # noqa: A002  # the catalogue's word
    name: str,
    severity: Severity,
    *,
    clause: str,
    rule: str,
    order: str,
    needs: str,
    example: str,
    scope: Scope = Scope.SWARM,
    lenient: Severity | None = None,
    reads: str = "",
) -> Callable[[Callable[[Any, Any], None]], Callable[[Any, Any], None]]:
    """Register the decorated function as a check; `lenient` is its severity when asked for."""

    def register(run: Callable[[Any, Any], None]) -> Callable[[Any, Any], None]:
        assert id not in CHECKS, f"{id} is registered twice"
        CHECKS[id] = Check(
            id,
            name,
            severity,
            severity if lenient is None else lenient,
            clause,
            rule,
            order,
            needs,
            example,
            scope,
            frozenset(reads.split()),
            run,
        )
        return run

    return register


def select(wanted: list[str], ignored: list[str]) -> list[Check]:
    """The checks named by ids or families, less those ignored; KeyError with what isn't known."""
    for name in [*wanted, *ignored]:
        if name not in CHECKS and name not in FAMILIES:
            raise KeyError(name)
    return [
        check
        for check in CHECKS.values()
        if (not wanted or check.id in wanted or check.family in wanted)
        and check.id not in ignored
        and check.family not in ignored
    ]

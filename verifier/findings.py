"""What a check says: findings with their witnesses, tallied per check."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, IntEnum

KEPT = 20
"""Findings and reasons kept of one check and one log; the rest is only counted."""


class Severity(IntEnum):
    """How much a finding weighs: only errors make a run fail."""

    INFO = 0
    WARNING = 1
    ERROR = 2


class Outcome(Enum):
    """The verdict of one check; *not exercised* is never *ok*."""

    OK = "ok"
    VIOLATED = "violated"
    UNKNOWN = "unknown"
    NOT_EXERCISED = "not exercised"


class Standing(Enum):
    """How a rule came out, in the words of the reports for people; the worst first."""

    FAIL = "fail"
    UNDECIDED = "undecided"
    WARNING = "warning"
    PASS = "pass"  # noqa: S105  # no password
    NOT_APPLIED = "not applied"


@dataclass(frozen=True, slots=True)
class Witness:
    """One line of one log: `log` counts the logs under judgement from 0, `line` counts from 1."""

    log: int
    line: int


@dataclass(frozen=True, slots=True)
class Finding:
    """One broken rule: the lines that show it, in causal order, and why they do."""

    because: str
    witnesses: tuple[Witness, ...]
    severity: Severity


@dataclass(slots=True)
class Tally:
    """What one check saw: how often its rule applied, what broke it, what it couldn't tell.

    `severity` is the weight of a finding that doesn't bring its own; `doubts` are logs that this
    check can't rely on, each with the reason: what would be found on them is unknown.
    """

    severity: Severity
    exercised: int = 0
    counts: list[int] = field(default_factory=lambda: [0, 0, 0])
    findings: list[Finding] = field(default_factory=list)
    reasons: dict[str, None] = field(default_factory=dict)
    doubts: dict[int, str] = field(default_factory=dict)

    def saw(self, times: int = 1) -> None:
        """The rule's antecedent occurred."""
        self.exercised += times

    def report(
        self,
        because: str,
        *witnesses: Witness,
        severity: Severity | None = None,
        times: int = 1,
        lacking: int | None = None,
    ) -> None:
        """The rule was broken, `times` times in the same way.

        `lacking` is the log of which something is missing, where no witness stands in it.
        """
        logs = [witness.log for witness in witnesses] if self.doubts else []
        if doubts := [self.doubts[log] for log in (*logs, lacking) if log in self.doubts]:
            self.unsure(doubts[0])
            return
        weight = self.severity if severity is None else severity
        self.counts[weight] += times
        if len(self.findings) < KEPT:
            self.findings.append(
                Finding(because, tuple(w for w in witnesses if w.line > 0), weight)
            )

    def unsure(self, reason: str) -> None:
        """The rule may have been broken, but these logs can't tell, for this reason."""
        if len(self.reasons) < KEPT:
            self.reasons[reason] = None

    def add(self, other: Tally) -> None:
        """Take in what the same check saw elsewhere."""
        self.exercised += other.exercised
        self.counts = [
            mine + theirs for mine, theirs in zip(self.counts, other.counts, strict=True)
        ]
        self.findings.extend(other.findings)
        self.findings.sort(key=lambda finding: -finding.severity)
        del self.findings[KEPT:]
        for reason in other.reasons:
            self.unsure(reason)

    @property
    def standing(self) -> Standing:
        """Failed by an error; a warning is a pass that has something to say."""
        if self.counts[Severity.ERROR]:
            return Standing.FAIL
        if self.counts[Severity.WARNING]:
            return Standing.WARNING
        if self.reasons:
            return Standing.UNDECIDED
        return Standing.PASS if self.exercised else Standing.NOT_APPLIED

    @property
    def outcome(self) -> Outcome:
        """Violated by an error or warning; else unknown, not exercised or ok."""
        if self.counts[Severity.ERROR] or self.counts[Severity.WARNING]:
            return Outcome.VIOLATED
        if self.reasons:
            return Outcome.UNKNOWN
        return Outcome.OK if self.exercised else Outcome.NOT_EXERCISED

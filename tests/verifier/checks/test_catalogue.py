"""The catalogue in docs/invariants.md and the registry say the same.

`python -m tests.verifier.checks.test_catalogue` prints the tables as they should be.
"""

from __future__ import annotations

from pathlib import Path

from verifier.checks.registry import FAMILIES, Scope
from verifier.rules import CHECKS

PAGE = Path(__file__).parents[3] / "docs" / "invariants.md"
HEAD = "| id | name | severity | with `--lenient` | spec | rule | order | needs | broken by |"


def rows(family: str) -> list[str]:
    """A family's rows."""
    return [
        f"| {check.id} | {check.name} | {check.severity.name.lower()}"
        f" | {check.lenient.name.lower()} | {check.clause} | {check.rule} | {check.order}"
        f" | {check.needs} | {check.example} |"
        for check in CHECKS.values()
        if check.family == family
    ]


def tables() -> list[str]:
    """All families' tables."""
    lines: list[str] = []
    for letter, name in FAMILIES.items():
        if rows(letter):
            lines += [f"### {letter}: {name}", "", HEAD, "|---" * 9 + "|", *rows(letter), ""]
    return lines


def test_catalogue_is_current() -> None:
    """Every check stands in docs/invariants.md with the registry's words, and no other does."""
    written = PAGE.read_text().splitlines()
    found = [
        line
        for line in written
        if line.startswith("| ") and line[2] in FAMILIES and line[3].isdigit()
    ]
    assert found == [row for letter in FAMILIES for row in rows(letter)]


def test_numbers_are_without_gaps() -> None:
    """Each family is numbered from 1 without gaps; outside the traces there are 72 checks."""
    for letter in FAMILIES:
        numbers = [int(name[1:]) for name in CHECKS if name[0] == letter]
        assert numbers == list(range(1, len(numbers) + 1))
    assert sum(1 for check in CHECKS.values() if check.scope is not Scope.TRACE) == 72


def test_every_check_is_explained() -> None:
    """Each check has a rule that is a sentence, a docstring that tells how, and a known order."""
    for check in CHECKS.values():
        assert check.rule.endswith("."), check.id
        assert check.example.endswith((".", "`")), check.id
        assert check.run.__doc__, check.id


if __name__ == "__main__":
    print("\n".join(tables()))

"""All cases and sessions by name, and how a selection is read."""

from __future__ import annotations

from collections.abc import Callable

from probe.model import Case, Finding, Plan, Record, Script

CASES: dict[str, Case] = {}
PLANS: dict[str, Plan] = {}
Watch = Callable[[Record], Finding | None]
WATCHES: list[tuple[tuple[str, ...], Watch]] = []
EXPLAINS: dict[str, tuple[str, ...]] = {}
"""For a case that is broken, or one that is so for a certain cause: the cases that then break as a consequence."""

REFUTED_BY: dict[str, str] = {}
"""For a key of `EXPLAINS`: the case that shows by being kept that there are no such consequences."""

FAMILIES = {
    "ST": "start",
    "CF": "configuration",
    "CN": "connections",
    "HS": "handshake",
    "FR": "frames",
    "BF": "bitfield",
    "IN": "interest",
    "RQ": "requests",
    "SV": "serving",
    "HV": "haves",
    "CH": "choking",
    "FI": "files",
    "EN": "end",
    "LG": "log",
    "RB": "robustness",
}
"""In the order of the report."""


class SelectionError(Exception):
    """A name in a selection is none."""


def cases(*made: Case) -> None:
    """Register the cases of a family."""
    for one in made:
        assert one.id not in CASES, one.id
        CASES[one.id] = one


def watch(*ids: str) -> Callable[[Watch], Watch]:
    """Register a passive case: it looks at every lawful session's history."""

    def register(function: Watch) -> Watch:
        WATCHES.append((ids, function))
        return function

    return register


def session(
    name: str,
    peers: str,
    kpm: tuple[int, float, float],
    answers: str,
    *,
    pieces: int = 11,
    piece_size: int = 512,
    last: int = 100,
    **more: object,
) -> Callable[[Script], Script]:
    """Register a session. `peers` are ids in order: `*` has the file, `>` is the program."""

    def register(script: Script) -> Script:
        listed = []
        you = 0
        for word in peers.split():
            number = int(word.strip("*>"))
            if word.startswith(">"):
                you = number
            listed.append((number, word.endswith("*")))
        assert name not in PLANS, name
        about = " ".join((script.__doc__ or "").split())
        PLANS[name] = Plan(
            name, you, tuple(listed), *kpm, pieces, piece_size, last, script,
            tuple(answers.split()), about, **more,  # type: ignore[arg-type]  # the plan's own fields
        )  # fmt: skip
        return script

    return register


def order_of(case: str) -> tuple[int, str]:
    """Where a case stands in the protocol's order."""
    return list(FAMILIES).index(case.partition("-")[0]), case


def answered_by(case: str) -> list[str]:
    """Names of the sessions that answer a case; passive ones are looked at in all lawful ones."""
    return [plan.name for plan in PLANS.values() if case in plan.answers]


def is_passive(case: str) -> bool:
    """Whether a case looks at every lawful session."""
    return any(case in ids for ids, _ in WATCHES)


def select(words: list[str], ignored: list[str]) -> tuple[set[str], set[str]]:
    """The cases that are asked for, and the sessions that answer them; SelectionError."""
    left_out, plans_out = _named([part for word in ignored for part in word.split(",")])
    if not words:
        picked = set(CASES) - left_out
        plans = {name for name, plan in PLANS.items() if picked & set(plan.answers)}
        return picked, plans - plans_out
    asked, plans = _named(words)
    picked = (asked | {case for name in plans for case in PLANS[name].answers}) - left_out
    plans |= {name for name, plan in PLANS.items() if asked & picked & set(plan.answers)}
    if any(is_passive(case) and not answered_by(case) for case in asked & picked):
        plans |= {"serve", "fetch"}
    return picked, plans - plans_out


def _named(words: list[str]) -> tuple[set[str], set[str]]:
    """The cases and the sessions that words name; SelectionError."""
    found: set[str] = set()
    plans: set[str] = set()
    for word in words:
        upper = word.strip().upper()
        if not upper:
            continue
        if upper in CASES:
            found.add(upper)
        elif upper in FAMILIES:
            found |= {one for one in CASES if one.startswith(upper + "-")}
        elif word in PLANS:
            plans.add(word)
        else:
            cited = {one.id for one in CASES.values() if word in one.clause.split(", ")}
            if not cited:
                raise SelectionError(
                    f"{word}: no such case, family, session or clause; families are "
                    + ", ".join(f"{key} ({value})" for key, value in FAMILIES.items())
                )
            found |= cited
    return found, plans

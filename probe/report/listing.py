"""`--list`, `--explain`, and the generated catalogue: all from the registry."""

from __future__ import annotations

from probe.registry import CASES, FAMILIES, PLANS, SelectionError, answered_by, is_passive, order_of

LEVELS = {"F": "broken", "W": "warning", "i": "information"}
WATCHED = "every lawful session"


def sessions_of(case: str) -> str:
    """Where a case is answered, in words."""
    names = answered_by(case)
    if is_passive(case):
        names = [*names, WATCHED]
    return ", ".join(names)


def is_quick(case: str) -> bool:
    """Whether a quick run answers it."""
    return is_passive(case) or any(PLANS[name].quick for name in answered_by(case))


def table() -> str:
    """All cases, a line each, and all sessions."""
    ordered = sorted(CASES.values(), key=lambda one: order_of(one.id))
    lines = [f"{case.id}  {case.level}  {case.clause:<9} {case.rule}" for case in ordered]
    lines += ["", "sessions"]
    lines += [f"  {plan.name:<18} {plan.about}" for plan in PLANS.values()]
    return "\n".join(lines) + "\n"


def explain(name: str) -> str:
    """A case's page."""
    case = CASES.get(name.upper())
    if case is None:
        families = ", ".join(FAMILIES)
        raise SelectionError(f"{name}: no such case; --list names them, families are {families}")
    lines = [
        f"{case.id} ({LEVELS[case.level]}, spec {case.clause})",
        f"rule:      {case.rule}",
        f"mistake:   {case.hint}",
        f"sessions:  {sessions_of(case.id)}",
    ]
    for plan_name in answered_by(case.id):
        plan = PLANS[plan_name]
        lines.append(f"  {plan.name}: {plan.about} You are {plan.you}, k={plan.k} p={plan.p:g} m={plan.m:g}, {plan.pieces} pieces.")  # fmt: skip
    if case.timing:
        lines.append("timing:    void where the machine is too busy")
    return "\n".join(lines) + "\n"

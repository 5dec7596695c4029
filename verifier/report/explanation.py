"""What `--explain` says of a rule."""

from __future__ import annotations

from verifier.checks.registry import ORDERS
from verifier.rules import CHECKS


def explain(name: str) -> str:
    """A check's page."""
    check = CHECKS[name]
    lenient = (
        "" if check.lenient is check.severity else f", {check.lenient.name.lower()} with --lenient"
    )
    orders = "; ".join(ORDERS[letter] for letter in check.order.split(","))
    return (
        f"{check.id} {check.name} ({check.severity.name.lower()}{lenient})\n"
        f"rule:    {check.rule}\n"
        f"clause:  spec {check.clause}\n"
        f"how:     {(check.run.__doc__ or '').splitlines()[0]}\n"
        f"order:   {orders}\n"
        f"needs:   {check.needs}\n"
        f"broken:  {check.example}\n"
    )

"""What is checked in the logs: a module for each family of rules, and the register that they enter.

Importing this package registers them; `verifier.rules` has all rules, those on traces included.
"""

from __future__ import annotations

from verifier.checks import (
    choices,
    choking,
    clocks,
    connections,
    ending,
    form,
    haves,
    interest,
    picks,
    pieces,
    provenance,
    slots,
)

__all__ = [
    "choices",
    "choking",
    "clocks",
    "connections",
    "ending",
    "form",
    "haves",
    "interest",
    "picks",
    "pieces",
    "provenance",
    "slots",
]

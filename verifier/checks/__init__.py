"""The checks, a module for each family; importing this package registers them all."""

from __future__ import annotations

from verifier.checks import (
    chance,
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
    rates,
    slots,
    trace_choices,
    trace_lines,
    trace_messages,
    trace_order,
    trace_requests,
    trace_service,
)
from verifier.checks.registry import CHECKS, FAMILIES

__all__ = [
    "CHECKS",
    "chance",
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
    "rates",
    "slots",
    "trace_choices",
    "trace_lines",
    "trace_messages",
    "trace_order",
    "trace_requests",
    "trace_service",
]

_ORDER = sorted(CHECKS, key=lambda name: (list(FAMILIES).index(name[0]), int(name[1:])))
for _name in _ORDER:
    CHECKS[_name] = CHECKS.pop(_name)

"""All rules in the catalogue's order: importing this module registers every check."""

from __future__ import annotations

from verifier import checks, traces
from verifier.checks.registry import CHECKS, FAMILIES

__all__ = ["CHECKS", "checks", "traces"]

_ORDER = sorted(CHECKS, key=lambda name: (list(FAMILIES).index(name[0]), int(name[1:])))
for _name in _ORDER:
    CHECKS[_name] = CHECKS.pop(_name)

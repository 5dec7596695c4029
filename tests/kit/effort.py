"""How hard a search tries: the quick profile takes seconds, the thorough one ten times the examples."""

from __future__ import annotations

import os

from hypothesis import settings

THOROUGH_TIMES = 10
"""How many times as many examples the thorough profile tries."""


def thorough() -> bool:
    """Whether the thorough profile was asked for; `tests/conftest.py` sets it for --thorough too."""
    return os.environ.get("SWARMPROOF_THOROUGH") == "1"


def examples(quick: int) -> int:
    """The number of examples under the present profile."""
    return quick * THOROUGH_TIMES if thorough() else quick


def register_profiles() -> None:
    """Make hypothesis' profiles known, and use the present one.

    `quick` tries the same examples each time, so that a pass in one place is a pass everywhere;
    `thorough` tries new ones, and a failure prints how to see it again.
    """
    settings.register_profile("quick", derandomize=True, deadline=None, print_blob=True)
    settings.register_profile("thorough", max_examples=1000, deadline=None, print_blob=True)
    settings.load_profile("thorough" if thorough() else "quick")

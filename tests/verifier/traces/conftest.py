"""What the tests of traces share."""

from __future__ import annotations

import pytest

from tests.kit.verifier.traced import TracedRun, good_traces


@pytest.fixture
def run() -> TracedRun:
    """A correct run of a seed and four leechers, for a test to edit."""
    return good_traces()

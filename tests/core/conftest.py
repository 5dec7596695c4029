"""What the conversations of the core share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.kit.script import Script


@pytest.fixture(autouse=True)
def every_script_is_played() -> Iterator[None]:
    """A script that nobody asks for its truth proves nothing: its test fails."""
    yield
    left = len(Script.unplayed)
    Script.unplayed.clear()
    assert not left, "a script was written and not played: it needs `assert script` at its end"

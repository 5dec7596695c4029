"""What the tests on hosts in miniature share."""

from __future__ import annotations

import pytest

from tests.kit.hosts.needs import missing


@pytest.fixture(autouse=True)
def _hosts_can_be_made() -> None:
    """Skip, and say why, where this machine can't have hosts in miniature."""
    if reason := missing():
        pytest.skip(reason)

"""What all tests share: long ones run only when asked for, and searches are as deep as asked for."""

from __future__ import annotations

import logging
import os
from typing import Any

import pytest

from tests.kit.effort import register_profiles

# Their assertions show values, as those of tests do.
pytest.register_assert_rewrite("tests.kit.stateful.life", "tests.kit.stateful.referee")

# It warns of methods that our machines define on purpose; those lines would bury a failing test's own.
logging.getLogger("transitions").setLevel(logging.ERROR)


TOGETHER = {
    "tests/verifier/checks/test_matrix.py": "matrix",
    "tests/verifier/grading/test_losses.py": "matrix",
    "tests/door/test_pyz.py": "pyz",
}
"""Files whose tests share something dear, and so run one after the other in one process."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--thorough",
        action="store_true",
        default=os.environ.get("SWARMPROOF_THOROUGH") == "1",
        help="also run the tests marked `thorough` (or set SWARMPROOF_THOROUGH=1)",
    )


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--thorough"):
        os.environ["SWARMPROOF_THOROUGH"] = "1"
    register_profiles()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--thorough"):
        return
    skip = pytest.mark.skip(reason="thorough: runs with --thorough or SWARMPROOF_THOROUGH=1")
    for item in items:
        if item.get_closest_marker("thorough"):
            item.add_marker(skip)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Share the tests out one by one, but for those that belong together.

    The plugin's own marks for this do nothing under pytest 9.2 (pytest-xdist 3.8).
    """
    from xdist.scheduler import LoadScopeScheduling  # noqa: PLC0415  # only where it is in use

    class Scheduling(LoadScopeScheduling):  # type: ignore[misc]  # it ships no types
        def _split_scope(self, nodeid: str) -> str:
            return TOGETHER.get(nodeid.partition("::")[0], nodeid)

    return Scheduling(config, log)

"""`peerio.program.limits`: what the system doesn't give is told in one message (spec 7.4)."""

from __future__ import annotations

import errno
import os
import resource

import pytest

from peerio.program import limits
from peerio.program.limits import LimitError, ensure_descriptors, explain_shortage


@pytest.fixture
def allowed(monkeypatch: pytest.MonkeyPatch) -> dict[str, tuple[int, int]]:
    """The limit of open files, as a fake system has it."""
    limit = {"now": (64, 256)}

    def setrlimit(_: int, values: tuple[int, int]) -> None:
        if values[0] > values[1] != resource.RLIM_INFINITY:
            raise ValueError("current limit exceeds maximum limit")
        limit["now"] = values

    monkeypatch.setattr(resource, "getrlimit", lambda _: limit["now"])
    monkeypatch.setattr(resource, "setrlimit", setrlimit)
    return limit


@pytest.mark.parametrize(
    ("before", "peers", "after"),
    [
        ((1024, 4096), 100, (1024, 4096)),
        ((64, 4096), 100, (252, 4096)),
        ((64, 200), 100, (200, 200)),
        ((64, resource.RLIM_INFINITY), 1000, (1152, resource.RLIM_INFINITY)),
        ((resource.RLIM_INFINITY, resource.RLIM_INFINITY), 10**6, (resource.RLIM_INFINITY,) * 2),
    ],
)
def test_the_limit_is_raised(
    allowed: dict[str, tuple[int, int]], before: tuple[int, int], peers: int, after: tuple[int, int]
) -> None:
    """The limit of open files is raised, where it may be, for all peers and for strangers (spec 7.4)."""
    allowed["now"] = before
    ensure_descriptors(peers)
    assert allowed["now"] == after


def test_the_limit_is_too_low(allowed: dict[str, tuple[int, int]]) -> None:
    """Where it can't be raised far enough, what is needed is told, and why (spec 7.4)."""
    allowed["now"] = (16, 100)
    with pytest.raises(LimitError) as caught:
        ensure_descriptors(100)
    assert str(caught.value) == (
        "only 100 open files are allowed: expected at least 124, which is 24 and one for each of "
        "100 peers; raise the limit (`ulimit -n`)"
    )


def test_a_system_without_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there are no such limits nothing is asked for."""
    monkeypatch.setattr(limits, "resource", None)
    ensure_descriptors(10**9)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(errno.EMFILE, os.strerror(errno.EMFILE)), "ulimit -n"),
        (OSError(errno.ENFILE, os.strerror(errno.ENFILE)), "system has too many open files"),
        (OSError(errno.ENOMEM, os.strerror(errno.ENOMEM)), "memory"),
        (MemoryError(), "larger pieces or fewer peers"),
        (RuntimeError("can't start new thread"), "ulimit -u"),
    ],
)
def test_shortages_are_explained(error: Exception, words: str) -> None:
    """A shortage of the system is told as such, with the limit to raise (spec 7.4)."""
    message = explain_shortage(error)
    assert message is not None
    assert words in message


@pytest.mark.parametrize("error", [None, OSError(errno.ENOENT, "x"), RuntimeError("x"), KeyError()])
def test_other_errors_are_not(error: Exception | None) -> None:
    """Anything else isn't blamed on the system."""
    assert explain_shortage(error) is None

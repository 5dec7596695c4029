"""What the verifier tells while it works."""

from __future__ import annotations

from io import StringIO
from typing import TYPE_CHECKING

from tests.kit.verifier.traced import good_traces
from verifier.api import verify
from verifier.judge import Options
from verifier.showing import Teller

if TYPE_CHECKING:
    from pathlib import Path


class _Terminal(StringIO):
    def isatty(self) -> bool:
        return True


def test_each_trace_is_told(tmp_path: Path) -> None:
    """Before logs, each trace and each check are read or run, that is told."""
    told: list[str] = []
    verify([good_traces().write(tmp_path)], Options(told=told.append))
    traces = [text for text in told if text.startswith("reading trace")]
    assert [text.partition(",")[0] for text in traces] == [
        f"reading trace {number} of 5" for number in range(1, 6)
    ]
    assert told[0].startswith("reading 5 logs")
    assert any(one.startswith("checking W16, sent-before-received (") for one in told)


def test_only_a_terminal_is_told() -> None:
    """A terminal has one line, written over and cleared in the end; a file or a pipe has nothing."""
    terminal, file = _Terminal(), StringIO()
    for stream in (terminal, file):
        tell = Teller(stream)
        tell("first")
        tell("second" * 30)
        tell.clear()
    assert file.getvalue() == ""
    lines = terminal.getvalue().split("\r")[1:]
    assert lines == ["first\x1b[K", ("second" * 30)[:79] + "\x1b[K", "\x1b[K"]
